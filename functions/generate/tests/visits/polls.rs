//! What a visit makes of each answer about a task.

use std::time::Duration;

use domain::{
    failure::Failure,
    job::{Dispatch, State, Status, Task},
};

use crate::{
    script::{Say, Tell},
    world::{HOLD, PRICE, World},
};

#[tokio::test]
async fn a_task_that_outlasts_the_invocation_is_asked_for_again_and_never_sent_again() {
    let world = World::start().await;
    let tells = [Tell::Pending, Tell::Pending, Tell::Done(2)];
    let job = world.job([Say::Accepted("task")], tells).await;
    for visit in 1..=2 {
        world.visit(&job).await;
        let run = world.put_down(&job).await;
        let noted = Dispatch::Accepted(Task("task".to_owned()));
        assert_eq!((run.fence.0, run.submits, run.dispatch), (visit, 1, noted));
    }
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    assert_eq!(world.script.tasks(&job), ["task"; 3]);
    world.asked(&job, 1, 3, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn questions_that_are_not_answered_end_nothing() {
    let world = World::start().await;
    let tells = [Tell::Unknown, Tell::Unknown, Tell::Done(2)];
    let job = world.job([Say::Accepted("task")], tells).await;
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 3, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_job_is_put_down_where_its_upstream_stays_silent() {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Silence, Tell::Done(2)]).await;
    world.visit_for(&job, Duration::from_millis(200)).await;
    world.put_down(&job).await;
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 2, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_task_that_fails_is_given_back() {
    let world = World::start().await;
    let failure = Failure::ProviderFailed;
    let job = world.job([Say::Accepted("task")], [Tell::Failed(failure)]).await;
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Failed, 0).await;
    assert_eq!(ended.state, State::Failed { at: world.now(), verdict: failure.into() });
    world.asked(&job, 1, 1, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn fewer_pictures_than_ordered_are_charged_as_so_many() {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Done(1)]).await;
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Succeeded, PRICE).await;
    assert_eq!(ended.state.images().len(), 1);
    world.asked(&job, 1, 1, 0);
    world.finish(PRICE, 0).await;
}

#[tokio::test]
async fn no_more_pictures_than_ordered_are_kept_or_charged() {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Done(5)]).await;
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Succeeded, HOLD).await;
    assert_eq!(ended.state.images().len(), 2);
    world.asked(&job, 1, 1, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_task_that_is_done_without_pictures_fails_and_is_given_back() {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Done(0)]).await;
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Failed, 0).await;
    let failure = Failure::OutputInvalid;
    assert_eq!(ended.state, State::Failed { at: world.now(), verdict: failure.into() });
    world.asked(&job, 1, 1, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn a_task_is_not_lost_while_our_key_is_refused() {
    let world = World::start().await;
    let tells = [Tell::Trouble, Tell::Trouble, Tell::Done(2)];
    let job = world.job([Say::Accepted("task")], tells).await;
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 3, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn pictures_that_cannot_be_had_yet_are_asked_for_again() {
    let world = World::start().await;
    let tells = [Tell::Incomplete(1), Tell::Incomplete(0), Tell::Done(2)];
    let job = world.job([Say::Accepted("task")], tells).await;
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 3, 0);
    world.finish(HOLD, 0).await;
}
