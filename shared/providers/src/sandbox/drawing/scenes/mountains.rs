//! Owns the mountains: ranges fading into the haze, hills with pines, at times a lake.

use tiny_skia::PathBuilder;

use super::{Hill, Spot, across, ground, height_at, top_of};
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::{Chance, Contour};
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;
use crate::sandbox::drawing::sky::{self, Light};

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let lake = chance.odds(0.5);
    let horizon = canvas.height * if lake { 0.7 } else { chance.between(0.66, 0.76) };
    let light = Light::above(canvas, look, chance, horizon, (0.5, 0.78));
    sky::paint(canvas, look, chance, horizon, light);
    let ranges = chance.count(2, 3);
    for range in 0..ranges {
        let nearness = range as f32 / ranges as f32;
        paint_range(canvas, look, chance, horizon, light, nearness);
    }
    for hill in 0_u8..2 {
        let nearness = 0.5 + 0.16 * f32::from(hill);
        let base = horizon + canvas.height * (0.005 + 0.02 * f32::from(hill));
        let line = Hill { base, height: 0.045, length: 0.4, octaves: 3 }.line(canvas, chance);
        paint_hill(canvas, look, &line, nearness, horizon);
        pines(canvas, look, chance, &line, nearness, (0.02, 0.05));
    }
    if lake {
        let shore = canvas.height * 0.74;
        canvas.mirror(shore, look.palette.land(0.45), chance);
        let mist = look.palette.horizon();
        let reach = canvas.size(0.05);
        let stops = [(0.0, mist.faint(0.0)), (0.5, mist.faint(0.4)), (1.0, mist.faint(0.0))];
        canvas.wash(shore - reach, shore + reach, &stops);
    }
    foreground(canvas, look, chance, if lake { 0.93 } else { 0.86 })
}

/// A range of peaks with a bright and a shaded side and snow on top.
fn paint_range(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    horizon: f32,
    light: Light,
    nearness: f32,
) {
    let contour = Contour::new(chance);
    let height = canvas.height * chance.between(0.34, 0.46) * (1.0 - 0.45 * nearness);
    let length = canvas.size(chance.between(0.3, 0.42));
    let line = across(canvas, |x| horizon - height * (contour.jagged(x / length, 6) * 1.35 - 0.45));
    let rock = look.palette.land(0.12 + 0.42 * nearness);
    let haze = rock.mix(look.palette.horizon(), 0.62);
    let top = top_of(&line);
    let floor = horizon + canvas.height * 0.1;
    ground(
        canvas,
        &line,
        floor,
        &Ink::down(top, horizon, &[(0.0, rock), (0.45, rock), (1.0, haze)]),
    );
    let lit = rock.lighter(0.78).mix(look.palette.light, 0.35);
    snow(canvas, chance, &line, (top, height), lit.faint(0.92 - 0.3 * nearness));
    let shade = rock.darker(0.42).mix(look.palette.land(1.0), 0.2);
    let facets = facets(canvas, chance, &line, horizon, light.side(canvas));
    let stops = [(0.0, shade.faint(0.62)), (0.5, shade.faint(0.34)), (0.85, shade.faint(0.0))];
    canvas.fill(facets.finish(), &Ink::down(top, horizon, &stops));
}

/// Snow from the crest down to a ragged line.
fn snow(
    canvas: &mut Canvas,
    chance: &mut Chance,
    line: &[(f32, f32)],
    (top, height): (f32, f32),
    colour: Colour,
) {
    let contour = Contour::new(chance);
    let (limit, swing) = (top + height * 0.34, height * 0.16);
    let grain = canvas.size(0.018).max(1.0);
    let lower = line.iter().rev().map(|(x, y)| {
        let edge = limit + contour.rough(x / grain, 3) * swing;
        // Steep crests keep less of it.
        (*x, y.max(edge.min(y + height * 0.3)))
    });
    let points: Vec<_> = line.iter().copied().chain(lower).collect();
    canvas.fill(outline::polygon(&points), &Ink::flat(colour));
}

