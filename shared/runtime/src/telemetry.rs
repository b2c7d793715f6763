//! Logging: one JSON object a line on standard output, from where Lambda takes it. What is known of the
//! invocation and of the job at hand is on each line, beside what the line itself says:
//!
//! | | |
//! |---|---|
//! | `timestamp` `level` `message` `target` | of every line |
//! | `function_name` | where Lambda has given one |
//! | `service` `request_id` `trace_id` `cold_start` | of every line of an invocation |
//! | `job_id` `fence` | of every line of a visit to a job |

mod lines;

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{
    Instrument, Level, Span,
    field::Empty,
    level_filters::{LevelFilter, STATIC_MAX_LEVEL},
};
use tracing_subscriber::{
    filter::Targets,
    fmt::{MakeWriter, format::JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{Environment, sink, telemetry::lines::Lines, trace::Trace};

// Whatever a dependency says below `info` is not in what ships.
const _: () = assert!(cfg!(debug_assertions) || matches!(STATIC_MAX_LEVEL, LevelFilter::INFO));

/// Whether this process has begun an invocation before.
static WARM: AtomicBool = AtomicBool::new(false);

/// Logs from now on, as `LOG_LEVEL` says (default `info`). The AWS SDK is kept to its warnings:
/// below them it logs requests and answers, and with them prompts and keys. What ships has no lines below `info` at all
/// (`release_max_level_info` in `Cargo.toml`, and held at compile time).
pub fn init(environment: &Environment) {
    init_to(environment, sink::stdout);
}

/// The same, to another place.
pub fn init_to<W>(environment: &Environment, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = environment.get("LOG_LEVEL").unwrap_or("info");
    let filter = format!(
        "{level},aws_config=warn,aws_smithy_runtime=warn,aws_sdk_dynamodb=warn,aws_sdk_eventbridge=warn,aws_sdk_secretsmanager=warn,aws_sdk_sqs=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,lambda_runtime=warn,lambda_http=warn"
    );
    // Not an `EnvFilter`: it brings an engine for regular expressions.
    let info = || Targets::new().with_default(Level::INFO);
    let filter: Targets = filter.parse().unwrap_or_else(|_| info());
    let logger = tracing_subscriber::fmt()
        .fmt_fields(JsonFields::new())
        .event_format(Lines::of(environment))
        .with_max_level(Level::TRACE)
        .with_writer(writer)
        .finish()
        .with(filter);
    // A second call finds a logger in place and leaves it there.
    if logger.try_init().is_err() {
        tracing::debug!("logging was set up before");
    }
}

/// Does the work of an invocation, so that every line says of which. An error's level, so that no level that
/// an operator may choose takes it away.
pub async fn invocation<T>(
    service: &'static str,
    request_id: &str,
    trace: Option<&Trace>,
    work: impl Future<Output = T>,
) -> T {
    let trace_id = trace.map(Trace::id);
    let cold_start = !WARM.swap(true, Ordering::Relaxed);
    let span = tracing::error_span!("invocation", service, request_id, trace_id, cold_start);
    work.instrument(span).await
}

/// Does the work on a job that was rung for, in the trace that it came with.
pub async fn visit<T>(job_id: &str, trace: Option<&Trace>, work: impl Future<Output = T>) -> T {
    let trace_id = trace.map(Trace::id);
    let span = tracing::error_span!("visit", job_id, trace_id, fence = Empty);
    work.instrument(span).await
}

/// Under which fence the job at hand is claimed, from now on.
pub fn claimed(fence: u64) {
    Span::current().record("fence", fence);
}

#[cfg(test)]
mod tests;
