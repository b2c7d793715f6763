//! What is done with a request: whether and when it is handed on, and what its sender hears.

use std::time::Duration;

use tokio::sync::watch;

use super::fault::Fault;

/// What is done with a request.
#[derive(Clone, Debug)]
pub struct Deed {
    pub(super) delay: Duration,
    pub(super) forward: Forward,
    pub(super) answer: Answer,
}

#[derive(Clone, Debug)]
pub(super) enum Forward {
    Never,
    Once,
    /// A second time as well, once the first is answered.
    Twice,
    /// The same, and the second time as if it were the first.
    TwiceAsNew,
    /// When the gate opens, whatever has become of the sender.
    Late(Gate),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// What the service said last.
    Theirs,
    /// The connection is cut instead.
    Cut,
    /// Nothing, and the connection stays.
    Never,
    /// This.
    Ours(Fault),
}

impl Deed {
    fn new(forward: Forward, answer: Answer) -> Self {
        Self { delay: Duration::ZERO, forward, answer }
    }

    /// It passes.
    pub fn pass() -> Self {
        Self::new(Forward::Once, Answer::Theirs)
    }

    /// It never arrives; the connection is cut.
    pub fn drop() -> Self {
        Self::new(Forward::Never, Answer::Cut)
    }

    /// It is carried out; the connection is cut before its sender hears of it.
    pub fn lose() -> Self {
        Self::new(Forward::Once, Answer::Cut)
    }

    /// It never arrives, and nothing is heard.
    pub fn swallow() -> Self {
        Self::new(Forward::Never, Answer::Never)
    }

    /// It is carried out, and nothing is heard.
    pub fn hush() -> Self {
        Self::new(Forward::Once, Answer::Never)
    }

    /// It arrives twice. Its sender hears what was said to the second.
    pub fn double() -> Self {
        Self::new(Forward::Twice, Answer::Theirs)
    }

    /// It arrives twice, the second time without the token by which `DynamoDB` would know it again.
    pub fn double_as_new() -> Self {
        Self::new(Forward::TwiceAsNew, Answer::Theirs)
    }

    /// It arrives when the gate is opened; its sender hears nothing.
    pub fn late(gate: &Gate) -> Self {
        Self::new(Forward::Late(gate.clone()), Answer::Never)
    }

    /// It never arrives; this is answered.
    pub fn refuse(fault: Fault) -> Self {
        Self::new(Forward::Never, Answer::Ours(fault))
    }

    /// The same, after so long.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// Holds requests back until it is opened.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// One that is shut.
    pub fn shut() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets pass whatever waits, and whatever comes.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn opened(&self) {
        let mut gate = self.0.subscribe();
        // It is not gone, because `self` is not.
        drop(gate.wait_for(|open| *open).await);
    }
}
