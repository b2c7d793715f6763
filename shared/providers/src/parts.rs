//! Orders that an upstream takes in parts: one request for each picture where it makes one at a time,
//! one for all where it can. Sending the parts, and what their answers amount to together.
//!
//! A part of which no answer came is not sent again while others are under way: the job is delivered
//! without it, and costs less. Only where nothing at all was answered is the order sent once more.

use std::{fmt, time::Duration};

use domain::{
    failure::{Failure, Verdict},
    job::{Job, Task},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{Call, Obstacle, PollError, Progress, Source, SubmitError, http::Line, task};

/// How often a part is sent that was not taken, while others are under way: more often than the pauses
/// of the longest call allow.
const ROUNDS_MAX: u8 = 100;

/// Sends the parts of an order at the same time, and says what was made of those that were taken. While
/// others are under way, a part that was not taken, for want of room or of a connection, is sent again
/// as long as the call lasts: it cannot be taken twice.
///
/// # Errors
/// If none was taken: *unknown* if that can be said of any, else what was said of the first.
pub(crate) async fn send<T, F>(
    parts: u8,
    call: Call,
    answer: Duration,
    one: impl Fn(u8) -> F,
) -> Result<Vec<T>, SubmitError>
where
    F: Future<Output = Result<T, SubmitError>>,
{
    let begun = Instant::now();
    let (mut taken, mut failed) = (Vec::new(), Vec::new());
    let mut unsent: Vec<u8> = (0..parts).collect();
    for _ in 0..ROUNDS_MAX {
        let answers = join_all(unsent.iter().map(|part| one(*part))).await;
        let mut pause: Option<Duration> = None;
        let mut again = Vec::new();
        for (part, answer) in unsent.into_iter().zip(answers) {
            match answer {
                Ok(receipt) => taken.push((part, receipt)),
                Err(error) => {
                    if let Some(later) = may_be_taken_later(&error) {
                        pause = pause.max(Some(later));
                        again.push(part);
                    }
                    failed.push(error);
                }
            }
        }
        unsent = again;
        let time = call.since(begun).within;
        let Some(pause) = pause.filter(|pause| pause.saturating_add(answer) <= time) else { break };
        if taken.is_empty() {
            break;
        }
        sleep(pause).await;
    }
    if taken.is_empty() {
        return Err(worst(failed));
    }
    // In the order of the parts, whichever was taken first.
    taken.sort_by_key(|(part, _)| *part);
    Ok(taken.into_iter().map(|(_, receipt)| receipt).collect())
}

/// After what time a part may be sent again that was certainly not taken. With our own key in trouble
/// that is for a person to say.
fn may_be_taken_later(error: &SubmitError) -> Option<Duration> {
    match error {
        SubmitError::NotTaken { why: Obstacle::Busy | Obstacle::Unreachable, again } => {
            Some(*again)
        }
        SubmitError::NotTaken { why: Obstacle::Trouble, .. }
        | SubmitError::Verdict(_)
        | SubmitError::Unknown(_) => None,
    }
}

/// What is said of an order of which no part was taken.
fn worst(failed: Vec<SubmitError>) -> SubmitError {
    let rank = |error: &SubmitError| match error {
        SubmitError::Unknown(_) => 0,
        SubmitError::Verdict(_) => 1,
        SubmitError::NotTaken { .. } => 2,
    };
    let none = || SubmitError::Unknown("an order without parts".into());
    failed.into_iter().min_by_key(rank).unwrap_or_else(none)
}

/// The longest URL that is kept, in bytes: the signed ones have a few hundred.
pub(crate) const URL_BYTES_MAX: usize = 4_096;

/// A picture that is ready to be fetched.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) url: String,
    pub(crate) seed: Option<u32>,
}

/// Its URL opens it to whoever has it.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(***)")
    }
}

