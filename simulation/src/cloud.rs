//! AWS, in this process: the tables are those of the DynamoDB stand-in, queue and bucket are small fakes,
//! and between them and the processes lies a network on which everything may go wrong.
//!
//! The real SDK talks to it, through a connector in place of its HTTP client. What it sends is done by a
//! task of its own, as in a real network: that who asked has died or given up does not call it back.
//!
//! What the stand-in does not do is done here: transactions that overlap on a row conflict, single writes
//! conflict with transactions, a token that is still being worked on says so, and the index is behind.

mod call;
mod index;
mod network;
mod queue;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use testkit::CrashPoint;
use tokio::time::{Instant, sleep};

use call::{Call, Service};
pub(crate) use call::{Means, Row};
pub(crate) use index::Change;
pub(crate) use queue::Message;
use queue::Queue;
use tables::{Answer, Tables};
pub(crate) use tables::{JOBS, LEDGER, WEBHOOKS};

use crate::{
    chance::Chance,
    ledger::Ledger,
    process::{Process, Role},
    time::Time,
    trace::Trace,
    weather::Weather,
};

/// AWS.
#[derive(Clone)]
pub(crate) struct Cloud(Arc<Inner>);

struct Inner {
    time: Time,
    tables: Tables,
    queue: Queue,
    trace: Trace,
    state: Mutex<State>,
    panics: Mutex<Vec<String>>,
}

/// What changes.
pub(crate) struct State {
    pub(crate) chance: Chance,
    pub(crate) weather: Weather,
    pub(crate) ledger: Ledger,
    /// After how many commits the books are audited.
    pub(crate) audit_every: u64,
    /// The pictures that are kept.
    pub(crate) pictures: BTreeSet<String>,
    pub(crate) crashes: BTreeMap<CrashPoint, u64>,
    /// How many transactions met another one.
    pub(crate) conflicts: u64,
    index: index::Index,
    /// Rows that a transaction is about to write.
    locked: BTreeSet<Row>,
    /// Tokens of transactions that are under way.
    tokens: BTreeSet<String>,
}

