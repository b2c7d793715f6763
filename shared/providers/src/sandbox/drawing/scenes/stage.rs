//! Owns the stage: a studio with soft lights behind and a polished table, for one thing to look at.

use super::Spot;
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::Chance;
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let table = canvas.height * chance.between(0.74, 0.8);
    let middle = canvas.width * chance.between(0.42, 0.58);
    let [zenith, high, low, _] = look.palette.sky;
    let bright = low.mix(look.palette.horizon(), 0.3);
    let centre = (middle, canvas.height * 0.45);
    let reach = canvas.width.max(canvas.height) * 0.75;
    let stops = [(0.0, bright), (0.35, high), (1.0, zenith.darker(0.35))];
    canvas.band(0.0, canvas.height, &Ink::round(centre, reach, &stops));
    bokeh(canvas, look, chance, table);
    cone(canvas, look, chance, middle, table);
    let spot = Spot { feet: (middle, table), height: canvas.height.min(canvas.width * 1.5) * 0.56 };
    if look.brief.figure.is_none() {
        orb(canvas, look, chance, spot);
    }
    top(canvas, look, chance, spot);
    spot
}

/// Lights out of focus.
fn bokeh(canvas: &mut Canvas, look: &Look, chance: &mut Chance, table: f32) {
    let count = if look.brief.sparse { 6 } else { 34 };
    for _ in 0..count {
        let centre = (chance.unit() * canvas.width, table * chance.between(0.02, 1.0));
        let radius = canvas.size(chance.between(0.012, 0.06));
        let colour = look.palette.accent(chance).mix(look.palette.light, 0.25);
        let strength = chance.between(0.05, 0.24);
        let stops = [
            (0.0, colour.faint(strength * 0.6)),
            (0.86, colour.faint(strength)),
            (1.0, colour.faint(0.0)),
        ];
        let disc = tiny_skia::PathBuilder::from_circle(centre.0, centre.1, radius);
        canvas.lighten(disc, &Ink::round(centre, radius, &stops));
    }
}

/// The beam of a lamp from above.
fn cone(canvas: &mut Canvas, look: &Look, chance: &mut Chance, middle: f32, table: f32) {
    let colour = look.palette.light;
    let source = (middle + canvas.size(chance.between(-0.3, 0.3)), -canvas.size(0.1));
    let reach = table - source.1;
    for (half, opacity) in [(0.42, 0.1), (0.3, 0.1), (0.19, 0.12)] {
        let beam = outline::polygon(&[
            source,
            (middle + canvas.size(half), table),
            (middle - canvas.size(half), table),
        ]);
        let stops = [(0.0, colour.faint(opacity)), (1.0, colour.faint(opacity * 0.15))];
        canvas.lighten(beam, &Ink::round(source, reach, &stops));
    }
    canvas.glow((middle, table - canvas.size(0.2)), canvas.size(0.5), colour, 0.4);
}

/// The table with the light on it.
fn top(canvas: &mut Canvas, look: &Look, chance: &mut Chance, spot: Spot) {
    let (x, table) = spot.feet;
    let wood = look.palette.land(0.9);
    canvas.mirror(table, wood.darker(0.3), chance);
    let stops = [(0.0, wood.faint(0.35)), (1.0, wood.darker(0.5).faint(0.95))];
    canvas.wash(table, canvas.height, &stops);
    let edge = look.palette.light;
    let half = canvas.width * 0.5;
    let stops = [(0.0, edge.faint(0.0)), (0.5, edge.faint(0.75)), (1.0, edge.faint(0.0))];
    let ink = Ink::fade((x - half, 0.0), (x + half, 0.0), &stops);
    canvas.band(table - canvas.size(0.001_5), table + canvas.size(0.001_5), &ink);
}

/// A ball of glass on a pedestal, when there is nothing else to show.
fn orb(canvas: &mut Canvas, look: &Look, chance: &mut Chance, spot: Spot) {
    let (x, table) = spot.feet;
    let half = spot.height * 0.3;
    let rise = spot.height * 0.2;
    let stone = look.palette.land(0.35).lighter(0.25);
    let sides = (x - half, 0.0);
    let stops = [(0.0, stone.darker(0.5)), (0.35, stone), (1.0, stone.darker(0.65))];
    let block = tiny_skia::Rect::from_ltrb(x - half, table - rise, x + half, table + 1.0);
    let ink = Ink::fade(sides, (x + half, 0.0), &stops);
    canvas.fill(block.map(tiny_skia::PathBuilder::from_rect), &ink);
    let lid = outline::oval((x, table - rise), half, half * 0.16);
    canvas.fill(lid, &Ink::flat(stone.lighter(0.3)));
    let radius = spot.height * 0.27;
    let centre = (x, table - rise - radius * 0.97);
    let colour = look.palette.accent(chance);
    let shadow = outline::oval((x, table - rise), radius * 0.7, radius * 0.1);
    canvas.fill(shadow, &Ink::flat(Colour::BLACK.faint(0.4)));
    let lit = (centre.0 - radius * 0.35, centre.1 - radius * 0.42);
    let stops = [
        (0.0, colour.lighter(0.75)),
        (0.22, colour.lighter(0.2)),
        (0.6, colour.darker(0.25)),
        (1.0, colour.darker(0.75)),
    ];
    canvas.disc(centre, radius, &Ink::round(lit, radius * 1.5, &stops));
    let rim = (centre.0 + radius * 0.3, centre.1 + radius * 0.45);
    canvas.glow(rim, radius * 0.7, look.palette.accents[1], 0.55);
    let glint = (centre.0 - radius * 0.38, centre.1 - radius * 0.5);
    canvas.fill(
        outline::oval(glint, radius * 0.2, radius * 0.12),
        &Ink::flat(Colour::WHITE.faint(0.85)),
    );
}
