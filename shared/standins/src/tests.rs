//! The stand-ins through the real SDK, over real HTTP.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put,
        ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TransactWriteItem,
    },
};
use aws_sdk_s3::{
    config::retry::RetryConfig, config::timeout::TimeoutConfig, presigning::PresigningConfig,
    primitives::ByteStream,
};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use tempfile::TempDir;

use super::*;

/// A client of one of the SDK's crates, pointed at a stand-in.
macro_rules! client {
    ($sdk:ident, $endpoint:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version_latest()
                .region($sdk::config::Region::new(REGION))
                .credentials_provider(Credentials::from_keys(
                    ACCESS_KEY_ID,
                    SECRET_ACCESS_KEY,
                    None,
                ))
                .endpoint_url($endpoint)
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .retry_config(RetryConfig::disabled())
                .timeout_config(
                    TimeoutConfig::builder().operation_timeout(Duration::from_secs(10)).build(),
                )
                .build(),
        )
    };
}

fn dynamodb(standins: &Standins) -> aws_sdk_dynamodb::Client {
    client!(aws_sdk_dynamodb, &standins.endpoints().dynamodb)
}

fn sqs(standins: &Standins) -> aws_sdk_sqs::Client {
    client!(aws_sdk_sqs, &standins.endpoints().sqs)
}

fn s3(standins: &Standins) -> aws_sdk_s3::Client {
    let path_style = client!(aws_sdk_s3, &standins.endpoints().s3)
        .config()
        .to_builder()
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(path_style)
}

fn fetcher() -> reqwest::Client {
    // Fails if another test has installed it already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap()
}

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client) {
    dynamodb
        .create_table()
        .table_name("ledger")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name("pk")
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap(),
        )
        .key_schema(
            KeySchemaElement::builder()
                .attribute_name("pk")
                .key_type(KeyType::Hash)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
}

fn put_once(owner: &str) -> TransactWriteItem {
    let put = Put::builder()
        .table_name("ledger")
        .item("pk", AttributeValue::S("hold".to_owned()))
        .item("owner", AttributeValue::S(owner.to_owned()))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    TransactWriteItem::builder().put(put).build()
}

async fn owner(dynamodb: &aws_sdk_dynamodb::Client) -> Option<String> {
    let got = dynamodb
        .get_item()
        .table_name("ledger")
        .key("pk", AttributeValue::S("hold".to_owned()))
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    got.item.and_then(|item| item["owner"].as_s().ok().cloned())
}

#[tokio::test]
async fn a_refused_transaction_says_which_condition_and_shows_the_item() {
    let standins = Standins::start(Storage::Memory).unwrap();
    let dynamodb = dynamodb(&standins);
    create_table(&dynamodb).await;

    dynamodb.transact_write_items().transact_items(put_once("first")).send().await.unwrap();
    let refused = dynamodb
        .transact_write_items()
        .transact_items(put_once("second"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();

    let TransactWriteItemsError::TransactionCanceledException(canceled) = refused else {
        panic!("{refused:?}");
    };
    let reason = &canceled.cancellation_reasons()[0];
    assert_eq!(reason.code(), Some("ConditionalCheckFailed"));
    assert_eq!(reason.item().unwrap()["owner"].as_s().unwrap(), "first");
    assert_eq!(owner(&dynamodb).await.as_deref(), Some("first"));
}

#[tokio::test]
async fn a_message_is_delivered_counted_and_moved_to_the_dead_letter_queue() {
    let standins = Standins::start(Storage::Memory).unwrap();
    let sqs = sqs(&standins);
    let dead_url = sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let queue = sqs
        .create_queue()
        .queue_name("jobs")
        .attributes(
            "RedrivePolicy".into(),
            format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dead","maxReceiveCount":1}}"#
            ),
        )
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    assert_eq!(queue, standins.endpoints().queue_url("jobs"));

    sqs.send_message().queue_url(&queue).message_body("ring").send().await.unwrap();
    let received = sqs
        .receive_message()
        .queue_url(&queue)
        .visibility_timeout(0)
        .wait_time_seconds(2)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.body(), Some("ring"));
    let counted = &MessageSystemAttributeName::ApproximateReceiveCount;
    assert_eq!(message.attributes().unwrap()[counted], "1");

    let again = sqs.receive_message().queue_url(&queue).send().await.unwrap();
    assert_eq!(again.messages().len(), 0);
    // The move ends a moment after the receive that began it.
    let mut moved = Vec::new();
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        moved = sqs
            .receive_message()
            .queue_url(&dead_url)
            .send()
            .await
            .unwrap()
            .messages
            .unwrap_or_default();
        if !moved.is_empty() {
            break;
        }
    }
    assert_eq!(moved[0].message_id(), message.message_id());
}

