//! Owns the traveller, the robot, and the cabin they may come home to.

use tiny_skia::PathBuilder;

use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline::{both_sides, line, oval, polygon, rounded, smooth};

/// Someone with a coat, a scarf and a staff, seen from behind.
pub(super) fn traveller(canvas: &mut Canvas, look: &Look) {
    let [first, second, ..] = look.palette.accents;
    let coat = look.brief.dye().unwrap_or_else(|| look.palette.land(0.75).mix(first, 0.18));
    let dark = coat.darker(0.45);
    for side in [-1.0, 1.0] {
        let leg = rounded(side * 0.065 - 0.04, -0.24, 0.08, 0.24, 0.03);
        canvas.fill(leg, &Ink::flat(dark.darker(0.4)));
    }
    let staff = line(&[(0.25, 0.0), (0.27, -0.84)]);
    canvas.stroke(staff, 0.02, &Ink::flat(Colour::hex(0x4a_3222)));
    let cloak = smooth(&both_sides(&[
        (0.0, -0.8),
        (0.1, -0.77),
        (0.15, -0.6),
        (0.19, -0.35),
        (0.235, -0.13),
        (0.1, -0.1),
        (0.0, -0.12),
    ]));
    let stops = [(0.0, coat.lighter(0.15)), (0.5, coat), (1.0, dark)];
    canvas.fill(cloak, &Ink::fade((-0.2, -0.7), (0.2, -0.1), &stops));
    let arm = smooth(&[(0.1, -0.72), (0.17, -0.62), (0.27, -0.5), (0.25, -0.46), (0.13, -0.53)]);
    canvas.fill(arm, &Ink::flat(dark));
    canvas.disc((0.0, -0.89), 0.095, &Ink::flat(Colour::hex(0x3a_2620)));
    let hat = oval((0.0, -0.925), 0.17, 0.028);
    canvas.fill(hat, &Ink::flat(dark.darker(0.2)));
    let crown = rounded(-0.08, -1.02, 0.16, 0.11, 0.05);
    canvas.fill(crown, &Ink::flat(dark.darker(0.1)));
    let scarf = rounded(-0.1, -0.82, 0.2, 0.055, 0.027);
    canvas.fill(scarf, &Ink::flat(second));
    let tail =
        smooth(&[(-0.06, -0.79), (-0.2, -0.8), (-0.33, -0.72), (-0.31, -0.68), (-0.18, -0.74)]);
    canvas.fill(tail, &Ink::flat(second.darker(0.1)));
}

/// A friendly machine.
pub(super) fn robot(canvas: &mut Canvas, look: &Look) {
    let [first, second, third, _] = look.palette.accents;
    let shell = look.brief.dye().unwrap_or_else(|| Colour::hex(0xd9_e2ea).mix(third, 0.12));
    let joint = Ink::flat(shell.darker(0.6));
    let metal = |left: f32, right: f32| {
        let stops =
            [(0.0, shell.darker(0.25)), (0.3, shell.lighter(0.5)), (1.0, shell.darker(0.4))];
        Ink::fade((left, 0.0), (right, 0.0), &stops)
    };
    for side in [-1.0, 1.0] {
        canvas.fill(rounded(side * 0.1 - 0.03, -0.22, 0.06, 0.2, 0.02), &joint);
        let foot = rounded(side * 0.11 - 0.075, -0.065, 0.15, 0.065, 0.03);
        canvas.fill(foot, &metal(-0.2, 0.2));
        let mut arm = PathBuilder::new();
        arm.move_to(side * 0.2, -0.5);
        arm.quad_to(side * 0.34, -0.46, side * 0.31, -0.3);
        canvas.stroke(arm.finish(), 0.045, &joint);
        canvas.disc((side * 0.31, -0.29), 0.048, &metal(-0.4, 0.4));
    }
    canvas.fill(rounded(-0.2, -0.56, 0.4, 0.37, 0.08), &metal(-0.2, 0.2));
    canvas.fill(rounded(-0.115, -0.48, 0.23, 0.15, 0.03), &Ink::flat(shell.darker(0.7)));
    for (index, colour) in (0_u8..3).zip([first, second, third]) {
        let lamp = (-0.065 + 0.065 * f32::from(index), -0.405);
        canvas.glow(lamp, 0.06, colour, 0.8);
        canvas.disc(lamp, 0.02, &Ink::flat(colour));
    }
    canvas.fill(rounded(-0.05, -0.62, 0.1, 0.08, 0.02), &joint);
    canvas.stroke(line(&[(0.0, -0.92), (0.0, -1.0)]), 0.014, &joint);
    canvas.glow((0.0, -1.02), 0.1, first, 0.9);
    canvas.disc((0.0, -1.02), 0.028, &Ink::flat(first));
    for side in [-1.0, 1.0] {
        canvas.fill(rounded(side * 0.235 - 0.025, -0.82, 0.05, 0.11, 0.02), &joint);
    }
    canvas.fill(rounded(-0.235, -0.93, 0.47, 0.33, 0.12), &metal(-0.235, 0.235));
    canvas.fill(rounded(-0.18, -0.87, 0.36, 0.21, 0.085), &Ink::flat(Colour::hex(0x10_1826)));
    for side in [-1.0, 1.0] {
        let eye = (side * 0.085, -0.785);
        canvas.glow(eye, 0.1, second, 0.8);
        canvas.fill(oval(eye, 0.03, 0.038), &Ink::flat(second.lighter(0.35)));
    }
    let mut smile = PathBuilder::new();
    smile.move_to(-0.04, -0.715);
    smile.quad_to(0.0, -0.68, 0.04, -0.715);
    canvas.stroke(smile.finish(), 0.012, &Ink::flat(second.lighter(0.35)));
}

