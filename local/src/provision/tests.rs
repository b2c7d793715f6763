//! What the template says is made once, and must stay as it is.

use std::collections::BTreeMap;

use runtime::Environment;
use standins::{Standins, Storage};
use tempfile::TempDir;

use super::*;
use crate::testing::{SMALL, template};

fn aws(standins: &Standins) -> Aws {
    let endpoints = standins.endpoints();
    let environment: Environment = [
        ("AWS_REGION", standins::REGION),
        ("AWS_ACCESS_KEY_ID", standins::ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", standins::SECRET_ACCESS_KEY),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    Aws::new(&environment, &runtime::Host::system()).unwrap()
}

async fn provisioned(standins: &Standins, text: &str) -> anyhow::Result<()> {
    let template = template(text, &standins.endpoints().sqs);
    provision(&template, &aws(standins), &standins.endpoints().s3).await
}

#[tokio::test]
async fn tables_queues_and_buckets_are_made_as_the_template_says() {
    let standins = Standins::start(Storage::Memory).unwrap();
    provisioned(&standins, SMALL).await.unwrap();
    let aws = aws(&standins);

    let table = aws.dynamodb().describe_table().table_name("test-Rows").send().await.unwrap();
    let table = table.table.unwrap();
    assert_eq!(table.key_schema().len(), 1);
    let index = &table.global_secondary_indexes()[0];
    assert_eq!(index.index_name(), Some("due"));
    assert_eq!(index.projection().unwrap().non_key_attributes().len(), 2);
    let ttl = aws.dynamodb().describe_time_to_live().table_name("test-Rows").send().await.unwrap();
    let ttl = ttl.time_to_live_description.unwrap();
    assert_eq!(ttl.attribute_name(), Some("gone_at"));

    let url = standins.endpoints().queue_url("test-Jobs");
    let attributes = aws
        .sqs()
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap();
    let attributes: BTreeMap<String, String> = attributes
        .attributes
        .unwrap()
        .into_iter()
        .map(|(name, value)| (name.as_str().to_owned(), value))
        .collect();
    assert_eq!(attributes["VisibilityTimeout"], "1");
    assert_eq!(attributes["MessageRetentionPeriod"], "345600");
    assert!(attributes["RedrivePolicy"].contains("test-Dead"));

    client(&aws, &standins.endpoints().s3).head_bucket().bucket("test-files").send().await.unwrap();
}

#[tokio::test]
async fn what_is_there_already_is_left_as_it_is() {
    let home = TempDir::new().unwrap();
    for _ in 0..2 {
        let standins = Standins::start(Storage::Directory(home.path().to_path_buf())).unwrap();
        provisioned(&standins, SMALL).await.unwrap();
        provisioned(&standins, SMALL).await.unwrap();
        standins.stop();
    }
}

#[tokio::test]
async fn a_table_that_differs_is_an_error_that_says_how() {
    let home = TempDir::new().unwrap();
    let standins = Standins::start(Storage::Directory(home.path().to_path_buf())).unwrap();
    provisioned(&standins, SMALL).await.unwrap();
    for (part, by, expected) in [
        (
            "KeySchema: [{AttributeName: pk, KeyType: HASH}]\n",
            "KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: at, KeyType: RANGE}]\n",
            "the table Rows: has the key pk (S), but the template wants pk (S), at (N)",
        ),
        (
            "{AttributeName: at, AttributeType: N}",
            "{AttributeName: at, AttributeType: S}",
            "the table Rows: differs from the template in its index `due`",
        ),
        (
            "ProjectionType: INCLUDE, NonKeyAttributes: [b, a]",
            "ProjectionType: KEYS_ONLY",
            "the table Rows: differs from the template in its index `due`",
        ),
        (
            "AttributeName: gone_at",
            "AttributeName: ends_at",
            "lets items expire by `gone_at`, but the template wants ends_at",
        ),
    ] {
        assert!(SMALL.contains(part), "{part}");
        let error = provisioned(&standins, &SMALL.replace(part, by)).await.unwrap_err();
        assert!(
            format!("{error:#}").starts_with(expected) || format!("{error:#}").contains(expected),
            "{error:#}"
        );
    }
}
