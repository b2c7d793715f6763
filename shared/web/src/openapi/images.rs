//! Ordering pictures.

use domain::{
    catalogue::{Capability, MODELS, Model},
    extra::{Extra, Takes},
    idempotency::KEY_CHARS_MAX,
    order::{
        IMAGES_MAX, METADATA_KEY_CHARS_MAX, METADATA_PAIRS_MAX, METADATA_VALUE_CHARS_MAX, SEED_MAX,
        URL_BYTES_MAX,
    },
    sandbox,
    scope::Scope,
    webhook::{self, EventKind},
};
use serde_json::{Map, Value, json};

use super::{
    jobs::example,
    operation::Operation,
    schema::{Schemas, constant, named, one_of},
};
use crate::body::quote::QuoteOut;

pub(super) const TAG: &str = "Images";

const ORDER: &str = "The answer comes at once; the pictures do not. Send an order that was not answered again \
    under the same idempotency key, which counts for 30 days: that is one job and one charge.";

pub(super) fn operations() -> Vec<Operation> {
    let order = Operation::closed(
        ("POST", "/v1/images/generations"),
        Scope::JobsWrite,
        "createImage",
        "Order pictures",
        ORDER,
    )
    .header(
        "Idempotency-Key",
        "The same as the field `idempotency_key`. No comma; two that differ are refused.",
        key(),
    )
    .header(
        "Prefer",
        "`wait=N`, 1 to 25 seconds: the answer is held back until the job has ended, or the time is up. What is not \
         understood is ignored, as preferences are.",
        json!({ "type": "string" }),
    )
    .query(
        "dry_run",
        "Whether the order is only priced: nothing is stored or held.",
        json!({ "enum": ["true", "false"], "default": "false" }),
    )
    .body(true, named("ImageOrder"), orders())
    .answers(
        202,
        "A new job. Its price is held.",
        &[
            "Location",
            "Retry-After",
            "Cache-Control",
            "Preference-Applied",
            "RateLimit",
            "RateLimit-Policy",
        ],
        named("Job"),
        json!({ "accepted": example::pending() }),
    )
    .answers(
        200,
        "The job of an earlier request under this idempotency key, as it is now; or a new job that has ended, for \
         whoever preferred to wait; or, with `dry_run`, the price.",
        &[
            "Location",
            "Idempotent-Replayed",
            "Retry-After",
            "Cache-Control",
            "Preference-Applied",
            "RateLimit",
            "RateLimit-Policy",
        ],
        json!({ "oneOf": [named("Job"), named("Quote")] }),
        json!({ "ended": example::succeeded(), "quote": crate::body::quote::tests::example() }),
    )
    .refuses(&[
        "missing_parameter",
        "model_not_found",
        "prompt_empty",
        "prompt_too_long",
        "image_url_required",
        "invalid_image_url",
        "extra_not_allowed",
        "invalid_extra",
        "extra_too_large",
        "invalid_metadata",
        "invalid_webhook_url",
        "webhook_secret_required",
        "invalid_idempotency_key",
        "idempotency_keys_differ",
        "idempotency_key_reused",
        "insufficient_balance",
        "account_not_found",
        "account_suspended",
        "queue_full",
        "account_busy",
    ]);
    vec![order]
}

fn orders() -> Value {
    json!({
        "short": { "model": "flux-1.1-ultra", "prompt": "a cinematic hourglass" },
        "long": {
            "model": "ideogram-v3",
            "prompt": "a poster for a jazz night",
            "n": 2,
            "size": "3:4",
            "idempotency_key": "poster-1",
            "extra": { "seed": 7, "style_type": "DESIGN" },
            "metadata": { "invoice": "17" },
            "webhook_url": "https://example.com/holdfast",
            "webhook_events": ["job.succeeded", "job.failed"],
        },
        "edit": {
            "model": "flux-kontext-pro",
            "prompt": "make it night",
            "image_url": "https://example.com/cat.png",
        },
        "sandbox": {
            "model": "recraft-v3",
            "prompt": "a cat",
            "n": 4,
            "extra": { "sandbox": { "outcome": "succeed", "delay_ms": 3000, "deliver": 3 } },
        },
    })
}

