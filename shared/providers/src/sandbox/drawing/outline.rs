//! Owns the outlines that several scenes and figures share.

use core::f32::consts::PI;

use tiny_skia::{Path, PathBuilder, Rect};

use super::chance::Chance;

/// Straight edges through the points, closed.
pub(super) fn polygon(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    push_polygon(&mut path, points);
    path.finish()
}

/// Adds a closed polygon to an outline.
pub(super) fn push_polygon(path: &mut PathBuilder, points: &[(f32, f32)]) {
    let Some(((x, y), rest)) = points.split_first() else { return };
    path.move_to(*x, *y);
    for (x, y) in rest {
        path.line_to(*x, *y);
    }
    path.close();
}

/// An open line through the points.
pub(super) fn line(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let ((x, y), rest) = points.split_first()?;
    path.move_to(*x, *y);
    for (x, y) in rest {
        path.line_to(*x, *y);
    }
    path.finish()
}

/// A soft closed curve through the points.
pub(super) fn smooth(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let before = points.iter().cycle().skip(points.len().checked_sub(1)?);
    let from = points.iter().cycle();
    let to = points.iter().cycle().skip(1);
    let after = points.iter().cycle().skip(2);
    let first = points.first()?;
    path.move_to(first.0, first.1);
    for (((before, from), to), after) in before.zip(from).zip(to).zip(after).take(points.len()) {
        path.cubic_to(
            from.0 + (to.0 - before.0) / 6.0,
            from.1 + (to.1 - before.1) / 6.0,
            to.0 - (after.0 - from.0) / 6.0,
            to.1 - (after.1 - from.1) / 6.0,
            to.0,
            to.1,
        );
    }
    path.close();
    path.finish()
}

/// The right half of something symmetric, from top to bottom, completed by its mirror image.
pub(super) fn both_sides(right: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let left = right.iter().rev().filter(|(x, _)| *x > 0.0).map(|(x, y)| (-x, *y));
    right.iter().copied().chain(left).collect()
}

/// A rectangle with round corners.
pub(super) fn rounded(left: f32, top: f32, width: f32, height: f32, radius: f32) -> Option<Path> {
    let radius = radius.min(width / 2.0).min(height / 2.0);
    let (right, bottom) = (left + width, top + height);
    // A cubic comes closest to a quarter circle with its handles this far out.
    let handle = radius * 0.447_7;
    let mut path = PathBuilder::new();
    path.move_to(left + radius, top);
    path.line_to(right - radius, top);
    path.cubic_to(right - handle, top, right, top + handle, right, top + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - handle, right - handle, bottom, right - radius, bottom);
    path.line_to(left + radius, bottom);
    path.cubic_to(left + handle, bottom, left, bottom - handle, left, bottom - radius);
    path.line_to(left, top + radius);
    path.cubic_to(left, top + handle, left + handle, top, left + radius, top);
    path.close();
    path.finish()
}

/// An upright ellipse.
pub(super) fn oval(centre: (f32, f32), across: f32, upright: f32) -> Option<Path> {
    let (x, y) = centre;
    Rect::from_ltrb(x - across, y - upright, x + across, y + upright)
        .and_then(PathBuilder::from_oval)
}

/// A point on a circle; a turn is 1, upwards is 0, and it runs clockwise.
pub(super) fn around(centre: (f32, f32), radius: f32, turn: f32) -> (f32, f32) {
    let angle = turn * 2.0 * PI;
    (centre.0 + radius * libm::sinf(angle), centre.1 - radius * libm::cosf(angle))
}

/// Petals round a centre, each pointed at its root and round at its end.
pub(super) fn petals(centre: (f32, f32), radius: f32, count: usize, turn: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    let share = 1.0 / count.max(1) as f32;
    for petal in 0..count {
        let middle = turn + petal as f32 * share;
        let (left_x, left_y) = around(centre, radius * 1.15, middle - share * 0.62);
        let (right_x, right_y) = around(centre, radius * 1.15, middle + share * 0.62);
        path.move_to(centre.0, centre.1);
        path.cubic_to(left_x, left_y, right_x, right_y, centre.0, centre.1);
        path.close();
    }
    path.finish()
}

