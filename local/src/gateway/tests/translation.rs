//! From HTTP to the payload of a function, and back.

use lambda_http::{Body as LambdaBody, RequestExt as _};

use super::*;
use crate::invoke::handlers::http;

#[tokio::test]
async fn a_function_gets_the_request_in_payload_format_2() {
    let served = serve(echo()).await;
    let answer = client()
        .post(format!("{}/closed/a%20b?x=1&y=%C3%A4+%2B&x=2", served.url))
        .header("Authorization", "Bearer key")
        .header("X-Many", "one")
        .header("X-Many", "two")
        .header("Cookie", "a=1; b=2")
        .header("Content-Type", "application/json; charset=utf-8")
        .header("X-Forwarded-For", "10.0.0.1")
        .header("User-Agent", "test")
        .body(r#"{"ä":1}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let request_id = answer.headers()["apigw-requestid"].to_str().unwrap().to_owned();
    let mut event: Value = answer.json().await.unwrap();
    let host = served.url.strip_prefix("http://").unwrap();
    let port = host.strip_prefix("127.0.0.1:").unwrap();
    let trace = event["headers"]["x-amzn-trace-id"].take();
    assert!(trace.as_str().unwrap().starts_with("Root=1-5e6a879e-"), "{trace}");
    let saw = event["requestContext"]["authorizer"]["lambda"].take();
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "ANY /closed/{id}",
            "rawPath": "/closed/a b",
            "rawQueryString": "x=1&y=%C3%A4+%2B&x=2",
            "cookies": ["a=1", "b=2"],
            "headers": {
                "accept": "*/*",
                "authorization": "Bearer key",
                "content-length": "8",
                "content-type": "application/json; charset=utf-8",
                "host": host,
                "user-agent": "test",
                "x-amzn-trace-id": null,
                "x-forwarded-for": "10.0.0.1, 127.0.0.1",
                "x-forwarded-port": port,
                "x-forwarded-proto": "http",
                "x-many": "one,two",
            },
            "queryStringParameters": {"x": "1,2", "y": "ä +"},
            "pathParameters": {"id": "a b"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "test-Api",
                "authorizer": {"lambda": null},
                "domainName": "127.0.0.1",
                "domainPrefix": "127",
                "http": {
                    "method": "POST",
                    "path": "/closed/a b",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test",
                },
                "requestId": request_id,
                "routeKey": "ANY /closed/{id}",
                "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_584_039_838_390_u64,
            },
            "body": r#"{"ä":1}"#,
            "isBase64Encoded": false,
        })
    );
    let saw = &saw["saw"];
    assert_eq!(saw["type"], "REQUEST");
    assert_eq!(saw["identitySource"], json!(["Bearer key"]));
    assert_eq!(
        saw["routeArn"],
        "arn:aws:execute-api:us-east-1:000000000000:test-Api/$default/ANY/closed/{id}"
    );
    assert_eq!(saw["pathParameters"], json!({"id": "a b"}));
    assert_eq!(saw.get("body"), None);
}

#[tokio::test]
async fn a_body_is_text_only_if_its_type_says_so() {
    let served = serve(echo()).await;
    let send = async |kind: Option<&str>, body: &[u8]| {
        let mut request = client().post(format!("{}/open", served.url)).body(body.to_vec());
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let event: Value = request.send().await.unwrap().json().await.unwrap();
        (event["body"].as_str().map(str::to_owned), event["isBase64Encoded"].as_bool().unwrap())
    };
    let text = Some("hi".to_owned());
    let encoded = Some("aGk=".to_owned());
    assert_eq!(send(Some("text/plain"), b"hi").await, (text.clone(), false));
    assert_eq!(send(Some("APPLICATION/JSON"), b"hi").await, (text, false));
    assert_eq!(
        send(Some("application/x-www-form-urlencoded"), b"hi").await,
        (encoded.clone(), true)
    );
    assert_eq!(send(None, b"hi").await, (encoded, true));
    assert_eq!(send(Some("text/plain"), b"\xff").await, (Some("/w==".to_owned()), true));
    assert_eq!(send(Some("text/plain"), b"").await, (None, false));
}

#[tokio::test]
async fn a_handler_sees_through_lambda_http_what_the_caller_sent() {
    let served = serve(http(|request| async move {
        let parameters = request.path_parameters();
        let context = request.request_context();
        let body = json!({
            "method": request.method().as_str(),
            "path": request.uri().path(),
            "id": parameters.first("id"),
            "query": request.query_string_parameters().first("q"),
            "body": str::from_utf8(request.body()).unwrap(),
            "authorized": context.authorizer().is_some(),
            "deadline": request.lambda_context().deadline,
        });
        Response::builder()
            .status(202)
            .header("Content-Type", "application/json")
            .header("Location", "/there")
            .header("Set-Cookie", "a=1")
            .header("Set-Cookie", "b=2")
            .body(LambdaBody::Text(body.to_string()))
            .unwrap()
    }))
    .await;
    let answer = client()
        .put(format!("{}/closed/x%2Fy?q=a%26b", served.url))
        .header("Authorization", "Bearer key")
        .body(vec![b'o', b'k'])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["location"], "/there");
    assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({
            "method": "PUT",
            "path": "/closed/x/y",
            "id": "x/y",
            "query": "a&b",
            "body": "ok",
            "authorized": true,
            "deadline": 1_584_039_838_390_u64 + 5_000,
        })
    );
}

#[tokio::test]
async fn a_binary_answer_comes_out_as_it_went_in() {
    let png = b"\x89PNG\r\n\x1a\n\0\xff";
    let served = serve(http(move |_| async move {
        Response::builder()
            .header("Content-Type", "image/png")
            .body(LambdaBody::Binary(png.to_vec()))
            .unwrap()
    }))
    .await;
    let answer = client().get(format!("{}/open", served.url)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.bytes().await.unwrap(), png.as_slice());
}

#[tokio::test]
async fn an_encoded_question_mark_ends_the_path_as_it_does_in_the_cloud() {
    let served = serve(echo()).await;
    let event: Value = client()
        .get(format!("{}/deep/a%3Fb/c?d", served.url))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(event["rawPath"], "/deep/a");
    assert_eq!(event["rawQueryString"], "d");
}
