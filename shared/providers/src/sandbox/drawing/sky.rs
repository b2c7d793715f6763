//! Owns what is overhead: sky, sun and moon, stars, clouds, birds, and what falls from above.

use tiny_skia::PathBuilder;

use super::Look;
use super::brief::{Orb, Weather};
use super::canvas::{Canvas, Ink};
use super::chance::Chance;
use super::colour::Colour;
use super::outline;

/// The sun or the moon of a picture.
#[derive(Clone, Copy)]
pub(super) struct Light {
    pub(super) orb: Orb,
    pub(super) centre: (f32, f32),
    pub(super) radius: f32,
}

impl Light {
    /// Somewhere above the horizon; `height` counts from there (0) to the top of the picture (1).
    pub(super) fn above(
        canvas: &Canvas,
        look: &Look,
        chance: &mut Chance,
        horizon: f32,
        height: (f32, f32),
    ) -> Self {
        let dark = look.palette.dark;
        let moon = chance.pick([Orb::Moon, Orb::Moon, Orb::Crescent]);
        let orb = look.brief.orb.unwrap_or(if dark { moon } else { Orb::Sun });
        let large = if look.brief.orb.is_some() { 1.35 } else { 1.0 };
        let side = chance.sign();
        let x = canvas.width * (0.5 + side * chance.between(0.06, 0.3));
        let y = horizon * (1.0 - chance.between(height.0, height.1));
        let radius = canvas.size(chance.between(0.065, 0.12)) * large;
        Self { orb, centre: (x, y), radius }
    }

    /// Which way the light comes from: -1 from the left, 1 from the right.
    pub(super) fn side(self, canvas: &Canvas) -> f32 {
        if self.centre.0 < canvas.width / 2.0 { -1.0 } else { 1.0 }
    }
}

/// The sky down to the horizon, with its light, stars or clouds.
pub(super) fn paint(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    horizon: f32,
    light: Light,
) {
    let [zenith, high, low, near] = look.palette.sky;
    let share = horizon / canvas.height;
    let stops = [(0.0, zenith), (0.42 * share, high), (0.78 * share, low), (share, near)];
    canvas.wash(0.0, canvas.height, &stops);
    if look.palette.dark {
        stars(canvas, chance, horizon, 1.0);
    }
    shine(canvas, look, light);
    let bare = look.brief.sparse || (look.palette.dark && chance.odds(0.6));
    if !bare {
        clouds(canvas, look, chance, horizon);
    }
    if !look.palette.dark && chance.odds(0.6) {
        birds(canvas, look, chance, horizon);
    }
}

/// The sun or moon itself, and the air that glows around it.
fn shine(canvas: &mut Canvas, look: &Look, light: Light) {
    let Light { orb, centre, radius } = light;
    let colour = look.palette.light;
    let warm = colour.mix(look.palette.horizon(), 0.6);
    let reach = canvas.width.max(canvas.height);
    let strength = if look.palette.dark { 0.4 } else { 0.6 };
    canvas.glow(centre, reach * 0.75, warm, strength * 0.75);
    canvas.glow(centre, radius * 3.6, colour, strength);
    match orb {
        Orb::Sun => {
            let ink = Ink::down(
                centre.1 - radius,
                centre.1 + radius,
                &[(0.0, colour), (1.0, colour.mix(warm, 0.55))],
            );
            canvas.disc(centre, radius, &ink);
        }
        Orb::Moon => {
            let shade = colour.mix(look.palette.land(0.2), 0.22);
            let ink = Ink::fade(
                (centre.0 - radius, centre.1 - radius),
                (centre.0 + radius, centre.1 + radius),
                &[(0.0, colour), (0.5, colour), (1.0, shade)],
            );
            canvas.disc(centre, radius, &ink);
            for (x, y, size) in
                [(-0.3, -0.25, 0.2), (0.25, 0.1, 0.28), (-0.2, 0.45, 0.16), (0.4, -0.4, 0.12)]
            {
                let crater = (centre.0 + x * radius, centre.1 + y * radius);
                canvas.disc(crater, size * radius, &Ink::flat(shade.faint(0.5)));
            }
        }
        Orb::Crescent => {
            let facing = light.side(canvas);
            canvas.fill(outline::crescent(centre, radius, facing), &Ink::flat(colour));
        }
    }
}

/// Stars down to a height, the more the higher.
pub(super) fn stars(canvas: &mut Canvas, chance: &mut Chance, bottom: f32, density: f32) {
    let area = canvas.width * bottom / (canvas.unit * canvas.unit).max(1.0);
    let count = (220.0 * area.min(4.0) * density) as usize;
    let (mut faint, mut bright) = (PathBuilder::new(), PathBuilder::new());
    for _ in 0..count {
        let height = chance.unit();
        let (x, y) = (chance.unit() * canvas.width, height * height * bottom * 0.95);
        let small = chance.odds(0.75);
        let radius = canvas.size(if small { 0.000_9 } else { 0.001_6 }) * chance.between(0.7, 1.3);
        let path = if small { &mut faint } else { &mut bright };
        path.push_circle(x, y, radius.max(0.35));
    }
    canvas.fill(faint.finish(), &Ink::flat(Colour::WHITE.faint(0.55)));
    canvas.fill(bright.finish(), &Ink::flat(Colour::WHITE.faint(0.9)));
    for _ in 0..chance.count(3, 6) {
        let centre = (chance.unit() * canvas.width, chance.unit() * bottom * 0.6);
        sparkle(canvas, centre, canvas.size(chance.between(0.008, 0.016)));
    }
}

