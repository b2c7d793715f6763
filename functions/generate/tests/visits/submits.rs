//! What a visit makes of each answer to an order.

use std::time::Duration;

use domain::{
    failure::Failure,
    job::{Dispatch, State, Status},
};

use crate::{
    script::{BUSY, Say, Tell, png},
    world::{HOLD, LEASE_OVER, World, bell, message},
};

#[tokio::test]
async fn an_order_that_found_no_room_is_sent_again_and_counted_once() {
    let world = World::start().await;
    let job = world.job([Say::Busy, Say::Accepted("task")], [Tell::Done(2)]).await;
    world.visit(&job).await;
    let run = world.put_down(&job).await;
    assert_eq!((run.submits, run.dispatch), (0, Dispatch::Unsent));
    // It is left alone for as long as it said, by this job and by others.
    let other = world.job([Say::Accepted("other")], [Tell::Done(2)]).await;
    for early in [&job, &other] {
        world.visit(early).await;
        let run = world.put_down(early).await;
        assert_eq!((run.submits, run.dispatch), (0, Dispatch::Unsent));
    }
    world.forward(BUSY);
    for late in [&job, &other] {
        world.visit(late).await;
        world.ended(late, Status::Succeeded, HOLD).await;
    }
    world.asked(&job, 2, 1, 0);
    world.asked(&other, 1, 1, 0);
    world.finish(HOLD.saturating_mul(2), 0).await;
}

#[tokio::test]
async fn an_upstream_may_be_busy_more_often_than_it_may_be_silent() {
    let world = World::start().await;
    let says = [Say::Busy, Say::Busy, Say::Busy, Say::Accepted("task")];
    let job = world.job(says, [Tell::Done(2)]).await;
    for _ in 0..3 {
        world.visit(&job).await;
        assert_eq!(world.put_down(&job).await.submits, 0);
        world.forward(BUSY);
    }
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 4, 1, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn an_order_that_was_not_answered_is_sent_once_more_and_may_succeed() {
    let world = World::start().await;
    let job = world.job([Say::Unknown, Say::Accepted("second")], [Tell::Done(2)]).await;
    world.visit(&job).await;
    let run = world.put_down(&job).await;
    assert_eq!((run.submits, run.dispatch), (1, Dispatch::Intended));
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    assert_eq!(world.script.tasks(&job), ["second"]);
    world.asked(&job, 2, 1, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn an_order_that_was_twice_not_answered_fails_and_is_given_back() {
    let world = World::start().await;
    let job = world.job([Say::Unknown, Say::Silence], []).await;
    world.visit(&job).await;
    world.put_down(&job).await;
    world.visit_for(&job, Duration::from_millis(400)).await;
    let run = world.put_down(&job).await;
    assert_eq!((run.submits, run.dispatch), (2, Dispatch::Intended));
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Failed, 0).await;
    let failure = Failure::OutcomeUnknown;
    assert_eq!(ended.state, State::Failed { at: world.now(), verdict: failure.into() });
    world.asked(&job, 2, 0, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn a_verdict_on_the_order_fails_the_job_and_gives_the_hold_back() {
    let world = World::start().await;
    let failure = Failure::ContentModerated;
    let job = world.job([Say::Verdict(failure)], []).await;
    world.visit(&job).await;
    // Whoever comes again finds nothing to do.
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Failed, 0).await;
    assert_eq!(ended.state, State::Failed { at: world.now(), verdict: failure.into() });
    world.asked(&job, 1, 0, 0);
    world.finish(0, 0).await;
}

#[tokio::test]
async fn a_success_has_its_pictures_kept() {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Done(2)]).await;
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Succeeded, HOLD).await;
    let [first, second] = ended.state.images() else { panic!("{ended:?}") };
    assert_eq!(world.kept(&first.key).await, png(1));
    assert_eq!(world.kept(&second.key).await, png(2));
    assert_eq!((first.width, first.seed, second.width), (1, Some(1), 2));
    world.asked(&job, 1, 1, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_panic_fails_its_own_message_and_the_job_is_taken_up_when_the_lease_ends() {
    let world = World::start().await;
    let bad = world.job([Say::Panic, Say::Accepted("task")], [Tell::Done(2)]).await;
    let good = world.job([Say::Accepted("task")], [Tell::Done(2)]).await;
    let batch =
        vec![message("bad", &bell(&bad)), message("nonsense", "{"), message("good", &bell(&good))];
    assert_eq!(world.batch(batch).await, ["bad", "nonsense"]);
    assert_eq!((world.counts.sum("VisitsFailed"), world.counts.sum("BadMessages")), (1, 1));
    world.ended(&good, Status::Succeeded, HOLD).await;
    assert_eq!(world.open(&bad).await.dispatch, Dispatch::Intended);
    // Its lease stands, so a second delivery leaves it alone.
    world.visit(&bad).await;
    assert_eq!(world.script.asked(&bad).submits, 1);
    world.forward(LEASE_OVER);
    world.visit(&bad).await;
    world.ended(&bad, Status::Succeeded, HOLD).await;
    world.asked(&bad, 2, 1, 0);
    world.asked(&good, 1, 1, 0);
    world.finish(HOLD.saturating_mul(2), 0).await;
}

#[tokio::test]
async fn trouble_with_our_key_is_not_the_caller_s_and_the_job_waits_until_it_is_cured() {
    let world = World::start().await;
    let job = world.job([Say::Trouble, Say::Accepted("task")], [Tell::Done(2)]).await;
    world.visit(&job).await;
    let run = world.put_down(&job).await;
    assert_eq!((run.submits, run.dispatch), (0, Dispatch::Unsent));
    world.forward(BUSY);
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 2, 1, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn trouble_that_nobody_cures_ends_with_the_job_s_time_and_is_given_back() {
    let world = World::start().await;
    let job = world.job([Say::Trouble], []).await;
    world.visit(&job).await;
    world.put_down(&job).await;
    world.forward(Duration::from_secs(1_051));
    world.visit(&job).await;
    world.ended(&job, Status::Expired, 0).await;
    world.asked(&job, 1, 0, 0);
    world.finish(0, 0).await;
}
