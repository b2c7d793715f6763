//! Lambda's event source mapping for SQS: receives messages, calls the function with them, deletes
//! those that it does not report as failed. All others come back when their visibility ends.

mod event;
mod verdict;

use std::{sync::Arc, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::timeout::TimeoutConfig,
    types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName},
};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    invoke::Invoker,
    template::{functions::QueueSource, queues::Queue},
};

/// How long a receive waits for messages.
const RECEIVE_WAIT_SECONDS: i32 = 5;
/// How long a receive may take at all.
const RECEIVE_LIMIT: Duration = Duration::from_secs(10);
/// The most messages of one receive or one delete.
const BATCH_MAX: u16 = 10;
/// The first pause after a receive that failed; it doubles up to the longest.
const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// The longest pause after a receive that failed.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// A queue that calls a function. Clones share everything.
#[derive(Clone)]
pub(crate) struct EventSource {
    client: Client,
    queue: Queue,
    source: QueueSource,
    function: String,
    invoker: Invoker,
}

impl EventSource {
    /// Has this queue call this function, by its logical id.
    pub(crate) fn new(
        client: Client,
        queue: Queue,
        source: QueueSource,
        function: String,
        invoker: Invoker,
    ) -> EventSource {
        EventSource { client, queue, source, function, invoker }
    }

    /// Receives until stopped. What has been received by then is still handed over, in `tasks`.
    pub(crate) async fn run(self, stop: CancellationToken, tasks: TaskTracker) {
        let places = Arc::new(Semaphore::new(self.source.maximum_concurrency.into()));
        let mut outage = Outage::default();
        loop {
            // A place first: messages that wait for one would use up their visibility.
            let place = tokio::select! {
                () = stop.cancelled() => return,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { return };
            let received = tokio::select! {
                () = stop.cancelled() => return,
                received = self.batch() => received,
            };
            match received {
                Ok(messages) => {
                    outage.over(&self.function);
                    if !messages.is_empty() {
                        let source = self.clone();
                        tasks.spawn(async move {
                            source.hand_over(messages).await;
                            drop(place);
                        });
                    }
                }
                Err(error) => tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(outage.pause(&self.function, &error)) => {}
                },
            }
        }
    }

    /// Messages for one invocation: what comes at once or, with a window, in its time.
    async fn batch(&self) -> anyhow::Result<Vec<Message>> {
        let mut messages = self.receive(self.source.batch_size, RECEIVE_WAIT_SECONDS).await?;
        let window_ends = Instant::now().checked_add(self.source.window);
        while !messages.is_empty() && !self.source.window.is_zero() {
            let count = u16::try_from(messages.len()).unwrap_or(u16::MAX);
            let missing = self.source.batch_size.saturating_sub(count);
            if missing == 0 || window_ends.is_none_or(|ends| Instant::now() >= ends) {
                break;
            }
            match self.receive(missing, 1).await {
                Ok(more) => messages.extend(more),
                // What is there already must not be lost over it.
                Err(_) => break,
            }
        }
        Ok(messages)
    }

    async fn receive(&self, at_most: u16, wait_seconds: i32) -> anyhow::Result<Vec<Message>> {
        let patience = TimeoutConfig::builder()
            .operation_attempt_timeout(RECEIVE_LIMIT)
            .operation_timeout(RECEIVE_LIMIT);
        let config = aws_sdk_sqs::config::Builder::new()
            .timeout_config(patience.build())
            .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled());
        let received = self
            .client
            .receive_message()
            .queue_url(&self.queue.url)
            .max_number_of_messages(at_most.min(BATCH_MAX).into())
            .wait_time_seconds(wait_seconds)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .customize()
            .config_override(config)
            .send()
            .await?;
        Ok(received.messages.unwrap_or_default())
    }

    /// Calls the function with messages and deletes what is done.
    async fn hand_over(&self, messages: Vec<Message>) {
        let payload = event::payload(&messages, &self.queue.arn);
        let answer = match self.invoker.invoke(&self.function, &payload).await {
            Ok(answer) => answer,
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::error!(error, messages = messages.len(), "the messages will come back");
                return;
            }
        };
        let ids: Vec<&str> = messages.iter().filter_map(Message::message_id).collect();
        let done = if self.source.report_batch_item_failures {
            verdict::done(&answer, &ids)
        } else {
            Ok(ids)
        };
        match done {
            Ok(done) => self.delete(&messages, &done).await,
            Err(verdict::Malformed(what)) => {
                let function = &self.function;
                tracing::error!("{function} {what}; all its messages will come back");
            }
        }
    }

    async fn delete(&self, messages: &[Message], done: &[&str]) {
        let is_done =
            |message: &&Message| message.message_id().is_some_and(|id| done.contains(&id));
        let entry = |(index, message): (usize, &Message)| {
            let handle = message.receipt_handle().unwrap_or_default();
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(handle)
                .build()
        };
        let entries = messages.iter().filter(is_done).enumerate().map(entry);
        let entries: Vec<_> = entries.filter_map(Result::ok).collect();
        for chunk in entries.chunks(BATCH_MAX.into()) {
            let delete = self.client.delete_message_batch().queue_url(&self.queue.url);
            match delete.set_entries(Some(chunk.to_vec())).send().await {
                Ok(deleted) if deleted.failed.is_empty() => {}
                Ok(deleted) => tracing::warn!(
                    messages = deleted.failed.len(),
                    "some messages were not deleted and will come back"
                ),
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::new(error));
                    tracing::warn!(error, "messages were not deleted and will come back");
                }
            }
        }
    }
}

/// A time in which the queue cannot be reached: said once when it begins, once when it ends.
#[derive(Debug, Default)]
struct Outage {
    pause: Option<Duration>,
}

impl Outage {
    /// The queue did not answer; returns how long to leave it alone.
    fn pause(&mut self, function: &str, error: &anyhow::Error) -> Duration {
        let pause = match self.pause {
            None => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the queue of {function} is out of reach"
                );
                BACKOFF_FIRST
            }
            Some(pause) => pause.saturating_mul(2).min(BACKOFF_MAX),
        };
        self.pause = Some(pause);
        pause
    }

    /// The queue answered.
    fn over(&mut self, function: &str) {
        if self.pause.take().is_some() {
            tracing::info!("the queue of {function} is back");
        }
    }
}

#[cfg(test)]
mod tests;
