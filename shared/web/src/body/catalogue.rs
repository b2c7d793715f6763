//! What is sold, and for how much: read from the same table that orders are checked against.

use domain::{
    catalogue::{Capability, Catalogue, MODELS, Model},
    order::IMAGES_MAX,
    size::Ratio,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{List, usd};

#[derive(Serialize)]
struct ModelOut {
    id: &'static str,
    object: &'static str,
    name: &'static str,
    description: &'static str,
    capability: Capability,
    input_modalities: &'static [&'static str],
    output_modalities: [&'static str; 1],
    required: &'static [&'static str],
    sizes: [&'static str; 6],
    default_size: &'static str,
    max_images: u8,
    max_prompt_characters: usize,
    extra: Vec<&'static str>,
    pricing: Pricing,
}

#[derive(Serialize)]
struct Pricing {
    mode: &'static str,
    per_image_usd: Box<RawValue>,
    currency: &'static str,
}

#[derive(Serialize)]
struct PricingOut {
    object: &'static str,
    text_count: usize,
    media_count: usize,
    text: [&'static str; 0],
    media: Vec<MediaOut>,
}

#[derive(Serialize)]
struct MediaOut {
    id: &'static str,
    name: &'static str,
    modality: &'static str,
    pricing_mode: &'static str,
    usd_per_call: Box<RawValue>,
}

#[derive(Serialize)]
struct IndexOut {
    object: &'static str,
    name: &'static str,
    version: &'static str,
    endpoints: [&'static str; 11],
}

/// All models.
#[must_use]
pub fn models(catalogue: &Catalogue) -> impl Serialize + use<> {
    List::new(MODELS.iter().map(|model| model_out(model, catalogue)).collect(), None)
}

fn model_out(model: &Model, catalogue: &Catalogue) -> ModelOut {
    let offer = catalogue.offer(model.id);
    let (inputs, required): (&[_], &[_]) = match model.capability {
        Capability::ImageGenerate => (&["text"], &["model", "prompt"]),
        Capability::ImageEdit => (&["text", "image"], &["model", "prompt", "image_url"]),
    };
    ModelOut {
        id: model.slug,
        object: "model",
        name: model.name,
        description: model.description,
        capability: model.capability,
        input_modalities: inputs,
        output_modalities: ["image"],
        required,
        sizes: Ratio::ALL.map(Ratio::as_str),
        default_size: model.default_ratio.map_or("auto", Ratio::as_str),
        max_images: IMAGES_MAX,
        max_prompt_characters: model.prompt_chars_max,
        extra: model.extra.iter().map(|extra| extra.key).filter(|key| offer.takes(key)).collect(),
        pricing: Pricing {
            mode: "per-image",
            per_image_usd: usd(catalogue.price(model.id)),
            currency: "USD",
        },
    }
}

/// All prices, sorted by model.
#[must_use]
pub fn pricing(catalogue: &Catalogue) -> impl Serialize + use<> {
    let mut media: Vec<MediaOut> = MODELS
        .iter()
        .map(|model| MediaOut {
            id: model.slug,
            name: model.name,
            modality: "image",
            pricing_mode: "per-image",
            usd_per_call: usd(catalogue.price(model.id)),
        })
        .collect();
    media.sort_by_key(|row| row.id);
    PricingOut {
        object: "pricing.catalog",
        text_count: 0,
        media_count: media.len(),
        text: [],
        media,
    }
}

/// What this is, for whoever opens the root.
#[must_use]
pub fn index() -> impl Serialize {
    IndexOut {
        object: "service",
        name: "holdfast",
        version: env!("CARGO_PKG_VERSION"),
        endpoints: [
            "POST /v1/images/generations",
            "GET /v1/jobs",
            "GET /v1/jobs/{id}",
            "POST /v1/jobs/{id}/cancel",
            "GET /v1/models",
            "GET /v1/pricing",
            "GET /v1/credits/balance",
            "GET /v1/credits/transactions",
            "GET /v1/auth/limits",
            "GET /v1/limits/tiers",
            "GET /",
        ],
    }
}

#[cfg(test)]
mod tests;