/// The sides of the peaks that look away from the light.
fn facets(
    canvas: &Canvas,
    chance: &mut Chance,
    line: &[(f32, f32)],
    horizon: f32,
    side: f32,
) -> PathBuilder {
    const NEIGHBOURS: usize = 14;
    let mut path = PathBuilder::new();
    let mirrored: Vec<_> = line.iter().rev().copied().collect();
    // Walk away from the light: then each shaded side follows its peak.
    let walk = if side < 0.0 { line } else { &mirrored };
    let peaks = walk.windows(NEIGHBOURS * 2 + 1).enumerate().filter_map(|(start, window)| {
        let peak = window.get(NEIGHBOURS)?;
        window.iter().all(|point| point.1 >= peak.1).then_some(start + NEIGHBOURS)
    });
    for start in peaks {
        let slope = walk.get(start..).unwrap_or_default();
        let steps = slope.windows(2).take_while(|pair| match pair {
            [from, to] => to.1 >= from.1 - canvas.unit * 0.006,
            _ => false,
        });
        let mut points: Vec<_> = slope.iter().copied().take(steps.count().min(90) + 1).collect();
        let (Some(peak), Some(foot)) = (points.first().copied(), points.last().copied()) else {
            continue;
        };
        let run = foot.0 - peak.0;
        points.extend(gully(canvas, chance, foot, horizon, run * 0.4));
        let drift = run * chance.between(-0.15, 0.3);
        points.extend(gully(canvas, chance, peak, horizon, drift).into_iter().rev());
        outline::push_polygon(&mut path, &points);
    }
    path
}

/// A ragged line from a point on the crest down to the foot of the mountains.
fn gully(
    canvas: &Canvas,
    chance: &mut Chance,
    from: (f32, f32),
    horizon: f32,
    drift: f32,
) -> [(f32, f32); 7] {
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].map(|step| {
        let share = step / 7.0;
        let jag = canvas.size(0.022) * share * chance.between(-1.0, 1.0);
        (from.0 + drift * share + jag, from.1 + (horizon - from.1) * share)
    })
}

/// A hill that fades downwards into haze.
fn paint_hill(canvas: &mut Canvas, look: &Look, line: &[(f32, f32)], nearness: f32, horizon: f32) {
    let colour = look.palette.land(nearness);
    let haze = colour.mix(look.palette.horizon(), 0.3);
    let stops = [(0.0, colour), (1.0, haze)];
    let bottom = horizon + canvas.height * 0.12;
    ground(canvas, line, bottom + canvas.height * 0.12, &Ink::down(top_of(line), bottom, &stops));
}

/// Pines in groups along a line.
fn pines(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    line: &[(f32, f32)],
    nearness: f32,
    heights: (f32, f32),
) {
    let groups = Contour::new(chance);
    let mut path = PathBuilder::new();
    let mut x = 0.0;
    while x < canvas.width {
        let here = groups.at(x / canvas.size(0.16).max(1.0));
        let height = canvas.size(chance.between(heights.0, heights.1)) * (0.75 + 0.35 * here);
        if here > -0.25 && height > 1.0 {
            let foot = (x, height_at(line, x) + height * 0.08);
            outline::push_pine(&mut path, foot, height, chance);
        }
        x += (canvas.size(heights.0) * chance.between(0.35, 0.8)).max(1.0);
    }
    canvas.fill(path.finish(), &Ink::flat(look.palette.land(nearness + 0.05)));
}

/// The dark bank in front, with trees at one edge.
fn foreground(canvas: &mut Canvas, look: &Look, chance: &mut Chance, level: f32) -> Spot {
    let base = canvas.height * level;
    let line = Hill { base, height: 0.05, length: 0.7, octaves: 2 }.line(canvas, chance);
    let near = look.palette.land(0.97);
    let side = chance.sign();
    let mut path = PathBuilder::new();
    for _ in 0..chance.count(7, 12) {
        let edge = chance.unit();
        let x = canvas.width / 2.0
            + side * (canvas.width / 2.0 - canvas.size(0.5) * edge * edge + canvas.size(0.03));
        let height = canvas.size(chance.between(0.16, 0.34)) * (1.1 - 0.6 * edge);
        outline::push_pine(&mut path, (x, height_at(&line, x) + height * 0.05), height, chance);
    }
    canvas.fill(path.finish(), &Ink::flat(near));
    let soft = look.palette.land(0.86);
    let stops = [(0.0, soft), (1.0, near)];
    ground(canvas, &line, canvas.height, &Ink::down(top_of(&line), canvas.height, &stops));
    let x = canvas.width / 2.0 - side * canvas.width * chance.between(0.06, 0.16);
    Spot { feet: (x, height_at(&line, x) + canvas.size(0.012)), height: canvas.size(0.36) }
}
