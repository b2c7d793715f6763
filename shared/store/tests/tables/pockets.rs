//! A balance in several pockets: what the account can do is what all of them can together.

use domain::{
    audit::Violation,
    job::{Ending, Job, Status},
    ledger::Balance,
    pocket::Pocket,
};
use store::{AcceptError, Accepted, Claimed, Finished, Guard, Reversed};

use crate::{
    support::{
        HOLD, NOW, after, at_once, audit_clean, bare, count, delivered, job, keyed, usd, user,
        violations,
    },
    world::{RETENTION, Row, World, number},
};

/// The second pocket.
fn second() -> Pocket {
    1.try_into().unwrap()
}

impl World {
    /// An account with so much money and so many slots in its first pocket and in its second, as they are
    /// after money has been moved, and with two turns in each.
    async fn with_two([first, second]: [(u64, u32); 2]) -> Self {
        let world = Self::with(first.0.saturating_add(second.0)).await;
        let free = first.1.saturating_add(second.1);
        for (attribute, value) in [
            ("available_micros", first.0),
            ("free_slots", first.1.into()),
            ("queue_cap", free.into()),
            ("running_cap", 4),
        ] {
            world.tamper(("ledger", &user(), "balance"), attribute, Some(number(value))).await;
        }
        let zeros = [
            "held_micros",
            "charged_micros",
            "credited_micros",
            "open_jobs",
            "queue_cap",
            "waiting_jobs",
            "running_cap",
        ];
        let mut row: Row = zeros.map(|name| (name.to_owned(), number(0))).into();
        row.extend([
            ("v".to_owned(), number(1)),
            ("balance_version".to_owned(), number(0)),
            ("available_micros".to_owned(), number(second.0)),
            ("free_slots".to_owned(), number(second.1)),
            ("free_turns".to_owned(), number(2)),
        ]);
        world.put("ledger", &user(), "balance#1", row).await;
        world
    }

    async fn pocket(&self, wanted: Pocket) -> Balance {
        let pockets = self.store.pockets(&user()).await.unwrap().unwrap();
        *pockets.iter().find(|(pocket, _)| *pocket == wanted).unwrap().1
    }

    /// What a job takes that the second pocket paid.
    async fn paid_by_the_second(&self) -> Job {
        let job = job(1);
        assert_eq!(self.store.accept(&bare(&job)).await.unwrap(), Accepted::Now);
        let job = self.look(&job).await;
        assert_eq!(job.hold.pocket(), second());
        job
    }
}

