//! The one source of chance in a run. Everything that a seed decides is drawn from it, in an order that
//! follows from the seed, so that the same seed is the same run.

use std::{ops::RangeInclusive, time::Duration};

/// Draws from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(fastrand::Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A source of its own, so that what one part draws does not shift what another does.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// Yes, so many times in a thousand.
    pub(crate) fn permille(&mut self, times: u32) -> bool {
        times > 0 && self.0.u32(0..1_000) < times
    }

    pub(crate) fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.u64(range)
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        if length == 0 { 0 } else { self.0.usize(..length) }
    }

    /// So many milliseconds.
    pub(crate) fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.0.u64(range))
    }

    /// The first of `count` things is taken about as often as all others together, the second as often as
    /// all behind it, and so on: a few are busy, most are not.
    pub(crate) fn skewed(&mut self, count: usize) -> usize {
        (0..count.saturating_sub(1)).find(|_| self.0.bool()).unwrap_or(count.saturating_sub(1))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}
