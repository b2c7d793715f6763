//! What is open, the oldest first.

use domain::{job::Ending, time::Timestamp};
use store::OpenJobs;

use crate::{
    support::{NOW, after, audit_clean},
    world::World,
};

const EVER: Timestamp = Timestamp::from_millis(u64::MAX);

fn ids(open: &OpenJobs) -> Vec<domain::ids::JobId> {
    open.oldest.iter().map(|open| open.job).collect()
}

#[tokio::test]
async fn the_oldest_open_jobs_come_first_whatever_their_shards() {
    let world = World::with(5_000_000).await;
    let nothing = world.store.open_jobs(EVER, 10).await.unwrap();
    assert_eq!(nothing, OpenJobs { is_complete: true, ..OpenJobs::default() });

    let mut jobs = Vec::new();
    for n in [47, 3, 20, 16] {
        jobs.push(world.accepted(n).await);
    }
    let (ended, run) = world.begun(5).await;
    world.finish(&ended, run.fence, &Ending::Expired).await;
    jobs.sort_by_key(|job| job.id);
    let all: Vec<_> = jobs.iter().map(|job| job.id).collect();

    let open = world.store.open_jobs(EVER, 10).await.unwrap();
    assert_eq!((ids(&open), open.count, open.is_complete), (all.clone(), 4, true));
    assert_eq!(open.longest_due, Some(NOW));
    let open = world.store.open_jobs(EVER, 2).await.unwrap();
    assert_eq!((ids(&open), open.count), (all[..2].to_vec(), 4));
    let open = world.store.open_jobs(jobs[2].id.made_at(), 10).await.unwrap();
    assert_eq!((ids(&open), open.count), (all[..2].to_vec(), 2));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_is_claimed_is_open_and_due_as_it_was() {
    let world = World::with(4_000_000).await;
    let (job, _) = world.begun(1).await;
    let open = world.store.open_jobs(after(1), 10).await.unwrap();
    assert_eq!(ids(&open), [job.id]);
    assert_eq!((Some(open.oldest[0].due_at), open.longest_due), (Some(NOW), Some(NOW)));
}
