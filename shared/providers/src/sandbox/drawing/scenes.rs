//! Owns the scenes: each paints the whole picture and says where in it a figure may stand.

mod city;
mod cosmos;
mod desert;
mod forest;
mod garden;
mod geometry;
mod mountains;
mod ribbons;
mod sea;
mod stage;

use super::Look;
use super::brief::Scene;
use super::canvas::{Canvas, Ink};
use super::chance::{Chance, Contour};
use super::outline;

/// Where a figure may stand.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub(super) feet: (f32, f32),
    /// How tall it is there.
    pub(super) height: f32,
}

/// Paints the scene of the brief.
pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let paint = match look.brief.scene {
        Scene::Mountains => mountains::paint,
        Scene::Sea => sea::paint,
        Scene::City => city::paint,
        Scene::Forest => forest::paint,
        Scene::Garden => garden::paint,
        Scene::Cosmos => cosmos::paint,
        Scene::Desert => desert::paint,
        Scene::Stage => stage::paint,
        Scene::Geometry => geometry::paint,
        Scene::Ribbons => ribbons::paint,
    };
    paint(canvas, look, chance)
}

/// The line of a hill: how high it is and how long its swings are, as shares of the shorter side.
#[derive(Clone, Copy)]
struct Hill {
    base: f32,
    height: f32,
    length: f32,
    octaves: usize,
}

impl Hill {
    /// Its points from the left edge to the right.
    fn line(self, canvas: &Canvas, chance: &mut Chance) -> Vec<(f32, f32)> {
        let contour = Contour::new(chance);
        let (height, length) = (canvas.size(self.height), canvas.size(self.length).max(1.0));
        across(canvas, |x| self.base - height * (contour.rough(x / length, self.octaves) + 0.3))
    }
}

/// Points every few pixels from the left edge to the right.
fn across(canvas: &Canvas, height: impl Fn(f32) -> f32) -> Vec<(f32, f32)> {
    let step = (canvas.unit / 320.0).max(1.0);
    let count = (canvas.width / step) as usize + 2;
    (0..=count)
        .map(|index| {
            let x = (index as f32 - 0.5) * step;
            (x, height(x))
        })
        .collect()
}

/// Fills what is below a line, down to where something else covers it anyhow.
fn ground(canvas: &mut Canvas, line: &[(f32, f32)], bottom: f32, ink: &Ink) {
    let bottom = bottom.min(canvas.height) + 1.0;
    let ends =
        line.last().zip(line.first()).map(|(last, first)| [(last.0, bottom), (first.0, bottom)]);
    let points: Vec<_> = line.iter().copied().chain(ends.into_iter().flatten()).collect();
    canvas.fill(outline::polygon(&points), ink);
}

/// How high a line is at a place.
fn height_at(line: &[(f32, f32)], x: f32) -> f32 {
    let right = line.partition_point(|point| point.0 < x);
    line.get(right).or(line.last()).map_or(0.0, |point| point.1)
}

/// The highest point of a line.
fn top_of(line: &[(f32, f32)]) -> f32 {
    line.iter().map(|point| point.1).fold(f32::INFINITY, f32::min)
}
