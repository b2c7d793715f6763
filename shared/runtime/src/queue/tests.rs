use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{Router, extract::ConnectInfo, http::HeaderMap};
use domain::time::Timestamp;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use super::*;
use crate::Host;

#[test]
fn a_message_is_read_as_it_was_written() {
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let bell = Bell::new("demo".parse().unwrap(), job);
    let body = serde_json::to_string(&bell).unwrap();
    assert_eq!(body, format!(r#"{{"v":1,"user_id":"demo","job_id":"{job}"}}"#));
    assert_eq!(Bell::read(&body).unwrap(), bell);
    let newer = body.replace('}', r#","trace":"x"}"#);
    assert_eq!(Bell::read(&newer).unwrap(), bell);
}

#[test]
fn a_message_carries_its_trace_and_one_that_cannot_be_read_costs_nothing() {
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let bell = Bell::new("demo".parse().unwrap(), job);
    let trace = Trace::read("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1");
    let traced = bell.clone().in_trace(trace);
    let body = serde_json::to_string(&traced).unwrap();
    let end = r#","trace":"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"}"#;
    assert!(body.ends_with(end), "{body}");
    assert_eq!(Bell::read(&body).unwrap(), traced);
    for other in [r#""evil""#, "7", "null", "{}"] {
        let body = body.replace(r#""Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1""#, other);
        assert_eq!(Bell::read(&body).unwrap(), bell, "{body}");
    }
}

#[test]
fn a_message_may_know_when_its_job_was_due() {
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let bell = Bell::new("demo".parse().unwrap(), job).known_due(Some(Timestamp::from_millis(7)));
    let body = serde_json::to_string(&bell).unwrap();
    assert!(body.ends_with(r#","due_at_ms":7}"#), "{body}");
    assert_eq!(Bell::read(&body).unwrap(), bell);
}

#[test]
fn what_a_later_version_adds_to_a_message_is_left_alone() {
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let body = format!(r#"{{"v":1,"user_id":"demo","job_id":"{job}","priority":{{"of":[1,2]}}}}"#);
    assert_eq!(Bell::read(&body).unwrap(), Bell::new("demo".parse().unwrap(), job));
}

#[test]
fn what_is_no_message_of_ours_is_told_apart() {
    for body in ["", "{}", "null", "[]", r#"{"v":1,"user_id":"A B","job_id":"x"}"#, "\u{0}"] {
        assert!(matches!(Bell::read(body), Err(BadBell::Malformed { .. })), "{body}");
    }
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let later = format!(r#"{{"v":2,"user_id":"demo","job_id":"{job}"}}"#);
    assert!(matches!(Bell::read(&later), Err(BadBell::Version(2))));
}

#[test]
fn what_is_wrong_with_a_message_is_told_without_repeating_it() {
    let long = "hush".repeat(10_000);
    for body in [format!(r#"{{"v":"{long}"}}"#), format!(r#"{{"{long}":1,"v":1}}"#), long] {
        let error = Bell::read(&body).unwrap_err();
        let told = causes::chain(&error);
        assert!(told.contains("line 1 column") && told.len() < 100, "{told}");
    }
}

/// A request to the queue: who came, what for, and what with.
type Asked = (SocketAddr, String, Value);

/// A queue that takes everything, and what it is asked.
async fn heard() -> (Queue, Arc<Mutex<Vec<Asked>>>, JoinSet<()>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let service = Router::new().fallback({
        let asked = Arc::clone(&asked);
        async move |ConnectInfo(from): ConnectInfo<SocketAddr>, headers: HeaderMap, body: String| {
            let what = headers["x-amz-target"].to_str().unwrap().to_owned();
            let asking: Asked = (from, what, serde_json::from_str(&body).unwrap());
            asked.lock().unwrap().push(asking);
            ([("content-type", "application/x-amz-json-1.0")], r#"{"MessageId":"1"}"#)
        }
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    server.spawn(async move { axum::serve(listener, service).await.unwrap() });
    (at(&url), asked, server)
}

fn at(url: &str) -> Queue {
    let environment = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL", url),
        ("QUEUE_URL", &format!("{url}/000000000000/jobs")),
        ("FAIR_QUEUE", "true"),
    ];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let environment: Environment = environment.map(own).into_iter().collect();
    let aws = Aws::new(&environment, &Host::system()).unwrap();
    Queue::new(&aws, &environment).unwrap()
}

fn bell() -> Bell {
    Bell::new("demo".parse().unwrap(), JobId::new(Timestamp::from_millis(1), &[1; 10]))
}

/// What is sent is looked at as it would be sent.
#[tokio::test]
async fn x_ray_is_told_of_the_trace_that_a_bell_is_rung_in() {
    let (queue, asked, _server) = heard().await;
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    queue.ring(&bell(), Duration::ZERO).await.unwrap();
    queue.ring(&bell().in_trace(Trace::read(header)), Duration::ZERO).await.unwrap();

    let asked = asked.lock().unwrap();
    let told = |(_, _, body): &Asked| body["MessageSystemAttributes"]["AWSTraceHeader"].clone();
    assert_eq!(told(&asked[0]), Value::Null);
    assert_eq!(told(&asked[1])["StringValue"], header);
    assert_eq!(asked[1].2["MessageGroupId"], "demo");
}

#[tokio::test]
async fn the_first_message_finds_the_connection_that_was_made_for_it() {
    let (queue, asked, _server) = heard().await;
    queue.warm_up().await;
    queue.ring(&bell(), Duration::ZERO).await.unwrap();

    let asked = asked.lock().unwrap();
    let [(first, question, _), (second, message, _)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!([question, message], ["AmazonSQS.GetQueueAttributes", "AmazonSQS.SendMessage"]);
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_queue_that_is_out_of_reach_keeps_nobody_from_starting() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let queue = at(&nobody);
    queue.warm_up().await;
    assert!(queue.ring(&bell(), Duration::ZERO).await.is_err());
}
