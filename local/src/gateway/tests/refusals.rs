//! What the gateway answers by itself, and to whom.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

async fn refused(answer: reqwest::Response) -> (u16, String) {
    assert_eq!(answer.headers()["content-type"], "application/json");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["message"].as_str().unwrap().to_owned())
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
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let told = serde_json::from_str(body).unwrap_or(Value::Null);
        let all = json!({"demo": {"key": "secret"}, "url": "here"});
        assert_eq!(told == all, allowed, "{host}: {body}");
        assert_eq!(body.contains("secret"), allowed, "{host}");
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
