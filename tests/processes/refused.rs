//! The tables answer with errors, as the real ones do and no stand-in does.

use domain::job::Status;
use futures_util::future::join_all;
use testkit::proxy::{Deed, Fault};

use crate::{
    program::Function,
    traffic::is_transaction,
    world::{LONG, PRICE, World, event},
};

/// The steps of an acceptance under a key, and of a settlement.
const STEPS: usize = 4;
/// Why a transaction is canceled for now.
const PASSING: [&str; 3] =
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_that_meets_another_at_any_step_is_tried_again() {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let submit = world.program(Function::Submit).await;
    let mut jobs = Vec::new();
    for reason in PASSING {
        for step in 0..STEPS {
            let fault = Fault::canceled(step, reason);
            let strike = submit.proxy.once(is_transaction, Deed::refuse(fault));
            let key = format!("{reason} {step}");
            let job = anna.submit(&submit, &key).await.accepted();
            assert_eq!(strike.count(), 1);
            jobs.push(job);
        }
    }
    let throttled = submit.proxy.once(is_transaction, Deed::refuse(Fault::throttled()));
    jobs.push(anna.submit(&submit, "throttled").await.accepted());
    let internal = submit.proxy.once(is_transaction, Deed::refuse(Fault::internal()));
    jobs.push(anna.submit(&submit, "internal").await.accepted());
    assert_eq!((throttled.count(), internal.count()), (1, 1));
    assert_eq!(world.jobs(&anna).await.len(), jobs.len());
    let held = PRICE.checked_mul(jobs.len().try_into().unwrap()).unwrap();
    assert_eq!(world.held_and_charged(&anna).await, (held, 0));
    world.run(&anna, &jobs).await;
    assert_eq!(world.held_and_charged(&anna).await, (0, held));
    world.finish().await;
}

/// An acceptance that meets this again and again is answered so, and leaves nothing behind.
async fn is_refused(world: &World, name: String, fault: Fault, (status, code): (u64, &str)) {
    let caller = world.user(&name).await;
    let submit = world.program(Function::Submit).await;
    let strike = submit.proxy.always(is_transaction, Deed::refuse(fault));
    caller.submit(&submit, "one").await.refused(status, code);
    assert!(strike.count() > 0);
    // Whatever is not the caller's fault is told to the operator, once.
    let errors = submit.log().lines().filter(|line| line.contains("\"ERROR\"")).count();
    assert_eq!(errors, 1, "{name}: {}", submit.log());
    assert_eq!(world.jobs(&caller).await, []);
    assert_eq!(world.held_and_charged(&caller).await, (0, 0));
    strike.lift();
    // The refusal did not use the key up.
    caller.submit(&submit, "one").await.accepted();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_that_never_gets_through_is_busy_and_leaves_nothing_behind() {
    let world = World::start().await;
    let busy = (503, "account_busy");
    let mut cases = Vec::new();
    for (number, reason) in PASSING.into_iter().enumerate() {
        for step in [0, STEPS - 1] {
            cases.push((format!("user-{number}-{step}"), Fault::canceled(step, reason), busy));
        }
    }
    cases.push(("throttled".to_owned(), Fault::throttled(), busy));
    cases.push(("in-progress".to_owned(), Fault::in_progress(), (503, "unavailable")));
    join_all(
        cases.into_iter().map(|(name, fault, as_what)| is_refused(&world, name, fault, as_what)),
    )
    .await;
    assert_eq!(world.orders(), 0);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_our_own_fault_is_an_internal_error_and_leaves_nothing_behind() {
    let world = World::start().await;
    let internal = (500, "internal_error");
    let cases = [
        ("invalid-step", Fault::canceled(0, "ValidationError")),
        ("invalid-last-step", Fault::canceled(STEPS - 1, "ValidationError")),
        ("unknown", Fault::canceled(1, "SomethingNew")),
        ("invalid", Fault::invalid()),
        ("mismatch", Fault::mismatch()),
    ];
    join_all(cases.map(|(name, fault)| is_refused(&world, name.to_owned(), fault, internal))).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_that_is_still_being_decided_is_waited_for() {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let submit = world.program(Function::Submit).await;
    let lost = submit.proxy.once(is_transaction, Deed::lose());
    let undecided = submit.proxy.once(is_transaction, Deed::refuse(Fault::in_progress()));
    let job = anna.submit(&submit, "one").await.accepted();
    assert_eq!((lost.count(), undecided.count()), (1, 1));
    assert_eq!(world.jobs(&anna).await, [job]);
    assert_eq!(world.held_and_charged(&anna).await, (PRICE, 0));
    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_said_to_be_another_requests_holds_nothing_twice() {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let submit = world.program(Function::Submit).await;
    let lost = submit.proxy.once(is_transaction, Deed::lose());
    let mismatch = submit.proxy.once(is_transaction, Deed::refuse(Fault::mismatch()));
    anna.submit(&submit, "one").await.refused(500, "internal_error");
    assert_eq!((lost.count(), mismatch.count()), (1, 1));
    assert!(submit.log().contains("\"ERROR\""), "{}", submit.log());
    // Of which the first was accepted, as whoever asks again learns.
    let job = anna.submit(&submit, "one").await.replayed();
    assert_eq!(world.jobs(&anna).await, [job]);
    assert_eq!(world.held_and_charged(&anna).await, (PRICE, 0));
    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    world.finish().await;
}

/// A settlement that meets this once is tried again in the same visit.
async fn settles_all_the_same(fault: Fault) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let (submit, worker) =
        tokio::join!(world.program(Function::Submit), world.program(Function::Generate));
    let job = anna.submit(&submit, "one").await.accepted();
    let message = world.message().await;
    let strike = worker.proxy.once(is_transaction, Deed::refuse(fault));
    let ended = worker.invoke(&event(&message), LONG).await;
    assert_eq!(strike.count(), 1);
    world.verdict(&ended, &message).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!((world.orders(), world.held_and_charged(&anna).await), (1, (0, PRICE)));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_that_meets_another_at_any_step_is_tried_again() {
    let faults = (0..STEPS).map(|step| Fault::canceled(step, "TransactionConflict"));
    join_all(faults.chain([Fault::throttled()]).map(settles_all_the_same)).await;
}
