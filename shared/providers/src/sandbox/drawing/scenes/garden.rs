//! Owns the garden: a meadow under a wide sky, with flowers from far and small to near and large.

use tiny_skia::PathBuilder;

use super::{Hill, Spot, ground, height_at, top_of};
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::brief::Bloom;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::Chance;
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;
use crate::sandbox::drawing::sky::{self, Light};

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let horizon = canvas.height * chance.between(0.5, 0.58);
    let light = Light::above(canvas, look, chance, horizon, (0.35, 0.7));
    sky::paint(canvas, look, chance, horizon, light);
    for hill in 0_u8..3 {
        let nearness = 0.12 + 0.14 * f32::from(hill);
        let base = horizon + canvas.height * 0.025 * f32::from(hill);
        let line = Hill { base, height: 0.07, length: 0.55, octaves: 2 }.line(canvas, chance);
        let colour = grass(look, nearness);
        let stops = [(0.0, colour), (1.0, colour.mix(look.palette.horizon(), 0.3))];
        let floor = base + canvas.height * 0.2;
        ground(canvas, &line, floor, &Ink::down(top_of(&line), base + canvas.size(0.12), &stops));
    }
    let base = horizon + canvas.height * 0.09;
    let line = Hill { base, height: 0.03, length: 0.9, octaves: 2 }.line(canvas, chance);
    let stops = [(0.0, grass(look, 0.42)), (0.5, grass(look, 0.7)), (1.0, grass(look, 0.95))];
    ground(canvas, &line, canvas.height, &Ink::down(top_of(&line), canvas.height, &stops));
    let x = canvas.width * chance.between(0.35, 0.65);
    let spot = Spot { feet: (x, canvas.height * 0.86), height: canvas.size(0.44) };
    let figure = look.brief.figure.is_some();
    meadow(canvas, look, chance, &line, figure.then_some(spot));
    spot
}

/// Land that is always a little green.
fn grass(look: &Look, nearness: f32) -> Colour {
    let green = Colour::hex(0x5f_a85a).mix(Colour::hex(0x14_3a2a), nearness);
    let share = if look.palette.dark { 0.42 } else { 0.5 };
    look.palette.land(nearness).mix(green, share)
}

/// Grass and flowers in rows from the back to the front; none where a figure will sit.
fn meadow(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    line: &[(f32, f32)],
    taken: Option<Spot>,
) {
    const ROWS: u8 = 9;
    let all = [Bloom::Daisy, Bloom::Poppy, Bloom::Tulip, Bloom::Rose];
    let mixed = [chance.pick(all), chance.pick(all), chance.pick(all)];
    let blooms = look.brief.bloom.map_or(mixed, |bloom| [bloom; 3]);
    let density = if look.brief.sparse { 0.35 } else { 1.0 };
    for row in 0..ROWS {
        let share = f32::from(row) / f32::from(ROWS - 1);
        let size = canvas.size(0.007 + 0.05 * share * share);
        let depth = (canvas.height * 1.03 - top_of(line)) * (0.03 + 0.97 * share * share);
        blades(canvas, look, chance, line, depth, share);
        let gap = size * 3.1 / density;
        let mut x = -gap * chance.unit();
        while x < canvas.width + gap {
            let foot = (x, height_at(line, x) + depth * chance.between(0.9, 1.1));
            let near_figure = taken
                .is_some_and(|spot| (x - spot.feet.0).abs() < spot.height * 0.42 && share > 0.3);
            if !near_figure {
                let bloom = chance.pick(blooms);
                let size = size * chance.between(0.75, 1.2);
                flower(canvas, look, chance, foot, size, bloom);
            }
            x += gap * chance.between(0.5, 1.5);
        }
    }
}

/// One row of grass.
fn blades(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    line: &[(f32, f32)],
    depth: f32,
    share: f32,
) {
    let tall = canvas.size(0.012 + 0.075 * share);
    let (mut path, mut x) = (PathBuilder::new(), 0.0);
    while x < canvas.width {
        let y = height_at(line, x) + depth + tall * 0.3;
        let reach = tall * chance.between(0.5, 1.1);
        let lean = reach * chance.between(-0.45, 0.45);
        let foot = tall * 0.055;
        path.move_to(x - foot, y);
        path.quad_to(x, y - reach * 0.6, x + lean, y - reach);
        path.quad_to(x + foot, y - reach * 0.5, x + foot, y);
        path.close();
        x += (tall * chance.between(0.1, 0.32)).max(1.0);
    }
    let colour = grass(look, 0.3 + 0.6 * share);
    canvas.fill(path.finish(), &Ink::flat(colour.lighter(0.08 * (1.0 - share)).faint(0.9)));
}

/// A flower on its stem.
fn flower(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    foot: (f32, f32),
    size: f32,
    bloom: Bloom,
) {
    let tall = size * chance.between(1.6, 3.2);
    let head = (foot.0 + size * chance.between(-0.5, 0.5), foot.1 - tall);
    let mut stem = PathBuilder::new();
    stem.move_to(foot.0, foot.1);
    stem.quad_to(foot.0, foot.1 - tall * 0.5, head.0, head.1);
    let green = grass(look, 0.5);
    canvas.stroke(stem.finish(), (size * 0.11).max(0.5), &Ink::flat(green));
    let named = look.brief.dye().filter(|_| chance.odds(0.6));
    let colour = named.unwrap_or_else(|| look.palette.accent(chance));
    let deep = colour.darker(0.22);
    let turn = chance.unit();
    let ink = Ink::round(head, size, &[(0.0, deep), (0.5, colour), (1.0, colour.lighter(0.25))]);
    let heart = Ink::flat(Colour::hex(0xff_c93c).mix(look.palette.light, 0.2));
    match bloom {
        Bloom::Daisy => {
            canvas.fill(outline::petals(head, size, 11, turn), &ink);
            canvas.disc(head, size * 0.27, &heart);
        }
        Bloom::Poppy => {
            canvas.fill(outline::petals(head, size * 1.1, 5, turn), &ink);
            canvas.disc(head, size * 0.2, &heart);
        }
        Bloom::Tulip => tulip(canvas, head, size, colour, deep),
        Bloom::Rose => {
            for (petals, scale, shade) in [(9, 1.0, 0.2), (7, 0.72, 0.08), (5, 0.45, 0.0)] {
                let ink = Ink::flat(colour.darker(shade).lighter(0.2 - shade));
                canvas.fill(outline::petals(head, size * scale, petals, turn + scale), &ink);
            }
        }
    }
}

/// A cup with three tips.
fn tulip(canvas: &mut Canvas, head: (f32, f32), size: f32, colour: Colour, deep: Colour) {
    let (x, y) = head;
    let cup = |half: f32, rise: f32| {
        outline::smooth(&[
            (x, y + size * 0.62),
            (x + half * size, y + size * 0.25),
            (x + half * size * 0.9, y - size * rise),
            (x + half * size * 0.35, y - size * rise * 0.35),
            (x, y - size * rise * 1.25),
            (x - half * size * 0.35, y - size * rise * 0.35),
            (x - half * size * 0.9, y - size * rise),
            (x - half * size, y + size * 0.25),
        ])
    };
    let stops = [(0.0, colour.lighter(0.2)), (1.0, deep)];
    canvas.fill(cup(0.55, 0.6), &Ink::down(y - size * 0.7, y + size * 0.6, &stops));
    let petal = outline::oval((x, y + size * 0.08), size * 0.24, size * 0.52);
    canvas.fill(petal, &Ink::flat(colour.lighter(0.12).faint(0.7)));
}
