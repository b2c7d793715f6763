//! Owns the figures: each is drawn in a frame of its own, feet at the origin and 1 tall.

mod animals;
mod hourglass;
mod people;
mod vehicles;

use super::Look;
use super::brief::{Figure, Scene};
use super::canvas::{Canvas, Ink};
use super::chance::Chance;
use super::colour::Colour;
use super::outline;
use super::scenes::Spot;

/// Puts the figure of the brief, if it has one, where the scene has room for it.
pub(super) fn paint(canvas: &mut Canvas, look: &Look, chance: &mut Chance, spot: Spot) {
    let Some(figure) = look.brief.figure else { return };
    let facing = chance.sign();
    let Spot { feet, height } = placed(canvas, look, chance, figure, spot);
    let afloat = matches!(figure, Figure::Balloon | Figure::Boat | Figure::Rocket);
    let flat = matches!(look.brief.scene, Scene::Geometry | Scene::Ribbons | Scene::Cosmos);
    if !afloat && !flat {
        shadow(canvas, feet, height);
    }
    canvas.within(feet, height, facing, |canvas| match figure {
        Figure::Cat | Figure::Fox | Figure::Wolf | Figure::Dog | Figure::Rabbit => {
            animals::paint(canvas, look, figure);
        }
        Figure::Hourglass => hourglass::paint(canvas, look, chance),
        Figure::Robot => people::robot(canvas, look),
        Figure::Traveller => people::traveller(canvas, look),
        Figure::Cabin => people::cabin(canvas, look),
        Figure::Balloon => vehicles::balloon(canvas, look),
        Figure::Boat => vehicles::boat(canvas, look),
        Figure::Rocket => vehicles::rocket(canvas, look),
    });
}

/// What flies is in the air, what is small is small; on the stage everything is an exhibit.
fn placed(canvas: &Canvas, look: &Look, chance: &mut Chance, figure: Figure, spot: Spot) -> Spot {
    let Spot { feet, height } = spot;
    if look.brief.scene == Scene::Stage {
        spot
    } else if matches!(figure, Figure::Balloon | Figure::Rocket) {
        let y = canvas.height * chance.between(0.5, 0.62);
        Spot { feet: (feet.0, y), height: canvas.size(0.36) }
    } else if matches!(figure, Figure::Traveller | Figure::Cabin) {
        Spot { feet, height: height * 0.62 }
    } else {
        spot
    }
}

/// The shadow on the ground.
fn shadow(canvas: &mut Canvas, feet: (f32, f32), height: f32) {
    for (across, opacity) in [(0.4, 0.12), (0.33, 0.16), (0.26, 0.2)] {
        let patch = outline::oval(feet, height * across, height * across * 0.16);
        canvas.fill(patch, &Ink::flat(Colour::BLACK.faint(opacity)));
    }
}