/// An order is read field by field, so no type has its schema: it is that of one of the models.
pub(super) fn describe(schemas: &mut Schemas) {
    let refusals = ["account_suspended", "insufficient_balance", "queue_full"].map(Value::from);
    let refusals: Vec<Value> = refusals.into_iter().chain([Value::Null]).collect();
    schemas
        .add::<QuoteOut>()
        .refine("Quote", "object", constant("price_quote"))
        .refine("Quote", "model", super::catalogue::slugs())
        .refine("Quote", "size", super::jobs::sizes())
        .refine("Quote", "currency", constant("USD"))
        .refine("Quote", "refusal", json!({ "enum": refusals }));
    let names = MODELS.each_ref().map(name);
    let mapping: Map<String, Value> = (MODELS.iter().zip(&names))
        .map(|(model, name)| (model.slug.to_owned(), json!(format!("#/components/schemas/{name}"))))
        .collect();
    schemas.set(
        "ImageOrder",
        json!({
            "description": "What is ordered. `null` is the same as leaving a field out.",
            "oneOf": names.each_ref().map(|name| named(name)),
            "discriminator": { "propertyName": "model", "mapping": mapping },
        }),
    );
    for (model, name) in MODELS.iter().zip(&names) {
        schemas.set(name, order(model));
    }
}

/// `flux-1.1-ultra` is ordered with a `Flux11UltraOrder`.
fn name(model: &Model) -> String {
    let words = model.slug.replace('.', "");
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    words.split('-').map(capital).collect::<String>() + "Order"
}

fn order(model: &Model) -> Value {
    let edits = match model.capability {
        Capability::ImageGenerate => false,
        Capability::ImageEdit => true,
    };
    let source = if edits {
        json!({
            "type": "string",
            "format": "uri",
            "pattern": "^https://[A-Za-z0-9]",
            "maxLength": URL_BYTES_MAX,
            "description": "The picture to change: a PNG, JPEG or WebP of at most 10 MiB at a public address.",
        })
    } else {
        json!({ "type": ["string", "null"], "description": "Not looked at." })
    };
    let required: &[&str] =
        if edits { &["model", "prompt", "image_url"] } else { &["model", "prompt"] };
    json!({
        "type": "object",
        "description": model.description,
        "properties": {
            "model": constant(model.slug),
            "prompt": {
                "type": "string",
                "minLength": 1,
                "maxLength": model.prompt_chars_max,
                "pattern": "\\S",
                "description": "What the picture should show. Not blank.",
            },
            "n": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": IMAGES_MAX,
                "default": 1,
                "description": "How many pictures.",
            },
            "size": {
                "type": ["string", "null"],
                "description": "`auto`, `1024x1024`, `16:9` …: the nearest shape that the model makes. What is not \
                                understood means the model's default.",
            },
            "image_url": source,
            "idempotency_key": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": KEY_CHARS_MAX,
                "pattern": KEY_PATTERN,
                "description": "Your name for this order. The same order under the same key is the same job.",
            },
            "extra": extras(model),
            "metadata": {
                "type": ["object", "null"],
                "maxProperties": METADATA_PAIRS_MAX,
                "propertyNames": { "minLength": 1, "maxLength": METADATA_KEY_CHARS_MAX },
                "additionalProperties": { "type": "string", "maxLength": METADATA_VALUE_CHARS_MAX },
                "description": "Your own notes, returned as given.",
            },
            "webhook_url": {
                "type": ["string", "null"],
                "format": "uri",
                "pattern": "^https://[A-Za-z0-9]",
                "maxLength": webhook::URL_BYTES_MAX,
                "description": "Where it is told what becomes of the job, at a public address. Signed with the \
                                secret of `POST /v1/webhooks/secret`, which must be there before.",
            },
            "webhook_events": {
                "type": ["array", "null"],
                "items": events(),
                "description": "What is told to `webhook_url`, without which it is refused. None named is all of \
                                them.",
            },
        },
        "required": required,
        "additionalProperties": false,
    })
}