#[tokio::test]
async fn an_order_that_the_first_pocket_cannot_pay_is_paid_by_another_and_settled_there() {
    let world = World::with_two([(HOLD - 1, 3), (HOLD, 3)]).await;
    audit_clean(&world.store).await;
    let job = world.paid_by_the_second().await;
    let pocket = world.pocket(second()).await;
    assert_eq!((pocket.held, pocket.open_jobs, pocket.free_slots), (usd(HOLD), 1, 2));
    audit_clean(&world.store).await;

    let claimed = world.claim(&job, NOW).await;
    let Claimed::Begun(job, run) = claimed else { panic!("{claimed:?}") };
    assert_eq!(world.finish(&job, run.fence, &delivered(1)).await, Finished::Now);
    assert_eq!(world.finish(&job, run.fence, &delivered(1)).await, Finished::Before);
    let pocket = world.pocket(second()).await;
    assert_eq!((pocket.held, pocket.open_jobs, pocket.free_slots), (usd(0), 0, 3));
    assert_eq!((pocket.charged, pocket.available), (usd(HOLD / 2), usd(HOLD / 2)));
    assert_eq!(world.pocket(Pocket::FIRST).await.available, usd(HOLD - 1));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_hold_goes_back_to_its_pocket_also_when_its_job_cannot_be_read() {
    let world = World::with_two([(0, 3), (HOLD, 3)]).await;
    let job = world.paid_by_the_second().await;
    let name = format!("job#{}", job.id);
    world.tamper(("jobs", &user(), &name), "prompt", Some(number(1))).await;
    let (now, retention) = (job.expires_at, RETENTION);
    let ended = world.store.expire_unreadable((&job.user, &job.id), now, retention).await.unwrap();
    assert_eq!(ended, Finished::Now);
    let pocket = world.pocket(second()).await;
    assert_eq!((pocket.held, pocket.available, pocket.open_jobs), (usd(0), usd(HOLD), 0));
}

#[tokio::test]
async fn money_and_slots_are_gathered_for_an_order_that_no_pocket_can_pay_alone() {
    for (first, second) in [
        ((HOLD - 1, 3), (1, 3)),
        ((HOLD, 0), (0, 1)),
        ((1, 1), (HOLD - 1, 0)),
        ((HOLD + 9, 0), (HOLD - 1, 1)),
    ] {
        let world = World::with_two([first, second]).await;
        assert_eq!(world.store.accept(&bare(&job(1))).await.unwrap(), Accepted::Now, "{first:?}");
        let balance = world.balance().await;
        let rest = first.0 + second.0 - HOLD;
        assert_eq!((balance.held, balance.available), (usd(HOLD), usd(rest)));
        assert_eq!(balance.free_slots, first.1 + second.1 - 1);
        audit_clean(&world.store).await;
    }
}

#[tokio::test]
async fn many_that_gather_the_same_money_at_once_take_no_more_than_there_is() {
    let world = World::with_two([(HOLD - 1, 9), (1, 9)]).await;
    let attempts = (1..=10).map(|n| {
        let store = world.store.clone();
        async move { store.accept(&bare(&job(n))).await }
    });
    let words: Vec<&str> = at_once(attempts)
        .await
        .into_iter()
        .map(|answer| match answer {
            Ok(Accepted::Now) => "accepted",
            Err(AcceptError::InsufficientBalance { .. }) => "insufficient",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((count(&words, &"accepted"), count(&words, &"insufficient")), (1, 9));
    assert_eq!((world.balance().await.available, world.balance().await.held), (usd(0), usd(HOLD)));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn what_all_pockets_together_cannot_pay_is_refused_and_leaves_nothing() {
    let world = World::with_two([(HOLD - 2, 3), (1, 3)]).await;
    let before = world.rows().await;
    let refused = world.store.accept(&keyed(&job(1), "k")).await;
    let Err(AcceptError::InsufficientBalance { available }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(available, usd(HOLD - 1), "what there is in all");
    assert_eq!(world.rows().await, before);

    let world = World::with_two([(HOLD, 0), (HOLD, 1)]).await;
    assert_eq!(world.store.accept(&bare(&job(1))).await.unwrap(), Accepted::Now);
    let refused = world.store.accept(&bare(&job(2))).await;
    assert!(matches!(refused, Err(AcceptError::QueueFull { cap: 1 })), "{refused:?}");
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_charge_is_given_back_to_the_pocket_that_paid_it() {
    let world = World::with_two([(HOLD - 1, 3), (HOLD, 3)]).await;
    let job = world.paid_by_the_second().await;
    let Claimed::Begun(job, run) = world.claim(&job, NOW).await else { panic!("not begun") };
    assert_eq!(world.finish(&job, run.fence, &delivered(2)).await, Finished::Now);
    let charge = world.store.charge(&user(), &job.id).await.unwrap();
    let given = world.store.reverse(&charge, "a complaint", NOW, RETENTION).await.unwrap();
    assert_eq!(given, Reversed::Now);
    let pocket = world.pocket(second()).await;
    assert_eq!((pocket.available, pocket.charged), (usd(HOLD), usd(0)));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_credit_raises_the_slots_of_all_together() {
    let world = World::with_two([(10, 2), (HOLD, 4)]).await;
    world.credit(&user(), 7, 5_000_000).await;
    let (balance, other) = (world.balance().await, world.pocket(second()).await);
    assert_eq!((balance.queue_cap, balance.free_slots, other.free_slots), (30, 30, 4));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn money_that_is_lost_between_two_pockets_is_found_by_the_audit() {
    let found = |violations: Vec<Violation>| -> Vec<_> {
        violations.into_iter().map(|violation| violation.invariant).collect()
    };
    let world = World::with_two([(HOLD, 3), (HOLD, 3)]).await;
    let row = ("ledger", &user(), "balance#1");
    world.tamper(row, "available_micros", Some(number(HOLD - 1))).await;
    assert_eq!(found(violations(&world.store, &user()).await), ["INV-01", "INV-03"]);
    world.tamper(row, "available_micros", Some(number(HOLD))).await;
    world.tamper(row, "free_slots", Some(number(4))).await;
    assert_eq!(found(violations(&world.store, &user()).await), ["INV-02"]);
}

#[tokio::test]
async fn a_suspended_account_accepts_nothing_and_ends_what_it_has() {
    let world = World::with_two([(2 * HOLD, 3), (HOLD, 3)]).await;
    let job = job(1);
    assert_eq!(world.store.accept(&bare(&job)).await.unwrap(), Accepted::Now);
    assert!(world.store.suspend(&user(), NOW).await.unwrap());
    assert_eq!(world.balance().await.suspended_at, Some(NOW));
    let before = world.rows().await;
    let refused = world.store.accept(&keyed(&crate::support::job(2), "k")).await;
    assert!(matches!(refused, Err(AcceptError::Suspended)), "{refused:?}");
    assert!(world.store.suspend(&user(), after(9)).await.unwrap());
    assert_eq!(world.rows().await, before, "it is suspended since it was");

    let ended = world.try_finish(&job, Guard::Pending, &Ending::Canceled, NOW).await.unwrap();
    assert_eq!(ended, Finished::Now);
    assert_eq!(world.look(&job).await.state.status(), Status::Refunded);
    audit_clean(&world.store).await;

    assert!(world.store.resume(&user()).await.unwrap());
    assert_eq!(world.balance().await.suspended_at, None);
    let accepted = world.store.accept(&keyed(&crate::support::job(2), "k")).await.unwrap();
    assert_eq!(accepted, Accepted::Now);
    let nobody = "nobody".parse().unwrap();
    assert!(!world.store.suspend(&nobody, NOW).await.unwrap());
    assert!(!world.store.resume(&nobody).await.unwrap());
}

/// The second pocket pays, and the turn is one of the first: it goes back there.
#[tokio::test]
async fn a_turn_of_another_pocket_goes_back_to_it() {
    let world = World::with_two([(HOLD - 1, 3), (3 * HOLD, 3)]).await;
    let row = ("ledger", &user(), "balance#1");
    world.tamper(row, "free_turns", Some(number(0))).await;
    world.tamper(("ledger", &user(), "balance"), "running_cap", Some(number(2))).await;
    let job = world.paid_by_the_second().await;
    assert_eq!(job.turn, None);
    let turns = async || {
        let pockets = [world.pocket(Pocket::FIRST).await, world.pocket(second()).await];
        pockets.map(|pocket| (pocket.free_turns, pocket.waiting_jobs))
    };
    assert_eq!(turns().await, [(2, 0), (0, 1)]);
    let Claimed::Begun(job, run) = world.claim(&job, NOW).await else { panic!("not begun") };
    assert_eq!((job.turn, turns().await), (Some(Pocket::FIRST), [(1, 0), (0, 0)]));
    audit_clean(&world.store).await;
    assert_eq!(world.finish(&job, run.fence, &delivered(2)).await, Finished::Now);
    assert_eq!(turns().await, [(2, 0), (0, 0)]);
    audit_clean(&world.store).await;
}
