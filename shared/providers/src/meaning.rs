//! What the answers of upstreams mean, by status and body: whether an order was taken, and how far a
//! task is. What the upstreams have in common is here; what each says in words of its own, in its file.
//!
//! What may have been taken is *unknown*, never a failure. Only what says that it was not taken, or
//! never will be, counts as that.

use std::time::Duration;

use domain::{
    failure::{Failure, Reason, Verdict},
    time::Timestamp,
};
use serde_json::Value;

use crate::{
    Obstacle, PollError, Source, SubmitError,
    gate::TROUBLE,
    http::{Answer, NoAnswer},
};

/// When a busy upstream is asked again that does not say when.
const BUSY: Duration = Duration::from_secs(5);
/// The longest that a task is not asked for, whatever the upstream says: what it has made does not stay
/// there for long.
const ASK_AGAIN_MAX: Duration = Duration::from_mins(1);
/// When an upstream is tried again that could not be reached.
const UNREACHABLE: Duration = Duration::from_secs(5);

/// What an answer to an order means: the JSON of one that was taken, or why it was not.
pub(crate) fn judge_submit(
    sent: Result<Answer, NoAnswer>,
    now: Timestamp,
    moderated: Moderation,
) -> Result<Value, SubmitError> {
    let not_taken = |why, again| Err(SubmitError::NotTaken { why, again });
    let answer = match sent {
        Ok(answer) => answer,
        Err(NoAnswer::NotSent) => return not_taken(Obstacle::Unreachable, UNREACHABLE),
        Err(NoAnswer::Lost(source)) => return Err(SubmitError::Unknown(source)),
    };
    let unknown = || Err(SubmitError::Unknown(malformed(&answer)));
    match answer.status {
        200..300 => answer.json().map_or_else(unknown, Ok),
        429 => not_taken(Obstacle::Busy, answer.again(now).unwrap_or(BUSY)),
        // Only one that says when to come back says that it did not take it.
        503 if answer.again(now).is_some() => {
            not_taken(Obstacle::Busy, answer.again(now).unwrap_or(BUSY))
        }
        // A path that is not there is a mistake of ours, not of the caller.
        401..=405 if !moderated(answer.status, &answer.complaint()) => {
            not_taken(Obstacle::Trouble, TROUBLE)
        }
        408 | 409 | 425 => unknown(),
        400..500 if says_unpaid(&answer.complaint()) => not_taken(Obstacle::Trouble, TROUBLE),
        400..500 => Err(SubmitError::Verdict(verdict(&answer, moderated))),
        _ => unknown(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("an answer that is not what was agreed (status {0})")]
struct Malformed(u16);

/// An answer that cannot be understood, for the log. What it says is not repeated.
pub(crate) fn malformed(answer: &Answer) -> Source {
    Malformed(answer.status).into()
}

/// What an answer about a task means.
#[derive(Debug)]
pub(crate) enum Told {
    /// This.
    Json(Value),
    /// It does not know the task.
    NoTask(Source),
    /// It will not deliver it.
    Verdict(Verdict),
}

/// What an answer about a task means. That an error of the upstream's servers says nothing about the
/// task is the first rule here; that it does not take the *question* is no verdict either, except
/// where `is_result` says that the question was for the result and the error is the task's own.
pub(crate) fn judge_poll(
    sent: Result<Answer, NoAnswer>,
    now: Timestamp,
    is_result: bool,
) -> Result<Told, PollError> {
    let answer = match sent {
        Ok(answer) => answer,
        Err(NoAnswer::NotSent) => return Err(unanswered("it could not be reached".into())),
        Err(NoAnswer::Lost(source)) => return Err(unanswered(source)),
    };
    match answer.status {
        _ if answer.is_success() => match answer.json() {
            Some(json) => Ok(Told::Json(json)),
            None => Err(unanswered(malformed(&answer))),
        },
        429 | 503 if answer.again(now).is_some() || answer.status == 429 => {
            let again = answer.again(now).unwrap_or(BUSY).min(ASK_AGAIN_MAX);
            Err(PollError::Busy { again })
        }
        401..=403 => Err(PollError::Trouble),
        404 | 410 => Ok(Told::NoTask(malformed(&answer))),
        422 if is_result => Ok(Told::Verdict(verdict(&answer, says_moderated))),
        // A result that cannot be had is as good as none, if it stays so.
        400..500 if is_result => Ok(Told::NoTask(malformed(&answer))),
        _ => Err(unanswered(malformed(&answer))),
    }
}

fn unanswered(source: Source) -> PollError {
    PollError::Unanswered(source)
}

/// Why an upstream does not take an order, from what it says about it.
fn verdict(answer: &Answer, moderated: Moderation) -> Verdict {
    let complaint = answer.complaint();
    if moderated(answer.status, &complaint) {
        return Failure::ContentModerated.into();
    }
    Verdict { failure: Failure::ProviderRejected, reason: reason(&complaint) }
}

/// Whether an answer with this status and body says that moderation refused.
pub(crate) type Moderation = fn(u16, &Value) -> bool;

/// Whether a complaint is one of content moderation. The upstreams say it in many words and no common
/// field, so all that they say is looked at.
pub(crate) fn says_moderated(_status: u16, complaint: &Value) -> bool {
    const SIGNS: [&str; 8] = [
        "content_policy",
        "content policy",
        "moderat",
        "nsfw",
        "safety check",
        "safety filter",
        "safety system",
        "unsafe content",
    ];
    says(complaint, &SIGNS)
}

/// Whether a complaint is about our credit, whatever its status is.
fn says_unpaid(complaint: &Value) -> bool {
    // Whole phrases: an order may be refused for want of other things than money.
    const SIGNS: [&str; 8] = [
        "not_enough_credits",
        "not enough credits",
        "insufficient_credits",
        "insufficient credit",
        "insufficient balance",
        "insufficient funds",
        "insufficient units",
        "exhausted balance",
    ];
    says(complaint, &SIGNS)
}

/// Whether any text of a complaint has one of these signs. What it quotes of the request is left
/// out: a prompt may be about anything.
fn says(complaint: &Value, signs: &[&str]) -> bool {
    const QUOTES: [&str; 7] = ["input", "ctx", "loc", "url", "prompt", "body", "request"];
    match complaint {
        Value::String(text) => {
            let text = text.to_lowercase();
            signs.iter().any(|sign| text.contains(sign))
        }
        Value::Array(parts) => parts.iter().any(|part| says(part, signs)),
        Value::Object(parts) => {
            parts.iter().any(|(name, part)| !QUOTES.contains(&name.as_str()) && says(part, signs))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What an upstream says, from wherever it says it: `detail` as text or as a list of places and
/// messages, `error` as text or with a message, or `message`.
fn reason(complaint: &Value) -> Option<Reason> {
    let detail = complaint.get("detail");
    let first = detail.and_then(|detail| detail.get(0));
    let placed = first.and_then(|first| {
        let message = first.get("msg")?.as_str()?;
        let place = first.get("loc").and_then(Value::as_array).and_then(|loc| loc.last());
        let place = place.and_then(Value::as_str);
        Some(place.map_or_else(|| message.to_owned(), |place| format!("{place}: {message}")))
    });
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let said = placed
        .or_else(|| text(detail))
        .or_else(|| text(complaint.get("error")))
        .or_else(|| text(complaint.pointer("/error/message")))
        .or_else(|| text(complaint.get("message")))?;
    Reason::clean(&said)
}

#[cfg(test)]
mod tests;
