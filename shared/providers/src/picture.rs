//! A picture as an upstream delivered it: bytes that really are one, and nothing but it.

mod container;

use imagesize::ImageType;

/// The largest picture that is taken, in bytes. A batch of ten jobs of four such pictures must fit
/// into the memory of the function that keeps them: 10 x 4 x 16 MiB are 640 MiB of its 1,024.
pub const BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The longest side that is taken, in pixels: twice what any model draws.
const SIDE_MAX: usize = 8_192;

/// The kinds of file that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// PNG
    Png,
    /// JPEG
    Jpeg,
    /// WebP
    WebP,
}

impl Kind {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }
}

/// What the first bytes of a picture tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    width: u32,
    height: u32,
}

impl Header {
    /// Looks at the first bytes of what may be a picture.
    ///
    /// # Errors
    /// If it is none that we take.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NotAPicture> {
        let kind = match imagesize::image_type(bytes) {
            Ok(ImageType::Png) => Kind::Png,
            Ok(ImageType::Jpeg) => Kind::Jpeg,
            Ok(ImageType::Webp) => Kind::WebP,
            _ => return Err(NotAPicture),
        };
        let size = imagesize::blob_size(bytes).map_err(|_| NotAPicture)?;
        let pixels = |pixels: usize| {
            let within = (1..=SIDE_MAX).contains(&pixels);
            within.then(|| u32::try_from(pixels).ok()).flatten().ok_or(NotAPicture)
        };
        Ok(Self { kind, width: pixels(size.width)?, height: pixels(size.height)? })
    }
}

/// Bytes that are a PNG, a JPEG or a WebP within bounds, without metadata.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    bytes: Vec<u8>,
    header: Header,
    seed: Option<u32>,
}

/// The bytes are no picture that we would keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PNG, JPEG or WebP within bounds")]
pub struct NotAPicture;

impl Picture {
    /// Looks at what was delivered, and takes out of it what is not the picture: text, EXIF, XMP,
    /// provenance, further frames. The pixels stay as they are.
    ///
    /// # Errors
    /// If it is not a whole picture of a kind that we keep.
    pub fn read(mut bytes: Vec<u8>, seed: Option<u32>) -> Result<Self, NotAPicture> {
        if bytes.len() > BYTES_MAX {
            return Err(NotAPicture);
        }
        let Header { kind, .. } = Header::read(&bytes)?;
        container::strip(&mut bytes, kind)?;
        // Its size is that of what is kept: a header may stand in what is not.
        let header = Header::read(&bytes)?;
        Ok(Self { bytes, header, seed })
    }

    /// Pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.header.width
    }

    /// Pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.header.height
    }

    /// `image/png`, `image/jpeg` or `image/webp`, as the bytes have it.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.header.kind.content_type()
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

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{} {})", self.width(), self.height(), self.content_type())
    }
}

#[cfg(test)]
mod tests;
