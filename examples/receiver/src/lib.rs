//! A receiver of webhooks, as an example: it believes what is signed, takes each event once, and answers at once. What
//! takes long belongs behind a queue of your own: an answer that takes longer than 15 seconds is none, and is tried
//! again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde::Deserialize;
use standardwebhooks::Webhook;

/// The largest body: a webhook has less than 20 kB.
const BODY_MAX: usize = 32_768;
/// How many events are remembered. One comes again within four days at most; keep the ids in a table of yours.
const REMEMBERED: usize = 10_000;

/// What became of a job, as far as this example wants to know.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// `job.succeeded` and the like.
    pub r#type: String,
    /// The job.
    pub data: Job,
}

/// A job that has ended.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Job {
    /// Ask for it at `/v1/jobs/{id}`: the pictures are there.
    pub id: String,
    /// `succeeded` and the like.
    pub status: String,
    /// How many pictures there are.
    pub images: u8,
}

/// What is done with an event that is new.
pub type Act = dyn Fn(Event) + Send + Sync;

struct Desk {
    verifier: Webhook,
    seen: Mutex<VecDeque<String>>,
    act: Box<Act>,
}

/// The receiver, for webhooks that are signed with this secret (`whsec_…`). `act` is called once for each event.
///
/// # Errors
/// If the secret is none.
pub fn router(secret: &str, act: impl Fn(Event) + Send + Sync + 'static) -> anyhow::Result<Router> {
    let verifier = Webhook::new(secret)?;
    let desk = Desk { verifier, seen: Mutex::default(), act: Box::new(act) };
    Ok(Router::new()
        .route("/{*path}", post(take))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::new(desk)))
}

/// Checks the signature over the bytes as they came, before anything is read from them.
async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if desk.verifier.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let Ok(event) = serde_json::from_slice::<Event>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    if desk.is_new(id) {
        (desk.act)(event);
    }
    // The same answer to one that was here before: it is done.
    StatusCode::NO_CONTENT
}

impl Desk {
    fn is_new(&self, id: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.iter().any(|seen| seen == id) {
            return false;
        }
        if seen.len() >= REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(id.to_owned());
        true
    }
}
