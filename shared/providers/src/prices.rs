//! INV-07: the hold covers every order that may be agreed to, at every upstream that may be asked.
//!
//! The upstreams' own price lists stand here once more, by what is *sent*, so that a field that makes
//! a request dearer than the catalogue thinks is noticed.
#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow and fail")]

use domain::{
    catalogue::{Catalogue, MODELS, Model, ModelId, Offer},
    extra::Takes,
    hold::Hold,
    order::{IMAGES_MAX, Order, SEED_MAX},
    size::Ratio,
    upstream::{Upstream, Upstreams},
};
use serde_json::{Map, Value, json};

use crate::{
    bfl, fal, ideogram, recraft,
    testing::{job, order},
};

/// Every value that a key of `extra` takes, as far as there are few, else some.
fn values(takes: Takes) -> Vec<Value> {
    match takes {
        Takes::Seed => vec![json!(0), json!(SEED_MAX)],
        Takes::Flag => vec![json!(true), json!(false)],
        Takes::UpTo(most) => (0..=most).map(|number| json!(number)).collect(),
        Takes::OneOf(words) | Takes::Style(words) => words.iter().map(|word| json!(word)).collect(),
        Takes::Substyle(_) => vec![json!("hdr"), json!("hand_drawn")],
        Takes::Text(_) => vec![json!("vector_illustration"), json!("QUALITY")],
        Takes::Codes(_) => vec![json!(["00112233"])],
        Takes::Object => vec![json!({"rendering_speed": "QUALITY", "model": "recraftv3_vector"})],
    }
}

/// Each value of each key alone, and one of everything.
fn extras(model: &Model) -> Vec<Map<String, Value>> {
    let mut all = Map::new();
    let mut extras = vec![Map::new()];
    for extra in model.extra {
        for value in values(extra.takes) {
            let mut one = Map::from_iter([(extra.key.to_owned(), value.clone())]);
            if extra.key == "substyle" {
                one.insert("style".to_owned(), json!("any"));
            }
            extras.push(one);
            all.insert(extra.key.to_owned(), value);
        }
    }
    extras.push(all);
    extras
}

/// All orders of a model, as far as they may differ in price.
fn orders(model: &Model) -> Vec<Order> {
    let mut orders = Vec::new();
    for extra in extras(model) {
        for n in 1..=IMAGES_MAX {
            for ratio in Ratio::ALL.map(Some).into_iter().chain([None]) {
                let mut order = order(model.id, n.into(), &Value::Object(extra.clone()));
                order.ratio = ratio;
                orders.push(order);
            }
        }
    }
    orders
}

/// What an upstream charges for the requests of an order, in micro-dollars, by its price list.
fn published(offer: &Offer, order: &Order) -> u64 {
    let n = u64::from(order.n.get());
    let text = |body: &Value, field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let job = job(offer.upstream, order.clone());
    match offer.upstream {
        Upstream::Sandbox => 0,
        // <https://docs.bfl.ml/quick_start/pricing>: by the endpoint, one picture a request.
        Upstream::Bfl => {
            assert!(bfl::body(&job, 1, None).get("n").is_none());
            n * if order.model == ModelId::FluxKontextPro { 40_000 } else { 60_000 }
        }
        // <https://ideogram.ai/features/api-pricing>: by the speed, dearer with a reference.
        Upstream::Ideogram => {
            let body = ideogram::body(&job);
            assert!(body.get("character_reference_images").is_none());
            let price = match text(&body, "rendering_speed").as_str() {
                "FLASH" | "TURBO" => 30_000,
                "" | "DEFAULT" | "BALANCED" => 60_000,
                _ => 90_000,
            };
            body["num_images"].as_u64().unwrap() * price
        }
        // <https://www.recraft.ai/docs/api-reference/pricing>: by the model, double for vectors.
        Upstream::Recraft => {
            let body = recraft::body(&job);
            assert_eq!(body["model"], "recraftv3");
            assert!(body.get("style_id").is_none() && body.get("upscale").is_none());
            let style = format!("{}/{}", text(&body, "style"), text(&body, "substyle"));
            let vectors = style.contains("vector") || style.starts_with("icon");
            body["n"].as_u64().unwrap() * if vectors { 80_000 } else { 40_000 }
        }
        // The pages of its models: by the model, and like the makers themselves.
        Upstream::Fal => {
            let body = fal::body(&job, None);
            let images = body.get("num_images").and_then(Value::as_u64);
            let price = match order.model {
                ModelId::Flux11Ultra => 60_000,
                ModelId::IdeogramV3 => match text(&body, "rendering_speed").as_str() {
                    "TURBO" => 30_000,
                    "" | "BALANCED" => 60_000,
                    _ => 90_000,
                },
                ModelId::RecraftV3 if text(&body, "style").contains("vector") => 80_000,
                ModelId::FluxKontextPro | ModelId::RecraftV3 => 40_000,
            };
            images.unwrap_or(n) * price
        }
    }
}

#[test]
fn the_hold_covers_every_order_that_may_be_agreed_to() {
    let mut covered = 0_u32;
    for markup in ["1", "1.35", "10"] {
        let catalogue = Catalogue::new(markup.parse().unwrap(), Upstreams::default());
        for model in &MODELS {
            for order in orders(model) {
                let hold = Hold::new(catalogue.price(model.id), order.n).unwrap();
                for offer in model.offers.iter().chain([&model.sandbox]) {
                    if order.check_offer(offer).is_err() {
                        continue;
                    }
                    let costs = published(offer, &order);
                    let listed = offer.cost.micros() * u64::from(order.n.get());
                    let what = format!("{} x{} {:?}", offer.name, order.n.get(), order.extra);
                    assert!(costs <= listed, "{what}: {costs} above the listed {listed}");
                    assert!(costs <= hold.amount().micros(), "{what}: {costs} above the hold");
                    covered += 1;
                }
            }
        }
    }
    assert!(covered > 5_000, "{covered}");
}
