//! What is sold: four models, who serves each, what it costs there, what it sells for, and what it
//! takes.
//!
//! The table [`MODELS`] is the only place where any of this is written down. The selling price is
//! the upstream price times the markup, rounded half up to a tenth of a cent.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    extra::{Extra, Takes},
    money::{MicroUsd, digits, scaled},
    order::{Order, PROMPT_CHARS_MAX},
    sandbox,
    size::Ratio,
    upstream::{Upstream, Upstreams},
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
    /// The upstream price of one image that the selling price is made from: never below what any
    /// offer costs, so that no markup sells at a loss.
    pub upstream_price: MicroUsd,
    /// The ratio where the request asks for none; `None` is that of the picture to be changed.
    pub default_ratio: Option<Ratio>,
    /// The longest prompt, in characters: what the model itself takes.
    pub prompt_chars_max: usize,
    /// What it takes in `extra`, besides what the sandbox does. Nothing here changes how much is
    /// delivered or what it costs: such keys and values are missing on purpose.
    pub extra: &'static [Extra],
    /// Who serves it for money, the first choice first.
    pub offers: &'static [Offer],
    /// The same for nothing.
    pub sandbox: Offer,
}

/// A model as one upstream serves it.
#[derive(Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who.
    pub upstream: Upstream,
    /// What the model is called there.
    pub name: &'static str,
    /// What one image costs us there, at the most that an order may ask for.
    pub cost: MicroUsd,
    /// What of the model's `extra` it does not take.
    pub lacks: &'static [Lack],
}

/// Something in a model's `extra` that an upstream does not take.
#[derive(Debug, PartialEq, Eq)]
pub enum Lack {
    /// The key.
    Key(&'static str),
    /// This value of the key.
    Value(&'static str, &'static str),
}

impl Offer {
    const fn sandbox() -> Self {
        Self { upstream: Upstream::Sandbox, name: "sandbox", cost: MicroUsd::ZERO, lacks: &[] }
    }

    /// Whether it takes a key of `extra` at all.
    #[must_use]
    pub fn takes(&self, key: &str) -> bool {
        match key {
            sandbox::KEY => self.upstream == Upstream::Sandbox,
            key => {
                !self.lacks.iter().any(|lack| matches!(lack, Lack::Key(lacked) if *lacked == key))
            }
        }
    }

    /// The key in an order's `extra` that it does not take, and the value where it takes others.
    #[must_use]
    pub fn lacks_of<'a>(&self, order: &'a Order) -> Option<(&'a str, Option<&'static Lack>)> {
        order.extra.iter().find_map(|(key, value)| {
            let by_value = self.lacks.iter().find(|lack| match lack {
                Lack::Key(_) => false,
                Lack::Value(of, lacked) => *of == key.as_str() && value == lacked,
            });
            (by_value.is_some() || !self.takes(key)).then_some((key.as_str(), by_value))
        })
    }
}

/// The Recraft styles that draw pixels. The others draw vectors at twice the price.
const RASTER_STYLES: [&str; 4] = ["any", "realistic_image", "digital_illustration", "logo_raster"];
/// The longest name of a style, in characters: above the longest that is published.
const STYLE_CHARS_MAX: usize = 64;
/// The longest `negative_prompt`, in characters: what every upstream that takes one takes.
const NEGATIVE_CHARS_MAX: usize = 1_000;

const SEED: Extra = Extra { key: "seed", takes: Takes::Seed };
const SAFETY: Extra = Extra { key: "safety_tolerance", takes: Takes::UpTo(6) };
const UPSAMPLING: Extra = Extra { key: "prompt_upsampling", takes: Takes::Flag };
const FORMAT: Extra = Extra { key: "output_format", takes: Takes::OneOf(&["jpeg", "png"]) };
const NEGATIVE: Extra = Extra { key: "negative_prompt", takes: Takes::Text(NEGATIVE_CHARS_MAX) };

