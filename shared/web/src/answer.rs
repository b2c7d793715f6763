//! Answers: status, headers, body.

use domain::ledger::Balance;
use lambda_http::{
    Body, Response,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER},
    },
};
use serde::Serialize;

use crate::{Refusal, request::Wait};

/// Whether an answer is the same for everyone.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=60");
const PRIVATE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Seconds after which it is worth asking for an unfinished job again.
const ASK_AGAIN: u32 = 1;

/// Who may keep an answer, and how it should be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Anyone, for a minute: it is the same for everyone.
    Public,
    /// Nobody.
    Private,
    /// Nobody, and it will be another one soon.
    Unfinished,
}

/// An answer with a body.
///
/// # Errors
/// [`Refusal::Internal`] if the body cannot be written as JSON.
pub fn answer(
    status: StatusCode,
    body: &impl Serialize,
    freshness: Freshness,
) -> Result<Response<Body>, Refusal> {
    let json = serde_json::to_string(body).map_err(|error| Refusal::Internal(error.into()))?;
    let mut response = text(status, json);
    if freshness == Freshness::Public {
        response.headers_mut().insert(CACHE_CONTROL, PUBLIC);
    }
    if freshness == Freshness::Unfinished {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ASK_AGAIN));
    }
    Ok(response)
}

/// An answer that it is done, of which there is nothing to say.
#[must_use]
pub fn nothing() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, PRIVATE);
    response
}

/// An answer whose body is JSON already, the same for everyone.
#[must_use]
pub fn written(json: &str) -> Response<Body> {
    let mut response = text(StatusCode::OK, json.to_owned());
    response.headers_mut().insert(CACHE_CONTROL, PUBLIC);
    response
}

/// The answer to a new job at `location`: accepted, or ended already where that was waited for.
///
/// # Errors
/// [`Refusal::Internal`] if the body cannot be written as JSON.
pub fn created(
    body: &impl Serialize,
    location: &str,
    freshness: Freshness,
) -> Result<Response<Body>, Refusal> {
    let is_open = freshness == Freshness::Unfinished;
    let status = if is_open { StatusCode::ACCEPTED } else { StatusCode::OK };
    located(answer(status, body, freshness)?, location)
}

/// The answer to a request that was answered before: the same job, as it is now.
///
/// # Errors
/// [`Refusal::Internal`] if the body cannot be written as JSON.
pub fn replayed(
    body: &impl Serialize,
    location: &str,
    freshness: Freshness,
) -> Result<Response<Body>, Refusal> {
    let mut response = answer(StatusCode::OK, body, freshness)?;
    let name = HeaderName::from_static("idempotent-replayed");
    response.headers_mut().insert(name, HeaderValue::from_static("true"));
    located(response, location)
}

fn located(mut response: Response<Body>, location: &str) -> Result<Response<Body>, Refusal> {
    let value = HeaderValue::from_str(location);
    let value = value.map_err(|error| Refusal::Internal(error.into()))?;
    response.headers_mut().insert(LOCATION, value);
    Ok(response)
}

/// The room that a user has for unfinished jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many may be unfinished.
    pub cap: u32,
    /// How many more may be, now.
    pub free: u32,
}

impl From<&Balance> for Queue {
    fn from(balance: &Balance) -> Self {
        Self { cap: balance.queue_cap, free: balance.free_slots }
    }
}

/// Tells of a queue in `RateLimit-Policy` and `RateLimit`
/// (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>). There is no window: room comes back
/// when a job ends.
pub fn tell_queue(response: &mut Response<Body>, queue: Queue) {
    let Queue { cap, free } = queue;
    let policy = format!(r#""unfinished-jobs";q={cap};qu="concurrent-requests""#);
    insert(response, "ratelimit-policy", &policy);
    insert(response, "ratelimit", &format!(r#""unfinished-jobs";r={free}"#));
}

/// Tells which preference was honoured.
pub fn tell_applied(response: &mut Response<Body>, wait: Wait) {
    insert(response, "preference-applied", &wait.to_string());
}

/// Adds a header whose value is plain text.
fn insert(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// The answer, or what becomes of a refusal; either names the request that it answers.
#[must_use]
pub fn respond(outcome: Result<Response<Body>, Refusal>, request_id: &str) -> Response<Body> {
    let mut response = outcome.unwrap_or_else(|refusal| refusal.into_response(request_id));
    insert(&mut response, "x-request-id", request_id);
    response
}

pub(crate) fn refuse(
    status: StatusCode,
    body: &impl Serialize,
    retry_after: Option<u32>,
) -> Response<Body> {
    // An envelope is made of texts and numbers, which are always JSON.
    let json = serde_json::to_string(body).unwrap_or_default();
    let mut response = text(status, json);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn text(status: StatusCode, json: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, PRIVATE);
    let sniff = HeaderName::from_static("x-content-type-options");
    headers.insert(sniff, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
