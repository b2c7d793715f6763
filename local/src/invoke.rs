//! Lambda: runs a function with a payload, under a deadline. Payloads and answers are bytes of JSON,
//! so what a function gets and gives here is what it gets and gives there.

pub(crate) mod handlers;
pub(crate) mod programs;

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc, time::Duration};

use lambda_runtime::{Config, Context};
use runtime::{Clock, Entropy};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::template::functions::Function;

/// The largest payload and the largest answer that Lambda takes.
const PAYLOAD_MAX_BYTES: usize = 6_291_556;

/// What comes of running a handler. It need not be able to move between threads, because in
/// Lambda it never does.
pub(crate) type Answer = Pin<Box<dyn Future<Output = anyhow::Result<Vec<u8>>>>>;

/// A function's code: from the payload, in a context, to the answer.
pub(crate) type Handler = Arc<dyn Fn(Vec<u8>, Context) -> Answer + Send + Sync>;

/// A function did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    /// The payload is larger than Lambda takes.
    #[error("the payload is larger than Lambda takes")]
    TooLarge,
    /// The function failed, or answered more than Lambda takes.
    #[error("{function} failed")]
    Failed {
        /// Its logical id.
        function: String,
        /// How.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The function panicked.
    #[error("{0} panicked")]
    Panicked(String),
    /// The function did not answer in time.
    #[error("{0} timed out after {1:?}")]
    TimedOut(String, Duration),
    /// The stack stopped before the function had answered.
    #[error("the stack stopped before {0} had answered")]
    Stopped(String),
}

/// A function that can be run.
struct Deployed {
    arn: String,
    timeout: Duration,
    config: Arc<Config>,
    handler: Handler,
}

/// Runs functions. Clones share everything.
#[derive(Clone)]
pub(crate) struct Invoker(Arc<Shared>);

struct Shared {
    functions: BTreeMap<String, Deployed>,
    clock: Clock,
    entropy: Entropy,
    running: TaskTracker,
    kill: CancellationToken,
}

impl Invoker {
    /// Runs nothing yet.
    pub(crate) fn new(
        functions: impl IntoIterator<Item = (String, Function, Handler)>,
        clock: Clock,
    ) -> Invoker {
        let deployed = |(id, function, handler): (String, Function, Handler)| {
            let mut config = Config::default();
            config.function_name.clone_from(&function.name);
            "$LATEST".clone_into(&mut config.version);
            let Function { arn, timeout, .. } = function;
            (id, Deployed { arn, timeout, config: Arc::new(config), handler })
        };
        Invoker(Arc::new(Shared {
            functions: functions.into_iter().map(deployed).collect(),
            clock,
            entropy: Entropy::system(),
            running: TaskTracker::new(),
            kill: CancellationToken::new(),
        }))
    }

    /// The clock of the stack.
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// A new id, as Lambda and API Gateway give to requests.
    pub(crate) fn new_id(&self) -> Result<uuid::Uuid, runtime::entropy::EntropyError> {
        Ok(uuid::Builder::from_random_bytes(self.0.entropy.bytes()?).into_uuid())
    }

    /// Runs a function once, on a thread of its own. It runs on if the caller goes away, as in
    /// Lambda.
    pub(crate) async fn invoke(
        &self,
        function: &str,
        payload: &impl Serialize,
    ) -> Result<Vec<u8>, InvokeError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| InvokeError::Failed {
            function: function.to_owned(),
            source,
        };
        let deployed =
            self.0.functions.get(function).ok_or_else(|| failed("not deployed".into()))?;
        let payload = serde_json::to_vec(payload).map_err(|error| failed(error.into()))?;
        if payload.len() > PAYLOAD_MAX_BYTES {
            return Err(InvokeError::TooLarge);
        }
        let context = self.context(deployed).map_err(|error| failed(error.into()))?;
        let (timeout, kill) = (deployed.timeout, self.0.kill.clone());
        let handler = Arc::clone(&deployed.handler);
        let name = function.to_owned();
        let here = Handle::current();
        let task = self.0.running.spawn_blocking(move || {
            here.block_on(run(name, timeout, kill, handler, payload, context))
        });
        let answer = match task.await {
            Ok(answer) => answer?,
            Err(error) if error.is_panic() => {
                return Err(InvokeError::Panicked(function.to_owned()));
            }
            Err(_) => return Err(InvokeError::Stopped(function.to_owned())),
        };
        if answer.len() > PAYLOAD_MAX_BYTES {
            return Err(failed("the answer is larger than Lambda takes".into()));
        }
        Ok(answer)
    }

    /// Waits until nothing runs, for `limit` at most, and then ends what still does.
    pub(crate) async fn finish(&self, limit: Duration) {
        self.0.running.close();
        if tokio::time::timeout(limit, self.0.running.wait()).await.is_err() {
            tracing::warn!(running = self.0.running.len(), "invocations did not end in time");
            self.kill();
        }
    }

    /// Ends everything that runs.
    pub(crate) fn kill(&self) {
        self.0.kill.cancel();
    }

    fn context(&self, deployed: &Deployed) -> Result<Context, runtime::entropy::EntropyError> {
        let now = self.0.clock.now();
        let mut context = Context::default();
        context.request_id = self.new_id()?.to_string();
        context.deadline = now.plus(deployed.timeout).millis();
        context.invoked_function_arn.clone_from(&deployed.arn);
        context.xray_trace_id =
            Some(format!("{};Sampled=0", trace_root(now.seconds(), self.new_id()?)));
        context.env_config = Arc::clone(&deployed.config);
        Ok(context)
    }
}

async fn run(
    function: String,
    timeout: Duration,
    kill: CancellationToken,
    handler: Handler,
    payload: Vec<u8>,
    context: Context,
) -> Result<Vec<u8>, InvokeError> {
    // The handler is called inside, so that what it does before its first await counts as well.
    let answer = async { handler(payload, context).await };
    tokio::select! {
        ended = tokio::time::timeout(timeout, answer) => match ended {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(InvokeError::Failed { function, source: error.into() }),
            Err(_) => Err(InvokeError::TimedOut(function, timeout)),
        },
        () = kill.cancelled() => Err(InvokeError::Stopped(function)),
    }
}

/// `Root=…` of an X-Ray trace id.
pub(crate) fn trace_root(seconds: u64, id: uuid::Uuid) -> String {
    let id = id.simple().to_string();
    let (unique, _) = id.split_at_checked(24).unwrap_or((&id, ""));
    format!("Root=1-{seconds:08x}-{unique}")
}

impl fmt::Debug for Invoker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.functions.keys()).finish()
    }
}

#[cfg(test)]
mod tests;
