//! An account that does not fit into memory, as far as the audit is told.

use std::time::Duration;

use domain::{
    ids::{JobId, UserId},
    job::{Fence, Job},
};
use store::{Accepted, AuditBounds, AuditReport};

use crate::{
    support::{NOW, delivered, job, keyed, user},
    world::{Row, World, number, text},
};

const JOBS: u32 = 2_000;
const BOUNDS: AuditBounds = AuditBounds { page: 100, kept: 5 };

/// A user with so many jobs, all of which ended like the first: one picture was paid and one was
/// not made.
async fn large() -> (World, UserId) {
    let world = World::with(1_000_000_000).await;
    let first = job(1);
    let accepted = world.store.accept(&keyed(&first, "1")).await.unwrap();
    assert_eq!(accepted, Accepted::Now);
    world.claim(&first, NOW).await;
    world.finish(&first, Fence(1), &delivered(1)).await;
    for table in ["jobs", "ledger"] {
        let mut rows = Vec::new();
        for row in world.scan(table).await {
            rows.extend((2..=JOBS).filter_map(|n| copied(&row, &first, n)));
        }
        world.put_all(table, rows).await;
    }
    let balance = world.balance().await;
    let charged = balance.charged.checked_mul(JOBS).unwrap();
    let available = balance.credited.checked_sub(charged).unwrap().micros();
    let row = ("ledger", &user(), "balance");
    world.tamper(row, "charged_micros", Some(number(charged.micros()))).await;
    world.tamper(row, "available_micros", Some(number(available))).await;
    (world, user())
}

/// The row as it would be of the `n`th job, if it is about the first.
fn copied(row: &Row, first: &Job, n: u32) -> Option<Row> {
    let (from, to) = (first.id.to_string(), job(n).id.to_string());
    let sk = row["sk"].as_s().unwrap();
    let sk = if sk.starts_with("key#") { format!("key#{n:05}") } else { sk.replace(&from, &to) };
    let mut copy = row.clone();
    if let Some(id) = copy.get_mut("job_id") {
        *id = text(&to);
    }
    let changed = row.get("job_id") != copy.get("job_id") || *row["sk"].as_s().unwrap() != sk;
    copy.insert("sk".to_owned(), text(&sk));
    changed.then_some(copy)
}

async fn audited(world: &World, progress: impl FnMut(&AuditReport)) -> AuditReport {
    world.store.audit_within(BOUNDS, NOW, Duration::ZERO, progress).await.unwrap()
}

#[tokio::test]
async fn an_account_of_many_pages_is_audited_in_the_memory_of_a_few() {
    let (world, user) = large().await;
    let mut seen = Vec::new();
    let report = audited(&world, |report| seen.push(report.rows)).await;
    assert!(report.is_clean(), "{report:#?}");
    // A balance, a credit and its reference; of each job two entries, itself, its key and its event.
    assert_eq!((report.users, report.jobs, report.rows), (1, 2_000, 10_003));
    assert!(report.rows_at_once > 0 && report.rows_at_once <= BOUNDS.rows_max(), "{report:?}");
    assert!(BOUNDS.rows_max() * 15 < 10_003, "{}", BOUNDS.rows_max());
    assert!(seen.len() > 90 && seen.is_sorted() && seen.last() == Some(&10_003), "{seen:?}");

    // Whatever is wrong is found wherever it is, and what is too much to keep is counted.
    let id = |n: u32| -> JobId { job(n).id };
    let charged = ("jobs", &user, &*format!("job#{}", id(2_000)));
    world.tamper(charged, "charged_micros", Some(number(1))).await;
    let stranger = Some(text(&id(9_999).to_string()));
    world.tamper(("jobs", &user, "key#01234"), "job_id", stranger).await;
    for n in 100..110 {
        world.delete("jobs", &user, &format!("event#{}#succeeded", id(n))).await;
    }
    let report = audited(&world, |_| {}).await;
    let found: Vec<_> = report.violations.iter().map(|violation| violation.invariant).collect();
    assert_eq!((found, report.more_violations), (vec!["INV-30"; 5], 7));
    assert!(report.rows_at_once <= BOUNDS.rows_max(), "{report:?}");
}
