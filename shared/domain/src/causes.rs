//! An error and everything behind it, as one text for the log. Our errors do not repeat their
//! sources, and a structured log shows only the outermost.

use std::error::Error;

/// The error and its causes, the outermost first.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| (*error).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the outermost")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("the cause")]
    struct Inner;

    #[test]
    fn every_cause_is_named() {
        assert_eq!(chain(&Outer(Inner)), "the outermost: the cause");
    }
}
