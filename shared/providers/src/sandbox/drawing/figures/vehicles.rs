//! Owns what carries people: balloon, boat and rocket.

use tiny_skia::PathBuilder;

use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline::{both_sides, line, oval, polygon, rounded, smooth};

/// A hot-air balloon in stripes.
pub(super) fn balloon(canvas: &mut Canvas, look: &Look) {
    let [first, second, third, fourth] = look.palette.accents;
    let main = look.brief.dye().unwrap_or(first);
    let gores = [(1.0, main), (0.76, second), (0.5, third), (0.22, fourth)];
    let rope = Ink::flat(Colour::hex(0x3a_2a20));
    for x in [-0.07, 0.07] {
        canvas.stroke(line(&[(x * 1.5, -0.34), (x, -0.12)]), 0.007, &rope);
    }
    for (share, colour) in gores {
        let gore = both_sides(&[
            (0.0, -1.0),
            (0.2 * share, -0.96),
            (0.345 * share, -0.79),
            (0.33 * share, -0.6),
            (0.2 * share, -0.42),
            (0.1 * share, -0.32),
            (0.0, -0.315),
        ]);
        canvas.fill(smooth(&gore), &Ink::flat(colour));
        if share > 0.99 {
            canvas.glow((0.0, -0.36), 0.2, look.palette.light, 0.5);
        }
    }
    let whole = both_sides(&[
        (0.0, -1.0),
        (0.2, -0.96),
        (0.345, -0.79),
        (0.33, -0.6),
        (0.2, -0.42),
        (0.1, -0.32),
        (0.0, -0.315),
    ]);
    let stops = [
        (0.0, Colour::WHITE.faint(0.28)),
        (0.45, Colour::WHITE.faint(0.0)),
        (1.0, Colour::hex(0x14_0a20).faint(0.42)),
    ];
    canvas.fill(smooth(&whole), &Ink::fade((-0.3, -0.95), (0.28, -0.5), &stops));
    let basket = Colour::hex(0x8a_5a34);
    canvas.fill(rounded(-0.085, -0.13, 0.17, 0.13, 0.025), &Ink::flat(basket));
    canvas.fill(rounded(-0.095, -0.14, 0.19, 0.03, 0.015), &Ink::flat(basket.darker(0.3)));
}

/// A boat under sail, with its image in the water.
pub(super) fn boat(canvas: &mut Canvas, look: &Look) {
    let [first, second, ..] = look.palette.accents;
    let sail = look.brief.dye().unwrap_or(look.palette.light);
    for (drop, opacity) in [(0.02, 0.3), (0.07, 0.2), (0.12, 0.12)] {
        let image = oval((0.0, drop), 0.34 - drop, 0.018);
        canvas.fill(image, &Ink::flat(look.palette.land(1.0).faint(opacity)));
    }
    let wood = Ink::flat(Colour::hex(0x3b_2218));
    canvas.stroke(line(&[(0.0, -0.12), (0.0, -0.98)]), 0.014, &wood);
    let mut main = PathBuilder::new();
    main.move_to(-0.02, -0.95);
    main.quad_to(-0.36, -0.5, -0.36, -0.19);
    main.quad_to(-0.18, -0.16, -0.02, -0.19);
    main.close();
    let stops = [(0.0, sail), (1.0, sail.darker(0.25))];
    canvas.fill(main.finish(), &Ink::fade((-0.4, -0.4), (0.0, -0.4), &stops));
    let mut fore = PathBuilder::new();
    fore.move_to(0.02, -0.9);
    fore.quad_to(0.28, -0.45, 0.33, -0.2);
    fore.quad_to(0.16, -0.22, 0.02, -0.17);
    fore.close();
    let stops = [(0.0, first.lighter(0.15)), (1.0, first.darker(0.15))];
    canvas.fill(fore.finish(), &Ink::fade((0.0, -0.5), (0.3, -0.3), &stops));
    let flag = polygon(&[(0.0, -0.98), (0.13, -0.945), (0.0, -0.91)]);
    canvas.fill(flag, &Ink::flat(second));
    let mut hull = PathBuilder::new();
    hull.move_to(-0.42, -0.13);
    hull.quad_to(-0.34, 0.02, -0.24, 0.02);
    hull.line_to(0.26, 0.02);
    hull.quad_to(0.38, -0.01, 0.46, -0.15);
    hull.quad_to(0.0, -0.09, -0.42, -0.13);
    hull.close();
    let wood = Colour::hex(0x6a_3a24);
    let stops = [(0.0, wood.lighter(0.2)), (1.0, wood.darker(0.4))];
    canvas.fill(hull.finish(), &Ink::down(-0.14, 0.02, &stops));
    let rail = line(&[(-0.41, -0.125), (-0.2, -0.105), (0.1, -0.108), (0.45, -0.145)]);
    canvas.stroke(rail, 0.014, &Ink::flat(Colour::WHITE.faint(0.6)));
}

/// A rocket on its flame.
pub(super) fn rocket(canvas: &mut Canvas, look: &Look) {
    let [first, second, third, _] = look.palette.accents;
    let shell = look.brief.dye().unwrap_or_else(|| Colour::hex(0xee_f1f5));
    canvas.glow((0.0, 0.05), 0.4, second, 0.8);
    for (half, long, colour) in
        [(0.1, 0.36, first), (0.07, 0.25, second), (0.04, 0.15, Colour::WHITE)]
    {
        let flame = [(0.0, -0.16), (half, -0.06), (half * 0.6, long * 0.5), (0.0, long)];
        canvas.fill(smooth(&both_sides(&flame)), &Ink::flat(colour));
    }
    for side in [-1.0, 1.0] {
        let fin = [(0.12, -0.42), (0.27, -0.17), (0.24, -0.03), (0.1, -0.14)];
        let fin: Vec<_> = fin.iter().map(|(x, y)| (x * side, *y)).collect();
        canvas.fill(polygon(&fin), &Ink::flat(first.darker(0.1)));
    }
    let hull =
        [(0.0, -1.0), (0.1, -0.84), (0.155, -0.6), (0.15, -0.32), (0.095, -0.1), (0.0, -0.1)];
    let stops = [(0.0, shell.darker(0.12)), (0.3, shell.lighter(0.4)), (1.0, shell.darker(0.42))];
    canvas.fill(smooth(&both_sides(&hull)), &Ink::fade((-0.15, 0.0), (0.15, 0.0), &stops));
    let nose = [(0.0, -1.0), (0.06, -0.92), (0.1, -0.83), (0.0, -0.81)];
    canvas.fill(smooth(&both_sides(&nose)), &Ink::flat(first));
    canvas.disc((0.0, -0.6), 0.075, &Ink::flat(shell.darker(0.55)));
    let pane = Ink::fade((-0.05, -0.65), (0.05, -0.55), &[(0.0, third.lighter(0.5)), (1.0, third)]);
    canvas.disc((0.0, -0.6), 0.055, &pane);
    let belt = line(&[(-0.142, -0.27), (0.142, -0.27)]);
    canvas.stroke(belt, 0.022, &Ink::flat(first));
}
