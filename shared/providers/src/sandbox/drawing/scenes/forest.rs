//! Owns the forest: rows of pines that step out of the mist, rays of light, a clearing.

use tiny_skia::PathBuilder;

use super::{Hill, Spot, ground, height_at, top_of};
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::brief::Weather;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::Chance;
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;
use crate::sandbox::drawing::sky::{self, Light};

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let horizon = canvas.height * 0.72;
    let light = Light::above(canvas, look, chance, horizon, (0.48, 0.72));
    sky::paint(canvas, look, chance, horizon, light);
    let snowy = look.brief.weather == Weather::Snow;
    for row in 0_u8..5 {
        let nearness = f32::from(row) / 4.0;
        paint_row(canvas, look, chance, nearness, snowy);
        if row == 2 {
            rays(canvas, look, chance, light);
        }
    }
    let spot = clearing(canvas, look, chance, snowy);
    frame(canvas, look, chance);
    if look.palette.dark {
        fireflies(canvas, look, chance);
    }
    spot
}

/// A row of trees on its own ground, with mist at its feet.
fn paint_row(canvas: &mut Canvas, look: &Look, chance: &mut Chance, nearness: f32, snowy: bool) {
    let base = canvas.height * (0.6 + 0.2 * nearness);
    let line = Hill { base, height: 0.05, length: 0.5, octaves: 2 }.line(canvas, chance);
    let colour = look.palette.land(0.1 + 0.72 * nearness);
    let tall = canvas.height * (0.16 + 0.24 * nearness);
    let (mut path, mut x) = (PathBuilder::new(), -canvas.size(0.02));
    let mut crowns = [PathBuilder::new(), PathBuilder::new(), PathBuilder::new()];
    let open = if look.palette.leafy { 0.72 } else { 0.45 };
    while x < canvas.width * 1.02 {
        // The middle stays open, so that there is somewhere to look.
        let aside = ((x / canvas.width - 0.5).abs() * 2.4).min(1.0);
        let height =
            tall * chance.between(0.55, 1.05) * (open + (1.0 - open) * aside.max(1.0 - nearness));
        if height > 1.0 {
            let foot = (x, height_at(&line, x) + height * 0.06);
            if look.palette.leafy && chance.odds(0.8) {
                let [first, second, third] = &mut crowns;
                let crown = match chance.count(0, 2) {
                    0 => first,
                    1 => second,
                    _ => third,
                };
                outline::push_crown(crown, &mut path, foot, height * 0.8, chance);
            } else {
                outline::push_pine(&mut path, foot, height, chance);
            }
        }
        x += (tall * chance.between(0.12, 0.26) * (1.0 + 0.5 * nearness)).max(1.0);
    }
    let mist = look.palette.horizon();
    let foot = colour.mix(mist, 0.75 * (1.0 - nearness));
    let top = base - tall;
    let stops = [(0.0, colour), (0.5, colour), (1.0, foot)];
    canvas.fill(path.finish(), &Ink::down(top, base, &stops));
    for (crown, leaf) in crowns.into_iter().zip(look.palette.accents) {
        let leaf = colour.mix(leaf, 0.35 + 0.4 * nearness).mix(mist, 0.4 * (1.0 - nearness));
        let stops = [(0.0, leaf.lighter(0.12)), (1.0, leaf.darker(0.25))];
        canvas.fill(crown.finish(), &Ink::down(base - tall * 0.8, base - tall * 0.2, &stops));
    }
    let soil = if snowy { Colour::WHITE.mix(colour, 0.25 + 0.1 * nearness) } else { foot };
    let stops = [(0.0, soil), (1.0, soil.mix(colour, 0.4))];
    let floor = base + canvas.height * 0.22;
    ground(canvas, &line, floor, &Ink::down(top_of(&line), base + canvas.size(0.2), &stops));
    let (top, opacity) = (base - tall * 0.4, 0.55 * (1.0 - nearness));
    let stops = [(0.0, mist.faint(0.0)), (0.7, mist.faint(opacity)), (1.0, mist.faint(0.0))];
    let bottom = base + canvas.size(0.1);
    canvas.wash(top, bottom, &stops);
}

