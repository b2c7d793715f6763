//! A worker dies at each point of a visit. Whoever comes next goes on from what is in the row.

use domain::job::Status;
use futures_util::future::join_all;
use testkit::{CrashPoint, Role};

use crate::{
    program::Function,
    traffic::{Trap, traps},
    world::{LONG, ORDERING, PRICE, World, event},
};

/// How many orders the upstream has had in the end. Only where nobody noted what became of the first is there
/// a second.
fn orders_after(point: CrashPoint) -> usize {
    if matches!(point, CrashPoint::Cp4 | CrashPoint::Cp5) { 2 } else { 1 }
}

async fn dies_once(trap: Trap) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let (submit, mut worker) =
        tokio::join!(world.program(Function::Submit), world.program(Function::Generate));
    let job = anna.submit(&submit, "one").await.accepted();
    let message = world.message().await;

    let strike = trap.set(&worker.proxy);
    // A machine so busy that the visit has no time left for its order has the job put down.
    while !worker.invoke_until(&event(&message), ORDERING, &strike).await.is_killed() {
        assert!(!world.has_ended(&anna, &job).await, "it never came to {}", trap.point);
    }
    trap.print();
    let has_ended = world.has_ended(&anna, &job).await;
    if trap.point == CrashPoint::Cp12 {
        assert!(has_ended);
        world.is_answered(&message).await;
    } else {
        world.give_back(&message).await;
    }

    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!(world.orders(), orders_after(trap.point), "{}", trap.point);
    assert_eq!(world.held_and_charged(&anna).await, (0, PRICE));
    assert_eq!(anna.submit(&submit, "one").await.replayed(), job);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_at_any_point_of_a_visit_charges_once_and_sends_no_needless_order() {
    join_all(traps(Role::Generate).into_iter().map(dies_once)).await;
}

/// Two workers have the same message; one of them dies if it comes to the point.
async fn dies_beside_another(trap: Trap) -> bool {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let submit = world.program(Function::Submit).await;
    let job = anna.submit(&submit, "one").await.accepted();
    let message = world.message().await;
    let (mut one, other) =
        tokio::join!(world.program(Function::Generate), world.program(Function::Generate));
    let (strike, event) = (trap.set(&one.proxy), event(&message));
    let (died, lived) =
        tokio::join!(one.invoke_until(&event, ORDERING, &strike), other.invoke(&event, LONG));
    if died.is_killed() {
        trap.print();
    }
    lived.answer();
    world.give_back(&message).await;
    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert!(world.orders() <= orders_after(trap.point), "{} orders", world.orders());
    assert_eq!(world.held_and_charged(&anna).await, (0, PRICE));
    world.finish().await;
    died.is_killed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_workers_with_the_same_message_one_may_die_anywhere_and_there_is_one_charge() {
    let died = join_all(traps(Role::Generate).into_iter().map(dies_beside_another)).await;
    assert!(died.contains(&true));
}
