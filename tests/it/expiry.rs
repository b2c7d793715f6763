//! Jobs that take too long end, once, and their holds go back.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::{ids::JobId, time::Timestamp};
use futures_util::future::{join, join_all};
use local::{TemplateSource, template::TEMPLATE};
use serde_json::{Value, json};

use crate::world::{Answer, BRISK, Caller, World, eventually, usd};

/// An invocation ends after four seconds, so the job is put down after three; a second later the
/// worker comes again, and time is up.
const SHORT: [(&str, &str); 7] = [
    ("GenerateTimeoutSeconds", "4"),
    ("RevisitSeconds", "1"),
    ("LeaseMarginSeconds", "1"),
    ("RunLimitSeconds", "3"),
    ("JobDeadlineSeconds", "4"),
    ("GraceSeconds", "1"),
    ("HardExpirySeconds", "600"),
];

fn order(sandbox: Value) -> Value {
    json!({ "model": "recraft-v3", "prompt": "a cat", "n": 2, "extra": { "sandbox": sandbox } })
}

/// The job has expired, and its user has all the money that they had.
async fn is_given_back(caller: &Caller, job: &Answer) {
    assert_eq!(job.job_status(), "expired");
    let error = job.json()["error"].clone();
    assert_eq!((&error["code"], &error["retryable"]), (&json!("job_expired"), &json!(true)));
    assert_eq!(job.money(&["charged_amount"]), Some(usd("0")));
    let balance = caller.balance().await;
    assert_eq!((balance.available, balance.held), (balance.credited, usd("0")));
    let kinds = caller.kinds().await;
    assert_eq!((kinds["hold"], kinds["refund"], kinds.get("usage")), (1, 1, None));
}

#[tokio::test]
async fn a_job_that_never_ends_expires_with_the_workers_last_question() {
    let world = World::with(&SHORT).await;
    let anna = world.user("anna", "1").await;
    let job = anna.accepted(&order(json!({ "outcome": "never" }))).await;
    // No sweep: the worker put it down, rang for itself, came again and asked.
    let ended = anna.wait(&job).await;
    is_given_back(&anna, &ended).await;
    world.finish().await;
}

#[tokio::test]
async fn a_result_that_is_there_at_the_last_question_is_a_success() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    let job = anna.accepted(&order(json!({ "delay_ms": 600_000 }))).await;
    world.put_down(&anna, &job).await;
    // Past the run limit, the deadline and the grace, and before the end of all patience.
    world.forward(Duration::from_mins(20));
    let ended = world.sweep_until_ended(&anna, &job).await;
    assert_eq!(ended.job_status(), "succeeded");
    assert_eq!(anna.balance().await.charged, usd("0.108"));
    world.finish().await;
}

#[tokio::test]
async fn a_job_whose_worker_never_comes_is_expired_by_the_sweep() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let job = anna.accepted(&order(json!({}))).await;
    world.forward(Duration::from_mins(16));
    // The grace is not over: the clock of whoever would begin it may be behind.
    world.stack().sweep_now().await.unwrap();
    assert_eq!(anna.job(&job).await.job_status(), "pending");
    world.forward(Duration::from_mins(2));
    world.sweep().await;
    is_given_back(&anna, &anna.job(&job).await).await;
    assert_eq!(world.sweep().await["looked_at"], 0);

    // The worker that comes at last finds nothing to do.
    world.stack().resume_queue();
    let before = world.rows().await;
    world.send(&World::bell(&anna, &job)).await;
    world.drained().await;
    world.is_as_before(&before).await;
    world.finish().await;
}

