//! A function as a process, which is killed when a test says so.

use std::{
    fs::File,
    io::Read as _,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use lambda_simulator::{InvocationStatus, Simulator, invocation::Invocation};
use local::Stack;
use serde_json::Value;
use tempfile::NamedTempFile;
use testkit::proxy::{Proxy, Service, Strike};

use crate::world::{World, eventually};

/// What a function finds beside the variables that the template gives it.
const GIVEN: [&str; 5] =
    ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LOCAL_STACK", "BFL_API_KEY"];
/// Which the template gives to a function in the cloud, where keys are kept elsewhere.
const NOT_HERE: &str = "UPSTREAM_KEYS_SECRET";
/// How much longer than it has is waited for a process. Nobody enforces its time, so that a busy machine is
/// no failure.
const OVERTIME: Duration = Duration::from_secs(30);
/// How often is looked whether a process has answered.
const LOOK: Duration = Duration::from_millis(50);

/// A function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Authorize,
    Generate,
    Lookup,
    Submit,
    Sweep,
}

impl Function {
    /// Its logical id, and its program.
    const fn of(self) -> (&'static str, &'static str) {
        match self {
            Self::Authorize => ("AuthorizeFunction", env!("CARGO_BIN_EXE_function-authorize")),
            Self::Generate => ("GenerateFunction", env!("CARGO_BIN_EXE_function-generate")),
            Self::Lookup => ("LookupFunction", env!("CARGO_BIN_EXE_function-lookup")),
            Self::Submit => ("SubmitFunction", env!("CARGO_BIN_EXE_function-submit")),
            Self::Sweep => ("SweepFunction", env!("CARGO_BIN_EXE_function-sweep")),
        }
    }
}

/// What came of an invocation.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// It answered this.
    Answered(Value),
    /// It said that it failed.
    Failed(#[expect(dead_code, reason = "it is shown when a test fails")] String),
    /// It was killed when the strike had happened.
    Killed,
}

impl Ended {
    /// What it answered.
    #[track_caller]
    pub(crate) fn answer(self) -> Value {
        match self {
            Self::Answered(answer) => answer,
            other @ (Self::Failed(_) | Self::Killed) => panic!("it did not answer: {other:?}"),
        }
    }

    pub(crate) fn is_killed(&self) -> bool {
        matches!(self, Self::Killed)
    }
}

/// A function, running.
pub(crate) struct Program {
    /// What is between it and the world.
    pub(crate) proxy: Proxy,
    simulator: Simulator,
    child: Child,
    log: NamedTempFile,
}

impl Program {
    /// Starts a function and waits until it asks for its first event.
    pub(crate) async fn start(world: &World, function: Function) -> Program {
        let log = NamedTempFile::new().unwrap();
        let streams = [log.reopen().unwrap().into(), log.reopen().unwrap().into()];
        Self::with_streams(world, function, log, streams).await
    }

    /// The same, with its standard output and its standard error where nobody sees them.
    pub(crate) async fn start_unheard(
        world: &World,
        function: Function,
        streams: [Stdio; 2],
    ) -> Program {
        Self::with_streams(world, function, NamedTempFile::new().unwrap(), streams).await
    }

    async fn with_streams(
        world: &World,
        function: Function,
        log: NamedTempFile,
        [stdout, stderr]: [Stdio; 2],
    ) -> Program {
        let (id, binary) = function.of();
        let simulator = Simulator::builder().function_name(id).build().await.unwrap();
        let endpoints = world.stack().endpoints();
        let proxy = Proxy::start(&[
            (Service::DynamoDb, &endpoints.dynamodb),
            (Service::Sqs, &endpoints.sqs),
            (Service::S3, &endpoints.s3),
            (Service::Upstream, world.upstream.url()),
            (Service::Lambda, &simulator.runtime_api_url()),
        ]);
        let child = Command::new(binary)
            .env_clear()
            .envs(simulator.lambda_env_vars())
            .envs(variables(world.stack(), id))
            .env("AWS_LAMBDA_RUNTIME_API", &proxy.url(Service::Lambda)["http://".len()..])
            .env("AWS_ENDPOINT_URL_DYNAMODB", proxy.url(Service::DynamoDb))
            .env("AWS_ENDPOINT_URL_SQS", proxy.url(Service::Sqs))
            .env("AWS_ENDPOINT_URL_S3", proxy.url(Service::S3))
            .env("BFL_BASE_URL", proxy.url(Service::Upstream))
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut program = Program { proxy, simulator, child, log };
        eventually("the process asks for an event", async || {
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "{id} ended: {ended:?}");
            program.simulator.is_initialized().await.then_some(())
        })
        .await;
        program
    }

    /// One invocation, which has this much time.
    pub(crate) async fn invoke(&self, event: &Value, time: Duration) -> Ended {
        let number = self.enqueue(event, time).await;
        let patience = time.saturating_add(OVERTIME);
        let answered = tokio::time::timeout(patience, self.answered(&number)).await;
        answered.unwrap_or_else(|_| panic!("it did not answer within {patience:?}"))
    }

    /// One invocation, in which the process is killed when the strike has happened.
    pub(crate) async fn invoke_until(
        &mut self,
        event: &Value,
        time: Duration,
        strike: &Strike,
    ) -> Ended {
        let number = self.enqueue(event, time).await;
        let patience = time.saturating_add(OVERTIME);
        let ended = tokio::time::timeout(patience, async {
            tokio::select! {
                biased;
                () = strike.struck() => Ended::Killed,
                answered = self.answered(&number) => answered,
            }
        });
        let ended = ended.await;
        let ended = ended.unwrap_or_else(|_| panic!("nothing happened within {patience:?}"));
        // It may have answered in the same instant.
        if ended.is_killed() || strike.count() > 0 {
            self.kill();
            return Ended::Killed;
        }
        ended
    }

    async fn enqueue(&self, event: &Value, time: Duration) -> String {
        let time = time.as_millis().try_into().unwrap();
        self.simulator.enqueue(Invocation::new(event.clone(), time)).await
    }

    async fn answered(&self, number: &str) -> Ended {
        loop {
            let state = self.simulator.get_invocation_state(number).await.unwrap();
            match state.status {
                InvocationStatus::Success => {
                    return Ended::Answered(state.response.unwrap().payload);
                }
                InvocationStatus::Error | InvocationStatus::Timeout => {
                    return Ended::Failed(state.error.unwrap().error_message);
                }
                InvocationStatus::Pending | InvocationStatus::InProgress => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        File::open(self.log.path()).unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already where the test killed it.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.kill();
        }
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// The variables of a function, but for where its services are.
fn variables(stack: &Stack, function: &str) -> Vec<(String, String)> {
    let own = stack.template().functions[function].environment.clone();
    let all = stack.environment(function).unwrap();
    let given = GIVEN.into_iter().filter_map(|name| Some((name.into(), all.get(name)?.to_owned())));
    own.into_iter().filter(|(name, _)| name != NOT_HERE).chain(given).collect()
}
