//! Rows that another version has written: what this one does not know, it leaves where it is; what it cannot
//! follow, it refuses.

use std::collections::HashMap;

use domain::{
    api_key::{ApiKey, ENTROPY_BYTES, Environment},
    job::{Ending, Fence, Job, Status, Task},
};
use store::{Accepted, Claimed, Fenced, Finished, Grant, Guard, Reversed, StoreError};

use crate::{
    support::{NOW, after, audit_clean, bare, delivered, job, keyed, user},
    world::{GRACE, LEASE, RETENTION, RUN_LIMIT, World, lease, number, text},
};

/// Something that this version does not know.
const NEW: &str = "from_a_later_version";
const TABLES: [&str; 3] = ["jobs", "ledger", "keys"];

impl World {
    /// Sets an attribute of all rows that there are, as another version would, and says how many they are.
    async fn rewrite(
        &self,
        attribute: &str,
        value: &aws_sdk_dynamodb::types::AttributeValue,
    ) -> usize {
        let mut changed = 0;
        for table in TABLES {
            let mut rows = self.scan(table).await;
            for row in &mut rows {
                row.insert(attribute.to_owned(), value.clone());
            }
            changed = rows.len().saturating_add(changed);
            self.put_all(table, rows).await;
        }
        changed
    }

    /// How many rows still have what a later version wrote.
    async fn kept(&self) -> usize {
        let mut kept = Vec::new();
        for table in TABLES {
            kept.extend(self.scan(table).await);
        }
        kept.retain(|row| row.get(NEW) == Some(&text("kept")));
        kept.len()
    }
}

#[tokio::test]
async fn what_a_later_version_wrote_is_kept_through_the_whole_life_of_a_job() {
    let world = World::with(500_000).await;
    let store = &world.store;
    let job = job(1);
    assert_eq!(store.accept(&keyed(&job, "k")).await.unwrap(), Accepted::Now);
    let changed = world.rewrite(NEW, &text("kept")).await;
    // The key and the job; the balance, the credit with its reference, and the hold.
    assert_eq!(changed, 6);

    let Claimed::Begun(job, _) = world.claim(&job, NOW).await else { panic!("not begun") };
    let task = Task("upstream-1".to_owned());
    assert_eq!(store.note_task(&job, Fence(1), &task).await.unwrap(), Fenced::Taken);
    assert_eq!(store.put_down(&job, Fence(1), NOW, after(5)).await.unwrap(), Fenced::Taken);
    let Claimed::Resumed(job, run) = world.claim(&job, NOW.plus(LEASE)).await else {
        panic!("not resumed")
    };
    assert_eq!(world.finish(&job, run.fence, &delivered(2)).await, Finished::Now);
    assert_eq!(world.look(&job).await.state.status(), Status::Succeeded);

    assert_eq!(world.kept().await, changed);
    audit_clean(store).await;
}

#[tokio::test]
async fn it_is_kept_where_a_job_is_canceled_expires_or_is_given_back_and_in_every_list() {
    let world = World::with(500_000).await;
    let store = &world.store;
    let [canceled, expired, reversed] = [job(1), job(2), job(3)];
    for job in [&canceled, &expired, &reversed] {
        assert_eq!(store.accept(&bare(job)).await.unwrap(), Accepted::Now);
    }
    let changed = world.rewrite(NEW, &text("kept")).await;

    let end = async |job: &Job, guard, ending, now| {
        assert_eq!(world.try_finish(job, guard, &ending, now).await.unwrap(), Finished::Now);
    };
    end(&canceled, Guard::Pending, Ending::Canceled, NOW).await;
    end(&expired, Guard::Open, Ending::Expired, expired.expires_at).await;
    let (job, run) = world.claimed(&reversed).await;
    end(&job, Guard::Fence(run.fence), delivered(1), NOW).await;
    let charge = store.charge(&user(), &job.id).await.unwrap();
    let given = store.reverse(&charge, "a complaint", after(60), RETENTION).await.unwrap();
    assert_eq!(given, Reversed::Now);

    assert_eq!(store.jobs(&user(), None, 10, None).await.unwrap().rows.len(), 3);
    let canceled = store.jobs(&user(), Some(Status::Refunded), 10, None).await.unwrap();
    assert_eq!(canceled.rows.len(), 2);
    // A credit; three holds, three resolutions and a reversal.
    assert_eq!(store.entries(&user(), 20, None).await.unwrap().rows.len(), 8);
    assert_eq!(world.kept().await, changed);
    audit_clean(store).await;
}

