//! Turns: an account runs so many jobs at a time, and the others wait without being refused.

use std::time::Duration;

use domain::{
    job::{Ending, Fence, Job, Run, State, Status},
    pocket::{COURTESY, Pocket},
    time::Timestamp,
};
use store::{Accepted, Claimed, Finished, Guard};

use crate::{
    support::{NOW, after, at_once, audit_clean, bare, count, delivered, job, user, violations},
    world::{GRACE, RETENTION, RUN_LIMIT, World, lease, number, text},
};

const MILLISECOND: Duration = Duration::from_millis(1);

impl World {
    /// How many turns are free, and how many jobs wait for one.
    async fn turns(&self) -> (u32, u32) {
        let balance = self.balance().await;
        (balance.free_turns, balance.waiting_jobs)
    }

    async fn waits(&self, job: &Job, now: Timestamp) -> bool {
        let before = self.rows().await;
        let claimed = self.claim(job, now).await;
        let Claimed::Waits { job: found, .. } = claimed else { return false };
        assert_eq!(&found, job);
        assert_eq!(self.rows().await, before, "whoever waits writes nothing");
        true
    }

    /// Two jobs that run, which are all that may, and a third.
    async fn busy() -> (Self, [(Job, Run); 2], Job) {
        let world = Self::with(5_000_000 - 1).await;
        let running = [world.begun(1).await, world.begun(2).await];
        let third = world.accepted(3).await;
        (world, running, third)
    }
}

