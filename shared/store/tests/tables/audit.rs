//! What is broken by hand is found by reading the books and auditing them.

use std::time::Duration;

use domain::{
    audit::{History, Snapshot, Violation, audit},
    failure::Failure,
    ids::UserId,
    job::{Ending, Job},
};
use store::{Accepted, AuditBounds, Credited, Guard};

use crate::{
    support::{NOW, at_once, audit_clean, bare, delivered, job, keyed, user, violations},
    world::{LEASE, Row, World, number, text},
};

/// A user with a job that succeeded in part, one that failed and one that is open.
async fn busy_user(world: &World, name: &str) -> (UserId, [Job; 3]) {
    let user: UserId = name.parse().unwrap();
    world.store.open_account(&user).await.unwrap();
    assert_eq!(world.credit(&user, 0, 500_000).await, Credited::Now);
    let jobs = [1, 2, 3].map(|n| Job { user: user.clone(), ..job(n) });
    for (job, key) in jobs.iter().zip(["a", "b", "c"]) {
        assert_eq!(world.store.accept(&keyed(job, key)).await.unwrap(), Accepted::Now);
    }
    let [success, failure, _] = &jobs;
    for (job, ending) in
        [(success, delivered(1)), (failure, Ending::Failed(Failure::ProviderFailed.into()))]
    {
        world.claim(job, NOW).await;
        world.finish(job, domain::job::Fence(1), &ending).await;
    }
    (user, jobs)
}

