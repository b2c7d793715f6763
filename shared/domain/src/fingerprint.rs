//! What a request asks for, in one short text: two requests under one idempotency key must agree
//! in it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::order::Order;

/// The SHA-256, in hexadecimal, of an order's fields in canonical JSON (RFC 8785). It covers what
/// was understood, not how it was written: spaces, the order of fields, and different spellings of
/// one size make no difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of an order.
    ///
    /// # Errors
    /// If the order cannot be written as canonical JSON, which an order read from JSON always can.
    pub fn of(order: &Order) -> Result<Self, serde_json::Error> {
        let mut fields = json!({
            "v": 1,
            "model": order.model,
            "prompt": order.prompt,
            "n": order.n,
            "ratio": order.ratio,
            "image_url": order.image_url,
            "extra": order.extra,
            "metadata": order.metadata,
        });
        // What came later is there only where it is asked for: an order without it is still the one that an
        // earlier version accepted.
        if let (Some(webhook), Some(fields)) = (&order.webhook, fields.as_object_mut()) {
            fields.insert("webhook_url".to_owned(), json!(webhook.url));
            fields.insert("webhook_events".to_owned(), json!(webhook.events));
        }
        let canonical = serde_json_canonicalizer::to_vec(&fields)?;
        Ok(Self(hex::encode(Sha256::digest(canonical))))
    }
}

#[cfg(test)]
mod tests;
