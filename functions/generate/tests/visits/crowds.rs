//! More than one worker for one job.

use std::sync::Arc;

use domain::{
    failure::Failure,
    job::{Job, Status},
};
use tokio::join;

use crate::{
    script::{Gate, Say, Tell},
    world::{HOLD, LEASE_OVER, World, bell, message},
};

#[tokio::test]
async fn two_deliveries_of_one_message_at_once_are_one_order_and_one_settlement() {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Done(2)]).await;
    let twice = || vec![message("one", &bell(&job)), message("two", &bell(&job))];
    let (here, there) = join!(world.batch(twice()), world.batch(twice()));
    assert_eq!([here, there].concat(), [""; 0]);
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 1, 0);
    world.finish(HOLD, 0).await;
}

/// A worker's lease ends while it waits for an answer, and another settles the job with two
/// pictures. Then the answer comes, and it is this one.
async fn after_a_settlement(late: Tell) {
    let world = World::start().await;
    let gate = Arc::new(Gate::default());
    let late = Tell::After(Arc::clone(&gate), Box::new(late));
    let job = world.job([Say::Accepted("task")], [late, Tell::Done(2)]).await;
    let other = async {
        gate.reached.notified().await;
        world.forward(LEASE_OVER);
        world.visit(&job).await;
        let settled = world.ended(&job, Status::Succeeded, HOLD).await;
        gate.open.notify_one();
        settled
    };
    let ((), settled): ((), Job) = join!(world.visit(&job), other);
    assert_eq!(world.ended(&job, Status::Succeeded, HOLD).await, settled);
    world.asked(&job, 1, 2, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_late_worker_with_the_same_news_changes_nothing() {
    Box::pin(after_a_settlement(Tell::Done(2))).await;
}

#[tokio::test]
async fn a_late_worker_with_other_pictures_changes_nothing() {
    Box::pin(after_a_settlement(Tell::Done(1))).await;
}

#[tokio::test]
async fn a_late_worker_that_learned_of_a_failure_changes_nothing() {
    Box::pin(after_a_settlement(Tell::Failed(Failure::ProviderFailed))).await;
}

#[tokio::test]
async fn a_late_worker_that_learned_nothing_changes_nothing() {
    Box::pin(after_a_settlement(Tell::Pending)).await;
}

/// A worker's lease ends while it waits for an answer, and another has the job by the time that
/// this one comes.
async fn while_another_works(late: Tell) {
    let world = World::start().await;
    let (first, second) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let late = Tell::After(Arc::clone(&first), Box::new(late));
    let good = Tell::After(Arc::clone(&second), Box::new(Tell::Done(2)));
    let job = world.job([Say::Accepted("task")], [late, good]).await;
    let slow = async {
        world.visit(&job).await;
        // It has come and gone, and the other still has the job.
        let run = world.open(&job).await;
        assert_eq!((run.fence.0, run.lease_until.is_some()), (2, true));
        second.open.notify_one();
    };
    let other = async {
        first.reached.notified().await;
        world.forward(LEASE_OVER);
        let turn = async {
            second.reached.notified().await;
            first.open.notify_one();
        };
        join!(world.visit(&job), turn);
    };
    join!(slow, other);
    world.ended(&job, Status::Succeeded, HOLD).await;
    assert_eq!(world.counts.sum("FencesRefused"), 1);
    assert_eq!(world.counts.sum("JobsEnded"), 1);
    world.asked(&job, 1, 2, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_late_worker_does_not_settle_what_another_works_on() {
    Box::pin(while_another_works(Tell::Done(2))).await;
}

#[tokio::test]
async fn a_late_worker_does_not_fail_what_another_works_on() {
    Box::pin(while_another_works(Tell::Failed(Failure::ProviderFailed))).await;
}

#[tokio::test]
async fn a_late_worker_does_not_put_down_what_another_works_on() {
    Box::pin(while_another_works(Tell::Pending)).await;
}
