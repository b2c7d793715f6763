//! Owns the pictures of the sandbox: landscapes, still-life pictures and abstractions that a prompt and a seed
//! decide down to the last bit, so that the product can be tried without any provider's key.
//!
//! Only arithmetic that rounds alike everywhere is used (`libm` instead of the platform's functions,
//! no blend mode of the rasteriser that approximates), hence the same bytes on every machine.

#![expect(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures are made of floats; no money here"
)]

mod brief;
mod canvas;
mod chance;
mod colour;
mod figures;
mod outline;
mod palette;
mod scenes;
mod sky;
mod watermark;

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use brief::Brief;
use canvas::Canvas;
use chance::Chance;
use palette::Palette;

#[cfg(test)]
mod tests;

/// No side of a picture is longer.
const SIDE_PX_MAX: u32 = 2048;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrawingError {
    /// A side is 0 or too long.
    #[error("a picture of {width}x{height} pixels cannot be drawn: a side is 1 to {SIDE_PX_MAX}")]
    Size {
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
    /// The picture is drawn, but could not be written down.
    #[error("the picture could not be encoded")]
    Encoding(#[from] png::EncodingError),
}

/// What all parts of one picture have in common.
struct Look {
    brief: Brief,
    palette: Palette,
}

/// Draws a picture from a prompt: the same four arguments always give the same bytes, an RGB PNG.
///
/// # Errors
///
/// If a side is 0 or above 2048 pixels, or if the encoder fails.
pub(crate) fn draw(
    prompt: &str,
    width: u32,
    height: u32,
    seed: u64,
) -> Result<Vec<u8>, DrawingError> {
    let bounded = [width, height].iter().all(|side| (1..=SIDE_PX_MAX).contains(side));
    let canvas = if bounded { Canvas::new(width, height) } else { None };
    let mut canvas = canvas.ok_or(DrawingError::Size { width, height })?;
    let mut chance = Chance::of_seed(prompt, seed);
    let brief = Brief::read(prompt);
    let palette = brief.palette(prompt).varied(&mut chance);
    let look = Look { brief, palette };
    let spot = scenes::paint(&mut canvas, &look, &mut chance);
    figures::paint(&mut canvas, &look, &mut chance, spot);
    sky::weather(&mut canvas, &look, &mut chance);
    watermark::paint(&mut canvas);
    Ok(encode(&canvas.into_rgb(), width, height)?)
}

/// Fast before small: the smooth areas of these pictures compress well anyhow.
fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::with_capacity(rgb.len() / 4);
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Paeth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}
