//! What no function may do, tried with its own credentials. That each may do what it must, the other scenarios
//! show.

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{AttributeValue, Put, TransactWriteItem},
};
use aws_sdk_s3::primitives::ByteStream;

use crate::world::World;

/// Every function that the template had when this was written; one that is added is tried as well.
const FUNCTIONS: [&str; 7] = [
    "SubmitFunction",
    "GenerateFunction",
    "LookupFunction",
    "WebhooksFunction",
    "NotifyFunction",
    "AuthorizeFunction",
    "SweepFunction",
];

/// What was tried, with whether it was refused for want of the right to do it.
#[derive(Debug, Default)]
struct Tried(Vec<(String, String, bool)>);

impl Tried {
    fn note<T, E: ProvideErrorMetadata>(&mut self, who: &str, what: &str, found: Result<T, E>) {
        let code = found.err().and_then(|error| error.code().map(str::to_owned));
        let refused = code.is_some_and(|code| code.starts_with("AccessDenied"));
        self.0.push((who.to_owned(), what.to_owned(), refused));
    }

    /// What should have been refused and was not.
    fn taken(&self, may: &[(&str, &str)]) -> Vec<(&str, &str)> {
        let tried =
            self.0.iter().map(|(who, what, refused)| (who.as_str(), what.as_str(), refused));
        let wrong = tried.filter(|(who, what, refused)| **refused == may.contains(&(who, what)));
        wrong.map(|(who, what, _)| (who, what)).collect()
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[tokio::test]
async fn no_function_touches_money_outside_a_transaction_or_deletes_or_lists_anything() {
    let world = World::find();
    assert!(world.deployed.credentials.len() >= FUNCTIONS.len());
    assert!(FUNCTIONS.iter().all(|name| world.deployed.credentials.contains_key(*name)));
    let mut tried = Tried::default();
    for who in world.deployed.credentials.keys() {
        let aws = world.aws_of(who);
        let tables = aws.dynamodb();
        for table in ["JobsTable", "LedgerTable", "KeysTable", "WebhooksTable"] {
            let name = world.name(table);
            let put = tables.put_item().table_name(name).item("pk", text("eve"));
            let put = put.item("sk", text("balance")).send().await;
            tried.note(who, &format!("put into {table}"), put.map_err(|e| e.into_service_error()));
            let delete = tables.delete_item().table_name(name).key("pk", text("eve"));
            let delete = delete.key("sk", text("balance")).send().await;
            let what = format!("delete from {table}");
            tried.note(who, &what, delete.map_err(|e| e.into_service_error()));
            let scan = tables.scan().table_name(name).send().await;
            tried.note(who, &format!("scan {table}"), scan.map_err(|e| e.into_service_error()));
            let drop = tables.delete_table().table_name(name).send().await;
            tried.note(who, &format!("drop {table}"), drop.map_err(|e| e.into_service_error()));
        }
        let update = tables.update_item().table_name(world.name("LedgerTable"));
        let update = update.key("pk", text("eve")).key("sk", text("balance")).send().await;
        tried.note(who, "update the ledger", update.map_err(|e| e.into_service_error()));
    }
    // What a user registers is theirs to remove, and no money.
    let may = [
        ("WebhooksFunction", "put into WebhooksTable"),
        ("WebhooksFunction", "delete from WebhooksTable"),
        ("NotifyFunction", "put into WebhooksTable"),
    ];
    assert_eq!(tried.taken(&may), []);
}

#[tokio::test]
async fn each_function_reaches_only_what_it_works_with() {
    let world = World::find();
    let mut tried = Tried::default();
    for who in world.deployed.credentials.keys() {
        let aws = world.aws_of(who);
        let (tables, s3) = (aws.dynamodb(), world.s3_of(who));
        for table in ["JobsTable", "LedgerTable"] {
            let item = Put::builder().table_name(world.name(table)).item("pk", text("eve"));
            // A row that nobody reads, under a condition that is never met.
            let item = item.item("sk", text("probe")).condition_expression("attribute_exists(pk)");
            let write = TransactWriteItem::builder().put(item.build().unwrap()).build();
            let sent = tables.transact_write_items().transact_items(write).send().await;
            let what = format!("put into {table} in a transaction");
            tried.note(who, &what, sent.map_err(|e| e.into_service_error()));
        }
        for table in ["JobsTable", "LedgerTable"] {
            let get = tables.get_item().table_name(world.name(table)).key("pk", text("eve"));
            let get = get.key("sk", text("probe")).send().await;
            tried.note(who, &format!("read {table}"), get.map_err(|e| e.into_service_error()));
        }
        let get = tables.get_item().table_name(world.name("KeysTable")).key("pk", text("eve"));
        tried.note(who, "read keys", get.send().await.map_err(|e| e.into_service_error()));
        let url = world.name("JobsQueue");
        let body = r#"{"v":1,"user_id":"eve","job_id":"00000000-0000-7000-8000-000000000000"}"#;
        let sent = aws.sqs().send_message().queue_url(url).message_body(body).send().await;
        tried.note(who, "ring", sent.map_err(|e| e.into_service_error()));
        let dead = world.name("JobsDeadLetterQueue");
        let sent = aws.sqs().send_message().queue_url(dead).message_body(body).send().await;
        tried.note(who, "write a dead letter", sent.map_err(|e| e.into_service_error()));
        let purged = aws.sqs().purge_queue().queue_url(dead).send().await;
        tried.note(who, "purge dead letters", purged.map_err(|e| e.into_service_error()));
        let bucket = world.name("ImagesBucket");
        let put = s3.put_object().bucket(bucket).key("eve");
        let put = put.body(ByteStream::from_static(b"eve")).send().await;
        tried.note(who, "keep a picture", put.map_err(|e| e.into_service_error()));
        let delete = s3.delete_object().bucket(bucket).key("eve").send().await;
        tried.note(who, "delete a picture", delete.map_err(|e| e.into_service_error()));
        let list = s3.list_objects_v2().bucket(bucket).send().await;
        tried.note(who, "list pictures", list.map_err(|e| e.into_service_error()));
        let secret = aws.secrets().get_secret_value().secret_id("eve/other").send().await;
        tried.note(who, "read a secret", secret.map_err(|e| e.into_service_error()));
    }
    let may = [
        ("SubmitFunction", "put into JobsTable in a transaction"),
        ("SubmitFunction", "put into LedgerTable in a transaction"),
        ("SubmitFunction", "read JobsTable"),
        ("SubmitFunction", "ring"),
        ("GenerateFunction", "put into JobsTable in a transaction"),
        ("GenerateFunction", "put into LedgerTable in a transaction"),
        ("GenerateFunction", "read JobsTable"),
        ("GenerateFunction", "ring"),
        ("GenerateFunction", "keep a picture"),
        ("LookupFunction", "read JobsTable"),
        ("NotifyFunction", "read JobsTable"),
        ("AuthorizeFunction", "read keys"),
        ("SweepFunction", "put into JobsTable in a transaction"),
        ("SweepFunction", "put into LedgerTable in a transaction"),
        ("SweepFunction", "read JobsTable"),
        ("SweepFunction", "read LedgerTable"),
        ("SweepFunction", "ring"),
    ];
    assert_eq!(tried.taken(&may), []);
}

#[tokio::test]
async fn without_tls_the_queues_are_out_of_reach_for_everyone() {
    let world = World::find();
    let (plain, aws) = (world.plain_aws(), world.aws());
    for queue in ["JobsQueue", "JobsDeadLetterQueue"] {
        let url = world.name(queue);
        let refused = plain.sqs().get_queue_attributes().queue_url(url).send().await;
        let code = refused.map_err(|e| e.into_service_error()).unwrap_err();
        assert!(code.code().is_some_and(|code| code.contains("AccessDenied")), "{code:?}");
        aws.sqs().get_queue_attributes().queue_url(url).send().await.unwrap();
    }
}
