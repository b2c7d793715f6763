//! Alarms: each is on something that is counted, says where it is written what to do, and each function and
//! each queue has those that it needs, also one that is added tomorrow.

use std::collections::BTreeSet;

use runtime::metrics::{DIMENSIONS, Metric, NAMESPACE};
use serde_json::{Value, json};

use crate::document::{Document, FUNCTION, QUEUE, TABLE, items, number, referred, text};

const RUNBOOK: &str = include_str!("../../../docs/runbook.md");
const INVARIANTS: &str = include_str!("../../../INVARIANTS.md");

const ALARM: &str = "AWS::CloudWatch::Alarm";
const API: &str = "AWS::Serverless::HttpApi";

/// The metrics that AWS counts by itself, of which we use: their namespace, names, dimension, and what
/// resource that names.
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>,
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html>
const OF_AWS: [(&str, &[&str], &str, &str); 4] = [
    (
        "AWS/Lambda",
        &["ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles"],
        "FunctionName",
        FUNCTION,
    ),
    (
        "AWS/SQS",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesSent",
        ],
        "QueueName",
        QUEUE,
    ),
    ("AWS/ApiGateway", &["4xx", "5xx", "Count", "IntegrationLatency", "Latency"], "ApiId", API),
    (
        "AWS/DynamoDB",
        &["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "TransactionConflict"],
        "TableName",
        TABLE,
    ),
];

/// A metric, as an alarm or the dashboard names it.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) metric: &'a str,
    pub(crate) dimensions: Vec<(&'a str, &'a Value)>,
}

impl<'a> Named<'a> {
    /// As `AWS::CloudWatch::Alarm` has it, directly or in a `MetricStat`.
    fn read(metric: &'a Value) -> Named<'a> {
        let dimensions = items(&metric["Dimensions"]).into_iter();
        Named {
            namespace: text(&metric["Namespace"]),
            metric: text(&metric["MetricName"]),
            dimensions: dimensions.map(|of| (text(&of["Name"]), &of["Value"])).collect(),
        }
    }

    /// Why nobody counts this; nothing, if somebody does.
    pub(crate) fn is_counted(&self, template: &Document) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("{why}: {self:?}"));
        if self.namespace == NAMESPACE {
            let Some(metric) = Metric::ALL.into_iter().find(|of| of.name() == self.metric) else {
                return wrong("there is no such metric");
            };
            let [(stack, name), (service, by), split @ ..] = self.dimensions.as_slice() else {
                return wrong("it has too few dimensions");
            };
            if [*stack, *service] != DIMENSIONS || name["Ref"] != "AWS::StackName" {
                return wrong("it has other dimensions");
            }
            if !metric.services().contains(&text(by)) {
                return wrong("that function does not count it");
            }
            return match split {
                [] => Ok(()),
                [(name, _)] if metric.split_by().contains(name) => Ok(()),
                _ => wrong("it is not split by that"),
            };
        }
        let Some((_, metrics, dimension, kind)) =
            OF_AWS.into_iter().find(|(namespace, ..)| *namespace == self.namespace)
        else {
            return wrong("there is no such namespace");
        };
        let [(name, value)] = self.dimensions.as_slice() else {
            return wrong("it must have one dimension");
        };
        let is_of_ours = referred(value).is_some_and(|id| template.type_of(id) == kind);
        if !metrics.contains(&self.metric) || *name != dimension || !is_of_ours {
            return wrong("AWS does not count that");
        }
        Ok(())
    }
}

/// The metrics that an alarm is on.
fn metrics(alarm: &Value) -> Vec<Named<'_>> {
    let properties = &alarm["Properties"];
    match items(&properties["Metrics"]) {
        own if own.is_empty() => vec![Named::read(properties)],
        queries => {
            let stats = queries.into_iter().map(|query| &query["MetricStat"]["Metric"]);
            stats.filter(|metric| !metric.is_null()).map(Named::read).collect()
        }
    }
}

