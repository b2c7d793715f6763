//! Makes what the template says and the stand-ins do not have yet; through the real SDK, as a
//! deployment does through the real API. What a data directory has already must be as the template
//! wants it: here nobody migrates tables.

mod tables;

use anyhow::Context as _;
use aws_sdk_sqs::types::QueueAttributeName;
use runtime::aws::Aws;

use crate::template::{
    Template,
    queues::{Bucket, Queue},
};

/// Makes tables, queues and buckets, the buckets at this address.
pub(crate) async fn provision(template: &Template, aws: &Aws, s3: &str) -> anyhow::Result<()> {
    let (dynamodb, sqs, s3) = (aws.dynamodb(), aws.sqs(), client(aws, s3));
    for (id, table) in &template.tables {
        tables::make(&dynamodb, table).await.with_context(|| format!("the table {id}"))?;
    }
    for (id, bucket) in &template.buckets {
        make_bucket(&s3, bucket).await.with_context(|| format!("the bucket {id}"))?;
    }
    // Dead-letter queues must be there before the queues that name them.
    let (last, first): (Vec<_>, Vec<_>) =
        template.queues.iter().partition(|(_, queue)| queue.redrive.is_some());
    for (id, queue) in first.into_iter().chain(last) {
        make_queue(&sqs, queue).await.with_context(|| format!("the queue {id}"))?;
    }
    Ok(())
}

/// A client of S3, with the bucket in the path: the address has no subdomains.
pub(crate) fn client(aws: &Aws, s3: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(aws.config());
    let config = config.force_path_style(true).endpoint_url(s3);
    aws_sdk_s3::Client::from_conf(config.build())
}

async fn make_queue(sqs: &aws_sdk_sqs::Client, queue: &Queue) -> anyhow::Result<()> {
    use QueueAttributeName as Name;
    let seconds = [
        (Name::VisibilityTimeout, queue.visibility_timeout),
        (Name::MessageRetentionPeriod, queue.retention),
        (Name::DelaySeconds, queue.delay),
        (Name::ReceiveMessageWaitTimeSeconds, queue.receive_wait),
    ];
    let mut create = sqs.create_queue().queue_name(&queue.name);
    for (name, duration) in seconds {
        create = create.attributes(name, duration.as_secs().to_string());
    }
    if let Some(redrive) = &queue.redrive {
        let policy = serde_json::json!({
            "deadLetterTargetArn": redrive.target_arn,
            "maxReceiveCount": redrive.maximum_receives,
        });
        create = create.attributes(Name::RedrivePolicy, policy.to_string());
    }
    let created = create.send().await?;
    let url = created.queue_url().unwrap_or_default();
    anyhow::ensure!(url == queue.url, "it was made at {url} instead of {}", queue.url);
    Ok(())
}

async fn make_bucket(s3: &aws_sdk_s3::Client, bucket: &Bucket) -> anyhow::Result<()> {
    let head = s3.head_bucket().bucket(&bucket.name).send().await;
    match head.map_err(aws_sdk_s3::error::SdkError::into_service_error) {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => {
            s3.create_bucket().bucket(&bucket.name).send().await?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
