//! Owns the mark in the corner, so that nobody takes a sandbox picture for the work of a model.

use tiny_skia::PathBuilder;

use super::canvas::{Canvas, Ink};
use super::colour::Colour;
use super::outline;

/// The letters of SANDBOX as strokes on a grid, 4 wide and 6 high.
const LETTERS: [&[&[(f32, f32)]]; 7] = [
    &[&[
        (4.0, 1.0),
        (3.0, 0.0),
        (1.0, 0.0),
        (0.0, 1.0),
        (0.0, 2.0),
        (1.0, 3.0),
        (3.0, 3.0),
        (4.0, 4.0),
        (4.0, 5.0),
        (3.0, 6.0),
        (1.0, 6.0),
        (0.0, 5.0),
    ]],
    &[&[(0.0, 6.0), (2.0, 0.0), (4.0, 6.0)], &[(0.7, 4.0), (3.3, 4.0)]],
    &[&[(0.0, 6.0), (0.0, 0.0), (4.0, 6.0), (4.0, 0.0)]],
    &[&[(0.0, 0.0), (0.0, 6.0), (2.5, 6.0), (4.0, 4.5), (4.0, 1.5), (2.5, 0.0), (0.0, 0.0)]],
    &[
        &[(0.0, 0.0), (0.0, 6.0), (3.0, 6.0), (4.0, 5.0), (4.0, 4.0), (3.0, 3.0), (0.0, 3.0)],
        &[(0.0, 0.0), (2.8, 0.0), (3.7, 0.9), (3.7, 2.1), (3.0, 3.0)],
    ],
    &[&[
        (1.5, 0.0),
        (0.0, 1.5),
        (0.0, 4.5),
        (1.5, 6.0),
        (2.5, 6.0),
        (4.0, 4.5),
        (4.0, 1.5),
        (2.5, 0.0),
        (1.5, 0.0),
    ]],
    &[&[(0.0, 0.0), (4.0, 6.0)], &[(4.0, 0.0), (0.0, 6.0)]],
];

/// From one letter to the next, in steps of the grid.
const ADVANCE: f32 = 6.0;
/// The width of the word.
const WIDTH: f32 = ADVANCE * 7.0 - 2.0;
const HEIGHT: f32 = 6.0;

/// Writes the word in the lower right corner, on a veil that keeps it legible.
pub(super) fn paint(canvas: &mut Canvas) {
    let step = (canvas.unit * 0.002_3).max(0.9);
    let margin = step * 6.0;
    let left = canvas.width - margin - WIDTH * step;
    let top = canvas.height - margin - HEIGHT * step;
    let pad = step * 3.5;
    let veil = outline::rounded(
        left - pad,
        top - pad,
        WIDTH * step + pad * 2.0,
        HEIGHT * step + pad * 2.0,
        pad * 1.6,
    );
    canvas.fill(veil, &Ink::flat(Colour::BLACK.faint(0.32)));
    let mut word = PathBuilder::new();
    for (place, letter) in (0_u8..).zip(LETTERS) {
        let left = left + f32::from(place) * ADVANCE * step;
        for strokes in letter {
            for (index, (x, y)) in strokes.iter().enumerate() {
                let (x, y) = (left + x * step, top + y * step);
                if index == 0 { word.move_to(x, y) } else { word.line_to(x, y) }
            }
        }
    }
    canvas.stroke(word.finish(), step * 0.95, &Ink::flat(Colour::WHITE.faint(0.85)));
}
