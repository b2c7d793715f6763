//! What of a picture's file is the picture.
//!
//! Upstreams write prompts, account names and provenance records into what they deliver, and none of
//! that is for whoever the picture is shown to. A file is walked part by part; what is needed to show
//! the same pixels in the same colours is kept as it is, all else goes, and so does whatever lies
//! behind the end. Nothing is decoded, so no pixel can change. A file that ends early is no picture:
//! it would be charged and could not be shown.

use std::ops::Range;

use super::{Kind, NotAPicture};

/// A PNG begins with it.
const PNG_SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The chunks of a PNG that say what its pixels are, and how large and in which colours they show.
/// Without `acTL`, `fcTL` and `fdAT` an animation is the still picture that it holds.
const PNG_KEPT: [[u8; 4]; 11] = [
    *b"IHDR", *b"PLTE", *b"tRNS", *b"gAMA", *b"cHRM", *b"sRGB", *b"iCCP", *b"sBIT", *b"cICP",
    *b"pHYs", *b"IDAT",
];
/// Bits of the first byte of `VP8X`: an EXIF chunk and an XMP chunk follow.
const WEBP_METADATA: u8 = 0b0000_1100;
/// A bit of the same byte: there is more than one frame.
const WEBP_ANIMATION: u8 = 0b0000_0010;

/// Takes out of the bytes what is not the picture.
///
/// # Errors
/// If they do not hold a whole picture.
pub(super) fn strip(bytes: &mut Vec<u8>, kind: Kind) -> Result<(), NotAPicture> {
    let kept = match kind {
        Kind::Png => png(bytes),
        Kind::Jpeg => jpeg(bytes),
        Kind::WebP => webp(bytes),
    };
    // Within the same memory: forty pictures may be held at a time.
    let mut end = 0_usize;
    for part in kept.ok_or(NotAPicture)? {
        let length = part.len();
        bytes.copy_within(part, end);
        end = end.saturating_add(length);
    }
    bytes.truncate(end);
    match kind {
        Kind::Png | Kind::Jpeg => Ok(()),
        Kind::WebP => mend_webp(bytes).ok_or(NotAPicture),
    }
}

/// A place in a file, and what was kept of the bytes before it.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    kept: Vec<Range<usize>>,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, kept: Vec::new() }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..count)?;
        self.at = self.at.checked_add(count)?;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Keeps everything from there to here.
    fn keep(&mut self, from: usize) {
        self.kept.push(from..self.at);
    }
}

/// <https://www.w3.org/TR/png-3/#5DataRep>
fn png(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut walk = Walk::new(bytes);
    if walk.array()? != PNG_SIGNATURE {
        return None;
    }
    walk.keep(0);
    let mut has_pixels = false;
    loop {
        let start = walk.at;
        let length = usize::try_from(u32::from_be_bytes(walk.array()?)).ok()?;
        let kind: [u8; 4] = walk.array()?;
        let content = walk.take(length)?;
        let sum = u32::from_be_bytes(walk.array()?);
        let is_first = start == PNG_SIGNATURE.len();
        let is_header = kind == *b"IHDR";
        let is_end = kind == *b"IEND";
        if is_first != is_header || (is_end && !content.is_empty()) {
            return None;
        }
        if is_end || PNG_KEPT.contains(&kind) {
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(&kind);
            hasher.update(content);
            if hasher.finalize() != sum {
                return None;
            }
            walk.keep(start);
        } else if kind.first().is_some_and(u8::is_ascii_uppercase) {
            // Its author says that the picture cannot be understood without it, and we do not know it.
            return None;
        }
        has_pixels |= kind == *b"IDAT" && !content.is_empty();
        if is_end {
            return has_pixels.then_some(walk.kept);
        }
    }
}

