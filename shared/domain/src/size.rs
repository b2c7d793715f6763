//! What shape the pictures have: any size a caller may write, mapped to the nearest of six ratios.

use serde::{Deserialize, Serialize};

use crate::money::digits;

/// The width of a picture to its height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ratio {
    /// 9:16, a phone held upright.
    #[serde(rename = "9:16")]
    Tall,
    /// 3:4
    #[serde(rename = "3:4")]
    Portrait,
    /// 1:1
    #[serde(rename = "1:1")]
    Square,
    /// 4:3
    #[serde(rename = "4:3")]
    Landscape,
    /// 16:9
    #[serde(rename = "16:9")]
    Wide,
    /// 21:9, a cinema screen.
    #[serde(rename = "21:9")]
    Cinema,
}

impl Ratio {
    /// All six, from the tallest to the widest.
    pub const ALL: [Self; 6] =
        [Self::Tall, Self::Portrait, Self::Square, Self::Landscape, Self::Wide, Self::Cinema];

    /// Width and height in lowest terms.
    #[must_use]
    pub const fn terms(self) -> (u32, u32) {
        match self {
            Self::Tall => (9, 16),
            Self::Portrait => (3, 4),
            Self::Square => (1, 1),
            Self::Landscape => (4, 3),
            Self::Wide => (16, 9),
            Self::Cinema => (21, 9),
        }
    }

    /// The ratio as it is written in requests and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tall => "9:16",
            Self::Portrait => "3:4",
            Self::Square => "1:1",
            Self::Landscape => "4:3",
            Self::Wide => "16:9",
            Self::Cinema => "21:9",
        }
    }

    /// Reads `auto`, `WxH` or `A:B`. `None` means the model's default: for `auto`, and for
    /// whatever is not recognised, which the public API does not treat as an error.
    #[must_use]
    pub fn parse(size: &str) -> Option<Self> {
        let (width, height) = size.split_once('x').or_else(|| size.split_once(':'))?;
        let pixels = |text| digits(text).and_then(|pixels| u32::try_from(pixels).ok());
        let (width, height) = (pixels(width)?, pixels(height)?);
        if width == 0 || height == 0 { None } else { Some(Self::nearest(width, height)) }
    }

    /// The ratio nearest to `width` to `height`, both above zero: 2:1 and 1:2 are as far from 1:1.
    fn nearest(width: u32, height: u32) -> Self {
        let neighbours = Self::ALL.into_iter().zip(Self::ALL.into_iter().skip(1));
        for (lower, upper) in neighbours {
            if below_middle(width, height, lower, upper) {
                return lower;
            }
        }
        Self::Cinema
    }
}

/// Whether `width`:`height` is below the geometric mean of two ratios, in whole numbers: with
/// `w/h < √(a/b · c/d)` squared and multiplied out.
fn below_middle(width: u32, height: u32, lower: Ratio, upper: Ratio) -> bool {
    let ((a, b), (c, d)) = (lower.terms(), upper.terms());
    let square = |side: u32| u128::from(side).saturating_mul(u128::from(side));
    let times = |x: u32, y: u32| u128::from(x).saturating_mul(u128::from(y));
    square(width).saturating_mul(times(b, d)) < square(height).saturating_mul(times(a, c))
}

#[cfg(test)]
mod tests;