/// A moon in its first or last quarter: the disc without another disc beside it.
pub(super) fn crescent(centre: (f32, f32), radius: f32, facing: f32) -> Option<Path> {
    const STEPS: usize = 24;
    let rim = (0..=STEPS).map(|step| {
        let turn = step as f32 / STEPS as f32 * 0.5;
        let (x, y) = around((0.0, 0.0), radius, turn);
        (x, y)
    });
    let inner = (0..=STEPS).rev().map(|step| {
        let turn = step as f32 / STEPS as f32 * 0.5;
        let (x, y) = around((0.0, 0.0), radius, turn);
        (x * 0.45, y)
    });
    let points: Vec<_> =
        rim.chain(inner).map(|(x, y)| tilted(centre, (x * facing, y), 0.07 * facing)).collect();
    polygon(&points)
}

/// A point turned round the origin, then moved.
pub(super) fn tilted(centre: (f32, f32), point: (f32, f32), turn: f32) -> (f32, f32) {
    let angle = turn * 2.0 * PI;
    let (sine, cosine) = (libm::sinf(angle), libm::cosf(angle));
    (centre.0 + point.0 * cosine - point.1 * sine, centre.1 + point.0 * sine + point.1 * cosine)
}

/// Adds the crown of a broad-leaved tree and, to the other outline, its trunk.
pub(super) fn push_crown(
    crown: &mut PathBuilder,
    trunk: &mut PathBuilder,
    foot: (f32, f32),
    height: f32,
    chance: &mut Chance,
) {
    let (x, y) = foot;
    let half = height * 0.022;
    let top = y - height * 0.75;
    push_polygon(
        trunk,
        &[(x - half * 1.6, y), (x - half, top), (x + half, top), (x + half * 1.6, y)],
    );
    for side in [-1.0, 1.0] {
        let fork = y - height * chance.between(0.34, 0.46);
        let reach = (x + side * height * 0.13, fork - height * 0.16);
        push_polygon(trunk, &[(x, fork + half), reach, (x, fork - half * 2.0)]);
    }
    let puffs = chance.count(7, 10);
    for puff in 0..puffs {
        let turn = puff as f32 / puffs as f32;
        let reach = height * chance.between(0.1, 0.17);
        let (puff_x, puff_y) = around((x, y - height * 0.68), reach, turn);
        let radius = height * chance.between(0.09, 0.14);
        crown.push_circle(puff_x, puff_y - (y - height * 0.68 - puff_y) * 0.25, radius);
    }
    crown.push_circle(x, y - height * 0.7, height * 0.14);
}

/// Adds a pine with its foot at a point.
pub(super) fn push_pine(
    path: &mut PathBuilder,
    foot: (f32, f32),
    height: f32,
    chance: &mut Chance,
) {
    let tiers = chance.count(6, 9);
    let half = height * chance.between(0.15, 0.21);
    let trunk = height * 0.02;
    let mut side = |direction: f32| -> Vec<(f32, f32)> {
        let mut points = Vec::with_capacity(tiers * 2);
        for tier in 1..=tiers {
            let share = tier as f32 / tiers as f32;
            let reach = half * share * chance.between(0.78, 1.1);
            let y = foot.1 - height * (1.0 - 0.9 * share);
            points.push((foot.0 + direction * reach, y + height * 0.015));
            points.push((foot.0 + direction * reach * 0.5, y - height * 0.012));
        }
        points
    };
    let (right, left) = (side(1.0), side(-1.0));
    let mut points = vec![(foot.0, foot.1 - height)];
    points.extend(right);
    points.extend([(foot.0 + trunk, foot.1), (foot.0 - trunk, foot.1)]);
    points.extend(left.into_iter().rev());
    push_polygon(path, &points);
}