#[tokio::test]
async fn each_attribute_changed_by_hand_is_found() {
    let world = World::empty().await;
    let (user, jobs) = busy_user(&world, "demo").await;
    let minute = number(NOW.minus(LEASE).millis());
    // In the ledger, or in a row of the succeeded (1), the failed (2) or the open (3) job.
    let cases = [
        ("ledger", "balance", "available_micros", Some(number(-1)), "INV-04"),
        ("ledger", "balance", "available_micros", Some(number("0.5")), "INV-04"),
        ("ledger", "balance", "available_micros", Some(text("0")), "INV-04"),
        ("ledger", "balance", "available_micros", Some(number(0)), "INV-01"),
        ("ledger", "balance", "credited_micros", None, "INV-04"),
        ("ledger", "balance", "open_jobs", Some(number(2)), "INV-02"),
        ("ledger", "balance", "free_turns", Some(number(1)), "INV-33"),
        ("ledger", "balance", "waiting_jobs", Some(number(0)), "INV-33"),
        ("ledger", "entry#1#resolution", "charged_micros", Some(number(1)), "INV-06"),
        ("ledger", "entry#1#resolution", "kind", Some(text("refund")), "INV-21"),
        ("ledger", "entry#1#resolution", "released_micros", Some(number(-1)), "INV-04"),
        ("ledger", "entry#3#hold", "amount_micros", Some(number(1)), "INV-16"),
        ("ledger", "ref#payment 0", "reference", Some(text("payment 1")), "INV-11"),
        ("jobs", "job#1", "images", None, "INV-04"),
        ("jobs", "job#1", "charged_micros", Some(number(1)), "INV-17"),
        ("jobs", "job#1", "job_status", Some(text("expired")), "INV-21"),
        ("jobs", "job#2", "failure", Some(text("whim")), "INV-04"),
        ("jobs", "job#3", "job_status", Some(text("expired")), "INV-04"),
        ("jobs", "job#3", "price_micros", Some(number(1)), "INV-16"),
        ("jobs", "job#3", "expires_at_ms", Some(minute), "INV-10"),
        ("jobs", "job#3", "due_at_ms", None, "INV-27"),
        ("jobs", "job#3", "due_shard", None, "INV-27"),
        ("jobs", "job#3", "due_shard", Some(number(4)), "INV-27"),
        ("jobs", "event#1#succeeded", "job_status", Some(text("failed")), "INV-30"),
    ];
    for (table, sk, attribute, value, invariant) in cases {
        let sk = spelled(sk, &jobs);
        let original = world.row(table, &user, &sk).await.unwrap();
        world.tamper((table, &user, &sk), attribute, value).await;
        found(&world, &user, invariant, &format!("{attribute} of {sk}")).await;
        world.put(table, &user, &sk, original).await;
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn each_row_taken_away_by_hand_is_found() {
    let world = World::empty().await;
    let (user, jobs) = busy_user(&world, "demo").await;
    let cases = [
        ("ledger", "balance", "INV-03"),
        ("ledger", "entry#1#resolution", "INV-22"),
        ("ledger", "entry#3#hold", "INV-16"),
        ("ledger", "ref#payment 0", "INV-11"),
        ("jobs", "job#3", "INV-02"),
        ("jobs", "event#2#failed", "INV-30"),
    ];
    for (table, sk, invariant) in cases {
        let sk = spelled(sk, &jobs);
        let original = world.row(table, &user, &sk).await.unwrap();
        world.delete(table, &user, &sk).await;
        found(&world, &user, invariant, &format!("without {sk}")).await;
        world.put(table, &user, &sk, original).await;
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn each_row_added_by_hand_is_found() {
    let world = World::empty().await;
    let (user, jobs) = busy_user(&world, "demo").await;
    let cases = [
        ("ledger", "entry#1#resolution", "entry#1#resolution2", "INV-05"),
        ("ledger", "entry#3#hold", "entry#3#hold2", "INV-16"),
        ("ledger", "ref#payment 0", "ref#payment 1", "INV-11"),
        ("ledger", "balance", "balance2", "INV-04"),
        ("jobs", "event#1#succeeded", "event#1#again", "INV-30"),
        ("jobs", "event#1#succeeded", "event#2#succeeded", "INV-04"),
        ("jobs", "job#3", "job#x", "INV-04"),
        ("jobs", "job#3", "jobs#3", "INV-04"),
    ];
    for (table, original, copy, invariant) in cases {
        let (original, copy) = (spelled(original, &jobs), spelled(copy, &jobs));
        let row = world.row(table, &user, &original).await.unwrap();
        world.put(table, &user, &copy, row).await;
        found(&world, &user, invariant, &format!("with {copy}")).await;
        world.delete(table, &user, &copy).await;
    }
    audit_clean(&world.store).await;
}

/// A sort key with the id of the job instead of its number.
fn spelled(sk: &str, jobs: &[Job; 3]) -> String {
    let ids = jobs.each_ref().map(|job| job.id.to_string());
    let part = |part: &str| match part {
        "1" => ids[0].clone(),
        "2" => ids[1].clone(),
        "3" => ids[2].clone(),
        other => other.to_owned(),
    };
    sk.split('#').map(part).collect::<Vec<_>>().join("#")
}

/// The break is found in the books, and the same is found by going through the tables.
async fn found(world: &World, user: &UserId, invariant: &str, what: &str) {
    let violations = violations(&world.store, user).await;
    let found = violations.iter().any(|violation| violation.invariant == invariant);
    assert!(found, "{what}: {invariant} is not among {violations:#?}");
    for page in [1, 1_000] {
        let bounds = AuditBounds { page, kept: 100 };
        let report = world.store.audit_within(bounds, NOW, Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(ids(&report.violations), ids(&violations), "{what}, {page} at once");
        assert!(!report.is_clean());
    }
}

fn ids(violations: &[Violation]) -> Vec<&'static str> {
    let mut ids: Vec<_> = violations.iter().map(|violation| violation.invariant).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_key_that_names_a_job_which_never_was_is_found() {
    let world = World::empty().await;
    let (user, _) = busy_user(&world, "demo").await;
    let stranger = text(&job(9).id.to_string());
    let keys = world.scan("jobs").await.into_iter();
    let sk = keys.map(|row| row["sk"].as_s().unwrap().clone()).find(|sk| sk.starts_with("key#"));
    world.tamper(("jobs", &user, &sk.unwrap()), "job_id", Some(stranger)).await;
    found(&world, &user, "INV-14", "a stranger's key").await;
}

#[tokio::test]
async fn an_audit_looks_at_each_user_once_in_whichever_table_they_are() {
    let world = World::empty().await;
    busy_user(&world, "both").await;
    world.store.open_account(&"only-ledger".parse().unwrap()).await.unwrap();
    let mut seen = Vec::new();
    let report = world.store.audit(NOW, LEASE, |report| seen.push(report.users)).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.users, report.jobs, report.rows), (2, 3, 17));
    assert_eq!(seen, [1, 2]);

    // Also whose balance is not there, and who has nothing in the ledger.
    let no_balance = "no-balance".parse().unwrap();
    for (table, sk) in [("ledger", "entry#x"), ("jobs", "job#x")] {
        world.put(table, &no_balance, sk, Row::new()).await;
    }
    let report = world.store.audit(NOW, LEASE, |_| {}).await.unwrap();
    assert_eq!((report.users, report.rows), (3, 19));
    world.delete("ledger", &no_balance, "entry#x").await;
    world.delete("jobs", &no_balance, "job#x").await;
    let only_jobs = "only-jobs".parse().unwrap();
    world.put("jobs", &only_jobs, "job#x", Row::new()).await;
    let report = world.store.audit(NOW, LEASE, |_| {}).await.unwrap();
    assert_eq!((report.users, report.rows), (3, 18));
    assert!(!report.is_clean() && report.moving.is_empty());
    assert!(report.violations.iter().all(|violation| violation.user == only_jobs));
}

#[tokio::test]
async fn an_audit_of_nothing_is_no_pass() {
    let world = World::empty().await;
    let report = world.store.audit(NOW, LEASE, |_| {}).await.unwrap();
    assert_eq!(report, store::AuditReport::default());
    assert!(!report.is_clean());
}

#[tokio::test]
async fn books_have_all_rows_of_their_user_and_no_others() {
    let world = World::with(500_000).await;
    let (other, _) = busy_user(&world, "other").await;
    let (books, rows) = world.store.books(&other).await.unwrap();
    // A balance, a credit and its reference; three holds, two resolutions; three jobs, three keys
    // and two events.
    assert_eq!(rows, 16);
    assert_eq!((books.entries.len(), books.references.len()), (6, 1));
    assert_eq!((books.jobs.len(), books.keys.len(), books.events.len()), (3, 3, 2));
    let (books, rows) = world.store.books(&"nobody".parse().unwrap()).await.unwrap();
    assert_eq!((books.balance, rows), (None, 0));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn books_read_while_money_moves_are_those_of_one_moment() {
    let world = World::with(5_000_000).await;
    let moving = (0..3_u32).map(|worker| {
        let store = world.store.clone();
        async move {
            for n in (0..6).map(|n| 6 * worker + n) {
                let job = job(n);
                store.accept(&keyed(&job, &n.to_string())).await.unwrap();
                let retention = crate::world::RETENTION;
                let ended = store.finish(&job, Guard::Pending, &Ending::Expired, NOW, retention);
                assert_eq!(ended.await.unwrap(), store::Finished::Now);
            }
        }
    });
    let reading = (0..2).map(|_| {
        let store = world.store.clone();
        async move {
            for _ in 0..6 {
                match store.books(&user()).await {
                    Ok((books, _)) => {
                        let found =
                            audit(&Snapshot { books, now: NOW, slack: LEASE }, &History::default());
                        assert_eq!(found, []);
                    }
                    Err(store::BooksError::Moving) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    });
    tokio::join!(at_once(moving), at_once(reading));
    audit_clean(&world.store).await;
}

/// An audit takes two reads of one version for one moment.
#[tokio::test]
async fn every_movement_of_money_raises_the_version_of_the_balance() {
    let world = World::empty().await;
    world.store.open_account(&user()).await.unwrap();
    let mut versions = vec![world.balance().await.version];
    world.credit(&user(), 1, 5_000_000).await;
    versions.push(world.balance().await.version);
    let [keyed_job, bare_job, failing] = [1, 2, 3].map(job);
    world.store.accept(&keyed(&keyed_job, "k")).await.unwrap();
    versions.push(world.balance().await.version);
    for job in [&bare_job, &failing] {
        world.store.accept(&bare(job)).await.unwrap();
        versions.push(world.balance().await.version);
    }
    world.claim(&keyed_job, NOW).await;
    world.claim(&failing, NOW).await;
    let fence = domain::job::Fence(1);
    world.finish(&keyed_job, fence, &delivered(1)).await;
    versions.push(world.balance().await.version);
    world.finish(&failing, fence, &Ending::Failed(Failure::ProviderFailed.into())).await;
    versions.push(world.balance().await.version);
    world.try_finish(&bare_job, Guard::Pending, &Ending::Expired, NOW).await.unwrap();
    versions.push(world.balance().await.version);
    assert_eq!(versions, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn an_account_with_many_violations_does_not_hide_another() {
    let world = World::empty().await;
    for name in ["anna", "ben", "carl"] {
        let (user, _) = busy_user(&world, name).await;
        if name != "ben" {
            let balance = ("ledger", &user, "balance");
            world.tamper(balance, "available_micros", Some(number(0))).await;
        }
    }
    for (kept, names, more) in [(9, vec!["anna", "carl"], 0), (1, vec!["anna"], 1)] {
        let bounds = AuditBounds { page: 9, kept };
        let report = world.store.audit_within(bounds, NOW, Duration::ZERO, |_| {}).await.unwrap();
        let mut unsound: Vec<&str> = report.unsound.iter().map(UserId::as_str).collect();
        unsound.sort_unstable();
        assert_eq!(report.more_unsound, more);
        assert!(if more == 0 { unsound == names } else { unsound.len() == 1 }, "{unsound:?}");
        assert!(report.violations_count() >= 4, "{report:?}");
    }
}
