//! What it costs to wait: one environment of the worker has so many jobs at the same time, and their upstream is
//! slow.

use std::time::Duration;

use serde::Serialize;

use crate::{
    cases::{millis, place},
    program::{Program, Running},
    world::{World, batch},
};

/// How many of them one user has; fewer than the least who ever paid much may have running.
const JOBS_OF_A_USER: u32 = 10;
/// The memory of the worker, as template.yaml has it.
const MEMORY_GB: f64 = 1.0;
/// Lambda's price in us-east-1 on arm64: of a second with a GB, and of a request.
const USD_PER_GB_SECOND: f64 = 0.000_013_333_4;
const USD_PER_REQUEST: f64 = 0.000_000_2;

/// What was measured of one batch.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Batch {
    /// How many jobs it was.
    pub(crate) jobs: u32,
    /// How long the upstream took for each.
    pub(crate) upstream_ms: u32,
    /// From the event to the answer.
    pub(crate) took_ms: f64,
    /// From the event to the end of a job: the middle of all.
    pub(crate) latency_ms: f64,
    /// CPU time of a job, with the drawing of its picture.
    pub(crate) cpu_ms: f64,
    /// The most memory that the process had.
    pub(crate) memory_mb: f64,
    /// What Lambda asks for a thousand jobs.
    pub(crate) usd_per_1000: f64,
}

/// Has a worker of its own work on so many jobs.
pub(crate) async fn measure(
    world: &mut World,
    submit: &mut Running,
    generate: &Program,
    jobs: u32,
    upstream_ms: u32,
) -> anyhow::Result<Batch> {
    let mut placed = Vec::new();
    let mut left = jobs;
    while left > 0 {
        let mut caller = world.user().await?;
        for _ in 0..left.min(JOBS_OF_A_USER) {
            placed.push(place(submit, &mut caller, upstream_ms).await?);
        }
        left = left.saturating_sub(JOBS_OF_A_USER);
    }
    let mut worker = generate.start().await?;
    let before = worker.cpu()?;
    let begun = runtime::Clock::system().now();
    let (took, answer) = worker.invoke(&batch(&placed)?).await?;
    let failures = answer.get("batchItemFailures").and_then(serde_json::Value::as_array);
    anyhow::ensure!(failures.is_some_and(Vec::is_empty), "some came back: {answer}");
    let cpu = worker.cpu()?.saturating_sub(before);
    let memory_kib = worker.memory_kib()?;
    let mut latencies = Vec::new();
    for (user, job) in &placed {
        let ended_at = world.ended(user, job).await?;
        latencies.push(ended_at.since(begun));
    }
    latencies.sort();
    let latency = latencies.get(latencies.len() / 2).copied().unwrap_or_default();
    Ok(Batch {
        jobs,
        upstream_ms,
        took_ms: millis(took),
        latency_ms: millis(latency),
        cpu_ms: millis(cpu) / f64::from(jobs),
        memory_mb: f64::from(memory_kib) / 1_024.0,
        usd_per_1000: usd_per_1000(took, jobs),
    })
}

/// What Lambda asks for a thousand jobs, so many of which share an invocation of this length.
fn usd_per_1000(took: Duration, jobs: u32) -> f64 {
    let invocation = took.as_secs_f64() * MEMORY_GB * USD_PER_GB_SECOND + USD_PER_REQUEST;
    invocation * 1_000.0 / f64::from(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_jobs_in_one_invocation_cost_a_tenth() {
        let alone = usd_per_1000(Duration::from_secs(10), 1);
        assert!((0.1335..0.1336).contains(&alone), "{alone}");
        let ten = usd_per_1000(Duration::from_secs(10), 10);
        assert!((alone / ten - 10.0).abs() < 1e-9);
    }
}
