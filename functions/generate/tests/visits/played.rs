//! A job whose upstream is played over HTTP, and the real worker that takes it there. Its clock runs,
//! so that visits end by themselves, and is put forward between them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    job::{Job, State, Status},
    order::Draft,
    time::Timestamp,
    upstream::Upstream,
};
use generate::App;
use providers::{Config, Limits, Providers, base_variable, key_variable};
use runtime::{Clock, metrics::Metrics};
use serde_json::{Value, json};
use testkit::{Plan, Reply, picture, play};

use crate::world::{NOW, PRICE, World, bell, invoke, message, usd};

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";
/// What is between two visits: twice what a busy upstream asks for at least, because on a busy machine a
/// visit may have no time left for an order; what one asks for that refuses our key, the time of the
/// order, the time of the job, its hard expiry. Each is past any lease of the visit before, but the
/// first three, before which the job was put down.
const BETWEEN: [u64; 6] = [5, 5, 61, 451, 1_051, 1_801];

/// An order, and how its upstream takes it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) upstream: Upstream,
    pub(crate) model: &'static str,
    pub(crate) n: u8,
    /// How many requests the order is.
    pub(crate) requests: usize,
    /// The path that takes it.
    pub(crate) submit: &'static str,
    /// The path that tells how far a request is, where that is asked for.
    pub(crate) poll: Option<&'static str>,
    /// The path that tells the result, where it is another.
    pub(crate) result: Option<&'static str>,
    /// What is answered to an order, to a question and about a result that are good.
    pub(crate) good: [&'static str; 3],
}

pub(crate) const BFL: Line = Line {
    upstream: Upstream::Bfl,
    model: "flux-1.1-ultra",
    n: 2,
    requests: 2,
    submit: "/v1/flux-pro-1.1-ultra",
    poll: Some("/v1/get_result"),
    result: None,
    good: ["bfl/submit", "bfl/ready", ""],
};
pub(crate) const BFL_ONE: Line = Line { n: 1, requests: 1, ..BFL };
pub(crate) const IDEOGRAM: Line = Line {
    upstream: Upstream::Ideogram,
    model: "ideogram-v3",
    n: 2,
    requests: 1,
    submit: "/v1/ideogram-v3/generate",
    poll: None,
    result: None,
    good: ["ideogram/ok_1", "", ""],
};
pub(crate) const RECRAFT: Line = Line {
    upstream: Upstream::Recraft,
    model: "recraft-v3",
    n: 2,
    requests: 1,
    submit: "/v1/images/generations",
    poll: None,
    result: None,
    good: ["recraft/ok", "", ""],
};
pub(crate) const FAL_FLUX: Line = Line {
    upstream: Upstream::Fal,
    model: "flux-1.1-ultra",
    n: 2,
    requests: 1,
    submit: "/fal-ai/flux-pro/v1.1-ultra",
    poll: Some("/fal-ai/flux-pro/requests/*/status"),
    result: Some("/fal-ai/flux-pro/requests/*"),
    good: ["fal/submit", "fal/completed", "fal/result_flux_ultra"],
};
pub(crate) const FAL_IDEOGRAM: Line = Line {
    model: "ideogram-v3",
    submit: "/fal-ai/ideogram/v3",
    poll: Some("/fal-ai/ideogram/requests/*/status"),
    result: Some("/fal-ai/ideogram/requests/*"),
    good: ["fal/submit", "fal/completed", "fal/result_ideogram"],
    ..FAL_FLUX
};
pub(crate) const FAL_RECRAFT: Line = Line {
    model: "recraft-v3",
    requests: 2,
    submit: "/fal-ai/recraft/v3/text-to-image",
    poll: Some("/fal-ai/recraft/requests/*/status"),
    result: Some("/fal-ai/recraft/requests/*"),
    good: ["fal/submit", "fal/completed", "fal/result_recraft"],
    ..FAL_FLUX
};

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} n={}", self.upstream, self.model, self.n)
    }
}

/// How long is waited for an answer, and how long a visit is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// For each answer.
    pub(crate) limit: Duration,
    /// What the invocation has. A quarter of it is kept for putting the job down.
    pub(crate) visit: Duration,
}

impl Pace {
    /// For faults that pass: nothing is given up because the machine is busy.
    pub(crate) const PATIENT: Self =
        Self { limit: Duration::from_secs(4), visit: Duration::from_secs(30) };
    /// For faults that stay, and those that must be waited for. What a visit has beyond one answer is
    /// for a busy machine: an order for which too little time is left is not sent.
    pub(crate) const SHORT: Self =
        Self { limit: Duration::from_millis(1_500), visit: Duration::from_millis(3_200) };

