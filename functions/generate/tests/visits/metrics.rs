//! What is counted: each metric is provoked, with the value and the upstream in its line.

use domain::upstream::Upstream;
use runtime::metrics::Metric;
use serde_json::{Value, json};
use testkit::{Plan, Reply};

use crate::{
    played::{BFL_ONE, IDEOGRAM, Line, Pace, Played, RECRAFT},
    world::World,
};

/// The line and the answer that provoke a metric, and what is counted then.
fn provoked(metric: Metric) -> (Line, Reply, u64) {
    match metric {
        Metric::UpstreamTrouble => (BFL_ONE, Reply::fixture("bfl/401"), 1),
        // 80 units are 80,000 micro-dollars, and one picture is listed with 40,000.
        Metric::UpstreamCostAboveCatalogue => {
            (Line { n: 1, ..RECRAFT }, Reply::fixture("recraft/dearer"), 40_000)
        }
        Metric::ImagesWithheld => {
            (Line { n: 4, ..IDEOGRAM }, Reply::fixture("ideogram/one_unsafe"), 1)
        }
        Metric::SubmitUnknown => (RECRAFT, Reply::cut(), 1),
    }
}

/// Name, value and upstream of each line.
fn counted(lines: &[String]) -> Vec<(String, u64, String)> {
    let read = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = |place| line.pointer(place).and_then(Value::as_str).unwrap().to_owned();
        let name = at("/_aws/CloudWatchMetrics/0/Metrics/0/Name");
        let value = line.get(&name).and_then(Value::as_u64).unwrap();
        (name, value, at("/upstream"))
    };
    lines.iter().map(read).collect()
}

#[tokio::test]
async fn each_metric_is_counted_once_with_its_value_and_its_upstream() {
    let world = World::start().await;
    for metric in Metric::ALL {
        let (line, reply, value) = provoked(metric);
        let mut played = Played::new(&world, &line, Pace::PATIENT, Plan::default()).await;
        let lines = played.count();
        played.upstream.first("POST", line.submit, reply);
        played.drive().await;
        played.check(2).await;
        let found = counted(&lines.lock().unwrap());
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
        assert_eq!(counted(&lines.lock().unwrap()), []);
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
    assert_eq!(counted(&lines.lock().unwrap()), [trouble.clone(), trouble]);
    world.close().await;
}
