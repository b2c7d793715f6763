//! Owns the desert: dunes with a lit and a shaded flank, pyramids far away.

use super::{Spot, across, ground, height_at, top_of};
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::{Chance, Contour};
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;
use crate::sandbox::drawing::sky::{self, Light};

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let horizon = canvas.height * chance.between(0.54, 0.62);
    let mut light = Light::above(canvas, look, chance, horizon, (0.25, 0.6));
    light.radius *= 1.2;
    sky::paint(canvas, look, chance, horizon, light);
    if chance.odds(0.6) {
        pyramids(canvas, look, chance, horizon, light);
    }
    let mut spot = Spot { feet: (0.0, 0.0), height: canvas.size(0.34) };
    for dune in 0_u8..5 {
        let line = paint_dune(canvas, look, chance, (horizon, light), f32::from(dune) / 4.0);
        if dune == 3 {
            let x = canvas.width * chance.between(0.3, 0.7);
            spot.feet = (x, height_at(&line, x) + canvas.size(0.02));
        }
    }
    spot
}

/// Sand that is warm by day whatever the mood.
fn sand(look: &Look, nearness: f32) -> Colour {
    let warm = Colour::hex(0xf7_cb84).mix(Colour::hex(0x94_4a22), nearness);
    let share = if look.palette.dark { 0.25 } else { 0.74 };
    look.palette.land(nearness * 0.75).mix(warm, share)
}

fn pyramids(canvas: &mut Canvas, look: &Look, chance: &mut Chance, horizon: f32, light: Light) {
    let lit = sand(look, 0.12).mix(look.palette.horizon(), 0.3);
    let mut x = canvas.width * chance.between(0.1, 0.5);
    for _ in 0..chance.count(1, 3) {
        let tall = canvas.size(chance.between(0.1, 0.24));
        let base = horizon + canvas.size(0.04);
        let (top, half) = ((x, base - tall), tall * 0.85);
        let edge = (x + light.side(canvas) * -half * 0.3, base);
        let (left, right) = ((x - half, base), (x + half, base));
        canvas.fill(outline::polygon(&[left, top, right]), &Ink::flat(lit));
        let shaded = if light.side(canvas) < 0.0 { right } else { left };
        let shade = Ink::flat(lit.darker(0.3));
        canvas.fill(outline::polygon(&[edge, top, shaded]), &shade);
        x += tall * chance.between(1.2, 2.2);
    }
}

/// A dune; its crest winds down towards the viewer and parts light from shade.
fn paint_dune(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    (horizon, light): (f32, Light),
    nearness: f32,
) -> Vec<(f32, f32)> {
    let contour = Contour::new(chance);
    let base = horizon + (canvas.height - horizon) * (0.06 + 0.72 * nearness * nearness);
    let (height, length) = (canvas.size(0.05 + 0.1 * nearness), canvas.size(0.3 + 0.35 * nearness));
    let line = across(canvas, |x| base - height * contour.rough(x / length, 2));
    let lit = sand(look, 0.1 + 0.5 * nearness).mix(look.palette.light, 0.12);
    let dim = sand(look, 0.35 + 0.5 * nearness);
    let top = top_of(&line);
    let stops = [(0.0, lit), (1.0, dim)];
    ground(canvas, &line, canvas.height, &Ink::down(top, top + canvas.size(0.42), &stops));
    let side = light.side(canvas);
    let mirrored: Vec<_> = line.iter().rev().copied().collect();
    let walk = if side < 0.0 { &line } else { &mirrored };
    let shade = dim.darker(0.34).mix(look.palette.land(1.0), 0.15);
    let mut rest = walk.as_slice();
    while let Some(start) = rest.windows(2).position(falls) {
        let (_, slope) = rest.split_at(start);
        let length = slope.windows(2).take_while(|pair| falls(pair)).count();
        let (flank, after) = slope.split_at(length + 1);
        shade_flank(canvas, flank, shade);
        rest = after;
    }
    line
}

/// Whether a line goes down here.
fn falls(pair: &[(f32, f32)]) -> bool {
    matches!(pair, [from, to] if to.1 > from.1)
}

/// Shade from a crest down its far flank. Its edge winds towards the viewer like a wind-blown ridge,
/// and it fades out before the next dune begins.
fn shade_flank(canvas: &mut Canvas, flank: &[(f32, f32)], shade: Colour) {
    let (Some(crest), Some(foot)) = (flank.first(), flank.last()) else { return };
    if (foot.1 - crest.1) < canvas.size(0.006) {
        return;
    }
    let run = foot.0 - crest.0;
    let deep = run.abs() * 0.75;
    let mut points: Vec<_> = flank.to_vec();
    points.push((foot.0, crest.1 + deep));
    for step in (0_u8..=20).rev() {
        let down = f32::from(step) / 20.0;
        let swing = libm::sinf(down * 5.2) * run * 0.15 * (1.0 - down * 0.4);
        points.push((crest.0 - swing + run * down * down * 0.5, crest.1 + deep * down));
    }
    let stops = [(0.0, shade.faint(0.8)), (0.35, shade.faint(0.6)), (0.72, shade.faint(0.0))];
    let ink = Ink::fade(*crest, (foot.0, crest.1 + deep), &stops);
    canvas.fill(outline::polygon(&points), &ink);
}
