//! Owns the city: skylines one behind the other, lit windows, and the river before them.

use tiny_skia::PathBuilder;

use super::Spot;
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::Chance;
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;
use crate::sandbox::drawing::sky::{self, Light};

/// One building.
#[derive(Clone, Copy)]
struct Tower {
    left: f32,
    width: f32,
    top: f32,
}

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let shore = canvas.height * chance.between(0.76, 0.82);
    let mut light = Light::above(canvas, look, chance, shore, (0.55, 0.76));
    light.radius *= 1.7;
    sky::paint(canvas, look, chance, shore, light);
    for row in 0_u8..4 {
        let nearness = f32::from(row) / 3.0;
        paint_row(canvas, look, chance, shore, nearness);
        let haze = look.palette.horizon();
        let top = shore - canvas.height * 0.3;
        let opacity = 0.5 * (1.0 - nearness);
        let stops = [(0.0, haze.faint(0.0)), (1.0, haze.faint(opacity))];
        canvas.wash(top, shore, &stops);
    }
    canvas.mirror(shore, look.palette.land(0.85), chance);
    let stops =
        [(0.0, look.palette.horizon().faint(0.35)), (1.0, look.palette.land(1.0).faint(0.0))];
    canvas.wash(shore, shore + canvas.size(0.03), &stops);
    quay(canvas, look, chance)
}

/// A skyline: low and pale when far, tall and dark when near.
fn paint_row(canvas: &mut Canvas, look: &Look, chance: &mut Chance, shore: f32, nearness: f32) {
    let body = look.palette.land(0.16 + 0.78 * nearness);
    let (mut walls, mut x) = (PathBuilder::new(), -canvas.size(0.05));
    let mut towers = Vec::new();
    while x < canvas.width {
        let width = canvas.size(chance.between(0.05, 0.11)) * (0.6 + 0.5 * nearness);
        let place = ((x / canvas.width) - 0.5).abs() * 2.0;
        let tall = chance.unit();
        let tall = (0.12 + 0.46 * tall * tall) * (1.15 - 0.42 * nearness) * (0.7 + 0.45 * place);
        let top = shore - canvas.height * tall;
        // Whole pixels keep the edges and the windows crisp.
        let tower = Tower { left: x.round(), width: width.round().max(2.0), top: top.round() };
        push_tower(&mut walls, canvas, chance, tower, shore);
        towers.push(tower);
        x += width
            * if nearness > 0.6 { chance.between(1.0, 1.9) } else { chance.between(0.85, 1.2) };
    }
    let top = shore - canvas.height * 0.6;
    canvas.fill(walls.finish(), &Ink::down(top, shore, &[(0.0, body), (1.0, body.lighter(0.06))]));
    if nearness > 0.2 {
        windows(canvas, look, chance, &towers, shore, nearness);
    }
}

/// The outline of a building with one of several roofs.
fn push_tower(
    path: &mut PathBuilder,
    canvas: &Canvas,
    chance: &mut Chance,
    tower: Tower,
    shore: f32,
) {
    let Tower { left, width, top } = tower;
    let right = left + width;
    let middle = left + width / 2.0;
    let bottom = shore + 1.0;
    let mut points = vec![(left, bottom), (left, top)];
    match chance.count(0, 5) {
        0 => points.push((middle, top - width * 0.55)),
        1 => points.push((right, top - width * chance.between(0.2, 0.5))),
        2 => {
            let (step, lift) = (width * 0.2, width * 0.3);
            points.extend([
                (left + step, top),
                (left + step, top - lift),
                (right - step, top - lift),
                (right - step, top),
            ]);
        }
        3 => {
            let mast = (width * 0.025).max(0.6);
            let height = canvas.size(chance.between(0.03, 0.09));
            points.extend([
                (middle - mast * 3.0, top),
                (middle - mast, top - height * 0.4),
                (middle, top - height),
                (middle + mast, top - height * 0.4),
                (middle + mast * 3.0, top),
            ]);
        }
        _ => {}
    }
    points.extend([(right, top), (right, bottom)]);
    outline::push_polygon(path, &points);
}

/// Windows in rows, some of them lit.
fn windows(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    towers: &[Tower],
    shore: f32,
    nearness: f32,
) {
    let dark = look.palette.dark;
    let size = (canvas.size(0.007) * (0.55 + 0.5 * nearness)).round().max(1.0);
    let pitch = size + (size * 0.9).round().max(1.0);
    let warm = Colour::hex(0xff_d892).mix(look.palette.light, 0.3);
    let [first, second, ..] = look.palette.accents;
    let inks = [warm, warm, first, second].map(|colour| {
        let opacity = if dark { 0.92 } else { 0.5 } * (0.45 + 0.55 * nearness);
        (colour.lighter(0.15).faint(opacity), PathBuilder::new())
    });
    let [mut common, mut other, mut third, mut fourth] = inks;
    for tower in towers {
        let lit = chance.between(0.08, 0.55) * if dark { 1.0 } else { 0.6 };
        let columns = ((tower.width - size) / pitch) as usize;
        let rows = ((shore - tower.top - size * 2.0) / (pitch * 1.15)).max(0.0) as usize;
        let inset = ((tower.width - columns as f32 * pitch + pitch - size) / 2.0).round();
        let (_, path) = match chance.count(0, 9) {
            0..5 => &mut common,
            5..8 => &mut other,
            8 => &mut third,
            _ => &mut fourth,
        };
        for row in 0..rows {
            for column in 0..columns {
                if !chance.odds(lit) {
                    continue;
                }
                let x = tower.left + inset + column as f32 * pitch;
                let y = (tower.top + size * 1.5 + row as f32 * pitch * 1.15).round();
                let rect = tiny_skia::Rect::from_xywh(x, y, size, (size * 1.25).round());
                if let Some(rect) = rect {
                    path.push_rect(rect);
                }
            }
        }
    }
    for (colour, path) in [common, other, third, fourth] {
        canvas.fill(path.finish(), &Ink::flat(colour));
    }
}

/// The near bank with lamps along it.
fn quay(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let top = canvas.height * 0.955;
    let near = look.palette.land(1.0);
    canvas.wash(top, canvas.height, &[(0.0, near.darker(0.2))]);
    let gap = canvas.size(chance.between(0.24, 0.34));
    let glow = look.palette.accent(chance);
    let mut x = gap * chance.between(0.2, 0.8);
    while x < canvas.width {
        let head = (x, top - canvas.size(0.085));
        let pole = outline::line(&[(x, top), head]);
        canvas.stroke(pole, canvas.size(0.004).max(0.7), &Ink::flat(near.darker(0.2)));
        canvas.glow(head, canvas.size(0.085), glow, 0.75);
        canvas.disc(head, canvas.size(0.008), &Ink::flat(glow.lighter(0.7)));
        x += gap;
    }
    let x = canvas.width * chance.between(0.34, 0.66);
    Spot { feet: (x, top + canvas.size(0.01)), height: canvas.size(0.4) }
}
