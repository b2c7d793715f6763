//! Owns colours. They are kept in Oklab, where a mixture of two looks like their middle, and leave it
//! as sRGB. All transcendental functions come from `libm`, so that every platform rounds alike.

use core::f32::consts::PI;

/// A colour with its opacity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colour {
    lightness: f32,
    /// From green (negative) to red.
    green_red: f32,
    /// From blue (negative) to yellow.
    blue_yellow: f32,
    opacity: f32,
}

impl Colour {
    pub(super) const WHITE: Self =
        Self { lightness: 1.0, green_red: 0.0, blue_yellow: 0.0, opacity: 1.0 };
    pub(super) const BLACK: Self = Self { lightness: 0.0, ..Self::WHITE };

    /// From the usual notation, `0xRRGGBB`.
    pub(super) fn hex(code: u32) -> Self {
        let [_, red, green, blue] = code.to_be_bytes().map(|byte| linear(f32::from(byte) / 255.0));
        let long = libm::cbrtf(0.412_221_46 * red + 0.536_332_55 * green + 0.051_445_995 * blue);
        let medium = libm::cbrtf(0.211_903_5 * red + 0.680_699_5 * green + 0.107_396_96 * blue);
        let short = libm::cbrtf(0.088_302_46 * red + 0.281_718_85 * green + 0.629_978_7 * blue);
        Self {
            lightness: 0.210_454_26 * long + 0.793_617_8 * medium - 0.004_072_047 * short,
            green_red: 1.977_998_5 * long - 2.428_592_2 * medium + 0.450_593_7 * short,
            blue_yellow: 0.025_904_037 * long + 0.782_771_77 * medium - 0.808_675_77 * short,
            opacity: 1.0,
        }
    }

    /// From lightness (0 to 1), colourfulness (0 to about 0.3) and hue in degrees (red is near 25).
    pub(super) fn polar(lightness: f32, chroma: f32, hue_degrees: f32) -> Self {
        let hue = hue_degrees * PI / 180.0;
        let (green_red, blue_yellow) = (chroma * libm::cosf(hue), chroma * libm::sinf(hue));
        Self { lightness, green_red, blue_yellow, opacity: 1.0 }
    }

    pub(super) fn lightness(self) -> f32 {
        self.lightness
    }

    pub(super) fn chroma(self) -> f32 {
        libm::sqrtf(self.green_red * self.green_red + self.blue_yellow * self.blue_yellow)
    }

    pub(super) fn hue_degrees(self) -> f32 {
        libm::atan2f(self.blue_yellow, self.green_red) * 180.0 / PI
    }

    pub(super) fn opacity(self) -> f32 {
        self.opacity
    }

    /// How different another colour looks: black and white are 1 apart.
    pub(super) fn distance(self, other: Self) -> f32 {
        let [light, red, yellow] = [
            self.lightness - other.lightness,
            self.green_red - other.green_red,
            self.blue_yellow - other.blue_yellow,
        ];
        libm::sqrtf(light * light + red * red + yellow * yellow)
    }

    /// The colour of a gradient at a place.
    pub(super) fn between(stops: &[(f32, Self)], place: f32) -> Self {
        let right = stops.partition_point(|(at, _)| *at < place);
        let before = right.checked_sub(1).and_then(|left| stops.get(left));
        match (before, stops.get(right)) {
            (Some((from, left)), Some((to, right))) => {
                left.mix(*right, (place - from) / (to - from))
            }
            (Some((_, only)), None) | (None, Some((_, only))) => *only,
            (None, None) => Self::BLACK,
        }
    }

    /// The same colour further round the circle of hues.
    pub(super) fn turned(self, degrees: f32) -> Self {
        let turned = Self::polar(self.lightness, self.chroma(), self.hue_degrees() + degrees);
        turned.faint(self.opacity)
    }

    /// A mixture: this colour at 0, the other at 1.
    pub(super) fn mix(self, other: Self, share: f32) -> Self {
        let blend = |from: f32, to: f32| from + (to - from) * share;
        Self {
            lightness: blend(self.lightness, other.lightness),
            green_red: blend(self.green_red, other.green_red),
            blue_yellow: blend(self.blue_yellow, other.blue_yellow),
            opacity: blend(self.opacity, other.opacity),
        }
    }

    pub(super) fn lighter(self, share: f32) -> Self {
        self.mix(Self { opacity: self.opacity, ..Self::WHITE }, share)
    }

    pub(super) fn darker(self, share: f32) -> Self {
        self.mix(Self { opacity: self.opacity, ..Self::BLACK }, share)
    }

    /// The same colour, this opaque.
    pub(super) fn faint(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }

    /// As the rasteriser takes it.
    pub(super) fn paint(self) -> tiny_skia::Color {
        let [red, green, blue] = self.srgb();
        tiny_skia::Color::from_rgba(red, green, blue, self.opacity.clamp(0.0, 1.0))
            .unwrap_or(tiny_skia::Color::TRANSPARENT)
    }

    /// Red, green and blue from 0 to 1, with the gamma of screens.
    pub(super) fn srgb(self) -> [f32; 3] {
        let Self { lightness, green_red, blue_yellow, .. } = self;
        let cube = |root: f32| root * root * root;
        let long = cube(lightness + 0.396_337_78 * green_red + 0.215_803_76 * blue_yellow);
        let medium = cube(lightness - 0.105_561_346 * green_red - 0.063_854_17 * blue_yellow);
        let short = cube(lightness - 0.089_484_18 * green_red - 1.291_485_5 * blue_yellow);
        [
            4.076_741_7 * long - 3.307_711_6 * medium + 0.230_969_94 * short,
            -1.268_438 * long + 2.609_757_4 * medium - 0.341_319_38 * short,
            -0.004_196_086_3 * long - 0.703_418_6 * medium + 1.707_614_7 * short,
        ]
        .map(|light| gamma(light.clamp(0.0, 1.0)))
    }
}

fn linear(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { libm::powf((value + 0.055) / 1.055, 2.4) }
}

fn gamma(light: f32) -> f32 {
    let value = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * libm::powf(light, 1.0 / 2.4) - 0.055
    };
    value.clamp(0.0, 1.0)
}
