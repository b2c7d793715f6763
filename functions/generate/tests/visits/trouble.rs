//! Our own tables or bucket fail in the middle of a visit, when the pictures are there.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::job::{Dispatch, Job, Status, Task};
use tokio::join;

use crate::{
    script::{Gate, Say, Tell},
    world::{HOLD, World, bell, message},
};

/// A visit to a job that is taken and done, with something that happens just before it is told so. Which
/// messages come back.
async fn visit(world: &World, then: impl AsyncFnOnce(&Job)) -> (Job, Vec<String>) {
    let gate = Arc::new(Gate::default());
    let done = Tell::After(Arc::clone(&gate), Box::new(Tell::Done(2)));
    let job = world.job([Say::Accepted("task")], [done, Tell::Done(2)]).await;
    let happens = async {
        gate.reached.notified().await;
        then(&job).await;
        gate.open.notify_one();
    };
    let batch = world.batch(vec![message("one", &bell(&job))]);
    let (returned, ()) = join!(batch, happens);
    (job, returned)
}

/// Sets what the balance says is held.
async fn set_held(world: &World, micros: u64) {
    let (client, ledger) = (world.aws().dynamodb(), world.table("LedgerTable"));
    let write = client
        .update_item()
        .table_name(ledger)
        .key("pk", AttributeValue::S("demo".to_owned()))
        .key("sk", AttributeValue::S("balance".to_owned()))
        .update_expression("SET held_micros = :held")
        .expression_attribute_values(":held", AttributeValue::N(micros.to_string()));
    write.send().await.unwrap();
}

#[tokio::test]
async fn a_job_that_could_not_be_settled_is_put_down_and_settled_at_the_next_visit() {
    let world = World::start().await;
    let (job, returned) = visit(&world, async |_| set_held(&world, 0).await).await;
    assert_eq!(returned, [""; 0]);
    let run = world.put_down(&job).await;
    assert_eq!(run.dispatch, Dispatch::Accepted(Task("task".to_owned())));
    set_held(&world, HOLD).await;
    world.visit(&job).await;
    world.ended(&job, Status::Succeeded, HOLD).await;
    world.asked(&job, 1, 2, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn pictures_that_could_not_be_kept_are_no_success() {
    let world = World::start().await;
    let (s3, bucket) = (world.s3(), world.bucket());
    // The bucket is a folder here: where a picture is, there is no room for others below it.
    let above = |job: &Job| {
        let key = runtime::images::key(&job.id, 0);
        key.rsplit_once('/').unwrap().0.to_owned()
    };
    let (job, returned) = visit(&world, async |job| {
        let put = s3.put_object().bucket(&bucket).key(above(job));
        put.body(b"in the way".to_vec().into()).send().await.unwrap();
    })
    .await;
    assert_eq!(returned, [""; 0]);
    world.put_down(&job).await;
    s3.delete_object().bucket(&bucket).key(above(&job)).send().await.unwrap();
    world.visit(&job).await;
    let ended = world.ended(&job, Status::Succeeded, HOLD).await;
    for image in ended.state.images() {
        assert!(!world.kept(&image.key).await.is_empty());
    }
    world.asked(&job, 1, 2, 0);
    world.finish(HOLD, 0).await;
}

#[tokio::test]
async fn a_message_comes_back_whose_job_could_neither_be_ended_nor_put_down() {
    let world = World::start().await;
    let gone = async |_: &Job| {
        let client = world.aws().dynamodb();
        client.delete_table().table_name(world.table("JobsTable")).send().await.unwrap();
    };
    let (_, returned) = visit(&world, gone).await;
    assert_eq!(returned, ["one"]);
    // Without its jobs there is nothing to audit but that nothing was charged.
    assert_eq!(world.balance(&"demo".parse().unwrap()).await, (0, HOLD));
    world.stop().await;
}
