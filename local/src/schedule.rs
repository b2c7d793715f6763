//! EventBridge Scheduler: calls a function every so often, and once at the start, because a restart
//! has lost the queue and the sweep is what rings again.

use std::time::Duration;

use domain::time::Timestamp;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::invoke::{InvokeError, Invoker};

/// A schedule that calls a function. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Scheduled {
    function: String,
    name: String,
    every: Duration,
    invoker: Invoker,
}

impl Scheduled {
    /// Has the schedule of this name call this function, by its logical id.
    pub(crate) fn new(function: String, name: String, every: Duration, invoker: Invoker) -> Self {
        Scheduled { function, name, every, invoker }
    }

    /// Calls the function now and then every so often, until stopped. A call that takes longer than
    /// the period delays the next: to overlap would need a second environment.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.once().await {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::error!(error, "the schedule `{}` goes on", self.name);
            }
        }
    }

    /// Calls the function once; returns its answer.
    pub(crate) async fn once(&self) -> Result<Vec<u8>, InvokeError> {
        let now = self.invoker.clock().now();
        self.invoker.invoke(&self.function, &payload(&self.name, now)).await
    }
}

/// What the schedule sends when the template does not say.
fn payload(name: &str, now: Timestamp) -> Value {
    let (region, account) = (standins::REGION, standins::ACCOUNT_ID);
    let arn = format!("arn:aws:scheduler:{region}:{account}:schedule/default/{name}");
    let seconds = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    json!({
        "version": "0",
        "id": format!("{name}-{}", now.millis()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": account,
        "time": time.format(&Rfc3339).unwrap_or_default(),
        "region": region,
        "resources": [arn],
        "detail": "{}",
    })
}
