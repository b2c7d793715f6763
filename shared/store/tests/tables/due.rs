//! The index of rows that somebody must still look at.

use std::collections::BTreeSet;

use domain::{
    job::{Ending, Job},
    time::Timestamp,
};
use store::{DueRow, Fenced, Guard, SHARDS};

use crate::{
    support::{NOW, after, audit_clean, user},
    world::{LEASE, Row, World, number},
};

/// The pages of jobs that are due in a shard.
async fn pages(world: &World, shard: u8, now: Timestamp, limit: u16) -> Vec<Vec<DueRow>> {
    let (mut pages, mut from) = (Vec::new(), None);
    loop {
        let page = world.store.due(shard, now, limit, from).await.unwrap();
        assert!(page.rows.len() <= limit.into());
        assert_eq!(page.unreadable, 0);
        pages.push(page.rows);
        from = page.next;
        if from.is_none() {
            return pages;
        }
    }
}

async fn due(world: &World, shard: u8, now: Timestamp) -> Vec<DueRow> {
    pages(world, shard, now, 10).await.concat()
}

fn row(job: &Job) -> DueRow {
    DueRow { user: job.user.clone(), job: job.id }
}

#[tokio::test]
async fn a_job_is_in_one_shard_and_due_at_once() {
    let world = World::with(4_000_000).await;
    let mut expected = BTreeSet::new();
    for n in [3, 16, 21, 47] {
        expected.insert(world.accepted(n).await.id);
    }
    let mut found = Vec::new();
    for shard in 0..SHARDS {
        found.extend(due(&world, shard, NOW).await.into_iter().map(|row| row.job));
    }
    assert_eq!(found.len(), 4);
    assert_eq!(BTreeSet::from_iter(found), expected);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn the_pages_of_a_shard_have_every_row_once_the_longest_due_first() {
    let world = World::with(5_000_000).await;
    let mut jobs = Vec::new();
    for n in 0..5 {
        let (job, run) = world.begun(16 * n).await;
        // The first is due last.
        let next = after(60 - u64::from(n));
        assert_eq!(world.store.put_down(&job, run.fence, NOW, next).await.unwrap(), Fenced::Taken);
        jobs.insert(0, row(&job));
    }
    assert_eq!(due(&world, 0, after(55)).await, []);
    assert_eq!(due(&world, 0, after(57)).await, jobs[..2]);
    assert_eq!(due(&world, 0, after(60)).await, jobs);
    let pages = pages(&world, 0, after(60), 2).await;
    assert_eq!((pages.concat(), pages.len()), (jobs, 3));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_postponed_job_is_due_later_but_no_later_than_it_expires() {
    let world = World::with(500_000).await;
    let job = world.accepted(1).await;
    let postponed = world.store.postpone(&job, NOW, after(120)).await.unwrap();
    assert_eq!(postponed, Fenced::Taken);
    assert_eq!(due(&world, 1, after(119)).await, []);
    assert_eq!(due(&world, 1, after(120)).await, [row(&job)]);

    // Who saw the row when it was due and comes second, comes too late.
    let late = world.store.postpone(&job, NOW, after(240)).await.unwrap();
    assert_eq!(late, Fenced::Superseded);
    let far = job.expires_at.plus(LEASE);
    assert_eq!(world.store.postpone(&job, after(120), far).await.unwrap(), Fenced::Taken);
    assert_eq!(due(&world, 1, job.expires_at).await, [row(&job)]);
    assert_eq!(world.look(&job).await, job);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_was_claimed_or_ended_meanwhile_is_not_postponed() {
    let world = World::with(4_000_000).await;
    let claimed = world.accepted(1).await;
    world.claim(&claimed, NOW).await;
    let (resumed, _) = world.begun(2).await;
    world.claim(&resumed, NOW.plus(LEASE)).await;
    let ended = world.accepted(3).await;
    world.try_finish(&ended, Guard::Pending, &Ending::Expired, NOW).await.unwrap();
    let before = world.rows().await;

    let now = after(1_000);
    for job in [&claimed, &resumed, &ended, &crate::support::job(4)] {
        let postponed = world.store.postpone(job, now, after(2_000)).await.unwrap();
        assert_eq!(postponed, Fenced::Superseded, "{:?}", job.state);
    }
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_whose_lease_ended_is_postponed_as_it_stands() {
    let world = World::with(500_000).await;
    let (job, _) = world.begun(1).await;
    let end = NOW.plus(LEASE);
    assert_eq!(world.store.postpone(&job, end, after(300)).await.unwrap(), Fenced::Taken);
    assert_eq!(due(&world, 1, after(299)).await, []);
    assert_eq!(due(&world, 1, after(300)).await, [row(&job)]);
    assert_eq!(world.look(&job).await, job);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_strange_row_is_counted_and_does_not_hide_the_others() {
    let world = World::with(500_000).await;
    let job = world.accepted(1).await;
    for sk in ["job#1", "task#x"] {
        let place = [("due_shard", number(1)), ("due_at_ms", number(NOW.millis()))];
        let strange: Row = place.map(|(name, value)| (name.to_owned(), value)).into();
        world.put("jobs", &user(), sk, strange).await;
    }
    let page = world.store.due(1, NOW, 10, None).await.unwrap();
    assert_eq!((page.rows, page.unreadable), (vec![row(&job)], 2));
}
