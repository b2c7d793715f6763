//! What the operator decided about accepting jobs.

use std::time::Duration;

use anyhow::ensure;
use domain::{catalogue::Markup, upstream::Upstreams};
use runtime::Environment;

/// Reads `MARKUP`, `UPSTREAMS`, `RUN_LIMIT_SECONDS`, `JOB_DEADLINE_SECONDS`, `GRACE_SECONDS`,
/// `HARD_EXPIRY_SECONDS`, `IDEMPOTENCY_DAYS`, `OUTPUT_URL_SECONDS` and `RETENTION_DAYS`.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) markup: Markup,
    /// Who may be asked to make pictures; the sandbox where nobody is.
    pub(crate) upstreams: Upstreams,
    /// How long new work may be begun on a job.
    pub(crate) deadline: Duration,
    /// How long a hold may stand.
    pub(crate) hard_expiry: Duration,
    /// How long an idempotency key names its job.
    pub(crate) idempotency: Duration,
    /// How long a picture's URL works.
    pub(crate) url_lifetime: Duration,
    /// How long an ended job is kept.
    pub(crate) retention: Duration,
}

impl Config {
    /// Parses the variables, and refuses those that contradict each other: a key that is forgotten
    /// while its job still runs, or after which its job is forgotten, would be a second charge or
    /// an answer without a job.
    pub(crate) fn new(environment: &Environment) -> anyhow::Result<Self> {
        let run_limit = environment.seconds("RUN_LIMIT_SECONDS")?;
        let grace = environment.seconds("GRACE_SECONDS")?;
        let config = Self {
            markup: environment.parse("MARKUP")?,
            upstreams: environment.parse_or_default("UPSTREAMS")?,
            deadline: environment.seconds("JOB_DEADLINE_SECONDS")?,
            hard_expiry: environment.seconds("HARD_EXPIRY_SECONDS")?,
            idempotency: environment.days("IDEMPOTENCY_DAYS")?,
            url_lifetime: environment.seconds("OUTPUT_URL_SECONDS")?,
            retention: environment.days("RETENTION_DAYS")?,
        };
        ensure!(run_limit <= config.deadline, "RUN_LIMIT_SECONDS is above JOB_DEADLINE_SECONDS");
        ensure!(
            config.deadline.saturating_add(grace) <= config.hard_expiry,
            "JOB_DEADLINE_SECONDS and GRACE_SECONDS are above HARD_EXPIRY_SECONDS"
        );
        ensure!(
            config.hard_expiry < config.idempotency,
            "a job may outlive its idempotency key: HARD_EXPIRY_SECONDS is above IDEMPOTENCY_DAYS"
        );
        ensure!(
            config.idempotency <= config.retention,
            "an idempotency key may outlive its job: IDEMPOTENCY_DAYS is above RETENTION_DAYS"
        );
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
