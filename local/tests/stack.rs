//! The stack as its users see it: over HTTP, with the template of the project and its functions.

#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use std::{collections::BTreeMap, time::Duration};

use local::{Constraints, Options, Stack, TemplateSource};
use serde_json::{Value, json};

fn client() -> reqwest::Client {
    // Fails if another test has installed it already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

async fn get(stack: &Stack, path: &str) -> (u16, Value) {
    let answer = client().get(format!("{}{path}", stack.url())).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_stack_says_what_runs_where() {
    let stack = Stack::start(Options::default()).await.unwrap();
    stack.set_demo(json!({"user": "demo"}));
    let (status, description) = get(&stack, "/_local/stack").await;
    assert_eq!(status, 200);
    assert_eq!(description["url"], stack.url());
    assert_eq!(description["endpoints"]["dynamodb"], stack.endpoints().dynamodb);
    assert_eq!(description["tables"]["JobsTable"], "holdfast-JobsTable");
    assert_eq!(description["queues"]["JobsQueue"], stack.queue_url("JobsQueue").unwrap());
    assert_eq!(description["buckets"]["ImagesBucket"], "holdfast-imagesbucket");
    assert_eq!(description["demo"]["user"], "demo");
    assert_eq!(stack.outputs()["ApiUrl"], stack.url());
    assert_eq!(stack.outputs()["QueueUrl"], stack.queue_url("JobsQueue").unwrap());
    assert_eq!(stack.tables().len(), 4);
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn functions_are_told_where_they_are() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let submit = stack.environment("SubmitFunction").unwrap();
    assert_eq!(submit.get("AWS_REGION"), Some("us-east-1"));
    assert_eq!(submit.get("AWS_ENDPOINT_URL_SQS"), Some(stack.endpoints().sqs.as_str()));
    assert_eq!(submit.get("FAIR_QUEUE"), Some("false"));
    assert_eq!(stack.template().parameters["KeyEnvironment"].value, "test");
    assert!(stack.environment("NoFunction").is_err());
    assert!(stack.queue_url("NoQueue").is_err());
}

#[tokio::test]
async fn public_routes_answer_and_closed_ones_want_a_key() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let (status, models) = get(&stack, "/v1/models").await;
    assert_eq!(status, 200, "{models}");
    let (status, answer) = get(&stack, "/v1/nothing").await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("route_not_found")), "{answer}");
    let (status, answer) = get(&stack, "/v1/credits/balance").await;
    assert_eq!((status, answer), (401, json!({"message": "Unauthorized"})));
    let request = client().get(format!("{}/v1/credits/balance", stack.url()));
    let answer = request.header("Authorization", "Bearer nonsense").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"]["type"], "authentication_error", "{answer}");
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_sweep_can_be_run_at_will() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let report = stack.sweep_now().await.unwrap();
    assert_eq!(report["failed"], 0, "{report}");
}

#[tokio::test]
async fn a_data_directory_outlives_the_stack_and_serves_one_at_a_time() {
    let home = tempfile::TempDir::new().unwrap();
    let options = || Options { data_dir: Some(home.path().to_path_buf()), ..Options::default() };
    let stack = Stack::start(options()).await.unwrap();
    let refused = Stack::start(options()).await.unwrap_err();
    assert!(format!("{refused:#}").contains("another process"), "{refused:#}");
    stack.stop().await.unwrap();
    let stack = Stack::start(options()).await.unwrap();
    assert_eq!(get(&stack, "/v1/models").await.0, 200);
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_stopped_stack_answers_nobody() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let url = stack.url().to_owned();
    let endpoints = stack.endpoints().clone();
    stack.stop().await.unwrap();
    for url in [url, endpoints.dynamodb, endpoints.sqs, endpoints.s3] {
        assert!(client().get(&url).send().await.unwrap_err().is_connect(), "{url}");
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let parameters = |name: &str, value: &str| BTreeMap::from([(name.into(), value.into())]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (options, expected) in [
        (Options { port, ..Options::default() }, format!("cannot listen on 127.0.0.1:{port}")),
        (
            Options { parameters: parameters("Nothing", "1"), ..Options::default() },
            "Parameters.Nothing is given a value".to_owned(),
        ),
        (
            Options { parameters: parameters("GraceSeconds", "1"), ..Options::default() },
            "is 1, less than 150".to_owned(),
        ),
        (
            Options { template: TemplateSource::Text("a: b".into()), ..Options::default() },
            "the template is not understood: the template (line 1) must have `Resources`"
                .to_owned(),
        ),
        (
            Options {
                template: TemplateSource::File("no/such/template.yaml".into()),
                ..Options::default()
            },
            "cannot read the template no/such/template.yaml".to_owned(),
        ),
    ] {
        let error = format!("{:#}", Stack::start(options).await.unwrap_err());
        assert!(error.contains(&expected), "{error}");
    }
    let options = Options {
        parameters: parameters("GraceSeconds", "1"),
        constraints: Constraints::Ignored,
        ..Options::default()
    };
    let stack = Stack::start(options).await.unwrap();
    assert_eq!(stack.environment("SweepFunction").unwrap().get("GRACE_SECONDS"), Some("1"));
}

#[tokio::test]
async fn the_stack_lives_through_an_outage_of_its_queue() {
    let stack = Stack::start(Options::default()).await.unwrap();
    stack.pause_queue();
    assert_eq!(get(&stack, "/v1/models").await.0, 200);
    let sqs = stack.aws().unwrap().sqs();
    let url = stack.queue_url("JobsQueue").unwrap();
    sqs.get_queue_attributes().queue_url(url).send().await.unwrap_err();
    stack.resume_queue();
    sqs.get_queue_attributes().queue_url(url).send().await.unwrap();
    stack.stop().await.unwrap();
}
