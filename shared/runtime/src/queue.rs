//! The doorbell: a message that says which job to look at, and nothing else.
//!
//! The tables are the truth. A message may be lost, doubled, late or out of order, so nothing of the job is
//! decided by what it carries. The trace that it carries is for people.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName},
};
use domain::{
    causes,
    ids::{JobId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{Environment, Trace, aws::Aws, environment::EnvironmentError};

/// The version of the message's form.
const VERSION: u32 = 1;
/// Longest wait for the queue. It rings for what is stored already, so whoever rings does not wait
/// long.
const RING: Duration = Duration::from_secs(2);
/// The longest delay that SQS takes.
const DELAY_MAX: Duration = Duration::from_mins(15);

/// Which job to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bell {
    v: u32,
    /// Whose job.
    pub user_id: UserId,
    /// The job.
    pub job_id: JobId,
    /// The trace that it is rung in. It says nothing of the job, and may be missing.
    #[serde(default, deserialize_with = "Trace::lenient", skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// When the job was due, in milliseconds, as far as whoever rang knew. Where the job's row is due later, somebody
    /// has rung since: of two messages for a job that waits, this is the one that need not be followed by another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at_ms: Option<Timestamp>,
}

/// The text is not a message of ours, or of a version that we do not know.
#[derive(Debug, thiserror::Error)]
pub enum BadBell {
    /// It is not the JSON we write. What is there is not repeated: it may be as long as a message, and it
    /// would be logged at each delivery.
    #[error("the message is malformed: see line {line} column {column}")]
    Malformed {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// It was written by a version of this program that we cannot follow.
    #[error("the message has version {0}")]
    Version(u32),
}

impl Bell {
    /// A message for a job.
    #[must_use]
    pub fn new(user_id: UserId, job_id: JobId) -> Self {
        Self { v: VERSION, user_id, job_id, trace: None, due_at_ms: None }
    }

    /// The same message, rung in a trace.
    #[must_use]
    pub fn in_trace(self, trace: Option<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// The same message, rung for a job that is looked at again at `due_at` if nobody rings before.
    #[must_use]
    pub fn known_due(self, due_at: Option<Timestamp>) -> Self {
        Self { due_at_ms: due_at, ..self }
    }

    /// Reads the body of a message. Fields that we do not know are left alone.
    ///
    /// # Errors
    /// If it is not a message of ours.
    pub fn read(body: &str) -> Result<Self, BadBell> {
        let malformed = |error: serde_json::Error| BadBell::Malformed {
            line: error.line(),
            column: error.column(),
        };
        let bell: Self = serde_json::from_str(body).map_err(malformed)?;
        if bell.v == VERSION { Ok(bell) } else { Err(BadBell::Version(bell.v)) }
    }
}

/// The queue did not say that it took the message; it may have.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not take the message")]
pub struct QueueError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The queue of jobs to look at.
///
/// Reads `QUEUE_URL`, and `FAIR_QUEUE`: whether each user is a message group, so that SQS serves
/// other users first while one has a backlog.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
    fair: bool,
}

impl Queue {
    /// The queue that the environment names.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub fn new(aws: &Aws, environment: &Environment) -> Result<Self, EnvironmentError> {
        let (url, fair) = (environment.text("QUEUE_URL")?, environment.parse("FAIR_QUEUE")?);
        Ok(Self::at(aws.sqs(), url, fair))
    }

    /// The queue at a URL, with a message group for each user or without.
    #[must_use]
    pub fn at(client: Client, url: String, fair: bool) -> Self {
        Self { client, url, fair }
    }

    /// Asks for something about the queue, so that the connection is there when the first message is sent.
    pub async fn warm_up(&self) {
        let name = QueueAttributeName::QueueArn;
        let asked = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name);
        if let Err(error) = asked.send().await {
            tracing::warn!(cause = causes::chain(&error), "the queue cannot be reached yet");
        }
    }

    /// Rings for a job, `after` a while of at most 15 minutes; begun seconds count as whole ones.
    ///
    /// # Errors
    /// If the queue did not answer. The job is safe all the same: the sweep rings again.
    pub async fn ring(&self, bell: &Bell, after: Duration) -> Result<(), QueueError> {
        self.send(bell, (&bell.user_id, bell.trace.as_ref()), after).await
    }

    /// Sends a message about something of a user, in a trace if there is one.
    pub(crate) async fn send(
        &self,
        message: &impl Serialize,
        (user, trace): (&UserId, Option<&Trace>),
        after: Duration,
    ) -> Result<(), QueueError> {
        let body = serde_json::to_string(message).map_err(|error| QueueError(error.into()))?;
        let whole = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
        let delay = i32::try_from(whole.min(DELAY_MAX.as_secs())).unwrap_or(i32::MAX);
        let group = self.fair.then(|| user.to_string());
        let mut send = self.client.send_message();
        if let Some(trace) = trace {
            // Where X-Ray looks for it.
            let header = MessageSystemAttributeValue::builder()
                .data_type("String")
                .string_value(trace.header())
                .build()
                .map_err(|error| QueueError(error.into()))?;
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            send = send.message_system_attributes(name, header);
        }
        let send = send
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(delay)
            .set_message_group_id(group)
            .send();
        match timeout(RING, send).await {
            Ok(answer) => answer.map(drop).map_err(|error| QueueError(error.into())),
            Err(late) => Err(QueueError(late.into())),
        }
    }
}

#[cfg(test)]
mod tests;