    fn limits(self) -> Limits {
        let Self { limit, .. } = self;
        let pause = Duration::from_millis(100);
        Limits { connect: limit, answer: limit, patience: limit, fetch: limit, pause }
    }
}

/// The upstreams of a worker that is one of two: one upstream, played at a URL.
pub(crate) fn providers(of: Upstream, url: &str, pace: Pace) -> Providers {
    let key = Plan::default().key;
    keyed(of, url, &key, pace)
}

/// The same with another key.
pub(crate) fn keyed(of: Upstream, url: &str, key: &str, pace: Pace) -> Providers {
    let get = |name| match name {
        "UPSTREAMS" => Some(of.as_str()),
        "MAXIMUM_CONCURRENCY" => Some("2"),
        "LOCAL_STACK" => Some("true"),
        name if Some(name) == key_variable(of) => Some(key),
        name if Some(name) == base_variable(of) => Some(url),
        _ => None,
    };
    Providers::new(Config::read(get).unwrap().with_limits(pace.limits())).unwrap()
}

/// A clock that runs, and can be put forward.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    begun: Instant,
    ahead_ms: Arc<AtomicU64>,
}

impl Time {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), ahead_ms: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst));
        NOW.plus(self.begun.elapsed()).plus(ahead)
    }

    pub(crate) fn forward(&self, by: Duration) {
        self.ahead_ms.fetch_add(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::new(move || time.now())
    }
}

/// A job at a played upstream, with a worker of its own.
pub(crate) struct Played<'a> {
    world: &'a World,
    line: &'a Line,
    pace: Pace,
    pub(crate) upstream: testkit::Upstream,
    pub(crate) app: App,
    pub(crate) time: Time,
    pub(crate) job: Job,
    /// The bodies of orders that were refused, so that nothing came of them.
    refused: Arc<Mutex<Vec<Vec<u8>>>>,
    key: String,
}

impl<'a> Played<'a> {
    /// An order of a user of its own, and its upstream with all that it publishes.
    pub(crate) async fn new(world: &'a World, line: &'a Line, pace: Pace, plan: Plan) -> Self {
        Self::of(world, (line, draft(line)), pace, plan).await
    }

