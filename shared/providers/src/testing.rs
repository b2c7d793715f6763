//! For the tests of this crate: a job at an upstream that is played on loopback, and short limits.

use std::time::Duration;

use domain::{
    catalogue::ModelId,
    hold::Hold,
    ids::JobId,
    job::{Job, State, Task},
    money::MicroUsd,
    order::{Draft, Order},
    time::Timestamp,
    upstream::Upstream,
};
use serde_json::{Value, json};
use testkit::{Plan, Reply};

use crate::{
    Call, Config, Limits, Obstacle, PollError, Progress, Provider, Providers, Receipt, SubmitError,
    base_variable, key_variable,
};

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Limits that a test can wait for, and that an answer on loopback keeps on a busy machine.
pub(crate) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(1),
    answer: Duration::from_millis(900),
    patience: Duration::from_millis(900),
    fetch: Duration::from_millis(900),
    pause: Duration::from_secs(1),
};

/// The circumstances of a call that is not the last.
pub(crate) const CALL: Call = Call { now: NOW, within: Duration::from_secs(20), is_last: false };
/// Those of the last one.
pub(crate) const LAST: Call = Call { is_last: true, ..CALL };

/// An order of `n` pictures, with whatever else.
pub(crate) fn order(model: ModelId, n: u64, extra: &Value) -> Order {
    Order::agree(Draft {
        model: model.model().slug.to_owned(),
        prompt: "a cinematic hourglass".to_owned(),
        n: Some(n),
        image_url: Some("https://pictures.example/cat.png".to_owned()),
        extra: extra.as_object().unwrap().clone(),
        ..Draft::default()
    })
    .unwrap()
}

/// A job with that order.
pub(crate) fn job(upstream: Upstream, order: Order) -> Job {
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

/// The configuration of one upstream that is played at a URL.
pub(crate) fn config(upstream: Upstream, url: &str) -> Config {
    let key = Plan::default().key;
    let get = |name| match name {
        "UPSTREAMS" => Some(upstream.as_str()),
        "MAXIMUM_CONCURRENCY" => Some("2"),
        "LOCAL_STACK" => Some("true"),
        name if Some(name) == key_variable(upstream) => Some(key.as_ref()),
        name if Some(name) == base_variable(upstream) => Some(url),
        _ => None,
    };
    Config::read(get).unwrap().with_limits(LIMITS)
}

/// The upstream of a job, played on loopback.
pub(crate) struct Stage {
    pub(crate) upstream: testkit::Upstream,
    pub(crate) providers: Providers,
    pub(crate) job: Job,
}

impl Stage {
    /// The upstream with all that it publishes, and an order for it.
    pub(crate) fn new(of: Upstream, order: Order) -> Self {
        Self::with(of, order, Plan::default())
    }

    pub(crate) fn with(of: Upstream, order: Order, plan: Plan) -> Self {
        let upstream = testkit::Upstream::start();
        match of {
            Upstream::Sandbox => panic!("nobody plays the sandbox"),
            Upstream::Bfl => testkit::play::bfl(&upstream, plan),
            Upstream::Ideogram => testkit::play::ideogram(&upstream, plan),
            Upstream::Recraft => testkit::play::recraft(&upstream, plan),
            Upstream::Fal => testkit::play::fal(&upstream, plan),
        }
        let providers = Providers::new(config(of, upstream.url())).unwrap();
        Self { upstream, providers, job: job(of, order) }
    }

    fn provider(&self) -> &dyn Provider {
        self.providers.of(&self.job).unwrap()
    }

    /// Sends the order.
    pub(crate) async fn submit(&self) -> Result<Receipt, SubmitError> {
        self.provider().submit(&self.job, CALL).await
    }

    /// Sends the order, which is taken.
    pub(crate) async fn task(&self) -> Task {
        self.submit().await.unwrap().task
    }

    /// Asks once.
    pub(crate) async fn poll(&self, task: &Task, call: Call) -> Result<Progress, PollError> {
        self.provider().poll(&self.job, task, call).await
    }

    /// Asks until the task is not pending any more.
    pub(crate) async fn follow(&self, task: &Task) -> Result<Progress, PollError> {
        for _ in 0..10 {
            match self.poll(task, CALL).await {
                Ok(Progress::Pending { .. }) => {}
                other => return other,
            }
        }
        panic!("the task does not end");
    }

    /// Tells that nobody waits.
    pub(crate) async fn cancel(&self, task: &Task) {
        self.provider().cancel(&self.job, task, CALL).await;
    }

    /// Nothing was asked that the upstream does not publish.
    pub(crate) fn finish(&self) {
        assert_eq!(self.upstream.violations(), [""; 0]);
        assert!(self.upstream.unexpected().is_empty(), "{:?}", self.upstream.unexpected());
    }
}

/// What was said to an order, in a word.
pub(crate) fn said(answer: &Result<Receipt, SubmitError>) -> &'static str {
    match answer {
        Ok(_) => "taken",
        Err(SubmitError::Verdict(verdict)) => verdict.failure.code(),
        Err(SubmitError::NotTaken { why: Obstacle::Busy, .. }) => "busy",
        Err(SubmitError::NotTaken { why: Obstacle::Unreachable, .. }) => "unreachable",
        Err(SubmitError::NotTaken { why: Obstacle::Trouble, .. }) => "trouble",
        Err(SubmitError::Unknown(_)) => "unknown",
    }
}

/// What was told about a task, in a word or two. Nothing is fetched of what is not whole.
pub(crate) fn told(answer: &Result<Progress, PollError>) -> String {
    match answer {
        Ok(Progress::Pending { .. }) => "pending".to_owned(),
        Ok(Progress::Done { pictures, withheld: 1.. }) if pictures.is_empty() => {
            "all withheld".to_owned()
        }
        Ok(Progress::Done { pictures, withheld }) => {
            format!("{} done, {withheld} withheld", pictures.len())
        }
        Ok(Progress::Incomplete { failure, pictures, .. }) => {
            assert!(pictures.is_empty());
            format!("incomplete {}", failure.code())
        }
        Ok(Progress::Failed(verdict)) => verdict.failure.code().to_owned(),
        Err(PollError::Trouble) => "trouble".to_owned(),
        Err(PollError::Busy { .. }) => "busy".to_owned(),
        Err(PollError::Unanswered(_)) => "unanswered".to_owned(),
    }
}

/// Ways in which an upstream can answer an order without telling whether it has taken it.
pub(crate) fn unknowns(good: &str) -> Vec<Reply> {
    vec![
        Reply::cut(),
        Reply::fixture(good).truncated(),
        Reply::html(200),
        Reply::json(200, json!({})),
        Reply::json(200, json!([])),
        Reply::json(500, json!({"error": "oops"})),
        Reply::json(502, json!({})),
        Reply::json(503, json!({})),
        Reply::silence(),
        Reply::endless(100_000_000),
    ]
}
