//! Killed in the middle of its work and started again on the same data, nothing is lost.

use serde_json::Value;

use crate::server::{Server, slow_order};

/// Invocations of eight seconds, leases that end a second later, a sweep each second: what takes
/// minutes in the cloud takes seconds here, by the same rules.
const HASTE: [&str; 4] = [
    "--sweep-seconds",
    "1",
    "--parameter",
    "GenerateTimeoutSeconds=8,LeaseMarginSeconds=1,ReannounceSeconds=2,RevisitSeconds=1",
];

#[test]
fn fifty_running_jobs_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let args = [&HASTE[..], &["--credit", "60"]].concat();
    let server = Server::in_dir(dir.path(), &args);
    let jobs: Vec<String> = (0..50)
        .map(|n| {
            // Some are done when it is killed, some are at it, some have not begun.
            let (status, job) = server.order(&slow_order(&n.to_string(), (n % 5) * 500));
            assert_eq!(status, 202, "{job}");
            job["id"].as_str().unwrap().to_owned()
        })
        .collect();
    server.kill();

    let server = Server::in_dir(dir.path(), &args);
    let states: Vec<Value> =
        jobs.iter().map(|id| server.get(&format!("/v1/jobs/{id}")).1["status"].clone()).collect();
    assert!(states.iter().any(|state| state != "succeeded"), "it was killed too late: {states:?}");
    for id in &jobs {
        let job = server.wait(id);
        assert_eq!(job["status"], "succeeded", "{job}");
        assert_eq!(job["charged_amount"].to_string(), "0.054");
    }
    // The same request again is the same job, across the kill.
    let replay = server.order(&slow_order("7", 1_000));
    assert_eq!((replay.0, replay.1["id"].as_str()), (200, Some(jobs[7].as_str())));
    let (_, balance) = server.get("/v1/credits/balance");
    assert_eq!(balance["charged"].to_string(), "2.7");
    assert_eq!(balance["held"].to_string(), "0");
    assert!(server.print(&["audit"]).contains("in order"));
}

#[test]
fn being_killed_again_and_again_charges_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::in_dir(dir.path(), &HASTE);
    let (_, job) = server.order(&slow_order("once", 1_500));
    for _ in 0..3 {
        std::thread::sleep(std::time::Duration::from_millis(400));
        server.kill();
        server = Server::in_dir(dir.path(), &HASTE);
    }
    let job = server.wait(job["id"].as_str().unwrap());
    let (_, balance) = server.get("/v1/credits/balance");
    let paid = if job["status"] == "succeeded" { "0.054" } else { "0" };
    assert_eq!(balance["charged"].to_string(), paid, "{job}");
    assert!(server.print(&["audit"]).contains("in order"));
}
