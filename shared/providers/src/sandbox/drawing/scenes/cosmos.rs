//! Owns space: clouds of light, stars, and a planet, at times with a ring.

use tiny_skia::PathBuilder;

use super::Spot;
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::{Chance, Contour};
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;
use crate::sandbox::drawing::sky;

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let [zenith, high, ..] = look.palette.sky;
    let (deep, hint) = (zenith.darker(0.45), high.darker(0.5));
    let (width, height) = (canvas.width, canvas.height);
    let ink = Ink::fade((0.0, 0.0), (width, height), &[(0.0, deep), (0.5, hint), (1.0, deep)]);
    canvas.band(0.0, height, &ink);
    nebula(canvas, look, chance);
    sky::stars(canvas, chance, height, 1.5);
    let side = chance.sign();
    let radius = canvas.size(chance.between(0.2, 0.3));
    let centre = (
        width / 2.0 + side * width * chance.between(0.08, 0.24),
        height * chance.between(0.4, 0.62),
    );
    planet(canvas, look, chance, centre, radius);
    let moon = (
        centre.0 - side * radius * chance.between(1.5, 1.9),
        centre.1 - radius * chance.between(0.5, 1.1),
    );
    small_moon(canvas, look, moon, radius * chance.between(0.12, 0.2));
    let feet = (width / 2.0 - side * width * 0.2, height * chance.between(0.72, 0.82));
    Spot { feet, height: canvas.size(0.36) }
}

/// Soft clouds of light along a diagonal.
fn nebula(canvas: &mut Canvas, look: &Look, chance: &mut Chance) {
    let (rise, bend) = (chance.between(-0.7, 0.7), Contour::new(chance));
    for _ in 0..30 {
        let place = chance.between(-0.1, 1.1);
        let x = place * canvas.width;
        let middle = 0.5 + (place - 0.5) * rise + 0.16 * bend.at(place * 3.0);
        let y = canvas.height * (middle + chance.between(-0.14, 0.14));
        let colour = look.palette.accent(chance).mix(look.palette.sky[2], 0.5);
        let radius = canvas.size(chance.between(0.14, 0.45));
        canvas.glow((x, y), radius, colour, chance.between(0.08, 0.26));
    }
}

/// A planet with bands of cloud, lit from one side.
fn planet(canvas: &mut Canvas, look: &Look, chance: &mut Chance, centre: (f32, f32), radius: f32) {
    let colour = look.palette.accent(chance);
    let other = look.palette.accent(chance).mix(colour, 0.5);
    let tilt = chance.between(-0.07, 0.07);
    let ringed = chance.odds(0.65);
    canvas.glow(centre, radius * 1.7, colour, 0.45);
    if ringed {
        ring(canvas, look, centre, radius, tilt, false);
    }
    canvas.disc(centre, radius, &Ink::flat(colour.darker(0.15)));
    let mut from = -1.0;
    while from < 1.0 {
        let to = (from + chance.between(0.06, 0.26)).min(1.0);
        let shade = if chance.odds(0.5) { colour } else { other };
        let shade = shade.darker(chance.between(0.0, 0.35)).lighter(chance.between(0.0, 0.25));
        canvas.fill(slice(centre, radius, (from, to), tilt), &Ink::flat(shade));
        from = to;
    }
    let dark = Colour::hex(0x02_0308);
    let lit = (centre.0 - radius * 0.45, centre.1 - radius * 0.5);
    let stops = [
        (0.0, Colour::WHITE.faint(0.26)),
        (0.3, Colour::WHITE.faint(0.0)),
        (0.45, dark.faint(0.05)),
        (1.0, dark.faint(0.9)),
    ];
    canvas.disc(centre, radius * 1.003, &Ink::round(lit, radius * 1.65, &stops));
    if ringed {
        ring(canvas, look, centre, radius, tilt, true);
    }
}

/// The part of a disc between two latitudes, -1 to 1, tilted.
fn slice(
    centre: (f32, f32),
    radius: f32,
    (from, to): (f32, f32),
    tilt: f32,
) -> Option<tiny_skia::Path> {
    const STEPS: u8 = 8;
    let edge = |share: f32, side: f32| {
        let y = from + (to - from) * share;
        let x = libm::sqrtf((1.0 - y * y).max(0.0));
        outline::tilted(centre, (side * x * radius, y * radius), tilt)
    };
    let steps = (0..=STEPS).map(|step| f32::from(step) / f32::from(STEPS));
    let points: Vec<_> = steps
        .clone()
        .map(|share| edge(share, 1.0))
        .chain(steps.rev().map(|share| edge(share, -1.0)))
        .collect();
    outline::polygon(&points)
}

/// One half of the rings: the far one, or the one before the planet.
fn ring(canvas: &mut Canvas, look: &Look, centre: (f32, f32), radius: f32, tilt: f32, near: bool) {
    const STEPS: u8 = 40;
    let colour = look.palette.light;
    for (inner, outer, opacity) in [(1.3, 1.52, 0.5), (1.55, 1.8, 0.75), (1.84, 1.95, 0.35)] {
        let start = if near { 0.25 } else { -0.25 };
        let rim = |share: f32, reach: f32| {
            let (x, y) = outline::around((0.0, 0.0), radius * reach, start + share * 0.5);
            outline::tilted(centre, (x, y * 0.26), tilt)
        };
        let shares = (0..=STEPS).map(|step| f32::from(step) / f32::from(STEPS));
        let points: Vec<_> = shares
            .clone()
            .map(|share| rim(share, outer))
            .chain(shares.rev().map(|share| rim(share, inner)))
            .collect();
        let reach = radius * 1.95;
        let (left, right) = ((centre.0 - reach, centre.1), (centre.0 + reach, centre.1));
        let stops = [(0.0, colour.faint(opacity)), (1.0, colour.darker(0.6).faint(opacity * 0.7))];
        canvas.fill(outline::polygon(&points), &Ink::fade(left, right, &stops));
    }
}

fn small_moon(canvas: &mut Canvas, look: &Look, centre: (f32, f32), radius: f32) {
    let lit = (centre.0 - radius * 0.4, centre.1 - radius * 0.4);
    let colour = look.palette.light.mix(look.palette.land(0.2), 0.3);
    let stops = [(0.0, colour.lighter(0.3)), (0.4, colour), (1.0, colour.darker(0.85))];
    canvas.disc(centre, radius, &Ink::round(lit, radius * 1.5, &stops));
    let mut craters = PathBuilder::new();
    for (x, y, size) in [(-0.2, 0.1, 0.2), (0.25, -0.3, 0.14), (0.1, 0.5, 0.12)] {
        craters.push_circle(centre.0 + x * radius, centre.1 + y * radius, size * radius);
    }
    canvas.fill(craters.finish(), &Ink::flat(Colour::BLACK.faint(0.14)));
}
