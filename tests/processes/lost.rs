//! What is sent is lost, doubled or late, and everybody lives.

use domain::job::Status;
use serde_json::Value;
use testkit::proxy::{Deed, Gate, Passage};

use crate::{
    program::{Function, Program},
    traffic::{is_ring, is_transaction},
    world::{Answer, Caller, LONG, ORDERING, PRICE, World, event, eventually},
};

/// A world with a caller and a function to accept orders.
async fn world() -> (World, Caller, Program) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let submit = world.program(Function::Submit).await;
    (world, anna, submit)
}

/// There is this one job, held once; it is made and charged once, and its key names it.
async fn ends_well(world: World, anna: Caller, submit: Program, answer: Answer) {
    let job = answer.job();
    assert_eq!(world.jobs(&anna).await, [job]);
    assert_eq!(world.held_and_charged(&anna).await, (PRICE, 0));
    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!(world.orders(), 1);
    assert_eq!(world.held_and_charged(&anna).await, (0, PRICE));
    assert_eq!(anna.submit(&submit, "one").await.replayed(), job);
    world.finish().await;
}

/// Status of each answer that was given to these requests.
fn statuses(passages: &[Passage]) -> Vec<u16> {
    passages.iter().flat_map(|passage| &passage.answers).map(|(status, _)| *status).collect()
}

