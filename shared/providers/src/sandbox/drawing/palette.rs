//! Owns the palettes: what colours the sky, the land and the small things have in a mood.

use super::chance::Chance;
use super::colour::Colour;

/// The light a picture is seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Neon,
    Cinematic,
    Sunset,
    Dawn,
    Night,
    Winter,
    Autumn,
    Spring,
    Tropical,
    Golden,
    Noir,
    Lavender,
    Verdant,
    Day,
}

impl Mood {
    /// What suits space.
    pub(super) const DEEP: [Self; 4] = [Self::Night, Self::Neon, Self::Sunset, Self::Lavender];

    /// The moods a prompt without any word for one may get.
    pub(super) const ALL: [Self; 14] = [
        Self::Neon,
        Self::Cinematic,
        Self::Sunset,
        Self::Dawn,
        Self::Night,
        Self::Winter,
        Self::Autumn,
        Self::Spring,
        Self::Tropical,
        Self::Golden,
        Self::Noir,
        Self::Lavender,
        Self::Verdant,
        Self::Day,
    ];

    /// Sky from the zenith down, light, far land, near land, accents.
    const fn codes(self) -> [u32; 11] {
        match self {
            Self::Neon => [
                0x09_0420, 0x26_0a55, 0x76_1480, 0xf4_3a94, 0xff_b3e6, 0x8a_2596, 0x0a_0418,
                0x00_f0ff, 0xff_2fa8, 0xff_e14d, 0x7c_5cff,
            ],
            Self::Cinematic => [
                0x06_161d, 0x0f_3640, 0x3c_6a68, 0xe8_9a55, 0xff_dca8, 0x3a_6062, 0x06_1015,
                0xff_9f4a, 0xff_cf87, 0x2a_9d8f, 0xe7_6f51,
            ],
            Self::Sunset => [
                0x2b_1b4d, 0x7a_2f6f, 0xe8_636a, 0xff_c27a, 0xff_f0c9, 0xc0_5a80, 0x1c_1033,
                0xff_8a5c, 0xff_d166, 0xe8_4a7f, 0x8a_6bd4,
            ],
            Self::Dawn => [
                0x4f_7cbc, 0x9f_b3df, 0xf7_cbbf, 0xff_ead0, 0xff_f6e0, 0xb9_b3d6, 0x2c_3058,
                0xf7_9d84, 0xf2_c57c, 0x7f_b7be, 0xfd_f0e2,
            ],
            Self::Night => [
                0x05_0920, 0x0c_1a47, 0x1f_4080, 0x5a_8cc0, 0xf6_f1da, 0x35_5890, 0x04_0816,
                0xff_d98a, 0x8a_d4ff, 0xf7_8fb3, 0xb8_a1ff,
            ],
            Self::Winter => [
                0x5f_88b0, 0x9d_bbd6, 0xd5_e3ec, 0xf8_efe6, 0xff_fbf2, 0xb3_c8da, 0x25_3d55,
                0xe0_533d, 0xf3_a65a, 0x3f_7cac, 0xff_ffff,
            ],
            Self::Autumn => [
                0x5f_789f, 0xc2_a593, 0xf3_c083, 0xfb_e6b8, 0xff_f1c4, 0xcd_8d5c, 0x35_1911,
                0xd9_481c, 0xf0_8a24, 0xf5_c542, 0x9c_3a22,
            ],
            Self::Spring => [
                0x7c_c0ef, 0xbd_e1f5, 0xfb_e1ea, 0xff_f4d9, 0xff_fce8, 0xb5_d9b4, 0x2f_6b48,
                0xff_7f9f, 0xff_d166, 0xa7_7ce8, 0xff_ffff,
            ],
            Self::Tropical => [
                0x06_6f98, 0x1f_b0c2, 0x8f_e3d5, 0xff_f0c4, 0xff_fbe0, 0x64_c0b8, 0x08_4046,
                0xff_7f6b, 0xff_d166, 0xf2_5f8a, 0xff_ffff,
            ],
            Self::Golden => [
                0x3b_2410, 0x8f_5a1b, 0xe0_a233, 0xff_e7a3, 0xff_f6cf, 0xcc_933d, 0x24_130a,
                0xff_d75e, 0xf2_a93b, 0xc9_702a, 0xff_f0b8,
            ],
            Self::Noir => [
                0x0d_0e11, 0x2a_2c31, 0x6b_6e75, 0xc9_cbcf, 0xf5_f5f2, 0x6d_7077, 0x09_0a0c,
                0xe0_e0e0, 0x9a_9a9e, 0xf2_f2f2, 0xc0_392b,
            ],
            Self::Lavender => [
                0x37_2a66, 0x79_64b3, 0xc9_a9dc, 0xff_dfe3, 0xff_f4f0, 0xa4_8cc8, 0x1f_153c,
                0xff_b3c6, 0xff_d6a5, 0x9b_f6ff, 0xcd_b4db,
            ],
            Self::Verdant => [
                0x2c_6a5c, 0x66_a886, 0xb9_daa8, 0xf4_f3cc, 0xff_fde0, 0x93_c09a, 0x0b_281c,
                0xe8_b54d, 0xd9_613c, 0x7f_c8a9, 0xff_f3c4,
            ],
            Self::Day => [
                0x2a_78d0, 0x62_adec, 0xb5_dff7, 0xf0_f8f0, 0xff_fbe6, 0x93_c0d4, 0x19_4d42,
                0xff_b84d, 0xff_6b6b, 0x2e_c4b6, 0xff_ffff,
            ],
        }
    }