#[tokio::test]
async fn a_key_of_a_later_version_opens_and_ends_and_keeps_what_it_has() {
    let world = World::with(500_000).await;
    let store = &world.store;
    let key = ApiKey::mint(Environment::Test, &[1; ENTROPY_BYTES]);
    assert!(store.add_key(&user(), &key, &Grant::default(), NOW).await.unwrap());
    let changed = world.rewrite(NEW, &text("kept")).await;
    assert!(store.key(key.id()).await.unwrap().unwrap().is_active(NOW));
    assert_eq!(store.keys_of(&user()).await.unwrap().len(), 1);
    assert!(store.revoke_key(key.id(), after(5)).await.unwrap());
    assert!(!store.key(key.id()).await.unwrap().unwrap().is_active(after(6)));
    assert_eq!(world.kept().await, changed);
}

#[tokio::test]
async fn a_row_of_a_version_that_cannot_be_followed_is_refused_and_left_as_it_is() {
    let world = World::with(500_000).await;
    let store = &world.store;
    let (pending, done) = (job(1), job(2));
    assert_eq!(store.accept(&keyed(&pending, "k")).await.unwrap(), Accepted::Now);
    assert_eq!(store.accept(&bare(&done)).await.unwrap(), Accepted::Now);
    let (done, run) = world.claimed(&done).await;
    assert_eq!(world.finish(&done, run.fence, &delivered(2)).await, Finished::Now);
    let key = ApiKey::mint(Environment::Test, &[1; ENTROPY_BYTES]);
    assert!(store.add_key(&user(), &key, &Grant::default(), NOW).await.unwrap());
    world.rewrite("v", &number(2)).await;
    let rows: HashMap<_, _> = world.rows().await.into_iter().collect();

    let refused = |found: Result<(), StoreError>, what: &str| {
        let error = found.expect_err(what);
        assert!(matches!(error, StoreError::Unreadable(_)), "{what}: {error:?}");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap();
        assert!(source.contains("version 2"), "{what}: {source}");
    };
    refused(store.job(&user(), &pending.id).await.map(drop), "a job");
    refused(store.job(&user(), &done.id).await.map(drop), "a job that has ended");
    refused(store.jobs(&user(), None, 10, None).await.map(drop), "a list of jobs");
    refused(store.entries(&user(), 10, None).await.map(drop), "a list of entries");
    refused(store.balance(&user()).await.map(drop), "a balance");
    refused(store.key(key.id()).await.map(drop), "a key");
    let name = (&user(), &done.id);
    let claimed = store.claim(name, NOW, &lease(NOW), RUN_LIMIT, GRACE).await;
    refused(claimed.map(drop), "a claim");
    assert!(store.accept(&keyed(&job(3), "k")).await.is_err(), "its key names a job");
    assert!(world.rows().await.into_iter().all(|(name, row)| rows.get(&name) == Some(&row)));
}

/// Before ADR 65 a claim had the job looked at again when its lease ends. Both go on with what the other has claimed.
#[tokio::test]
async fn a_job_that_was_claimed_before_claims_left_it_due_is_looked_at_when_its_lease_ends() {
    let world = World::with(500_000).await;
    let (job, run) = world.begun(1).await;
    let mut rows = world.scan("jobs").await;
    let end = NOW.plus(LEASE);
    for row in &mut rows {
        row.insert("due_at_ms".to_owned(), number(end.millis()));
    }
    world.put_all("jobs", rows).await;
    assert_eq!(world.store.due(1, after(1), 9, None).await.unwrap().rows, []);
    assert_eq!(world.store.due(1, end, 9, None).await.unwrap().rows.len(), 1);
    assert_eq!(world.look(&job).await, job);
    assert_eq!(world.store.put_down(&job, run.fence, NOW, after(5)).await.unwrap(), Fenced::Taken);
    assert_eq!(world.store.due(1, after(5), 9, None).await.unwrap().rows.len(), 1);
    audit_clean(&world.store).await;
}
