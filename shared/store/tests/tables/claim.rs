//! Claiming a job: one worker at a time, each with a fence of its own.

use std::time::Duration;

use domain::{
    failure::Failure,
    job::{Dispatch, Ending, Fence, Job, Run, State},
    time::Timestamp,
};
use store::{Claimed, Fenced, Guard};

use crate::{
    support::{NOW, after, at_once, audit_clean, delivered, job},
    world::{GRACE, LEASE, RUN_LIMIT, World},
};

const MILLISECOND: Duration = Duration::from_millis(1);

/// The answer in one word.
fn word(claimed: &Claimed) -> &'static str {
    match claimed {
        Claimed::Begun(..) => "begun",
        Claimed::Resumed(..) => "resumed",
        Claimed::Overdue(_) => "overdue",
        Claimed::Waits { .. } => "waits",
        Claimed::Leased => "leased",
        Claimed::Ended => "ended",
        Claimed::Missing => "missing",
    }
}

async fn claim(world: &World, job: &Job, now: Timestamp) -> &'static str {
    word(&world.claim(job, now).await)
}

async fn resumed(world: &World, job: &Job, now: Timestamp) -> Run {
    let claimed = world.claim(job, now).await;
    let Claimed::Resumed(_, run) = claimed else { panic!("{claimed:?}") };
    run
}

