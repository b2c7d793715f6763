//! What a run reports, and a run that has no time.

use std::sync::{Arc, Mutex};

use lambda_runtime::Context;
use runtime::metrics::Sink;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);

fn variables() -> Vec<(String, String)> {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        // The discard port, where nobody listens.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("JOBS_TABLE", "jobs"),
        ("LEDGER_TABLE", "ledger"),
        ("WEBHOOKS_TABLE", "webhooks"),
        ("QUEUE_URL", "http://127.0.0.1:9/000000000000/jobs"),
        ("EVENTS_QUEUE_URL", "http://127.0.0.1:9/000000000000/events"),
        ("FAIR_QUEUE", "true"),
        ("REANNOUNCE_SECONDS", "120"),
        ("GRACE_SECONDS", "120"),
        ("RETENTION_DAYS", "90"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn app() -> App {
    app_on(Host::system())
}

fn app_on(host: Host) -> App {
    App::new(&variables().into_iter().collect(), host.with_clock(Clock::new(|| NOW))).unwrap()
}

#[test]
fn each_row_is_counted_once_under_what_became_of_it() {
    let outcomes = [
        (Outcome::Announced, 4),
        (Outcome::Expired, 3),
        (Outcome::LeftAlone, 2),
        (Outcome::Failed, 1),
        (Outcome::Reminded, 5),
    ];
    let mut report = Report::default();
    for (outcome, times) in &outcomes {
        for _ in 0..*times {
            report = report.count(outcome);
        }
    }
    let expected = Report {
        looked_at: 15,
        announced: 4,
        expired: 3,
        reminded: 5,
        left_alone: 2,
        failed: 1,
        unfinished: false,
    };
    assert_eq!(report, expected);
}

#[test]
fn counters_do_not_wrap() {
    let full = Report { looked_at: u32::MAX, failed: u32::MAX, ..Report::default() };
    assert_eq!(full.count(&Outcome::Failed), full);
}

#[test]
fn a_report_is_plain_json() {
    let report = Report { looked_at: 2, announced: 1, failed: 1, ..Report::default() };
    let expected = json!({
        "looked_at": 2,
        "announced": 1,
        "expired": 0,
        "reminded": 0,
        "left_alone": 0,
        "failed": 1,
        "unfinished": false,
    });
    assert_eq!(serde_json::to_value(report).unwrap(), expected);
}

/// No table is there: asking one would be an error.
#[tokio::test]
async fn a_run_without_time_begins_nothing_and_says_so() {
    for left in [0, 1_000, 15_000] {
        let mut context = Context::default();
        context.deadline = NOW.plus(Duration::from_millis(left)).millis();
        let counts = Arc::new(Mutex::new(String::new()));
        let taken = Arc::clone(&counts);
        let sink = Sink::new(move |line| {
            taken.lock().unwrap().push_str(line);
            Ok(())
        });
        let app = app_on(Host::system().with_counts(Some(sink)));
        let report = handle(&app, LambdaEvent::new(Value::Null, context)).await.unwrap();
        assert_eq!(report, Report { unfinished: true, ..Report::default() }, "{left}");
        // Whoever waits for a sweep that has seen all is not told of this one.
        let counts = counts.lock().unwrap();
        assert!(!counts.contains(Metric::Sweeps.name()), "{counts}");
    }
}

#[test]
fn credentials_are_not_shown() {
    let shown = format!("{:?}", app());
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_function_that_lacks_a_variable_does_not_start() {
    for (name, value) in variables() {
        let others = variables().into_iter().filter(|(other, _)| *other != name);
        let started = App::new(&others.collect(), Host::system().with_clock(Clock::new(|| NOW)));
        assert_eq!(started.is_err(), name != "AWS_ENDPOINT_URL", "{name}={value}");
    }
}
