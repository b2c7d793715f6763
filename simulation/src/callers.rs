//! Those who order: now and then two at once, under the same key or another, with retries that never give a
//! key up, and looks at what became of it. What they were told is remembered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    audit::{Request, Told},
    fingerprint::Fingerprint,
    idempotency::IdempotencyKey,
    ids::{JobId, UserId},
    order::{Draft, Order as Agreed},
};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    api::{Answer, Api, Heard, Shown},
    chance::Chance,
    cloud::Cloud,
    sight::Sight,
};

/// How often a caller asks again.
const ATTEMPTS: u32 = 6;

/// What was told, and to whom.
pub(crate) type Record = Arc<Mutex<Vec<(UserId, Told)>>>;

/// An order that somebody means to place.
#[derive(Clone, Debug)]
struct Order {
    user: UserId,
    key: Option<String>,
    words: Words,
    after: Duration,
}

/// Those who order.
#[derive(Clone)]
pub(crate) struct Callers {
    api: Api,
    cloud: Cloud,
    chance: Arc<Mutex<Chance>>,
    record: Record,
    /// When each job was last seen.
    seen: Arc<Mutex<BTreeMap<JobId, Instant>>>,
}

/// What one run is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) users: usize,
    pub(crate) orders: u64,
    /// Within what time they come.
    pub(crate) span: Duration,
}

impl Callers {
    pub(crate) fn new(api: Api, cloud: &Cloud, chance: Chance) -> Self {
        let chance = Arc::new(Mutex::new(chance));
        Self { api, cloud: cloud.clone(), chance, record: Record::default(), seen: Arc::default() }
    }

    pub(crate) fn record(&self) -> Vec<(UserId, Told)> {
        self.record.lock().unwrap().clone()
    }

    /// All orders of a run, until each has its answer or nobody asks any more.
    pub(crate) async fn run(&self, users: &[UserId], shape: Shape) {
        let mut calls = JoinSet::new();
        for order in self.orders(users, shape) {
            let callers = self.clone();
            calls.spawn_local(async move { Box::pin(callers.place(order)).await });
        }
        while let Some(ended) = calls.join_next().await {
            ended.unwrap();
        }
    }

    fn orders(&self, users: &[UserId], shape: Shape) -> Vec<Order> {
        let mut chance = self.chance.lock().unwrap();
        let span = u64::try_from(shape.span.as_millis()).unwrap_or(u64::MAX);
        let mut orders = Vec::new();
        for number in 0..shape.orders {
            let Some(user) = users.get(chance.skewed(users.len())) else { continue };
            let key = chance.permille(850).then(|| format!("key-{number}"));
            let after = chance.millis(0..=span);
            let words = Words { number: number.saturating_mul(2), n: chance.number(1..=4) };
            let first = Order { user: user.clone(), key, words, after };
            // Others may come at the same instant or later: with the same words, or with others.
            let copies =
                if first.key.is_some() { chance.number(0..=3).saturating_sub(1) } else { 0 };
            for _ in 0..copies {
                let mut copy = first.clone();
                if chance.permille(200) {
                    copy.words = Words { number: words.number.saturating_add(1), n: 1 };
                }
                if chance.permille(600) {
                    copy.after = copy.after.saturating_add(chance.millis(0..=200_000));
                }
                orders.push(copy);
            }
            orders.push(first);
        }
        orders
    }

    async fn place(&self, order: Order) {
        sleep_until(self.cloud.time().instant(order.after)).await;
        let mut heard_nothing = false;
        for attempt in 1..=ATTEMPTS {
            let heard = self.api.post(&order.user, order.key.as_deref(), &order.words.body()).await;
            self.cloud.trace().say(|| format!("{} {:?} heard {heard:?}", order.user, order.key));
            let pause = match self.note(&order, heard, heard_nothing) {
                Next::Done(Some(job)) => return self.watch(&order.user, job).await,
                Next::Done(None) => return,
                Next::Again(pause) => {
                    heard_nothing = true;
                    pause
                }
                Next::Later(pause) => pause,
            };
            // Without a key, whoever asks again may buy twice.
            if order.key.is_none() && heard_nothing || attempt == ATTEMPTS {
                return;
            }
            let jitter = self.chance.lock().unwrap().millis(0..=2_000);
            tokio::time::sleep(pause.saturating_add(jitter)).await;
        }
    }

    /// Remembers what was heard, and says what to do next.
    fn note(&self, order: &Order, heard: Heard, heard_nothing: bool) -> Next {
        let request = order.request();
        let (told, next) = match heard {
            Heard::Nothing => (Told::Unknown { request }, Next::Again(Duration::from_secs(1))),
            Heard::Answer(answer) => match answer.status {
                200 | 202 => {
                    let shown = answer.job().unwrap();
                    let replay = answer.is_replay;
                    if replay {
                        self.see(Sight::ReplayServed);
                    }
                    if heard_nothing {
                        self.see(Sight::UnknownSettled);
                    }
                    let job = shown.id;
                    (Told::Accepted { request, job, replay }, Next::Done(Some(job)))
                }
                status => {
                    self.see_refusal(&answer);
                    let pause = answer.retry_after.unwrap_or(Duration::from_secs(1));
                    let code = answer.code().to_owned();
                    match status {
                        // It may have been done, says the answer: the outcome is unknown.
                        500..=599 if code != "account_busy" => {
                            (Told::Unknown { request }, Next::Again(pause))
                        }
                        429 | 503 => {
                            (Told::Refused { request, definite: true }, Next::Later(pause))
                        }
                        _ => (Told::Refused { request, definite: true }, Next::Done(None)),
                    }
                }
            },
        };
        self.tell(&order.user, told);
        next
    }

