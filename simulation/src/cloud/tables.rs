//! The tables: the DynamoDB stand-in, asked in this process.

use std::collections::HashMap;

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{audit::Books, ids::UserId};
use dynoxide::{Database, DynoxideError, types};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// The tables.
pub(crate) struct Tables {
    database: Database,
}

/// What DynamoDB answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Tables {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let database = Database::memory().context("there are no tables")?;
        let tables = Self { database };
        for table in [JOBS, LEDGER, WEBHOOKS] {
            let answer = tables.ask("CreateTable", &schema(table).to_string());
            anyhow::ensure!(answer.status == 200, "{}", answer.body);
        }
        Ok(tables)
    }

    /// One request.
    pub(crate) fn ask(&self, operation: &str, body: &str) -> Answer {
        let db = &self.database;
        match operation {
            "CreateTable" => answer(body, |request| db.create_table(request)),
            "GetItem" => answer(body, |request| db.get_item(request)),
            "UpdateItem" => answer(body, |request| db.update_item(request)),
            "PutItem" => answer(body, |request| db.put_item(request)),
            "Query" => answer(body, |request| db.query(request)),
            "Scan" => answer(body, |request| db.scan(request)),
            "BatchGetItem" => answer(body, |request| db.batch_get_item(request)),
            "TransactGetItems" => answer(body, |request| db.transact_get_items(request)),
            "TransactWriteItems" => answer(body, |request| db.transact_write_items(request)),
            _ => Answer { status: 400, body: error("UnknownOperationException") },
        }
    }

    /// The books of a user, as they are.
    pub(crate) fn books(&self, user: &str) -> Option<Books> {
        let user: UserId = user.parse().ok()?;
        let ledger = self.partition(LEDGER, user.as_str());
        let jobs = self.partition(JOBS, user.as_str());
        Some(store::read_books(&user, ledger.into_iter().chain(jobs)))
    }

    fn partition(&self, table: &str, user: &str) -> Vec<HashMap<String, AttributeValue>> {
        let mut request = json!({
            "TableName": table,
            "KeyConditionExpression": "pk = :user",
            "ExpressionAttributeValues": { ":user": { "S": user } },
            "ConsistentRead": true,
        });
        let mut rows = Vec::new();
        loop {
            let found = self.database.query(serde_json::from_value(request.clone()).unwrap());
            let found = found.unwrap();
            rows.extend(found.items.unwrap_or_default().into_iter().map(row));
            let Some(last) = found.last_evaluated_key else { return rows };
            request["ExclusiveStartKey"] = serde_json::to_value(last).unwrap();
        }
    }
}

/// The name of the jobs table.
pub(crate) const JOBS: &str = "jobs";
/// The name of the ledger.
pub(crate) const LEDGER: &str = "ledger";
/// The name of the table of webhooks.
pub(crate) const WEBHOOKS: &str = "webhooks";

/// The keys of a table. The index of due rows is not here: it is behind, which the stand-in's is not.
fn schema(table: &str) -> Value {
    json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "pk", "AttributeType": "S" },
            { "AttributeName": "sk", "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": "pk", "KeyType": "HASH" },
            { "AttributeName": "sk", "KeyType": "RANGE" },
        ],
    })
}

fn answer<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    ask: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Answer {
    let request = match serde_json::from_str(body) {
        Ok(request) => request,
        Err(cause) => {
            let body = json!({ "__type": NAMESPACE.to_owned() + "ValidationException",
                "message": cause.to_string() });
            return Answer { status: 400, body: body.to_string() };
        }
    };
    match ask(request) {
        Ok(answer) => Answer { status: 200, body: serde_json::to_string(&answer).unwrap() },
        Err(error) => Answer { status: error.status_code(), body: error.to_json() },
    }
}

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";

/// An error of this name.
pub(crate) fn error(name: &str) -> String {
    json!({ "__type": format!("{NAMESPACE}{name}"), "message": "as the weather wants it" })
        .to_string()
}

/// A transaction of so many writes that met another one on these.
pub(crate) fn conflict(writes: usize, conflicts: impl Fn(usize) -> bool) -> String {
    let reason = |index| {
        if conflicts(index) {
            json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" })
        } else {
            json!({ "Code": "None" })
        }
    };
    let reasons: Vec<Value> = (0..writes).map(reason).collect();
    json!({
        "__type": format!("{NAMESPACE}TransactionCanceledException"),
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    })
    .to_string()
}

fn row(item: HashMap<String, types::AttributeValue>) -> HashMap<String, AttributeValue> {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

fn attribute(value: types::AttributeValue) -> AttributeValue {
    use types::AttributeValue as From;
    match value {
        From::S(text) => AttributeValue::S(text),
        From::N(number) => AttributeValue::N(number),
        From::BOOL(truth) => AttributeValue::Bool(truth),
        From::NULL(null) => AttributeValue::Null(null),
        From::L(list) => AttributeValue::L(list.into_iter().map(attribute).collect()),
        From::M(map) => AttributeValue::M(row(map)),
        other @ (From::B(_) | From::SS(_) | From::NS(_) | From::BS(_)) => {
            panic!("no row of ours has such an attribute: {other:?}")
        }
    }
}
