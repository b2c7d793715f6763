//! Owns the surface: inks, fills, glows and mirror images. Nothing here knows what a picture shows.

use tiny_skia::{
    BlendMode, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder,
    Pixmap, Point, PremultipliedColorU8, RadialGradient, Shader, SpreadMode, Stroke, Transform,
};

use super::chance::{Chance, Contour};
use super::colour::Colour;

/// What an outline is filled with.
pub(super) struct Ink(Shader<'static>);

impl Ink {
    pub(super) fn flat(colour: Colour) -> Self {
        Self(Shader::SolidColor(colour.paint()))
    }

    /// From the first point to the second; the stops count from 0 to 1.
    pub(super) fn fade(from: (f32, f32), to: (f32, f32), stops: &[(f32, Colour)]) -> Self {
        let shader = LinearGradient::new(
            Point::from(from),
            Point::from(to),
            gradient(stops),
            SpreadMode::Pad,
            Transform::identity(),
        );
        shader.map_or_else(|| Self::last(stops), Self)
    }

    /// Downwards between two heights.
    pub(super) fn down(top: f32, bottom: f32, stops: &[(f32, Colour)]) -> Self {
        Self::fade((0.0, top), (0.0, bottom), stops)
    }

    /// Outwards from a centre.
    pub(super) fn round(centre: (f32, f32), radius: f32, stops: &[(f32, Colour)]) -> Self {
        let centre = Point::from(centre);
        let identity = Transform::identity();
        let stopped = gradient(stops);
        let shader =
            RadialGradient::new(centre, 0.0, centre, radius, stopped, SpreadMode::Pad, identity);
        shader.map_or_else(|| Self::last(stops), Self)
    }

    /// A gradient without extent is its last colour.
    fn last(stops: &[(f32, Colour)]) -> Self {
        Self::flat(stops.last().map_or(Colour::BLACK, |(_, colour)| *colour))
    }
}

/// The rasteriser mixes in sRGB. Between colours that are far apart, steps mixed in Oklab keep its
/// gradients clean; between the others they would only cost time.
fn gradient(stops: &[(f32, Colour)]) -> Vec<GradientStop> {
    let mut fine = Vec::with_capacity(stops.len() * 3);
    for ((from, left), (to, right)) in stops.iter().zip(stops.iter().skip(1)) {
        let parts = if left.distance(*right) > 0.2 { 3_u8 } else { 1 };
        for part in 0..parts {
            let share = f32::from(part) / f32::from(parts);
            let colour = left.mix(*right, share).paint();
            fine.push(GradientStop::new(from + (to - from) * share, colour));
        }
    }
    fine.extend(stops.last().map(|(at, colour)| GradientStop::new(*at, colour.paint())));
    fine
}

/// The picture as far as it is drawn.
pub(super) struct Canvas {
    pixmap: Pixmap,
    frame: Transform,
    pub(super) width: f32,
    pub(super) height: f32,
    /// The shorter side: what sizes are measured by.
    pub(super) unit: f32,
}

impl Canvas {
    /// An empty surface; none if it has no area.
    pub(super) fn new(width_px: u32, height_px: u32) -> Option<Self> {
        let pixmap = Pixmap::new(width_px, height_px)?;
        let (width, height) = (width_px as f32, height_px as f32);
        Some(Self { pixmap, frame: Transform::identity(), width, height, unit: width.min(height) })
    }

    /// A size that looks alike on narrow and on wide pictures, from the share of the shorter side.
    pub(super) fn size(&self, share: f32) -> f32 {
        self.unit * share
    }

    /// Draws in the frame of a figure: its feet at the origin, its height 1, y pointing down.
    /// A negative `facing` looks the other way.
    pub(super) fn within(
        &mut self,
        feet: (f32, f32),
        height: f32,
        facing: f32,
        draw: impl FnOnce(&mut Self),
    ) {
        let before = self.frame;
        let (x, y) = feet;
        self.frame = Transform::from_row(height * facing, 0.0, 0.0, height, x, y);
        draw(self);
        self.frame = before;
    }

    /// Fills an outline; one without area leaves no trace.
    pub(super) fn fill(&mut self, outline: Option<Path>, ink: &Ink) {
        self.blend(outline, ink, BlendMode::SourceOver);
    }

    /// Fills an outline with light: it brightens what is below.
    pub(super) fn lighten(&mut self, outline: Option<Path>, ink: &Ink) {
        self.blend(outline, ink, BlendMode::Screen);
    }

    fn blend(&mut self, outline: Option<Path>, ink: &Ink, blend_mode: BlendMode) {
        let Some(outline) = outline else { return };
        let paint = Paint { shader: ink.0.clone(), blend_mode, ..Paint::default() };
        self.pixmap.fill_path(&outline, &paint, FillRule::Winding, self.frame, None);
    }

    /// Draws a line with round ends.
    pub(super) fn stroke(&mut self, line: Option<Path>, width: f32, ink: &Ink) {
        let Some(line) = line else { return };
        let paint = Paint { shader: ink.0.clone(), ..Paint::default() };
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        self.pixmap.stroke_path(&line, &paint, &stroke, self.frame, None);
    }

    pub(super) fn disc(&mut self, centre: (f32, f32), radius: f32, ink: &Ink) {
        self.fill(PathBuilder::from_circle(centre.0, centre.1, radius), ink);
    }

    /// A soft light without an edge. The rasteriser's radial gradients cost too much for something
    /// this large and this frequent.
    pub(super) fn glow(&mut self, centre: (f32, f32), radius: f32, colour: Colour, strength: f32) {
        let mut point = Point::from(centre);
        self.frame.map_point(&mut point);
        let radius = radius * self.frame.sy.abs();
        let light = colour.srgb().map(|share| share * strength);
        let columns = self.pixmap.width() as usize;
        let within = |from: f32, to: f32, limit: u32| {
            let limit = limit as f32;
            from.clamp(0.0, limit) as usize..to.clamp(0.0, limit) as usize
        };
        let across = within(point.x - radius, point.x + radius + 1.0, self.pixmap.width());
        let down = within(point.y - radius, point.y + radius + 1.0, self.pixmap.height());
        let rows = self.pixmap.data_mut().chunks_exact_mut(columns * 4).enumerate();
        for (y, row) in rows.skip(down.start).take(down.len()) {
            let dy = (y as f32 + 0.5 - point.y) / radius;
            let Some(row) = row.get_mut(across.start * 4..across.end * 4) else { continue };
            let first = (across.start as f32 + 0.5 - point.x) / radius;
            shine_on(row, first, 1.0 / radius, dy * dy, light);
        }
    }

    /// Washes the width of the picture with a vertical gradient; the stops count from 0 at `top` to 1
    /// at `bottom`.
    pub(super) fn wash(&mut self, top: f32, bottom: f32, stops: &[(f32, Colour)]) {
        let columns = self.pixmap.width() as usize;
        let rows = self.pixmap.data_mut().chunks_exact_mut(columns * 4).enumerate();
        let first = top.max(0.0) as usize;
        let count = (bottom.max(0.0) as usize).saturating_sub(first);
        for (y, row) in rows.skip(first).take(count) {
            let colour = Colour::between(stops, (y as f32 + 0.5 - top) / (bottom - top));
            cover(row, colour);
        }
    }

    /// Fills the width of the picture between two heights.
    pub(super) fn band(&mut self, top: f32, bottom: f32, ink: &Ink) {
        let rect = tiny_skia::Rect::from_ltrb(0.0, top, self.width, bottom);
        self.fill(rect.map(PathBuilder::from_rect), ink);
    }

    /// Makes everything below `horizon` a rippled mirror image of what is above, ever more of the
    /// colour of the water towards the viewer.
    pub(super) fn mirror(&mut self, horizon: f32, water: Colour, chance: &mut Chance) {
        let (across, along) = (Contour::new(chance), Contour::new(chance));
        let reach = self.height - horizon;
        let (swing, grain) = (self.unit * 0.015, 220.0 / self.unit.max(1.0));
        let columns = self.pixmap.width() as usize;
        let tint = water.srgb().map(|share| share * 255.0);
        let first = horizon.max(1.0) as usize;
        let pixels = self.pixmap.pixels_mut();
        let Some((above, below)) = pixels.split_at_mut_checked(first * columns) else { return };
        for (row, line) in below.chunks_exact_mut(columns).enumerate() {
            let depth = row as f32 / reach.max(1.0);
            // Ripples are finer far away: their place goes with the inverse of the distance.
            let place = row as f32 * grain / (0.25 + depth * 2.0);
            let bend = across.at(place) * swing * (0.15 + depth);
            let lift = along.at(place * 0.8) * swing * (0.1 + depth);
            let source =
                (first as f32 - 1.0 - row as f32 * 1.1 + lift).clamp(0.0, first as f32 - 1.0);
            let start = source as usize * columns;
            let Some(seen) = above.get(start..start + columns) else { continue };
            let share = 0.18 + 0.55 * depth.min(1.0) + 0.06 * across.at(place * 1.7);
            copy_tinted(seen, line, bend as i64, tint, share);
        }
    }

    /// The rows from the top, as bytes in the order red, green, blue. In the place of the pixels: a second copy
    /// would be megabytes at the very moment when the most is in memory.
    pub(super) fn into_rgb(self) -> Vec<u8> {
        let mut bytes = self.pixmap.take();
        let pixels = bytes.len() / 4;
        for pixel in 0..pixels {
            bytes.copy_within(pixel * 4..pixel * 4 + 3, pixel * 3);
        }
        bytes.truncate(pixels * 3);
        bytes
    }
}

/// Copies a row of pixels, moved sideways and mixed with a colour.
fn copy_tinted(
    seen: &[PremultipliedColorU8],
    line: &mut [PremultipliedColorU8],
    bend: i64,
    tint: [f32; 3],
    share: f32,
) {
    let share = (share.clamp(0.0, 1.0) * 256.0) as u32;
    let [red, green, blue] = tint.map(|value| value as u32 * share);
    let mix = |value: u8, tint: u32| ((u32::from(value) * (256 - share) + tint) >> 8) as u8;
    let last = seen.len() as i64 - 1;
    for (column, pixel) in (0_i64..).zip(line.iter_mut()) {
        let Some(source) = seen.get((column + bend).clamp(0, last) as usize) else { continue };
        let mixed = PremultipliedColorU8::from_rgba(
            mix(source.red(), red),
            mix(source.green(), green),
            mix(source.blue(), blue),
            255,
        );
        if let Some(mixed) = mixed {
            *pixel = mixed;
        }
    }
}

/// Lays a colour over a row of bytes.
fn cover(row: &mut [u8], colour: Colour) {
    let opacity = colour.opacity().clamp(0.0, 1.0);
    let kept = 1.0 - opacity;
    let [red, green, blue] = colour.srgb().map(|share| share * 255.0 * opacity + 0.5);
    for pixel in row.as_chunks_mut::<4>().0 {
        let mix = |value: u8, tint: f32| (f32::from(value) * kept + tint) as u8;
        *pixel = [mix(pixel[0], red), mix(pixel[1], green), mix(pixel[2], blue), 255];
    }
}

/// Adds light to a row of bytes: `start` and `step` are places on it in radii from the centre.
fn shine_on(row: &mut [u8], start: f32, step: f32, rise: f32, light: [f32; 3]) {
    let [red, green, blue] = light;
    for (column, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let run = start + step * column as f32;
        let near = (1.0 - run * run - rise).max(0.0);
        let share = near * near * near;
        let lift = |value: u8, light: f32| {
            let value = f32::from(value);
            (value + (255.0 - value) * light * share + 0.5) as u8
        };
        *pixel = [lift(pixel[0], red), lift(pixel[1], green), lift(pixel[2], blue), pixel[3]];
    }
}
