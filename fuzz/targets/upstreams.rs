//! What upstreams answer, over HTTP on loopback: to an order, about a task, and a task as it was noted.
//!
//! An answer that cannot be understood is no answer. It never ends a job, charges nothing and refunds
//! nothing, and nothing that goes into a log names a URL or our key.

use std::{
    ops::Deref,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use bolero::{TypeGenerator, check};
use domain::{
    catalogue::ModelId,
    causes,
    failure::{Failure, Verdict},
    hold::Hold,
    ids::JobId,
    job::{Job, State, Task},
    money::MicroUsd,
    order::{Draft, Order},
    time::Timestamp,
    upstream::Upstream,
};
use providers::{
    Call, Config, Limits, PollError, Progress, Provider, Providers, Receipt, SubmitError,
    base_variable, key_variable,
};
use testkit::{Reply, picture};
use tokio::runtime::Runtime;

use crate::{corpus, mutation::Input};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const KEY: &str = "a-key-that-nobody-may-see";
/// The longest task that is noted, in bytes.
const TASK_BYTES_MAX: usize = 32 * 1_024;
/// What upstreams answer with, and some of what they do not.
const STATUSES: [u16; 24] = [
    200, 201, 202, 206, 301, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 422, 425, 429,
    500, 502, 503, 504, 529,
];
/// Where results of the real ones are: a test asks nobody but itself.
const REAL: [&str; 4] = ["bfl.ai", "ideogram.ai", "recraft.ai", "fal."];

/// An answer.
#[derive(Clone, Debug, TypeGenerator)]
struct Said {
    status: Option<u8>,
    retry_after: Option<Again>,
    body: Input,
}

#[derive(Clone, Debug, TypeGenerator)]
enum Again {
    Seconds(u64),
    Date,
    Text(String),
}

impl Said {
    fn status(&self) -> u16 {
        self.status.map_or(200, |at| STATUSES[usize::from(at) % STATUSES.len()])
    }

    fn reply(&self, seeds: &[Vec<u8>]) -> Reply {
        let reply = Reply::bytes(self.status(), "application/json", self.body.bytes(seeds));
        let again = match &self.retry_after {
            None => return reply,
            Some(Again::Seconds(seconds)) => seconds.to_string(),
            Some(Again::Date) => "Fri, 15 Jan 2027 08:00:10 GMT".to_owned(),
            Some(Again::Text(text)) => text.chars().filter(char::is_ascii_graphic).collect(),
        };
        reply.header("retry-after", &again)
    }
}

/// An upstream that answers everything alike, pictures apart.
struct Stage {
    upstream: testkit::Upstream,
    answer: Arc<Mutex<Reply>>,
    providers: Providers,
    job: Job,
    runtime: Runtime,
}

impl Stage {
    fn new(of: Upstream, model: ModelId) -> AssertUnwindSafe<Self> {
        let upstream = testkit::Upstream::start();
        let answer = Arc::new(Mutex::new(Reply::cut()));
        let given = Arc::clone(&answer);
        let reply = move || {
            let given = Arc::clone(&given);
            Reply::with(move |_| given.lock().unwrap().clone())
        };
        upstream.on("GET", "/results/*", Reply::bytes(200, "image/png", picture::png(4, 4)));
        for method in ["GET", "POST", "PUT"] {
            upstream.on(method, "/*", reply());
        }
        let get = |name| match name {
            "UPSTREAMS" => Some(of.as_str()),
            "MAXIMUM_CONCURRENCY" => Some("1"),
            "LOCAL_STACK" => Some("true"),
            name if Some(name) == key_variable(of) => Some(KEY),
            name if Some(name) == base_variable(of) => Some(upstream.url()),
            _ => None,
        };
        let second = Duration::from_secs(1);
        let limits = Limits {
            connect: second,
            answer: second,
            patience: second,
            fetch: second,
            pause: second,
        };
        let providers = Providers::new(Config::read(get).unwrap().with_limits(limits)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        AssertUnwindSafe(Self { answer, providers, job: job(of, model), runtime, upstream })
    }

    fn provider(&self) -> &dyn Provider {
        self.providers.of(&self.job).unwrap()
    }

    /// Whether nobody but this upstream would be asked.
    fn stays_here(text: &str) -> bool {
        !REAL.iter().any(|host| text.contains(host))
    }

    fn submit(&self, reply: Reply) -> Result<Receipt, SubmitError> {
        *self.answer.lock().unwrap() = reply;
        self.runtime.block_on(self.provider().submit(&self.job, call(false)))
    }

    fn poll(&self, task: &Task, reply: Reply, is_last: bool) -> Result<Progress, PollError> {
        *self.answer.lock().unwrap() = reply;
        self.runtime.block_on(self.provider().poll(&self.job, task, call(is_last)))
    }
}

/// A call that leaves no time for a second attempt: nothing here waits.
fn call(is_last: bool) -> Call {
    Call { now: NOW, within: Duration::from_millis(900), is_last }
}

fn job(upstream: Upstream, model: ModelId) -> Job {
    let order = Order::agree(Draft {
        model: model.model().slug.to_owned(),
        prompt: "a cinematic hourglass".to_owned(),
        n: Some(2),
        ..Draft::default()
    });
    let order = order.unwrap();
    Job {
        id: JobId::new(NOW, &[7; 10]),
        user: "demo".parse().unwrap(),
        hold: Hold::new(MicroUsd::constant(81_000), order.n).unwrap(),
        order,
        upstream,
        turn: None,
        created_at: NOW,
        deadline: NOW.plus(Duration::from_mins(15)),
        expires_at: NOW.plus(Duration::from_mins(30)),
        state: State::Pending,
    }
}

/// What is said of a failure, for a log.
fn shown(error: &(dyn std::error::Error + 'static)) {
    let chain = causes::chain(error);
    assert!(chain.len() < 1_024, "{} bytes", chain.len());
    assert!(!chain.contains("://") && !chain.contains(KEY), "{chain}");
}

fn verdict_is_fit_to_be_shown(verdict: &Verdict) {
    let Some(reason) = &verdict.reason else { return };
    assert_eq!(verdict.failure, Failure::ProviderRejected);
    let text = reason.as_str();
    assert!((1..=200).contains(&text.chars().count()) && !text.contains("://"), "{text}");
    assert!(!text.chars().any(char::is_control));
}

/// Whether a refusal with this status may be the caller's own fault.
fn is_refusal(status: u16) -> bool {
    (400..500).contains(&status) && ![404, 405, 408, 409, 425, 429].contains(&status)
}

fn heard_of_an_order(said: &Said, answer: Result<Receipt, SubmitError>) {
    let status = said.status();
    match answer {
        Ok(receipt) => {
            assert!((200..300).contains(&status), "{status} took the order");
            assert!(receipt.task.0.len() <= TASK_BYTES_MAX);
        }
        Err(SubmitError::Verdict(verdict)) => {
            let moderated = verdict.failure == Failure::ContentModerated;
            assert!(is_refusal(status) || (moderated && (400..500).contains(&status)), "{status}");
            verdict_is_fit_to_be_shown(&verdict);
        }
        Err(error @ SubmitError::NotTaken { again, .. }) => {
            assert!((400..504).contains(&status), "{status} did not take the order");
            assert!(again > Duration::ZERO && again <= Duration::from_mins(15), "{again:?}");
            shown(&error);
        }
        Err(error @ SubmitError::Unknown(_)) => shown(&error),
    }
}

fn heard_of_a_task(stage: &Stage, said: &Said, answer: Result<Progress, PollError>) {
    let status = said.status();
    match answer {
        Ok(Progress::Done { pictures, .. }) => {
            assert!(pictures.len() <= usize::from(stage.job.order.n.get()));
        }
        Ok(Progress::Incomplete { pictures, why, .. }) => {
            assert!(pictures.len() <= usize::from(stage.job.order.n.get()));
            shown(why.as_ref());
        }
        Ok(Progress::Failed(verdict)) => {
            assert!((200..300).contains(&status) || status == 422, "{status} ended the task");
            verdict_is_fit_to_be_shown(&verdict);
        }
        Ok(Progress::Pending { again }) => assert!(again <= Duration::from_mins(15)),
        Err(error) => {
            if let PollError::Busy { again } = &error {
                assert!(*again > Duration::ZERO && *again <= Duration::from_mins(15));
            }
            shown(&error);
        }
    }
}

macro_rules! targets {
    ($($name:ident: $upstream:ident, $model:ident;)+) => {
        mod answers_to_an_order {
            use super::*;
            $(#[test]
            fn $name() {
                let stage = Stage::new(Upstream::$upstream, ModelId::$model);
                let seeds = corpus::published(stringify!($name), stage.upstream.url());
                check!().with_type::<Said>().with_iterations(600).for_each(|said| {
                    heard_of_an_order(said, stage.deref().submit(said.reply(&seeds)));
                });
            })+
        }

        mod answers_about_a_task {
            use super::*;
            $(#[test]
            fn $name() {
                let stage = Stage::new(Upstream::$upstream, ModelId::$model);
                let seeds = corpus::published(stringify!($name), stage.upstream.url());
                let task = taken(&stage, stringify!($name));
                check!().with_type::<(Said, bool)>().with_iterations(600).for_each(|(said, last)| {
                    if Stage::stays_here(&said.body.text(&seeds)) {
                        let heard = stage.deref().poll(&task, said.reply(&seeds), *last);
                        heard_of_a_task(&stage, said, heard);
                    }
                });
            })+
        }

        /// Nobody but us writes them; what a table hands back is read with the same care.
        mod tasks_as_they_were_noted {
            use super::*;
            $(#[test]
            fn $name() {
                let stage = Stage::new(Upstream::$upstream, ModelId::$model);
                let seeds = vec![taken(&stage, stringify!($name)).0.into_bytes()];
                check!().with_type::<Input>().with_iterations(400).for_each(|input| {
                    let task = Task(input.text(&seeds));
                    if Stage::stays_here(&task.0) {
                        let said = Said { status: None, retry_after: None, body: Input::Raw(vec![]) };
                        let heard = stage.deref().poll(&task, Reply::cut(), false);
                        heard_of_a_task(&stage, &said, heard);
                    }
                });
            })+
        }
    };
}

targets! {
    bfl: Bfl, Flux11Ultra;
    fal: Fal, Flux11Ultra;
    ideogram: Ideogram, IdeogramV3;
    recraft: Recraft, RecraftV3;
}

/// The task of an order that was taken.
fn taken(stage: &Stage, of: &str) -> Task {
    let good = match of {
        "bfl" | "fal" => "submit",
        "ideogram" => "ok_4",
        _ => "ok",
    };
    stage.submit(Reply::fixture(&format!("{of}/{good}"))).unwrap().task
}
