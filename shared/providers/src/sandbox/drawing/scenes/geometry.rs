//! Owns the poster: plain shapes on paper, either one calm composition or a grid of tiles.

use tiny_skia::{Path, PathBuilder, Rect};

use super::Spot;
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::Chance;
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let paper = if look.palette.dark {
        look.palette.sky[0].darker(0.2)
    } else {
        look.palette.horizon().lighter(0.45)
    };
    canvas.wash(0.0, canvas.height, &[(0.0, paper)]);
    if look.brief.sparse || look.brief.figure.is_some() {
        composition(canvas, look, chance, paper);
    } else {
        tiles(canvas, look, chance, paper);
    }
    let feet = (canvas.width * 0.5, canvas.height * 0.82);
    Spot { feet, height: canvas.size(0.5) }
}

/// The colours that stand out from the paper; the accents in any order.
fn colours(look: &Look, chance: &mut Chance, paper: Colour) -> [Colour; 6] {
    let mut accents = look.palette.accents;
    accents.rotate_left(chance.count(0, 3));
    let [first, second, third, fourth] = accents;
    let contrast = if look.palette.dark { look.palette.light } else { look.palette.land(0.9) };
    let [spare, calm, ..] = look
        .palette
        .sky
        .map(|colour| if look.palette.dark { colour.lighter(0.35) } else { colour });
    [first, second, third, fourth, contrast, calm].map(|colour| {
        // A shape as bright as the paper would not be seen.
        let close = (colour.lightness() - paper.lightness()).abs() < 0.09;
        if close { spare } else { colour }
    })
}

/// A large disc, a few arcs and bars, and much room.
fn composition(canvas: &mut Canvas, look: &Look, chance: &mut Chance, paper: Colour) {
    let [first, second, third, _, contrast, calm] = colours(look, chance, paper);
    let (width, height, side) = (canvas.width, canvas.height, chance.sign());
    let at = |x: f32, y: f32| (width * (0.5 + side * x), height * y);
    let radius = canvas.size(chance.between(0.24, 0.3));
    let centre = at(chance.between(0.04, 0.14), chance.between(0.34, 0.42));
    let level = height * chance.between(0.62, 0.7);
    canvas.disc(centre, radius, &Ink::flat(first));
    let block = Rect::from_ltrb(0.0, level, width, level + height * chance.between(0.08, 0.2));
    canvas.fill(block.map(PathBuilder::from_rect), &Ink::flat(calm));
    let peak = at(-chance.between(0.1, 0.22), chance.between(0.3, 0.42));
    let foot = canvas.size(chance.between(0.2, 0.34));
    let triangle = outline::polygon(&[peak, (peak.0 + foot, level), (peak.0 - foot, level)]);
    canvas.fill(triangle, &Ink::flat(contrast));
    let shaded = outline::polygon(&[peak, (peak.0 + side * foot, level), (peak.0, level)]);
    canvas.fill(shaded, &Ink::flat(contrast.mix(third, 0.45)));
    let arc_centre = (at(chance.between(0.2, 0.34), 0.0).0, level);
    for ring in 0_u8..4 {
        let reach = canvas.size(0.2 - 0.045 * f32::from(ring));
        let ink = Ink::flat(if ring % 2 == 0 { second } else { paper });
        canvas.fill(half_disc(arc_centre, reach), &ink);
    }
    let lines = chance.count(3, 6);
    for index in 0..lines {
        let y = height * 0.9 + index as f32 * canvas.size(0.013);
        let rule = Rect::from_ltrb(width * 0.08, y, width * 0.4, y + canvas.size(0.003).max(1.0));
        canvas.fill(rule.map(PathBuilder::from_rect), &Ink::flat(contrast));
    }
    let dot = at(-chance.between(0.28, 0.36), chance.between(0.12, 0.2));
    canvas.disc(dot, canvas.size(0.028), &Ink::flat(third));
}

/// Square tiles, each with one of a few shapes.
fn tiles(canvas: &mut Canvas, look: &Look, chance: &mut Chance, paper: Colour) {
    let colours = colours(look, chance, paper);
    let along = chance.count(4, 6) as f32;
    // Whole pixels, or seams would show.
    let size = (canvas.unit / along).ceil();
    let (columns, rows) = ((canvas.width / size).ceil(), (canvas.height / size).ceil());
    let left = ((canvas.width - columns * size) / 2.0).round();
    let top = ((canvas.height - rows * size) / 2.0).round();
    for row in 0..rows as usize {
        for column in 0..columns as usize {
            let corner = (left + column as f32 * size, top + row as f32 * size);
            tile(canvas, chance, corner, size, colours);
        }
    }
}

fn tile(
    canvas: &mut Canvas,
    chance: &mut Chance,
    corner: (f32, f32),
    size: f32,
    colours: [Colour; 6],
) {
    let (left, top) = corner;
    let (right, bottom) = (left + size, top + size);
    let middle = (left + size / 2.0, top + size / 2.0);
    if chance.odds(0.55) {
        let square = Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect);
        canvas.fill(square, &Ink::flat(chance.pick(colours)));
    }
    let ink = Ink::flat(chance.pick(colours));
    let second = Ink::flat(chance.pick(colours));
    let turn = chance.count(0, 3);
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
    let from = *corners.get(turn).unwrap_or(&corners[0]);
    match chance.count(0, 6) {
        0 => canvas.fill(quarter(from, middle, size), &ink),
        1 => {
            canvas.fill(quarter(from, middle, size), &ink);
            canvas.fill(quarter(from, middle, size * 0.55), &second);
        }
        2 => {
            canvas.disc(middle, size * 0.38, &ink);
            canvas.disc(middle, size * 0.17, &second);
        }
        3 => {
            let rest: Vec<_> = corners.iter().copied().filter(|point| *point != from).collect();
            canvas.fill(outline::polygon(&rest), &ink);
        }
        4 => {
            for stripe in 0_u8..3 {
                let y = top + size * (0.08 + 0.33 * f32::from(stripe));
                let bar = Rect::from_ltrb(left, y, right, y + size * 0.16);
                canvas.fill(bar.map(PathBuilder::from_rect), &ink);
            }
        }
        5 => {
            canvas.fill(quarter((left, bottom), middle, size), &ink);
            canvas.fill(quarter((right, top), middle, size * 0.5), &second);
        }
        _ => canvas.fill(outline::petals(middle, size * 0.56, 8, 0.0), &ink),
    }
}

/// A quarter of a disc round a corner, opening towards a point.
fn quarter(corner: (f32, f32), towards: (f32, f32), radius: f32) -> Option<Path> {
    let (x, y) = corner;
    let reach = |from: f32, to: f32| if to > from { radius } else { -radius };
    let (across, down) = (reach(x, towards.0), reach(y, towards.1));
    // A cubic comes closest to a quarter circle with its handles this far out.
    let handle = 0.552_3;
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    path.line_to(x + across, y);
    path.cubic_to(x + across, y + down * handle, x + across * handle, y + down, x, y + down);
    path.close();
    path.finish()
}

/// The upper half of a disc.
fn half_disc(centre: (f32, f32), radius: f32) -> Option<Path> {
    let points: Vec<_> = (0_u8..=48)
        .map(|step| outline::around(centre, radius, -0.25 + f32::from(step) / 96.0))
        .collect();
    outline::polygon(&points)
}
