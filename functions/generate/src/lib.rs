//! The worker: takes a batch of doorbells, and works on all its jobs at once.
//!
//! This file is the batch: each message is read and answered by itself, so that a bad one comes
//! back alone. What is done for one job is in `visit.rs`.

mod delivery;
mod visit;

use std::{panic::AssertUnwindSafe, time::Duration};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{causes, time::Timestamp};
use futures_util::{FutureExt, future::join_all};
use lambda_runtime::LambdaEvent;
use providers::Providers;
use runtime::{
    Clock, Entropy, Environment, Host, Metric, Metrics, Trace,
    aws::Aws,
    images::Images,
    notices::Notices,
    queue::{Bell, Queue},
    telemetry,
};
use store::Store;

/// The most of an invocation that is kept for putting jobs down.
const WIND_DOWN_MAX: Duration = Duration::from_secs(5);
/// How long an invocation lasts where the runtime does not say.
const UNTOLD: Duration = Duration::from_secs(30);

/// What the function needs, made once and lent to every batch.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    providers: Providers,
    metrics: Metrics,
    images: Images,
    queue: Queue,
    notices: Notices,
    clock: Clock,
    entropy: Entropy,
}

/// Reads `RUN_LIMIT_SECONDS`, `GRACE_SECONDS`, `LEASE_MARGIN_SECONDS`, `REVISIT_SECONDS`,
/// `REANNOUNCE_SECONDS` and `RETENTION_DAYS`.
#[derive(Clone, Copy, Debug)]
struct Config {
    /// How long a job may run at its upstream.
    run_limit: Duration,
    /// How far clocks may differ.
    grace: Duration,
    /// How much longer than the invocation a lease lasts.
    lease_margin: Duration,
    /// After what time a job that was put down is visited again.
    revisit: Duration,
    /// After what time the sweep rings if nobody came.
    reannounce: Duration,
    /// How long a finished job is kept.
    retention: Duration,
}

impl App {
    /// Reads the environment and builds the clients. No I/O happens here.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub fn new(environment: &Environment, host: Host) -> anyhow::Result<Self> {
        let aws = Aws::new(environment, &host)?;
        let tables = store::Tables {
            jobs: environment.text("JOBS_TABLE")?,
            ledger: environment.text("LEDGER_TABLE")?,
            keys: String::new(),
            webhooks: String::new(),
        };
        Ok(Self {
            config: Config {
                run_limit: environment.seconds("RUN_LIMIT_SECONDS")?,
                grace: environment.seconds("GRACE_SECONDS")?,
                lease_margin: environment.seconds("LEASE_MARGIN_SECONDS")?,
                revisit: environment.seconds("REVISIT_SECONDS")?,
                reannounce: environment.seconds("REANNOUNCE_SECONDS")?,
                retention: environment.days("RETENTION_DAYS")?,
            },
            store: Store::new(aws.dynamodb(), tables),
            providers: Providers::new(providers::Config::read(|name| environment.get(name))?)?,
            metrics: Metrics::of(environment, "generate", &host),
            images: Images::new(&aws, environment)?,
            queue: Queue::new(&aws, environment)?,
            notices: Notices::new(&aws, environment)?,
            clock: host.clock,
            entropy: host.entropy,
        })
    }

    /// The same function, with other upstreams.
    #[must_use]
    pub fn with_providers(self, providers: Providers) -> Self {
        Self { providers, ..self }
    }

    /// The same function, counting somewhere else.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Makes the first connection, so that the first batch need not.
    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// How long this invocation has.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// From when on jobs are put down.
    end: Timestamp,
    /// Until when its jobs are its own.
    lease_until: Timestamp,
}

impl Shift {
    fn new(now: Timestamp, deadline: Timestamp, lease_margin: Duration) -> Self {
        let deadline = if deadline > now { deadline } else { now.plus(UNTOLD) };
        let quarter = deadline.since(now).checked_div(4).unwrap_or_default();
        let wind_down = WIND_DOWN_MAX.min(quarter);
        Self { end: deadline.minus(wind_down), lease_until: deadline.plus(lease_margin) }
    }
}

/// One batch. Whatever is not named in the answer is done with.
pub async fn handle(app: &App, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let LambdaEvent { payload, context } = event;
    let trace = context.xray_trace_id.as_deref().and_then(Trace::read);
    let deadline = Timestamp::from_millis(context.deadline);
    let shift = Shift::new(app.clock.now(), deadline, app.config.lease_margin);
    let work = Box::pin(work(app, shift, &payload, trace.as_ref()));
    telemetry::invocation("generate", &context.request_id, trace.as_ref(), work).await
}

async fn work(
    app: &App,
    shift: Shift,
    event: &SqsEvent,
    trace: Option<&Trace>,
) -> SqsBatchResponse {
    let answers = event.records.iter().map(|message| attend(app, shift, message, trace));
    let mut response = SqsBatchResponse::default();
    for failed in join_all(answers).await.into_iter().flatten() {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = failed;
        response.batch_item_failures.push(failure);
    }
    response
}

/// One message. Its id, if it is to come back.
async fn attend(
    app: &App,
    shift: Shift,
    message: &SqsMessage,
    own: Option<&Trace>,
) -> Option<String> {
    let id = message.message_id.as_ref().filter(|id| !id.is_empty()).cloned();
    let bell = match Bell::read(message.body.as_deref().unwrap_or_default()) {
        // Whoever rang without a trace begins one here, and the next visits go on with it.
        Ok(bell) => {
            let trace = bell.trace.clone().or_else(|| own.cloned());
            bell.in_trace(trace)
        }
        Err(error) => {
            let cause = causes::chain(&error);
            app.metrics.count(Metric::BadMessages, 1, &[]);
            tracing::error!(message_id = id, cause, "a message cannot be read");
            return id;
        }
    };
    let job_id = bell.job_id.to_string();
    let answer = Box::pin(answer(app, shift, &bell, id));
    telemetry::visit(&job_id, bell.trace.as_ref(), answer).await
}

/// What becomes of a message that rings for a job: its id, if it is to come back.
async fn answer(app: &App, shift: Shift, bell: &Bell, id: Option<String>) -> Option<String> {
    // One job that brings the program down must not take its neighbours along.
    let visit = AssertUnwindSafe(visit::visit(app, shift, bell)).catch_unwind().await;
    if !matches!(visit, Ok(Ok(()))) {
        app.metrics.count(Metric::VisitsFailed, 1, &[]);
    }
    match visit {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            let cause = causes::chain(error.as_ref());
            tracing::error!(job_id = %bell.job_id, cause, "a visit failed");
            id
        }
        Err(_) => {
            tracing::error!(job_id = %bell.job_id, "a visit panicked");
            id
        }
    }
}

#[cfg(test)]
mod tests;
