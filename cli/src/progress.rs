//! Progress on standard error: something that moves on a terminal, plain lines in a pipe.

use std::{io::IsTerminal, time::Duration};

use anstream::eprintln;
use indicatif::{ProgressBar, ProgressStyle};

/// How often the picture moves.
const TICK: Duration = Duration::from_millis(90);

/// What is going on.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    last: String,
}

impl Progress {
    /// Says each new thing on a line of its own where there is no terminal.
    pub(crate) fn new() -> Self {
        Self { bar: bar(), lines: true, last: String::new() }
    }

    /// Says nothing where there is no terminal.
    pub(crate) fn quiet_in_a_pipe() -> Self {
        Self { lines: false, ..Self::new() }
    }

    /// Says what is going on, if that is new.
    pub(crate) fn say(&mut self, text: &str) {
        if self.last == text {
            return;
        }
        text.clone_into(&mut self.last);
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None if self.lines => eprintln!("{text}"),
            None => {}
        }
    }

    /// Clears the line.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    Some(bar)
}
