//! What becomes of a task when time is up.

use std::{sync::Arc, time::Duration};

use domain::{
    failure::Failure,
    job::{Dispatch, Job, Status},
};
use tokio::join;

use crate::{
    script::{Gate, Say, Tell},
    world::{EXPIRED, HOLD, NOW, OVERDUE, PRICE, World},
};

/// A job that was put down with a task and is overdue, and what its upstream says then.
async fn overdue(last: Tell) -> (World, Job) {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Pending, last]).await;
    world.visit(&job).await;
    world.put_down(&job).await;
    world.forward(OVERDUE);
    (world, job)
}

#[tokio::test]
async fn an_overdue_task_that_is_not_done_is_canceled_and_the_job_expires() {
    let (world, job) = overdue(Tell::Pending).await;
    world.visit(&job).await;
    world.ended(&job, Status::Expired, 0).await;
    assert_eq!(world.script.tasks(&job), ["task"; 3]);
    world.asked(&job, 1, 2, 1);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn an_overdue_task_that_is_done_at_the_last_question_succeeds() {
    let (world, job) = overdue(Tell::Done(2)).await;
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 2, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn an_overdue_task_that_failed_is_given_back() {
    let (world, job) = overdue(Tell::Failed(Failure::ProviderFailed)).await;
    world.visit(&job).await;
    world.ended(&job, Status::Failed, 0).await;
    world.asked(&job, 1, 2, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn an_overdue_task_that_nobody_tells_of_keeps_its_hold() {
    let (world, job) = overdue(Tell::Unknown).await;
    world.visit(&job).await;
    world.put_down(&job).await;
    world.asked(&job, 1, 2, 0);
    world.finish(0, HOLD).await;
}

#[tokio::test]
async fn past_its_hard_expiry_a_job_that_nobody_told_of_is_given_back_without_a_question() {
    let (world, job) = overdue(Tell::Unknown).await;
    world.visit(&job).await;
    world.forward(EXPIRED);
    world.visit(&job).await;
    world.ended(&job, Status::Expired, 0).await;
    world.asked(&job, 1, 2, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn a_job_that_becomes_overdue_in_the_worker_s_hands_is_asked_for_once_more() {
    let world = World::start().await;
    let gate = Arc::new(Gate::default());
    let first = Tell::After(Arc::clone(&gate), Box::new(Tell::Unknown));
    let job = world.job([Say::Accepted("task")], [first, Tell::Done(2)]).await;
    let turn = async {
        gate.reached.notified().await;
        world.forward(OVERDUE);
        gate.open.notify_one();
    };
    join!(world.visit_for(&job, Duration::from_mins(14)), turn);
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 2, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_success_past_the_hard_expiry_is_not_charged() {
    let world = World::start().await;
    let gate = Arc::new(Gate::default());
    let late = Tell::After(Arc::clone(&gate), Box::new(Tell::Done(2)));
    let job = world.job([Say::Accepted("task")], [late]).await;
    let turn = async {
        gate.reached.notified().await;
        world.forward(EXPIRED);
        gate.open.notify_one();
    };
    join!(world.visit(&job), turn);
    let ended = world.ended(&job, Status::Expired, 0).await;
    assert_eq!(ended.state.images(), []);
    assert_eq!(world.counts.sum("LateSuccesses"), 1);
    assert_eq!(world.counts.sum_of("JobsEnded", "expired"), 1);
    world.asked(&job, 1, 1, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn a_job_that_nobody_began_in_time_expires_unsent() {
    let world = World::start().await;
    let job = world.job([], []).await;
    world.forward(Duration::from_secs(1_051));
    world.visit(&job).await;
    world.ended(&job, Status::Expired, 0).await;
    world.asked(&job, 0, 0, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn what_there_is_of_an_overdue_task_is_delivered_and_paid() {
    let (world, job) = overdue(Tell::Incomplete(1)).await;
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Succeeded, PRICE).await;
    assert_eq!(ended.state.images().len(), 1);
    world.asked(&job, 1, 2, 0);
    world.finish(PRICE, 0).await;
}

#[tokio::test]
async fn an_overdue_task_of_which_nothing_can_be_had_is_given_back() {
    let (world, job) = overdue(Tell::Incomplete(0)).await;
    world.visit(&job).await;
    world.ended(&job, Status::Failed, 0).await;
    world.asked(&job, 1, 2, 0);
    world.finish(0, 0).await;
}

/// That it is busy is not that the task is not done: the picture that is paid for is not given up.
#[tokio::test]
async fn an_overdue_task_of_a_busy_upstream_is_asked_for_again() {
    let (world, job) = overdue(Tell::Busy).await;
    world.visit(&job).await;
    world.put_down(&job).await;
    world.script.add(&job, [], [Tell::Done(2)]);
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 3, 0);
    world.finish(HOLD, 0).await;
}

/// What is paid for and thrown away helps nobody.
#[tokio::test]
async fn an_order_is_not_sent_in_the_last_minute_of_a_job() {
    let world = World::start().await;
    let job = world.job([], []).await;
    // Its deadline is over, its grace for another half minute.
    world.forward(Duration::from_mins(17));
    world.visit(&job).await;
    let run = world.put_down(&job).await;
    assert_eq!((run.submits, run.dispatch), (0, Dispatch::Unsent));
    world.forward(Duration::from_secs(31));
    world.visit(&job).await;
    world.ended(&job, Status::Expired, 0).await;
    world.asked(&job, 0, 0, 0);
    world.finish(0, 0).await;
}

/// However long an upstream sends us away for, a job is looked at when its time is up.
#[tokio::test]
async fn no_pause_outlasts_the_time_of_a_job() {
    let world = World::start().await;
    let job = world.job([Say::Full], []).await;
    world.visit(&job).await;
    world.put_down(&job).await;
    let overdue = Duration::from_secs(1_050);
    let reannounce = Duration::from_mins(2);
    assert_eq!(world.due(&job).await, NOW.plus(overdue).plus(reannounce));
    world.forward(overdue);
    world.visit(&job).await;
    world.ended(&job, Status::Expired, 0).await;
    world.asked(&job, 1, 0, 0);
    world.finish(0, 0).await;
}