/// <https://www.w3.org/Graphics/JPEG/itu-t81.pdf>, annex B.
fn jpeg(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut walk = Walk::new(bytes);
    if walk.array()? != [0xff, 0xd8] {
        return None;
    }
    walk.keep(0);
    let (mut has_frame, mut has_scan) = (false, false);
    loop {
        let marker = next_marker(&mut walk)?;
        let start = walk.at.checked_sub(2)?;
        match marker {
            // No more than a marker, and without meaning here.
            0x00 | 0x01 | 0xd0..=0xd7 => continue,
            // The end. A file that holds a second picture holds it behind the end of the first.
            0xd9 => {
                walk.keep(start);
                return (has_frame && has_scan).then_some(walk.kept);
            }
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(walk.array()?)).checked_sub(2)?;
        let content = walk.take(length)?;
        let is_kept = match marker {
            // Tables of codes and of quanta, the restart interval and the number of lines.
            0xc4 | 0xcc | 0xdb..=0xdd => true,
            // A frame.
            0xc0..=0xc7 | 0xc9..=0xcf => {
                has_frame = true;
                true
            }
            // A scan, whose pixels follow it.
            0xda => {
                let pixels = pixels_length(walk.rest())?;
                walk.take(pixels)?;
                has_scan |= has_frame && pixels > 0;
                true
            }
            // What the colours mean. The other use of the first is a small copy of the picture.
            0xe0 => content.starts_with(b"JFIF\0"),
            0xe2 => content.starts_with(b"ICC_PROFILE\0"),
            0xee => content.starts_with(b"Adobe"),
            // EXIF, XMP, IPTC, provenance, comments, and whatever else an application may add.
            0xe1..=0xef | 0xfe => false,
            // Nothing that any decoder of ordinary pictures knows.
            _ => return None,
        };
        if is_kept {
            walk.keep(start);
        }
    }
}

/// Steps behind the next marker, and over whatever lies before it: decoders do so too.
fn next_marker(walk: &mut Walk<'_>) -> Option<u8> {
    let ff = walk.rest().iter().position(|byte| *byte == 0xff)?;
    walk.take(ff)?;
    // Any number of these may stand before a marker.
    let fill = walk.rest().iter().position(|byte| *byte != 0xff)?;
    walk.take(fill)?;
    walk.array().map(|[marker]| marker)
}

/// How many bytes there are until the first marker which does not belong to the pixels: a zero behind
/// 0xff makes it a value, and the restart markers stand between pixels.
fn pixels_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..)?;
        let ff = rest.iter().position(|byte| *byte == 0xff)?;
        let run = rest.get(ff..)?.iter().position(|byte| *byte != 0xff)?;
        let behind = ff.checked_add(run)?;
        if !matches!(rest.get(behind)?, 0x00 | 0xd0..=0xd7) {
            return at.checked_add(ff);
        }
        at = at.checked_add(behind)?.checked_add(1)?;
    }
}

/// <https://developers.google.com/speed/webp/docs/riff_container>
fn webp(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut walk = Walk::new(bytes);
    let (riff, size, webp) = (walk.array()?, walk.array()?, walk.array()?);
    let is_extended = walk.rest().starts_with(b"VP8X");
    if (riff, webp) != (*b"RIFF", *b"WEBP") {
        return None;
    }
    walk.bytes = bytes.get(..usize::try_from(u32::from_le_bytes(size)).ok()?.checked_add(8)?)?;
    walk.keep(0);
    let first = walk.at;
    let mut bitstreams = 0_usize;
    while !walk.rest().is_empty() {
        let start = walk.at;
        let kind: [u8; 4] = walk.array()?;
        let length = usize::try_from(u32::from_le_bytes(walk.array()?)).ok()?;
        let content = walk.take(length)?;
        // A chunk begins at an even place.
        walk.take(length & 1)?;
        let is_kept = match &kind {
            b"VP8X" => {
                let is_still = content.first().is_some_and(|flags| flags & WEBP_ANIMATION == 0);
                if start != first || content.len() != 10 || !is_still {
                    return None;
                }
                true
            }
            b"VP8 " | b"VP8L" => {
                bitstreams = bitstreams.checked_add(usize::from(!content.is_empty()))?;
                true
            }
            b"ALPH" | b"ICCP" => is_extended,
            b"ANIM" | b"ANMF" => return None,
            _ => false,
        };
        if is_kept {
            walk.keep(start);
        }
    }
    (bitstreams == 1).then_some(walk.kept)
}

/// Lets the file say how long it has become, and no longer that metadata follow.
fn mend_webp(bytes: &mut [u8]) -> Option<()> {
    let size = u32::try_from(bytes.len().checked_sub(8)?).ok()?;
    bytes.get_mut(4..8)?.copy_from_slice(&size.to_le_bytes());
    if bytes.get(12..16)? == b"VP8X" {
        *bytes.get_mut(20)? &= !WEBP_METADATA;
    }
    Some(())
}

#[cfg(test)]
mod tests;
