//! What a process is given besides its variables: the time, randomness, and a way to AWS.
//!
//! In Lambda these are the machine's own. Whoever runs a function elsewhere, under a clock that is put
//! forward or on services that fail when they are told to, gives it others.

use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::{Clock, Entropy, metrics::Sink};

/// Where a function runs.
#[derive(Clone, Debug)]
pub struct Host {
    /// Tells the time.
    pub clock: Clock,
    /// Makes random bytes.
    pub entropy: Entropy,
    /// Carries requests to AWS; `None` is TLS over the network.
    pub http: Option<SharedHttpClient>,
    /// Takes what is counted; `None` is standard output in Lambda, and nowhere on one machine.
    pub counts: Option<Sink>,
}

impl Host {
    /// This machine.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Clock::system(), entropy: Entropy::system(), http: None, counts: None }
    }

    /// The same host, by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same host, where what is counted goes elsewhere.
    #[must_use]
    pub fn with_counts(self, counts: Option<Sink>) -> Self {
        Self { counts, ..self }
    }
}