/// What may be told of a job.
pub(super) fn events() -> Value {
    one_of(EventKind::ALL.map(EventKind::as_str))
}

/// No control characters.
const KEY_PATTERN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// ASCII without control characters and commas, and with no blanks around it.
const KEY_IN_HEADER: &str = "^[!-+\\--~]([ -+\\--~]*[!-+\\--~])?$";

/// An idempotency key as a header.
fn key() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": KEY_CHARS_MAX, "pattern": KEY_IN_HEADER })
}

fn extras(model: &Model) -> Value {
    let mut properties: Map<String, Value> =
        model.extra.iter().map(|extra| (extra.key.to_owned(), value(extra))).collect();
    properties.insert(sandbox::KEY.to_owned(), wish());
    let mut extra = json!({
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
        "description": "More for the model, of at most 4096 bytes. `/v1/models` lists what it takes here.",
    });
    if model.extra.iter().any(|extra| matches!(extra.takes, Takes::Substyle(_))) {
        extra["dependentRequired"] = json!({ "substyle": ["style"] });
    }
    extra
}

fn value(extra: &Extra) -> Value {
    match extra.takes {
        Takes::Seed => json!({ "type": "integer", "minimum": 0, "maximum": SEED_MAX }),
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::UpTo(most) => json!({ "type": "integer", "minimum": 0, "maximum": most }),
        Takes::OneOf(words) | Takes::Style(words) => json!({ "enum": words }),
        Takes::Substyle(most) => json!({
            "type": "string",
            "minLength": 1,
            "maxLength": most,
            "pattern": "^[a-z0-9_]+$",
            "not": { "pattern": "vector" },
        }),
        Takes::Text(most) => json!({ "type": "string", "minLength": 1, "maxLength": most }),
        Takes::Codes(most) => json!({
            "type": "array",
            "minItems": 1,
            "maxItems": most,
            "items": { "type": "string", "pattern": "^[0-9A-Fa-f]{8}$" },
        }),
        Takes::Object => json!({
            "type": "object",
            "description": "As the provider takes it, without numbers beyond 9007199254740991.",
        }),
    }
}

/// How the sandbox should behave.
fn wish() -> Value {
    json!({
        "type": "object",
        "description": "How the sandbox ends, so that you can test what your program does then. Models that a \
                        real provider serves do not take it.",
        "properties": {
            "outcome": { "enum": ["succeed", "fail", "refuse", "never"], "default": "succeed" },
            "delay_ms": { "type": "integer", "minimum": 0, "maximum": 600_000, "default": 0 },
            "deliver": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": IMAGES_MAX,
                "description": "How many of the pictures are delivered, at most `n`.",
            },
        },
        "additionalProperties": false,
    })
}

#[test]
fn an_order_takes_the_fields_that_are_described_and_no_other() {
    use crate::{Refusal, event, request};

    let read = |name: &str| {
        let body = json!({ "model": "recraft-v3", "prompt": "a cat", name: null });
        let body = if ["model", "prompt"].contains(&name) {
            json!({ "model": "recraft-v3", "prompt": "a cat" })
        } else {
            body
        };
        request::order(&event::request(&event::post(&body.to_string())))
    };
    for model in &MODELS {
        for name in order(model)["properties"].as_object().unwrap().keys() {
            assert!(read(name).is_ok(), "{name}");
        }
    }
    assert!(matches!(read("colour"), Err(Refusal::UnknownParameter(_))));
}

#[test]
fn what_is_described_as_an_order_is_one() {
    let check = super::validator(&named("ImageOrder"));
    for (name, body) in orders().as_object().unwrap() {
        assert!(check.is_valid(body), "{name}");
    }
    for body in [
        json!({}),
        json!({ "model": "recraft-v3" }),
        json!({ "model": "recraft-v3", "prompt": " " }),
        json!({ "model": "recraft-v3", "prompt": "x".repeat(1_001) }),
        json!({ "model": "flux-kontext-pro", "prompt": "make it night" }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "colour": "red" }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "n": 5 }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "extra": { "raw": true } }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "extra": { "substyle": "hdr" } }),
    ] {
        assert!(!check.is_valid(&body), "{body}");
    }
}
