//! Owns everything that is left to chance, which here is nothing: each draw follows from the prompt
//! and the seed, with the same figures on every machine.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of choices that the prompt and the seed decide.
pub(super) struct Chance(Pcg64);

impl Chance {
    /// What belongs to the prompt alone, whatever the seed: its scene and its palette.
    pub(super) fn of_prompt(prompt: &str) -> Self {
        Self::from_digest(Sha256::new().chain_update(b"prompt\0").chain_update(prompt))
    }

    /// What the seed varies: where things are, and how they are shaped.
    pub(super) fn of_seed(prompt: &str, seed: u64) -> Self {
        let digest = Sha256::new().chain_update(b"seed\0").chain_update(seed.to_be_bytes());
        Self::from_digest(digest.chain_update(prompt))
    }

    fn from_digest(digest: Sha256) -> Self {
        Self(Pcg64::from_seed(digest.finalize().into()))
    }

    /// A number from 0 (included) to 1 (excluded), one of 2^24.
    pub(super) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// A number between two others.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn count(&mut self, low: usize, high: usize) -> usize {
        low + (self.unit() * (high - low + 1) as f32) as usize
    }

    /// True in that share of the cases.
    pub(super) fn odds(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// One of two directions.
    pub(super) fn sign(&mut self) -> f32 {
        if self.odds(0.5) { 1.0 } else { -1.0 }
    }

    /// One of the choices.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        const { assert!(N > 0, "there is something to pick") };
        #[expect(clippy::indexing_slicing, reason = "the count ends before N")]
        choices[self.count(0, N - 1)]
    }
}

/// A smooth random line: what ridges, waves and dunes follow.
pub(super) struct Contour {
    heights: Vec<f32>,
}

impl Contour {
    const LENGTH: usize = 256;

    /// A new line; it repeats after 256 steps.
    pub(super) fn new(chance: &mut Chance) -> Self {
        Self { heights: (0..Self::LENGTH).map(|_| chance.between(-1.0, 1.0)).collect() }
    }

    /// Its height, -1 to 1, at any place; one swing is about two steps long.
    pub(super) fn at(&self, place: f32) -> f32 {
        let step = place.floor();
        let within = place - step;
        let ease = within * within * (3.0 - 2.0 * within);
        let (left, right) = (self.height(step), self.height(step + 1.0));
        left + (right - left) * ease
    }

    /// The sum of ever finer and flatter swings, still about -1 to 1.
    pub(super) fn rough(&self, place: f32, octaves: usize) -> f32 {
        let (mut sum, mut weight, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
        for _ in 0..octaves {
            sum += self.at(place * scale + 17.3 * scale) * weight;
            total += weight;
            weight *= 0.5;
            scale *= 2.03;
        }
        sum / total
    }

    /// Sharp crests with wide valleys, 0 to 1: mountains.
    pub(super) fn jagged(&self, place: f32, octaves: usize) -> f32 {
        let (mut sum, mut weight, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
        for _ in 0..octaves {
            sum += (1.0 - self.at(place * scale + 31.7 * scale).abs()) * weight;
            total += weight;
            weight *= 0.42;
            scale *= 2.17;
        }
        sum / total
    }

    fn height(&self, step: f32) -> f32 {
        let place = step.rem_euclid(Self::LENGTH as f32) as usize;
        self.heights.get(place).copied().unwrap_or(0.0)
    }
}
