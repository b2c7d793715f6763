use aws_smithy_runtime_api::client::http::http_client_fn;
use tokio::sync::mpsc;

use super::*;
use crate::template::roles::Right;

fn request(target: &str, body: &Value) -> HttpRequest {
    let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
    request.set_uri("http://127.0.0.1:1/").unwrap();
    request.headers_mut().insert("x-amz-target", target.to_owned());
    request
}

fn wanted(request: &HttpRequest) -> Vec<String> {
    needs(request).iter().map(ToString::to_string).collect()
}

#[test]
fn what_a_request_needs_is_told_from_what_is_sent() {
    let dynamodb = "arn:aws:dynamodb:us-east-1:000000000000:table";
    for (target, body, needs) in [
        (
            "DynamoDB_20120810.GetItem",
            json!({ "TableName": "jobs" }),
            vec![format!("dynamodb:GetItem on {dynamodb}/jobs")],
        ),
        (
            "DynamoDB_20120810.Query",
            json!({ "TableName": "jobs", "IndexName": "due" }),
            vec![format!("dynamodb:Query on {dynamodb}/jobs/index/due")],
        ),
        (
            "DynamoDB_20120810.TransactWriteItems",
            json!({ "TransactItems": [
                { "Put": { "TableName": "jobs" } },
                { "Update": { "TableName": "ledger" } },
                { "ConditionCheck": { "TableName": "jobs" } },
                { "Delete": { "TableName": "jobs" } },
            ] }),
            vec![
                format!("dynamodb:PutItem on {dynamodb}/jobs in a transaction"),
                format!("dynamodb:UpdateItem on {dynamodb}/ledger in a transaction"),
                format!("dynamodb:ConditionCheckItem on {dynamodb}/jobs in a transaction"),
                format!("dynamodb:DeleteItem on {dynamodb}/jobs in a transaction"),
            ],
        ),
        (
            "DynamoDB_20120810.TransactGetItems",
            json!({ "TransactItems": [{ "Get": { "TableName": "jobs" } }] }),
            vec![format!("dynamodb:GetItem on {dynamodb}/jobs")],
        ),
        (
            "DynamoDB_20120810.BatchGetItem",
            json!({ "RequestItems": { "jobs": {}, "keys": {} } }),
            vec![
                format!("dynamodb:BatchGetItem on {dynamodb}/jobs"),
                format!("dynamodb:BatchGetItem on {dynamodb}/keys"),
            ],
        ),
        (
            "AmazonSQS.SendMessage",
            json!({ "QueueUrl": "http://127.0.0.1:1/000000000000/jobs" }),
            vec!["sqs:SendMessage on arn:aws:sqs:us-east-1:000000000000:jobs".to_owned()],
        ),
        (
            "secretsmanager.GetSecretValue",
            json!({ "SecretId": "keys" }),
            vec![
                "secretsmanager:GetSecretValue on \
                 arn:aws:secretsmanager:us-east-1:000000000000:secret:keys"
                    .to_owned(),
            ],
        ),
        (
            "AWSEvents.PutEvents",
            json!({ "Entries": [{ "EventBusName": "bus" }] }),
            vec![
                "events:PutEvents on arn:aws:events:us-east-1:000000000000:event-bus/bus"
                    .to_owned(),
            ],
        ),
    ] {
        assert_eq!(wanted(&request(target, &body)), needs, "{target}");
    }
}

#[test]
fn an_object_is_told_from_its_path() {
    for (method, action) in [("PUT", "PutObject"), ("GET", "GetObject"), ("DELETE", "DeleteObject")]
    {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method(method).unwrap();
        request.set_uri("http://127.0.0.1:1/images/user/job/0?x-id=any").unwrap();
        let need = format!("s3:{action} on arn:aws:s3:::images/user/job/0");
        assert_eq!(wanted(&request), [need]);
    }
}

/// A connector that notes what gets to it.
#[derive(Debug)]
struct Open(mpsc::UnboundedSender<HttpRequest>);

impl HttpConnector for Open {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.send(request).unwrap();
        let status = StatusCode::try_from(200).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::empty())))
    }
}

/// What comes of sending a request under a role: whether it went through, the answer, how much is noted.
async fn send(role: Role, request: HttpRequest) -> (bool, String, usize) {
    let unused = http_client_fn(|_: &HttpConnectorSettings, _: &RuntimeComponents| {
        unreachable!("nobody asks the client for a connector")
    });
    let needs = Needs::default();
    let guard = Guard::new("It", role, Arc::clone(&needs), unused);
    let (open, mut went_through) = mpsc::unbounded_channel();
    let guarded = Guarded { guard, connector: SharedHttpConnector::new(Open(open)) };
    let answer = guarded.call(request).await.unwrap();
    let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
    (went_through.try_recv().is_ok(), body, needs.lock().unwrap().len())
}

#[tokio::test]
async fn what_the_role_permits_goes_through_and_the_rest_is_refused_by_its_name() {
    let table = "arn:aws:dynamodb:us-east-1:000000000000:table/ledger".to_owned();
    let put = Right {
        statement: "It".to_owned(),
        action: "dynamodb:PutItem".to_owned(),
        resource: table.clone(),
        only_in_transactions: true,
    };
    let role = Role { rights: vec![put], refusals: Vec::new() };
    let item = json!({ "TableName": "ledger" });
    let transaction = json!({ "TransactItems": [{ "Put": item }] });
    let write = || request("DynamoDB_20120810.TransactWriteItems", &transaction);
    assert_eq!(send(role.clone(), write()).await, (true, String::new(), 1));
    let (went_through, refusal, noted) =
        send(role, request("DynamoDB_20120810.PutItem", &item)).await;
    assert!(!went_through && noted == 0);
    assert!(refusal.contains("AccessDeniedException") && refusal.contains(&table), "{refusal}");
    assert!(!send(Role::default(), write()).await.0);
}
