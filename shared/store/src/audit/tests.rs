//! An account that does not stand still, and tables that answer in part only.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::script::{Answer, Asked, Script, canceled, error, reason};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn s(text: &str) -> Value {
    json!({ "S": text })
}

fn n(number: u64) -> Value {
    json!({ "N": number.to_string() })
}

/// A row with these attributes and the usual ones.
fn row(sk: &str, mut attributes: Value) -> Value {
    attributes["pk"] = s("demo");
    attributes["sk"] = s(sk);
    attributes["v"] = n(1);
    attributes
}

/// The id of the `place`th job.
fn id(place: u8) -> String {
    domain::ids::JobId::new(NOW, &[place; 10]).to_string()
}

fn balance(version: usize, available: u64) -> Value {
    let version = u64::try_from(version).unwrap();
    let sides = json!({
        "available_micros": n(available), "held_micros": n(0), "charged_micros": n(0),
        "credited_micros": n(0), "open_jobs": n(0), "free_slots": n(6), "queue_cap": n(6),
        "free_turns": n(2), "waiting_jobs": n(0), "running_cap": n(2),
        "balance_version": n(version),
    });
    row("balance", sides)
}

fn hold(place: u8) -> Value {
    let hold = json!({
        "kind": s("hold"), "created_at_ms": n(1), "job_id": s(&id(place)), "amount_micros": n(5),
    });
    row(&format!("entry#{}#hold", id(place)), hold)
}

fn refund(place: u8) -> Value {
    let refund = json!({
        "kind": s("refund"), "created_at_ms": n(1), "job_id": s(&id(place)), "held_micros": n(5),
        "charged_micros": n(0), "released_micros": n(5),
    });
    row(&format!("entry#{}#resolution", id(place)), refund)
}

fn event(place: u8) -> Value {
    let event = json!({
        "job_id": s(&id(place)), "job_status": s("expired"), "occurred_at_ms": n(1),
        "forget_at_s": n(9_000_000_000),
    });
    row(&format!("event#{}#expired", id(place)), event)
}

fn job(place: u8, status: &str) -> Value {
    let mut job = json!({
        "job_status": s(status), "n": n(1), "price_micros": n(5),
        "expires_at_ms": n(NOW.plus(Duration::from_hours(1)).millis()),
    });
    if status == "expired" {
        job["completed_at_ms"] = n(1);
        job["forget_at_s"] = n(9_000_000_000);
    } else {
        let id = id(place).parse().unwrap();
        job["due_shard"] = n(crate::keys::shard(&id).into());
        job["due_at_ms"] = n(1);
    }
    row(&format!("job#{}", id(place)), job)
}

fn key(place: u8) -> Value {
    let key = json!({
        "job_id": s(&id(place)), "fingerprint": s("f"), "expires_at_ms": n(9), "forget_at_s": n(9),
    });
    row(&format!("key#{place}"), key)
}

/// The rows of a job that has expired, as they are.
fn ended(place: u8) -> Vec<Value> {
    vec![hold(place), refund(place), event(place), job(place, "expired"), key(place)]
}

/// Tables with one account. Reads by key see it as it is; queries may see something else.
struct Account {
    /// What queries see, in the order of the keys.
    listed: Vec<Value>,
    /// What there is.
    stored: Vec<Value>,
    /// The balance that is met by the so-manieth call.
    balance: fn(usize) -> Value,
}

fn sk(row: &Value) -> &str {
    row["sk"]["S"].as_str().unwrap()
}

fn in_ledger(row: &Value) -> bool {
    ["balance", "entry#", "ref#"].iter().any(|prefix| sk(row).starts_with(prefix))
}

impl Account {
    fn of(rows: Vec<Value>) -> Self {
        Self { listed: rows.clone(), stored: rows, balance: |_| balance(0, 0) }
    }