    /// Whether its trees have leaves, or blossom, in the colours of its accents.
    const fn leafy(self) -> bool {
        match self {
            Self::Autumn | Self::Spring | Self::Golden | Self::Tropical => true,
            Self::Neon
            | Self::Cinematic
            | Self::Sunset
            | Self::Dawn
            | Self::Night
            | Self::Winter
            | Self::Noir
            | Self::Lavender
            | Self::Verdant
            | Self::Day => false,
        }
    }

    /// Whether there are stars, and light behind the windows.
    const fn dark(self) -> bool {
        match self {
            Self::Neon | Self::Night | Self::Cinematic => true,
            Self::Sunset
            | Self::Dawn
            | Self::Winter
            | Self::Autumn
            | Self::Spring
            | Self::Tropical
            | Self::Golden
            | Self::Noir
            | Self::Lavender
            | Self::Verdant
            | Self::Day => false,
        }
    }
}

/// The colours of one picture.
pub(super) struct Palette {
    /// From the zenith to the horizon.
    pub(super) sky: [Colour; 4],
    /// The sun or the moon.
    pub(super) light: Colour,
    far: Colour,
    near: Colour,
    /// For the small things: flowers, windows, sails.
    pub(super) accents: [Colour; 4],
    pub(super) dark: bool,
    /// Whether the accents are the colours of leaves.
    pub(super) leafy: bool,
}

impl Palette {
    /// The palette of a mood.
    pub(super) fn of(mood: Mood) -> Self {
        let [zenith, high, low, horizon, light, far, near, accents @ ..] =
            mood.codes().map(Colour::hex);
        Self {
            sky: [zenith, high, low, horizon],
            light,
            far,
            near,
            accents,
            dark: mood.dark(),
            leafy: mood.leafy(),
        }
    }

    /// A palette grown from one colour: its neighbours for sky and land, its opposite for accents.
    pub(super) fn around(colour: Colour, dark: bool) -> Self {
        if colour.chroma() < 0.05 {
            return Self::of(if colour.lightness() > 0.8 { Mood::Winter } else { Mood::Noir });
        }
        let hue = colour.hue_degrees();
        let depth = if dark { 0.16 } else { 0.0 };
        let tone =
            |lightness: f32, chroma: f32, turn: f32| Colour::polar(lightness, chroma, hue + turn);
        Self {
            sky: [
                tone(0.36 - depth, 0.10, -24.0),
                tone(0.53 - depth, 0.145, -10.0),
                tone(0.72 - depth / 2.0, 0.135, 6.0),
                tone(0.90 - depth / 2.0, 0.07, 26.0),
            ],
            light: tone(0.97, 0.03, 40.0),
            far: tone(0.66 - depth, 0.105, 4.0),
            near: tone(0.19 - depth / 3.0, 0.05, -26.0),
            accents: [
                colour,
                tone(0.82, 0.14, 40.0),
                tone(0.7, 0.15, 180.0),
                tone(0.93, 0.05, 60.0),
            ],
            dark,
            leafy: !dark,
        }
    }

    /// The same palette with all hues turned a little, so that two seeds do not look like one.
    pub(super) fn varied(self, chance: &mut Chance) -> Self {
        let turn = chance.between(-9.0, 9.0);
        let shade = chance.between(-0.05, 0.07);
        let vary = |colour: Colour| {
            let turned = colour.turned(turn);
            if shade > 0.0 { turned.lighter(shade) } else { turned.darker(-shade) }
        };
        Self { sky: self.sky.map(vary), far: vary(self.far), near: vary(self.near), ..self }
    }

    /// The land between the horizon (0) and the viewer (1).
    pub(super) fn land(&self, nearness: f32) -> Colour {
        self.far.mix(self.near, nearness)
    }

    pub(super) fn horizon(&self) -> Colour {
        let [.., horizon] = self.sky;
        horizon
    }

    /// One of the accents.
    pub(super) fn accent(&self, chance: &mut Chance) -> Colour {
        chance.pick(self.accents)
    }
}
