//! Endings that are refused: by the guard, or because the books do not bear them.

use std::time::Duration;

use domain::{
    failure::Failure,
    job::{Ending, Fence, State, Status},
};
use store::{Claimed, FinishError, Finished, Guard, StoreError};

use crate::{
    support::{NOW, after, audit_clean, delivered, job, user},
    world::{LEASE, Row, World, number, text},
};

#[tokio::test]
async fn an_old_claim_gives_way() {
    let world = World::with(500_000).await;
    let (job, old) = world.begun(1).await;
    let Claimed::Resumed(_, new) = world.claim(&job, NOW.plus(LEASE)).await else {
        panic!("not resumed");
    };
    let before = world.rows().await;
    assert_eq!(world.finish(&job, old.fence, &delivered(2)).await, Finished::Superseded);
    assert_eq!(world.finish(&job, Fence(3), &delivered(2)).await, Finished::Superseded);
    assert_eq!(world.rows().await, before);
    assert_eq!(world.finish(&job, new.fence, &delivered(2)).await, Finished::Now);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_fence_ends_nothing_that_was_put_down_and_claimed_anew() {
    let world = World::with(500_000).await;
    let (job, old) = world.begun(1).await;
    let put_down = world.store.put_down(&job, old.fence, NOW, after(5)).await.unwrap();
    assert_eq!(put_down, store::Fenced::Taken);
    let Claimed::Resumed(..) = world.claim(&job, NOW).await else { panic!("not resumed") };
    assert_eq!(world.finish(&job, old.fence, &delivered(2)).await, Finished::Superseded);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn who_takes_a_job_for_pending_gives_way_to_a_claim() {
    let world = World::with(500_000).await;
    let (pending, claimed) = (world.accepted(1).await, world.begun(2).await.0);
    let before = world.look(&claimed).await;

    let ended = world.try_finish(&claimed, Guard::Pending, &Ending::Expired, NOW).await;
    assert_eq!(ended.unwrap(), Finished::Superseded);
    assert_eq!(world.look(&claimed).await, before);
    let ended = world.try_finish(&pending, Guard::Pending, &Ending::Expired, NOW).await;
    assert_eq!(ended.unwrap(), Finished::Now);
    assert_eq!(world.look(&pending).await.state, State::Expired { at: NOW });
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn what_has_begun_is_not_canceled_by_whatever_right() {
    let world = World::with(500_000).await;
    let (leased, run) = world.begun(1).await;
    let (put_down, old) = world.begun(2).await;
    let put = world.store.put_down(&put_down, old.fence, NOW, after(5)).await.unwrap();
    assert_eq!(put, store::Fenced::Taken);
    let before = world.rows().await;
    for job in [&leased, &put_down] {
        for guard in [Guard::Pending, Guard::Fence(run.fence), Guard::Open] {
            let canceled = world.try_finish(job, guard, &Ending::Canceled, job.expires_at).await;
            assert_eq!(canceled.unwrap(), Finished::Superseded, "{guard:?}");
        }
    }
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_cancel_and_a_claim_do_not_both_have_a_job() {
    let world = World::with(500_000).await;
    for n in 1..=6 {
        let job = world.accepted(n).await;
        let cancel = world.try_finish(&job, Guard::Pending, &Ending::Canceled, NOW);
        let (canceled, claimed) = tokio::join!(cancel, world.claim(&job, NOW));
        let begun = matches!(claimed, Claimed::Begun(..));
        let (won, lost) = (canceled.as_ref().unwrap(), Finished::Superseded);
        assert_eq!(*won, if begun { lost } else { Finished::Now }, "{claimed:?}");
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_is_ended_over_its_holders_head_only_when_it_expires() {
    let world = World::with(500_000).await;
    let pending = world.accepted(1).await;
    let (leased, _) = world.begun(2).await;
    let early = pending.expires_at.minus(Duration::from_millis(1));
    for job in [&pending, &leased] {
        let before = world.rows().await;
        let swept = world.try_finish(job, Guard::Open, &Ending::Expired, early).await;
        assert_eq!(swept.unwrap(), Finished::Superseded);
        assert_eq!(world.rows().await, before);
        let swept = world.try_finish(job, Guard::Open, &Ending::Expired, job.expires_at).await;
        assert_eq!(swept.unwrap(), Finished::Now);
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_never_was_is_not_ended() {
    let world = World::with(500_000).await;
    let before = world.rows().await;
    for guard in [Guard::Fence(Fence(1)), Guard::Pending, Guard::Open] {
        let job = job(1);
        let ended = world.try_finish(&job, guard, &Ending::Expired, job.expires_at).await;
        assert_eq!(ended.unwrap(), Finished::Superseded, "{guard:?}");
    }
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_hold_without_held_money_is_an_alarm() {
    for (attribute, value) in [("held_micros", 74_999), ("open_jobs", 0)] {
        let world = World::with(500_000).await;
        let (job, run) = world.begun(1).await;
        let balance = ("ledger", &user(), "balance");
        world.tamper(balance, attribute, Some(number(value))).await;
        let before = world.rows().await;

        let guard = Guard::Fence(run.fence);
        let ended = world.try_finish(&job, guard, &delivered(2), NOW).await;
        assert!(matches!(ended, Err(FinishError::Unbalanced)), "{attribute}: {ended:?}");
        assert_eq!(world.rows().await, before);
    }
}

#[tokio::test]
async fn an_event_before_its_time_is_an_alarm() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    let sk = format!("event#{}#{}", job.id, Status::Failed.as_str());
    world.put("jobs", &user(), &sk, Row::new()).await;
    let before = world.rows().await;

    let (guard, failed) = (Guard::Fence(run.fence), Ending::Failed(Failure::ProviderFailed.into()));
    let ended = world.try_finish(&job, guard, &failed, NOW).await;
    assert!(matches!(ended, Err(FinishError::Unbalanced)), "{ended:?}");
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn a_resolution_that_cannot_be_read_is_an_alarm() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    world.finish(&job, run.fence, &delivered(2)).await;
    let sk = format!("entry#{}#resolution", job.id);
    let resolution = ("ledger", &user(), sk.as_str());
    for (attribute, value) in [("charged_micros", number(-1)), ("kind", text("gift"))] {
        world.tamper(resolution, attribute, Some(value)).await;
        let guard = Guard::Fence(run.fence);
        let ended = world.try_finish(&job, guard, &delivered(2), NOW).await;
        let unreadable = matches!(ended, Err(FinishError::Store(StoreError::Unreadable(_))));
        assert!(unreadable, "{attribute}: {ended:?}");
    }
}
