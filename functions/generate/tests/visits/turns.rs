//! A job that waits for a turn of its user: it is left as it is, and looked at again soon.

use std::time::Duration;

use domain::{
    job::{Job, State, Status},
    tier::Tier,
};
use generate::App;
use runtime::Environment;
use serde_json::json;
use testkit::{Reply, Seen, Upstream};

use crate::{
    script::{Asked, Say, Tell},
    world::{CREDIT, HOLD, World, bell, invoke, message, usd},
};

impl World {
    /// As many jobs as may run, and one more.
    async fn crowd(&self) -> (Vec<Job>, Job) {
        let mut jobs = Vec::new();
        for _ in 0..Tier::of(usd(CREDIT)).running_cap {
            jobs.push(self.job([Say::Accepted("task")], [Tell::Done(2)]).await);
        }
        (jobs, self.job([Say::Accepted("task")], [Tell::Done(2)]).await)
    }
}

/// The queue is out of reach here, so nobody can be rung: then its own message comes back, and the sweep is not told
/// to wait for it.
#[tokio::test]
async fn a_job_without_a_turn_is_left_as_it_is_and_not_forgotten() {
    let world = World::start().await;
    let (running, last) = world.crowd().await;
    let due = world.due(&last).await;
    assert_eq!(due, world.now());
    for _ in 0..2 {
        assert_eq!(world.batch(vec![message("one", &bell(&last))]).await, ["one"]);
        world.forward(Duration::from_secs(3));
    }
    assert_eq!(world.look(&last).await.state, State::Pending);
    assert_eq!(world.due(&last).await, due);
    assert_eq!(world.counts.sum_of("Claims", "waits"), 2);
    assert_eq!(world.script.asked(&last), Asked::default());

    world.visit(&running[0]).await;
    world.ended(&running[0], Status::Succeeded, HOLD).await;
    world.visit(&last).await;
    world.ended(&last, Status::Succeeded, HOLD).await;
    let open = u64::try_from(running.len()).unwrap() - 1;
    world.finish(2 * HOLD, open * HOLD).await;
}

/// A queue that takes every message, and what it was sent for one job.
struct Bells {
    queue: Upstream,
    job: String,
}

impl Bells {
    fn of(job: &Job) -> Self {
        let queue = Upstream::start();
        queue.on("POST", "/", Reply::json(200, json!({ "MessageId": "1" })));
        Self { queue, job: job.id.to_string() }
    }

    fn bind(&self, environment: Environment) -> Environment {
        environment.with("AWS_ENDPOINT_URL_SQS", self.queue.url())
    }

    /// The bodies of all messages so far, without the one that tells how it ended.
    fn rung(&self) -> Vec<String> {
        let requests = self.queue.requests().into_iter();
        let body = |seen: Seen| Some(seen.json().get("MessageBody")?.as_str()?.to_owned());
        let told = |body: &String| body.contains("\"event\"");
        requests.filter_map(body).filter(|body| body.contains(&self.job) && !told(body)).collect()
    }

    /// One invocation for a bell, which goes well; what was rung in it for the job, which is once at most.
    async fn visit(&self, world: &World, worker: &App, bell: &str) -> Option<String> {
        let (before, deadline) = (self.rung().len(), world.now().plus(Duration::from_mins(1)));
        assert_eq!(invoke(worker, vec![message("one", bell)], deadline).await, [""; 0]);
        let mut rung = self.rung();
        assert!(rung.len().saturating_sub(before) <= 1);
        if rung.len() > before { rung.pop() } else { None }
    }
}

#[tokio::test]
async fn while_somebody_rings_for_a_job_that_waits_the_sweep_does_not() {
    let world = World::start().await;
    let (running, last) = world.crowd().await;
    let bells = Bells::of(&last);
    let worker = world.elsewhere(|environment| bells.bind(environment));
    let visit = async |bell: &str| bells.visit(&world, &worker, bell).await.unwrap();
    let mut next = visit(&bell(&last)).await;
    let due = world.due(&last).await;
    assert_eq!(due, world.now().plus(Duration::from_mins(2)));
    world.forward(Duration::from_secs(3));
    next = visit(&next).await;
    assert_eq!(world.due(&last).await, due);
    // It asks for time again before the sweep would ring.
    world.forward(Duration::from_secs(58));
    next = visit(&next).await;
    assert_eq!(world.due(&last).await, world.now().plus(Duration::from_mins(2)));
    world.forward(Duration::from_secs(61));
    world.sweep(|environment| bells.bind(environment)).await;
    assert_eq!(bells.rung().len(), 3);
    visit(&next).await;
    assert_eq!(bells.rung().len(), 4);
    let open = u64::try_from(running.len()).unwrap() + 1;
    world.finish(0, open * HOLD).await;
}

/// While the queue is behind the sweep rings as well, each time that it looks; without this, all of these messages would
/// go on asking side by side until the job has its turn, and the queue would be further behind.
#[tokio::test]
async fn of_several_bells_for_a_job_that_waits_one_goes_on() {
    let world = World::start().await;
    let (running, last) = world.crowd().await;
    let bells = Bells::of(&last);
    let worker = world.elsewhere(|environment| bells.bind(environment));
    let visit = async |bell: &str| bells.visit(&world, &worker, bell).await;
    let late = visit(&bell(&last)).await.unwrap();
    let mut swept = Vec::new();
    for _ in 0..3 {
        world.forward(Duration::from_secs(121));
        world.sweep(|environment| bells.bind(environment)).await;
        swept.extend(bells.rung().pop());
    }
    let newest = swept.pop().unwrap();
    for behind in [&late, &swept[0], &swept[1]] {
        assert_eq!(visit(behind).await, None);
    }
    let next = visit(&newest).await.unwrap();
    // One that was delivered twice is two until it asks for more time.
    world.forward(Duration::from_secs(61));
    let next_but_one = visit(&next).await.unwrap();
    assert_eq!(visit(&next).await, None);
    assert!(visit(&next_but_one).await.is_some());

    // It may come too late to ring, but not to take a turn.
    let ended = async |job: &Job| {
        assert_eq!(visit(&bell(job)).await, None);
        world.ended(job, Status::Succeeded, HOLD).await;
    };
    ended(&running[0]).await;
    assert_eq!(visit(&late).await, None);
    world.ended(&last, Status::Succeeded, HOLD).await;
    let open = u64::try_from(running.len()).unwrap() - 1;
    world.finish(2 * HOLD, open * HOLD).await;
}

#[tokio::test]
async fn a_job_that_waits_holds_up_nobody_of_its_batch() {
    let world = World::start().await;
    let (running, last) = world.crowd().await;
    let batch = vec![message("waits", &bell(&last)), message("runs", &bell(&running[0]))];
    assert_eq!(world.batch(batch).await, ["waits"]);
    world.ended(&running[0], Status::Succeeded, HOLD).await;
    assert_eq!(world.look(&last).await.state, State::Pending);
    let open = u64::try_from(running.len()).unwrap();
    world.finish(HOLD, open * HOLD).await;
}
