//! Two curves: what waiting costs, and how long a job takes, by how many jobs share an invocation.

use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use crate::batches::Batch;

const SIZE: (u32, u32) = (960, 380);
const BLUE_INK: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);
const RED_INK: RGBColor = RGBColor(0xb0, 0x3a, 0x2e);

/// Writes an SVG.
pub(crate) fn write(path: &Path, batches: &[Batch]) -> anyhow::Result<()> {
    draw(path, batches).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn draw(path: &Path, batches: &[Batch]) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(SIZE.0 / 2);
    let points = |of: fn(&Batch) -> f64| -> Vec<(f64, f64)> {
        batches.iter().map(|batch| (f64::from(batch.jobs), of(batch))).collect()
    };
    let cost = points(|batch| batch.usd_per_1000);
    let latency = points(|batch| batch.latency_ms / 1_000.0);
    panel(&left, "Lambda's price of 1,000 jobs, USD", &cost, BLUE_INK)?;
    panel(&right, "from the event to the end of a job, p50, s", &latency, RED_INK)?;
    root.present()?;
    Ok(())
}

/// Half of the picture.
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

#[expect(clippy::arithmetic_side_effects, reason = "a plus puts elements of a picture together")]
fn panel(
    area: &Area<'_>,
    title: &str,
    points: &[(f64, f64)],
    ink: RGBColor,
) -> Result<(), Box<dyn std::error::Error>> {
    let jobs = || points.iter().map(|(jobs, _)| *jobs);
    let figures = || points.iter().map(|(_, figure)| *figure);
    let (least, most) = (jobs().fold(1.0, f64::min), jobs().fold(2.0, f64::max));
    let (low, high) =
        (figures().fold(f64::MAX, f64::min), figures().fold(f64::MIN_POSITIVE, f64::max));
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .caption(title, ("sans-serif", 16))
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((least..most).log_scale(), (low / 2.0..high * 2.0).log_scale())?;
    let number = |value: &f64| format!("{value}");
    chart
        .configure_mesh()
        .x_desc("jobs in one invocation")
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .light_line_style(WHITE)
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), ink.stroke_width(2)))?;
    chart.draw_series(points.iter().map(|point| Circle::new(*point, 4, ink.filled())))?;
    let name = |(jobs, figure): &(f64, f64)| {
        let digits = if *figure < 0.1 { 5 } else { 2 };
        let text = format!("{figure:.digits$}");
        EmptyElement::at((*jobs, *figure)) + Text::new(text, (-14, -20), ("sans-serif", 13))
    };
    chart.draw_series(points.iter().map(name))?;
    Ok(())
}
