//! Ending a job: its state, its resolution, the balance and the event, at once and once.

use domain::{
    failure::Failure,
    hold::{Figures, ResolutionKind},
    job::{Ending, Fence, Job, Refund, State, Status},
    ledger::{Balance, EntryKind},
};
use store::{Claimed, Finished, Guard};

use crate::{
    support::{HOLD, NOW, at_once, audit_clean, count, delivered, usd, user, violations},
    world::{LEASE, RETENTION, World, number, text},
};

fn failed() -> Ending {
    Ending::Failed(Failure::ContentModerated.into())
}

/// The state that an ending at [`NOW`] leaves, with what was charged.
fn state(ending: &Ending, charged: u64) -> State {
    match ending {
        Ending::Succeeded(delivered) => {
            State::Succeeded { at: NOW, images: delivered.images().to_vec(), charged: usd(charged) }
        }
        Ending::Failed(verdict) => State::Failed { at: NOW, verdict: verdict.clone() },
        Ending::Expired => State::Expired { at: NOW },
        Ending::Canceled => State::Refunded { at: NOW, why: Refund::Canceled },
    }
}

#[tokio::test]
async fn an_ending_moves_the_hold_to_where_it_belongs() {
    for (ending, charged) in
        [(delivered(2), HOLD), (delivered(1), HOLD / 2), (failed(), 0), (Ending::Expired, 0)]
    {
        let world = World::with(500_000).await;
        let (job, run) = world.begun(1).await;
        assert_eq!(world.finish(&job, run.fence, &ending).await, Finished::Now);

        assert_eq!(world.look(&job).await, Job { state: state(&ending, charged), ..job.clone() });
        let expected = Balance {
            available: usd(500_000 - charged),
            held: usd(0),
            charged: usd(charged),
            credited: usd(500_000),
            open_jobs: 0,
            free_slots: 6,
            queue_cap: 6,
            free_turns: 2,
            waiting_jobs: 0,
            running_cap: 2,
            suspended_at: None,
            version: 3,
        };
        assert_eq!(world.balance().await, expected);
        let paid = ending.status() == Status::Succeeded;
        let figures = Figures {
            kind: if paid { ResolutionKind::Usage } else { ResolutionKind::Refund },
            held: usd(HOLD),
            charged: usd(charged),
            released: usd(HOLD - charged),
        };
        let newest = world.store.entries(&user(), 1, None).await.unwrap().rows;
        assert_eq!(newest[0].kind, EntryKind::Resolution { job: job.id, figures });
        audit_clean(&world.store).await;
    }
}

#[tokio::test]
async fn more_pictures_than_were_ordered_cost_no_more_than_the_hold() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    assert_eq!(world.finish(&job, run.fence, &delivered(4)).await, Finished::Now);
    assert_eq!(world.balance().await.charged, usd(HOLD));
    // The books add up, but somebody should ask the upstream why.
    let found = violations(&world.store, &user()).await;
    assert_eq!(found.iter().map(|violation| violation.invariant).collect::<Vec<_>>(), ["INV-23"]);
}

