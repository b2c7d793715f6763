//! What is counted: each metric is provoked, with the value and the upstream in its line.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{job::Status, upstream::Upstream};
use runtime::Metric;
use serde_json::{Value, json};
use testkit::{Plan, Reply};

use crate::{
    played::{BFL_ONE, IDEOGRAM, Line, Pace, Played, RECRAFT},
    script::{Say, Tell},
    world::{HOLD, PRICE, World, bell, invoke, message},
};

/// What tells of trouble or of money that is lost, by upstream.
const TROUBLE: [Metric; 5] = [
    Metric::UpstreamTrouble,
    Metric::UpstreamCostAboveCatalogue,
    Metric::ImagesWithheld,
    Metric::SubmitUnknown,
    Metric::AbsorbedMicros,
];

/// The line and the answer that provoke a metric, and what is counted then.
fn provocations() -> [(Metric, Line, Reply, u64); 4] {
    [
        (Metric::UpstreamTrouble, BFL_ONE, Reply::fixture("bfl/401"), 1),
        // 80 units are 80,000 micro-dollars, and one picture is listed with 40,000.
        (
            Metric::UpstreamCostAboveCatalogue,
            Line { n: 1, ..RECRAFT },
            Reply::fixture("recraft/dearer"),
            40_000,
        ),
        (
            Metric::ImagesWithheld,
            Line { n: 4, ..IDEOGRAM },
            Reply::fixture("ideogram/one_unsafe"),
            1,
        ),
        (Metric::SubmitUnknown, RECRAFT, Reply::cut(), 1),
    ]
}

/// Name, value and upstream of each line that is about one of these.
fn counted(lines: &[String], metrics: &[Metric]) -> Vec<(String, u64, String)> {
    let read = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = |place| Some(line.pointer(place)?.as_str()?.to_owned());
        let name = at("/_aws/CloudWatchMetrics/0/Metrics/0/Name")?;
        metrics.iter().find(|metric| metric.name() == name)?;
        let value = line.get(&name)?.as_u64()?;
        Some((name, value, at("/upstream")?))
    };
    lines.iter().filter_map(read).collect()
}

#[tokio::test]
async fn each_metric_is_counted_once_with_its_value_and_its_upstream() {
    let world = World::start().await;
    for (metric, line, reply, value) in provocations() {
        let mut played = Played::new(&world, &line, Pace::PATIENT, Plan::default()).await;
        let lines = played.count();
        played.upstream.first("POST", line.submit, reply);
        played.drive().await;
        played.check(2).await;
        let found = counted(&lines.lock().unwrap(), &[metric]);
        let upstream = line.upstream.as_str().to_owned();
        assert_eq!(found, [(metric.name().to_owned(), value, upstream)]);
    }
    world.close().await;
}

#[tokio::test]
async fn nothing_is_counted_when_nothing_is_wrong() {
    let world = World::start().await;
    for line in [&BFL_ONE, &IDEOGRAM, &RECRAFT] {
        let mut played = Played::new(&world, line, Pace::PATIENT, Plan::default()).await;
        let lines = played.count();
        played.drive().await;
        played.check(1).await;
        assert_eq!(counted(&lines.lock().unwrap(), &TROUBLE), []);
    }
    world.close().await;
}

#[tokio::test]
async fn trouble_is_counted_at_each_question_until_it_is_cured() {
    let world = World::start().await;
    let mut played = Played::new(&world, &BFL_ONE, Pace::PATIENT, Plan::default()).await;
    let lines = played.count();
    let refused = Reply::json(401, json!({}));
    played.upstream.first("GET", BFL_ONE.poll.unwrap(), vec![refused; 2]);
    played.drive().await;
    played.check(1).await;
    let trouble = (Metric::UpstreamTrouble.name().to_owned(), 1, Upstream::Bfl.to_string());
    let found = counted(&lines.lock().unwrap(), &[Metric::UpstreamTrouble]);
    assert_eq!(found, [trouble.clone(), trouble]);
    world.close().await;
}