/// A clock that jumps back an hour makes everything later, and nothing earlier.
#[tokio::test]
async fn a_clock_that_jumps_back_delays_an_expiry_and_ends_nothing_early() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let first = anna.accepted(&order(json!({}))).await;
    world.forward(Duration::from_mins(31));
    // By this clock the first job was asked for in half an hour.
    world.back(Duration::from_hours(1));
    world.stack().sweep_now().await.unwrap();
    assert_eq!(anna.job(&first).await.job_status(), "pending");
    let second = anna.accepted(&order(json!({}))).await;
    world.forward(Duration::from_mins(31));
    world.stack().sweep_now().await.unwrap();
    assert_eq!(anna.job(&second).await.job_status(), "expired");
    assert_eq!(anna.job(&first).await.job_status(), "pending");
    assert_eq!(anna.balance().await.held, usd("0.108"));
    world.forward(Duration::from_mins(30));
    world.stack().sweep_now().await.unwrap();
    assert_eq!(anna.job(&first).await.job_status(), "expired");
    assert_eq!(anna.balance().await.held, usd("0"));
    world.stack().resume_queue();
    world.finish().await;
}

/// Everything that was accepted in an hour is due at once, and each run of the sweep has a few seconds for it.
#[tokio::test]
async fn a_backlog_is_worked_off_run_by_run_and_callers_are_served_meanwhile() {
    const USERS: usize = 12;
    const JOBS: usize = 84;
    let brief = TEMPLATE.replace("      Timeout: 50\n", "      Timeout: 17\n");
    assert_ne!(brief, TEMPLATE);
    let world = World::of(TemplateSource::Text(brief), &[]).await;
    world.stack().pause_queue();
    let mut users = Vec::new();
    for number in 0..USERS {
        let user = world.user(&format!("user-{number}"), "250").await;
        let (first, body) = (&user, order(json!({})));
        let answers = join_all((0..JOBS).map(|_| first.submit(&body))).await;
        assert!(answers.iter().all(|answer| answer.status == 202));
        users.push(user);
    }
    let other = world.user("other", "100").await;
    world.forward(Duration::from_mins(31));
    world.stack().resume_queue();
    let (mut expired, mut runs) = (0, 0);
    loop {
        let (report, made) = join(world.sweep(), other.made(&order(json!({})))).await;
        let of = |name: &str| report[name].as_u64().unwrap();
        assert!(of("looked_at") > 0 || report["unfinished"] == false, "{report}");
        assert_eq!(made.job_status(), "succeeded");
        expired += of("expired");
        runs += 1;
        if report["unfinished"] == false {
            break;
        }
        assert!(runs < 100, "{expired} expired in {runs} runs");
    }
    assert_eq!(expired, u64::try_from(USERS * JOBS).unwrap());
    for user in &users {
        assert_eq!(user.balance().await.held, usd("0"));
    }
    world.finish().await;
}

/// Another function may know other prices by now; the sweep knows none.
#[tokio::test]
async fn what_is_given_back_is_what_was_held_whatever_is_sold_for_how_much() {
    let world = World::with(&[("Markup", "2")]).await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let job = anna.accepted(&order(json!({}))).await;
    assert_eq!(anna.balance().await.held, usd("0.16"));
    world.forward(Duration::from_mins(31));
    world.sweep().await;
    is_given_back(&anna, &anna.job(&job).await).await;
    world.finish().await;
}

#[tokio::test]
async fn a_job_that_was_begun_ends_at_hard_expiry_though_its_worker_cannot_be_rung() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    let job = anna.accepted(&order(json!({ "outcome": "never" }))).await;
    world.put_down(&anna, &job).await;
    world.stack().pause_queue();
    world.forward(Duration::from_mins(31));
    let ended = world.sweep_until_ended(&anna, &job).await;
    is_given_back(&anna, &ended).await;
    world.finish().await;
}

#[tokio::test]
async fn a_worker_and_two_sweeps_that_end_the_same_jobs_end_each_once() {
    let world = World::start().await;
    let anna = world.user("anna", "5").await;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(anna.accepted(&order(json!({ "delay_ms": 600_000 }))).await);
    }
    for job in &jobs {
        eventually("the job is begun", async || {
            (anna.job(job).await.job_status() == "processing").then_some(())
        })
        .await;
    }
    // The worker has them all for a minute and a half yet, and asks every second. Now time is up,
    // and the result is there as well: it is too late, whoever comes first.
    world.forward(Duration::from_mins(31));
    join(world.sweep(), world.sweep()).await;
    // A worker may have put a job down at that moment, and then it is due a little later.
    for job in &jobs {
        let ended = world.sweep_until_ended(&anna, job).await;
        assert_eq!(ended.job_status(), "expired");
    }
    world.forward(Duration::from_mins(1));
    world.sweep().await;
    for job in &jobs {
        world.send(&World::bell(&anna, job)).await;
    }
    world.drained().await;
    for job in &jobs {
        assert_eq!(anna.job(job).await.job_status(), "expired");
    }
    let kinds = anna.kinds().await;
    assert_eq!((kinds["hold"], kinds["refund"], kinds.get("usage")), (4, 4, None));
    world.finish().await;
}