/// A star with four rays.
fn sparkle(canvas: &mut Canvas, centre: (f32, f32), size: f32) {
    let points: Vec<_> = (0_u8..8)
        .map(|corner| {
            let reach = if corner % 2 == 0 { size } else { size * 0.13 };
            outline::around(centre, reach, f32::from(corner) / 8.0)
        })
        .collect();
    canvas.glow(centre, size * 1.3, Colour::WHITE, 0.35);
    canvas.fill(outline::polygon(&points), &Ink::flat(Colour::WHITE));
}

/// A few heaps of cloud, flat below and dissolving there.
fn clouds(canvas: &mut Canvas, look: &Look, chance: &mut Chance, horizon: f32) {
    let colour = look.palette.horizon().mix(look.palette.light, 0.55);
    let opacity = if look.palette.dark { 0.16 } else { 0.62 };
    for _ in 0..chance.count(3, 5) {
        let nearness = chance.unit();
        let length = canvas.size(0.16 + 0.28 * nearness) * chance.between(0.8, 1.3);
        let x = chance.between(-0.1, 1.1) * canvas.width;
        let base = horizon * (0.78 - 0.6 * nearness) * chance.between(0.85, 1.15);
        let mut path = PathBuilder::new();
        let puffs = chance.count(7, 10);
        for puff in 0..puffs {
            // From one end to the other, high in the middle, so that no puff floats alone.
            let place = (puff as f32 + chance.between(0.2, 0.8)) / puffs as f32 * 2.0 - 1.0;
            let radius = length * (0.05 + 0.15 * (1.0 - place * place) * chance.between(0.55, 1.2));
            path.push_circle(x + place * length * 0.55, base - radius * 0.6, radius);
        }
        let stops = [
            (0.0, colour.lighter(0.35).faint(opacity)),
            (0.6, colour.faint(opacity * 0.75)),
            (1.0, colour.faint(0.0)),
        ];
        canvas.fill(path.finish(), &Ink::down(base - length * 0.3, base + length * 0.06, &stops));
    }
}

/// A flock, far away.
fn birds(canvas: &mut Canvas, look: &Look, chance: &mut Chance, horizon: f32) {
    let (x, y) = (canvas.width * chance.between(0.15, 0.85), horizon * chance.between(0.2, 0.55));
    let mut path = PathBuilder::new();
    for _ in 0..chance.count(4, 9) {
        let size = canvas.size(chance.between(0.008, 0.017));
        let x = x + canvas.size(chance.between(-0.14, 0.14));
        let y = y + canvas.size(chance.between(-0.06, 0.06));
        let lift = chance.between(0.3, 0.7);
        path.move_to(x - size, y - size * lift);
        path.quad_to(x - size * 0.4, y - size * lift, x, y);
        path.quad_to(x + size * 0.4, y - size * lift, x + size, y - size * lift * 0.9);
    }
    let width = canvas.size(0.002_4).max(0.6);
    canvas.stroke(path.finish(), width, &Ink::flat(look.palette.land(0.9).faint(0.8)));
}

/// Snow or rain in front of everything.
pub(super) fn weather(canvas: &mut Canvas, look: &Look, chance: &mut Chance) {
    let area = canvas.width * canvas.height / (canvas.unit * canvas.unit).max(1.0);
    match look.brief.weather {
        Weather::Clear => {}
        Weather::Snow => {
            for (count, radius, opacity) in
                [(160.0, 0.001_6, 0.6), (70.0, 0.003_2, 0.75), (16.0, 0.006_5, 0.5)]
            {
                let mut path = PathBuilder::new();
                for _ in 0..(count * area) as usize {
                    let size = canvas.size(radius) * chance.between(0.7, 1.4);
                    let (x, y) = (chance.unit() * canvas.width, chance.unit() * canvas.height);
                    path.push_circle(x, y, size.max(0.4));
                }
                canvas.fill(path.finish(), &Ink::flat(Colour::WHITE.faint(opacity)));
            }
        }
        Weather::Rain => {
            let slant = chance.between(-0.35, 0.35);
            let mut path = PathBuilder::new();
            for _ in 0..(260.0 * area) as usize {
                let length = canvas.size(chance.between(0.02, 0.06));
                let (x, y) = (chance.unit() * canvas.width, chance.unit() * canvas.height);
                path.move_to(x, y);
                path.line_to(x + length * slant, y + length);
            }
            let ink = Ink::flat(look.palette.light.faint(0.3));
            canvas.stroke(path.finish(), canvas.size(0.001_6).max(0.5), &ink);
        }
    }
}
