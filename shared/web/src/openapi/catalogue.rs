//! What is sold, for how much, and how much of it at a time. Anyone may ask, and keep the answer for a minute.

use domain::{catalogue::MODELS, size::Ratio};
use serde_json::{Value, json};

use super::{
    operation::Operation,
    schema::{Schemas, constant, list, named, one_of},
};
use crate::body::{
    catalogue::{IndexOut, ModelOut, PricingOut, tests as catalogue},
    limits::{self, TiersOut},
};

pub(super) const TAG: &str = "Catalogue";

pub(super) fn operations() -> Vec<Operation> {
    let open = |path, id, summary, answer, schema, examples| {
        Operation::open(("GET", path), id, summary, "").answers(
            200,
            answer,
            &["Cache-Control"],
            schema,
            examples,
        )
    };
    vec![
        open(
            "/",
            "getService",
            "What this is",
            "The service and its routes.",
            named("Service"),
            json!({ "service": catalogue::value(&crate::index()) }),
        ),
        open(
            "/v1/models",
            "listModels",
            "What can be ordered",
            "All models; there is no second part.",
            list("Model"),
            json!({ "models": catalogue::value(&crate::models(&catalogue::catalogue())) }),
        ),
        open(
            "/v1/pricing",
            "getPricing",
            "What it costs",
            "All prices.",
            named("PricingCatalog"),
            json!({ "pricing": catalogue::value(&crate::pricing(&catalogue::catalogue())) }),
        ),
        open(
            "/v1/limits/tiers",
            "getTiers",
            "How much an account may have going on",
            "All tiers.",
            named("Tiers"),
            json!({ "tiers": limits::tests::example_of_tiers() }),
        ),
        open(
            "/v1/openapi.json",
            "getOpenApi",
            "This description",
            "OpenAPI 3.1.",
            named("OpenApi"),
            json!({}),
        ),
    ]
}

/// The names of all models.
pub(super) fn slugs() -> Value {
    one_of(MODELS.each_ref().map(|model| model.slug))
}

pub(super) fn describe(schemas: &mut Schemas) {
    let sizes = one_of(Ratio::ALL.map(Ratio::as_str));
    schemas
        .add::<IndexOut>()
        .refine("Service", "object", constant("service"))
        .add::<ModelOut>()
        .refine("Model", "id", slugs())
        .refine("Model", "object", constant("model"))
        .refine("Model", "capability", one_of(["image_generate", "image_edit"]))
        .refine("Model", "sizes", json!({ "items": sizes }))
        .refine("Pricing", "mode", constant("per-image"))
        .refine("Pricing", "currency", constant("USD"))
        .add::<PricingOut>()
        .refine("PricingCatalog", "object", constant("pricing.catalog"))
        .refine("MediaPrice", "id", slugs())
        .refine("MediaPrice", "modality", constant("image"))
        .refine("MediaPrice", "pricing_mode", constant("per-image"))
        .add::<TiersOut>()
        .refine("Tiers", "object", constant("tier.matrix"));
}
