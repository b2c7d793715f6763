//! Owns the sea: a low light over the horizon, its path on the water, islands and waves.

use tiny_skia::PathBuilder;

use super::{Hill, Spot, across, ground, top_of};
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::{Chance, Contour};
use crate::sandbox::drawing::outline;
use crate::sandbox::drawing::sky::{self, Light};

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let horizon = canvas.height * chance.between(0.5, 0.6);
    let mut light = Light::above(canvas, look, chance, horizon, (0.08, 0.32));
    light.radius *= 1.35;
    sky::paint(canvas, look, chance, horizon, light);
    for island in 0_u8..2 {
        let nearness = 0.12 + 0.16 * f32::from(island);
        islands(canvas, look, chance, horizon, nearness);
    }
    let water = look.palette.land(0.5).mix(look.palette.sky[1], 0.5);
    canvas.mirror(horizon, water, chance);
    glitter(canvas, look, chance, horizon, light);
    waves(canvas, look, chance, horizon);
    let x = canvas.width / 2.0 - light.side(canvas) * canvas.width * chance.between(0.08, 0.2);
    let y = horizon + (canvas.height - horizon) * 0.42;
    Spot { feet: (x, y), height: canvas.size(0.34) }
}

/// Land on the horizon, away from the middle.
fn islands(canvas: &mut Canvas, look: &Look, chance: &mut Chance, horizon: f32, nearness: f32) {
    let contour = Contour::new(chance);
    let (height, length) = (canvas.size(0.13), canvas.size(chance.between(0.16, 0.3)));
    let offset = chance.between(0.15, 0.45);
    let line = across(canvas, |x| {
        let lift = contour.rough(x / length, 5) - offset;
        horizon - (height * lift).max(-2.0)
    });
    let rock = look.palette.land(nearness + 0.18);
    let haze = rock.mix(look.palette.horizon(), 0.55);
    ground(canvas, &line, horizon, &Ink::down(top_of(&line), horizon, &[(0.0, rock), (1.0, haze)]));
}

/// The path of the light: streaks that widen towards the viewer.
fn glitter(canvas: &mut Canvas, look: &Look, chance: &mut Chance, horizon: f32, light: Light) {
    let reach = canvas.height - horizon;
    let mut path = PathBuilder::new();
    for _ in 0..230 {
        let depth = chance.unit();
        let depth = depth * depth;
        let spread = light.radius * (0.7 + 1.5 * depth);
        let x = light.centre.0 + spread * (chance.unit() + chance.unit() - 1.0);
        let length = canvas.size(0.012 + 0.05 * depth) * chance.between(0.4, 1.2);
        let thick = canvas.size(0.000_9 + 0.003_4 * depth).max(0.4);
        let y = horizon + reach * (0.01 + 0.86 * depth);
        if let Some(streak) = outline::oval((x, y), length, thick) {
            path.push_path(&streak);
        }
    }
    let colour = look.palette.light;
    let stops = [(0.0, colour.faint(0.85)), (0.5, colour.faint(0.5)), (1.0, colour.faint(0.1))];
    canvas.lighten(path.finish(), &Ink::down(horizon, canvas.height, &stops));
}

/// Swells in front, each with a bright crest.
fn waves(canvas: &mut Canvas, look: &Look, chance: &mut Chance, horizon: f32) {
    const COUNT: u8 = 5;
    let reach = canvas.height - horizon;
    for wave in 0..COUNT {
        let share = f32::from(wave) / f32::from(COUNT);
        let base = horizon + reach * (0.3 + 0.66 * share * (0.5 + 0.5 * share) + 0.02);
        let hill =
            Hill { base, height: 0.006 + 0.022 * share, length: 0.1 + 0.22 * share, octaves: 2 };
        let line = hill.line(canvas, chance);
        let colour = look.palette.land(0.5 + 0.45 * share).mix(look.palette.sky[1], 0.35);
        let stops = [(0.0, colour.faint(0.3 + 0.35 * share)), (1.0, colour.faint(0.85))];
        ground(canvas, &line, canvas.height, &Ink::down(base, base + reach * 0.4, &stops));
        let crest = look.palette.horizon().faint(0.12 + 0.16 * share);
        let width = canvas.size(0.001 + 0.002 * share).max(0.5);
        canvas.stroke(outline::line(&line), width, &Ink::flat(crest));
    }
}
