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
use tokio::time::sleep;

use crate::{Call, Obstacle, PollError, Progress, Source, SubmitError, http::Line, task};

/// How often a part is sent that the upstream had no room for, while others are under way.
const ROUNDS_MAX: u8 = 4;

/// Sends the parts of an order at the same time, and says what was made of those that were taken. A
/// part that finds no room is sent again as long as the call lasts; it was not taken, so it cannot be
/// taken twice.
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
    let (mut taken, mut failed) = (Vec::new(), Vec::new());
    let mut unsent: Vec<u8> = (0..parts).collect();
    let mut rest = call.within;
    for round in 1..=ROUNDS_MAX {
        let answers = join_all(unsent.iter().map(|part| one(*part))).await;
        let mut pause: Option<Duration> = None;
        let mut busy = Vec::new();
        for (part, answer) in unsent.into_iter().zip(answers) {
            match answer {
                Ok(receipt) => taken.push((part, receipt)),
                Err(SubmitError::NotTaken { why: Obstacle::Busy, again }) => {
                    pause = pause.max(Some(again));
                    busy.push(part);
                    failed.push(SubmitError::NotTaken { why: Obstacle::Busy, again });
                }
                Err(error) => failed.push(error),
            }
        }
        // Time was spent on this round, at most as long as an answer takes.
        rest = rest.saturating_sub(answer);
        let Some(pause) = pause.filter(|pause| pause.saturating_add(answer) <= rest) else { break };
        if taken.is_empty() || round == ROUNDS_MAX {
            break;
        }
        sleep(pause).await;
        rest = rest.saturating_sub(pause);
        unsent = busy;
    }
    if taken.is_empty() {
        return Err(worst(failed));
    }
    // In the order of the parts, whichever was taken first.
    taken.sort_by_key(|(part, _)| *part);
    Ok(taken.into_iter().map(|(_, receipt)| receipt).collect())
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
