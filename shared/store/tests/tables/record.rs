//! What is stored of one job.

use domain::{
    job::{Ending, Fence, Status},
    ledger::EntryKind,
};
use store::{Attempts, EventRow, JobRecord};

use crate::{
    support::{NOW, after, delivered, job, user},
    world::{LEASE, RETENTION, RUN_LIMIT, World, text},
};

fn kinds(record: &JobRecord) -> Vec<&'static str> {
    record.entries.iter().map(|entry| entry.kind.name()).collect()
}

#[tokio::test]
async fn a_record_has_the_job_its_entries_its_attempts_and_its_events() {
    let world = World::with(4_000_000).await;
    let never = world.store.record(&user(), &job(9).id).await.unwrap();
    assert!(never.is_empty());
    // What belongs to another job is no part of it.
    world.accepted(2).await;

    let (job, run) = world.begun(1).await;
    let record = world.store.record(&user(), &job.id).await.unwrap();
    assert_eq!((kinds(&record), record.events.len()), (vec!["hold"], 0));
    let row = record.row.unwrap();
    let attempts = Attempts {
        fence: Some(Fence(1)),
        lease_until: Some(NOW.plus(LEASE)),
        submits: 1,
        dispatch: Some("intended"),
        run_deadline: Some(NOW.plus(RUN_LIMIT)),
    };
    assert_eq!((row.attempts, row.due_at), (attempts, Some(NOW)));

    let ending = delivered(1);
    let guard = store::Guard::Fence(run.fence);
    world.try_finish(&job, guard, &ending, after(7)).await.unwrap();
    let record = world.store.record(&user(), &job.id).await.unwrap();
    assert_eq!(kinds(&record), ["hold", "usage"]);
    assert_eq!(record.events, [EventRow { status: Status::Succeeded, at: after(7) }]);
    let row = record.row.unwrap();
    assert_eq!(row.job.state.status(), Status::Succeeded);
    // What was tried is still told when it has ended.
    assert_eq!((row.attempts.fence, row.attempts.submits), (Some(Fence(1)), 1));
    let forget_at = after(7).plus(RETENTION);
    assert_eq!((row.due_at, row.forget_at), (None, Some(forget_at)));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_hides_none_of_the_others() {
    let world = World::with(4_000_000).await;
    let (job, run) = world.begun(1).await;
    world.finish(&job, run.fence, &Ending::Expired).await;
    let sk = format!("job#{}", job.id);
    world.tamper(("jobs", &user(), &sk), "model", Some(text("dall-e"))).await;
    let record = world.store.record(&user(), &job.id).await.unwrap();
    assert_eq!((record.row.is_none(), record.unreadable.len()), (true, 1));
    let [why] = &record.unreadable[..] else { panic!("{:?}", record.unreadable) };
    assert!(why.starts_with("job: a row is unreadable"), "{why}");
    assert_eq!((kinds(&record), record.events.len()), (vec!["hold", "refund"], 1));

    // Forgotten: the ledger still tells.
    world.delete("jobs", &user(), &sk).await;
    world.delete("jobs", &user(), &format!("event#{}#expired", job.id)).await;
    let record = world.store.record(&user(), &job.id).await.unwrap();
    assert_eq!((record.row, record.unreadable, record.events), (None, vec![], vec![]));
    assert!(matches!(record.entries[0].kind, EntryKind::Hold { .. }));
}