#[tokio::test]
async fn an_order_above_the_running_cap_is_accepted_and_its_job_waits() {
    let (world, [first, second], third) = World::busy().await;
    assert_eq!([&first.0, &second.0].map(|job| job.turn), [Some(Pocket::FIRST); 2]);
    assert_eq!((third.turn, world.turns().await), (None, (0, 1)));
    assert!(world.waits(&third, NOW).await);
    assert!(world.waits(&third, third.deadline.plus(GRACE).minus(MILLISECOND)).await);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_waits_begins_when_another_gives_its_turn_back() {
    let endings = [delivered(2), Ending::Failed(domain::failure::Failure::ProviderFailed.into())];
    for ending in endings {
        let (world, [first, _], third) = World::busy().await;
        assert_eq!(world.finish(&first.0, first.1.fence, &ending).await, Finished::Now);
        assert_eq!(world.turns().await, (1, 1));
        let (begun, run) = world.claimed(&third).await;
        assert_eq!((begun.turn, run.fence), (Some(Pocket::FIRST), Fence(1)));
        assert_eq!(world.look(&third).await, begun);
        assert_eq!(world.turns().await, (0, 0));
        audit_clean(&world.store).await;
        assert_eq!(world.finish(&begun, run.fence, &delivered(1)).await, Finished::Now);
        assert_eq!(world.turns().await, (1, 0));
        audit_clean(&world.store).await;
    }
}

/// Whoever orders again as soon as a job has ended would else be served before all that it ordered earlier.
#[tokio::test]
async fn a_new_order_does_not_overtake_what_waits() {
    let (world, [first, _], third) = World::busy().await;
    assert_eq!(world.finish(&first.0, first.1.fence, &delivered(2)).await, Finished::Now);
    let now = NOW.plus(COURTESY);
    let new = Job { created_at: now, ..job(4) };
    assert_eq!(world.store.accept(&bare(&new)).await.unwrap(), Accepted::Now);
    let new = world.look(&new).await;
    assert_eq!(new.turn, None, "there is one, but another waits for it");
    assert_eq!(world.turns().await, (1, 2));
    assert!(world.waits(&new, now).await);
    let Claimed::Begun(..) = world.claim(&third, now).await else { panic!("not begun") };
    assert!(world.waits(&new, now.plus(COURTESY)).await);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_waits_is_canceled_or_expires_and_has_no_turn_to_give_back() {
    for (ending, end) in [(Ending::Canceled, NOW), (Ending::Expired, after(900).plus(GRACE))] {
        let (world, _, third) = World::busy().await;
        if ending == Ending::Expired {
            let claimed = world.claim(&third, end).await;
            assert!(matches!(claimed, Claimed::Overdue(_)), "{claimed:?}");
        }
        let ended = world.try_finish(&third, Guard::Pending, &ending, end).await;
        assert_eq!((ended.unwrap(), world.turns().await), (Finished::Now, (0, 0)));
        audit_clean(&world.store).await;
    }
}

#[tokio::test]
async fn of_eight_claims_at_the_same_instant_as_many_begin_as_there_are_turns() {
    let (world, [first, second], third) = World::busy().await;
    let mut waiting = vec![third];
    for n in 4..=6 {
        waiting.push(world.accepted(n).await);
    }
    for (job, run) in [first, second] {
        assert_eq!(world.finish(&job, run.fence, &delivered(2)).await, Finished::Now);
    }
    let now = NOW.plus(COURTESY);
    let claims = waiting.iter().chain(&waiting).map(|job| {
        let (store, job) = (world.store.clone(), job.clone());
        async move {
            let name = (&job.user, &job.id);
            let claimed = store.claim(name, now, &lease(now), RUN_LIMIT, GRACE).await;
            matches!(claimed.unwrap(), Claimed::Begun(..))
        }
    });
    assert_eq!(count(&at_once(claims).await, &true), 2);
    assert_eq!(world.turns().await, (0, 2));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_claim_with_a_turn_whose_answer_got_lost_knows_itself_again() {
    let (world, [first, _], third) = World::busy().await;
    assert_eq!(world.finish(&first.0, first.1.fence, &delivered(2)).await, Finished::Now);
    let (name, lease) = ((&third.user, &third.id), lease(NOW));
    for _ in 0..2 {
        let claimed = world.store.claim(name, NOW, &lease, RUN_LIMIT, GRACE).await.unwrap();
        assert!(matches!(claimed, Claimed::Begun(..)), "{claimed:?}");
    }
    assert_eq!(world.turns().await, (0, 0));
    assert!(matches!(world.claim(&third, NOW).await, Claimed::Leased));
    audit_clean(&world.store).await;
}

/// The sweep read the row when its job waited; until it writes, a late claim has taken a turn.
#[tokio::test]
async fn who_ends_a_job_that_has_taken_a_turn_meanwhile_looks_again() {
    let (world, [first, _], third) = World::busy().await;
    assert_eq!(world.finish(&first.0, first.1.fence, &delivered(2)).await, Finished::Now);
    world.claimed(&third).await;
    let late = third.expires_at;
    let ended = world.try_finish(&third, Guard::Open, &Ending::Expired, late).await;
    assert_eq!(ended.unwrap(), Finished::Superseded);
    let seen = world.look(&third).await;
    let ended = world.try_finish(&seen, Guard::Open, &Ending::Expired, late).await;
    assert_eq!((ended.unwrap(), world.turns().await), (Finished::Now, (1, 0)));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn the_turn_of_a_row_that_cannot_be_read_goes_back_too() {
    for turn in [None, Some(text("whose")), Some(number(9))] {
        let (world, [first, _], third) = World::busy().await;
        for (job, turns) in [(&first.0, (1, 1)), (&third, (1, 0))] {
            let sk = format!("job#{}", job.id);
            let row = ("jobs", &user(), sk.as_str());
            world.tamper(row, "model", Some(text("from a later version"))).await;
            if turn.is_some() && job.id == first.0.id {
                world.tamper(row, "turn", turn.clone()).await;
            }
            let name = (&job.user, &job.id);
            let ended = world.store.expire_unreadable(name, job.expires_at, RETENTION).await;
            assert_eq!((ended.unwrap(), world.turns().await), (Finished::Now, turns));
        }
    }
}

#[tokio::test]
async fn money_that_comes_in_brings_turns_along() {
    let (world, _, third) = World::busy().await;
    world.credit(&user(), 1, 1).await;
    let balance = world.balance().await;
    assert_eq!((balance.running_cap, balance.free_turns), (10, 8));
    let Claimed::Begun(..) = world.claim(&third, NOW).await else { panic!("not begun") };
    let State::Processing(_) = world.look(&third).await.state else { panic!("not processing") };
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_turn_that_was_lost_is_found() {
    let (world, _, third) = World::busy().await;
    let sk = format!("job#{}", third.id);
    for (table, sk, attribute, value) in [
        ("ledger", "balance", "free_turns", 1),
        ("ledger", "balance", "waiting_jobs", 0),
        ("ledger", "balance", "running_cap", 3),
    ] {
        let original = world.row(table, &user(), sk).await.unwrap();
        world.tamper((table, &user(), sk), attribute, Some(number(value))).await;
        let found = violations(&world.store, &user()).await;
        let found: Vec<_> = found.iter().map(|violation| violation.invariant).collect();
        assert_eq!(found, ["INV-33"], "{attribute}");
        world.put(table, &user(), sk, original).await;
    }
    let mut row = world.row("jobs", &user(), &sk).await.unwrap();
    row.insert("turn".to_owned(), number(0));
    world.put("jobs", &user(), &sk, row).await;
    let found = violations(&world.store, &user()).await;
    assert_eq!(found.len(), 2, "one turn too many, and nobody waits: {found:?}");
    assert_eq!(world.look(&third).await.state.status(), Status::Pending);
}
