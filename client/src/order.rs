//! What is ordered. Before it is sent for the first time an order is [`Prepared`]: its key and its bytes are
//! settled, and every attempt sends the same.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Job;

/// What a caller wants to have.
#[derive(Clone, Serialize)]
pub struct Order {
    model: String,
    prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extra: Map<String, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    webhook_events: Vec<String>,
    idempotency_key: Option<String>,
}

/// A prompt is nobody else's business.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({})", self.model)
    }
}

impl Order {
    /// One picture of the model's own shape.
    pub fn new(model: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            prompt: prompt.into(),
            n: None,
            size: None,
            image_url: None,
            extra: Map::new(),
            metadata: BTreeMap::new(),
            webhook_url: None,
            webhook_events: Vec::new(),
            idempotency_key: None,
        }
    }

    /// So many pictures.
    #[must_use]
    pub fn n(mut self, n: u8) -> Self {
        self.n = Some(n);
        self
    }

    /// In this shape: `auto`, `1024x768`, `4:3` …
    #[must_use]
    pub fn size(mut self, size: impl Into<String>) -> Self {
        self.size = Some(size.into());
        self
    }

    /// Changes the picture that is there.
    #[must_use]
    pub fn image_url(mut self, url: impl Into<String>) -> Self {
        self.image_url = Some(url.into());
        self
    }

    /// One thing more for the model.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// A note of your own, returned with the job.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Has this URL told what becomes of the job. Check what arrives there with a
    /// [`Verifier`](crate::webhook::Verifier).
    #[must_use]
    pub fn webhook_url(mut self, url: impl Into<String>) -> Self {
        self.webhook_url = Some(url.into());
        self
    }

    /// Has it told these events, such as `job.succeeded`, and no others.
    #[must_use]
    pub fn webhook_events(mut self, events: impl IntoIterator<Item: Into<String>>) -> Self {
        self.webhook_events = events.into_iter().map(Into::into).collect();
        self
    }

    /// A key of your own instead of a fresh one. If it follows from what you order for, such as an invoice, then
    /// a program that died and starts over does not order twice either.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Settles the key and the bytes.
    ///
    /// # Errors
    /// If the machine has no randomness for a key, or the order cannot be written.
    pub fn prepare(mut self) -> Result<Prepared, PrepareError> {
        let key = match self.idempotency_key.take() {
            Some(key) => key,
            None => fresh_key()?,
        };
        self.idempotency_key = Some(key.clone());
        let body = serde_json::to_vec(&self).map_err(|error| PrepareError(error.into()))?;
        Ok(Prepared { key, body })
    }
}

fn fresh_key() -> Result<String, PrepareError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| PrepareError(error.into()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

/// An order cannot be prepared.
#[derive(Debug, thiserror::Error)]
#[error("the order cannot be prepared")]
pub struct PrepareError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// An order as it is sent, however often: its key and its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    key: String,
    body: Vec<u8>,
}

impl Prepared {
    /// The key. Whoever keeps it before the order is sent can order again after a crash without ordering twice.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared(***)")
    }
}

/// An order that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placed {
    /// Its job.
    pub job: Job,
    /// Whether the job was there before: an earlier attempt had been accepted.
    pub replayed: bool,
}
