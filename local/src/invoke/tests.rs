//! Lambda's side of an invocation: deadline, failure, limits.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::time::Timestamp;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use super::{handlers::event, *};
use crate::template::roles::Role;

fn function(timeout: Duration) -> Function {
    Function {
        name: "holdfast-Worker".into(),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:holdfast-Worker".into(),
        binary: "worker".into(),
        timeout,
        role: Role::default(),
        environment: BTreeMap::new(),
        routes: Vec::new(),
        sources: Vec::new(),
        schedules: Vec::new(),
    }
}

fn invoker(timeout: Duration, handler: Handler) -> Invoker {
    let clock = Clock::new(|| Timestamp::from_millis(1_000_000));
    Invoker::new([("Worker".to_owned(), function(timeout), handler)], clock)
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_function_is_told_who_it_is_and_how_long_it_has() {
    let handler = event(|event: LambdaEvent<Value>| async move {
        let context = event.context;
        Ok(json!({
            "payload": event.payload,
            "deadline": context.deadline,
            "arn": context.invoked_function_arn,
            "name": context.env_config.function_name,
            "ids": [context.request_id.len(), context.xray_trace_id.unwrap().len()],
        }))
    });
    let answer = invoker(MINUTE, handler).invoke("Worker", &json!({"a": 1})).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(
        answer,
        json!({
            "payload": {"a": 1},
            "deadline": 1_060_000,
            "arn": "arn:aws:lambda:us-east-1:000000000000:function:holdfast-Worker",
            "name": "holdfast-Worker",
            "ids": [36, "Root=1-000003e8-000000000000000000000000;Sampled=0".len()],
        })
    );
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_ended() {
    let handler = event(|_: LambdaEvent<Value>| async {
        tokio::time::sleep(MINUTE).await;
        Ok(())
    });
    let invoker = invoker(Duration::from_millis(20), handler);
    let error = invoker.invoke("Worker", &json!({})).await.unwrap_err();
    assert!(matches!(error, InvokeError::TimedOut(..)), "{error}");
    assert_eq!(invoker.0.running.len(), 0);
}

#[tokio::test]
async fn failures_of_all_kinds_are_told_apart() {
    let handler = event(|event: LambdaEvent<String>| async move {
        match event.payload.as_str() {
            "fail" => anyhow::bail!("no"),
            "panic" => panic!("on purpose"),
            size => Ok("x".repeat(size.parse()?)),
        }
    });
    let invoker = invoker(MINUTE, handler);
    let failed = invoker.invoke("Worker", &"fail").await.unwrap_err();
    assert_eq!(format!("{:#}", anyhow::Error::new(failed)), "Worker failed: no");
    let panicked = invoker.invoke("Worker", &"panic").await.unwrap_err();
    assert!(matches!(panicked, InvokeError::Panicked(_)));
    let malformed = invoker.invoke("Worker", &json!({"not": "text"})).await.unwrap_err();
    assert!(matches!(malformed, InvokeError::Failed { .. }));
    let unknown = invoker.invoke("Nobody", &json!({})).await.unwrap_err();
    assert!(matches!(unknown, InvokeError::Failed { .. }));
    let large = invoker.invoke("Worker", &"y".repeat(PAYLOAD_MAX_BYTES)).await.unwrap_err();
    assert!(matches!(large, InvokeError::TooLarge));
    let answer = invoker.invoke("Worker", &PAYLOAD_MAX_BYTES.to_string()).await.unwrap_err();
    assert!(matches!(answer, InvokeError::Failed { .. }));
    assert!(invoker.invoke("Worker", &"10").await.is_ok());
}

#[tokio::test]
async fn a_function_runs_on_when_its_caller_goes_away() {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let handler = event(|_: LambdaEvent<Value>| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        DONE.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let invoker = invoker(MINUTE, handler);
    let payload = json!({});
    let caller = invoker.invoke("Worker", &payload);
    tokio::time::timeout(Duration::from_millis(10), caller).await.unwrap_err();
    invoker.finish(MINUTE).await;
    assert_eq!(DONE.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn finishing_waits_only_so_long() {
    let handler = event(|_: LambdaEvent<Value>| async {
        tokio::time::sleep(MINUTE).await;
        Ok(())
    });
    let invoker = invoker(MINUTE, handler);
    let payload = json!({});
    let (ended, ()) = tokio::join!(invoker.invoke("Worker", &payload), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        invoker.finish(Duration::from_millis(10)).await;
    });
    assert!(matches!(ended.unwrap_err(), InvokeError::Stopped(_)));
}
