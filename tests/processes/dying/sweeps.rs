//! The sweep dies at each point. The next one goes on where it stopped.

use std::time::Duration;

use domain::{ids::JobId, job::Status};
use futures_util::future::join_all;
use serde_json::json;
use testkit::{CrashPoint, Role};

use crate::{
    program::Function,
    traffic::{self, Trap, traps},
    world::{Caller, LONG, PRICE, World, eventually},
};

/// Jobs whose time is up three seconds after they were accepted.
const BRIEF: [(&str, &str); 3] =
    [("RunLimitSeconds", "2"), ("JobDeadlineSeconds", "2"), ("HardExpirySeconds", "3")];
/// More than one shard has, and more of them than are looked at before the first has ended.
const JOBS: usize = 24;

/// A sweep that is killed at a point.
async fn dies(world: &World, trap: &Trap) {
    let mut sweep = world.program(Function::Sweep).await;
    let strike = trap.set(&sweep.proxy);
    let ended = sweep.invoke_until(&json!({}), LONG, &strike).await;
    assert!(ended.is_killed(), "it never came to {}: {ended:?}", trap.point);
    trap.print();
}

async fn accept(world: &World, anna: &Caller, count: usize) -> Vec<JobId> {
    let submit = world.program(Function::Submit).await;
    let mut jobs = Vec::new();
    for number in 0..count {
        jobs.push(anna.submit(&submit, &number.to_string()).await.accepted());
    }
    jobs
}

/// It dies while it rings for a job of which nobody has heard.
async fn dies_ringing(point: CrashPoint) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let jobs = accept(&world, &anna, 1).await;
    let [trap] = traffic::of(point).try_into().unwrap();
    dies(&world, &trap).await;
    world.run(&anna, &jobs).await;
    assert_eq!(world.is_settled(&anna, &jobs[0]).await, Status::Succeeded);
    // However often it was rung for.
    assert_eq!(world.orders(), 1);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_killed_while_it_rings_is_followed_by_one_that_rings() {
    join_all([CrashPoint::Sp1, CrashPoint::Sp2].map(dies_ringing)).await;
}

/// It dies while it gives back what was held for many jobs.
async fn dies_giving_back(trap: Trap) {
    let world = World::with(&BRIEF).await;
    let anna = world.user("anna").await;
    let jobs = accept(&world, &anna, JOBS).await;
    let last = world.job(&anna, &jobs[JOBS - 1]).await;
    let over = last.expires_at.plus(Duration::from_millis(1));
    eventually("their time is up", async || (World::now() >= over).then_some(())).await;
    dies(&world, &trap).await;
    let held = world.held_and_charged(&anna).await.0;
    println!("{}: {} of {JOBS} are still held", trap.point, held.checked_div(PRICE).unwrap());

    let next = world.program(Function::Sweep).await;
    World::sweep(&next).await;
    for job in &jobs {
        assert_eq!(world.is_settled(&anna, job).await, Status::Expired);
    }
    assert_eq!(world.held_and_charged(&anna).await, (0, 0));
    assert_eq!(world.orders(), 0);
    assert_eq!(World::sweep(&next).await["looked_at"], 0);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_killed_while_it_gives_back_is_followed_by_one_that_gives_back_the_rest() {
    let giving_back = [CrashPoint::Sp1, CrashPoint::Sp3, CrashPoint::Sp4];
    let traps = traps(Role::Sweep).into_iter().filter(|trap| giving_back.contains(&trap.point));
    join_all(traps.map(dies_giving_back)).await;
}