/// Why the transaction was refused, step by step.
fn reasons((_, body): &(u16, Value)) -> Vec<&str> {
    let reasons = body["CancellationReasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["Code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_whose_answer_is_lost_is_sent_again_and_is_one_job() {
    let (world, anna, submit) = world().await;
    let strike = submit.proxy.once(is_transaction, Deed::lose());
    let answer = anna.submit(&submit, "one").await;
    answer.accepted();
    assert_eq!(strike.count(), 1);
    assert_eq!(statuses(&submit.proxy.passages(is_transaction)), [200, 200]);
    ends_well(world, anna, submit, answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_of_which_nothing_is_heard_is_found_by_a_second_look() {
    let (world, anna, submit) = world().await;
    let strike = submit.proxy.always(is_transaction, Deed::hush());
    let answer = anna.submit(&submit, "one").await;
    answer.accepted();
    assert!(strike.count() > 1);
    strike.lift();
    ends_well(world, anna, submit, answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_that_lands_after_the_retry_is_refused_by_the_key() {
    let (world, anna, submit) = world().await;
    let (late, gate) = (world.program(Function::Submit).await, Gate::shut());
    let strike = late.proxy.always(is_transaction, Deed::late(&gate));
    anna.submit(&late, "one").await.refused(503, "unavailable");
    let sent = strike.count();
    assert!(sent > 0);
    let answer = anna.submit(&submit, "one").await;
    answer.accepted();

    gate.open();
    let landed = eventually("all of them have landed", async || {
        let passages = late.proxy.passages(is_transaction);
        (statuses(&passages).len() == sent).then_some(passages)
    });
    for passage in landed.await {
        // The key, which is the first step, and nothing else.
        let refused = ["ConditionalCheckFailed", "None", "None", "None"];
        assert_eq!(reasons(&passage.answers[0]), refused);
    }
    ends_well(world, anna, submit, answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_that_arrives_twice_is_one_job_with_or_without_a_token() {
    for (deed, second) in [(Deed::double(), 200), (Deed::double_as_new(), 400)] {
        let (world, anna, submit) = world().await;
        submit.proxy.once(is_transaction, deed);
        let answer = anna.submit(&submit, "one").await;
        answer.accepted();
        assert_eq!(statuses(&submit.proxy.passages(is_transaction)), [200, second]);
        ends_well(world, anna, submit, answer).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_answer_is_lost_is_there_twice_and_is_one_order() {
    let (world, anna, submit) = world().await;
    let strike = submit.proxy.once(is_ring, Deed::lose());
    let answer = anna.submit(&submit, "one").await;
    answer.accepted();
    assert_eq!(strike.count(), 1);
    let messages = world.messages().await;
    assert_eq!(messages.len(), 2);
    let (one, other) =
        tokio::join!(world.program(Function::Generate), world.program(Function::Generate));
    for message in &messages {
        world.give_back(message).await;
    }
    // At once, by two workers; then whatever else there is.
    let (first, second) = (event(&messages[0]), event(&messages[1]));
    let (first, second) = tokio::join!(one.invoke(&first, LONG), other.invoke(&second, LONG));
    drop((first.answer(), second.answer()));
    let job = answer.job();
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!(world.orders(), 1);
    world.run(&anna, &[job]).await;
    assert_eq!((world.orders(), world.held_and_charged(&anna).await), (1, (0, PRICE)));
    world.finish().await;
}

/// A worker settles, and this happens to what it sends.
async fn settles(deed: Deed, statuses_seen: &[u16]) {
    let (world, anna, submit) = world().await;
    let job = anna.submit(&submit, "one").await.accepted();
    let message = world.message().await;
    let worker = world.program(Function::Generate).await;
    let strike = worker.proxy.once(is_transaction, deed);
    let ended = worker.invoke(&event(&message), LONG).await;
    assert_eq!(strike.count(), 1);
    assert_eq!(statuses(&worker.proxy.passages(is_transaction)), statuses_seen);
    world.verdict(&ended, &message).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!((world.orders(), world.held_and_charged(&anna).await), (1, (0, PRICE)));
    // Another visit finds what was written, and moves nothing.
    worker.invoke(&event(&message), LONG).await.answer();
    assert_eq!((world.orders(), world.held_and_charged(&anna).await), (1, (0, PRICE)));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_whose_answer_is_lost_or_that_arrives_twice_moves_money_once() {
    tokio::join!(
        settles(Deed::lose(), &[200, 200]),
        settles(Deed::hush(), &[200, 200]),
        settles(Deed::double(), &[200, 200]),
        settles(Deed::double_as_new(), &[200, 400]),
    );
}

/// Nothing is heard of any attempt to settle: the visit ends, and the next finds the job settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_of_which_nothing_is_heard_is_found_by_the_next_visit() {
    let (world, anna, submit) = world().await;
    let job = anna.submit(&submit, "one").await.accepted();
    let message = world.message().await;
    let worker = world.program(Function::Generate).await;
    let strike = worker.proxy.always(is_transaction, Deed::hush());
    let ended = worker.invoke(&event(&message), LONG).await;
    assert!(strike.count() > 1);
    world.verdict(&ended, &message).await;
    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!((world.orders(), world.held_and_charged(&anna).await), (1, (0, PRICE)));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_that_lands_after_another_worker_has_settled_is_refused() {
    let (world, anna, submit) = world().await;
    let job = anna.submit(&submit, "one").await.accepted();
    let message = world.message().await;
    let (late, gate) = (world.program(Function::Generate).await, Gate::shut());
    let strike = late.proxy.always(is_transaction, Deed::late(&gate));
    let ended = late.invoke(&event(&message), ORDERING).await;
    let sent = strike.count();
    assert!(sent > 0);
    world.verdict(&ended, &message).await;
    world.run(&anna, &[job]).await;
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);

    gate.open();
    let landed = eventually("all of them have landed", async || {
        let passages = late.proxy.passages(is_transaction);
        (statuses(&passages).len() == sent).then_some(passages)
    });
    for passage in landed.await {
        // There is a resolution already, and the fence is an older one.
        assert_eq!(reasons(&passage.answers[0])[..2], ["ConditionalCheckFailed"; 2]);
    }
    assert_eq!(world.is_settled(&anna, &job).await, Status::Succeeded);
    assert_eq!((world.orders(), world.held_and_charged(&anna).await), (1, (0, PRICE)));
    world.finish().await;
}
