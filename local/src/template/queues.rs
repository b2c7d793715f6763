//! `AWS::SQS::Queue` and `AWS::S3::Bucket`: the doorbell and where the images are.

use std::time::Duration;

use super::{
    TemplateError,
    left_out::{BUCKET, BUS, QUEUE},
    resources::Resource,
};

/// How long a received message is hidden if the queue does not say; SQS's own default.
const VISIBILITY_DEFAULT_SECONDS: u64 = 30;
/// How long a message is kept if the queue does not say; SQS's own default, 4 days.
const RETENTION_DEFAULT_SECONDS: u64 = 345_600;

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its URL.
    pub url: String,
    /// How long a received message is hidden from others.
    pub visibility_timeout: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// How long a new message is hidden.
    pub delay: Duration,
    /// How long a receive waits that does not say.
    pub receive_wait: Duration,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// Where messages go that were received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The ARN of the queue that they go to.
    pub target_arn: String,
    /// How often a message may be received before.
    pub maximum_receives: u32,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its physical name.
    pub name: String,
    /// Whether it stays when its stack is deleted, and when it is replaced.
    pub retained: bool,
}

/// Reads a queue.
pub(super) fn read_queue(
    resource: &Resource<'_>,
    arn: String,
    url: String,
) -> Result<Queue, TemplateError> {
    let mut fields = resource.properties()?.fields()?;
    fields.leave_out(QUEUE);
    fields.optional("QueueName");
    let mut seconds = |key, without| fields.number(key, without).map(Duration::from_secs);
    let visibility_timeout = seconds("VisibilityTimeout", VISIBILITY_DEFAULT_SECONDS)?;
    let retention = seconds("MessageRetentionPeriod", RETENTION_DEFAULT_SECONDS)?;
    let delay = seconds("DelaySeconds", 0)?;
    let receive_wait = seconds("ReceiveMessageWaitTimeSeconds", 0)?;
    let redrive = match fields.optional("RedrivePolicy") {
        None => None,
        Some(reader) => {
            let mut policy = reader.fields()?;
            let target_arn = policy.required("deadLetterTargetArn")?.text()?;
            let maximum_receives = policy.required("maxReceiveCount")?.number()?;
            policy.finish()?;
            Some(Redrive { target_arn, maximum_receives })
        }
    };
    fields.finish()?;
    let name = resource.physical_name().to_owned();
    Ok(Queue { name, arn, url, visibility_timeout, retention, delay, receive_wait, redrive })
}

/// Reads a bus, of which only the name counts.
pub(super) fn read_bus(resource: &Resource<'_>) -> Result<(), TemplateError> {
    let mut fields = resource.properties()?.fields()?;
    fields.leave_out(BUS);
    fields.optional("Name");
    fields.finish()
}

/// Reads a bucket.
pub(super) fn read_bucket(resource: &Resource<'_>) -> Result<Bucket, TemplateError> {
    let mut fields = resource.properties()?.fields()?;
    fields.leave_out(BUCKET);
    fields.optional("BucketName");
    fields.finish()?;
    Ok(Bucket { name: resource.physical_name().to_owned(), retained: resource.is_retained() })
}
