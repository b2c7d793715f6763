//! Tells what became of jobs: on the event bus, and to the receivers of webhooks.
//!
//! This file is the batch, and what is done with an event: it is noted for each of its receivers, published, and noted
//! as told. A delivery is one attempt at a time (`delivery.rs`); what is sent goes through `sender.rs`.
//!
//! It reads the jobs table and writes to that of webhooks alone. Whoever took it over could tell lies, and move no
//! money.

mod delivery;
mod sender;

use std::panic::AssertUnwindSafe;

use anyhow::Context as _;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{
    causes,
    ids::UserId,
    job::Job,
    webhook::{DeliveryId, EventId, Receiver, WebhookUrl},
};
use futures_util::{FutureExt, future::join_all};
use lambda_runtime::LambdaEvent;
use outbound::Guard;
use runtime::{
    Clock, Entropy, Environment, Host, Metric, Metrics, Trace,
    aws::Aws,
    bus::Bus,
    notices::{Errand, Notice, Notices},
    telemetry,
};
use store::{Event, NewDelivery, Store};

use sender::Sender;

/// What the function needs, made once and lent to every batch.
///
/// Reads `JOBS_TABLE`, `WEBHOOKS_TABLE`, `EVENTS_QUEUE_URL`, `FAIR_QUEUE` and `EVENT_BUS`.
#[derive(Debug)]
pub struct App {
    store: Store,
    notices: Notices,
    bus: Bus,
    sender: Sender,
    metrics: Metrics,
    clock: Clock,
    entropy: Entropy,
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
            webhooks: environment.text("WEBHOOKS_TABLE")?,
            ..store::Tables::default()
        };
        Ok(Self {
            store: Store::new(aws.dynamodb(), tables),
            notices: Notices::new(&aws, environment)?,
            bus: Bus::new(&aws, environment)?,
            sender: Sender::new(Guard::public())?,
            metrics: Metrics::of(environment, "notify", &host),
            clock: host.clock,
            entropy: host.entropy,
        })
    }

    /// The same function, where other URLs may be told of jobs.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn with_guard(self, guard: Guard) -> anyhow::Result<Self> {
        Ok(Self { sender: Sender::new(guard)?, ..self })
    }

    /// Makes the first connection, so that the first batch need not.
    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// One batch. Whatever is not named in the answer is done with.
pub async fn handle(app: &App, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    let LambdaEvent { payload, context } = event;
    let trace = context.xray_trace_id.as_deref().and_then(Trace::read);
    let work = Box::pin(work(app, &payload, trace.as_ref()));
    telemetry::invocation("notify", &context.request_id, trace.as_ref(), work).await
}

async fn work(app: &App, event: &SqsEvent, trace: Option<&Trace>) -> SqsBatchResponse {
    let answers = event.records.iter().map(|message| attend(app, message, trace));
    let mut response = SqsBatchResponse::default();
    for failed in join_all(answers).await.into_iter().flatten() {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = failed;
        response.batch_item_failures.push(failure);
    }
    response
}

/// One message. Its id, if it is to come back.
async fn attend(app: &App, message: &SqsMessage, own: Option<&Trace>) -> Option<String> {
    let id = message.message_id.as_ref().filter(|id| !id.is_empty()).cloned();
    let notice = match Notice::read(message.body.as_deref().unwrap_or_default()) {
        Ok(notice) => {
            let trace = notice.trace.clone().or_else(|| own.cloned());
            notice.in_trace(trace)
        }
        Err(error) => {
            let cause = causes::chain(&error);
            app.metrics.count(Metric::BadMessages, 1, &[]);
            tracing::error!(message_id = id, cause, "a message cannot be read");
            return id;
        }
    };
    let job_id = notice.job().to_string();
    let answer = Box::pin(answer(app, &notice, id));
    telemetry::visit(&job_id, notice.trace.as_ref(), answer).await
}

