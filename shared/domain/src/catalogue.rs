//! What is sold: four models, what each costs upstream, what it sells for, and what it takes.
//!
//! The table [`MODELS`] is the only place where any of this is written down. The selling price is
//! the upstream price times the markup, rounded half up to a tenth of a cent.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    money::{MicroUsd, digits, scaled},
    size::Ratio,
};

/// One of the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ModelId {
    /// FLUX 1.1 \[pro\] Ultra by Black Forest Labs.
    #[serde(rename = "flux-1.1-ultra")]
    Flux11Ultra,
    /// FLUX.1 Kontext \[pro\] by Black Forest Labs.
    #[serde(rename = "flux-kontext-pro")]
    FluxKontextPro,
    /// Ideogram 3.0.
    #[serde(rename = "ideogram-v3")]
    IdeogramV3,
    /// Recraft V3, raster styles.
    #[serde(rename = "recraft-v3")]
    RecraftV3,
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Makes a picture from a prompt.
    ImageGenerate,
    /// Changes a picture, which the request must name.
    ImageEdit,
}

/// A row of the catalogue.
#[derive(Debug)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// The id as written in requests.
    pub slug: &'static str,
    /// For people.
    pub name: &'static str,
    /// For people, one sentence.
    pub description: &'static str,
    /// What it does.
    pub capability: Capability,
    /// What one image costs us upstream.
    pub upstream_price: MicroUsd,
    /// The ratio where the request asks for none.
    pub default_ratio: Ratio,
    /// The keys of `extra` that it takes. None of them changes how much is delivered or what it
    /// costs: those keys are missing here on purpose.
    pub extra: &'static [&'static str],
}

/// All models, in the order in which they are listed.
pub const MODELS: [Model; 4] = [
    Model {
        id: ModelId::Flux11Ultra,
        slug: "flux-1.1-ultra",
        name: "FLUX 1.1 [pro] Ultra",
        description: "Photorealistic pictures in high resolution.",
        capability: Capability::ImageGenerate,
        upstream_price: MicroUsd::constant(60_000),
        default_ratio: Ratio::Wide,
        extra: &["seed", "raw", "safety_tolerance", "prompt_upsampling", "output_format"],
    },
    Model {
        id: ModelId::FluxKontextPro,
        slug: "flux-kontext-pro",
        name: "FLUX.1 Kontext [pro]",
        description: "Changes the picture at image_url as the prompt says.",
        capability: Capability::ImageEdit,
        upstream_price: MicroUsd::constant(40_000),
        default_ratio: Ratio::Square,
        extra: &["seed", "safety_tolerance", "prompt_upsampling", "output_format"],
    },
    Model {
        id: ModelId::IdeogramV3,
        slug: "ideogram-v3",
        name: "Ideogram 3.0",
        description: "Posters, logos and other pictures with legible text.",
        capability: Capability::ImageGenerate,
        upstream_price: MicroUsd::constant(80_000),
        default_ratio: Ratio::Square,
        extra: &[
            "seed",
            "magic_prompt",
            "style_type",
            "style_preset",
            "style_codes",
            "negative_prompt",
            "color_palette",
        ],
    },
    Model {
        id: ModelId::RecraftV3,
        slug: "recraft-v3",
        name: "Recraft V3",
        description: "Illustrations and design in raster styles.",
        capability: Capability::ImageGenerate,
        upstream_price: MicroUsd::constant(40_000),
        default_ratio: Ratio::Square,
        extra: &["seed", "style", "substyle", "style_id", "negative_prompt", "controls"],
    },
];

/// The Recraft styles that draw pixels. The others draw vectors at twice the price.
pub const RASTER_STYLES: [&str; 4] =
    ["any", "realistic_image", "digital_illustration", "logo_raster"];

/// There is no such model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such model")]
pub struct UnknownModel;

impl ModelId {
    /// The model's row in the catalogue.
    #[must_use]
    pub const fn model(self) -> &'static Model {
        let [flux, kontext, ideogram, recraft] = &MODELS;
        match self {
            Self::Flux11Ultra => flux,
            Self::FluxKontextPro => kontext,
            Self::IdeogramV3 => ideogram,
            Self::RecraftV3 => recraft,
        }
    }
}

impl FromStr for ModelId {
    type Err = UnknownModel;

    fn from_str(slug: &str) -> Result<Self, UnknownModel> {
        MODELS.iter().find(|model| model.slug == slug).map(|model| model.id).ok_or(UnknownModel)
    }
}

/// By how much an upstream price is multiplied: 1 to 10, in steps of a ten-thousandth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Markup(u32);

/// The text is not a markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a markup is a number from 1 to 10 with at most 4 decimals, such as 1.35")]
pub struct BadMarkup;

/// One, in the steps of a [`Markup`].
const WHOLE: u32 = 10_000;
/// A selling price is a multiple of this many micro-dollars: three decimals of a dollar.
const PRICE_STEP: u64 = 1_000;

impl FromStr for Markup {
    type Err = BadMarkup;

    fn from_str(text: &str) -> Result<Self, BadMarkup> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let parts = digits(whole).zip(scaled(decimals, 4));
        parts
            .and_then(|(whole, rest)| whole.checked_mul(u64::from(WHOLE))?.checked_add(rest))
            .and_then(|steps| u32::try_from(steps).ok())
            .filter(|steps| (WHOLE..=WHOLE.saturating_mul(10)).contains(steps))
            .map(Self)
            .ok_or(BadMarkup)
    }
}

impl Markup {
    /// The selling price for an upstream price: rounded half up to three decimals of a dollar.
    /// `None` above [`MicroUsd::MAX`].
    #[must_use]
    pub fn price(self, upstream: MicroUsd) -> Option<MicroUsd> {
        let unit = PRICE_STEP.checked_mul(u64::from(WHOLE))?;
        let exact = upstream.micros().checked_mul(u64::from(self.0))?;
        let steps = exact.checked_add(unit / 2)?.checked_div(unit)?;
        MicroUsd::try_from(steps.checked_mul(PRICE_STEP)?).ok()
    }
}

/// The models with their selling prices.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue {
    prices: [MicroUsd; 4],
}

impl Catalogue {
    /// The catalogue at a markup.
    #[must_use]
    pub fn new(markup: Markup) -> Self {
        // The table's prices are a few cents and the markup is at most ten, so every price exists;
        // `MAX` in its place would refuse each order for want of money rather than sell it cheap.
        let price = |model: &Model| markup.price(model.upstream_price).unwrap_or(MicroUsd::MAX);
        Self { prices: MODELS.each_ref().map(price) }
    }

    /// What one image of a model sells for.
    #[must_use]
    pub fn price(&self, model: ModelId) -> MicroUsd {
        let [flux, kontext, ideogram, recraft] = self.prices;
        match model {
            ModelId::Flux11Ultra => flux,
            ModelId::FluxKontextPro => kontext,
            ModelId::IdeogramV3 => ideogram,
            ModelId::RecraftV3 => recraft,
        }
    }
}

#[cfg(test)]
mod tests;
