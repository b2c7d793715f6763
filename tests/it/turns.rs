//! The running cap: so many jobs of a user run at a time; the others wait, and hold up nobody.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{BRISK, World, eventually};

/// An order that its upstream is at for so long.
fn order(delay_ms: u64) -> Value {
    json!({
        "model": "recraft-v3",
        "prompt": "a cat",
        "extra": { "sandbox": { "delay_ms": delay_ms } },
    })
}

#[tokio::test]
async fn no_more_jobs_of_a_user_run_than_may_and_nobody_else_waits_for_them() {
    let world = World::with(&[("GenerateMaximumConcurrency", "10")]).await;
    let (anna, ben) = (world.user("anna", "1").await, world.user("ben", "1").await);
    let slow = order(700);
    let jobs = join_all((0..6).map(|_| anna.accepted(&slow))).await;
    let limits = anna.get("/v1/auth/limits").await.expect(200).json();
    assert_eq!((&limits["image_concurrent"], &limits["image_queue_used"]), (&2.into(), &6.into()));

    let other = async {
        let job = ben.accepted(&order(0)).await;
        assert_eq!(ben.wait(&job).await.job_status(), "succeeded");
        let open = anna.jobs(100, "").await;
        let waiting = open.iter().filter(|job| job["status"] == "pending").count();
        assert!(waiting > 0, "the other user's job was done before all of these had begun");
    };
    let all_end = async {
        let mut most = 0;
        loop {
            // Two jobs may change places between two rows of a list; a row each is of one moment or a later.
            let listed = anna.jobs(100, "").await;
            let running = listed.iter().filter(|job| job["status"] == "processing").count();
            most = most.max(running);
            assert!(running <= 2, "{listed:#?}");
            if listed.iter().all(|job| job["status"] == "succeeded") {
                return most;
            }
            // What a busy machine made somebody miss is rung for again.
            world.stack().sweep_now().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all_end = tokio::time::timeout(Duration::from_mins(2), all_end);
    let ((), most) = tokio::join!(other, all_end);
    assert_eq!(most.unwrap(), 2);
    assert_eq!(jobs.len(), 6);
    assert!(world.counts().sum_of("Claims", "waits") >= 4);
    assert_eq!(anna.kinds().await["usage"], 6);
    world.finish().await;
}

#[tokio::test]
async fn a_job_that_waits_is_canceled_and_one_that_is_put_down_keeps_its_turn() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    let running = [anna.accepted(&order(12_000)).await, anna.accepted(&order(12_000)).await];
    for job in &running {
        world.put_down(&anna, job).await;
    }
    let (third, fourth) = (anna.accepted(&order(0)).await, anna.accepted(&order(0)).await);
    eventually("they have asked for a turn", async || {
        (world.counts().sum_of("Claims", "waits") >= 3).then_some(())
    })
    .await;
    assert_eq!(anna.cancel(&third).await.expect(200).job_status(), "refunded");
    assert_eq!(anna.job(&fourth).await.job_status(), "pending");
    for job in running.iter().chain([&fourth]) {
        let ended = world.sweep_until_ended(&anna, job).await;
        assert_eq!(ended.job_status(), "succeeded");
    }
    assert_eq!(anna.kinds().await["refund"], 1);
    world.finish().await;
}

#[tokio::test]
async fn a_job_that_waits_too_long_expires_and_costs_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(anna.accepted(&order(0)).await);
    }
    assert_eq!(world.stored(&anna, &jobs[2]).await.turn, None);
    world.forward(Duration::from_mins(31));
    world.sweep().await;
    for job in &jobs {
        assert_eq!(anna.job(job).await.job_status(), "expired");
    }
    world.stack().resume_queue();
    let next = anna.accepted(&order(0)).await;
    assert_eq!(anna.wait(&next).await.job_status(), "succeeded");
    world.finish().await;
}
