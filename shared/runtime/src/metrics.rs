//! Counting: one line on standard output for each thing counted, in CloudWatch's embedded metric
//! format, from which CloudWatch makes a metric. Nothing is called for it
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
//!
//! CloudWatch drops a line that breaks the format without a word, so there is nothing to get wrong:
//! what is counted, and for whom, are enums, and the value is a whole number.

use std::{collections::BTreeMap, fmt, io, sync::Arc};

use domain::upstream::Upstream;
use serde::Serialize;

use crate::{Clock, Environment, Host, sink};

/// The stack where nobody says which.
const STACK: &str = "holdfast";
/// The dimensions that an alarm is set on.
pub const DIMENSIONS: [&str; 2] = ["stack", "service"];
/// The namespace of all our metrics.
pub const NAMESPACE: &str = "Holdfast";

/// Something that is counted. An alarm is set on its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// An order was answered, as its outcome says: `accepted`, `replayed`, or the code of the refusal.
    /// Each is counted once, so that all outcomes together are all that was asked.
    Orders,
    /// A job is safe in the tables, and nobody could be rung for it.
    RingsFailed,
    /// A worker was rung for a job: it began or resumed it, or somebody else has it, or it had ended.
    Claims,
    /// An order is about to be sent to an upstream.
    Submits,
    /// An order that may have been taken before is about to be sent once more.
    Resubmits,
    /// The upstream may have taken an order, and did not say.
    SubmitUnknown,
    /// The upstream did not do what it was asked: busy, unreachable, trouble, unanswered.
    UpstreamErrors,
    /// The upstream refuses our key, or our credit there has run out.
    UpstreamTrouble,
    /// The upstream charged more than the catalogue says. What is counted is the difference, in
    /// millionths of a dollar.
    UpstreamCostAboveCatalogue,
    /// An image was made and billed to us, but withheld by moderation, so that it was neither
    /// delivered nor charged.
    ImagesWithheld,
    /// What upstreams may have charged us for and no caller pays, in millionths of a dollar: an order
    /// without an answer, a success that came too late, a picture that was withheld, a cost above the
    /// catalogue's. At the catalogue's cost where the upstream does not say.
    AbsorbedMicros,
    /// A job ended, with its hold: as its status says.
    JobsEnded,
    /// What a job that ended was charged, in millionths of a dollar.
    ChargedMicros,
    /// How long a job took from its acceptance until it had succeeded.
    JobDuration,
    /// Pictures came when their job had ended otherwise: final news for nobody, and ours to pay.
    LateSuccesses,
    /// A worker's write was refused, because somebody else has taken over its job.
    FencesRefused,
    /// A message is none of ours. It will be set aside.
    BadMessages,
    /// A visit failed, and its message comes back.
    VisitsFailed,
    /// A hold could not be resolved, because the account does not hold so much: the books are wrong.
    BooksUnbalanced,
    /// A sweep has looked at all jobs and events that were due. When this stops, nothing repairs what goes wrong.
    Sweeps,
    /// The sweep rang for a job that nobody worked on.
    RungAgain,
    /// A row that is due could not be dealt with. It stays due.
    RowsFailed,
    /// What became of a job was published, and noted for all its receivers.
    EventsTold,
    /// An attempt at the delivery of a webhook: delivered, failed and to be tried again, given up, or gone for good.
    Deliveries,
    /// A notice could not be followed, and its message comes back.
    NoticesFailed,
    /// How many jobs are open, seen after each sweep.
    OpenJobs,
    /// How old the oldest open job is, and with it the oldest hold, seen after each sweep.
    OldestHoldAge,
}

/// What a count is split by, beside the stack and the service. It has few values, all of them ours: never
/// an account or a job, each of which would be a metric of its own, for ever, at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The upstream it is about.
    Upstream(Upstream),
    /// What became of it: a code of ours.
    Outcome(&'static str),
}

impl By {
    const fn pair(self) -> (&'static str, &'static str) {
        match self {
            Self::Upstream(upstream) => ("upstream", upstream.as_str()),
            Self::Outcome(outcome) => ("outcome", outcome),
        }
    }
}

