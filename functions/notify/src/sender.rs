//! What is sent to a receiver, and what is taken from its answer: the status, and for how long it puts us off. The rest
//! of the answer is not read.

use std::time::{Duration, SystemTime};

use domain::{
    time::Timestamp,
    webhook::schedule::{ATTEMPT_MAX, Outcome},
};
use outbound::{Guard, Refused, Trouble};
use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use store::Delivery;
use url::Url;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for an answer, with the connection: what Standard Webhooks proposes at least.
const LIMIT: Duration = Duration::from_secs(15);
// What belongs to an attempt beside that is two writes.
const _: () = assert!(LIMIT.as_secs() + 10 <= ATTEMPT_MAX.as_secs(), "it would be taken for lost");

/// What an attempt met, and for how long the receiver puts us off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) put_off: Option<Duration>,
}

/// Sends to where callers say.
#[derive(Debug)]
pub(crate) struct Sender {
    guard: Guard,
    client: Client,
    limit: Duration,
}

impl Sender {
    /// A sender that reaches what a guard lets through.
    pub(crate) fn new(guard: Guard) -> anyhow::Result<Self> {
        Self::behind(guard, CONNECT, LIMIT)
    }

    /// A sender behind a guard, with these limits to a connection and to an answer.
    fn behind(guard: Guard, connect: Duration, limit: Duration) -> anyhow::Result<Self> {
        let client = guard.client()?.connect_timeout(connect).timeout(limit).build()?;
        Ok(Self { guard, client, limit })
    }

    /// Makes an attempt at a delivery.
    pub(crate) async fn send(&self, delivery: &Delivery, at: Timestamp, signature: &str) -> Answer {
        // Whatever else a client has to say, it is over by then.
        match tokio::time::timeout(self.limit, self.post(delivery, at, signature)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(trouble)) => Answer { outcome: outcome(&trouble), put_off: None },
            Err(_) => Answer { outcome: Outcome::Late, put_off: None },
        }
    }

    async fn post(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        signature: &str,
    ) -> Result<Answer, Trouble> {
        let url = Url::parse(delivery.url.as_str());
        let url = url.map_err(|_| Trouble::Refused(Refused::Url))?;
        self.guard.check(&url).map_err(Trouble::Refused)?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", delivery.id.event.to_string())
            .header("webhook-timestamp", at.seconds())
            .header("webhook-signature", signature)
            .body(delivery.body.clone());
        let answer = request.send().await.map_err(Trouble::from)?;
        let outcome = Outcome::Status(answer.status().as_u16());
        let put_off = put_off(answer.status(), answer.headers(), at);
        Ok(Answer { outcome, put_off })
    }
}

const fn outcome(trouble: &Trouble) -> Outcome {
    match trouble {
        Trouble::Refused(Refused::Url | Refused::Address) => Outcome::Refused,
        Trouble::Refused(Refused::Name(_)) | Trouble::Connection(_) => Outcome::Unreachable,
        Trouble::Tls(_) => Outcome::Tls,
        Trouble::Late => Outcome::Late,
        Trouble::Broken(_) => Outcome::Broken,
    }
}

/// For how long a receiver that is busy puts us off, in seconds or until a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>).
fn put_off(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if status.is_success() {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    Some(Timestamp::from_millis(millis).since(now))
}

#[cfg(test)]
mod tests;
