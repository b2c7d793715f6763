//! A job that waits for a turn of its user: it is left as it is, and rung for again.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Name;
use domain::{
    job::{Job, State, Status},
    tier::Tier,
};

use crate::{
    script::{Asked, Say, Tell},
    world::{HOLD, World, bell, message, usd},
};

impl World {
    /// As many jobs as may run, and one more.
    async fn crowd(&self) -> (Vec<Job>, Job) {
        let mut jobs = Vec::new();
        for _ in 0..Tier::of(usd(crate::world::CREDIT)).running_cap {
            jobs.push(self.job([Say::Accepted("task")], [Tell::Done(2)]).await);
        }
        (jobs, self.job([Say::Accepted("task")], [Tell::Done(2)]).await)
    }

    /// How many messages are there only later.
    async fn delayed(&self) -> u32 {
        let (sqs, url) = (self.aws().sqs(), self.queue_url());
        let asked = sqs.get_queue_attributes().queue_url(url).attribute_names(Name::All);
        let told = asked.send().await.unwrap().attributes.unwrap();
        told[&Name::ApproximateNumberOfMessagesDelayed].parse().unwrap()
    }
}

#[tokio::test]
async fn a_job_without_a_turn_is_left_as_it_is_and_rung_for_again() {
    let world = World::start().await;
    let (running, last) = world.crowd().await;
    assert_eq!((world.delayed().await, world.due(&last).await), (0, world.now()));
    world.visit(&last).await;
    assert_eq!(world.look(&last).await.state, State::Pending);
    assert_eq!(world.delayed().await, 1);
    // The sweep need not ring, too, as long as somebody asks in its name.
    let due = world.due(&last).await;
    assert_eq!(due, world.now().plus(Duration::from_mins(2)));
    world.forward(Duration::from_secs(3));
    world.visit(&last).await;
    assert_eq!((world.delayed().await, world.due(&last).await), (2, due));
    assert_eq!(world.counts.sum_of("Claims", "waits"), 2);
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
    let batch = [&last, &running[0]].map(|job| message(&job.id.to_string(), &bell(job)));
    assert_eq!(world.batch(batch.into()).await, [""; 0]);
    world.ended(&running[0], Status::Succeeded, HOLD).await;
    assert_eq!(world.look(&last).await.state, State::Pending);
    let open = u64::try_from(running.len()).unwrap();
    world.finish(HOLD, open * HOLD).await;
}
