use std::{collections::BTreeSet, sync::Mutex};

use domain::time::Timestamp;
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_777_111_200_123;

fn clock() -> Clock {
    Clock::new(|| Timestamp::from_millis(NOW))
}

/// Metrics, and the lines that they write.
fn captured() -> (Metrics, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let metrics = Metrics::new("generate", clock(), {
        let lines = Arc::clone(&lines);
        move |line| {
            lines.lock().unwrap().push(line.to_owned());
            Ok(())
        }
    });
    (metrics, lines)
}

fn function(name: &str) -> Environment {
    Environment::default().with("AWS_LAMBDA_FUNCTION_NAME", name)
}

#[test]
fn a_count_is_one_line_in_the_embedded_metric_format() {
    let (metrics, lines) = captured();
    metrics.count(Metric::UpstreamTrouble, 1, &[By::Upstream(Upstream::Sandbox)]);
    let line = concat!(
        r#"{"_aws":{"Timestamp":1777111200123,"CloudWatchMetrics":[{"Namespace":"Holdfast","#,
        r#""Dimensions":[["stack","service"],["stack","service","upstream"]],"#,
        r#""Metrics":[{"Name":"UpstreamTrouble","Unit":"Count"}]}]},"#,
        r#""stack":"holdfast","service":"generate","upstream":"sandbox","UpstreamTrouble":1}"#,
    );
    assert_eq!(*lines.lock().unwrap(), [line]);
}

/// What the specification asks of a line, in its words: members that a directive refers to are on
/// the root, a metric's is a number, a dimension's is a text.
#[test]
fn whatever_is_counted_keeps_to_the_specification() {
    let (metrics, lines) = captured();
    for metric in Metric::ALL {
        for value in [0, 1, 40_000, u64::MAX] {
            let by = [By::Upstream(Upstream::Sandbox), By::Outcome("accepted")];
            let by = by.into_iter().filter(|by| metric.split_by().contains(&by.pair().0));
            metrics.count(metric, value, &by.collect::<Vec<_>>());
            let line = lines.lock().unwrap().pop().unwrap();
            assert!(!line.contains('\n'), "{line}");
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["_aws"]["Timestamp"], NOW);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(directive["Namespace"], "Holdfast");
            assert_eq!(
                directive["Metrics"],
                json!([{"Name": metric.name(), "Unit": metric.unit()}])
            );
            assert!(["Count", "Milliseconds", "Seconds"].contains(&metric.unit()));
            assert_eq!(line[metric.name()], value);
            let sets = directive["Dimensions"].as_array().unwrap();
            assert_eq!(sets.len(), 1 + metric.split_by().len(), "{line}");
            for set in directive["Dimensions"].as_array().unwrap() {
                let set = set.as_array().unwrap();
                assert!((1..=30).contains(&set.len()), "{line}");
                for name in set {
                    let text = line[name.as_str().unwrap()].as_str().unwrap();
                    assert!((1..=1024).contains(&text.len()) && text.is_ascii(), "{text}");
                }
            }
        }
    }
}

#[test]
fn no_two_metrics_have_one_name_and_none_has_the_name_of_another_member() {
    let names: BTreeSet<_> = Metric::ALL.map(Metric::name).into_iter().collect();
    assert_eq!(names.len(), Metric::ALL.len());
    assert!(
        ["_aws", "stack", "service", "upstream", "outcome"]
            .iter()
            .all(|other| !names.contains(other))
    );
}

#[test]
fn a_function_counts_and_one_machine_does_not_unless_it_is_asked_to() {
    let host = Host::system();
    assert!(Metrics::of(&function("stack-Generate-1"), "generate", &host).sink.is_some());
    for environment in [Environment::default(), function("")] {
        let metrics = Metrics::of(&environment, "generate", &host);
        assert!(metrics.sink.is_none());
        metrics.count(Metric::Sweeps, 1, &[]);
    }
    let lines = Arc::new(Mutex::new(0));
    let host = host.with_counts(Some(Sink::new({
        let lines = Arc::clone(&lines);
        move |_| {
            *lines.lock().unwrap() += 1;
            Ok(())
        }
    })));
    Metrics::of(&Environment::default(), "sweep", &host).count(Metric::Sweeps, 1, &[]);
    Metrics::of(&function("stack-Sweep-1"), "sweep", &host).count_some(Metric::RungAgain, 0);
    assert_eq!(*lines.lock().unwrap(), 1);
}

#[test]
fn a_count_that_cannot_be_written_fails_nothing() {
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    let metrics = Metrics::new("generate", clock(), move |_| Err(full()));
    metrics.count(Metric::SubmitUnknown, 1, &[By::Upstream(Upstream::Sandbox)]);
}

#[test]
fn metrics_can_be_shared_and_shown() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let (metrics, _) = captured();
    shared(&metrics);
    assert_eq!(format!("{metrics:?}"), r#"Metrics { service: "generate", .. }"#);
}
