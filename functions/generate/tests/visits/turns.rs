//! A job that waits for a turn of its user: it is left as it is, and looked at again soon.

use std::time::Duration;

use domain::{
    job::{Job, State, Status},
    tier::Tier,
};

use crate::{
    script::{Asked, Say, Tell},
    world::{CREDIT, HOLD, World, bell, message, usd},
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

/// The queue is out of reach here, so nobody can be rung: then its own message comes back.
#[tokio::test]
async fn a_job_without_a_turn_is_left_as_it_is_and_not_forgotten() {
    let world = World::start().await;
    let (running, last) = world.crowd().await;
    assert_eq!(world.due(&last).await, world.now());
    let visit = async || world.batch(vec![message("one", &bell(&last))]).await;
    assert_eq!(visit().await, ["one"]);
    assert_eq!(world.look(&last).await.state, State::Pending);
    // The sweep need not ring, too, as long as somebody asks in its name.
    let due = world.due(&last).await;
    assert_eq!(due, world.now().plus(Duration::from_mins(2)));
    world.forward(Duration::from_secs(3));
    assert_eq!(visit().await, ["one"]);
    assert_eq!(world.due(&last).await, due);
    // It asks for time again before the sweep would ring, and bells do not multiply.
    world.forward(Duration::from_secs(58));
    assert_eq!(visit().await, ["one"]);
    assert_eq!(world.due(&last).await, world.now().plus(Duration::from_mins(2)));
    assert_eq!(world.counts.sum_of("Claims", "waits"), 3);
    assert_eq!(world.script.asked(&last), Asked::default());

    world.visit(&running[0]).await;
    world.ended(&running[0], Status::Succeeded, HOLD).await;
    world.visit(&last).await;
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