    fn see_refusal(&self, answer: &Answer) {
        self.see(match answer.code() {
            "insufficient_balance" => Sight::InsufficientBalance,
            "queue_full" => Sight::QueueFull,
            "idempotency_key_reused" => Sight::KeyReused,
            _ => Sight::SentAway,
        });
    }

    /// Looks at a job now and then, until it has ended or nobody cares any more. Some think better of it.
    async fn watch(&self, user: &UserId, job: JobId) {
        if self.chance.lock().unwrap().permille(150) {
            let pause = self.chance.lock().unwrap().millis(0..=5_000);
            tokio::time::sleep(pause).await;
            self.cancel(user, job).await;
        }
        let looks = self.chance.lock().unwrap().number(1..=6);
        for _ in 0..looks {
            let pause = self.chance.lock().unwrap().millis(0..=90_000);
            tokio::time::sleep(pause).await;
            if self.chance.lock().unwrap().permille(200) {
                self.list(user).await;
            }
            if self.look(user, job).await {
                return;
            }
        }
    }

    /// Looks at a job. Whether it has ended.
    pub(crate) async fn look(&self, user: &UserId, job: JobId) -> bool {
        let asked = Instant::now();
        let Heard::Answer(answer) = self.api.get(user, &format!("/v1/jobs/{job}")).await else {
            return false;
        };
        match answer.status {
            200 => {
                let shown = answer.job().unwrap();
                let ended = shown.status.is_terminal();
                self.shown(user, asked, shown);
                ended
            }
            404 => {
                self.tell(user, Told::Missing { job });
                true
            }
            _ => false,
        }
    }

    /// A job was shown to its user, who asked for it then.
    fn shown(&self, user: &UserId, asked: Instant, shown: Shown) {
        let Shown { id: job, status, charged, images } = shown;
        // Of two looks at the same time nobody can say which came first.
        let before = self.seen.lock().unwrap().insert(job, Instant::now());
        if before.is_none_or(|before| before <= asked) {
            self.tell(user, Told::Seen { job, status, charged, images });
        }
    }

    /// Cancels a job, which works or does not. What is answered is what the job is.
    async fn cancel(&self, user: &UserId, job: JobId) {
        let asked = Instant::now();
        let Heard::Answer(answer) = self.api.cancel(user, job).await else { return };
        self.cloud.trace().say(|| format!("{user} cancels {job}: {}", answer.status));
        match answer.status {
            200 => {
                self.see(Sight::Canceled);
                self.shown(user, asked, answer.job().unwrap());
            }
            404 => self.tell(user, Told::Missing { job }),
            409 => self.see(Sight::CanceledTooLate),
            _ => {}
        }
    }

    /// Looks at all jobs of a user, page by page. Whatever was acknowledged before is among them.
    async fn list(&self, user: &UserId) {
        let acknowledged = |(of, told): &(UserId, Told)| match told {
            Told::Accepted { job, .. } if of == user => Some(*job),
            _ => None,
        };
        let mut known: BTreeSet<JobId> = self.record().iter().filter_map(acknowledged).collect();
        let mut cursor = String::new();
        loop {
            let asked = Instant::now();
            let path = format!("/v1/jobs?limit=3{cursor}");
            let Heard::Answer(answer) = self.api.get(user, &path).await else { return };
            if answer.status != 200 {
                return;
            }
            for shown in answer.jobs().unwrap() {
                known.remove(&shown.id);
                self.shown(user, asked, shown);
            }
            match answer.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        for job in known {
            self.tell(user, Told::Missing { job });
        }
    }

    fn tell(&self, user: &UserId, told: Told) {
        self.record.lock().unwrap().push((user.clone(), told));
    }

    fn see(&self, sight: Sight) {
        self.cloud.state().ledger.sights.see(sight);
    }
}

/// What a caller does next.
enum Next {
    Done(Option<JobId>),
    /// Asks again, not knowing whether it was done.
    Again(Duration),
    /// Asks again, knowing that it was not.
    Later(Duration),
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
struct Words {
    number: u64,
    n: u64,
}

impl Words {
    fn draft(self) -> Draft {
        Draft {
            model: "recraft-v3".to_owned(),
            prompt: format!("picture {}", self.number),
            n: Some(self.n),
            ..Draft::default()
        }
    }

    fn body(self) -> Value {
        let Draft { model, prompt, n, .. } = self.draft();
        json!({ "model": model, "prompt": prompt, "n": n })
    }
}

impl Order {
    /// The order as the audit knows it.
    fn request(&self) -> Request {
        let key =
            self.key.as_ref().map(|key| IdempotencyKey::try_from(key.clone()).unwrap().digest());
        let order = Agreed::agree(self.words.draft()).unwrap();
        Request { key, fingerprint: Some(Fingerprint::of(&order).unwrap()) }
    }
}