#[tokio::test]
async fn a_paused_queue_is_out_of_reach_and_comes_back_with_its_messages() {
    let standins = Standins::start(Storage::Memory).unwrap();
    let sqs = sqs(&standins);
    let queue = sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    sqs.send_message().queue_url(&queue).message_body("before").send().await.unwrap();

    standins.pause_sqs();
    let send = || sqs.send_message().queue_url(&queue).message_body("during").send();
    for _ in 0..5 {
        let error = send().await.unwrap_err();
        assert!(error.as_service_error().is_none(), "{error:?}");
    }

    standins.resume_sqs();
    let received = sqs.receive_message().queue_url(&queue).send().await.unwrap();
    assert_eq!(received.messages()[0].body(), Some("before"));
}

#[tokio::test]
async fn pausing_ends_a_receive_that_is_waiting() {
    let standins = Standins::start(Storage::Memory).unwrap();
    let sqs = sqs(&standins);
    let queue = sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();

    let waiting = sqs.receive_message().queue_url(&queue).wait_time_seconds(9).send();
    let pause = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        standins.pause_sqs();
    };
    let (received, ()) =
        tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(waiting, pause) })
            .await
            .unwrap();
    received.unwrap_err();
}

async fn store_image(s3: &aws_sdk_s3::Client) {
    s3.put_object()
        .bucket("images")
        .key("u/job/0.png")
        .content_type("image/png")
        .body(ByteStream::from_static(b"not really a png"))
        .send()
        .await
        .unwrap();
}

async fn signed(s3: &aws_sdk_s3::Client) -> String {
    let hour = PresigningConfig::expires_in(Duration::from_hours(1)).unwrap();
    let get = s3.get_object().bucket("images").key("u/job/0.png");
    get.presigned(hour).await.unwrap().uri().to_owned()
}

#[tokio::test]
async fn a_signed_url_needs_nothing_but_itself() {
    let standins = Standins::start(Storage::Memory).unwrap();
    let s3 = s3(&standins);
    s3.create_bucket().bucket("images").send().await.unwrap();
    store_image(&s3).await;
    let url = signed(&s3).await;

    let answer = fetcher().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap(), "not really a png");

    let unsigned = url.split('?').next().unwrap();
    assert_eq!(fetcher().get(unsigned).send().await.unwrap().status(), 403);
    let forged = url.replace("u/job/0.png", "u/job/1.png");
    assert_eq!(fetcher().get(forged).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_web_page_that_finds_the_port_is_not_served() {
    let standins = Standins::start(Storage::Memory).unwrap();
    for url in [&standins.endpoints().sqs, &standins.endpoints().s3] {
        let request = fetcher().post(url).header("Origin", "https://evil.example");
        request.send().await.unwrap_err();
    }
}

#[tokio::test]
async fn a_directory_keeps_tables_and_objects_but_not_messages() {
    let home = TempDir::new().unwrap();
    let storage = Storage::Directory(home.path().join("state"));
    let first = Standins::start(storage.clone()).unwrap();
    create_table(&dynamodb(&first)).await;
    let put = dynamodb(&first).transact_write_items().transact_items(put_once("first"));
    put.send().await.unwrap();
    s3(&first).create_bucket().bucket("images").send().await.unwrap();
    store_image(&s3(&first)).await;
    sqs(&first).create_queue().queue_name("jobs").send().await.unwrap();
    first.stop();

    let second = Standins::start(storage).unwrap();
    assert_eq!(owner(&dynamodb(&second)).await.as_deref(), Some("first"));
    let answer = fetcher().get(signed(&s3(&second)).await).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap(), "not really a png");
    let queues = sqs(&second).list_queues().send().await.unwrap();
    assert_eq!(queues.queue_urls().len(), 0);
    assert!(home.path().join("state/dynamodb.sqlite").is_file());
    assert!(home.path().join("state/objects/images/u/job/0.png").is_file());
}

#[test]
fn a_directory_serves_one_process_at_a_time() {
    let home = TempDir::new().unwrap();
    let storage = Storage::Directory(home.path().to_path_buf());
    let first = Standins::start(storage.clone()).unwrap();
    let refused = Standins::start(storage.clone()).unwrap_err();
    assert!(format!("{refused:#}").contains("another process"), "{refused:#}");
    first.stop();
    Standins::start(storage).unwrap();
}

#[test]
fn a_given_port_is_used_and_a_taken_one_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ports = Ports { sqs: free, ..Ports::default() };
    let standins = Standins::start_on(Storage::Memory, ports).unwrap();
    assert_eq!(standins.endpoints().sqs, format!("http://127.0.0.1:{free}"));
    let refused = Standins::start_on(Storage::Memory, ports).unwrap_err();
    assert!(format!("{refused:#}").contains(&format!("127.0.0.1:{free}")), "{refused:#}");
}

#[test]
fn memory_leaves_nothing_behind() {
    let home = Home::open(Storage::Memory).unwrap();
    let objects = home.objects().to_path_buf();
    assert!(objects.is_dir());
    drop(home);
    assert!(!objects.exists());
}
