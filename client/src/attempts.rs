//! Sending a request until it is answered, within bounds: full jitter, and no sooner than the API says.

use std::time::Duration;

use reqwest::{
    RequestBuilder, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use tokio::time::sleep;

use crate::{ApiError, Error};

/// The largest body of an answer: above what a function can answer.
const BODY_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// How a request is repeated that was not answered, or was told to come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often it is sent, the first time included.
    pub attempts: u32,
    /// The most that is waited after the first attempt; twice as much after each further one.
    pub first_pause: Duration,
    /// The most that is waited. Whoever says `Retry-After` with more is not asked again.
    pub longest_pause: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
        }
    }
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// How a request ended that has no good answer.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How its last attempt ended.
    pub(crate) error: Error,
    /// Whether it is not known what became of an earlier attempt.
    pub(crate) unanswered: bool,
}

impl Retries {
    /// Sends what `request` makes, which must be the same each time.
    pub(crate) async fn send(
        self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Failure> {
        let (mut most, mut unanswered, mut attempt) = (self.first_pause, false, 1_u32);
        loop {
            let (error, asked) = match once(request()).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let too_long = asked.is_some_and(|pause| pause > self.longest_pause);
            if !error.passes() || too_long || attempt >= self.attempts {
                return Err(Failure { error, unanswered });
            }
            unanswered |= is_unknown(&error);
            let least = asked.unwrap_or_default();
            sleep(least.saturating_add(jitter(most)).min(self.longest_pause.max(least))).await;
            most = most.saturating_mul(2).min(self.longest_pause);
            attempt = attempt.saturating_add(1);
        }
    }
}

/// Whether an attempt that ended so may have done what was asked for.
pub(crate) fn is_unknown(error: &Error) -> bool {
    match error {
        Error::Refused(told) => told.status >= 500,
        Error::Unanswered(_) => true,
    }
}

/// One attempt; if it fails, also how long to stay away.
async fn once(request: RequestBuilder) -> Result<Answer, (Error, Option<Duration>)> {
    let mut response = request.send().await.map_err(|error| (Error::of(error), None))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| (Error::of(error), None))? {
        if body.len().saturating_add(chunk.len()) > BODY_BYTES_MAX {
            return Err((Error::Unanswered("the answer is too large".into()), None));
        }
        body.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return Ok(Answer { status, headers, body });
    }
    let error = ApiError::read(status, &headers, &body);
    Err((Error::Refused(error.into()), retry_after(&headers)))
}

/// How long to stay away, where it says so in seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Any time up to `most`.
pub(crate) fn jitter(most: Duration) -> Duration {
    let mut random = [0; 8];
    // Without randomness callers may meet again; that is all.
    if getrandom::fill(&mut random).is_err() {
        return most;
    }
    let most_ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    let span = most_ms.saturating_add(1);
    Duration::from_millis(u64::from_le_bytes(random).checked_rem(span).unwrap_or(most_ms))
}
