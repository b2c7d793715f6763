//! The queue of jobs to look at, and the one of messages that were given up.

use std::time::Duration;

use anyhow::{Context, bail};
use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName as Told, QueueAttributeName},
};
use domain::time::Timestamp;
use runtime::queue::{Bell, Queue};
use serde::Serialize;

/// How long messages that are looked at are hidden, so that none is met twice: a run of the largest size is
/// over by then.
const HIDDEN_SECONDS: i32 = 120;
/// How many messages SQS gives at once.
const AT_ONCE: usize = 10;
/// How long SQS looks for messages: a short look may miss some.
const LOOK_SECONDS: i32 = 1;

/// How many messages a queue has, as far as it knows: SQS counts approximately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Depth {
    /// They may be received.
    pub(crate) waiting: u64,
    /// Somebody is at them.
    pub(crate) in_flight: u64,
    /// Their time has not come.
    pub(crate) delayed: u64,
}

/// The queues of a stack, as far as they were named.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    pub(crate) client: Client,
    pub(crate) jobs: Option<String>,
    pub(crate) dead_letters: Option<String>,
    /// Whether each user is a message group.
    pub(crate) is_fair: bool,
}

/// A message that was given up, taken out for a while.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    receipt: String,
    pub(crate) body: String,
    /// When it was first sent: a message keeps its age when it is given up.
    pub(crate) sent_at: Option<Timestamp>,
}

impl Letter {
    fn read(message: Message) -> Option<Self> {
        let sent_at = message.attributes().and_then(|told| told.get(&Told::SentTimestamp));
        let sent_at = sent_at.and_then(|millis| millis.parse().ok()).map(Timestamp::from_millis);
        Some(Self { receipt: message.receipt_handle?, body: message.body?, sent_at })
    }
}

impl Queues {
    /// The depth of the queue of jobs to look at; `None` if nobody named it.
    pub(crate) async fn jobs_depth(&self) -> anyhow::Result<Option<Depth>> {
        self.depth(self.jobs.as_deref()).await
    }

    /// The depth of the queue of messages that were given up; `None` if nobody named it.
    pub(crate) async fn dead_letters_depth(&self) -> anyhow::Result<Option<Depth>> {
        self.depth(self.dead_letters.as_deref()).await
    }

    async fn depth(&self, url: Option<&str>) -> anyhow::Result<Option<Depth>> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let Some(url) = url else { return Ok(None) };
        let ask = self.client.get_queue_attributes().queue_url(url);
        let ask = ask.attribute_names(Waiting).attribute_names(InFlight).attribute_names(Delayed);
        let told = ask.send().await.with_context(|| format!("the queue {url} cannot be asked"))?;
        let told = told.attributes.unwrap_or_default();
        let count = |name: &QueueAttributeName| -> anyhow::Result<u64> {
            let count = told.get(name).with_context(|| format!("{url} does not tell {name}"))?;
            count.parse().with_context(|| format!("{url} tells {name}: {count}"))
        };
        let (waiting, in_flight, delayed) = (count(&Waiting)?, count(&InFlight)?, count(&Delayed)?);
        Ok(Some(Depth { waiting, in_flight, delayed }))
    }

    /// Takes out at most `limit` messages that were given up. They come back by themselves after a while, or
    /// when they are [put back](Self::put_back).
    pub(crate) async fn take(&self, limit: usize) -> anyhow::Result<Vec<Letter>> {
        let url = self.dead_letters()?;
        let mut taken = Vec::new();
        while taken.len() < limit {
            let wanted = limit.saturating_sub(taken.len()).min(AT_ONCE);
            let receive = self.client.receive_message().queue_url(url);
            let receive = receive.message_system_attribute_names(Told::SentTimestamp);
            let receive =
                receive.visibility_timeout(HIDDEN_SECONDS).wait_time_seconds(LOOK_SECONDS);
            let receive = receive.max_number_of_messages(i32::try_from(wanted).unwrap_or(1)).send();
            let messages = receive.await.with_context(|| format!("{url} gives nothing"))?.messages;
            let messages = messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            taken.extend(messages.into_iter().filter_map(Letter::read));
        }
        Ok(taken)
    }

    /// Puts back what was taken out. What cannot be is back by itself in two minutes.
    pub(crate) async fn put_back(&self, letter: &Letter) -> anyhow::Result<()> {
        let url = self.dead_letters()?;
        let show = self.client.change_message_visibility().queue_url(url);
        show.receipt_handle(&letter.receipt).visibility_timeout(0).send().await?;
        Ok(())
    }

    /// Forgets a message that was given up.
    pub(crate) async fn drop(&self, letter: &Letter) -> anyhow::Result<()> {
        let url = self.dead_letters()?;
        let delete = self.client.delete_message().queue_url(url);
        delete.receipt_handle(&letter.receipt).send().await?;
        Ok(())
    }

    /// Rings for a job.
    pub(crate) async fn ring(&self, bell: &Bell) -> anyhow::Result<()> {
        let url = self.jobs.clone().context("which queue? set QUEUE_URL")?;
        let queue = Queue::at(self.client.clone(), url, self.is_fair);
        Ok(queue.ring(bell, Duration::ZERO).await?)
    }

    fn dead_letters(&self) -> anyhow::Result<&str> {
        let Some(url) = &self.dead_letters else {
            bail!("which queue? set DEAD_LETTER_QUEUE_URL");
        };
        Ok(url)
    }
}
