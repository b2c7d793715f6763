//! The list of a user's jobs, page by page.

use domain::{
    failure::Failure,
    ids::JobId,
    job::{Ending, Job, Status},
};
use store::{Cursor, List};

use crate::{
    support::{delivered, job, user},
    world::World,
};

/// Nine jobs: three succeeded, three failed, three pending.
async fn busy_user() -> World {
    let world = World::with(6_000_000).await;
    for n in 1..=9 {
        match n % 3 {
            0 => drop(world.accepted(n).await),
            rest => {
                let (job, run) = world.begun(n).await;
                let failed = Ending::Failed(Failure::ProviderFailed.into());
                let ending = if rest == 1 { delivered(2) } else { failed };
                world.finish(&job, run.fence, &ending).await;
            }
        }
    }
    world
}

/// All pages, each cursor written out and read again as callers have it.
async fn pages(world: &World, status: Option<Status>, limit: u8) -> Vec<Vec<Job>> {
    let (mut pages, mut from) = (Vec::new(), None);
    loop {
        let page = world.store.jobs(&user(), status, limit, from.as_ref()).await.unwrap();
        pages.push(page.rows);
        let Some(next) = page.next else { return pages };
        from = Some(Cursor::read(&next.write(&user()), &user(), List::Jobs).unwrap());
    }
}

fn ids(jobs: &[Job]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

#[tokio::test]
async fn the_pages_have_every_job_once_as_it_is_and_the_newest_first() {
    let world = busy_user().await;
    let newest_first: Vec<JobId> = (1..=9).rev().map(|n| job(n).id).collect();
    for (limit, sizes) in
        [(2, vec![2, 2, 2, 2, 1]), (3, vec![3; 3]), (8, vec![8, 1]), (9, vec![9]), (255, vec![9])]
    {
        let pages = pages(&world, None, limit).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{limit} a page");
        assert_eq!(ids(&pages.concat()), newest_first, "{limit} a page");
    }
    for listed in pages(&world, None, 255).await.concat() {
        assert_eq!(listed, world.look(&listed).await);
    }
}

#[tokio::test]
async fn the_jobs_of_one_status_are_all_of_them_and_no_others() {
    let world = busy_user().await;
    let of = |wanted: u32| (1..=9).rev().filter(move |n| n % 3 == wanted).map(|n| job(n).id);
    for (status, expected) in [
        (Status::Pending, of(0).collect()),
        (Status::Succeeded, of(1).collect()),
        (Status::Failed, of(2).collect()),
        (Status::Processing, Vec::new()),
    ] {
        for limit in [1, 2, 3, 100] {
            let listed = pages(&world, Some(status), limit).await;
            assert!(listed.iter().all(|page| page.len() <= usize::from(limit)));
            assert_eq!(ids(&listed.concat()), expected, "{status:?} in pages of {limit}");
        }
    }
}

#[tokio::test]
async fn nobody_elses_jobs_and_nothing_but_jobs_are_listed() {
    let world = busy_user().await;
    let other = "other".parse().unwrap();
    let page = world.store.jobs(&other, None, 100, None).await.unwrap();
    assert!(page.rows.is_empty() && page.next.is_none());
    // A place of somebody else's list is a place in one's own, where nothing of theirs is.
    let page = world.store.jobs(&user(), None, 1, None).await.unwrap();
    let page = world.store.jobs(&other, None, 100, page.next.as_ref()).await.unwrap();
    assert!(page.rows.is_empty() && page.next.is_none());
}