/// The task of an upstream that answers an order with the pictures made.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pictures {
    pub(crate) links: Vec<Link>,
    pub(crate) withheld: usize,
}

/// Fetches what was made when the order was sent.
pub(crate) async fn fetch_made(
    line: &Line,
    job: &Job,
    task: &Task,
    call: Call,
) -> Result<Progress, PollError> {
    let Pictures { links, withheld } = task::parse(task)?;
    gather(line, job, vec![Ok(Part::Ready { links, withheld })], call).await
}

/// How far a part is.
#[derive(Debug)]
pub(crate) enum Part {
    /// Not done.
    Pending(Duration),
    /// These pictures are ready; so many more were made but withheld.
    Ready { links: Vec<Link>, withheld: usize },
    /// It ended without pictures.
    Failed(Verdict),
    /// The upstream does not know it.
    Lost(Source),
}

/// A part that the upstream wants to be asked for where our key must not go. It stays so, but nothing is
/// known of the part: it ends with the job's time.
pub(crate) fn foreign() -> Part {
    Part::Lost("the upstream gave an address that is not its own".into())
}

/// What the answers about all parts amount to. Pictures are fetched when all parts have ended, or
/// when this is the last question.
pub(crate) async fn gather(
    line: &Line,
    job: &Job,
    parts: Vec<Result<Part, PollError>>,
    call: Call,
) -> Result<Progress, PollError> {
    let mut links = Vec::new();
    let (mut withheld, mut pending, mut verdict) = (0_usize, None, None);
    let (mut missing, mut unanswered) = (None, None);
    for part in parts {
        match part {
            Ok(Part::Ready { links: ready, withheld: more }) => {
                links.extend(ready);
                withheld = withheld.saturating_add(more);
            }
            Ok(Part::Pending(again)) => pending = pending.max(Some(again)),
            // That moderation refused it tells the caller more than that something failed.
            Ok(Part::Failed(failed)) => {
                if verdict.is_none() || failed.failure == Failure::ContentModerated {
                    verdict = Some(failed);
                }
            }
            Ok(Part::Lost(why)) => {
                missing.get_or_insert(why);
            }
            Err(error) => {
                unanswered.get_or_insert(error);
            }
        }
    }
    if !call.is_last || links.is_empty() {
        if let Some(error) = unanswered {
            return Err(error);
        }
        if let Some(again) = pending {
            return Ok(Progress::Pending { again });
        }
        if let Some(why) = missing {
            let failure = Failure::ProviderFailed;
            return Ok(Progress::Incomplete { pictures: Vec::new(), failure, why });
        }
        if links.is_empty() && withheld == 0 {
            let verdict = verdict.unwrap_or_else(|| Failure::OutputInvalid.into());
            return Ok(Progress::Failed(verdict));
        }
        return Ok(fetch(line, job, &links, withheld, call, None).await);
    }
    let rest = || Source::from("parts of the order are not done");
    let open = unanswered.is_some() || pending.is_some();
    let why = missing.or_else(|| open.then(rest));
    Ok(fetch(line, job, &links, withheld, call, why).await)
}

/// Fetches pictures, no more than were ordered. `missing` says why these cannot be all.
async fn fetch(
    line: &Line,
    job: &Job,
    links: &[Link],
    withheld: usize,
    call: Call,
    missing: Option<Source>,
) -> Progress {
    let ordered = links.iter().take(job.order.n.get().into());
    let fetched = join_all(ordered.map(|link| line.fetch(&link.url, link.seed, call))).await;
    let (mut pictures, mut why) = (Vec::new(), missing);
    for answer in fetched {
        match answer {
            Ok(picture) => pictures.push(picture),
            Err(error) => {
                why.get_or_insert(error.into());
            }
        }
    }
    match why {
        None => Progress::Done { pictures, withheld },
        Some(why) => Progress::Incomplete { pictures, failure: Failure::OutputInvalid, why },
    }
}

#[cfg(test)]
mod tests;
