//! Randomness, from the operating system unless a test gives another source.

use std::{fmt, sync::Arc};

/// The source of randomness failed.
#[derive(Debug, thiserror::Error)]
#[error("there is no randomness")]
pub struct EntropyError(#[source] getrandom::Error);

type Fill = dyn Fn(&mut [u8]) -> Result<(), EntropyError> + Send + Sync;

/// Makes random bytes, fit for keys.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

impl Entropy {
    /// The operating system's source.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|bytes| getrandom::fill(bytes).map_err(EntropyError))
    }

    /// A source that asks `fill`.
    #[must_use]
    pub fn new(
        fill: impl Fn(&mut [u8]) -> Result<(), EntropyError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(fill))
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// If the source fails, which the operating system's does not once it has started.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