#[tokio::test]
async fn the_first_claim_writes_the_intent_to_submit() {
    let world = World::with(500_000).await;
    let job = world.accepted(1).await;

    let Claimed::Begun(begun, run) = world.claim(&job, NOW).await else { panic!("not begun") };
    let expected = Run {
        fence: Fence(1),
        lease_until: Some(NOW.plus(LEASE)),
        deadline: NOW.plus(RUN_LIMIT),
        submits: 1,
        dispatch: Dispatch::Intended,
    };
    assert_eq!(run, expected);
    assert_eq!(begun, Job { state: State::Processing(run), ..job.clone() });
    assert_eq!(world.look(&job).await, begun);
    // It is due as it was: that somebody has it is said by the lease, not by the index.
    assert_eq!(world.store.due(1, NOW, 9, None).await.unwrap().rows.len(), 1);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_claimed_job_is_leased_until_the_lease_ends() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    assert_eq!(claim(&world, &job, NOW).await, "leased");
    assert_eq!(claim(&world, &job, NOW.plus(LEASE).minus(MILLISECOND)).await, "leased");

    let now = NOW.plus(LEASE);
    let second = resumed(&world, &job, now).await;
    let expected = Run { fence: Fence(2), lease_until: Some(now.plus(LEASE)), ..run };
    assert_eq!(second, expected);
    assert_eq!(claim(&world, &job, now).await, "leased");
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_was_put_down_is_free_at_once() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    let put_down = world.store.put_down(&job, run.fence, NOW, after(5)).await.unwrap();
    assert_eq!(put_down, Fenced::Taken);

    let State::Processing(free) = world.look(&job).await.state else { panic!("not processing") };
    assert_eq!(free.lease_until, None);
    assert_eq!(world.store.due(1, after(4), 9, None).await.unwrap().rows, []);
    assert_eq!(world.store.due(1, after(5), 9, None).await.unwrap().rows.len(), 1);
    assert_eq!(resumed(&world, &job, NOW).await.fence, Fence(2));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_pending_job_is_overdue_when_the_grace_has_passed() {
    let world = World::with(500_000).await;
    let (early, late) = (world.accepted(1).await, world.accepted(2).await);
    let end = late.deadline.plus(GRACE);

    assert_eq!(claim(&world, &early, end.minus(MILLISECOND)).await, "begun");
    let Claimed::Overdue(found) = world.claim(&late, end).await else { panic!("not overdue") };
    assert_eq!(found, late);
    assert_eq!(world.look(&late).await, late);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_began_is_resumed_however_late_it_is() {
    let world = World::with(500_000).await;
    let (job, _) = world.begun(1).await;
    assert_eq!(resumed(&world, &job, job.deadline.plus(GRACE)).await.fence, Fence(2));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_has_ended_cannot_be_claimed() {
    let world = World::with(500_000).await;
    let endings = [delivered(2), Ending::Failed(Failure::ProviderFailed.into()), Ending::Expired];
    for (n, ending) in (1..).zip(endings) {
        let (job, run) = world.begun(n).await;
        world.finish(&job, run.fence, &ending).await;
        assert_eq!(claim(&world, &job, NOW.plus(LEASE)).await, "ended", "{ending:?}");
    }
    let unbegun = world.accepted(4).await;
    world.try_finish(&unbegun, Guard::Pending, &Ending::Expired, NOW).await.unwrap();
    assert_eq!(claim(&world, &unbegun, NOW).await, "ended");
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_never_was_is_missing_and_stays_so() {
    let world = World::with(500_000).await;
    let before = world.rows().await;
    assert_eq!(claim(&world, &job(1), NOW).await, "missing");
    let other = Job { user: "other".parse().unwrap(), ..world.accepted(2).await };
    assert_eq!(claim(&world, &other, NOW).await, "missing");
    // The second job's row, its hold, and nothing else.
    assert_eq!(world.rows().await.len(), before.len() + 2);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn of_eight_workers_one_begins() {
    let world = World::with(500_000).await;
    let job = world.accepted(1).await;
    for (now, wanted, fence) in [(NOW, "begun", 1), (NOW.plus(LEASE), "resumed", 2)] {
        let attempts = (0..8).map(|_| {
            let (store, job) = (world.store.clone(), job.clone());
            async move {
                let name = (&job.user, &job.id);
                store.claim(name, now, &crate::world::lease(now), RUN_LIMIT, GRACE).await.unwrap()
            }
        });
        let answers = at_once(attempts).await;
        let words: Vec<_> = answers.iter().map(word).collect();
        assert_eq!(words.iter().filter(|word| **word == wanted).count(), 1, "{words:?}");
        assert_eq!(words.iter().filter(|word| **word == "leased").count(), 7, "{words:?}");
        let State::Processing(run) = world.look(&job).await.state else { panic!("not begun") };
        assert_eq!(run.fence, Fence(fence));
    }
    audit_clean(&world.store).await;
}

/// Each has seen that the lease is over before any of them claims.
#[tokio::test]
async fn of_eight_workers_who_saw_the_same_row_one_takes_over() {
    let again = "SET fence = fence + :one";
    let world = World::meeting(500_000, 8, again).await;
    let job = world.accepted(1).await;
    assert_eq!(claim(&world, &job, NOW).await, "begun");
    let now = NOW.plus(LEASE);
    let attempts =
        (0..8).map(|_| {
            let (store, job) = (world.store.clone(), job.clone());
            let lease = crate::world::lease(now);
            async move {
                store.claim((&job.user, &job.id), now, &lease, RUN_LIMIT, GRACE).await.unwrap()
            }
        });
    let answers = at_once(attempts).await;
    let mut words: Vec<_> = answers.iter().map(word).collect();
    words.sort_unstable();
    assert_eq!(words, [["leased"; 7].as_slice(), &["resumed"]].concat());
    let State::Processing(run) = world.look(&job).await.state else { panic!("not begun") };
    assert_eq!(run.fence, Fence(2));
    audit_clean(&world.store).await;
}

/// The SDK sends a claim again when its answer got lost: the second finds what the first wrote.
#[tokio::test]
async fn a_claim_whose_answer_got_lost_knows_itself_again() {
    let world = World::with(500_000).await;
    let job = world.accepted(1).await;
    let name = (&job.user, &job.id);
    for (now, wanted, fence) in [(NOW, "begun", 1), (NOW.plus(LEASE), "resumed", 2)] {
        let lease = crate::world::lease(now);
        for _ in 0..2 {
            let claimed = world.store.claim(name, now, &lease, RUN_LIMIT, GRACE).await.unwrap();
            assert_eq!(word(&claimed), wanted, "{claimed:?}");
        }
        assert_eq!(word(&world.claim(&job, now).await), "leased");
        let State::Processing(run) = world.look(&job).await.state else { panic!("not begun") };
        assert_eq!((run.fence, run.submits), (Fence(fence), 1));
    }
    audit_clean(&world.store).await;
}