/// Light falling through the trees.
fn rays(canvas: &mut Canvas, look: &Look, chance: &mut Chance, light: Light) {
    let colour = look.palette.light;
    for _ in 0..chance.count(5, 8) {
        let turn = 0.5 + chance.between(-0.13, 0.13);
        let width = chance.between(0.006, 0.016);
        let reach = canvas.height;
        let left = outline::around(light.centre, reach, turn - width);
        let right = outline::around(light.centre, reach, turn + width);
        let stops = [(0.0, colour.faint(0.2)), (0.75, colour.faint(0.0))];
        let ink = Ink::round(light.centre, reach, &stops);
        canvas.lighten(outline::polygon(&[light.centre, left, right]), &ink);
    }
}

/// The ground in front, brighter where the light gets in.
fn clearing(canvas: &mut Canvas, look: &Look, chance: &mut Chance, snowy: bool) -> Spot {
    let base = canvas.height * 0.87;
    let line = Hill { base, height: 0.03, length: 0.8, octaves: 2 }.line(canvas, chance);
    let near = look.palette.land(0.95);
    let (lit, dim) = if snowy {
        (Colour::WHITE.mix(look.palette.horizon(), 0.2), Colour::WHITE.mix(near, 0.42))
    } else {
        (look.palette.land(0.7), near)
    };
    let stops = [(0.0, lit), (1.0, dim)];
    ground(canvas, &line, canvas.height, &Ink::down(top_of(&line), canvas.height, &stops));
    let mut grass = PathBuilder::new();
    for _ in 0..(canvas.width / canvas.unit.max(1.0) * 130.0) as usize {
        let x = chance.unit() * canvas.width;
        let y = height_at(&line, x) + canvas.size(chance.between(0.0, 0.14));
        let tall = canvas.size(chance.between(0.008, 0.022));
        let lean = tall * chance.between(-0.5, 0.5);
        let foot = tall * 0.14;
        outline::push_polygon(&mut grass, &[(x - foot, y), (x + lean, y - tall), (x + foot, y)]);
    }
    canvas.fill(grass.finish(), &Ink::flat(near.faint(if snowy { 0.35 } else { 0.8 })));
    if look.palette.leafy {
        fallen_leaves(canvas, look, chance, &line);
    }
    let x = canvas.width * chance.between(0.42, 0.58);
    Spot { feet: (x, height_at(&line, x) + canvas.size(0.035)), height: canvas.size(0.42) }
}

/// Leaves on the ground, in the colours of those on the trees.
fn fallen_leaves(canvas: &mut Canvas, look: &Look, chance: &mut Chance, line: &[(f32, f32)]) {
    let many = (canvas.width / canvas.unit.max(1.0) * 55.0) as usize;
    for colour in look.palette.accents {
        let mut path = PathBuilder::new();
        for _ in 0..many {
            let x = chance.unit() * canvas.width;
            let depth = chance.unit();
            let y = height_at(line, x) + canvas.size(0.01 + 0.18 * depth);
            let long = canvas.size(0.006 + 0.012 * depth) * chance.between(0.7, 1.3);
            let turn = chance.unit();
            let corners = [(-long, 0.0), (0.0, -long * 0.4), (long, 0.0), (0.0, long * 0.4)];
            let leaf = corners.map(|corner| outline::tilted((x, y), corner, turn));
            outline::push_polygon(&mut path, &leaf);
        }
        let colour = colour.mix(look.palette.land(0.8), 0.35);
        canvas.fill(path.finish(), &Ink::flat(colour));
    }
}

/// Tall trees at both edges, so near that the picture cuts them off.
fn frame(canvas: &mut Canvas, look: &Look, chance: &mut Chance) {
    let mut path = PathBuilder::new();
    for side in [-1.0, 1.0] {
        for _ in 0..chance.count(1, 2) {
            let height = canvas.height * chance.between(0.75, 1.02);
            let inset = canvas.size(chance.between(-0.06, 0.05));
            let x = canvas.width * (0.5 + 0.5 * side) - side * inset;
            outline::push_pine(&mut path, (x, canvas.height * 1.06), height, chance);
        }
    }
    canvas.fill(path.finish(), &Ink::flat(look.palette.land(1.0)));
}

/// Small lights between the trees.
fn fireflies(canvas: &mut Canvas, look: &Look, chance: &mut Chance) {
    let [colour, ..] = look.palette.accents;
    for _ in 0..chance.count(16, 28) {
        let centre = (chance.unit() * canvas.width, canvas.height * chance.between(0.45, 0.95));
        let size = canvas.size(chance.between(0.002, 0.004));
        canvas.glow(centre, size * 6.0, colour, 0.6);
        canvas.disc(centre, size, &Ink::flat(colour.lighter(0.6)));
    }
}
