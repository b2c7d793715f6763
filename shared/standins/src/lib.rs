//! Stand-ins for DynamoDB, SQS, S3 and EventBridge in this process, so that the whole product runs on one machine.
//!
//! Each is served over real HTTP on a loopback port and is reached by the real AWS SDK: code that
//! talks to them cannot tell that it is not in the cloud. Each has a thread and a runtime of its
//! own, because `SQLite` blocks the thread that it runs on.
//!
//! | service  | engine          | kept in a directory    | after a restart, or a SIGKILL     |
//! |----------|-----------------|------------------------|-----------------------------------|
//! | DynamoDB | dynoxide        | `dynamodb.sqlite`      | every acknowledged write is there |
//! | SQS      | rustack         | nowhere                | empty                             |
//! | S3       | s3s on files    | `objects/`             | every acknowledged object is there|
//! | EventBridge | a list       | nowhere                | empty                             |
//!
//! That the queue forgets is by design: it is a doorbell, and whatever it forgets the sweep rings
//! again. What the stand-ins do *not* do: check IAM policies, answer `TransactionConflict`, throttle.

mod directory;
mod dynamodb;
mod eventbridge;
mod http;
mod s3;
mod sqs;
mod worker;

use std::path::PathBuf;

use anyhow::Context as _;
use tokio::sync::watch;

use directory::Home;
use worker::Worker;

/// The region that the stand-ins believe to be in.
pub const REGION: &str = "us-east-1";
/// The account that the stand-ins believe to belong to.
pub const ACCOUNT_ID: &str = "000000000000";
/// The access key id that S3 signatures must be made with.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret access key that S3 signatures must be made with.
pub const SECRET_ACCESS_KEY: &str = "local";

/// Where the stand-ins keep what they are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere: tables are in memory, objects in a temporary directory that goes with the stand-ins.
    Memory,
    /// In this directory, which is made if it does not exist and locked while it is in use.
    Directory(PathBuf),
}

/// The loopback ports to listen on; 0, the default, lets the kernel choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Of DynamoDB.
    pub dynamodb: u16,
    /// Of SQS.
    pub sqs: u16,
    /// Of S3.
    pub s3: u16,
    /// Of EventBridge.
    pub eventbridge: u16,
}

/// The base URLs of the stand-ins, as an SDK's `endpoint_url` wants them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Of DynamoDB.
    pub dynamodb: String,
    /// Of SQS.
    pub sqs: String,
    /// Of S3; to be addressed path-style.
    pub s3: String,
    /// Of EventBridge.
    pub eventbridge: String,
}

impl Endpoints {
    /// The URL that the queue of this name has, or will have once it is made.
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT_ID}/{name}", self.sqs)
    }
}

/// The stand-ins, running. Dropping it stops them.
#[derive(Debug)]
pub struct Standins {
    endpoints: Endpoints,
    sqs_open: watch::Sender<bool>,
    published: eventbridge::Published,
    // In the order in which they end: the servers, then the directory that they write to.
    workers: Vec<Worker>,
    _home: Home,
}

impl Standins {
    /// Starts the stand-ins on ports that the kernel chooses. They answer once this returns.
    ///
    /// # Errors
    /// If the directory cannot be used, is in use by another process, or holds something else.
    pub fn start(storage: Storage) -> anyhow::Result<Standins> {
        Standins::start_on(storage, Ports::default())
    }

    /// Starts the stand-ins on given ports.
    ///
    /// # Errors
    /// As [`Standins::start`], and if a port is taken.
    pub fn start_on(storage: Storage, ports: Ports) -> anyhow::Result<Standins> {
        let home = Home::open(storage)?;
        let database = dynamodb::open(home.database())?;
        let objects = s3::service(home.objects())?;
        let (dynamodb, dynamodb_url) = http::bind(ports.dynamodb).context("DynamoDB stand-in")?;
        let (sqs, sqs_url) = http::bind(ports.sqs).context("SQS stand-in")?;
        let (s3, s3_url) = http::bind(ports.s3).context("S3 stand-in")?;
        let (bus, bus_url) = http::bind(ports.eventbridge).context("EventBridge stand-in")?;
        let queues = sqs::service(sqs.local_addr().context("SQS stand-in")?.port());

        let (sqs_open, sqs_gate) = watch::channel(true);
        let (_, always_open) = watch::channel(true);
        let (s3_gate, bus_gate) = (always_open.clone(), always_open);
        let published = eventbridge::Published::default();
        let events = published.clone();
        let workers = vec![
            Worker::start("standin-dynamodb", 2, move |stop| {
                dynamodb::serve(dynamodb, database, stop)
            })?,
            Worker::start("standin-sqs", 1, move |stop| http::serve(sqs, queues, sqs_gate, stop))?,
            Worker::start("standin-s3", 1, move |stop| http::serve(s3, objects, s3_gate, stop))?,
            Worker::start("standin-eventbridge", 1, move |stop| {
                http::serve(bus, events, bus_gate, stop)
            })?,
        ];
        let endpoints =
            Endpoints { dynamodb: dynamodb_url, sqs: sqs_url, s3: s3_url, eventbridge: bus_url };
        Ok(Standins { endpoints, sqs_open, published, workers, _home: home })
    }

    /// Where the stand-ins answer.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// What was published on event buses, the latest last: each as the entry that it was published as. The latest
    /// thousand are remembered.
    pub fn published(&self) -> Vec<serde_json::Value> {
        self.published.all()
    }

    /// Takes the queue away: its connections are cut and new ones are closed unanswered, as when a
    /// service is out of reach. It keeps its port, so nobody else can get it meanwhile.
    pub fn pause_sqs(&self) {
        self.sqs_open.send_replace(false);
    }

    /// Gives the queue back, with what was in it.
    pub fn resume_sqs(&self) {
        self.sqs_open.send_replace(true);
    }

    /// Stops the stand-ins, and waits, for a few seconds at most, until they have. Blocks.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Standins {
    fn drop(&mut self) {
        // All are told before any is waited for.
        self.workers.iter().for_each(Worker::tell_to_stop);
        self.workers.drain(..).for_each(Worker::join);
    }
}

#[cfg(test)]
mod tests;