    /// The same with other words in the order.
    pub(crate) async fn of(
        world: &'a World,
        (line, draft): (&'a Line, Draft),
        pace: Pace,
        plan: Plan,
    ) -> Self {
        let key = plan.key.clone();
        let upstream = testkit::Upstream::start();
        match line.upstream {
            Upstream::Sandbox => panic!("nobody plays the sandbox"),
            Upstream::Bfl => play::bfl(&upstream, plan),
            Upstream::Ideogram => play::ideogram(&upstream, plan),
            Upstream::Recraft => play::recraft(&upstream, plan),
            Upstream::Fal => play::fal(&upstream, plan),
        }
        let time = Time::new();
        let providers = keyed(line.upstream, upstream.url(), &key, pace);
        let app = world.worker(providers, time.clock());
        let job = world.accept(world.customer().await, line.upstream, draft).await;
        Self { world, line, pace, upstream, app, time, job, refused: Arc::default(), key }
    }

    /// Makes the upstream one that cannot be reached, and back.
    pub(crate) fn reach(&mut self, reachable: bool) {
        let url = if reachable { self.upstream.url() } else { NOWHERE };
        let providers = keyed(self.line.upstream, url, &self.key, self.pace);
        self.app = self.world.worker(providers, self.time.clock());
    }

    /// What the worker counts from now on, a line each.
    pub(crate) fn count(&mut self) -> Arc<Mutex<Vec<String>>> {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = Arc::clone(&lines);
        let metrics = Metrics::new("generate", self.time.clock(), move |line| {
            sink.lock().unwrap().push(line.to_owned());
            Ok(())
        });
        let providers = keyed(self.line.upstream, self.upstream.url(), &self.key, self.pace);
        self.app = self.world.worker(providers, self.time.clock()).with_metrics(metrics);
        lines
    }

    /// A refusal of an order, which is remembered as such.
    pub(crate) fn refusal(&self, reply: Reply) -> Reply {
        let refused = Arc::clone(&self.refused);
        Reply::with(move |seen| {
            refused.lock().unwrap().push(seen.body.clone());
            reply.clone()
        })
    }

    /// One invocation, which goes well.
    pub(crate) async fn visit(&self) {
        let deadline = self.time.now().plus(self.pace.visit);
        let messages = vec![message("one", &bell(&self.job))];
        assert_eq!(invoke(&self.app, messages, deadline).await, [""; 0]);
    }

    /// What is stored of the job.
    pub(crate) async fn look(&self) -> Job {
        self.world.look(&self.job).await
    }

    /// Visits the job as the queue and the sweep would, until it has ended.
    pub(crate) async fn drive(&self) -> Job {
        for pause in BETWEEN {
            self.visit().await;
            let job = self.look().await;
            match &job.state {
                State::Pending => panic!("nobody has begun it"),
                State::Processing(run) => assert_eq!(run.lease_until, None, "it is not put down"),
                State::Succeeded { .. }
                | State::Failed { .. }
                | State::Expired { .. }
                | State::Refunded { .. } => return job,
            }
            self.time.forward(Duration::from_secs(pause));
        }
        self.visit().await;
        self.look().await
    }

    /// How often each picture was ordered so that the upstream has taken the order, or may have.
    /// Refusals are left out.
    pub(crate) fn orders(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.upstream.seen("POST", self.line.submit) {
            let count: &mut usize = counts.entry(self.slot(&seen.body)).or_default();
            *count = count.checked_add(1).unwrap();
        }
        for body in self.refused.lock().unwrap().iter() {
            let count = counts.get_mut(&self.slot(body)).unwrap();
            *count = count.checked_sub(1).unwrap();
        }
        counts
    }

    /// How many requests were refused.
    pub(crate) fn refusals(&self) -> usize {
        self.refused.lock().unwrap().len()
    }

    /// What a request orders: where each picture has a seed of its own, that; where it does not, the
    /// requests of an order are all alike.
    fn slot(&self, body: &[u8]) -> String {
        let body: Value = serde_json::from_slice(body).unwrap();
        let seed = body.get("seed").filter(|_| self.line.upstream == Upstream::Bfl);
        seed.map(ToString::to_string).unwrap_or_default()
    }

    /// What must hold of every job that has ended, whatever its upstream did: each picture was ordered
    /// at most `times` times; it is resolved once; what is charged is what is stored; and a visit that
    /// comes too late changes nothing.
    pub(crate) async fn check(&self, times: usize) -> Job {
        let job = self.look().await;
        let images = job.state.images();
        let status = job.state.status();
        assert!(
            matches!(status, Status::Succeeded | Status::Failed | Status::Expired),
            "{status:?}"
        );
        assert_eq!(images.is_empty(), status != Status::Succeeded, "{status:?}");

        let asked = self.upstream.requests().len();
        self.visit().await;
        assert_eq!((self.look().await, self.upstream.requests().len()), (job.clone(), asked));

        let orders = self.orders();
        let slots = if self.line.upstream == Upstream::Bfl { 1 } else { self.line.requests };
        let most = times.checked_mul(slots).unwrap();
        assert!(orders.values().all(|count| *count <= most), "{orders:?}");
        assert!(orders.len().saturating_mul(slots) <= self.line.requests, "{orders:?}");

        let price = usize::try_from(PRICE).unwrap();
        let charged = price.checked_mul(images.len()).unwrap().try_into().unwrap();
        let released = job.hold.amount().micros().checked_sub(charged).unwrap();
        let resolutions = self.world.resolutions(&job).await;
        assert_eq!(resolutions, [(usd(charged), usd(released))]);
        assert_eq!(self.world.balance(&job.user).await, (charged, 0));

        for image in images {
            let (content_type, bytes) = self.world.kept_as(&image.key).await;
            assert_eq!(content_type, image.content_type);
            assert_eq!(picture::width_height(&bytes), Some((image.width, image.height)));
            assert_eq!(content_type, sniffed(&bytes));
        }
        job
    }
}

/// What the bytes of a picture are.
fn sniffed(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xFF, 0xD8, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', ..] => "image/webp",
        _ => "unknown",
    }
}

/// What is ordered.
pub(crate) fn draft(line: &Line) -> Draft {
    Draft {
        model: line.model.to_owned(),
        prompt: "a cinematic hourglass".to_owned(),
        n: Some(line.n.into()),
        extra: json!({}).as_object().unwrap().clone(),
        ..Draft::default()
    }
}