#[tokio::test]
async fn a_slow_job_takes_several_visits_and_succeeds_once() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    let job = anna.accepted(&order(json!({ "delay_ms": 3_000 }))).await;
    world.put_down(&anna, &job).await;
    let done = anna.wait(&job).await;
    assert_eq!(done.job_status(), "succeeded");
    assert_eq!(anna.pictures(&done).await.len(), 2);
    // Claimed more than once, sent to the provider only once.
    let row = world.row(&job).await;
    assert!(row["fence"].as_u64() > Some(1), "{row}");
    assert_eq!(row["submits"], 1, "{row}");
    let kinds = anna.kinds().await;
    assert_eq!((kinds["hold"], kinds["usage"]), (1, 1));
    assert_eq!(anna.balance().await.charged, usd("0.108"));
    world.finish().await;
}

/// A row under a key, with what else it has.
fn row(sk: String, more: &[(&str, AttributeValue)]) -> HashMap<String, AttributeValue> {
    let key = [("pk", AttributeValue::S("anna".to_owned())), ("sk", AttributeValue::S(sk))];
    key.iter().chain(more).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// More than a thousand jobs a minute end, and all of it was told: nothing piles up in the index.
#[tokio::test]
async fn the_sweep_takes_every_event_that_was_told_out_of_the_index_however_many() {
    const EVENTS: u32 = 2_200;
    let world = World::start().await;
    world.user("anna", "1").await;
    // The one with which the stack begins is over then.
    world.sweep().await;
    let client = world.stack().aws().unwrap().dynamodb();
    let table = |id: &str| world.stack().tables()[id].clone();
    let number = |number: u64| AttributeValue::N(number.to_string());
    let mut writes = Vec::new();
    for count in 0..EVENTS {
        let [a, b, c, d] = count.to_be_bytes();
        let id = JobId::new(Timestamp::from_millis(1), &[0, 0, 0, 0, 0, 0, a, b, c, d]);
        let due = [("due_shard", number(u64::from(count % 16))), ("due_at_ms", number(1))];
        writes.push((table("JobsTable"), row(format!("event#{id}#succeeded"), &due)));
        let told = [("v", number(1)), ("told_at_ms", number(2)), ("forget_at_s", number(9))];
        writes.push((table("WebhooksTable"), row(format!("told#{id}#succeeded"), &told)));
    }
    for some in writes.chunks(25) {
        let mut batch = client.batch_write_item();
        for (table, row) in some {
            let put = PutRequest::builder().set_item(Some(row.clone())).build().unwrap();
            let put = WriteRequest::builder().put_request(put).build();
            let mut all = batch.get_request_items().clone().unwrap_or_default();
            all.entry(table.clone()).or_default().push(put);
            batch = batch.set_request_items(Some(all));
        }
        batch.send().await.unwrap();
    }

    let report = world.sweep().await;
    assert_eq!((&report["looked_at"], &report["unfinished"]), (&json!(EVENTS), &json!(false)));
    assert_eq!(world.sweep().await["looked_at"], 0);
    // No job is behind them, which the audit would say.
    for some in writes.chunks(50) {
        let deleted = some.iter().map(|(table, row)| {
            let key = ["pk", "sk"].map(|name| (name.to_owned(), row[name].clone()));
            client.delete_item().table_name(table).set_key(Some(key.into())).send()
        });
        join_all(deleted).await.into_iter().for_each(|done| drop(done.unwrap()));
    }
    world.finish().await;
}
