//! When a delivery is tried again: ten attempts within about three days, as Standard Webhooks proposes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How long after the attempt before each further one is made, at least.
pub const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// The most attempts of a delivery, until its owner asks for more.
pub const ATTEMPTS: usize = PAUSES.len().saturating_add(1);
/// How long an attempt may take with all that belongs to it, before it is taken for lost.
pub const ATTEMPT_MAX: Duration = Duration::from_secs(30);
/// The longest that a receiver may put us off for.
pub const PUT_OFF_MAX: Duration = Duration::from_hours(24);
/// One part in so many of a pause is added at most, by chance, so that receivers which failed together are not asked
/// together.
const JITTER_PART: u32 = 10;

/// What an attempt met. What a receiver said beyond its status is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// No answer in time.
    Late,
    /// The guard let nothing through to there.
    Refused,
    /// No name, or nobody who listens.
    Unreachable,
    /// No TLS, or no certificate that can be trusted.
    Tls,
    /// An answer that broke off before its status.
    Broken,
    /// The sender went away before it could say.
    Lost,
    /// Nothing: the receiver was closed or removed, and nothing was sent.
    Closed,
}

/// What is done after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was taken.
    Delivered,
    /// It is tried again, no sooner than then.
    Again(Timestamp),
    /// Nothing any more: it was tried often enough.
    GivenUp,
    /// Nothing, and the endpoint is not told anything any more: it is gone for good.
    Gone,
}

/// What is done after the `made`th attempt, counted from 1, that ended at `now`; none is taken for one. `put_off` is what
/// the receiver asked for in `Retry-After`; `luck` is any number.
#[must_use]
pub fn next(
    made: usize,
    outcome: Outcome,
    put_off: Option<Duration>,
    now: Timestamp,
    luck: u64,
) -> Next {
    match outcome {
        Outcome::Status(200..=299) => return Next::Delivered,
        Outcome::Status(410) => return Next::Gone,
        Outcome::Closed => return Next::GivenUp,
        Outcome::Status(_)
        | Outcome::Late
        | Outcome::Refused
        | Outcome::Unreachable
        | Outcome::Tls
        | Outcome::Broken
        | Outcome::Lost => {}
    }
    let Some(pause) = PAUSES.get(made.saturating_sub(1)) else {
        return Next::GivenUp;
    };
    let most = pause.checked_div(JITTER_PART).unwrap_or_default();
    let most_ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    let jitter = luck.checked_rem(most_ms.saturating_add(1)).unwrap_or_default();
    let pause = pause.saturating_add(Duration::from_millis(jitter));
    Next::Again(now.plus(pause.max(put_off.unwrap_or_default().min(PUT_OFF_MAX))))
}
