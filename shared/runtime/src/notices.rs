//! The queue of whoever tells what became of jobs: a message says which event to tell, or which delivery to try, and
//! nothing else. As with the doorbell, the tables are the truth, and the sweep makes good what is lost.

use std::time::Duration;

use domain::{
    causes,
    ids::{JobId, UserId},
    job::Status,
    webhook::{DeliveryId, EventId, EventKind, Receiver},
};
use serde::{Deserialize, Serialize};

use crate::{
    Environment, Metric, Metrics, Trace,
    aws::Aws,
    environment::EnvironmentError,
    queue::{BadBell, Queue, QueueError},
};

/// The version of the message's form.
const VERSION: u32 = 1;

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    v: u32,
    /// Whose job.
    pub user_id: UserId,
    job_id: JobId,
    event: EventKind,
    /// To whom, if it is to be tried with one receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receiver: Option<Receiver>,
    /// The trace that it is part of. It says nothing of the job, and may be missing.
    #[serde(default, deserialize_with = "Trace::lenient", skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

/// What a notice asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To tell an event to everyone.
    Tell(EventId),
    /// To try a delivery.
    Deliver(DeliveryId),
}

impl Notice {
    /// An event is to be told.
    #[must_use]
    pub const fn event(user_id: UserId, EventId { job, kind }: EventId) -> Self {
        Self { v: VERSION, user_id, job_id: job, event: kind, receiver: None, trace: None }
    }

    /// A delivery is to be tried.
    #[must_use]
    pub fn delivery(user_id: UserId, DeliveryId { event, receiver }: DeliveryId) -> Self {
        Self { receiver: Some(receiver), ..Self::event(user_id, event) }
    }

    /// The same, in a trace.
    #[must_use]
    pub fn in_trace(self, trace: Option<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// The job that it is about.
    #[must_use]
    pub const fn job(&self) -> JobId {
        self.job_id
    }

    /// What it asks for.
    #[must_use]
    pub fn errand(&self) -> Errand {
        let event = EventId { job: self.job_id, kind: self.event };
        match &self.receiver {
            None => Errand::Tell(event),
            Some(receiver) => Errand::Deliver(DeliveryId { event, receiver: receiver.clone() }),
        }
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
        let notice: Self = serde_json::from_str(body).map_err(malformed)?;
        if notice.v == VERSION { Ok(notice) } else { Err(BadBell::Version(notice.v)) }
    }
}

/// The queue of what is to be told.
///
/// Reads `EVENTS_QUEUE_URL` and `FAIR_QUEUE`.
#[derive(Clone, Debug)]
pub struct Notices(Queue);

impl Notices {
    /// The queue that the environment names.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub fn new(aws: &Aws, environment: &Environment) -> Result<Self, EnvironmentError> {
        let url = environment.text("EVENTS_QUEUE_URL")?;
        Ok(Self(Queue::at(aws.sqs(), url, environment.parse("FAIR_QUEUE")?)))
    }

    /// Asks for something to be told, `after` a while of at most 15 minutes.
    ///
    /// # Errors
    /// If the queue did not answer. The sweep asks again.
    pub async fn send(&self, notice: &Notice, after: Duration) -> Result<(), QueueError> {
        self.0.send(notice, (&notice.user_id, notice.trace.as_ref()), after).await
    }

    /// Asks for it to be told that a job of a user has ended so. If nobody hears it, the sweep asks again.
    pub async fn tell(
        &self,
        (user, job): (&UserId, &JobId),
        status: Status,
        trace: Option<&Trace>,
        metrics: &Metrics,
    ) {
        let Some(kind) = EventKind::of(status) else { return };
        let event = EventId { job: *job, kind };
        let notice = Notice::event(user.clone(), event).in_trace(trace.cloned());
        if let Err(error) = self.send(&notice, Duration::ZERO).await {
            metrics.count(Metric::RingsFailed, 1, &[]);
            let cause = causes::chain(&error);
            tracing::warn!(job_id = %job, cause, "the job has ended, and nobody was asked to tell");
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;

    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written() {
        let event = EventId {
            job: JobId::new(Timestamp::from_millis(1), &[1; 10]),
            kind: EventKind::Failed,
        };
        let user: UserId = "demo".parse().unwrap();
        let tell = Notice::event(user.clone(), event);
        let body = serde_json::to_string(&tell).unwrap();
        let job = event.job;
        assert_eq!(
            body,
            format!(r#"{{"v":1,"user_id":"demo","job_id":"{job}","event":"job.failed"}}"#)
        );
        assert_eq!(Notice::read(&body).unwrap(), tell);
        assert_eq!(tell.errand(), Errand::Tell(event));
        let newer = body.replace('}', r#","more":"x","trace":7}"#);
        assert_eq!(Notice::read(&newer).unwrap(), tell);

        let trace = Trace::read("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1");
        let delivery = DeliveryId { event, receiver: Receiver::Order };
        let deliver = Notice::delivery(user, delivery.clone()).in_trace(trace);
        let body = serde_json::to_string(&deliver).unwrap();
        assert_eq!(Notice::read(&body).unwrap(), deliver);
        assert_eq!(deliver.errand(), Errand::Deliver(delivery));
        assert!(matches!(Notice::read(&body.replace(":1,", ":2,")), Err(BadBell::Version(2))));
        for bad in
            ["", "{}", &body.replace("order", "elsewhere"), &body.replace("failed", "pending")]
        {
            assert!(matches!(Notice::read(bad), Err(BadBell::Malformed { .. })), "{bad}");
        }
    }
}
