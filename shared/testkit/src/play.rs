//! Players: the whole published behaviour of an upstream, so that an adapter which keeps to it gets
//! pictures, and one which does not is refused as it would be in earnest.
//!
//! Requests are checked strictly: an unknown field, a wrong type, a value outside an enum. Whatever
//! is found stands in [`Upstream::violations`] too, in words, however the adapter takes the refusal.
//!
//! Result pictures stand at `/results/{id}/{i}.{ext}` and have the shape that was asked for, with no
//! side longer than 128 pixels.

mod bfl;
mod fal;
mod ideogram;
mod recraft;

pub use bfl::bfl;
pub use fal::{MODELS as FAL_MODELS, fal};
pub use ideogram::ideogram;
pub use recraft::recraft;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};

use crate::{
    gallery::{Frame, Gallery},
    picture,
    schema::Violation,
    upstream::{Seen, Upstream},
};

/// How an upstream behaves.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The key that requests must carry.
    pub key: String,
    /// How often a task is pending before it is ready. Of no meaning to those that answer at once.
    pub polls_before_ready: usize,
    /// Whether the result pictures carry metadata, with [`picture::MARK`] in it.
    pub metadata: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { key: "test-key".to_owned(), polls_before_ready: 1, metadata: false }
    }
}

/// What the closures of a player share.
#[derive(Clone, Debug)]
struct Stage {
    plan: Plan,
    base: String,
    gallery: Arc<Gallery>,
    violations: Arc<Mutex<Vec<String>>>,
    tasks: Arc<Mutex<HashMap<String, Task>>>,
}

/// An order that was taken.
#[derive(Clone, Debug)]
struct Task {
    /// What was asked for.
    input: Map<String, Value>,
    /// What of it is wrong, where that is told with the result only.
    wrong: Vec<Violation>,
    /// How often it was asked about.
    polls: usize,
    /// Whether it was cancelled.
    cancelled: bool,
    /// The path it was sent to.
    path: String,
}

impl Stage {
    fn new(upstream: &Upstream, plan: Plan) -> Self {
        Self {
            plan,
            base: upstream.url().to_owned(),
            gallery: Arc::clone(&upstream.state.gallery),
            violations: Arc::clone(&upstream.state.violations),
            tasks: Arc::default(),
        }
    }

    /// Whether a header has this value.
    fn knows(&self, seen: &Seen, header: &str, value: &str) -> bool {
        let known = seen.header(header) == Some(value);
        if !known {
            self.object(seen, &format!("no header {header} with the key"));
        }
        known
    }

    /// Writes down what is wrong with a request.
    fn object(&self, seen: &Seen, what: &str) {
        let line = format!("{} {}: {what}", seen.method, seen.path);
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Writes all of it down.
    fn object_to_all(&self, seen: &Seen, wrong: &[Violation]) {
        for violation in wrong {
            self.object(seen, &violation.line());
        }
    }

    /// Makes the pictures of a result: the size that they have.
    fn hang(&self, id: &str, (width, height): (u32, u32)) -> (u32, u32) {
        let size = picture::small(width, height);
        self.gallery.hang(id, Frame { size, metadata: self.plan.metadata });
        size
    }

    /// Where a picture of a result is.
    fn picture(&self, id: &str, index: u64, extension: &str) -> String {
        format!("{}/results/{id}/{index}.{extension}", self.base)
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an order.
    fn take(&self, id: &str, seen: &Seen, input: Map<String, Value>, wrong: Vec<Violation>) {
        let path = seen.path.clone();
        self.tasks().insert(id.to_owned(), Task { input, wrong, polls: 0, cancelled: false, path });
    }

    /// A task, after it has been asked about once more.
    fn polled(&self, id: &str) -> Option<Task> {
        let mut tasks = self.tasks();
        let task = tasks.get_mut(id)?;
        task.polls = task.polls.saturating_add(1);
        Some(task.clone())
    }
}

/// A text of an input, if it is there.
fn text<'a>(input: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

/// A number of an input, or what it is by default.
fn number(input: &Map<String, Value>, name: &str, default: u64) -> u64 {
    input.get(name).and_then(Value::as_u64).unwrap_or(default)
}