/// What becomes of a notice: its message's id, if it is to come back.
async fn answer(app: &App, notice: &Notice, id: Option<String>) -> Option<String> {
    // One that brings the program down must not take its neighbours along.
    match AssertUnwindSafe(run(app, notice)).catch_unwind().await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => {
            let cause = causes::chain(error.as_ref());
            tracing::error!(cause, "a notice could not be followed");
        }
        Err(_) => tracing::error!("to follow a notice panicked"),
    }
    app.metrics.count(Metric::NoticesFailed, 1, &[]);
    id
}

async fn run(app: &App, notice: &Notice) -> anyhow::Result<()> {
    match notice.errand() {
        Errand::Tell(event) => tell(app, notice, &event).await,
        Errand::Deliver(delivery) => {
            delivery::attempt(app, &notice.user_id, &delivery, notice.trace.as_ref()).await
        }
    }
}

/// Tells an event, if that has not been done: each step may be done again without harm, and the note that it was told
/// comes when the others have gone well.
async fn tell(app: &App, notice: &Notice, id: &EventId) -> anyhow::Result<()> {
    let user = &notice.user_id;
    let Some(event) = app.store.event(user, id).await? else {
        tracing::warn!("there is no such event, or no more");
        return Ok(());
    };
    if app.store.is_told(user, id).await? {
        return Ok(());
    }
    let Some(job) = app.store.job(user, &id.job).await? else {
        tracing::warn!("the job of an event is not there any more");
        return Ok(app.store.note_told(user, &event, app.clock.now()).await?);
    };
    let Some(detail) = web::detail(&job, *id, event.at) else {
        // It never will: nothing is told, and nobody asks for it again.
        tracing::error!("an event tells what never became of its job");
        return Ok(app.store.note_told(user, &event, app.clock.now()).await?);
    };
    let deliveries = note_deliveries(app, user, &job, &event).await?;
    app.bus.publish(id.kind, event.at, &detail, notice.trace.as_ref()).await?;
    app.store.note_told(user, &event, app.clock.now()).await?;
    app.metrics.count(Metric::EventsTold, 1, &[]);
    let trace = notice.trace.as_ref();
    let attempts = deliveries.iter().map(|id| delivery::attempt(app, user, id, trace));
    for outcome in join_all(attempts).await {
        // It is due, so the sweep asks for it again.
        if let Err(error) = outcome {
            let cause = causes::chain(error.as_ref());
            tracing::error!(cause, "a delivery could not be tried");
        }
    }
    Ok(())
}

/// Notes what is to be delivered, and to whom.
async fn note_deliveries(
    app: &App,
    user: &UserId,
    job: &Job,
    event: &Event,
) -> anyhow::Result<Vec<DeliveryId>> {
    let receivers = receivers(app, user, job, event).await?;
    if receivers.is_empty() {
        return Ok(Vec::new());
    }
    let body =
        web::webhook(job, event.id, event.at).context("the event never became of the job")?;
    let mut noted = Vec::with_capacity(receivers.len());
    for (receiver, url) in receivers {
        let id = DeliveryId { event: event.id, receiver };
        let (body, forget_at_s) = (body.clone(), event.forget_at_s);
        let new = NewDelivery { id: id.clone(), url, body, forget_at_s };
        app.store.add_delivery(user, &new, app.clock.now()).await?;
        noted.push(id);
    }
    Ok(noted)
}

/// Who wants to be told of an event: the receiver that the order named, and the endpoints of the user. Also those that
/// are disabled: nothing is sent to them, but that they missed it is seen, and can be mended when they are back.
async fn receivers(
    app: &App,
    user: &UserId,
    job: &Job,
    event: &Event,
) -> anyhow::Result<Vec<(Receiver, WebhookUrl)>> {
    let kind = event.id.kind;
    let named = job.order.webhook.iter().filter(|webhook| webhook.events.contain(kind));
    let named = named.map(|webhook| (Receiver::Order, webhook.url.clone()));
    let endpoints = app.store.endpoints(user).await?;
    let endpoints = endpoints
        .into_iter()
        .filter(|endpoint| endpoint.events.contain(kind))
        .map(|endpoint| (Receiver::Endpoint(endpoint.id), endpoint.url));
    Ok(named.chain(endpoints).collect())
}
