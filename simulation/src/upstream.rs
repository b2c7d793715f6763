//! An upstream with moods: it is busy, refuses, loses answers, takes its time, delivers fewer pictures or
//! none, and never answers at all. What it does with a job is decided when the job first comes to it.

use std::{
    collections::BTreeMap,
    fmt,
    future::pending,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use domain::{
    failure::Failure,
    ids::JobId,
    job::{Job, Task},
};
use providers::{
    Call, Later, Obstacle, Picture, PollError, Progress, Provider, Receipt, SubmitError,
};
use testkit::CrashPoint;
use tokio::time::{Instant, sleep};

use crate::{chance::Chance, cloud::Cloud, process::Process, sight::Sight};

/// What became of the orders, for all processes that ask.
#[derive(Clone, Debug)]
pub(crate) struct Orders(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    chance: Chance,
    moods: BTreeMap<JobId, Mood>,
    /// How often an order of a job was taken.
    taken: BTreeMap<JobId, u32>,
    /// When a task is done.
    done_at: BTreeMap<String, Instant>,
}

/// What it does with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// It delivers, after so long.
    Good(Duration),
    /// It delivers so many pictures.
    Few(u32),
    /// It has no room, two times out of three.
    Busy,
    /// It refuses the order.
    Refuses,
    /// It takes the order, one time out of two, and the answer is lost, two times out of three.
    Mumbles,
    /// It fails after it has taken the order.
    Fails,
    /// It withholds all pictures.
    Withholds,
    /// It does not answer questions, three times out of four.
    Shy,
    /// It is never done.
    Endless,
    /// It answers no question until about when the job expires, and then it is done.
    Late,
}

impl Orders {
    pub(crate) fn new(chance: Chance) -> Self {
        Self(Arc::new(Mutex::new(State {
            chance,
            moods: BTreeMap::new(),
            taken: BTreeMap::new(),
            done_at: BTreeMap::new(),
        })))
    }

    /// How often an order of each job was taken.
    pub(crate) fn taken(&self) -> BTreeMap<JobId, u32> {
        self.0.lock().unwrap().taken.clone()
    }

    fn with<T>(&self, then: impl FnOnce(&mut State) -> T) -> T {
        then(&mut self.0.lock().unwrap())
    }
}

impl State {
    fn mood(&mut self, job: &Job, faults: u32, eleventh_hour: u32) -> Mood {
        if let Some(mood) = self.moods.get(&job.id) {
            return *mood;
        }
        let chance = &mut self.chance;
        let n = u64::from(job.order.n.get());
        let mood = if chance.permille(eleventh_hour) {
            Mood::Late
        } else if chance.permille(faults) {
            match chance.number(0..=11) {
                0 => Mood::Busy,
                1 => Mood::Refuses,
                2 | 3 => Mood::Mumbles,
                4 => Mood::Fails,
                5 => Mood::Withholds,
                6 => Mood::Shy,
                7 => Mood::Endless,
                8 => Mood::Late,
                9 => Mood::Good(chance.millis(60_000..=400_000)),
                _ => Mood::Few(u32::try_from(chance.number(1..=n)).unwrap_or(1)),
            }
        } else {
            Mood::Good(chance.millis(300..=30_000))
        };
        self.moods.insert(job.id, mood);
        mood
    }

    fn take(&mut self, job: &Job, mood: Mood) -> (Task, u32) {
        let taken = self.taken.entry(job.id).or_default();
        *taken = taken.saturating_add(1);
        let task = format!("{}/{taken}", job.id);
        let after = match mood {
            Mood::Good(after) => after,
            Mood::Endless => Duration::from_hours(24),
            _ => self.chance.millis(300..=20_000),
        };
        let at = Instant::now().checked_add(after).unwrap_or_else(Instant::now);
        self.done_at.insert(task.clone(), at);
        (Task(task), *taken)
    }
}

/// The upstream, as one process sees it.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) cloud: Cloud,
    pub(crate) process: Process,
    pub(crate) orders: Orders,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({:?})", self.process)
    }
}

impl Upstream {
    /// Whether the weather is what it was; when it has cleared up, an upstream answers every question.
    fn is_moody(&self) -> bool {
        self.cloud.state().weather.upstream > 0
    }

    fn chance(&self, times: u32) -> bool {
        self.orders.with(|state| state.chance.permille(times))
    }

    /// The process may die here.
    async fn dies_at(&self, points: &[CrashPoint]) {
        if self.cloud.may_die(&self.process, points) {
            pending::<()>().await;
        }
    }