    fn moving(self) -> Self {
        Self { balance: |place| balance(place, 0), ..self }
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let body = &asked.body;
        let found = |key: &Value| self.stored.iter().find(|row| row["sk"] == key["sk"]);
        let answer = match asked.call.as_str() {
            "Scan" if body["TableName"] == "ledger" => json!({ "Items": [balance(0, 0)] }),
            "Scan" => json!({ "Items": [] }),
            "Query" if asked.is_of_pockets() => json!({ "Items": [(self.balance)(asked.place)] }),
            "Query" => self.page(asked),
            "TransactGetItems" => {
                let gets = body["TransactItems"].as_array().unwrap().iter();
                let item = |get: &Value| found(&get["Get"]["Key"]);
                let items =
                    gets.map(|get| item(get).map_or(json!({}), |row| json!({ "Item": row })));
                json!({ "Responses": items.collect::<Vec<_>>() })
            }
            "BatchGetItem" => {
                let keys = body["RequestItems"]["ledger"]["Keys"].as_array().unwrap();
                let items: Vec<_> = keys.iter().filter_map(found).collect();
                json!({ "Responses": { "ledger": items } })
            }
            other => panic!("nobody should call {other}"),
        };
        (200, answer)
    }

    /// A page of a query, of as many rows as it asks for.
    fn page(&self, asked: &Asked) -> Value {
        let body = &asked.body;
        let condition = body["KeyConditionExpression"].as_str().unwrap();
        let start = body["ExclusiveStartKey"]["sk"]["S"].as_str().unwrap_or_default();
        let limit = usize::try_from(body["Limit"].as_u64().unwrap()).unwrap();
        let balance = (self.balance)(asked.place);
        let mut rows: Vec<&Value> = self.listed.iter().chain([&balance]).collect();
        rows.retain(|row| {
            let part = match condition {
                "pk = :user AND sk < :job" => sk(row) < "job#",
                "pk = :user AND sk >= :job" => sk(row) >= "job#",
                _ => true,
            };
            in_ledger(row) == (body["TableName"] == "ledger") && part && sk(row) > start
        });
        rows.sort_by_key(|row| sk(row));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let mut page = json!({ "Items": rows });
        if more {
            let last = rows.last().unwrap();
            page["LastEvaluatedKey"] = json!({ "pk": last["pk"], "sk": last["sk"] });
        }
        page
    }

    fn script(self) -> Arc<Script> {
        Script::new(move |asked| self.answer(asked))
    }
}

async fn audited(script: &Arc<Script>, page: u16) -> AuditReport {
    let bounds = AuditBounds { page, kept: 9 };
    script.store().audit_within(bounds, NOW, Duration::ZERO, |_| {}).await.unwrap()
}

fn found(report: &AuditReport) -> Vec<&'static str> {
    report.violations.iter().map(|violation| violation.invariant).collect()
}

fn calls(script: &Script, call: &str) -> usize {
    script.asked().iter().filter(|asked| asked.call == call).count()
}

/// Twice in each pass.
fn pockets_read(script: &Script) -> usize {
    script.asked().iter().filter(|asked| asked.is_of_pockets()).count()
}

#[tokio::test]
async fn pages_of_any_size_have_the_same_rows() {
    for page in 1..20 {
        let script = Account::of((1..=4).flat_map(ended).collect()).script();
        let report = audited(&script, page).await;
        assert!(report.is_clean(), "{page}: {report:#?}");
        assert_eq!((report.users, report.jobs, report.rows), (1, 4, 21), "{page}");
        let bounds = AuditBounds { page, kept: 9 };
        assert!(report.rows_at_once <= bounds.rows_max(), "{page}: {report:?}");
        assert_eq!(calls(&script, "TransactGetItems"), 0);
    }
}

#[tokio::test]
async fn the_pages_of_an_audit_are_consistent_and_without_prompts() {
    let script = Account::of(ended(1)).script();
    assert!(audited(&script, 100).await.is_clean());
    for Asked { call, body, .. } in script.asked() {
        let in_jobs = body["TableName"] == "jobs" && call == "Query";
        let attributes = body["ProjectionExpression"].as_str().unwrap_or_default();
        assert!(!in_jobs || attributes.contains("job_status") && !attributes.contains("prompt"));
        let consistent = match call.as_str() {
            "Scan" => true,
            "BatchGetItem" => body["RequestItems"]["ledger"]["ConsistentRead"] == true,
            _ => body["ConsistentRead"] == true,
        };
        assert!(consistent, "{call} {body}");
    }
}

