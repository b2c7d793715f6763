//! The jobs of a batch share the places that their worker has at the upstream.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use domain::{
    job::{Dispatch, Job, State, Status},
    upstream::Upstream,
};
use generate::App;
use serde_json::{Value, json};
use testkit::Reply;

use crate::{
    played::{IDEOGRAM, Line, Pace, Time, draft, providers},
    world::{World, bell, invoke, message},
};

/// How long the upstream takes to make pictures.
const MAKING: Duration = Duration::from_millis(300);

/// Ideogram, which writes down how many pictures it is making at each order.
struct Crowd {
    upstream: testkit::Upstream,
    under_way: Arc<Mutex<Vec<u64>>>,
    app: App,
    time: Time,
    jobs: Vec<Job>,
}

impl Crowd {
    /// Jobs of `n` pictures each, and one of two workers.
    async fn new(world: &World, jobs: usize, n: u8) -> Self {
        let upstream = testkit::Upstream::start();
        let under_way: Arc<Mutex<Vec<u64>>> = Arc::default();
        let seen_by = Arc::clone(&under_way);
        let making: Mutex<Vec<(Instant, u64)>> = Mutex::default();
        let reply = Reply::with(move |seen| {
            let ordered = seen.json().get("num_images").and_then(Value::as_u64).unwrap();
            let mut making = making.lock().unwrap();
            let now = Instant::now();
            making.retain(|(until, _)| *until > now);
            making.push((now.checked_add(MAKING).unwrap(), ordered));
            seen_by.lock().unwrap().push(making.iter().map(|(_, ordered)| ordered).sum());
            answer(ordered)
        });
        upstream.on("POST", IDEOGRAM.submit, reply.after(MAKING));
        let time = Time::new();
        let providers = providers(Upstream::Ideogram, upstream.url(), Pace::PATIENT);
        let app = world.worker(providers, time.clock());
        let line = Line { n, ..IDEOGRAM };
        let mut accepted = Vec::new();
        for _ in 0..jobs {
            let user = world.customer().await;
            accepted.push(world.accept(user, Upstream::Ideogram, draft(&line)).await);
        }
        Self { upstream, under_way, app, time, jobs: accepted }
    }

    /// One invocation for these jobs.
    async fn visit(&self, jobs: &[Job]) {
        let ring = |job: &Job| message(&job.id.to_string(), &bell(job));
        let deadline = self.time.now().plus(Pace::PATIENT.visit);
        let failed = invoke(&self.app, jobs.iter().map(ring).collect(), deadline).await;
        assert_eq!(failed, [""; 0]);
    }

    /// The most pictures that were under way at a time.
    fn most(&self) -> u64 {
        *self.under_way.lock().unwrap().iter().max().unwrap()
    }
}

/// So many pictures.
fn answer(n: u64) -> Reply {
    let picture = |index| {
        let url = format!("{{base}}/results/{{id}}/{index}.png");
        json!({ "url": url, "is_image_safe": true, "seed": index })
    };
    let data = (0..n).map(picture).collect();
    Reply::fixture("ideogram/ok_1").set("/data", Value::Array(data))
}

async fn all_succeed(world: &World, crowd: &Crowd) {
    for job in &crowd.jobs {
        let found = world.look(job).await;
        assert_eq!(found.state.status(), Status::Succeeded);
        assert_eq!(found.state.images().len(), usize::from(found.order.n.get()));
    }
    assert_eq!(crowd.upstream.seen("POST", IDEOGRAM.submit).len(), crowd.jobs.len());
}

#[tokio::test]
async fn a_batch_has_no_more_pictures_under_way_than_its_worker_has_places() {
    let world = World::start().await;
    // Of five places one job takes four, and two jobs take two each.
    for n in [4, 2] {
        let crowd = Crowd::new(&world, 4, n).await;
        crowd.visit(&crowd.jobs).await;
        all_succeed(&world, &crowd).await;
        assert_eq!(crowd.most(), 4, "n={n}");
    }
    world.close().await;
}

#[tokio::test]
async fn what_a_busy_upstream_says_to_one_job_keeps_the_others_away_until_then() {
    let world = World::start().await;
    let crowd = Crowd::new(&world, 3, 4).await;
    let busy = Reply::fixture("ideogram/429_inflight_limit").header("retry-after", "30");
    crowd.upstream.first("POST", IDEOGRAM.submit, busy);
    // One is told, and the others of its batch wait for places meanwhile.
    crowd.visit(&crowd.jobs).await;
    // Nor does a later batch ask, until the time has come.
    crowd.time.forward(Duration::from_secs(20));
    crowd.visit(&crowd.jobs).await;
    assert_eq!(crowd.upstream.requests().len(), 1);
    for job in &crowd.jobs {
        let State::Processing(run) = world.look(job).await.state else { panic!("it has ended") };
        assert_eq!((run.submits, run.dispatch), (0, Dispatch::Unsent));
    }
    crowd.time.forward(Duration::from_secs(10));
    crowd.visit(&crowd.jobs).await;
    for job in &crowd.jobs {
        assert_eq!(world.look(job).await.state.status(), Status::Succeeded);
    }
    assert_eq!(crowd.upstream.seen("POST", IDEOGRAM.submit).len(), 4);
    world.close().await;
}
