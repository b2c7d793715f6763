//! One job, followed through the logs of all functions: one trace, and lines that a machine can read.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use domain::webhook::Secret;
use runtime::{Environment, telemetry};
use serde_json::{Value, json};

use crate::{
    webhooks::{
        receiver::{Receiver, Reply},
        register,
    },
    world::{BRISK, World, eventually},
};

/// What all scenarios log from now on: there is one log in a process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begin() -> Log {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Log::default();
            let to = log.clone();
            telemetry::init_to(&Environment::default(), move || to.clone());
            log
        });
        log.clone()
    }

    /// Every line, which must be JSON, that has this text in it.
    fn lines_with(&self, text: &str) -> Vec<Value> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = log.lines().filter(|line| line.contains(text));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn one_trace_leads_from_the_order_through_every_visit_to_the_end_of_its_job() {
    let log = Log::begin();
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    // It would ring for the job as well, in a trace of its own.
    eventually("the sweep of the start is over", async || {
        (world.counts().sum("Sweeps") >= 1).then_some(())
    })
    .await;
    let slow = json!({ "sandbox": { "delay_ms": 3_000 } });
    let order = json!({ "model": "recraft-v3", "prompt": "a canary", "extra": slow });
    let job = anna.accepted(&order).await;
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    // The last line comes after the answer.
    let lines = eventually("the end is logged", async || {
        let lines = log.lines_with(&job);
        lines.iter().any(|line| line["message"] == "ended").then_some(lines)
    })
    .await;

    let said = |message: &str, service: &str| {
        let found = lines.iter().find(|line| line["message"] == message);
        let found = found.unwrap_or_else(|| panic!("{message}: {lines:#?}"));
        assert_eq!(found["service"], service);
        found
    };
    let (accepted, ended) = (said("accepted", "submit"), said("ended", "generate"));
    let trace = accepted["trace_id"].as_str().unwrap();
    assert!(trace.starts_with("1-") && trace.len() == 35, "{trace}");
    // More than one visit, or nothing would be shown of how a visit hands the trace on.
    assert!(ended["fence"].as_u64().unwrap() > 1, "{ended}");
    assert_ne!(ended["request_id"], accepted["request_id"]);
    for line in &lines {
        assert_eq!(line["trace_id"], trace, "{line}");
        for key in ["timestamp", "level", "message", "target", "service", "request_id", "job_id"] {
            assert!(line[key].is_string(), "{key} is missing from {line}");
        }
        assert!(line["cold_start"].is_boolean(), "{line}");
        assert_eq!(line["job_id"], job.as_str());
        assert!(!line.to_string().contains("a canary"), "{line}");
    }
    world.finish().await;
}

/// The end of a job is told in the trace of its order: on the bus, and in each attempt at a webhook, also in one that the
/// first asked for.
#[tokio::test]
async fn the_trace_of_the_order_leads_on_to_the_event_and_to_every_attempt_at_its_webhook() {
    let log = Log::begin();
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    let receiver = Receiver::start([Reply::status(500)]).await;
    register(&world, &anna, &receiver.url, &Secret::new([1; 32])).await;
    // It would ask for the event to be told as well, in a trace of its own; no other comes in this test.
    eventually("the sweep of the start is over", async || {
        (world.counts().sum("Sweeps") >= 1).then_some(())
    })
    .await;
    let slow = json!({ "sandbox": { "delay_ms": 3_000 } });
    let order = json!({ "model": "recraft-v3", "prompt": "a", "extra": slow });
    let job = anna.accepted(&order).await;
    let lines = eventually("the second attempt is logged", async || {
        let lines = log.lines_with(&job);
        let is_last = |line: &Value| line["service"] == "notify" && line["next"] == "delivered";
        lines.iter().any(is_last).then_some(lines)
    })
    .await;

    let accepted = lines.iter().find(|line| line["message"] == "accepted").unwrap();
    let trace = accepted["trace_id"].as_str().unwrap();
    assert!(trace.starts_with("1-") && trace.len() == 35, "{trace}");
    let ended = lines.iter().find(|line| line["message"] == "ended").unwrap();
    // Through more than one visit of the worker, and more than one of whoever tells.
    assert!(ended["fence"].as_u64().unwrap() > 1, "{ended}");
    assert_eq!((&ended["service"], &ended["trace_id"]), (&json!("generate"), &json!(trace)));
    let told: Vec<_> = lines.iter().filter(|line| line["service"] == "notify").collect();
    let tried: Vec<_> =
        told.iter().filter(|line| line["message"] == "a webhook was tried").collect();
    let next: Vec<_> = tried.iter().map(|line| (&line["attempt"], &line["next"])).collect();
    assert_eq!(next, [(&json!(1), &json!("failed")), (&json!(2), &json!("delivered"))]);
    assert_ne!(tried[0]["request_id"], tried[1]["request_id"]);
    for line in told {
        assert_eq!((&line["trace_id"], &line["job_id"]), (&json!(trace), &json!(job)), "{line}");
        for key in ["timestamp", "level", "message", "target", "request_id"] {
            assert!(line[key].is_string(), "{key} is missing from {line}");
        }
        // A part of its URL lets others in.
        assert!(!line.to_string().contains("hush"), "{line}");
    }
    let published = world.stack().published();
    let [event] = published.as_slice() else { panic!("{published:#?}") };
    assert!(event["TraceHeader"].as_str().unwrap().contains(trace), "{event}");
    world.finish().await;
}

/// A bell that only the sweep rang is heard in a trace of its own, which then is the job's.
#[tokio::test]
async fn a_job_that_the_sweep_rings_for_has_one_trace_in_all_its_visits() {
    let log = Log::begin();
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let slow = json!({ "sandbox": { "delay_ms": 3_000 } });
    let job = anna.accepted(&json!({ "model": "recraft-v3", "prompt": "a", "extra": slow })).await;
    world.stack().resume_queue();
    world.forward(Duration::from_secs(1));
    world.sweep().await;
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    let ended = eventually("the end is logged", async || {
        let lines = log.lines_with(&job);
        lines.into_iter().find(|line| line["message"] == "ended")
    })
    .await;
    assert!(ended["fence"].as_u64().unwrap() > 1, "{ended}");
    let lines = log.lines_with(&job);
    let visits = lines.iter().filter(|line| line["service"] == "generate");
    assert!(visits.clone().count() >= 1);
    assert!(visits.into_iter().all(|line| line["trace_id"] == ended["trace_id"]), "{lines:#?}");
    world.finish().await;
}