/// How GitHub names the place of a heading.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The places in the runbook that can be linked to.
fn places() -> BTreeSet<String> {
    let headings = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## "));
    headings.map(slug).collect()
}

/// What is wrong with the alarms that there are.
fn wrong_alarms(template: &Document) -> Vec<String> {
    let places = places();
    let mut wrong = Vec::new();
    let alarms = template.all(ALARM);
    assert!(alarms.len() > 10);
    for (id, alarm) in alarms {
        let properties = &alarm["Properties"];
        let metrics = metrics(alarm);
        assert!(!metrics.is_empty(), "{id}");
        for why in metrics.iter().filter_map(|metric| metric.is_counted(template).err()) {
            wrong.push(format!("{id}: {why}"));
        }
        let description = text(&properties["AlarmDescription"]);
        let place = description.split_once("docs/runbook.md#").map(|(_, place)| place);
        if !place.is_some_and(|place| places.contains(place)) {
            wrong.push(format!("{id} does not end with a place in docs/runbook.md: {description}"));
        }
        let told = &properties["AlarmActions"]["Fn::If"];
        if told[0] != "AlarmsNotify" || told[1][0]["Ref"] != "AlarmTopicArn" {
            wrong.push(format!("{id} does not notify AlarmTopicArn"));
        }
        // Where nothing is counted, nothing happened; but a sweep happens every minute.
        let missing = text(&properties["TreatMissingData"]);
        let expected = if id == "SweepMissingAlarm" { "breaching" } else { "notBreaching" };
        if missing != expected {
            wrong.push(format!("{id} takes missing data for {missing}"));
        }
    }
    wrong
}

/// Whether there is an alarm on this metric of this resource with this comparison.
fn is_watched(template: &Document, metric: &str, resource: &str, threshold: u64) -> bool {
    template.all(ALARM).iter().any(|(_, alarm)| {
        let is_on = |named: &Named<'_>| {
            let of = named.dimensions.first().and_then(|(_, value)| referred(value));
            named.metric == metric && of == Some(resource)
        };
        let properties = &alarm["Properties"];
        properties["ComparisonOperator"] == "GreaterThanThreshold"
            && number(&properties["Threshold"]) == Some(threshold)
            && metrics(alarm).iter().any(is_on)
    })
}

/// What is not watched that should be.
fn unwatched(template: &Document) -> Vec<String> {
    let mut missing = Vec::new();
    let mut needs = |metric: &str, resource: &str, threshold: u64| {
        if !is_watched(template, metric, resource, threshold) {
            missing.push(format!("no alarm: {metric} of {resource} above {threshold}"));
        }
    };
    for (id, function) in template.all(FUNCTION) {
        // Per cent.
        needs("Errors", id, 1);
        needs("Throttles", id, 0);
        // The worker's visits last as long as an invocation may: they are put down when its time runs out.
        if id != "GenerateFunction" {
            let seconds = number(&function["Properties"]["Timeout"]).unwrap();
            // Whoever prefers to wait for pictures is answered after up to 25 seconds.
            let most = if id == "SubmitFunction" { 27_000 } else { seconds * 800 };
            needs("Duration", id, most);
        }
    }
    let queues = template.all(QUEUE);
    for (_, queue) in &queues {
        let target = &queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"];
        if let Some(target) = referred(target) {
            needs("ApproximateNumberOfMessagesVisible", target, 0);
        }
    }
    missing
}

/// What is wrong with the dashboard: each thing that it shows must be counted.
fn wrong_dashboard(template: &Document) -> Vec<String> {
    let dashboards = template.all("AWS::CloudWatch::Dashboard");
    let [(_, dashboard)] = &dashboards[..] else { panic!("there is one dashboard") };
    let body = text(&dashboard["Properties"]["DashboardBody"]["Fn::Sub"]);
    let body: Value = serde_json::from_str(body).unwrap();
    let mut wrong = Vec::new();
    let widgets = items(&body["widgets"]);
    assert!(widgets.len() >= 10);
    for widget in widgets {
        let metrics = items(&widget["properties"]["metrics"]);
        assert!(!metrics.is_empty(), "{widget}");
        for metric in metrics {
            let parts: Vec<&str> = items(metric).into_iter().filter_map(Value::as_str).collect();
            let [namespace, name, dimensions @ ..] = parts.as_slice() else { panic!("{metric}") };
            let values: Vec<Value> = dimensions.iter().skip(1).step_by(2).map(reference).collect();
            let dimensions = dimensions.iter().step_by(2).copied().zip(&values).collect();
            let shown = Named { namespace, metric: name, dimensions };
            wrong.extend(shown.is_counted(template).err());
        }
    }
    wrong
}

