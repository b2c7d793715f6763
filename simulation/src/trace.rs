//! What happened in a run, line by line, for whoever replays it.

use std::sync::{Arc, Mutex};

use crate::time::Time;

/// The lines, if anybody wants them.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    time: Time,
    lines: Option<Arc<Mutex<Vec<String>>>>,
}

impl Trace {
    pub(crate) fn new(time: Time, is_wanted: bool) -> Self {
        Self { time, lines: is_wanted.then(Arc::default) }
    }

    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let seconds = self.time.since_begin().as_secs_f64();
            lines.lock().unwrap().push(format!("{seconds:>9.3} {}", line()));
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.as_ref().map_or_else(Vec::new, |lines| lines.lock().unwrap().clone())
    }
}
