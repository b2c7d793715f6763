//! The gateway over real HTTP, with functions that answer what they were given.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
};

use domain::time::Timestamp;
use lambda_http::{Body as LambdaBody, RequestExt as _};
use lambda_runtime::LambdaEvent;
use runtime::Clock;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::*;
use crate::{
    invoke::{
        Handler,
        handlers::{event, http},
    },
    testing::{SMALL, template},
};

/// A gateway that answers.
struct Served {
    url: String,
    gateway: Gateway,
    now: Arc<AtomicU64>,
    decisions: Arc<AtomicU64>,
    _server: JoinSet<()>,
}

/// The payload comes back as the body.
fn echo() -> Handler {
    event(|event: LambdaEvent<Value>| async move { Ok(event.payload) })
}

async fn serve(answer: Handler) -> Served {
    serve_with(SMALL, answer).await
}

async fn serve_with(text: &str, answer: Handler) -> Served {
    let template = template(text, "http://127.0.0.1:1");
    let decisions = Arc::new(AtomicU64::new(0));
    let decide = {
        let decisions = Arc::clone(&decisions);
        event(move |event: LambdaEvent<Value>| {
            decisions.fetch_add(1, Ordering::SeqCst);
            async move {
                match event.payload["identitySource"][0].as_str().unwrap() {
                    "no" => Ok(json!({"isAuthorized": false})),
                    "fail" => anyhow::bail!("on purpose"),
                    "odd" => Ok(json!("yes")),
                    _ => Ok(json!({"isAuthorized": true, "context": {"saw": event.payload}})),
                }
            }
        })
    };
    let now = Arc::new(AtomicU64::new(1_584_039_838_390));
    let clock = {
        let now = Arc::clone(&now);
        Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)))
    };
    let function = |id: &str| template.functions[id].clone();
    let functions = [
        ("Decide".to_owned(), function("Decide"), decide),
        ("Answer".to_owned(), function("Answer"), answer),
    ];
    let invoker = Invoker::new(functions, clock);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Gateway::new(&template, invoker, address.port(), json!({"url": "here"}));
    let service = gateway.router().into_make_service_with_connect_info::<SocketAddr>();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, service).await.unwrap() });
    Served { url: format!("http://{address}"), gateway, now, decisions, _server: server }
}

fn client() -> reqwest::Client {
    // Fails if another test has installed it already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

async fn refused(answer: reqwest::Response) -> (u16, String) {
    assert_eq!(answer.headers()["content-type"], "application/json");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["message"].as_str().unwrap().to_owned())
}

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
async fn the_authorizer_decides_before_the_function_is_called() {
    let served = serve(echo()).await;
    let get = async |key: Option<&str>| {
        let mut request = client().get(format!("{}/closed/1", served.url));
        if let Some(key) = key {
            request = request.header("Authorization", key);
        }
        request.send().await.unwrap()
    };
    assert_eq!(refused(get(None).await).await, (401, "Unauthorized".into()));
    assert_eq!(refused(get(Some("")).await).await, (401, "Unauthorized".into()));
    assert_eq!(served.decisions.load(Ordering::SeqCst), 0);
    assert_eq!(refused(get(Some("no")).await).await, (403, "Forbidden".into()));
    assert_eq!(refused(get(Some("fail")).await).await, (500, "Internal Server Error".into()));
    assert_eq!(refused(get(Some("odd")).await).await, (500, "Internal Server Error".into()));
    assert_eq!(get(Some("yes")).await.status(), 200);
}

