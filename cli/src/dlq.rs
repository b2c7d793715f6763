//! `dlq show`, `dlq redrive`: messages that were given up five times.
//!
//! A message says only which job to look at, and the sweep rings again for every job that has not ended. So
//! nothing is lost with it, and nothing is done twice by putting it back: whoever is rung for a job that has
//! ended does nothing. What is about such a job is dropped here; what cannot be read is left for a person.

use std::process::ExitCode;

use anstream::println;
use domain::job::Status;
use runtime::{Clock, queue::Bell};
use serde_json::{Value, json};
use store::{Store, StoreError};

use crate::{
    args::{DlqBounds, DlqCommand},
    connection::{self, Target},
    moment::{Age, date_time},
    queues::{Letter, Queues},
    style::{BAD, FAINT, GOOD, STRONG},
};

/// What a message is about, and so what becomes of it.
enum About {
    /// A job that has not ended: it is rung for.
    Open(Bell, Status),
    /// A job that has ended, or is forgotten: it is dropped.
    Ended(Bell, Option<Status>),
    /// It is none of ours, or the row of its job cannot be read: it is left where it is.
    Unreadable(String),
}

/// How many messages of each kind.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    open: u64,
    ended: u64,
    unreadable: u64,
}

/// `dlq show`, `dlq redrive`
pub(crate) async fn dlq(command: DlqCommand) -> anyhow::Result<ExitCode> {
    let (DlqBounds { limit, json }, is_done) = match command {
        DlqCommand::Show { bounds } => (bounds, false),
        DlqCommand::Redrive { bounds, yes } => (bounds, yes),
    };
    let target = connection::target().await?;
    let letters = target.queues.take(limit.into()).await?;
    let outcome = go_through(&target, &letters, is_done).await;
    if outcome.is_err() || !is_done {
        put_back(&target.queues, &letters).await;
    }
    let read = outcome?;
    let counts = count(&read);
    if json {
        println!("{:#}", as_json(&letters, &read, counts, is_done));
    } else {
        print(&letters, &read);
        summarize(counts, command, is_done);
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads each message, and deals with it if that is wanted.
async fn go_through(
    target: &Target,
    letters: &[Letter],
    is_done: bool,
) -> anyhow::Result<Vec<About>> {
    let mut read = Vec::new();
    for letter in letters {
        let about = About::read(&target.store, letter).await?;
        if is_done {
            about.deal_with(&target.queues, letter).await?;
        }
        read.push(about);
    }
    Ok(read)
}

impl About {
    async fn read(store: &Store, letter: &Letter) -> anyhow::Result<Self> {
        let bell = match Bell::read(&letter.body) {
            Ok(bell) => bell,
            Err(error) => return Ok(Self::Unreadable(error.to_string())),
        };
        match store.job(&bell.user_id, &bell.job_id).await {
            Ok(None) => Ok(Self::Ended(bell, None)),
            Ok(Some(job)) => {
                let status = job.state.status();
                let is_over = status.is_terminal();
                Ok(if is_over { Self::Ended(bell, Some(status)) } else { Self::Open(bell, status) })
            }
            Err(StoreError::Unreadable(_)) => {
                let Bell { user_id, job_id, .. } = bell;
                Ok(Self::Unreadable(format!("the row of {user_id} {job_id} cannot be read")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Rings first and drops then: a bell that is rung twice does no harm, one that is only dropped waits
    /// for the sweep.
    async fn deal_with(&self, queues: &Queues, letter: &Letter) -> anyhow::Result<()> {
        match self {
            Self::Open(bell, _) => queues.ring(bell).await?,
            Self::Ended(..) => {}
            Self::Unreadable(_) => return queues.put_back(letter).await,
        }
        queues.drop(letter).await
    }

    /// The account, the job and where it stands.
    fn describe(&self) -> (Option<&Bell>, &str) {
        match self {
            Self::Open(bell, status) | Self::Ended(bell, Some(status)) => {
                (Some(bell), status.as_str())
            }
            Self::Ended(bell, None) => (Some(bell), "forgotten"),
            Self::Unreadable(why) => (None, why),
        }
    }

    const fn verb(&self) -> &'static str {
        match self {
            Self::Open(..) => "ring",
            Self::Ended(..) => "drop",
            Self::Unreadable(_) => "leave",
        }
    }
}

/// What cannot be put back now comes back by itself.
async fn put_back(queues: &Queues, letters: &[Letter]) {
    for letter in letters {
        if queues.put_back(letter).await.is_err() {
            return;
        }
    }
}

fn count(read: &[About]) -> Counts {
    read.iter().fold(Counts::default(), |mut counts, about| {
        let counter = match about {
            About::Open(..) => &mut counts.open,
            About::Ended(..) => &mut counts.ended,
            About::Unreadable(_) => &mut counts.unreadable,
        };
        *counter = counter.saturating_add(1);
        counts
    })
}

fn print(letters: &[Letter], read: &[About]) {
    let now = Clock::system().now();
    for (letter, about) in letters.iter().zip(read) {
        let age = letter.sent_at.map_or_else(String::new, |at| Age::between(at, now).to_string());
        let style = if matches!(about, About::Unreadable(_)) { BAD } else { STRONG };
        let (bell, word) = about.describe();
        let named =
            bell.map_or_else(String::new, |bell| format!("{} {}  ", bell.user_id, bell.job_id));
        let verb = about.verb();
        println!("{style}{verb:<6}{style:#} {FAINT}{age:<13}{FAINT:#} {named}{word}");
    }
}

fn summarize(Counts { open, ended, unreadable }: Counts, command: DlqCommand, is_done: bool) {
    let left = format!("{unreadable} cannot be read and stay");
    if is_done {
        println!("{GOOD}rang{GOOD:#} for {open}, dropped {ended}; {left}");
        return;
    }
    println!("{open} about jobs that have not ended, {ended} about jobs that have; {left}");
    if matches!(command, DlqCommand::Redrive { .. }) && open.saturating_add(ended) > 0 {
        println!("nothing was done: {STRONG}--yes{STRONG:#} rings for {open} and drops {ended}");
    }
}

fn as_json(letters: &[Letter], read: &[About], counts: Counts, is_done: bool) -> Value {
    let message = |(letter, about): (&Letter, &About)| {
        let (bell, word) = about.describe();
        json!({
            "sent_at": letter.sent_at.map(date_time),
            "user_id": bell.map(|bell| &bell.user_id),
            "job_id": bell.map(|bell| bell.job_id),
            "found": word,
            "action": about.verb(),
        })
    };
    json!({
        "is_done": is_done,
        "messages": letters.iter().zip(read).map(message).collect::<Vec<_>>(),
        "open": counts.open,
        "ended": counts.ended,
        "unreadable": counts.unreadable,
    })
}
