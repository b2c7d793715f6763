//! The queue: what it brings back, what it gives up, and what the sweep does when it was silent.

use aws_sdk_sqs::types::QueueAttributeName as Name;
use serde_json::json;

use crate::world::{World, eventually};

impl World {
    async fn set(&self, name: Name, value: &str) {
        let sqs = self.aws().sqs();
        let set = sqs.set_queue_attributes().queue_url(self.name("JobsQueue"));
        set.attributes(name, value).send().await.unwrap();
    }

    async fn waiting(&self, queue: &str) -> Vec<String> {
        let sqs = self.aws().sqs();
        let received = sqs.receive_message().queue_url(self.name(queue)).max_number_of_messages(10);
        let received = received.visibility_timeout(0).send().await.unwrap();
        received.messages.unwrap_or_default().into_iter().filter_map(|found| found.body).collect()
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_in_the_dead_letter_queue_and_its_neighbours_are_served()
{
    let world = World::find();
    let anna = world.user("anna-queue", "1").await;
    // So that five deliveries take seconds.
    world.set(Name::VisibilityTimeout, "1").await;
    let sqs = world.aws().sqs();
    let body = format!("not JSON, from {}", anna.user);
    sqs.send_message().queue_url(world.name("JobsQueue")).message_body(&body).send().await.unwrap();
    let job = anna.accepted(&json!({ "model": "recraft-v3", "prompt": "a cat" })).await;
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    eventually("the message is given up", async || {
        world.waiting("JobsDeadLetterQueue").await.contains(&body).then_some(())
    })
    .await;
    world.set(Name::VisibilityTimeout, "720").await;
    world.finish(&[&anna]).await;
}

#[tokio::test]
async fn a_job_of_which_nobody_was_told_is_rung_for_by_the_schedule() {
    let world = World::find();
    let anna = world.user("anna-silent", "1").await;
    let job = world.accept_in_silence(&anna).await;
    assert_eq!(anna.job(&job).await.job_status(), "pending");
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    world.finish(&[&anna]).await;
}