/// What `${…}` stands for in a `Fn::Sub`, in the form that a template has it elsewhere.
fn reference(text: &&str) -> Value {
    match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        None => json!(text),
        Some(name) if name.contains('.') => json!({ "Fn::GetAtt": name }),
        Some(name) => json!({ "Ref": name }),
    }
}

#[test]
fn everything_that_the_dashboard_shows_is_counted() {
    assert_eq!(wrong_dashboard(&Document::ours()), [""; 0]);
    for (text, other, why) in [
        ("\"Holdfast\", \"ChargedMicros\"", "\"Holdfast\", \"Charged\"", "no such metric"),
        ("\"outcome\", \"accepted\"", "\"upstream\", \"bfl\"", "not split by that"),
        ("\"ApiId\", \"${Api}\"", "\"ApiName\", \"${Api}\"", "AWS does not count that"),
        ("\"QueueName\", \"${JobsQueue.QueueName}\"", "\"QueueName\", \"jobs\"", "AWS does not"),
    ] {
        let wrong = wrong_dashboard(&Document::with(text, other));
        assert!(wrong.len() == 1 && wrong[0].contains(why), "{text}: {wrong:?}");
    }
}

/// An alarm on a metric that nobody counts never rings.
#[test]
fn every_alarm_is_on_a_metric_that_is_counted() {
    assert_eq!(wrong_alarms(&Document::ours()), [""; 0]);
    for (text, other, why) in [
        ("MetricName: UpstreamTrouble\n", "MetricName: Trouble\n", "there is no such metric"),
        ("MetricName: Throttles\n", "MetricName: Throttled\n", "AWS does not count that"),
        ("Value: sweep\n", "Value: generate\n", "that function does not count it"),
        ("          Value: !Ref AWS::StackName\n", "          Value: x\n", "other dimensions"),
    ] {
        let wrong = wrong_alarms(&Document::with(text, other));
        assert!(wrong.len() == 1 && wrong[0].contains(why), "{text}: {wrong:?}");
    }
}

#[test]
fn every_alarm_notifies_and_says_where_it_is_written_what_to_do() {
    for (text, other, why) in [
        ("docs/runbook.md#throttles", "docs/runbook.md#nowhere", "a place in docs/runbook.md"),
        ("      AlarmActions: !If [AlarmsNotify,", "      X: !If [AlarmsNotify,", "notify"),
        ("TreatMissingData: breaching", "TreatMissingData: ignore", "missing data"),
    ] {
        let wrong = wrong_alarms(&Document::with(text, other));
        assert!(wrong.len() == 1 && wrong[0].contains(why), "{text}: {wrong:?}");
    }
}

/// Nobody should be sent to a page that says nothing.
#[test]
fn the_runbook_says_of_each_alarm_what_it_means_what_to_look_at_and_what_mends_it() {
    let entries: Vec<&str> = RUNBOOK.split("\n## ").skip(1).collect();
    let template = Document::ours();
    for (id, alarm) in template.all(ALARM) {
        let description = text(&alarm["Properties"]["AlarmDescription"]);
        let (_, place) = description.split_once("docs/runbook.md#").unwrap();
        let entry = entries.iter().find(|entry| slug(entry.lines().next().unwrap()) == place);
        let entry = entry.unwrap_or_else(|| panic!("{id} has no entry"));
        for part in ["**Means**", "**Look at**", "**Mend**"] {
            assert!(entry.contains(part), "the entry of {id} does not say: {part}");
        }
        let has_command = ["\n```sh\n", "\n```console\n"].iter().any(|mark| entry.contains(mark));
        assert!(has_command, "the entry of {id} has no command");
    }
}