    async fn take_order(&self, job: &Job) -> Result<Receipt, SubmitError> {
        let (faults, eleventh_hour) = {
            let state = self.cloud.state();
            (state.weather.upstream, state.weather.eleventh_hour)
        };
        let mood = self.orders.with(|state| state.mood(job, faults, eleventh_hour));
        self.dies_at(&[CrashPoint::Cp3]).await;
        let way = self.orders.with(|state| state.chance.millis(50..=3_000));
        self.cloud.trace().say(|| format!("{:?} orders {} ({mood:?})", self.process, job.id));
        sleep(way).await;
        match mood {
            Mood::Busy if self.is_moody() && self.chance(666) => {
                let again = Duration::from_secs(3);
                return Err(SubmitError::NotTaken { why: Obstacle::Busy, again });
            }
            Mood::Refuses => return Err(SubmitError::Verdict(Failure::ContentModerated.into())),
            Mood::Mumbles if self.is_moody() && self.chance(500) => {
                return Err(SubmitError::Unknown("the connection broke".into()));
            }
            _ => {}
        }
        let (task, times) = self.orders.with(|state| state.take(job, mood));
        if times > 1 {
            self.cloud.state().ledger.sights.see(Sight::SecondSubmit);
        }
        self.dies_at(&[CrashPoint::Cp4]).await;
        if mood == Mood::Mumbles && self.is_moody() && self.chance(666) {
            if self.chance(500) {
                pending::<()>().await;
            }
            return Err(SubmitError::Unknown("the connection broke".into()));
        }
        Ok(Receipt { task, cost: None })
    }

    async fn answer(&self, job: &Job, task: &Task) -> Result<Progress, PollError> {
        let way = self.orders.with(|state| state.chance.millis(20..=2_000));
        self.dies_at(&[CrashPoint::Cp7]).await;
        sleep(way).await;
        let (mood, done_at) = self
            .orders
            .with(|state| (state.moods.get(&job.id).copied(), state.done_at.get(&task.0).copied()));
        let (Some(mood), Some(done_at)) = (mood, done_at) else {
            return Err(PollError::Unanswered("nobody knows this task".into()));
        };
        if mood == Mood::Shy && self.is_moody() && self.chance(750) {
            if self.chance(200) {
                return Err(PollError::Busy { again: Duration::from_secs(2) });
            }
            return Err(PollError::Unanswered("the connection broke".into()));
        }
        if mood == Mood::Late {
            // From when an answer can be held back until then: whoever asks waits 35 seconds.
            let early = job.expires_at.minus(Duration::from_secs(33));
            let now = self.cloud.time().now();
            if now < early {
                return Err(PollError::Unanswered("the connection broke".into()));
            }
            let about = self.orders.with(|state| state.chance.millis(0..=25_000));
            let at = job.expires_at.minus(Duration::from_secs(5)).plus(about);
            let held = at.since(now);
            sleep(held.clamp(Duration::from_secs(1), Duration::from_secs(33))).await;
        } else if Instant::now() < done_at {
            let again = Duration::from_secs(self.orders.with(|state| state.chance.number(1..=8)));
            return Ok(Progress::Pending { again });
        }
        let n = u32::from(job.order.n.get());
        let (count, withheld) = match mood {
            Mood::Fails => return Ok(Progress::Failed(Failure::ProviderFailed.into())),
            Mood::Withholds => (0, usize::from(job.order.n.get())),
            Mood::Few(few) => (few, 0),
            _ => (n, 0),
        };
        Ok(Progress::Done { pictures: (0..count).map(|_| picture()).collect(), withheld })
    }
}

impl Provider for Upstream {
    fn patience(&self, _job: &Job) -> Duration {
        Duration::from_secs(10)
    }

    fn submit<'a>(&'a self, job: &'a Job, _call: Call) -> Later<'a, Result<Receipt, SubmitError>> {
        Box::pin(self.take_order(job))
    }

    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        _call: Call,
    ) -> Later<'a, Result<Progress, PollError>> {
        Box::pin(self.answer(job, task))
    }

    fn cancel<'a>(&'a self, _job: &'a Job, _task: &'a Task, _call: Call) -> Later<'a, ()> {
        Box::pin(sleep(Duration::from_millis(200)))
    }
}

fn picture() -> Picture {
    static PNG: OnceLock<Vec<u8>> = OnceLock::new();
    let png = PNG.get_or_init(|| testkit::picture::png(16, 16));
    Picture::read(png.clone(), None).unwrap()
}
