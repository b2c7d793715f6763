//! The queue: it loses, doubles and reorders what it is given, hides what was received, and gives up on
//! what was received too often.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    select,
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{chance::Chance, trace::Trace};

/// How long a message that was received is hidden: as the template says.
const VISIBILITY: Duration = Duration::from_mins(12);
/// How often a message is received before it is given up.
const RECEIVES_MAX: u32 = 5;

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) body: String,
    visible_at: Instant,
    receives: u32,
}

/// The queue, and the one for what was given up.
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    chance: Chance,
    messages: BTreeMap<u64, Message>,
    dead: Vec<Message>,
    next: u64,
    ever_dead: u64,
}

impl Queue {
    pub(crate) fn new(chance: Chance) -> Self {
        let state =
            State { chance, messages: BTreeMap::new(), dead: Vec::new(), next: 0, ever_dead: 0 };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Takes a message, or so many times in a thousand loses or doubles it.
    pub(crate) fn send(&self, body: &str, delay: Duration, faults: u32, trace: &Trace) {
        let mut state = self.state();
        let copies: u32 = match (state.chance.permille(faults), state.chance.permille(500)) {
            (true, true) => 0,
            (true, false) => 2,
            (false, _) => 1,
        };
        if copies != 1 {
            trace.say(|| format!("the queue delivers a message {copies} times"));
        }
        for _ in 0..copies {
            let visible_at = Instant::now().checked_add(delay).unwrap_or_else(Instant::now);
            let id = state.next;
            state.next = id.saturating_add(1);
            let message = Message { id, body: body.to_owned(), visible_at, receives: 0 };
            state.messages.insert(id, message);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for messages, and hides them.
    pub(crate) async fn receive(&self, limit: usize) -> Vec<Message> {
        loop {
            let next = {
                let mut state = self.state();
                let batch = state.take(limit);
                if !batch.is_empty() {
                    return batch;
                }
                state.messages.values().map(|message| message.visible_at).min()
            };
            match next {
                Some(next) => select! {
                    biased;
                    () = self.changed.notified() => {}
                    () = sleep_until(next) => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    /// These are done with.
    pub(crate) fn delete(&self, ids: impl IntoIterator<Item = u64>) {
        let mut state = self.state();
        for id in ids {
            state.messages.remove(&id);
        }
    }

    /// These come back soon.
    pub(crate) fn give_back(&self, ids: impl IntoIterator<Item = u64>) {
        let mut state = self.state();
        let pause = state.chance.millis(1_000..=60_000);
        for id in ids {
            if let Some(message) = state.messages.get_mut(&id) {
                message.visible_at = Instant::now().checked_add(pause).unwrap_or_else(Instant::now);
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// How many messages were ever given up.
    pub(crate) fn given_up(&self) -> u64 {
        self.state().ever_dead
    }

    /// Puts everything that was given up back, twice.
    pub(crate) fn redrive(&self) {
        let mut state = self.state();
        let dead = std::mem::take(&mut state.dead);
        for message in dead.iter().chain(&dead) {
            let id = state.next;
            state.next = id.saturating_add(1);
            let again = Message { id, visible_at: Instant::now(), receives: 0, ..message.clone() };
            state.messages.insert(id, again);
        }
        drop(state);
        self.changed.notify_one();
    }
}

impl State {
    fn take(&mut self, limit: usize) -> Vec<Message> {
        let now = Instant::now();
        let mut visible: Vec<u64> = self
            .messages
            .values()
            .filter(|message| message.visible_at <= now)
            .map(|message| message.id)
            .collect();
        let mut batch = Vec::new();
        while batch.len() < limit && !visible.is_empty() {
            let id = visible.swap_remove(self.chance.index(visible.len()));
            let Some(message) = self.messages.get_mut(&id) else { continue };
            message.receives = message.receives.saturating_add(1);
            message.visible_at = now.checked_add(VISIBILITY).unwrap_or(now);
            let message = message.clone();
            if message.receives > RECEIVES_MAX {
                self.messages.remove(&id);
                self.ever_dead = self.ever_dead.saturating_add(1);
                self.dead.push(message);
            } else {
                batch.push(message);
            }
        }
        batch
    }
}
