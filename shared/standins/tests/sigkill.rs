//! What a stand-in has acknowledged is there after a SIGKILL. This program is its own victim: with
//! an argument it serves that directory until it is killed, without one it is the test.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and a server for one")]

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use aws_sdk_s3::primitives::ByteStream;
use standins::{ACCESS_KEY_ID, Endpoints, REGION, SECRET_ACCESS_KEY, Standins, Storage};

/// How many writes must survive.
const WRITES: usize = 50;

fn main() {
    match env::args().nth(1) {
        Some(directory) if Path::new(&directory).is_dir() => serve(&directory),
        // Filters and options of the test runner.
        Some(_) | None => what_was_acknowledged_survives_a_sigkill(),
    }
}

fn serve(directory: &str) {
    let standins = Standins::start(Storage::Directory(directory.into())).unwrap();
    let Endpoints { dynamodb, s3, .. } = standins.endpoints();
    println!("{dynamodb} {s3}");
    std::io::stdout().flush().unwrap();
    std::thread::sleep(Duration::from_mins(5));
}

fn what_was_acknowledged_survives_a_sigkill() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let home = tempfile::TempDir::new().unwrap();
    let mut victim = Command::new(env::current_exe().unwrap())
        .arg(home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(victim.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (dynamodb, s3) = line.trim().split_once(' ').unwrap();
    runtime.block_on(write(&table(dynamodb), &bucket(s3)));
    // On Unix, a SIGKILL.
    victim.kill().unwrap();
    victim.wait().unwrap();

    let standins = Standins::start(Storage::Directory(home.path().into())).unwrap();
    let Endpoints { dynamodb, s3, .. } = standins.endpoints();
    runtime.block_on(check(&table(dynamodb), &bucket(s3)));
    println!("{WRITES} items and {WRITES} objects survived a SIGKILL");
}

fn table(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_dynamodb::config::Region::new(REGION))
        .credentials_provider(Credentials::from_keys(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

fn bucket(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_s3::config::Region::new(REGION))
        .credentials_provider(Credentials::from_keys(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_s3::Client::from_conf(config.build())
}

async fn write(table: &aws_sdk_dynamodb::Client, bucket: &aws_sdk_s3::Client) {
    let pk = AttributeDefinition::builder().attribute_name("pk");
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash);
    table
        .create_table()
        .table_name("rows")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(pk.attribute_type(ScalarAttributeType::S).build().unwrap())
        .key_schema(key.build().unwrap())
        .send()
        .await
        .unwrap();
    bucket.create_bucket().bucket("files").send().await.unwrap();
    for number in 0..WRITES {
        let pk = AttributeValue::S(number.to_string());
        table.put_item().table_name("rows").item("pk", pk).send().await.unwrap();
        let object = bucket.put_object().bucket("files").key(format!("{number}.txt"));
        let object = object.content_type("text/plain").body(ByteStream::from_static(b"kept"));
        object.send().await.unwrap();
    }
}

async fn check(table: &aws_sdk_dynamodb::Client, bucket: &aws_sdk_s3::Client) {
    for number in 0..WRITES {
        let pk = AttributeValue::S(number.to_string());
        let row = table.get_item().table_name("rows").key("pk", pk).send().await.unwrap();
        assert!(row.item.is_some(), "row {number}");
        let object = bucket.get_object().bucket("files").key(format!("{number}.txt"));
        let object = object.send().await.unwrap();
        assert_eq!(object.content_type(), Some("text/plain"), "object {number}");
        assert_eq!(object.body.collect().await.unwrap().to_vec(), b"kept", "object {number}");
    }
}
