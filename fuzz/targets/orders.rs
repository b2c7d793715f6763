//! `POST /v1/images/generations`: from the bytes of a request to an order that is agreed to, or to the
//! answer that says why not.

use std::collections::BTreeSet;

use bolero::{TypeGenerator, check};
use domain::{
    catalogue::{Capability, Catalogue},
    fingerprint::Fingerprint,
    hold::Hold,
    idempotency::{IdempotencyKey, KEY_CHARS_MAX},
    order::{Count, Draft, EXTRA_BYTES_MAX, IMAGES_MAX, METADATA_PAIRS_MAX, Order, Webhook},
    upstream::{Upstream, Upstreams},
    webhook,
};
use http::{HeaderValue, Request};
use lambda_http::Body;
use serde_json::{Map, Value};
use web::{Refusal, request};

use crate::{corpus, mutation::Input};

/// What an order can be refused for, before anybody looks at the tables: of README's codes those that
/// follow from the request alone.
const CODES: [&str; 19] = [
    "duplicate_parameter",
    "extra_not_allowed",
    "extra_too_large",
    "idempotency_keys_differ",
    "image_url_required",
    "invalid_extra",
    "invalid_idempotency_key",
    "invalid_image_url",
    "invalid_json",
    "invalid_metadata",
    "invalid_parameter",
    "invalid_webhook_url",
    "missing_parameter",
    "model_not_found",
    "prompt_empty",
    "prompt_too_long",
    "request_too_large",
    "unknown_parameter",
    "unsupported_media_type",
];
/// The longest answer to a request that is refused, in bytes: what a caller wrote is not sent back.
const REFUSAL_BYTES_MAX: usize = 2_048;

/// A request.
#[derive(Clone, Debug, TypeGenerator)]
struct Post {
    body: Input,
    content_type: Option<Vec<u8>>,
    keys: Vec<Key>,
}

/// A header `Idempotency-Key`.
#[derive(Clone, Debug, TypeGenerator)]
enum Key {
    Bytes(Vec<u8>),
    /// The key of a seed, quoted or not.
    Same(bool),
    Long(u8),
}

impl Post {
    /// The request, unless HTTP has no words for it.
    fn request(&self, body: Vec<u8>) -> Option<lambda_http::Request> {
        let mut request = Request::new(Body::Binary(body));
        let kind = self.content_type.as_deref().unwrap_or(b"application/json; charset=utf-8");
        let headers = request.headers_mut();
        headers.insert("content-type", HeaderValue::from_bytes(kind).ok()?);
        for key in self.keys.iter().take(2) {
            let value = match key {
                Key::Bytes(bytes) => HeaderValue::from_bytes(bytes),
                Key::Same(true) => HeaderValue::from_str("\"poster-1\""),
                Key::Same(false) => HeaderValue::from_str("poster-1"),
                Key::Long(length) => HeaderValue::from_str(&"k".repeat((*length).into())),
            };
            headers.append("idempotency-key", value.ok()?);
        }
        Some(request)
    }
}

#[test]
fn an_order_is_within_its_bounds_or_refused_in_words_that_are_published() {
    let seeds = corpus::seeds("order");
    for seed in &seeds {
        let post = Post { body: Input::Raw(Vec::new()), content_type: None, keys: Vec::new() };
        let request = post.request(seed.clone()).unwrap();
        let (draft, _) = request::order(&request).unwrap();
        agreed(&Order::agree(draft).unwrap());
    }
    check!().with_type::<Post>().with_iterations(6_000).for_each(|post| {
        let Some(request) = post.request(post.body.bytes(&seeds)) else { return };
        match request::order(&request) {
            Ok((draft, key)) => {
                key.into_iter().for_each(keyed);
                match Order::agree(draft) {
                    Ok(order) => agreed(&order),
                    Err(error) => refused(error.into()),
                }
            }
            Err(refusal) => refused(refusal),
        }
    });
}

fn keyed(key: IdempotencyKey) {
    assert_eq!(key.digest().len(), 64);
    let text = String::from(key.clone());
    assert!((1..=KEY_CHARS_MAX).contains(&text.chars().count()));
    assert!(!text.chars().any(char::is_control));
    assert_eq!(IdempotencyKey::try_from(text), Ok(key));
}