/// All models, in the order in which they are listed.
pub const MODELS: [Model; 4] = [
    Model {
        id: ModelId::Flux11Ultra,
        slug: "flux-1.1-ultra",
        name: "FLUX 1.1 [pro] Ultra",
        description: "Photorealistic pictures in high resolution.",
        capability: Capability::ImageGenerate,
        upstream_price: MicroUsd::constant(60_000),
        default_ratio: Some(Ratio::Wide),
        prompt_chars_max: PROMPT_CHARS_MAX,
        extra: &[SEED, Extra { key: "raw", takes: Takes::Flag }, SAFETY, UPSAMPLING, FORMAT],
        offers: &[
            Offer {
                upstream: Upstream::Bfl,
                name: "flux-pro-1.1-ultra",
                cost: MicroUsd::constant(60_000),
                lacks: &[],
            },
            Offer {
                upstream: Upstream::Fal,
                name: "fal-ai/flux-pro/v1.1-ultra",
                cost: MicroUsd::constant(60_000),
                lacks: &[],
            },
        ],
        sandbox: Offer::sandbox(),
    },
    Model {
        id: ModelId::FluxKontextPro,
        slug: "flux-kontext-pro",
        name: "FLUX.1 Kontext [pro]",
        description: "Changes the picture at image_url as the prompt says.",
        capability: Capability::ImageEdit,
        upstream_price: MicroUsd::constant(40_000),
        default_ratio: None,
        prompt_chars_max: PROMPT_CHARS_MAX,
        extra: &[SEED, SAFETY, UPSAMPLING, FORMAT],
        offers: &[
            Offer {
                upstream: Upstream::Bfl,
                name: "flux-kontext-pro",
                cost: MicroUsd::constant(40_000),
                lacks: &[],
            },
            Offer {
                upstream: Upstream::Fal,
                name: "fal-ai/flux-pro/kontext",
                cost: MicroUsd::constant(40_000),
                lacks: &[],
            },
        ],
        sandbox: Offer::sandbox(),
    },
    Model {
        id: ModelId::IdeogramV3,
        slug: "ideogram-v3",
        name: "Ideogram 3.0",
        description: "Posters, logos and other pictures with legible text.",
        capability: Capability::ImageGenerate,
        upstream_price: MicroUsd::constant(80_000),
        default_ratio: Some(Ratio::Square),
        prompt_chars_max: PROMPT_CHARS_MAX,
        extra: &[
            SEED,
            Extra { key: "magic_prompt", takes: Takes::OneOf(&["AUTO", "ON", "OFF"]) },
            Extra {
                key: "style_type",
                takes: Takes::OneOf(&["AUTO", "GENERAL", "REALISTIC", "DESIGN"]),
            },
            Extra { key: "style_preset", takes: Takes::Text(STYLE_CHARS_MAX) },
            Extra { key: "style_codes", takes: Takes::Codes(4) },
            NEGATIVE,
            Extra { key: "color_palette", takes: Takes::Object },
        ],
        // Both are asked for the default speed, which costs 0.06; the fastest and the slowest are
        // half and one and a half times that, so the speed is pinned and never taken from `extra`.
        offers: &[
            Offer {
                upstream: Upstream::Ideogram,
                name: "ideogram-v3",
                cost: MicroUsd::constant(60_000),
                lacks: &[],
            },
            Offer {
                upstream: Upstream::Fal,
                name: "fal-ai/ideogram/v3",
                cost: MicroUsd::constant(60_000),
                lacks: &[],
            },
        ],
        sandbox: Offer::sandbox(),
    },
    Model {
        id: ModelId::RecraftV3,
        slug: "recraft-v3",
        name: "Recraft V3",
        description: "Illustrations and design in raster styles.",
        capability: Capability::ImageGenerate,
        upstream_price: MicroUsd::constant(40_000),
        default_ratio: Some(Ratio::Square),
        // <https://www.recraft.ai/docs/api-reference/appendix>
        prompt_chars_max: 1_000,
        extra: &[
            SEED,
            Extra { key: "style", takes: Takes::Style(&RASTER_STYLES) },
            Extra { key: "substyle", takes: Takes::Substyle(STYLE_CHARS_MAX) },
            NEGATIVE,
            Extra { key: "controls", takes: Takes::Object },
        ],
        offers: &[
            Offer {
                upstream: Upstream::Recraft,
                name: "recraftv3",
                cost: MicroUsd::constant(40_000),
                lacks: &[],
            },
            Offer {
                upstream: Upstream::Fal,
                name: "fal-ai/recraft/v3/text-to-image",
                cost: MicroUsd::constant(40_000),
                lacks: &[
                    Lack::Key("seed"),
                    Lack::Key("negative_prompt"),
                    Lack::Key("controls"),
                    Lack::Value("style", "logo_raster"),
                ],
            },
        ],
        sandbox: Offer::sandbox(),
    },
];

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

/// The models with what they sell for here, and who makes the pictures.
#[derive(Clone, Debug)]
pub struct Catalogue {
    prices: [MicroUsd; 4],
    upstreams: Upstreams,
}

impl Catalogue {
    /// The catalogue at a markup, with the upstreams that orders may go to.
    #[must_use]
    pub fn new(markup: Markup, upstreams: Upstreams) -> Self {
        // The table's prices are a few cents and the markup is at most ten, so every price exists;
        // `MAX` in its place would refuse each order for want of money rather than sell it cheap.
        let price = |model: &Model| markup.price(model.upstream_price).unwrap_or(MicroUsd::MAX);
        Self { prices: MODELS.each_ref().map(price), upstreams }
    }

    /// Who makes the pictures of a model.
    #[must_use]
    pub fn offer(&self, model: ModelId) -> &'static Offer {
        self.upstreams.offer(model)
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
