//! The event bus: what became of jobs, for whoever in the account wants to know
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>).

use std::time::Duration;

use aws_sdk_eventbridge::{Client, primitives::DateTime, types::PutEventsRequestEntry};
use domain::{time::Timestamp, webhook::EventKind};
use tokio::time::timeout;

use crate::{Environment, Trace, aws::Aws, environment::EnvironmentError};

/// Who tells.
pub const SOURCE: &str = "holdfast";
/// Longest wait for the bus, with all attempts.
const PUBLISH: Duration = Duration::from_secs(5);

/// The bus did not say that it took the event; it may have.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// It did not answer, or refused the request.
    #[error("the bus did not take the event")]
    NotTaken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refused the event, with this code.
    #[error("the bus refused the event: {0}")]
    Refused(String),
}

/// The bus of events.
///
/// Reads `EVENT_BUS`, its name.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// The bus that the environment names.
    ///
    /// # Errors
    /// If a variable is missing.
    pub fn new(aws: &Aws, environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { client: aws.eventbridge(), name: environment.text("EVENT_BUS")? })
    }

    /// Publishes what happened at `at`; `detail` is JSON. What is published twice has the same id in its detail.
    ///
    /// # Errors
    /// [`BusError`]
    pub async fn publish(
        &self,
        kind: EventKind,
        at: Timestamp,
        detail: &str,
        trace: Option<&Trace>,
    ) -> Result<(), BusError> {
        let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(kind.as_str())
            .time(DateTime::from_millis(millis))
            .detail(detail)
            .set_trace_header(trace.map(Trace::header))
            .build();
        let sending = timeout(PUBLISH, self.client.put_events().entries(entry).send());
        let answer = sending.await.map_err(|late| BusError::NotTaken(late.into()))?;
        let answer = answer.map_err(|error| BusError::NotTaken(error.into()))?;
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        let code = answer.entries().iter().find_map(|entry| entry.error_code());
        Err(BusError::Refused(code.unwrap_or("unknown").to_owned()))
    }
}
