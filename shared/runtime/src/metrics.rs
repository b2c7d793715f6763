//! Counting: one line on standard output for each thing counted, in CloudWatch's embedded metric
//! format, from which CloudWatch makes a metric. Nothing is called for it
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
//!
//! CloudWatch drops a line that breaks the format without a word, so there is nothing to get wrong:
//! what is counted, and for whom, are enums, and the value is a whole number.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    sync::Arc,
};

use domain::upstream::Upstream;
use serde::Serialize;

use crate::{Clock, Environment};

/// The stack where nobody says which.
const STACK: &str = "holdfast";
/// The dimensions that an alarm is set on.
pub const DIMENSIONS: [&str; 2] = ["stack", "service"];
/// The namespace of all our metrics.
pub const NAMESPACE: &str = "Holdfast";

/// Something that is counted. An alarm is set on its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The upstream refuses our key, or our credit there has run out.
    UpstreamTrouble,
    /// The upstream charged more than the catalogue says. What is counted is the difference, in
    /// millionths of a dollar.
    UpstreamCostAboveCatalogue,
    /// An image was made and billed to us, but withheld by moderation, so that it was neither
    /// delivered nor charged.
    ImagesWithheld,
    /// The upstream may have taken an order, and did not say.
    SubmitUnknown,
}

impl Metric {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::UpstreamTrouble,
        Self::UpstreamCostAboveCatalogue,
        Self::ImagesWithheld,
        Self::SubmitUnknown,
    ];

    /// Its name in CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpstreamTrouble => "UpstreamTrouble",
            Self::UpstreamCostAboveCatalogue => "UpstreamCostAboveCatalogue",
            Self::ImagesWithheld => "ImagesWithheld",
            Self::SubmitUnknown => "SubmitUnknown",
        }
    }
}

type Sink = dyn Fn(&str) -> io::Result<()> + Send + Sync;

/// Counts for one function.
#[derive(Clone)]
pub struct Metrics {
    stack: Arc<str>,
    service: &'static str,
    clock: Clock,
    sink: Option<Arc<Sink>>,
}

impl Metrics {
    /// On standard output if this is Lambda, which sets `AWS_LAMBDA_FUNCTION_NAME`. On one machine
    /// standard output is read by people, so nothing is counted there.
    ///
    /// The service is the function's short name, which is the same in every stack; `STACK_NAME` says
    /// whose it is, so that two stacks of one account do not ring each other's alarms.
    #[must_use]
    pub fn of(environment: &Environment, service: &'static str, clock: Clock) -> Self {
        let metrics = match environment.get("AWS_LAMBDA_FUNCTION_NAME") {
            Some(_) => Self::stdout(service, clock),
            None => Self { stack: STACK.into(), service, clock, sink: None },
        };
        let stack = environment.get("STACK_NAME").unwrap_or(STACK);
        Self { stack: stack.into(), ..metrics }
    }

    /// On standard output.
    #[must_use]
    pub fn stdout(service: &'static str, clock: Clock) -> Self {
        Self::new(service, clock, |line| {
            // One write under one lock, so that no other line comes in between.
            let mut stdout = io::stdout().lock();
            stdout.write_all(format!("{line}\n").as_bytes())?;
            stdout.flush()
        })
    }

    /// To `sink`, which is given a line at a time, without its end.
    #[must_use]
    pub fn new(
        service: &'static str,
        clock: Clock,
        sink: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { stack: STACK.into(), service, clock, sink: Some(Arc::new(sink)) }
    }

    /// Counts `value` of `metric`. A count that cannot be written is logged; it never fails what it
    /// counts.
    pub fn count(&self, metric: Metric, value: u64, upstream: Upstream) {
        let Some(sink) = &self.sink else { return };
        let line = self.line(metric, value, upstream);
        let written = serde_json::to_string(&line).map_err(io::Error::from);
        if let Err(error) = written.and_then(|line| sink(&line)) {
            let metric = metric.name();
            tracing::error!(metric, value, cause = %error, "a metric cannot be written");
        }
    }
}

impl Metrics {
    fn line(&self, metric: Metric, value: u64, upstream: Upstream) -> Line<'_> {
        let name = metric.name();
        let directive = Directive {
            namespace: NAMESPACE,
            // CloudWatch adds nothing up over dimensions, and an alarm is on one metric: with the
            // first set one alarm is enough for all upstreams, with the second it is seen whose
            // fault it is.
            dimensions: [&DIMENSIONS, &["stack", "service", "upstream"]],
            metrics: [Definition { name, unit: "Count" }],
        };
        let timestamp = self.clock.now().millis();
        Line {
            aws: Metadata { timestamp, cloud_watch_metrics: [directive] },
            stack: &self.stack,
            service: self.service,
            upstream,
            values: BTreeMap::from([(name, value)]),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("service", &self.service).finish_non_exhaustive()
    }
}

/// A line, as the format has it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Metadata,
    stack: &'a str,
    service: &'static str,
    upstream: Upstream,
    /// The value, under the metric's name.
    #[serde(flatten)]
    values: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: u64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [&'static [&'static str]; 2],
    metrics: [Definition; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

#[cfg(test)]
mod tests;
