//! The queue, and what Lambda does with its messages.

use aws_sdk_sqs::types::Message;
use serde_json::{Value, json};

use super::{LONG, World, eventually};
use crate::program::{Ended, Program};

impl World {
    /// The messages that can be had now.
    pub(crate) async fn messages(&self) -> Vec<Message> {
        let receive = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
        receive.send().await.unwrap().messages.unwrap_or_default()
    }

    /// The message that rings for the only job.
    pub(crate) async fn message(&self) -> Message {
        let received = eventually("there is a message", async || {
            let received = self.messages().await;
            (!received.is_empty()).then_some(received)
        });
        let [message] = received.await.try_into().unwrap();
        message
    }

    /// Whoever had the message is gone: its visibility ends.
    pub(crate) async fn give_back(&self, message: &Message) {
        let handle = message.receipt_handle().unwrap();
        let changed = self.sqs.change_message_visibility().queue_url(&self.queue);
        changed.receipt_handle(handle).visibility_timeout(0).send().await.unwrap();
    }

    /// The answer to the message was taken: it is gone.
    pub(crate) async fn is_answered(&self, message: &Message) {
        let handle = message.receipt_handle().unwrap();
        let deleted = self.sqs.delete_message().queue_url(&self.queue).receipt_handle(handle);
        deleted.send().await.unwrap();
    }

    /// Hands a message to a worker, as Lambda does; one that does not come to its end gets it back.
    pub(crate) async fn hand_over(&self, worker: &Program, message: &Message) {
        let ended = worker.invoke(&event(message), LONG).await;
        self.verdict(&ended, message).await;
    }

    /// What becomes of a message after an invocation.
    pub(crate) async fn verdict(&self, ended: &Ended, message: &Message) {
        match ended {
            Ended::Answered(answer) if answer["batchItemFailures"] == json!([]) => {
                self.is_answered(message).await;
            }
            Ended::Answered(_) | Ended::Failed(_) | Ended::Killed => self.give_back(message).await,
        }
    }
}

/// A message as Lambda hands it over.
pub(crate) fn event(message: &Message) -> Value {
    json!({ "Records": [{
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {},
        "md5OfBody": message.md5_of_body(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs",
        "awsRegion": "us-east-1",
    }] })
}
