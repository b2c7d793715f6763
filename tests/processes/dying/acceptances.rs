//! The function that accepts orders dies at each point. The caller, who has heard nothing, asks again under
//! the same key.

use domain::job::Status;
use futures_util::future::join_all;
use testkit::{CrashPoint, Role};

use crate::{
    program::Function,
    traffic::{Trap, traps},
    world::{PRICE, World},
};

async fn dies_once(trap: Trap) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let (mut first, second) =
        tokio::join!(world.program(Function::Submit), world.program(Function::Submit));
    let (authorize, lookup) =
        tokio::join!(world.program(Function::Authorize), world.program(Function::Lookup));

    let strike = trap.set(&first.proxy);
    let ended = anna.submit_until(&mut first, "one", &strike).await;
    assert!(ended.is_killed(), "it never came to {}: {ended:?}", trap.point);
    trap.print();
    let is_stored = trap.point != CrashPoint::Ap1;
    let before = world.jobs(&anna).await;
    assert_eq!(before.len(), usize::from(is_stored), "{}", trap.point);
    let held = if is_stored { PRICE } else { 0 };
    assert_eq!(world.held_and_charged(&anna).await, (held, 0), "{}", trap.point);
    let rung = world.messages().await;
    let has_rung = matches!(trap.point, CrashPoint::Ap4 | CrashPoint::Ap5);
    assert_eq!(rung.len(), usize::from(has_rung), "{}", trap.point);
    for message in &rung {
        world.give_back(message).await;
    }

    let answer = anna.submit(&second, "one").await;
    let job = if is_stored { answer.replayed() } else { answer.accepted() };
    assert_eq!(world.jobs(&anna).await, [job]);
    assert_eq!(world.held_and_charged(&anna).await, (PRICE, 0));
    let found = anna.look(&authorize, &lookup, &job).await;
    assert_eq!((found.status, found.job()), (200, job));

    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!(world.orders(), 1);
    assert_eq!(world.held_and_charged(&anna).await, (0, PRICE));
    assert_eq!(anna.submit(&second, "one").await.replayed(), job);
    let found = anna.look(&authorize, &lookup, &job).await;
    assert_eq!((found.status, &found.body["status"]), (200, &"succeeded".into()));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_killed_at_any_point_is_one_job_when_the_caller_asks_again() {
    join_all(traps(Role::Submit).into_iter().map(dies_once)).await;
}