impl Cloud {
    pub(crate) fn new(
        time: Time,
        weather: Weather,
        mut chance: Chance,
        trace: Trace,
    ) -> anyhow::Result<Self> {
        let queue = Queue::new(chance.fork());
        let state = State {
            chance,
            weather,
            ledger: Ledger::default(),
            audit_every: 1,
            pictures: BTreeSet::new(),
            crashes: BTreeMap::new(),
            conflicts: 0,
            index: index::Index::default(),
            locked: BTreeSet::new(),
            tokens: BTreeSet::new(),
        };
        let tables = Tables::new()?;
        let (state, panics) = (Mutex::new(state), Mutex::default());
        Ok(Self(Arc::new(Inner { time, tables, queue, trace, state, panics })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    pub(crate) fn time(&self) -> Time {
        self.0.time
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) fn trace(&self) -> &Trace {
        &self.0.trace
    }

    /// Whether the sweep would find a row that is due.
    pub(crate) fn has_due(&self) -> bool {
        let now = self.time().now();
        let mut state = self.state();
        state.index.catch_up(Instant::now());
        state.index.has_due(now)
    }

    /// It dies here, unless the weather is too good for that.
    pub(crate) fn may_die(&self, process: &Process, points: &[CrashPoint]) -> bool {
        let mut state = self.state();
        let crash = state.weather.crash;
        if process.role() == Role::Operator || !state.chance.permille(crash) {
            return false;
        }
        state.dies(process, points);
        drop(state);
        self.0.trace.say(|| format!("{process:?} dies at {points:?}"));
        true
    }

    fn draw(&self, millis: RangeInclusive<u64>) -> Duration {
        self.state().chance.millis(millis)
    }

    /// Does it.
    async fn serve(&self, call: &Call, process: &Process) -> HttpResponse {
        match call.service {
            Service::S3 => {
                sleep(self.draw(10..=60)).await;
                let key = call.body.split_once('/').map_or("", |(_, key)| key);
                self.state().pictures.insert(key.to_owned());
                response(200, "")
            }
            Service::Sqs => {
                sleep(self.draw(2..=12)).await;
                self.ring(call);
                response(200, r#"{"MessageId":"00000000-0000-0000-0000-000000000000"}"#)
            }
            Service::DynamoDb => self.serve_table(call, process).await,
        }
    }

    /// Nobody is told of anything here: what is sent to the other queue is gone.
    fn ring(&self, call: &Call) {
        let queue = call.json["QueueUrl"].as_str().unwrap_or_default();
        if queue.ends_with("-EventsQueue") {
            return;
        }
        let body = call.json["MessageBody"].as_str().unwrap_or_default();
        let delay = Duration::from_secs(call.json["DelaySeconds"].as_u64().unwrap_or_default());
        let faults = self.state().weather.queue;
        self.0.queue.send(body, delay, faults, &self.0.trace);
    }

    async fn serve_table(&self, call: &Call, process: &Process) -> HttpResponse {
        if call.means == Means::Due {
            let now = Instant::now();
            sleep(self.draw(2..=8)).await;
            if call.json["TableName"] == WEBHOOKS {
                return response(200, r#"{"Items":[],"Count":0,"ScannedCount":0}"#);
            }
            let mut state = self.state();
            state.index.catch_up(now);
            return response(200, &state.index.page(&call.json));
        }
        if !call.is_transaction() {
            sleep(self.draw(2..=8)).await;
            if call.is_write() && self.locks(&call.rows()).contains(&true) {
                return response(400, &tables::error("TransactionConflictException"));
            }
            return self.apply(call, process);
        }
        let rows = call.rows();
        let token = call.token().unwrap_or_default().to_owned();
        if self.state().tokens.contains(&token) {
            return response(400, &tables::error("TransactionInProgressException"));
        }
        let locks = self.locks(&rows);
        if locks.contains(&true) {
            let mut state = self.state();
            state.ledger.conflicted(&rows);
            state.conflicts = state.conflicts.saturating_add(1);
            return response(400, &tables::conflict(rows.len(), |at| locks.get(at) == Some(&true)));
        }
        // What a transaction takes between its two phases.
        let takes = {
            let mut state = self.state();
            state.locked.extend(rows.iter().cloned());
            state.tokens.insert(token.clone());
            state.chance.millis(10..=25)
        };
        sleep(takes).await;
        {
            let mut state = self.state();
            state.locked.retain(|row| !rows.contains(row));
            state.tokens.remove(&token);
        }
        self.apply(call, process)
    }

    /// Which of the rows a transaction is about to write.
    fn locks(&self, rows: &[Row]) -> Vec<bool> {
        let state = self.state();
        rows.iter().map(|row| state.locked.contains(row)).collect()
    }

    /// The moment at which it counts. What was written is audited before anybody else comes.
    fn apply(&self, call: &Call, process: &Process) -> HttpResponse {
        let Answer { status, body } = self.0.tables.ask(&call.operation, &call.body);
        let is_done = status == 200;
        if call.is_write() {
            self.watch(call, process, is_done, &body);
        }
        response(status, &body)
    }

    fn watch(&self, call: &Call, process: &Process, is_done: bool, body: &str) {
        let now = self.time().now();
        let mut state = self.state();
        if is_done {
            state.ledger.commits = state.ledger.commits.saturating_add(1);
        }
        if is_done && state.ledger.commits.is_multiple_of(state.audit_every) {
            let rows = call.rows();
            let users: BTreeSet<String> = rows.iter().map(|row| row.pk.clone()).collect();
            for user in users {
                let Some(books) = self.0.tables.books(&user) else { continue };
                let changes = state.ledger.commit(books, now, process.role(), call.means, &rows);
                let lag = state.weather.lag;
                let lag = u64::try_from(lag.as_millis()).unwrap_or_default();
                for change in changes {
                    let behind = state.chance.millis(0..=lag);
                    let at = Instant::now().checked_add(behind);
                    state.index.note(at.unwrap_or_else(Instant::now), change);
                }
            }
        } else if !is_done {
            state.ledger.refused(call.means, process.role(), &call.rows(), body);
        }
        if matches!(call.means, Means::Settle { .. }) {
            process.note_settled(true);
        }
    }
}

impl State {
    fn dies(&mut self, process: &Process, points: &[CrashPoint]) {
        for point in points {
            let count = self.crashes.entry(*point).or_default();
            *count = count.saturating_add(1);
        }
        process.kill();
    }
}

fn response(status: u16, body: &str) -> HttpResponse {
    let code = StatusCode::try_from(status).unwrap();
    let mut response = HttpResponse::new(code, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}
