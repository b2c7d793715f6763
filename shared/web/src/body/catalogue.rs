//! What is sold, and for how much: read from the same table that orders are checked against.

use domain::{
    catalogue::{Capability, Catalogue, MODELS, Model},
    order::IMAGES_MAX,
    size::Ratio,
};
use serde::Serialize;
use serde_json::value::RawValue;

#[cfg(test)]
use super::Usd;
use super::{List, usd};
use crate::ROUTES;

/// What can be ordered, and what it takes.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Model))]
pub(crate) struct ModelOut {
    id: &'static str,
    object: &'static str,
    name: &'static str,
    description: &'static str,
    /// `image_edit` changes the picture at `image_url`.
    #[cfg_attr(test, schema(value_type = String))]
    capability: Capability,
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    input_modalities: &'static [&'static str],
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    output_modalities: [&'static str; 1],
    /// The fields that an order of it must have.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    required: &'static [&'static str],
    /// The shapes that it makes.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    sizes: [&'static str; 6],
    default_size: &'static str,
    /// The most pictures of one order.
    max_images: u8,
    max_prompt_characters: usize,
    /// The keys of `extra` that it takes here.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    extra: Vec<&'static str>,
    pricing: Pricing,
}

/// What a model costs.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Pricing))]
pub(crate) struct Pricing {
    mode: &'static str,
    #[cfg_attr(test, schema(value_type = Usd))]
    per_image_usd: Box<RawValue>,
    currency: &'static str,
}

/// All prices, sorted by model.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = PricingCatalog))]
pub(crate) struct PricingOut {
    object: &'static str,
    text_count: usize,
    media_count: usize,
    /// Text is not sold here.
    #[cfg_attr(test, schema(value_type = Vec<String>))]
    text: [&'static str; 0],
    media: Vec<MediaOut>,
}

/// The price of a model.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = MediaPrice))]
pub(crate) struct MediaOut {
    id: &'static str,
    name: &'static str,
    modality: &'static str,
    pricing_mode: &'static str,
    /// Of one picture.
    #[cfg_attr(test, schema(value_type = Usd))]
    usd_per_call: Box<RawValue>,
}

/// What this is.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Service))]
pub(crate) struct IndexOut {
    object: &'static str,
    name: &'static str,
    version: &'static str,
    endpoints: Vec<String>,
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
        endpoints: ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