#[test]
fn every_function_and_every_queue_has_its_alarms() {
    assert_eq!(unwatched(&Document::ours()), [""; 0]);
    for (text, other) in [
        ("Threshold: 40000\n", "Threshold: 50000\n"),
        ("Value: !GetAtt JobsDeadLetterQueue.QueueName", "Value: !GetAtt JobsQueue.QueueName"),
        ("    Timeout: 10\n", "    Timeout: 11\n"),
    ] {
        assert!(!unwatched(&Document::with(text, other)).is_empty(), "{text}");
    }
}

/// A hold that outlives its hard expiry is the one promise that time alone must keep.
/// Whoever may meet wrong books has an alarm: it is on one service.
#[test]
fn wrong_books_ring_whoever_meets_them() {
    let template = Document::ours();
    let alarms = template.all(ALARM);
    for service in Metric::BooksUnbalanced.services() {
        let is_on = |named: &Named<'_>| {
            let of = named.dimensions.iter().find(|(name, _)| *name == "service");
            named.metric == Metric::BooksUnbalanced.name()
                && of.is_some_and(|(_, value)| **value == *service)
        };
        let rings = alarms.iter().any(|(_, alarm)| {
            number(&alarm["Properties"]["Threshold"]) == Some(0) && metrics(alarm).iter().any(is_on)
        });
        assert!(rings, "{service}");
    }
}

#[test]
fn a_hold_that_outlives_its_hard_expiry_rings_an_alarm() {
    let template = Document::ours();
    let alarms = template.all(ALARM);
    let (_, alarm) = alarms.iter().find(|(id, _)| *id == "OldestHoldAlarm").unwrap();
    let [metric] = &metrics(alarm)[..] else { panic!("it is on one metric") };
    assert_eq!(metric.metric, Metric::OldestHoldAge.name());
    assert_eq!(alarm["Properties"]["Threshold"]["Ref"], "HardExpirySeconds");
    assert_eq!(alarm["Properties"]["ComparisonOperator"], "GreaterThanThreshold");
}

/// F-56: while no sweep runs nothing is given back, and nobody but the operator can know.
#[test]
fn a_sweep_that_does_not_come_rings_an_alarm() {
    let template = Document::ours();
    let alarms = template.all(ALARM);
    let (_, alarm) = alarms.iter().find(|(id, _)| *id == "SweepMissingAlarm").unwrap();
    let [metric] = &metrics(alarm)[..] else { panic!("it is on one metric") };
    assert_eq!(metric.metric, Metric::Sweeps.name());
    let properties = &alarm["Properties"];
    assert_eq!(properties["ComparisonOperator"], "LessThanThreshold");
    assert_eq!(number(&properties["Threshold"]), Some(1));
    assert_eq!(text(&properties["Statistic"]), "Sum");
    // At least two sweeps fall into each period, however seldom they run.
    assert!(number(&properties["Period"]).unwrap() >= 2 * 120);
    let row = INVARIANTS.lines().find(|line| line.starts_with("| F-56 |"));
    assert!(row.unwrap().contains("`a_sweep_that_does_not_come_rings_an_alarm`"));
}

/// An alarm that rings when jobs have expired already comes too late.
#[test]
fn a_queue_that_is_not_worked_off_rings_before_a_job_expires() {
    let template = Document::ours();
    let (_, deadline) =
        template.section("Parameters").find(|(name, _)| *name == "JobDeadlineSeconds").unwrap();
    let alarms = template.all(ALARM);
    let (_, alarm) = alarms.iter().find(|(id, _)| *id == "QueueAgeAlarm").unwrap();
    let threshold = number(&alarm["Properties"]["Threshold"]).unwrap();
    assert!(threshold < number(&deadline["MinValue"]).unwrap());
}