/// The first job as the queries see it: not yet ended in one of the two tables.
fn torn() -> Account {
    let mut rows = [ended(1), ended(2)].concat();
    rows[2] = row("key#x", rows[4].clone());
    rows[3] = job(1, "pending");
    Account { listed: rows, ..Account::of([ended(1), ended(2)].concat()) }
}

#[tokio::test]
async fn a_job_that_looks_wrong_while_money_moves_is_read_again_before_it_is_reported() {
    let script = torn().moving().script();
    let report = audited(&script, 100).await;
    assert_eq!(found(&report), [""; 0]);
    assert_eq!(report.moving, ["demo".parse().unwrap()]);
    assert!(!report.is_clean());
    assert_eq!((report.users, report.jobs), (1, 2));
    // One reading in twenty reads it again: the last.
    assert_eq!(pockets_read(&script), 40);
    assert_eq!(calls(&script, "TransactGetItems"), 1);
}

#[tokio::test]
async fn a_job_that_is_wrong_is_reported_also_while_money_moves() {
    let mut account = torn().moving();
    account.stored.remove(0);
    let report = audited(&account.script(), 100).await;
    // Its hold is gone, which its key misses, too.
    assert_eq!(found(&report), ["INV-16", "INV-14", "INV-14"]);
    assert_eq!(report.moving_count(), 1);
}

#[tokio::test]
async fn rows_under_keys_that_no_job_has_are_read_again_too() {
    let mut second = refund(1);
    second["sk"] = s(&format!("entry#{}#resolution2", id(1)));
    let rows = [ended(1), vec![second]].concat();
    let report = audited(&Account::of(rows).moving().script(), 100).await;
    assert_eq!(found(&report), ["INV-05"]);
}

#[tokio::test]
async fn totals_are_checked_only_where_money_stands_still() {
    let wrong: fn(usize) -> Value = |_| balance(0, 7);
    let still = Account { balance: wrong, ..Account::of(ended(1)) };
    assert_eq!(found(&audited(&still.script(), 100).await), ["INV-01", "INV-03"]);
    let wrong: fn(usize) -> Value = |place| balance(place, 7);
    let moving = Account { balance: wrong, ..Account::of(ended(1)) };
    let report = audited(&moving.script(), 100).await;
    assert_eq!((found(&report), report.moving_count()), (vec![], 1));
}

#[tokio::test]
async fn an_account_that_comes_to_rest_is_gone_through_until_it_does() {
    let moves: fn(usize) -> Value = |place| balance(place.min(20), 0);
    let script = Account { balance: moves, ..Account::of(ended(1)) }.script();
    let report = audited(&script, 100).await;
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.users, report.jobs, report.rows), (1, 1, 6));
}

#[tokio::test]
async fn a_large_account_that_never_rests_is_gone_through_three_times_and_one_of_a_page_twenty() {
    for (page, passes) in [(2, 3), (20, 3), (21, 20)] {
        let script = Account::of((1..=4).flat_map(ended).collect()).moving().script();
        let report = audited(&script, page).await;
        assert_eq!((report.moving_count(), report.jobs, report.rows), (1, 4, 21));
        assert_eq!(pockets_read(&script), 2 * passes);
    }
}

#[tokio::test]
async fn what_is_too_much_to_keep_is_counted() {
    let rows = (1..=20).map(|place| job(place, "pending")).collect();
    let bounds = AuditBounds { page: 100, kept: 3 };
    let script = Account::of(rows).script();
    let report = script.store().audit_within(bounds, NOW, Duration::ZERO, |_| {}).await.unwrap();
    // Each has no hold, and the balance knows nothing of any of them.
    assert_eq!((report.violations.len(), report.violations_count()), (3, 23));
    assert!(!report.is_clean());
}

