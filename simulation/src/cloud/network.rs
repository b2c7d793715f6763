//! The network: a request may not arrive, its answer may not, it may come twice or much too late, and who sent
//! it may be dead by then.

use std::{panic::AssertUnwindSafe, time::Duration};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use futures_util::FutureExt;
use testkit::CrashPoint;
use tokio::{sync::oneshot, time::sleep};

use super::{
    Cloud, State,
    call::{Call, Service},
    response, tables,
};
use crate::process::{Process, Role};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Dropped,
    Lost,
    Late(Duration),
    Twice(Duration),
    Refused,
}

/// What becomes of the process that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doom {
    None,
    /// It dies before the request has left.
    Before,
    /// It dies before it hears the answer.
    After,
    /// It stops when it hears the answer.
    Stops(Duration),
}

impl Cloud {
    /// Something that goes on by itself, whoever died meanwhile.
    #[expect(clippy::disallowed_methods, reason = "this is the network, no function")]
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(self.clone().attend(work)));
    }

    /// Work that nobody waits for. If it comes down, that is a finding.
    pub(crate) async fn attend(self, work: impl Future<Output = ()>) {
        if let Err(panic) = AssertUnwindSafe(work).catch_unwind().await {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("a task came down").to_owned();
            self.0.panics.lock().unwrap().push(text);
        }
    }

    /// What came down so far, and why.
    pub(crate) fn panics(&self) -> Vec<String> {
        self.0.panics.lock().unwrap().clone()
    }

    /// A way to here for a process.
    pub(crate) fn wire(&self, process: &Process) -> SharedHttpClient {
        SharedHttpClient::new(Wire { cloud: self.clone(), process: process.clone() })
    }

    /// Everything that becomes of a request, decided when it is sent.
    fn decide(&self, call: &Call, process: &Process) -> (Fate, Doom, Duration) {
        let now = self.time().since_begin();
        let mut state = self.state();
        let way = state.chance.millis(1..=4);
        if process.role() == Role::Operator {
            return (Fate::Done, Doom::None, way);
        }
        let State { chance, weather, .. } = &mut *state;
        let is_out = weather.outage.is_some_and(|(from, until)| from <= now && now < until);
        let write = call.is_write() || call.service != Service::DynamoDb;
        let fate = if is_out && call.service == Service::DynamoDb || chance.permille(weather.drop) {
            Fate::Dropped
        } else if chance.permille(weather.lost) {
            Fate::Lost
        } else if write && chance.permille(weather.late) {
            Fate::Late(chance.millis(2_000..=120_000))
        } else if write && chance.permille(weather.dup) {
            Fate::Twice(chance.millis(0..=30_000))
        } else if chance.permille(weather.error) {
            Fate::Refused
        } else {
            Fate::Done
        };
        let doom = if chance.permille(weather.crash) {
            if chance.permille(350) { Doom::Before } else { Doom::After }
        } else if process.role() == Role::Generate && chance.permille(weather.stop) {
            Doom::Stops(chance.millis(1_000..=400_000))
        } else {
            Doom::None
        };
        (fate, doom, way)
    }

    /// Carries a request, does it, and carries the answer back, as far as that is its fate.
    async fn carry(self, call: Call, process: Process, answer: oneshot::Sender<Reply>) {
        let (fate, doom, way) = self.decide(&call, &process);
        self.0.trace.say(|| {
            let means = call.means;
            match (fate, doom) {
                (Fate::Done, Doom::None) => format!("{process:?} {means:?}"),
                _ => format!("{process:?} {means:?} [{fate:?}, {doom:?}]"),
            }
        });
        let (before, after) = call.crash_points(process.role());
        if doom == Doom::Before {
            self.state().dies_before(&process, before);
            process.kill();
            return;
        }
        sleep(way).await;
        match fate {
            Fate::Dropped => return self.silence(answer).await,
            Fate::Refused => return drop(answer.send(Ok(self.error(&call)))),
            Fate::Late(by) => sleep(by).await,
            Fate::Done | Fate::Lost | Fate::Twice(_) => {}
        }
        let reply = self.serve(&call, &process).await;
        // Only what was done is sent again; what was refused, nobody repeats.
        if let Fate::Twice(later) = fate
            && reply.status().is_success()
        {
            let (cloud, process) = (self.clone(), process.clone());
            self.spawn(async move {
                sleep(later).await;
                cloud.serve(&call, &process).await;
            });
        }
        match doom {
            Doom::After => {
                self.state().dies(&process, after);
                process.kill();
                return;
            }
            Doom::Stops(pause) => process.stop_for(pause),
            Doom::None | Doom::Before => {}
        }
        match fate {
            Fate::Lost => self.silence(answer).await,
            Fate::Done | Fate::Dropped | Fate::Late(_) | Fate::Twice(_) | Fate::Refused => {
                // Nobody may be there to hear it.
                drop(answer.send(Ok(reply)));
            }
        }
    }

    /// No answer: the connection breaks, or just says nothing.
    async fn silence(&self, answer: oneshot::Sender<Reply>) {
        let breaks = self.state().chance.permille(500);
        if breaks {
            let error = ConnectorError::io("the connection was reset".into());
            drop(answer.send(Err(error)));
        } else {
            // Longer than anybody waits.
            sleep(Duration::from_mins(10)).await;
        }
    }

    /// An error that the service answers with before it does anything.
    fn error(&self, call: &Call) -> HttpResponse {
        let choice = self.state().chance.index(4);
        let (status, body) = match (call.service, choice) {
            (Service::DynamoDb, 0) if call.is_transaction() => {
                let reasons = call.rows().len();
                let at = self.state().chance.index(reasons);
                return response(400, &tables::conflict(reasons, |index| index == at));
            }
            (Service::DynamoDb, 0 | 1) => (400, tables::error("ThrottlingException")),
            (Service::DynamoDb, 2) => {
                (400, tables::error("ProvisionedThroughputExceededException"))
            }
            _ => (500, tables::error("InternalServerError")),
        };
        response(status, &body)
    }
}

impl State {
    /// Before a request leaves, whatever was heard last counts too.
    fn dies_before(&mut self, process: &Process, points: &[CrashPoint]) {
        let settled = match process.role() {
            Role::Generate => CrashPoint::Cp11,
            Role::Sweep => CrashPoint::Sp4,
            Role::Submit | Role::Lookup | Role::Operator => return self.dies(process, points),
        };
        if process.has_settled() {
            self.dies(process, &[settled]);
        }
        self.dies(process, points);
    }
}

type Reply = Result<HttpResponse, ConnectorError>;

/// The SDK's HTTP client for one process.
#[derive(Clone)]
struct Wire {
    cloud: Cloud,
    process: Process,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wire({:?})", self.process)
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = Call::read(&request);
        let (send, receive) = oneshot::channel();
        self.cloud.spawn(self.cloud.clone().carry(call, self.process.clone(), send));
        HttpConnectorFuture::new(async move {
            match receive.await {
                Ok(reply) => reply,
                Err(_) => std::future::pending().await,
            }
        })
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
