//! What is measured of one function: a start, a first answer, the same with an eighth of a core, and answers when
//! it is warm.

use std::time::Duration;

use domain::{
    ids::{JobId, UserId},
    webhook::{EventId, EventKind},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    program::{Program, Running},
    throttle::Means,
    world::{Caller, World, accepted, batch, notice},
};

/// The memory whose share of a core a first answer is held to.
pub(crate) const SMALL_MB: u32 = 128;

/// What a program is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// For pictures.
    Order,
    /// How a job is that has ended.
    Look,
    /// Who a key is.
    Authorize,
    /// Which endpoints a user has.
    Endpoints,
    /// To make one picture, at once.
    Work,
    /// To look at what is due.
    Sweep,
    /// To tell what became of a job, on the bus and to nobody else.
    Tell,
}

/// A program, and what was measured of it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) ask: Ask,
    pub(crate) program: Program,
    pub(crate) rounds: Vec<Round>,
}

/// What was measured of a program in one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Round {
    /// From its start until it asked for an event.
    pub(crate) init_ms: f64,
    /// From the first event to its answer.
    pub(crate) first_ms: f64,
    /// The same with [`SMALL_MB`]; the init before it had a whole core, as in Lambda.
    pub(crate) throttled_ms: f64,
    /// The middle of the answers after the first.
    pub(crate) warm_us: f64,
    /// CPU time of one of them.
    pub(crate) cpu_us: f64,
    /// The most memory that the process had.
    pub(crate) memory_mb: f64,
}

/// How many jobs one user orders: fewer than may run at a time. One that waits for a turn is accepted in two
/// transactions, and worked on later.
const ORDERS_OF_A_USER: u32 = 30;

/// Whoever makes events for a program.
pub(crate) struct Asker<'a> {
    pub(crate) world: &'a mut World,
    /// Takes the orders of those who need a job.
    pub(crate) submit: &'a mut Running,
    /// A job that has ended.
    pub(crate) ended: &'a (Caller, JobId),
    /// What is to be told.
    pub(crate) news: Vec<(UserId, EventId)>,
}

impl Asker<'_> {
    async fn event(&mut self, ask: Ask, caller: &mut Caller) -> anyhow::Result<Value> {
        let (owner, ended) = self.ended;
        if caller.orders() >= ORDERS_OF_A_USER {
            *caller = self.world.user().await?;
        }
        match ask {
            Ask::Order => Ok(caller.order(0)),
            Ask::Look => Ok(owner.look(ended)),
            Ask::Authorize => Ok(owner.authorize()),
            Ask::Endpoints => Ok(owner.endpoints()),
            Ask::Work => batch(&[place(self.submit, caller, 0).await?]),
            Ask::Sweep => Ok(json!({})),
            Ask::Tell => {
                let (_, job) = place(self.submit, caller, 0).await?;
                let (_, answer) = self.submit.invoke(&caller.cancel(&job)).await?;
                anyhow::ensure!(answer.get("statusCode") == Some(&200.into()), "{answer}");
                let event = EventId { job, kind: EventKind::Refunded };
                self.news.push((caller.user.clone(), event));
                notice(&caller.user, event)
            }
        }
    }
}

/// Places an order that the sandbox takes so long for.
pub(crate) async fn place(
    submit: &mut Running,
    caller: &mut Caller,
    delay_ms: u32,
) -> anyhow::Result<(UserId, JobId)> {
    let (_, answer) = submit.invoke(&caller.order(delay_ms)).await?;
    Ok((caller.user.clone(), accepted(&answer)?))
}

impl Case {
    /// One round. Each start has a user of its own, so that none finds a longer queue than another.
    pub(crate) async fn measure(
        &mut self,
        asker: &mut Asker<'_>,
        means: Means,
        requests: u32,
    ) -> anyhow::Result<Round> {
        let mut caller = asker.world.user().await?;
        let event = asker.event(self.ask, &mut caller).await?;
        let mut small = self.program.start().await?;
        small.throttle(means, SMALL_MB)?;
        let throttled = self.answered(small.invoke(&event).await?)?;
        drop(small);

        let mut events = Vec::new();
        for _ in 0..=requests {
            events.push(asker.event(self.ask, &mut caller).await?);
        }
        let mut process = self.program.start().await?;
        let mut times = Vec::new();
        let mut cpu = Duration::ZERO;
        for event in &events {
            times.push(self.answered(process.invoke(event).await?)?);
            if times.len() == 1 {
                cpu = process.cpu()?;
            }
        }
        let cpu = process.cpu()?.saturating_sub(cpu).checked_div(requests).unwrap_or_default();
        // A notice that is let lie is answered with as little.
        for (user, event) in asker.news.drain(..) {
            anyhow::ensure!(asker.world.is_told(&user, &event).await?, "{event} was not told");
        }
        let first = times.remove(0);
        times.sort();
        let warm = times.get(times.len() / 2).copied().unwrap_or_default();
        Ok(Round {
            init_ms: millis(process.init),
            first_ms: millis(first),
            throttled_ms: millis(throttled),
            warm_us: millis(warm) * 1_000.0,
            cpu_us: millis(cpu) * 1_000.0,
            memory_mb: f64::from(process.memory_kib()?) / 1_024.0,
        })
    }

    /// How long an answer took, if it is a good one: a refusal is fast.
    fn answered(&self, (time, answer): (Duration, Value)) -> anyhow::Result<Duration> {
        let good = match self.ask {
            Ask::Order => answer.get("statusCode") == Some(&202.into()),
            Ask::Look | Ask::Endpoints => answer.get("statusCode") == Some(&200.into()),
            Ask::Authorize => answer.get("isAuthorized") == Some(&true.into()),
            Ask::Work | Ask::Tell => answer.get("batchItemFailures") == Some(&json!([])),
            Ask::Sweep => answer.is_object(),
        };
        anyhow::ensure!(good, "{}: {answer}", self.name);
        Ok(time)
    }
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
