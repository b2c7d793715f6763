//! What is sold, as callers see it.

use domain::upstream::Upstreams;
use serde_json::Value;

use super::*;
use crate::event::sorted;

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new("1.35".parse().unwrap(), Upstreams::default())
}

pub(crate) fn value(body: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(body).unwrap()).unwrap()
}

#[test]
fn a_model_says_what_it_takes_and_what_it_costs() {
    let list = value(&models(&catalogue()));
    insta::assert_json_snapshot!(sorted(&list["data"][1]), @r#"
    {
      "capability": "image_edit",
      "default_size": "auto",
      "description": "Changes the picture at image_url as the prompt says.",
      "extra": [
        "seed",
        "safety_tolerance",
        "prompt_upsampling",
        "output_format"
      ],
      "id": "flux-kontext-pro",
      "input_modalities": [
        "text",
        "image"
      ],
      "max_images": 4,
      "max_prompt_characters": 4000,
      "name": "FLUX.1 Kontext [pro]",
      "object": "model",
      "output_modalities": [
        "image"
      ],
      "pricing": {
        "currency": "USD",
        "mode": "per-image",
        "per_image_usd": 0.054
      },
      "required": [
        "model",
        "prompt",
        "image_url"
      ],
      "sizes": [
        "9:16",
        "3:4",
        "1:1",
        "4:3",
        "16:9",
        "21:9"
      ]
    }
    "#);
}

#[test]
fn all_models_are_listed() {
    let mut list = value(&models(&catalogue()));
    for model in list["data"].as_array_mut().unwrap() {
        let shown = ["id", "capability", "required", "default_size"];
        model.as_object_mut().unwrap().retain(|name, _| shown.contains(&name.as_str()));
    }
    insta::assert_json_snapshot!(sorted(&list), @r#"
    {
      "data": [
        {
          "capability": "image_generate",
          "default_size": "16:9",
          "id": "flux-1.1-ultra",
          "required": [
            "model",
            "prompt"
          ]
        },
        {
          "capability": "image_edit",
          "default_size": "auto",
          "id": "flux-kontext-pro",
          "required": [
            "model",
            "prompt",
            "image_url"
          ]
        },
        {
          "capability": "image_generate",
          "default_size": "1:1",
          "id": "ideogram-v3",
          "required": [
            "model",
            "prompt"
          ]
        },
        {
          "capability": "image_generate",
          "default_size": "1:1",
          "id": "recraft-v3",
          "required": [
            "model",
            "prompt"
          ]
        }
      ],
      "has_more": false,
      "next_cursor": null,
      "object": "list"
    }
    "#);
}

#[test]
fn the_price_list_is_sorted_and_exact() {
    let text = serde_json::to_string(&pricing(&catalogue())).unwrap();
    for price in ["0.081", "0.054", "0.108", "0.054"] {
        assert!(text.contains(&format!(r#""usd_per_call":{price}}}"#)), "{text}");
    }
    insta::assert_json_snapshot!(sorted(&value(&pricing(&catalogue()))), @r#"
    {
      "media": [
        {
          "id": "flux-1.1-ultra",
          "modality": "image",
          "name": "FLUX 1.1 [pro] Ultra",
          "pricing_mode": "per-image",
          "usd_per_call": 0.081
        },
        {
          "id": "flux-kontext-pro",
          "modality": "image",
          "name": "FLUX.1 Kontext [pro]",
          "pricing_mode": "per-image",
          "usd_per_call": 0.054
        },
        {
          "id": "ideogram-v3",
          "modality": "image",
          "name": "Ideogram 3.0",
          "pricing_mode": "per-image",
          "usd_per_call": 0.108
        },
        {
          "id": "recraft-v3",
          "modality": "image",
          "name": "Recraft V3",
          "pricing_mode": "per-image",
          "usd_per_call": 0.054
        }
      ],
      "media_count": 4,
      "object": "pricing.catalog",
      "text": [],
      "text_count": 0
    }
    "#);
}

#[test]
fn both_lists_show_the_prices_that_are_charged() {
    let dear = Catalogue::new("2".parse().unwrap(), Upstreams::default());
    let (models, pricing) = (value(&models(&dear)), value(&pricing(&dear)));
    for model in &MODELS {
        let price = dear.price(model.id).to_string();
        let of = |rows: &Value| {
            let rows = rows.as_array().unwrap().clone();
            rows.into_iter().find(|row| row["id"] == model.slug).unwrap()
        };
        assert_eq!(of(&models["data"])["pricing"]["per_image_usd"].to_string(), price);
        assert_eq!(of(&pricing["media"])["usd_per_call"].to_string(), price);
    }
}

#[test]
fn the_root_says_what_this_is() {
    let mut index = value(&index());
    assert_eq!(index["version"].take(), env!("CARGO_PKG_VERSION"));
    insta::assert_json_snapshot!(sorted(&index), @r#"
    {
      "endpoints": [
        "POST /v1/images/generations",
        "GET /v1/jobs",
        "GET /v1/jobs/{id}",
        "POST /v1/jobs/{id}/cancel",
        "POST /v1/webhooks/secret",
        "GET /v1/webhooks/endpoints",
        "POST /v1/webhooks/endpoints",
        "GET /v1/webhooks/endpoints/{id}",
        "DELETE /v1/webhooks/endpoints/{id}",
        "POST /v1/webhooks/endpoints/{id}/rotate",
        "POST /v1/webhooks/endpoints/{id}/enable",
        "GET /v1/webhooks/deliveries",
        "GET /v1/webhooks/deliveries/{id}",
        "POST /v1/webhooks/deliveries/{id}/redeliver",
        "GET /v1/models",
        "GET /v1/pricing",
        "GET /v1/credits/balance",
        "GET /v1/credits/transactions",
        "GET /v1/auth/limits",
        "GET /v1/limits/tiers",
        "GET /v1/openapi.json",
        "GET /"
      ],
      "name": "holdfast",
      "object": "service",
      "version": null
    }
    "#);
}
