//! Logging: one JSON object a line on standard output, from where Lambda takes it.

use tracing_subscriber::EnvFilter;

use crate::{Environment, sink};

/// Logs from now on, as `LOG_LEVEL` says (default `info`). The AWS SDK is kept to its warnings:
/// below them it logs requests and answers, and with them prompts and keys.
pub fn init(environment: &Environment) {
    let level = environment.get("LOG_LEVEL").unwrap_or("info");
    let filter = format!(
        "{level},aws_config=warn,aws_smithy_runtime=warn,aws_sdk_dynamodb=warn,aws_sdk_s3=warn,aws_sdk_secretsmanager=warn,aws_sdk_sqs=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,lambda_runtime=warn,lambda_http=warn"
    );
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let logger = tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false);
    let logger = logger.with_writer(sink::stdout);
    // A second call finds a logger in place and leaves it there.
    if logger.try_init().is_err() {
        tracing::debug!("logging was set up before");
    }
}
