//! Owns the animals: they sit and look at you; ears, tail and face tell them apart.

use tiny_skia::PathBuilder;

use crate::sandbox::drawing::Look;
use crate::sandbox::drawing::brief::Figure;
use crate::sandbox::drawing::canvas::{Canvas, Ink};
use crate::sandbox::drawing::colour::Colour;
use crate::sandbox::drawing::outline::{both_sides, line, oval, polygon, rounded, smooth};

/// How the animals differ.
struct Kind {
    coat: u32,
    belly: u32,
    iris: u32,
    ears: Ears,
    /// How far the muzzle and the cheeks stick out.
    pointed: bool,
    bushy: bool,
}

/// The shapes of ears.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ears {
    Upright,
    Floppy,
    Long,
}

fn kind(figure: Figure) -> Kind {
    let cat = Kind {
        coat: 0x3a_3440,
        belly: 0x5a_5262,
        iris: 0xff_c94a,
        ears: Ears::Upright,
        pointed: false,
        bushy: false,
    };
    match figure {
        Figure::Fox => Kind {
            coat: 0xdf_6a26,
            belly: 0xff_f3e4,
            iris: 0x3a_2414,
            pointed: true,
            bushy: true,
            ..cat
        },
        Figure::Wolf => Kind {
            coat: 0x7c_8694,
            belly: 0xe6_ebf0,
            iris: 0xf5_b83d,
            pointed: true,
            bushy: true,
            ..cat
        },
        Figure::Dog => {
            Kind { coat: 0xb9_7a45, belly: 0xfb_e8cf, iris: 0x2e_1c12, ears: Ears::Floppy, ..cat }
        }
        Figure::Rabbit => {
            Kind { coat: 0xcf_c3b8, belly: 0xff_faf3, iris: 0x33_2222, ears: Ears::Long, ..cat }
        }
        Figure::Cat
        | Figure::Hourglass
        | Figure::Robot
        | Figure::Balloon
        | Figure::Boat
        | Figure::Cabin
        | Figure::Traveller
        | Figure::Rocket => cat,
    }
}

pub(super) fn paint(canvas: &mut Canvas, look: &Look, figure: Figure) {
    let kind = kind(figure);
    let dye = look.brief.dye();
    let coat = dye.unwrap_or_else(|| Colour::hex(kind.coat));
    let belly = match dye {
        Some(dye) if !kind.pointed => dye.lighter(0.3),
        _ => Colour::hex(kind.belly),
    };
    tail(canvas, &kind, coat, belly);
    body(canvas, coat, belly);
    ears(canvas, &kind, coat);
    head(canvas, &kind, coat, belly);
    face(canvas, &kind, coat);
}

fn tail(canvas: &mut Canvas, kind: &Kind, coat: Colour, tip: Colour) {
    let ink = Ink::down(-0.5, 0.0, &[(0.0, coat), (1.0, coat.darker(0.2))]);
    match (kind.bushy, kind.ears) {
        (true, _) => {
            let brush = smooth(&[
                (0.1, -0.02),
                (0.3, 0.0),
                (0.45, -0.1),
                (0.5, -0.27),
                (0.44, -0.44),
                (0.36, -0.3),
                (0.28, -0.2),
                (0.16, -0.14),
            ]);
            canvas.fill(brush, &ink);
            let end = smooth(&[
                (0.505, -0.25),
                (0.495, -0.36),
                (0.44, -0.44),
                (0.385, -0.35),
                (0.42, -0.29),
                (0.46, -0.3),
            ]);
            canvas.fill(end, &Ink::flat(tip));
        }
        (false, Ears::Long) => canvas.disc((0.25, -0.09), 0.075, &Ink::flat(tip)),
        (false, Ears::Upright | Ears::Floppy) => {
            let mut path = PathBuilder::new();
            path.move_to(0.12, -0.05);
            // Not a cubic: the stroker asks the platform for a cosine there.
            path.quad_to(0.35, 0.02, 0.4, -0.15);
            path.quad_to(0.42, -0.24, 0.37, -0.32);
            path.quad_to(0.31, -0.4, 0.36, -0.46);
            canvas.stroke(path.finish(), 0.062, &ink);
        }
    }
}

fn body(canvas: &mut Canvas, coat: Colour, belly: Colour) {
    let outline = smooth(&both_sides(&[
        (0.0, -0.64),
        (0.12, -0.58),
        (0.17, -0.42),
        (0.225, -0.22),
        (0.235, -0.07),
        (0.17, 0.0),
        (0.0, 0.005),
    ]));
    canvas.fill(outline, &Ink::down(-0.6, 0.0, &[(0.0, coat), (1.0, coat.darker(0.22))]));
    for side in [-1.0, 1.0] {
        let haunch = oval((0.155 * side, -0.11), 0.1, 0.12);
        canvas.fill(haunch, &Ink::flat(coat.darker(0.1)));
    }
    let chest = smooth(&both_sides(&[
        (0.0, -0.56),
        (0.085, -0.5),
        (0.09, -0.38),
        (0.045, -0.27),
        (0.0, -0.22),
    ]));
    canvas.fill(chest, &Ink::flat(belly));
    for side in [-1.0, 1.0] {
        let leg = rounded(0.055 * side - 0.045, -0.34, 0.09, 0.345, 0.045);
        let stops = [(0.0, coat.faint(0.0)), (0.35, coat), (1.0, coat.darker(0.1))];
        canvas.fill(leg, &Ink::down(-0.34, 0.0, &stops));
        let paw = oval((0.06 * side, -0.012), 0.056, 0.03);
        canvas.fill(paw, &Ink::flat(belly.mix(coat, 0.25)));
    }
}