/// What no caller pays is counted as money: the catalogue has a picture of Recraft with 40,000
/// micro-dollars, one of Ideogram with 60,000.
#[tokio::test]
async fn what_no_caller_pays_is_counted_in_money() {
    let world = World::start().await;
    for (line, reply, micros) in [
        (Line { n: 1, ..RECRAFT }, Reply::fixture("recraft/dearer"), 40_000),
        (Line { n: 4, ..IDEOGRAM }, Reply::fixture("ideogram/one_unsafe"), 60_000),
        (Line { n: 1, ..RECRAFT }, Reply::cut(), 40_000),
    ] {
        let mut played = Played::new(&world, &line, Pace::PATIENT, Plan::default()).await;
        let lines = played.count();
        played.upstream.first("POST", line.submit, reply);
        played.drive().await;
        played.check(2).await;
        let found = counted(&lines.lock().unwrap(), &[Metric::AbsorbedMicros]);
        assert_eq!(found, [("AbsorbedMicros".to_owned(), micros, line.upstream.to_string())]);
    }
    world.close().await;
}

#[tokio::test]
async fn the_life_of_a_job_is_counted_step_by_step() {
    let world = World::start().await;
    let counts = &world.counts;
    let job = world.job([Say::Unknown, Say::Accepted("task")], [Tell::Done(1)]).await;
    world.visit(&job).await;
    assert_eq!(counts.sum_of("Claims", "begun"), 1);
    assert_eq!((counts.sum("Submits"), counts.sum("Resubmits")), (1, 0));
    assert_eq!(
        (counts.sum("SubmitUnknown"), counts.sum_of("UpstreamErrors", "unanswered")),
        (1, 1)
    );
    assert_eq!(counts.sum("JobsEnded"), 0);

    world.forward(Duration::from_secs(6));
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, PRICE).await;
    assert_eq!(counts.sum_of("Claims", "resumed"), 1);
    assert_eq!((counts.sum("Submits"), counts.sum("Resubmits")), (2, 1));
    assert_eq!((counts.sum("JobsEnded"), counts.sum_of("JobsEnded", "succeeded")), (1, 1));
    assert_eq!((counts.sum("ChargedMicros"), counts.sum("JobDuration")), (PRICE, 6_000));

    world.visit(&job).await;
    assert_eq!((counts.sum("Claims"), counts.sum_of("Claims", "ended")), (3, 1));
    assert_eq!((counts.sum("JobsEnded"), counts.sum("ChargedMicros")), (1, PRICE));
    world.finish(PRICE, 0).await;
}

#[tokio::test]
async fn a_bell_that_nobody_hears_is_counted() {
    let world = World::start().await;
    let deaf = world
        .elsewhere(|environment| environment.with("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9"));
    let job = world.job([Say::Busy], []).await;
    let deadline = world.now().plus(Duration::from_mins(1));
    assert_eq!(invoke(&deaf, vec![message("one", &bell(&job))], deadline).await, [""; 0]);
    world.put_down(&job).await;
    assert_eq!(world.counts.sum("RingsFailed"), 1);
    assert_eq!(world.counts.sum_of("UpstreamErrors", "busy"), 1);
    world.finish(0, HOLD).await;
}

/// The one thing that must never be: somebody else has written to the ledger.
#[tokio::test]
async fn books_that_are_wrong_are_counted_when_a_hold_cannot_be_resolved() {
    let world = World::start().await;
    let job = world.job([Say::Accepted("task")], [Tell::Done(2)]).await;
    let key = |name: &str| AttributeValue::S(name.to_owned());
    world
        .aws()
        .dynamodb()
        .update_item()
        .table_name(world.table("LedgerTable"))
        .key("pk", key(job.user.as_str()))
        .key("sk", key("balance"))
        .update_expression("SET held_micros = :none")
        .expression_attribute_values(":none", AttributeValue::N("0".to_owned()))
        .send()
        .await
        .unwrap();
    world.visit(&job).await;
    assert_eq!(world.counts.sum("BooksUnbalanced"), 1);
    assert_eq!(world.counts.sum("JobsEnded"), 0);
    world.stop().await;
}
