//! Every upstream, every fault, every question at which it can strike: an order is sent once without a
//! fault and at most twice with one; what is charged is what is stored; nothing has succeeded without
//! its bytes in our store.
//!
//! The faults are data, in `faults.rs`. All jobs of an upstream share the tables, and each has its own
//! user, worker and played upstream.

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use domain::job::Status;
use futures_util::{FutureExt, StreamExt, stream};
use testkit::{Plan, Reply};

use crate::{
    faults::{Ends, Fault, Stage, Times, faults, good},
    played::{
        BFL, BFL_ONE, FAL_FLUX, FAL_IDEOGRAM, FAL_RECRAFT, IDEOGRAM, Line, Pace, Played, RECRAFT,
    },
    world::World,
};

/// How many jobs are under way at a time. Most of them wait.
const AT_A_TIME: usize = 48;

#[tokio::test]
async fn bfl_one_picture() {
    matrix(&[BFL_ONE]).await;
}

#[tokio::test]
async fn bfl() {
    matrix(&[BFL]).await;
}

#[tokio::test]
async fn ideogram() {
    matrix(&[IDEOGRAM]).await;
}

#[tokio::test]
async fn recraft() {
    matrix(&[RECRAFT]).await;
}

#[tokio::test]
async fn fal_flux() {
    matrix(&[FAL_FLUX]).await;
}

#[tokio::test]
async fn fal_ideogram() {
    matrix(&[FAL_IDEOGRAM]).await;
}

#[tokio::test]
async fn fal_recraft() {
    matrix(&[FAL_RECRAFT]).await;
}

/// All faults of these lines, and none.
async fn matrix(lines: &[Line]) {
    let world = World::start().await;
    let mut cells = Vec::new();
    for line in lines {
        cells.push((line, None));
        cells.extend(faults(line).into_iter().map(|fault| (line, Some(fault))));
    }
    // Those that take longest begin first.
    cells.sort_by_key(|(_, fault)| fault.as_ref().map_or(Pace::PATIENT, |it| it.pace).visit);
    let done = stream::iter(cells)
        .map(|(line, fault)| named(&world, line, fault))
        .buffer_unordered(AT_A_TIME);
    let done: Vec<Option<String>> = done.collect().await;
    let failed: Vec<String> = done.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{failed:#?}");
    world.forward(Duration::from_hours(2));
    world.close().await;
}

/// What is wrong with a cell, under its name.
async fn named(world: &World, line: &Line, fault: Option<Fault>) -> Option<String> {
    let name = fault.as_ref().map_or_else(|| "no fault".to_owned(), ToString::to_string);
    let run = AssertUnwindSafe(cell(world, line, fault)).catch_unwind().await;
    run.err().map(|panic| format!("{line}, {name}: {}", words(panic.as_ref())))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

async fn cell(world: &World, line: &Line, fault: Option<Fault>) {
    let pace = fault.as_ref().map_or(Pace::PATIENT, |fault| fault.pace);
    let is_ready = fault.as_ref().is_some_and(|fault| fault.is_ready);
    let polls_before_ready = usize::from(!is_ready);
    let plan = Plan { polls_before_ready, ..Plan::default() };
    let mut played = Played::new(world, line, pace, plan).await;

    let Some(fault) = fault else {
        played.drive().await;
        let job = played.check(1).await;
        assert_eq!(job.state.images().len(), usize::from(line.n));
        assert_eq!(played.orders().values().sum::<usize>(), line.requests);
        assert_eq!(played.upstream.violations(), [""; 0]);
        return;
    };
    if fault.at == Stage::Connect {
        played.reach(false);
        if fault.times == Times::Once {
            played.visit().await;
            played.reach(true);
            played.time.forward(Duration::from_secs(5));
        }
    } else {
        strike(&played, line, &fault);
    }
    played.drive().await;
    let job = played.check(2).await;

    let (status, images) = match fault.ends {
        Ends::With(images) => (Status::Succeeded, images),
        Ends::Failed => (Status::Failed, 0),
        Ends::Expired => (Status::Expired, 0),
    };
    let found = (job.state.status(), job.state.images().len());
    assert_eq!(found, (status, usize::from(images)), "{:?}", job.state);
    if fault.refuses {
        assert!(played.refusals() > 0);
        // What was refused does not count: with nothing else in the way, the rest is sent once.
        assert!(played.orders().values().sum::<usize>() <= line.requests);
    }
    if fault.at != Stage::Submit && fault.at != Stage::Connect {
        assert_eq!(played.orders().values().sum::<usize>(), line.requests);
    }
}

/// Registers the fault with the played upstream.
fn strike(played: &Played<'_>, line: &Line, fault: &Fault) {
    let (upstream, reply) = (&played.upstream, fault.reply.clone());
    let reply = if fault.refuses { played.refusal(reply) } else { reply };
    let (method, pattern) = match fault.at {
        Stage::Connect => panic!("there is nobody to ask"),
        Stage::Submit => ("POST", line.submit),
        Stage::Poll => ("GET", line.poll.unwrap()),
        Stage::Result => ("GET", line.result.unwrap()),
        Stage::Picture => ("GET", "/results/*"),
    };
    match (fault.at, fault.times) {
        // The pattern of the result fits the question for the status too, so nothing can be said
        // first there.
        (Stage::Result, Times::Once) => {
            upstream.on(method, pattern, [reply, good(line, 2)]);
        }
        (_, Times::Once) => {
            upstream.first(method, pattern, reply);
        }
        (_, Times::Round) => {
            let replies: Vec<Reply> = (0..line.requests).map(|_| reply.clone()).collect();
            upstream.first(method, pattern, replies);
        }
        (_, Times::Always) => {
            upstream.on(method, pattern, reply);
        }
        (_, Times::Second) => {
            upstream.on(method, "/results/*/1.*", reply);
        }
    }
}