fn ears(canvas: &mut Canvas, kind: &Kind, coat: Colour) {
    let inner = Ink::flat(Colour::hex(0xe8_9aa0).mix(coat, 0.35));
    for side in [-1.0, 1.0] {
        let place = |points: &[(f32, f32)]| -> Vec<(f32, f32)> {
            points.iter().map(|(x, y)| (x * side, *y)).collect()
        };
        match kind.ears {
            Ears::Upright => {
                let (tip, wide) = if kind.pointed { (-1.04, 0.21) } else { (-1.0, 0.2) };
                let ear = place(&[(0.035, -0.85), (0.155, tip), (wide, -0.76)]);
                canvas.fill(polygon(&ear), &Ink::flat(coat.darker(0.12)));
                let inside = place(&[(0.085, -0.87), (0.15, tip + 0.055), (wide - 0.03, -0.8)]);
                canvas.fill(polygon(&inside), &inner);
                if kind.pointed {
                    let top = place(&[(0.115, tip + 0.064), (0.155, tip), (0.172, tip + 0.09)]);
                    canvas.fill(polygon(&top), &Ink::flat(coat.darker(0.7)));
                }
            }
            Ears::Floppy => {}
            Ears::Long => {
                let points =
                    [(0.05, -0.84), (0.05, -1.12), (0.1, -1.24), (0.15, -1.1), (0.12, -0.84)];
                canvas.fill(smooth(&place(&points)), &Ink::flat(coat.darker(0.06)));
                let points =
                    [(0.075, -0.88), (0.078, -1.08), (0.1, -1.16), (0.122, -1.07), (0.105, -0.88)];
                canvas.fill(smooth(&place(&points)), &inner);
            }
        }
    }
}

fn head(canvas: &mut Canvas, kind: &Kind, coat: Colour, belly: Colour) {
    let ink = Ink::down(-0.92, -0.54, &[(0.0, coat.lighter(0.07)), (1.0, coat)]);
    if kind.pointed {
        let half = [
            (0.0, -0.9),
            (0.12, -0.885),
            (0.19, -0.81),
            (0.25, -0.7),
            (0.1, -0.585),
            (0.0, -0.535),
        ];
        canvas.fill(polygon(&both_sides(&half)), &ink);
        for side in [-1.0, 1.0] {
            let cheek = [
                (0.0, -0.66),
                (0.075, -0.72),
                (0.165, -0.7),
                (0.25, -0.7),
                (0.1, -0.585),
                (0.0, -0.535),
            ];
            let cheek: Vec<_> = cheek.iter().map(|(x, y)| (x * side, *y)).collect();
            canvas.fill(polygon(&cheek), &Ink::flat(belly));
        }
        return;
    }
    let half =
        [(0.0, -0.905), (0.12, -0.89), (0.205, -0.8), (0.215, -0.7), (0.15, -0.595), (0.0, -0.56)];
    canvas.fill(smooth(&both_sides(&half)), &ink);
    for side in [-1.0, 1.0] {
        let muzzle = oval((0.04 * side, -0.645), 0.062, 0.05);
        canvas.fill(muzzle, &Ink::flat(belly.lighter(0.08)));
    }
    if kind.ears == Ears::Floppy {
        for side in [-1.0, 1.0] {
            let points = [
                (0.1, -0.9),
                (0.2, -0.88),
                (0.27, -0.76),
                (0.265, -0.62),
                (0.21, -0.57),
                (0.175, -0.7),
            ];
            let ear: Vec<_> = points.iter().map(|(x, y)| (x * side, *y)).collect();
            canvas.fill(smooth(&ear), &Ink::flat(coat.darker(0.32)));
        }
    }
}

fn face(canvas: &mut Canvas, kind: &Kind, coat: Colour) {
    let dark = Colour::hex(0x1a_1216);
    let iris = Colour::hex(kind.iris);
    let bright = iris.lightness() > 0.5;
    for side in [-1.0, 1.0] {
        let eye = (0.092 * side, -0.745);
        let upright = if kind.pointed { 0.028 } else { 0.038 };
        canvas.fill(oval(eye, 0.034, upright), &Ink::flat(if bright { iris } else { dark }));
        if bright {
            canvas.fill(oval(eye, 0.012, upright * 0.85), &Ink::flat(dark));
        }
        canvas.disc((eye.0 + 0.01, eye.1 - 0.014), 0.008, &Ink::flat(Colour::WHITE));
        let whiskers = Ink::flat(if coat.lightness() < 0.5 {
            Colour::WHITE.faint(0.55)
        } else {
            dark.faint(0.35)
        });
        let cheeks = [(-0.665, -0.7), (-0.645, -0.645), (-0.625, -0.59)];
        for (from, to) in cheeks.into_iter().filter(|_| !kind.pointed) {
            canvas.stroke(line(&[(0.08 * side, from), (0.25 * side, to)]), 0.004, &whiskers);
        }
    }
    let (y, wide) = if kind.pointed { (-0.565, 0.032) } else { (-0.675, 0.024) };
    let nose = smooth(&[(-wide, y - 0.012), (0.0, y - 0.018), (wide, y - 0.012), (0.0, y + 0.02)]);
    canvas.fill(
        nose,
        &Ink::flat(if kind.ears == Ears::Long {
            dark.mix(Colour::hex(0xe8_8a90), 0.8)
        } else {
            dark
        }),
    );
    if !kind.pointed {
        let mut smile = PathBuilder::new();
        smile.move_to(-0.05, y + 0.045);
        smile.quad_to(-0.02, y + 0.075, 0.0, y + 0.04);
        smile.quad_to(0.02, y + 0.075, 0.05, y + 0.045);
        canvas.stroke(smile.finish(), 0.008, &Ink::flat(dark.faint(0.7)));
    }
}
