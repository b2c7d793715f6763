//! A picture as an upstream delivered it: bytes that really are one.

use imagesize::ImageType;

/// The largest picture that is taken, in bytes.
pub const BYTES_MAX: usize = 20 * 1_024 * 1_024;
/// The longest side that is taken, in pixels.
const SIDE_MAX: usize = 8_192;

/// Bytes that are a PNG, a JPEG or a WebP within bounds.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
    content_type: &'static str,
    seed: Option<u32>,
}

/// The bytes are no picture that we would keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PNG, JPEG or WebP within bounds")]
pub struct NotAPicture;

impl Picture {
    /// Looks at the header of what was delivered.
    ///
    /// # Errors
    /// If it is not a picture of a kind that we keep.
    pub fn read(bytes: Vec<u8>, seed: Option<u32>) -> Result<Self, NotAPicture> {
        if bytes.len() > BYTES_MAX {
            return Err(NotAPicture);
        }
        let content_type = content_type(&bytes).ok_or(NotAPicture)?;
        let size = imagesize::blob_size(&bytes).map_err(|_| NotAPicture)?;
        let pixels = |pixels: usize| {
            let within = (1..=SIDE_MAX).contains(&pixels);
            within.then(|| u32::try_from(pixels).ok()).flatten().ok_or(NotAPicture)
        };
        let (width, height) = (pixels(size.width)?, pixels(size.height)?);
        Ok(Self { bytes, width, height, content_type, seed })
    }

    /// Pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// `image/png`, `image/jpeg` or `image/webp`, as the bytes have it.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The seed it was made with, where the upstream tells.
    #[must_use]
    pub fn seed(&self) -> Option<u32> {
        self.seed
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn content_type(bytes: &[u8]) -> Option<&'static str> {
    match imagesize::image_type(bytes).ok()? {
        ImageType::Png => Some("image/png"),
        ImageType::Jpeg => Some("image/jpeg"),
        ImageType::Webp => Some("image/webp"),
        _ => None,
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{} {})", self.width, self.height, self.content_type)
    }
}

#[cfg(test)]
mod tests;