#[test]
fn of_users_that_are_never_still_some_are_named() {
    let (bounds, mut report) = (AuditBounds { page: 9, kept: 2 }, AuditReport::default());
    for count in 1..=4 {
        report.add_moving(&"demo".parse().unwrap(), bounds);
        assert_eq!(report.moving.len(), count.min(2));
        assert_eq!(report.moving_count(), u64::try_from(count).unwrap());
    }
}

#[tokio::test]
async fn holds_are_asked_for_together_and_a_hundred_at_a_time() {
    for (keys, requests) in [(2, 1), (99, 1), (100, 1), (101, 2)] {
        let script = Account::of([ended(1), (2..=keys).map(key).collect()].concat()).script();
        audited(&script, 100).await;
        assert_eq!(calls(&script, "BatchGetItem"), requests, "{keys}");
    }
}

#[tokio::test]
async fn a_job_with_too_many_rows_does_not_fill_the_memory() {
    let again = |place: usize| {
        let mut row = event(1);
        row["sk"] = s(&format!("event#{}#{place:05}", id(1)));
        row
    };
    let rows = [ended(1), (0..500).map(again).collect()].concat();
    let report = audited(&Account::of(rows).moving().script(), 10).await;
    assert_eq!(found(&report), ["INV-04"]);
    let bounds = AuditBounds { page: 10, kept: 9 };
    assert!(report.rows_at_once <= bounds.rows_max(), "{report:?}");
    assert_eq!(bounds.rows_max(), 3 * 10 + 64 + 72 + 100);
    // Of the 504 that it has, 64 were kept.
    assert!(format!("{report:?}").contains("440 more rows"), "{report:?}");
    assert_eq!(report.rows, 506);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_meets_writers_is_repeated_for_a_while() {
    let conflict = || canceled([reason("TransactionConflict")]);
    let account = torn().moving();
    let script = Script::new(move |asked| match asked.call.as_str() {
        "TransactGetItems" if asked.place % 2 == 0 => conflict(),
        _ => account.answer(asked),
    });
    assert_eq!(found(&audited(&script, 100).await), [""; 0]);

    let account = torn().moving();
    let script = Script::new(move |asked| match asked.call.as_str() {
        "TransactGetItems" => conflict(),
        _ => account.answer(asked),
    });
    let bounds = AuditBounds::default();
    let audited = script.store().audit_within(bounds, NOW, Duration::ZERO, |_| {}).await;
    assert!(matches!(audited, Err(StoreError::Busy)), "{audited:?}");
    assert_eq!(calls(&script, "TransactGetItems"), 12);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_is_throttled_is_repeated_and_one_that_is_refused_is_not() {
    for (code, readings, is_done) in
        [("ThrottlingException", 2, true), ("AccessDeniedException", 1, false)]
    {
        let account = torn().moving();
        let is_first = std::sync::atomic::AtomicBool::new(true);
        let script = Script::new(move |asked| match asked.call.as_str() {
            "TransactGetItems" if is_first.swap(false, std::sync::atomic::Ordering::Relaxed) => {
                error(400, code)
            }
            _ => account.answer(asked),
        });
        let bounds = AuditBounds { page: 100, kept: 9 };
        let audited = script.store().audit_within(bounds, NOW, Duration::ZERO, |_| {}).await;
        assert_eq!((calls(&script, "TransactGetItems"), audited.is_ok()), (readings, is_done));
    }
}

#[tokio::test(start_paused = true)]
async fn holds_that_were_not_answered_for_are_asked_for_again() {
    let account = Account::of([ended(1), ended(2)].concat());
    let script = Script::new(move |asked| {
        let wanted = &asked.body["RequestItems"]["ledger"]["Keys"];
        match wanted.as_array().map(Vec::as_slice) {
            Some([first, rest @ ..]) if !rest.is_empty() => {
                let mut one = asked.clone();
                one.body["RequestItems"]["ledger"]["Keys"] = json!([first]);
                let (status, mut answer) = account.answer(&one);
                answer["UnprocessedKeys"] = json!({ "ledger": { "Keys": rest } });
                (status, answer)
            }
            _ => account.answer(asked),
        }
    });
    let report = audited(&script, 100).await;
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(calls(&script, "BatchGetItem"), 2);
}
