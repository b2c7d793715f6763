//! A function as a process, and what the kernel says of it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    runtime_api::RuntimeApi,
    throttle::{Means, Throttle},
};

/// The time that an invocation has.
const TIME: Duration = Duration::from_secs(90);

/// A program and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) command: PathBuf,
    pub(crate) arguments: Vec<PathBuf>,
    pub(crate) variables: Vec<(String, String)>,
}

/// A program, running; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    api: RuntimeApi,
    throttle: Option<Throttle>,
    /// From its start until it asked for its first event.
    pub(crate) init: Duration,
}

impl Program {
    /// The size of the binary; nothing where an interpreter runs a script.
    pub(crate) fn bytes(&self) -> anyhow::Result<Option<u64>> {
        let size = || Ok(fs::metadata(&self.command)?.len());
        self.arguments.is_empty().then(size).transpose()
    }

    /// Starts it and waits until it asks for an event.
    pub(crate) async fn start(&self) -> anyhow::Result<Running> {
        let api = RuntimeApi::start().await?;
        let begun = Instant::now();
        let child = Command::new(&self.command)
            .args(&self.arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", self.command.display()))?;
        let mut running = Running { child, api, throttle: None, init: Duration::ZERO };
        let asked = running.api.asked().await?;
        running.init = asked.duration_since(begun);
        // It asks before it listens for the answer: the first event comes later than that, as in Lambda.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(running)
    }
}

impl Running {
    /// One invocation, and how long it took. It returns when the process asks for the next.
    pub(crate) async fn invoke(&mut self, event: &Value) -> anyhow::Result<(Duration, Value)> {
        let answered = self.api.invoke(event, TIME).await?;
        self.api.asked().await?;
        Ok(answered)
    }

    /// Gives it no more than a share of a core from now on.
    pub(crate) fn throttle(&mut self, means: Means, memory_mb: u32) -> anyhow::Result<()> {
        self.throttle = Some(Throttle::on(means, self.child.id(), memory_mb)?);
        Ok(())
    }

    /// The CPU time that all its threads have had.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut nanos: u64 = 0;
        for task in fs::read_dir(tasks)? {
            // A thread may have ended meanwhile.
            let Ok(told) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let had = told.split(' ').next().context("schedstat is empty")?;
            nanos = nanos.saturating_add(had.parse()?);
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// The most memory that it has had, in KiB.
    pub(crate) fn memory_kib(&self) -> anyhow::Result<u32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let line = line.context("the kernel tells no peak of memory")?;
        Ok(line.trim_end_matches("kB").trim().parse()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        // The group can go when nobody is in it.
        self.throttle.take();
    }
}
