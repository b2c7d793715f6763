//! The process dies between two steps, and another goes on from what is in the row.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use domain::job::{Dispatch, Run, State, Status};
use testkit::{Plan, Reply};
use tokio::{select, sync::Notify};

use crate::{
    faults::good,
    played::{BFL, FAL_FLUX, FAL_RECRAFT, IDEOGRAM, Line, Pace, Played, RECRAFT},
    world::World,
};

/// Later than the lease of a patient visit.
const LEASE_OVER: Duration = Duration::from_secs(61);

/// One of each.
const LINES: [&Line; 5] = [&BFL, &IDEOGRAM, &RECRAFT, &FAL_FLUX, &FAL_RECRAFT];

const PICTURES: &str = "/results/*";

async fn played<'a>(world: &'a World, line: &'a Line) -> Played<'a> {
    Played::new(world, line, Pace::PATIENT, Plan::default()).await
}

/// A visit that dies while it waits for the answer to this question. Nobody takes the job up before
/// its lease has ended.
async fn die(played: &Played<'_>, method: &str, pattern: &str, then: Option<Reply>) {
    let reached = Arc::new(Notify::new());
    let tell = Arc::clone(&reached);
    let held = Reply::with(move |_| {
        tell.notify_one();
        Reply::silence()
    });
    match then {
        Some(then) => played.upstream.on(method, pattern, [held, then]),
        None => played.upstream.first(method, pattern, held),
    };
    select! {
        () = played.visit() => panic!("it lives"),
        () = reached.notified() => {}
    }
    played.visit().await;
    assert_eq!(played.look().await.state.status(), Status::Processing);
    played.time.forward(LEASE_OVER);
}

/// The job ends with all its pictures, and each was ordered so often.
async fn ends(played: &Played<'_>, line: &Line, times: usize) {
    played.drive().await;
    let job = played.check(times).await;
    let found = (job.state.status(), job.state.images().len());
    assert_eq!(found, (Status::Succeeded, usize::from(line.n)), "{line}");
    let orders: usize = played.orders().values().sum();
    if times == 1 {
        assert_eq!(orders, line.requests, "{line}");
    } else {
        assert!(orders > line.requests, "{line}");
    }
}

#[tokio::test]
async fn an_order_whose_answer_nobody_heard_is_sent_once_more_and_charged_once() {
    let world = World::start().await;
    for line in LINES {
        let played = played(&world, line).await;
        die(&played, "POST", line.submit, None).await;
        ends(&played, line, 2).await;
    }
    world.close().await;
}

#[tokio::test]
async fn an_order_whose_answer_was_twice_not_heard_fails_and_is_given_back() {
    let world = World::start().await;
    for line in LINES {
        let played = played(&world, line).await;
        die(&played, "POST", line.submit, None).await;
        die(&played, "POST", line.submit, None).await;
        played.drive().await;
        let job = played.check(2).await;
        assert_eq!(job.state.status(), Status::Failed, "{line}");
    }
    world.close().await;
}

#[tokio::test]
async fn a_task_that_was_noted_is_asked_for_again_and_never_sent_again() {
    let world = World::start().await;
    for line in LINES {
        let Some(poll) = line.poll else { continue };
        let played = played(&world, line).await;
        die(&played, "GET", poll, None).await;
        ends(&played, line, 1).await;
    }
    world.close().await;
}

#[tokio::test]
async fn pictures_that_were_being_fetched_are_fetched_again_and_never_ordered_again() {
    let world = World::start().await;
    for line in LINES {
        let played = played(&world, line).await;
        die(&played, "GET", PICTURES, None).await;
        ends(&played, line, 1).await;
    }
    world.close().await;
}

#[tokio::test]
async fn five_deaths_in_a_row_after_the_task_was_noted_cost_nothing() {
    let world = World::start().await;
    for line in LINES {
        let played = played(&world, line).await;
        for _ in 0..2 {
            if let Some(poll) = line.poll {
                die(&played, "GET", poll, None).await;
            }
        }
        if let Some(result) = line.result {
            die(&played, "GET", result, Some(good(line, 2))).await;
        }
        for _ in 0..2 {
            die(&played, "GET", PICTURES, None).await;
        }
        ends(&played, line, 1).await;
    }
    world.close().await;
}

/// A visit that dies after so many steps: wherever it waits for something, also for the tables and
/// the bucket. Whether it came to its end before.
async fn die_after(played: &Played<'_>, steps: usize) -> bool {
    let mut visit = pin!(played.visit());
    for _ in 0..steps {
        if poll_fn(|context| Poll::Ready(visit.as_mut().poll(context))).await.is_ready() {
            return true;
        }
        // Whoever it waits for gets its turn. Some steps find nothing new; they only count.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    false
}

/// Dies once at every step that a visit has.
async fn at_every_step(line: &Line) {
    let world = World::start().await;
    let mut on_its_way = 0_usize;
    for steps in 1.. {
        let played = played(&world, line).await;
        let is_over = die_after(&played, steps).await;
        played.time.forward(LEASE_OVER);
        let state = played.look().await.state;
        if state == State::Pending {
            // It died before it had begun.
            played.visit().await;
        }
        if matches!(state, State::Processing(Run { dispatch: Dispatch::Intended, .. })) {
            on_its_way = on_its_way.saturating_add(1);
        }
        played.drive().await;
        let job = played.check(2).await;
        let found = (job.state.status(), job.state.images().len());
        assert_eq!(found, (Status::Succeeded, usize::from(line.n)), "{line}, {steps} steps");
        let orders: usize = played.orders().values().sum();
        if is_over {
            assert_eq!(orders, line.requests, "{line}");
            break;
        }
    }
    assert!(on_its_way > 0, "it never died while the order was on its way");
    world.close().await;
}

#[tokio::test]
async fn death_at_any_step_orders_at_most_twice_and_charges_once_where_the_answer_is_the_result() {
    at_every_step(&IDEOGRAM).await;
}

#[tokio::test]
async fn death_at_any_step_orders_at_most_twice_and_charges_once_where_the_task_is_asked_for() {
    at_every_step(&BFL).await;
}
