//! What an order costs at least with this SDK: one event is read, a transaction of four writes and a message are
//! sent, `202` is answered. It has the product's clients and its first call in init, and none of its rules.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put, TransactWriteItem, Update},
};
use domain::ids::JobId;
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};
use runtime::{
    Clock, Entropy, Environment, Host,
    aws::Aws,
    queue::{Bell, Queue},
};
use serde_json::{Value, json};

/// What an order costs, in millionths of a dollar.
const HOLD: &str = "81000";
/// What a user has who was not seen before.
const CREDIT: &str = "1000000000";

/// What is asked for.
struct Order<'a> {
    user: &'a str,
    id: String,
    model: &'a str,
    prompt: &'a str,
    key: &'a str,
}

struct Floor {
    tables: Client,
    queue: Queue,
    jobs: String,
    ledger: String,
    entropy: Entropy,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let aws = Aws::new(&environment, &Host::system())?;
    let floor = Floor {
        tables: aws.dynamodb(),
        queue: Queue::new(&aws, &environment)?,
        jobs: environment.text("JOBS_TABLE")?,
        ledger: environment.text("LEDGER_TABLE")?,
        entropy: Entropy::system(),
    };
    let nothing = floor.tables.get_item().table_name(&floor.jobs).set_key(Some(row("-", "-")));
    nothing.send().await?;
    let floor = &floor;
    lambda_http::run(service_fn(async move |request: Request| submit(floor, &request).await)).await
}

async fn submit(floor: &Floor, request: &Request) -> Result<Response<Body>, Error> {
    let context = request.request_context();
    let given = context.authorizer().ok_or("nobody is asking")?;
    let user = given.fields.get("user_id").and_then(Value::as_str).ok_or("nobody is asking")?;
    let order: Value = serde_json::from_slice(request.body())?;
    let said = |name: &str| order.get(name).and_then(Value::as_str).filter(|said| !said.is_empty());
    let (Some(model), Some(prompt), Some(key)) =
        (said("model"), said("prompt"), said("idempotency_key"))
    else {
        return Err("something is missing".into());
    };
    let id = JobId::new(Clock::system().now(), &floor.entropy.bytes()?);
    let order = Order { user, id: id.to_string(), model, prompt, key };
    accept(floor, &order).await?;
    floor.queue.ring(&Bell::new(user.parse()?, id), Duration::ZERO).await?;
    let body =
        json!({ "id": order.id, "object": "image.job", "status": "pending", "model": model });
    let answer = Response::builder().status(202).header("content-type", "application/json");
    Ok(answer.body(Body::from(body.to_string()))?)
}

/// The key, the job and the hold are new, and the balance covers the price: all four, or nothing.
async fn accept(floor: &Floor, order: &Order<'_>) -> Result<(), Error> {
    let Order { user, id, model, prompt, key } = order;
    let job = [("status", "pending"), ("model", model), ("prompt", prompt)];
    let writes = [
        put(&floor.jobs, row(user, &format!("key#{key}")), &[("job_id", id)])?,
        put(&floor.jobs, row(user, &format!("job#{id}")), &job)?,
        put(&floor.ledger, row(user, &format!("entry#{id}#hold")), &[("kind", "hold")])?,
        take(&floor.ledger, row(user, "balance"))?,
    ];
    let sent = floor.tables.transact_write_items().set_transact_items(Some(writes.into()));
    sent.send().await?;
    Ok(())
}

fn row(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    [("pk", pk), ("sk", sk)].map(|(name, value)| (name.to_owned(), text(value))).into()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A row that is not there yet.
fn put(
    table: &str,
    mut row: HashMap<String, AttributeValue>,
    more: &[(&str, &str)],
) -> Result<TransactWriteItem, Error> {
    row.extend(more.iter().map(|(name, value)| ((*name).to_owned(), text(value))));
    row.insert("hold_micros".to_owned(), AttributeValue::N(HOLD.to_owned()));
    let put = Put::builder().table_name(table).set_item(Some(row));
    let put = put.condition_expression("attribute_not_exists(pk)").build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The price, out of the balance.
fn take(table: &str, row: HashMap<String, AttributeValue>) -> Result<TransactWriteItem, Error> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(row))
        .update_expression("SET available = if_not_exists(available, :credit) - :hold")
        .condition_expression("attribute_not_exists(available) OR available >= :hold")
        .expression_attribute_values(":credit", AttributeValue::N(CREDIT.to_owned()))
        .expression_attribute_values(":hold", AttributeValue::N(HOLD.to_owned()))
        .build()?;
    Ok(TransactWriteItem::builder().update(update).build())
}
