//! Events: due until they are told.

use std::time::Duration;

use domain::{
    ids::UserId,
    job::Job,
    time::Timestamp,
    webhook::{EventId, EventKind},
};
use store::{DueEvent, Event, SHARDS};

use crate::{
    support::{NOW, after, audit_clean, delivered, user},
    world::{RETENTION, World},
};

/// The events that are due.
async fn due(world: &World, now: Timestamp) -> Vec<DueEvent> {
    let mut due = Vec::new();
    for shard in 0..SHARDS {
        let page = world.store.due(shard, now, 100, None).await.unwrap();
        assert_eq!((page.unreadable, page.next.is_none()), (0, true));
        due.extend(page.events);
    }
    due
}

async fn succeeded(world: &World, n: u32) -> Job {
    let (job, run) = world.begun(n).await;
    world.finish(&job, run.fence, &delivered(2)).await;
    job
}

fn event_of(job: &Job) -> EventId {
    EventId { job: job.id, kind: EventKind::Succeeded }
}

#[tokio::test]
async fn an_event_is_due_a_minute_after_its_job_has_ended_until_it_is_left() {
    let world = World::with(1_000_000).await;
    let job = succeeded(&world, 1).await;
    let (event, store) = (event_of(&job), &world.store);
    let row = DueEvent { user: user(), event };
    assert_eq!(due(&world, after(59)).await, []);
    assert_eq!(due(&world, after(60)).await, std::slice::from_ref(&row));
    // The job itself is due no more, and the event is no job.
    let page = store.due(1, after(60), 100, None).await.unwrap();
    assert!(page.rows.is_empty());
    assert_eq!(store.open_jobs(after(60), 10).await.unwrap().count, 0);

    store.postpone_event(&row.user, &event, after(200)).await.unwrap();
    assert_eq!(due(&world, after(199)).await, []);
    assert_eq!(due(&world, after(200)).await, [row]);
    store.leave_event(&user(), &event).await.unwrap();
    assert_eq!(due(&world, after(1_000_000)).await, []);
    // Whoever is late brings nothing back, and an event that is not there is none.
    store.leave_event(&user(), &event).await.unwrap();
    store.postpone_event(&user(), &event, after(300)).await.unwrap();
    let other = EventId { kind: EventKind::Failed, ..event };
    store.postpone_event(&user(), &other, after(300)).await.unwrap();
    assert_eq!(due(&world, after(1_000_000)).await, []);
    assert_eq!(store.event(&user(), &other).await.unwrap(), None);
    audit_clean(store).await;
}

#[tokio::test]
async fn an_event_is_told_once_it_is_noted() {
    let world = World::with(1_000_000).await;
    let job = succeeded(&world, 1).await;
    let (id, store) = (event_of(&job), &world.store);
    let event = store.event(&user(), &id).await.unwrap().unwrap();
    let forget_at_s = NOW.plus(RETENTION).seconds();
    assert_eq!(event, Event { id, at: NOW, forget_at_s });
    let stranger: UserId = "stranger".parse().unwrap();
    assert_eq!(store.event(&stranger, &id).await.unwrap(), None);
    assert!(!store.is_told(&user(), &id).await.unwrap());
    for _ in 0..2 {
        store.note_told(&user(), &event, NOW.plus(Duration::from_secs(1))).await.unwrap();
        assert!(store.is_told(&user(), &id).await.unwrap());
    }
    assert!(!store.is_told(&stranger, &id).await.unwrap());
    audit_clean(store).await;
}