impl Metric {
    /// All there are.
    pub const ALL: [Self; 27] = [
        Self::Orders,
        Self::RingsFailed,
        Self::Claims,
        Self::Submits,
        Self::Resubmits,
        Self::SubmitUnknown,
        Self::UpstreamErrors,
        Self::UpstreamTrouble,
        Self::UpstreamCostAboveCatalogue,
        Self::ImagesWithheld,
        Self::AbsorbedMicros,
        Self::JobsEnded,
        Self::ChargedMicros,
        Self::JobDuration,
        Self::LateSuccesses,
        Self::FencesRefused,
        Self::BadMessages,
        Self::VisitsFailed,
        Self::BooksUnbalanced,
        Self::Sweeps,
        Self::RungAgain,
        Self::RowsFailed,
        Self::EventsTold,
        Self::Deliveries,
        Self::NoticesFailed,
        Self::OpenJobs,
        Self::OldestHoldAge,
    ];

    /// Its name in CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "Orders",
            Self::RingsFailed => "RingsFailed",
            Self::Claims => "Claims",
            Self::Submits => "Submits",
            Self::Resubmits => "Resubmits",
            Self::SubmitUnknown => "SubmitUnknown",
            Self::UpstreamErrors => "UpstreamErrors",
            Self::UpstreamTrouble => "UpstreamTrouble",
            Self::UpstreamCostAboveCatalogue => "UpstreamCostAboveCatalogue",
            Self::ImagesWithheld => "ImagesWithheld",
            Self::AbsorbedMicros => "AbsorbedMicros",
            Self::JobsEnded => "JobsEnded",
            Self::ChargedMicros => "ChargedMicros",
            Self::JobDuration => "JobDuration",
            Self::LateSuccesses => "LateSuccesses",
            Self::FencesRefused => "FencesRefused",
            Self::BadMessages => "BadMessages",
            Self::VisitsFailed => "VisitsFailed",
            Self::BooksUnbalanced => "BooksUnbalanced",
            Self::Sweeps => "Sweeps",
            Self::RungAgain => "RungAgain",
            Self::RowsFailed => "RowsFailed",
            Self::EventsTold => "EventsTold",
            Self::Deliveries => "Deliveries",
            Self::NoticesFailed => "NoticesFailed",
            Self::OpenJobs => "OpenJobs",
            Self::OldestHoldAge => "OldestHoldAge",
        }
    }

    /// The functions that count it: no alarm need wait for another.
    #[must_use]
    pub const fn services(self) -> &'static [&'static str] {
        match self {
            Self::Orders => &["submit"],
            Self::RingsFailed => &["submit", "generate", "sweep", "notify"],
            Self::JobsEnded | Self::BooksUnbalanced => &["submit", "generate", "sweep"],
            Self::BadMessages => &["generate", "notify"],
            Self::EventsTold | Self::Deliveries | Self::NoticesFailed => &["notify"],
            Self::Claims
            | Self::Submits
            | Self::Resubmits
            | Self::SubmitUnknown
            | Self::UpstreamErrors
            | Self::UpstreamTrouble
            | Self::UpstreamCostAboveCatalogue
            | Self::ImagesWithheld
            | Self::AbsorbedMicros
            | Self::ChargedMicros
            | Self::JobDuration
            | Self::LateSuccesses
            | Self::FencesRefused
            | Self::VisitsFailed => &["generate"],
            Self::Sweeps
            | Self::RungAgain
            | Self::RowsFailed
            | Self::OpenJobs
            | Self::OldestHoldAge => &["sweep"],
        }
    }

    /// The dimensions that it can be seen by, one at a time, beside [`DIMENSIONS`].
    #[must_use]
    pub const fn split_by(self) -> &'static [&'static str] {
        match self {
            Self::Orders | Self::Claims | Self::JobsEnded | Self::Deliveries => &["outcome"],
            Self::UpstreamErrors => &["upstream", "outcome"],
            Self::Submits
            | Self::Resubmits
            | Self::SubmitUnknown
            | Self::UpstreamTrouble
            | Self::UpstreamCostAboveCatalogue
            | Self::ImagesWithheld
            | Self::AbsorbedMicros
            | Self::LateSuccesses => &["upstream"],
            Self::RingsFailed
            | Self::ChargedMicros
            | Self::JobDuration
            | Self::FencesRefused
            | Self::BadMessages
            | Self::VisitsFailed
            | Self::BooksUnbalanced
            | Self::Sweeps
            | Self::RungAgain
            | Self::RowsFailed
            | Self::EventsTold
            | Self::NoticesFailed
            | Self::OpenJobs
            | Self::OldestHoldAge => &[],
        }
    }

    /// What its values are, in CloudWatch's words.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        if matches!(self, Self::JobDuration) {
            "Milliseconds"
        } else if matches!(self, Self::OldestHoldAge) {
            "Seconds"
        } else {
            "Count"
        }
    }
}

