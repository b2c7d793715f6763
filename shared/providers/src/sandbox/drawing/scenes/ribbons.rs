//! Owns the abstraction: silk ribbons that flow across the picture one over the other.

use super::{Spot, across};
use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::chance::{Chance, Contour};
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline;

pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance) -> Spot {
    let [zenith, high, low, horizon] = look.palette.sky;
    let (width, height) = (canvas.width, canvas.height);
    let stops = [(0.0, horizon), (0.35, low), (0.7, high), (1.0, zenith)];
    canvas.band(0.0, height, &Ink::fade((0.0, 0.0), (width * 0.4, height), &stops));
    let light = (width * chance.between(0.1, 0.9), height * chance.between(0.05, 0.3));
    canvas.glow(light, width.max(height) * 0.7, look.palette.light, 0.6);
    if !look.brief.sparse && chance.odds(0.6) {
        let disc = canvas.size(chance.between(0.1, 0.16));
        let warm = look.palette.light.mix(look.palette.accents[1], 0.4);
        let stops = [(0.0, look.palette.light), (1.0, warm.faint(0.5))];
        let ink = Ink::down(light.1, light.1 + disc * 2.0, &stops);
        canvas.disc((light.0, light.1 + disc), disc, &ink);
    }
    let count = if look.brief.sparse { 4 } else { chance.count(7, 9) };
    let flow = [Contour::new(chance), Contour::new(chance), Contour::new(chance)];
    let slope = chance.between(-0.25, 0.25);
    for index in 0..count {
        ribbon(canvas, look, chance, &flow, (index as f32 + 0.5) / count as f32, slope);
    }
    Spot { feet: (width * 0.5, height * 0.86), height: canvas.size(0.5) }
}

/// One ribbon: its upper edge follows the common flow, shifted a little from the one before.
fn ribbon(
    canvas: &mut Canvas,
    look: &Look,
    chance: &mut Chance,
    flow: &[Contour; 3],
    share: f32,
    slope: f32,
) {
    let [large, small, swell] = flow;
    let (width, height) = (canvas.width, canvas.height);
    let length = width.max(canvas.unit * 1.2).max(1.0);
    let edge = |x: f32, share: f32| {
        let place = x / length;
        let wave =
            large.at(place * 2.1 + share * 1.3) * 0.16 + small.at(place * 4.3 + share * 2.9) * 0.05;
        height * (0.3 + 0.66 * share + wave + slope * (place - 0.5))
    };
    let upper = across(canvas, |x| edge(x, share));
    let lower = across(canvas, |x| {
        let thick = height * (0.16 + 0.1 * swell.at(x / length * 2.6 + share * 5.0));
        edge(x, share) + thick * 1.5
    });
    let [zenith, high, low, _] = look.palette.sky;
    let calm = chance.pick([zenith, high, low]).mix(look.palette.land(share), 0.2);
    let colour = if chance.odds(0.35) { look.palette.accent(chance) } else { calm };
    let other = chance.pick([high, low, look.palette.land(0.3)]).mix(colour, 0.5);
    for step in 1_u8..=7 {
        let drop = canvas.size(0.007) * f32::from(step);
        let lifted: Vec<_> = upper.iter().map(|(x, y)| (*x, y - drop)).collect();
        canvas.fill(
            outline::polygon(&band(&lifted, &upper)),
            &Ink::flat(zenith.darker(0.7).faint(0.035)),
        );
    }
    let turn = chance.between(0.1, 0.4);
    let stops = [
        (0.0, other.darker(0.2)),
        (turn, colour),
        (turn + 0.22, colour.lighter(0.45)),
        (turn + 0.4, other),
        (1.0, colour.darker(0.3)),
    ];
    let ink = Ink::fade((0.0, height * 0.2), (width, height * 0.8), &stops);
    canvas.fill(outline::polygon(&band(&upper, &lower)), &ink);
    let shine = Ink::flat(Colour::WHITE.faint(0.32));
    canvas.stroke(outline::line(&upper), canvas.size(0.001_8).max(0.5), &shine);
}

/// The area between two lines.
fn band(upper: &[(f32, f32)], lower: &[(f32, f32)]) -> Vec<(f32, f32)> {
    upper.iter().chain(lower.iter().rev()).copied().collect()
}