/// A cabin with light in its windows.
pub(super) fn cabin(canvas: &mut Canvas, look: &Look) {
    let wood = look.brief.dye().unwrap_or_else(|| Colour::hex(0x6b_4029));
    let wood = wood.mix(look.palette.land(0.9), 0.35);
    let roof = look.palette.land(0.95).mix(Colour::hex(0x5a_2a24), 0.4);
    let warm = Colour::hex(0xff_cf70);
    canvas.fill(rounded(0.24, -0.98, 0.12, 0.42, 0.0), &Ink::flat(roof.darker(0.2)));
    for (x, y, size) in [(0.31, -1.08, 0.06), (0.36, -1.22, 0.085), (0.45, -1.4, 0.11)] {
        canvas.disc((x, y), size, &Ink::flat(Colour::WHITE.faint(0.2)));
    }
    let walls = polygon(&[(-0.5, 0.01), (-0.5, -0.4), (0.0, -0.8), (0.5, -0.4), (0.5, 0.01)]);
    let stops = [(0.0, wood.lighter(0.12)), (1.0, wood.darker(0.3))];
    canvas.fill(walls, &Ink::down(-0.8, 0.0, &stops));
    for plank in 1_u8..8 {
        let y = -0.05 * f32::from(plank);
        let seam = line(&[(-0.5, y), (0.5, y)]);
        canvas.stroke(seam, 0.006, &Ink::flat(Colour::BLACK.faint(0.25)));
    }
    let slopes =
        [(-0.62, -0.33), (0.0, -0.86), (0.62, -0.33), (0.56, -0.26), (0.0, -0.73), (-0.56, -0.26)];
    canvas.fill(polygon(&slopes), &Ink::flat(roof));
    canvas.fill(rounded(-0.09, -0.32, 0.18, 0.33, 0.01), &Ink::flat(roof.darker(0.3)));
    canvas.disc((0.055, -0.15), 0.013, &Ink::flat(warm));
    for (x, y) in [(-0.36, -0.31), (0.2, -0.31), (-0.07, -0.58)] {
        canvas.glow((x + 0.075, y + 0.075), 0.26, warm, 0.6);
        canvas.fill(rounded(x, y, 0.15, 0.15, 0.01), &Ink::flat(warm));
        let bars = Ink::flat(roof);
        canvas.stroke(line(&[(x + 0.075, y), (x + 0.075, y + 0.15)]), 0.012, &bars);
        canvas.stroke(line(&[(x, y + 0.075), (x + 0.15, y + 0.075)]), 0.012, &bars);
    }
}