/// Takes a line, without its end.
type Take = dyn Fn(&str) -> io::Result<()> + Send + Sync;

/// Where lines go, one at a time.
#[derive(Clone)]
pub struct Sink(Arc<Take>);

impl Sink {
    /// To whoever takes a line.
    #[must_use]
    pub fn new(take: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sink").finish_non_exhaustive()
    }
}

/// Counts for one function.
#[derive(Clone)]
pub struct Metrics {
    stack: Arc<str>,
    service: &'static str,
    clock: Clock,
    sink: Option<Sink>,
}

impl Metrics {
    /// Where the host says; else on standard output if this is Lambda, which sets
    /// `AWS_LAMBDA_FUNCTION_NAME`. On one machine standard output is read by people, so nothing is
    /// counted there.
    ///
    /// The service is the function's short name, which is the same in every stack; `STACK_NAME` says
    /// whose it is, so that two stacks of one account do not ring each other's alarms.
    #[must_use]
    pub fn of(environment: &Environment, service: &'static str, host: &Host) -> Self {
        let clock = host.clock.clone();
        let metrics = match (&host.counts, environment.get("AWS_LAMBDA_FUNCTION_NAME")) {
            (Some(sink), _) => {
                Self { stack: STACK.into(), service, clock, sink: Some(sink.clone()) }
            }
            (None, Some(_)) => Self::stdout(service, clock),
            (None, None) => Self { stack: STACK.into(), service, clock, sink: None },
        };
        let stack = environment.get("STACK_NAME").unwrap_or(STACK);
        Self { stack: stack.into(), ..metrics }
    }

    /// On standard output.
    #[must_use]
    pub fn stdout(service: &'static str, clock: Clock) -> Self {
        Self::new(service, clock, |line| {
            // A line at a time, so that no other comes in between.
            sink::stdout().line(format!("{line}\n").into_bytes());
            Ok(())
        })
    }

    /// To `sink`, which is given a line at a time, without its end.
    #[must_use]
    pub fn new(
        service: &'static str,
        clock: Clock,
        sink: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { stack: STACK.into(), service, clock, sink: Some(Sink::new(sink)) }
    }

    /// Counts `value` of `metric`, by what [`Metric::split_by`] says. A count that cannot be written is
    /// logged; it never fails what it counts.
    pub fn count(&self, metric: Metric, value: u64, by: &[By]) {
        let Some(Sink(sink)) = &self.sink else { return };
        let written = serde_json::to_string(&self.line(metric, value, by)).map_err(io::Error::from);
        if let Err(error) = written.and_then(|line| sink(&line)) {
            let metric = metric.name();
            tracing::error!(metric, value, cause = %error, "a metric cannot be written");
        }
    }

    /// Counts `value` of `metric`, unless there is nothing to count.
    pub fn count_some(&self, metric: Metric, value: u64) {
        if value > 0 {
            self.count(metric, value, &[]);
        }
    }
}

impl Metrics {
    fn line(&self, metric: Metric, value: u64, by: &[By]) -> Line<'_> {
        let name = metric.name();
        // CloudWatch adds nothing up over dimensions, and an alarm is on one metric: with the first set
        // one alarm is enough for all upstreams, with each other it is seen whose fault it is.
        let split = by.iter().map(|by| [&DIMENSIONS[..], &[by.pair().0]].concat());
        let directive = Directive {
            namespace: NAMESPACE,
            dimensions: std::iter::once(DIMENSIONS.to_vec()).chain(split).collect(),
            metrics: [Definition { name, unit: metric.unit() }],
        };
        let timestamp = self.clock.now().millis();
        Line {
            aws: Metadata { timestamp, cloud_watch_metrics: [directive] },
            stack: &self.stack,
            service: self.service,
            by: by.iter().map(|by| by.pair()).collect(),
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
    #[serde(flatten)]
    by: BTreeMap<&'static str, &'static str>,
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
    dimensions: Vec<Vec<&'static str>>,
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
