//! A request to AWS, as far as one must read it to know what it is about.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;

use testkit::CrashPoint;

use crate::process::Role;

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    DynamoDb,
    Sqs,
    S3,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    /// `UpdateItem` and the like; for S3 the method.
    pub(crate) operation: String,
    /// The body; for S3 the path.
    pub(crate) body: String,
    /// The body, where it is JSON.
    pub(crate) json: Value,
    /// What the request means to the product.
    pub(crate) means: Means,
}

/// What a request means to the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// T1.
    Accept,
    /// T2 or T3.
    Settle {
        /// Whether it charges.
        is_usage: bool,
    },
    /// T4.
    Credit,
    /// T5.
    Reverse,
    /// Money goes from one pocket of a balance to another.
    Move,
    /// A claim of a job that nobody has begun.
    Begin,
    /// A claim of a job that nobody has begun, with which it takes its turn.
    BeginWaiting,
    /// A claim of a job that was begun.
    Resume,
    /// The intent to send an order again.
    Intent,
    /// The task is noted.
    Task,
    /// The job is put down.
    PutDown,
    /// The row is due later.
    Postpone,
    /// A page of the due index.
    Due,
    /// Some other read.
    Read,
    /// A bell.
    Ring,
    /// A picture is kept.
    Keep,
}

impl Call {
    /// Reads a request that the SDK has made.
    pub(crate) fn read(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target");
        let bytes = request.body().bytes().unwrap_or_default();
        let Some((service, operation)) = target.and_then(|target| target.split_once('.')) else {
            let path = request.uri().split_once("://").map_or("", |(_, rest)| rest);
            let path = path.split_once('/').map_or("", |(_, path)| path);
            let path = path.split('?').next().unwrap_or_default();
            return Self {
                service: Service::S3,
                operation: request.method().to_owned(),
                body: path.to_owned(),
                json: Value::Null,
                means: Means::Keep,
            };
        };
        let body = String::from_utf8_lossy(bytes).into_owned();
        let json = serde_json::from_str(&body).unwrap_or_default();
        let is_sqs = service == "AmazonSQS";
        let means = if is_sqs { Means::Ring } else { meaning(operation, &json) };
        let service = if is_sqs { Service::Sqs } else { Service::DynamoDb };
        Self { service, operation: operation.to_owned(), body, json, means }
    }

    /// The rows that a write is about: table, partition key, sort key.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        match self.json["TransactItems"].as_array() {
            Some(items) => {
                rows.extend(items.iter().filter_map(Row::of_write));
            }
            None => rows.push(Row::of(&self.json)),
        }
        rows
    }

    /// The token under which a transaction is sent.
    pub(crate) fn token(&self) -> Option<&str> {
        self.json["ClientRequestToken"].as_str()
    }

    pub(crate) fn is_transaction(&self) -> bool {
        self.operation == "TransactWriteItems"
    }

    pub(crate) fn is_write(&self) -> bool {
        self.is_transaction() || matches!(self.operation.as_str(), "UpdateItem" | "PutItem")
    }

    /// At which points a process dies that dies before the request arrives, and after it is done.
    pub(crate) fn crash_points(
        &self,
        role: Role,
    ) -> (&'static [CrashPoint], &'static [CrashPoint]) {
        use CrashPoint as P;
        match (role, self.means) {
            (Role::Submit, Means::Move) => (&[P::Ap1], &[P::Ap1]),
            (Role::Submit, Means::Accept) => (&[P::Ap1], &[P::Ap2]),
            (Role::Submit, Means::Ring) => (&[P::Ap3], &[P::Ap4]),
            (Role::Generate, Means::Begin | Means::BeginWaiting | Means::Resume) => {
                (&[P::Cp1], &[P::Cp2])
            }
            (Role::Generate, Means::Task) => (&[P::Cp5], &[P::Cp6]),
            (Role::Generate, Means::Keep) => (&[P::Cp8], &[P::Cp9]),
            (Role::Generate, Means::Settle { .. }) => (&[P::Cp10], &[P::Cp10]),
            (Role::Sweep, Means::Due) => (&[], &[P::Sp1]),
            (Role::Sweep, Means::Ring) => (&[], &[P::Sp2]),
            (Role::Sweep, Means::Settle { .. }) => (&[P::Sp3], &[P::Sp3]),
            _ => (&[], &[]),
        }
    }
}

/// A row of a table, by its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) table: String,
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Row {
    /// The row that a part of a transaction is about.
    fn of_write(item: &Value) -> Option<Self> {
        let kinds = ["Put", "Update", "ConditionCheck", "Delete", "Get"];
        kinds.iter().find_map(|kind| item.get(kind)).map(Self::of)
    }

    fn of(part: &Value) -> Self {
        let key = part.get("Key").or_else(|| part.get("Item")).unwrap_or(&Value::Null);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            table: text(&part["TableName"]),
            pk: text(&key["pk"]["S"]),
            sk: text(&key["sk"]["S"]),
        }
    }
}

fn meaning(operation: &str, json: &Value) -> Means {
    match operation {
        "TransactWriteItems" => {
            let items = json["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
            let put = |end: &str| {
                items.iter().find(|item| {
                    let sk = item["Put"]["Item"]["sk"]["S"].as_str().unwrap_or_default();
                    sk.starts_with("entry#") && sk.ends_with(end)
                })
            };
            if let Some(item) = put("#resolution") {
                let kind = item["Put"]["Item"]["kind"]["S"].as_str();
                return Means::Settle { is_usage: kind == Some("usage") };
            }
            if put("#reversal").is_some() {
                return Means::Reverse;
            }
            let takes_turn = items.iter().any(|item| {
                let text = item["Update"]["UpdateExpression"].as_str();
                text.is_some_and(|text| text.contains("turn = :turn"))
            });
            if takes_turn {
                return Means::BeginWaiting;
            }
            let is_move = items.len() == 2
                && items.iter().filter_map(Row::of_write).all(|row| row.sk.starts_with("balance"));
            match put("#hold") {
                Some(_) => Means::Accept,
                None if is_move => Means::Move,
                None => Means::Credit,
            }
        }
        "UpdateItem" => {
            let expression = json["UpdateExpression"].as_str().unwrap_or_default();
            match expression {
                text if text.contains("lease_holder") && text.contains("job_status") => {
                    Means::Begin
                }
                text if text.contains("lease_holder") => Means::Resume,
                text if text.contains("task = :task") => Means::Task,
                text if text.contains("REMOVE lease_until_ms") => Means::PutDown,
                text if text.contains("run_deadline_at_ms") => Means::Intent,
                _ => Means::Postpone,
            }
        }
        "Query" if json["IndexName"].is_string() => Means::Due,
        _ => Means::Read,
    }
}