#[tokio::test]
async fn a_decision_holds_for_the_time_to_live() {
    let served = serve(echo()).await;
    let get = async |key: &str| {
        let request = client().get(format!("{}/closed/1", served.url));
        request.header("Authorization", key).send().await.unwrap().status().as_u16()
    };
    for _ in 0..3 {
        assert_eq!(get("yes").await, 200);
        assert_eq!(get("no").await, 403);
    }
    assert_eq!(served.decisions.load(Ordering::SeqCst), 2);
    served.now.fetch_add(59_999, Ordering::SeqCst);
    assert_eq!(get("yes").await, 200);
    assert_eq!(served.decisions.load(Ordering::SeqCst), 2);
    served.now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(get("yes").await, 200);
    assert_eq!(served.decisions.load(Ordering::SeqCst), 3);
    // A failure is not remembered.
    assert_eq!((get("fail").await, get("fail").await), (500, 500));
    assert_eq!(served.decisions.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn without_a_route_there_is_nothing() {
    let served = serve(echo()).await;
    let answer = client().get(format!("{}/nowhere", served.url)).send().await.unwrap();
    assert_eq!(refused(answer).await, (404, "Not Found".into()));
}

#[tokio::test]
async fn a_function_that_fails_is_an_internal_server_error() {
    let text = SMALL.replace("Timeout: 5", "Timeout: 1");
    let served = serve_with(
        &text,
        event(|event: LambdaEvent<Value>| async move {
            match event.payload["rawQueryString"].as_str().unwrap() {
                "fail" => anyhow::bail!("on purpose"),
                "panic" => panic!("on purpose"),
                "sleep" => tokio::time::sleep(Duration::from_mins(1)).await,
                _ => {}
            }
            Ok(json!({"statusCode": "two hundred"}))
        }),
    )
    .await;
    for query in ["fail", "panic", "sleep", "nonsense"] {
        let answer = client().get(format!("{}/open?{query}", served.url)).send().await.unwrap();
        assert_eq!(refused(answer).await, (500, "Internal Server Error".into()), "{query}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let served = serve(echo()).await;
    let post = async |bytes: usize| {
        let request = client().post(format!("{}/open", served.url));
        request.header("Content-Type", "text/plain").body("x".repeat(bytes)).send().await.unwrap()
    };
    let too_large = || (413, "Request Entity Too Large".to_owned());
    assert_eq!(refused(post(BODY_MAX_BYTES + 1).await).await, too_large());
    // Within the gateway's limit, over Lambda's.
    assert_eq!(refused(post(BODY_MAX_BYTES).await).await, too_large());
    assert_eq!(post(1_000_000).await.status(), 200);
    let request = client().get(format!("{}/open", served.url)).header("X-Long", "x".repeat(10_300));
    let (status, message) = refused(request.send().await.unwrap()).await;
    assert_eq!((status, message.as_str()), (431, "Request Header Fields Too Large"));
}

/// Sends a request as it is and returns the answer as it is.
async fn raw(served: &Served, request: &str) -> String {
    let address = served.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_stack_is_described_to_this_machine_only() {
    let served = serve(echo()).await;
    served.gateway.set_demo(json!({"key": "secret"}));
    for (host, allowed) in [
        ("127.0.0.1:8080", true),
        ("localhost", true),
        ("LOCALHOST:1", true),
        ("[::1]:8080", true),
        ("[::1]", true),
        ("evil.example", false),
        ("127.0.0.1.evil.example:8080", false),
        ("localhost.evil.example", false),
        ("10.0.0.1", false),
        ("", false),
    ] {
        let request =
            format!("GET /_local/stack HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw(&served, &request).await;
        let expected = if allowed { "HTTP/1.1 200" } else { "HTTP/1.1 403" };
        assert!(answer.starts_with(expected), "{host}: {answer}");
        assert_eq!(answer.contains(r#"{"demo":{"key":"secret"},"url":"here"}"#), allowed, "{host}");
        assert!(!answer.to_lowercase().contains("access-control"));
    }
}

#[tokio::test]
async fn a_host_that_is_none_is_a_bad_request() {
    let served = serve(echo()).await;
    for host in ["a b", "user@host", "[::1"] {
        let request = format!("GET /open HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = raw(&served, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
    }
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
