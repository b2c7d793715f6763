//! Owns the hourglass: brass, glass, and the sand that is on its way.

use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::Chance;
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline::{both_sides, line, oval, polygon, rounded};

/// The neck is halfway up.
const NECK: f32 = -0.5;
const TOP: f32 = -0.92;
const BOTTOM: f32 = -0.08;

/// Half the width of the glass at a height.
fn half_width(y: f32) -> f32 {
    let away = ((y - NECK).abs() / (BOTTOM - NECK)).min(1.0);
    // A bulb: quickly wide beyond the neck, drawn in a little at the plate.
    let bulb = libm::sinf(away * 1.81);
    0.016 + 0.225 * bulb * bulb
}

/// The right half of the inside between two heights, a little smaller than the glass.
fn inside(from: f32, to: f32) -> Vec<(f32, f32)> {
    (0_u8..=24)
        .map(|step| {
            let y = from + (to - from) * f32::from(step) / 24.0;
            ((half_width(y) - 0.012).max(0.006), y)
        })
        .collect()
}

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) {
    let [first, second, ..] = look.palette.accents;
    let sand = look.brief.dye().unwrap_or(first);
    let left = chance.between(0.25, 0.75);
    canvas.glow((0.0, NECK), 0.62, sand, 0.4);
    let brass = second.mix(Colour::hex(0xb8_863b), 0.55);
    for side in [-1.0, 1.0] {
        post(canvas, 0.285 * side, brass.darker(0.15));
    }
    glass_back(canvas);
    sand_above(canvas, sand, left);
    sand_below(canvas, sand, 1.0 - left);
    glass_front(canvas);
    for (top, height) in [(-1.0, 0.075), (-0.075, 0.075)] {
        plate(canvas, top, height, brass);
    }
}

/// The plates hold the glass.
fn plate(canvas: &mut Canvas, top: f32, height: f32, brass: Colour) {
    let stops = [
        (0.0, brass.darker(0.6)),
        (0.3, brass.lighter(0.45)),
        (0.55, brass),
        (1.0, brass.darker(0.7)),
    ];
    let ink = Ink::fade((-0.35, 0.0), (0.35, 0.0), &stops);
    canvas.fill(rounded(-0.35, top, 0.7, height, 0.025), &ink);
    canvas
        .fill(rounded(-0.33, top + 0.008, 0.66, 0.01, 0.005), &Ink::flat(Colour::WHITE.faint(0.3)));
}

/// Turned posts carry the upper plate.
fn post(canvas: &mut Canvas, x: f32, brass: Colour) {
    let stops = [(0.0, brass.darker(0.5)), (0.4, brass.lighter(0.4)), (1.0, brass.darker(0.6))];
    let ink = Ink::fade((x - 0.025, 0.0), (x + 0.025, 0.0), &stops);
    canvas.fill(rounded(x - 0.016, -0.95, 0.032, 0.9, 0.01), &ink);
    for y in [-0.86, -0.5, -0.14] {
        canvas.fill(oval((x, y), 0.028, 0.035), &ink);
    }
}

fn glass() -> Vec<(f32, f32)> {
    let right: Vec<_> = (0_u8..=48)
        .map(|step| {
            let y = TOP + (BOTTOM - TOP) * f32::from(step) / 48.0;
            (half_width(y), y)
        })
        .collect();
    both_sides(&right)
}

fn glass_back(canvas: &mut Canvas) {
    let pane = Colour::hex(0xcf_e8ef);
    let stops = [
        (0.0, pane.faint(0.42)),
        (0.25, pane.faint(0.12)),
        (0.75, pane.faint(0.08)),
        (1.0, pane.faint(0.36)),
    ];
    let ink = Ink::fade((-0.24, 0.0), (0.24, 0.0), &stops);
    canvas.fill(polygon(&glass()), &ink);
}

fn glass_front(canvas: &mut Canvas) {
    let mut rim = glass();
    rim.extend(rim.first().copied());
    canvas.stroke(line(&rim), 0.007, &Ink::flat(Colour::WHITE.faint(0.5)));
    for (top, bottom) in [(-0.84, -0.62), (-0.3, -0.15)] {
        let edge = |y: f32, share: f32| (-half_width(y) * share, y);
        let steps = (0_u8..=10).map(|step| top + (bottom - top) * f32::from(step) / 10.0);
        let outer = steps.clone().map(|y| edge(y, 0.86));
        let inner = steps.rev().map(|y| {
            let middle = ((y - top) / (bottom - top) - 0.5).abs() * 2.0;
            edge(y, 0.86 - 0.2 * (1.0 - middle * middle))
        });
        let shine: Vec<_> = outer.chain(inner).collect();
        canvas.fill(polygon(&shine), &Ink::flat(Colour::WHITE.faint(0.5)));
    }
}

fn ink(sand: Colour) -> Ink {
    let stops = [
        (0.0, sand.darker(0.35)),
        (0.35, sand.lighter(0.3)),
        (0.65, sand),
        (1.0, sand.darker(0.45)),
    ];
    Ink::fade((-0.22, 0.0), (0.22, 0.0), &stops)
}

/// What has yet to fall, with the hollow it falls from.
fn sand_above(canvas: &mut Canvas, sand: Colour, share: f32) {
    let level = NECK - 0.12 - 0.2 * share;
    let right = inside(level, NECK);
    let rim = right.first().map_or(0.1, |point| point.0);
    canvas.fill(polygon(&both_sides(&right)), &ink(sand));
    canvas.fill(oval((0.0, level), rim, rim * 0.16), &Ink::flat(sand.lighter(0.28)));
    canvas.fill(oval((0.0, level + 0.008), rim * 0.45, rim * 0.07), &Ink::flat(sand.darker(0.25)));
}

/// What has fallen, in a heap, and the thread of grains above it.
fn sand_below(canvas: &mut Canvas, sand: Colour, share: f32) {
    let level = BOTTOM - 0.05 - 0.1 * share;
    let peak = level - 0.06 - 0.07 * share;
    let right = inside(level, BOTTOM);
    let heap: Vec<_> = [(0.0, peak), (0.03, peak + 0.012)].into_iter().chain(right).collect();
    canvas.fill(polygon(&both_sides(&heap)), &ink(sand));
    let thread = Ink::flat(sand.lighter(0.35));
    canvas.stroke(line(&[(0.0, NECK - 0.02), (0.0, peak + 0.01)]), 0.011, &thread);
    for (grain, side) in (1_u8..9).zip([-1.0, 1.0].into_iter().cycle()) {
        let fall = f32::from(grain) / 9.0;
        let y = peak + 0.02 + (level - peak) * fall * 0.5;
        canvas.disc((side * 0.1 * fall, y), 0.006, &thread);
    }
}