#[tokio::test]
async fn an_ended_job_is_looked_at_no_more_and_forgotten_in_time() {
    let world = World::with(500_000).await;
    for (n, ending) in (1..).zip([delivered(2), failed(), Ending::Expired]) {
        let (job, run) = world.begun(n).await;
        world.finish(&job, run.fence, &ending).await;

        let row = world.row("jobs", &user(), &format!("job#{}", job.id)).await.unwrap();
        for gone in ["due_shard", "due_at_ms", "lease_until_ms"] {
            assert_eq!(row.get(gone), None, "{gone}");
        }
        let forgotten = number(NOW.plus(RETENTION).seconds());
        assert_eq!(row["forget_at_s"], forgotten);
        let shard = n.try_into().unwrap();
        let due = world.store.due(shard, job.expires_at, 9, None).await.unwrap();
        assert_eq!(due.rows, []);

        let status = ending.status().as_str();
        let event = format!("event#{}#{status}", job.id);
        let event = world.row("jobs", &user(), &event).await.unwrap();
        assert_eq!(event["job_id"], text(&job.id.to_string()));
        assert_eq!(event["job_status"], text(status));
        assert_eq!(event["occurred_at_ms"], number(NOW.millis()));
        assert_eq!(event["forget_at_s"], forgotten);
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    for ending in [delivered(2), delivered(1), failed(), Ending::Expired] {
        let world = World::with(500_000).await;
        let (job, run) = world.begun(1).await;
        assert_eq!(world.finish(&job, run.fence, &ending).await, Finished::Now);
        let before = world.rows().await;
        assert_eq!(world.finish(&job, run.fence, &ending).await, Finished::Before);
        // Nor does one by whoever claimed it before or after, or by the sweep.
        assert_eq!(world.finish(&job, Fence(9), &ending).await, Finished::Before);
        let swept = world.try_finish(&job, Guard::Open, &ending, job.expires_at).await.unwrap();
        assert_eq!(swept, Finished::Before);
        assert_eq!(world.rows().await, before);
        audit_clean(&world.store).await;
    }
}

#[tokio::test]
async fn an_ended_job_stays_as_it_ended() {
    let world = World::with(500_000).await;
    let endings = [delivered(2), delivered(1), failed()];
    for (n, first) in (1..).zip(&endings) {
        let (job, run) = world.begun(n).await;
        assert_eq!(world.finish(&job, run.fence, first).await, Finished::Now);
        let before = world.rows().await;
        for second in endings.iter().filter(|ending| *ending != first) {
            let late = world.finish(&job, run.fence, second).await;
            assert_eq!(late, Finished::Otherwise, "{first:?}, then {second:?}");
        }
        assert_eq!(world.rows().await, before);
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn failed_and_expired_are_the_same_to_the_books_and_the_first_stays() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    world.finish(&job, run.fence, &failed()).await;
    assert_eq!(world.finish(&job, run.fence, &Ending::Expired).await, Finished::Before);
    assert_eq!(world.look(&job).await.state, state(&failed(), 0));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_canceled_job_is_refunded_once_and_stays_so() {
    let world = World::with(500_000).await;
    let job = world.accepted(1).await;
    let cancel = || world.try_finish(&job, Guard::Pending, &Ending::Canceled, NOW);
    assert_eq!(cancel().await.unwrap(), Finished::Now);
    assert_eq!(world.look(&job).await.state, state(&Ending::Canceled, 0));
    let balance = world.balance().await;
    assert_eq!((balance.available, balance.held), (usd(500_000), usd(0)));
    assert_eq!(balance.open_jobs, 0);
    let figures = Figures {
        kind: ResolutionKind::Refund,
        held: usd(HOLD),
        charged: usd(0),
        released: usd(HOLD),
    };
    let newest = world.store.entries(&user(), 1, None).await.unwrap().rows;
    assert_eq!(newest[0].kind, EntryKind::Resolution { job: job.id, figures });
    let event = format!("event#{}#refunded", job.id);
    let event = world.row("jobs", &user(), &event).await.unwrap();
    assert_eq!(event["job_status"], text("refunded"));

    let before = world.rows().await;
    assert_eq!(cancel().await.unwrap(), Finished::Before);
    assert!(matches!(world.claim(&job, NOW).await, Claimed::Ended));
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn of_eight_attempts_to_end_a_job_in_two_ways_one_does() {
    for n in 1..=4 {
        let world = World::with(500_000).await;
        let (job, run) = world.begun(n).await;
        let attempts = (0..8_u32).map(|attempt| {
            let (store, job) = (world.store.clone(), job.clone());
            let ending = if attempt.is_multiple_of(2) { delivered(1) } else { failed() };
            let guard = Guard::Fence(run.fence);
            async move { store.finish(&job, guard, &ending, NOW, RETENTION).await.unwrap() }
        });
        let answers = at_once(attempts).await;
        assert_eq!(count(&answers, &Finished::Now), 1, "{answers:?}");
        assert_eq!(count(&answers, &Finished::Before), 3, "{answers:?}");
        assert_eq!(count(&answers, &Finished::Otherwise), 4, "{answers:?}");
        audit_clean(&world.store).await;
    }
}

#[tokio::test]
async fn a_worker_and_the_sweep_do_not_both_end_a_job() {
    let world = World::with(500_000).await;
    for n in 1..=6 {
        let (job, run) = world.begun(n).await;
        // The worker's clock is behind the sweep's, so that both think they are in time.
        let success = (Guard::Fence(run.fence), delivered(2), NOW);
        let expiry = (Guard::Open, Ending::Expired, job.expires_at);
        let attempts = [success, expiry].map(|(guard, ending, now)| {
            let (store, job) = (world.store.clone(), job.clone());
            async move { store.finish(&job, guard, &ending, now, RETENTION).await.unwrap() }
        });
        let answers = at_once(attempts).await;
        assert_eq!(count(&answers, &Finished::Now), 1, "{answers:?}");
        assert_eq!(count(&answers, &Finished::Otherwise), 1, "{answers:?}");
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn past_its_hard_expiry_a_job_does_not_succeed() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    let fence = Guard::Fence(run.fence);
    for now in [job.expires_at, job.expires_at.plus(LEASE)] {
        let late = world.try_finish(&job, fence, &delivered(1), now).await.unwrap();
        assert_eq!(late, Finished::Superseded, "{now:?}");
    }
    let expired = world.try_finish(&job, fence, &Ending::Expired, job.expires_at).await;
    assert_eq!(expired.unwrap(), Finished::Now);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_is_refunded_from_the_ledger_when_it_expires() {
    let world = World::with(500_000).await;
    let (job, _) = world.begun(1).await;
    let (user, sk) = (user(), format!("job#{}", job.id));
    world.tamper(("jobs", &user, &sk), "model", Some(text("a-model-of-the-future"))).await;
    let expire = |now| world.store.expire_unreadable((&user, &job.id), now, RETENTION);
    assert!(world.store.job(&user, &job.id).await.is_err());
    assert_eq!(expire(NOW).await.unwrap(), Finished::Superseded);
    assert_eq!(expire(job.expires_at).await.unwrap(), Finished::Now);
    assert_eq!(expire(job.expires_at).await.unwrap(), Finished::Before);
    let balance = world.balance().await;
    assert_eq!((balance.available, balance.held), (usd(500_000), usd(0)));
    let model = serde_json::to_value(job.order.model).unwrap();
    world.tamper(("jobs", &user, &sk), "model", model.as_str().map(text)).await;
    audit_clean(&world.store).await;
    let nobody =
        world.store.expire_unreadable((&user, &crate::support::job(9).id), NOW, RETENTION).await;
    assert!(nobody.is_err());
}
