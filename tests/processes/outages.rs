//! The tables are away, or slow. The caller is told to come again, in time; afterwards all is well.

use std::time::Duration;

use domain::job::Status;
use serde_json::json;
use testkit::proxy::Deed;
use tokio::time::timeout;

use crate::{
    program::{Ended, Function},
    traffic::is_for_tables,
    world::{LONG, PRICE, REQUEST, World, event},
};

/// Nothing reaches the tables, for everybody.
async fn is_away(deed: Deed) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let (authorize, submit, lookup, worker, sweep) = tokio::join!(
        world.program(Function::Authorize),
        world.program(Function::Submit),
        world.program(Function::Lookup),
        world.program(Function::Generate),
        world.program(Function::Sweep),
    );
    let job = anna.submit(&submit, "before").await.accepted();
    let message = world.message().await;
    let everybody = [&authorize, &submit, &lookup, &worker, &sweep];
    let strikes = everybody.map(|program| program.proxy.always(is_for_tables, deed.clone()));

    let (event, run) = (event(&message), json!({}));
    let (decision, refusal, look, visit, swept) = tokio::join!(
        anna.authorize(&authorize),
        anna.submit(&submit, "one"),
        anna.look_at(&lookup, &job),
        worker.invoke(&event, LONG),
        sweep.invoke(&run, Duration::from_secs(16)),
    );
    assert!(matches!(decision, Ended::Failed(_)), "{decision:?}");
    refusal.refused(503, "unavailable");
    look.refused(503, "unavailable");
    let failures = &visit.clone().answer()["batchItemFailures"];
    assert_eq!(failures[0]["itemIdentifier"], json!(message.message_id()));
    assert!(matches!(swept, Ended::Failed(_)), "{swept:?}");
    assert!(strikes.iter().all(|strike| strike.count() > 0), "{strikes:?}");
    world.verdict(&visit, &message).await;
    assert_eq!(world.held_and_charged(&anna).await, (PRICE, 0));
    assert_eq!((world.jobs(&anna).await, world.orders()), (vec![job], 0));

    for strike in &strikes {
        strike.lift();
    }
    // The same processes, with the connections and the patience that they have left.
    assert_eq!(anna.authorize(&authorize).await.answer()["isAuthorized"], true);
    let second = anna.submit(&submit, "one").await.accepted();
    assert_eq!(anna.look_at(&lookup, &job).await.status, 200);
    world.run_with(&worker, &sweep, &anna, &[job, second]).await;
    for job in [job, second] {
        assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    }
    assert_eq!(world.orders(), 2);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_tables_are_away_callers_are_told_to_come_again_and_afterwards_all_is_well() {
    tokio::join!(is_away(Deed::drop()), is_away(Deed::swallow()));
}

/// As long as a call takes less than an attempt may, orders are taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_tables_are_waited_for() {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let (submit, lookup) =
        tokio::join!(world.program(Function::Submit), world.program(Function::Lookup));
    for program in [&submit, &lookup] {
        program.proxy.always(is_for_tables, Deed::pass().after(Duration::from_millis(1_200)));
    }
    let job = anna.submit(&submit, "one").await.accepted();
    assert_eq!(anna.submit(&submit, "one").await.replayed(), job);
    assert_eq!(anna.look_at(&lookup, &job).await.job(), job);
    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    world.finish().await;
}

/// Slower than that, everything is done and nothing is heard of in time. Each function answers before its own
/// time is up, which is before the gateway's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_too_slow_are_not_waited_for_longer_than_the_caller_waits() {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let (authorize, submit, lookup) = tokio::join!(
        world.program(Function::Authorize),
        world.program(Function::Submit),
        world.program(Function::Lookup),
    );
    let first = anna.submit(&submit, "before").await.accepted();
    let slow = Deed::pass().after(Duration::from_millis(2_500));
    let everybody = [&authorize, &submit, &lookup];
    let strikes = everybody.map(|program| program.proxy.always(is_for_tables, slow.clone()));
    let answers = timeout(REQUEST, async {
        tokio::join!(
            anna.authorize(&authorize),
            anna.submit(&submit, "one"),
            anna.look_at(&lookup, &first),
        )
    });
    let (decision, refusal, look) = answers.await.unwrap();
    assert!(matches!(decision, Ended::Failed(_)), "{decision:?}");
    refusal.refused(503, "unavailable");
    look.refused(503, "unavailable");
    for strike in &strikes {
        strike.lift();
    }
    // It was accepted all the same.
    let job = anna.submit(&submit, "one").await.replayed();
    world.run(&anna, &[first, job]).await;
    for job in [first, job] {
        assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    }
    assert_eq!(world.held_and_charged(&anna).await, (0, PRICE.checked_mul(2).unwrap()));
    world.finish().await;
}