/// What is agreed to is within bounds, costs no more than its hold, and is stored as what it is.
fn agreed(order: &Order) {
    let model = order.model.model();
    let prompt = order.prompt.as_str();
    assert!((1..=IMAGES_MAX).contains(&order.n.get()));
    assert!((1..=model.prompt_chars_max).contains(&prompt.chars().count()));
    assert!(!prompt.trim().is_empty());
    assert!(order.metadata.len() <= METADATA_PAIRS_MAX);
    if let Some(webhook) = &order.webhook {
        assert!((1..=webhook::URL_BYTES_MAX).contains(&webhook.url.as_str().len()));
    }
    assert_eq!(order.image_url.is_some(), model.capability == Capability::ImageEdit);
    covered(order);

    let extra = serde_json::to_string(&order.extra).unwrap();
    assert!(extra.len() <= EXTRA_BYTES_MAX);
    let stored = Order {
        extra: serde_json::from_str(&extra).unwrap(),
        prompt: reread(&order.prompt),
        n: reread(&order.n),
        ratio: reread(&order.ratio),
        image_url: reread(&order.image_url),
        metadata: reread(&order.metadata),
        model: reread(&order.model),
        webhook: order
            .webhook
            .as_ref()
            .map(|webhook| Webhook { url: reread(&webhook.url), events: reread(&webhook.events) }),
    };
    assert!(stored == *order, "stored as {stored:?}");
    assert_eq!(Fingerprint::of(&stored).unwrap(), Fingerprint::of(order).unwrap());
    assert!(Order::agree(draft(order)).unwrap() == *order, "an order is a draft of itself");
}

/// Whichever upstreams there are, and however much of it is delivered.
fn covered(order: &Order) {
    let all =
        Upstream::KEYED.into_iter().map(|one| Upstreams::new([one])).chain([Upstreams::default()]);
    for upstreams in all {
        let catalogue = Catalogue::new("1.35".parse().unwrap(), upstreams);
        let price = catalogue.price(order.model);
        let hold = Hold::new(price, order.n).unwrap();
        assert_eq!(Some(hold.amount()), price.checked_mul(order.n.get().into()));
        for delivered in 1..=IMAGES_MAX {
            let charged = hold.settle(Count::try_from(delivered).unwrap()).figures().charged;
            assert!(charged <= hold.amount());
        }
        let offer = catalogue.offer(order.model);
        if order.check_offer(offer).is_ok() {
            assert!(offer.cost.checked_mul(order.n.get().into()).unwrap() <= hold.amount());
        }
    }
}

/// What comes back from where it was written to.
fn reread<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn draft(order: &Order) -> Draft {
    Draft {
        model: order.model.model().slug.to_owned(),
        prompt: order.prompt.as_str().to_owned(),
        n: Some(order.n.get().into()),
        size: order.ratio.map(|ratio| ratio.as_str().to_owned()),
        image_url: order.image_url.as_ref().map(|url| url.as_str().to_owned()),
        extra: order.extra.clone(),
        metadata: order.metadata.clone(),
        webhook_url: order.webhook.as_ref().map(|webhook| webhook.url.as_str().to_owned()),
        webhook_events: order
            .webhook
            .as_ref()
            .map(|webhook| webhook.events.named().map(|event| event.as_str().to_owned()).collect()),
    }
}

/// A refusal is the caller's mistake, in an envelope of the one form, and repeats little of it.
fn refused(refusal: Refusal) {
    let answer = refusal.into_response("id");
    let body: &[u8] = answer.body();
    assert!(answer.status().is_client_error(), "{}", answer.status());
    assert!(body.len() <= REFUSAL_BYTES_MAX, "{} bytes", body.len());
    let Value::Object(envelope) = serde_json::from_slice(body).unwrap() else {
        panic!("no envelope");
    };
    let error: &Map<String, Value> = envelope["error"].as_object().unwrap();
    let code = error["code"].as_str().unwrap();
    assert!(CODES.contains(&code), "{code}");
    let known: BTreeSet<&str> =
        ["message", "type", "code", "param", "request_id"].into_iter().collect();
    assert!(error.keys().all(|name| known.contains(name.as_str())), "{error:?}");
    assert!(!error["message"].as_str().unwrap().chars().any(char::is_control));
}
