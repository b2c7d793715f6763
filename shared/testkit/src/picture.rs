//! Small pictures that really are pictures.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// A text that stands in the metadata of every picture made here with metadata, and in no other.
/// Whatever strips metadata must not let it through.
pub const MARK: &str = "metadata-that-must-not-be-published";

/// A PNG of this size.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    encode(width, height, ImageFormat::Png)
}

/// A JPEG of this size.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encode(width, height, ImageFormat::Jpeg)
}

/// A WebP of this size.
pub fn webp(width: u32, height: u32) -> Vec<u8> {
    encode(width, height, ImageFormat::WebP)
}

/// A PNG of this size with a text and with Exif.
pub fn png_with_metadata(width: u32, height: u32) -> Vec<u8> {
    let text = [b"Comment\0", MARK.as_bytes()].concat();
    let added = [png_chunk(*b"tEXt", &text), png_chunk(*b"eXIf", &exif())].concat();
    // Behind the signature and the header, which has a fixed size.
    spliced(&png(width, height), 8 + 25, &added)
}

/// A JPEG of this size with Exif and with a comment.
pub fn jpeg_with_metadata(width: u32, height: u32) -> Vec<u8> {
    let exif = [&b"Exif\0\0"[..], &exif()].concat();
    let added = [jpeg_segment(0xE1, &exif), jpeg_segment(0xFE, MARK.as_bytes())].concat();
    // Behind the start-of-image marker.
    spliced(&jpeg(width, height), 2, &added)
}

/// A WebP of this size with Exif and with XMP, which needs the extended form of the file.
pub fn webp_with_metadata(width: u32, height: u32) -> Vec<u8> {
    let simple = webp(width, height);
    let image = simple.get(12..).expect("a RIFF header");
    // The flags say that there are Exif and XMP; sizes are stored less one, in three bytes.
    let mut features = vec![0x0C, 0, 0, 0];
    for side in [width, height] {
        let less_one = side.checked_sub(1).expect("a side of at least one").to_le_bytes();
        features.extend(less_one.iter().take(3));
    }
    let xmp = format!("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">{MARK}</x:xmpmeta>");
    let chunks = [
        b"WEBP".to_vec(),
        riff_chunk(*b"VP8X", &features),
        image.to_vec(),
        riff_chunk(*b"EXIF", &exif()),
        riff_chunk(*b"XMP ", xmp.as_bytes()),
    ]
    .concat();
    let size = u32::try_from(chunks.len()).expect("a small picture");
    [&b"RIFF"[..], &size.to_le_bytes(), &chunks].concat()
}

/// The size of a picture, if it can be decoded to the last pixel.
pub fn width_height(bytes: &[u8]) -> Option<(u32, u32)> {
    let picture = image::load_from_memory(bytes).ok()?;
    Some((picture.width(), picture.height()))
}

/// A picture in the format of this file extension, or nothing if there is none such.
pub(crate) fn with_extension(
    extension: &str,
    (width, height): (u32, u32),
    metadata: bool,
) -> Option<(&'static str, Vec<u8>)> {
    Some(match (extension, metadata) {
        ("png", false) => ("image/png", png(width, height)),
        ("png", true) => ("image/png", png_with_metadata(width, height)),
        ("jpg" | "jpeg", false) => ("image/jpeg", jpeg(width, height)),
        ("jpg" | "jpeg", true) => ("image/jpeg", jpeg_with_metadata(width, height)),
        ("webp", false) => ("image/webp", webp(width, height)),
        ("webp", true) => ("image/webp", webp_with_metadata(width, height)),
        (_, _) => return None,
    })
}

/// A small size in the ratio of another: no side is longer than 128 pixels.
pub(crate) fn small(width: u32, height: u32) -> (u32, u32) {
    const LONGEST: u32 = 128;
    let longer = width.max(height).max(1);
    let scaled = |side: u32| {
        let twice = side.saturating_mul(2).saturating_mul(LONGEST);
        // Rounded to the nearest, which keeps 1820x1024 what it is: 16 to 9.
        let rounded = twice.saturating_add(longer).checked_div(longer.saturating_mul(2));
        rounded.unwrap_or(1).max(1)
    };
    (scaled(width), scaled(height))
}

fn encode(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let [red, ..] = x.to_le_bytes();
        let [green, ..] = y.to_le_bytes();
        Rgb([red, green, 128])
    };
    let picture = DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixel));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("an encodable picture");
    bytes.into_inner()
}

fn spliced(bytes: &[u8], at: usize, added: &[u8]) -> Vec<u8> {
    let (head, tail) = bytes.split_at(at);
    [head, added, tail].concat()
}

/// TIFF, as Exif is: little-endian, one directory with one entry, the description of the picture.
fn exif() -> Vec<u8> {
    let text = [MARK.as_bytes(), b"\0"].concat();
    let length = u32::try_from(text.len()).expect("a short text");
    let mut bytes = b"II\x2A\0\x08\0\0\0\x01\0\x0E\x01\x02\0".to_vec();
    bytes.extend(length.to_le_bytes());
    // The text stands behind the header (8), the count (2), the entry (12) and the end (4).
    bytes.extend(26_u32.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(text);
    bytes
}

fn png_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("a small chunk");
    let body = [&kind[..], data].concat();
    let sum = crc32fast::hash(&body);
    [&length.to_be_bytes()[..], &body, &sum.to_be_bytes()].concat()
}

fn jpeg_segment(marker: u8, data: &[u8]) -> Vec<u8> {
    // The length counts itself.
    let length = data.len().checked_add(2).and_then(|length| u16::try_from(length).ok());
    let length = length.expect("a small segment");
    [&[0xFF, marker][..], &length.to_be_bytes(), data].concat()
}

fn riff_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("a small chunk");
    let padding: &[u8] = if data.len().is_multiple_of(2) { b"" } else { b"\0" };
    [&kind[..], &length.to_le_bytes(), data, padding].concat()
}
