//! A thread with a runtime of its own, for one stand-in.

use std::{
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use tokio::sync::watch;

/// How long running requests may take to end once the stand-in is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// Tells a stand-in when to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Resolves once it is time; also if whoever could tell is gone.
    pub(crate) async fn told(mut self) {
        // An error means that the sender is gone: then too it is time.
        self.0.wait_for(|stopped| *stopped).await.map(drop).unwrap_or_default();
    }
}

/// One stand-in, running.
#[derive(Debug)]
pub(crate) struct Worker {
    name: &'static str,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Runs `serve` on a new thread until it returns, or is too slow to once told to stop.
    pub(crate) fn start<F>(
        name: &'static str,
        threads: usize,
        serve: impl FnOnce(Stop) -> F + Send + 'static,
    ) -> anyhow::Result<Worker>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .enable_all()
            .build()
            .with_context(|| format!("cannot start a runtime for {name}"))?;
        let (stop, told) = watch::channel(false);
        let body = move || {
            let told = Stop(told);
            runtime.block_on(async {
                let overdue = async {
                    told.clone().told().await;
                    tokio::time::sleep(STOP_LIMIT).await;
                };
                tokio::select! {
                    served = serve(told.clone()) => {
                        if let Err(error) = served {
                            tracing::error!(error = format!("{error:#}"), "{name} ended");
                        }
                    }
                    () = overdue => tracing::warn!("{name} did not stop in time"),
                }
            });
            runtime.shutdown_timeout(STOP_LIMIT);
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .with_context(|| format!("cannot start a thread for {name}"))?;
        Ok(Worker { name, stop, thread })
    }

    /// Tells it to stop, and does not wait.
    pub(crate) fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has stopped.
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("{} panicked", self.name);
        }
    }
}
