//! Whether an attempt went without an answer.
//!
//! The SDK tries again by itself, and hands over only what the last attempt was told. That an earlier one was
//! not answered matters all the same: it may be done yet, after a later one was refused.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::FinalizerInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Watches the attempts of one or several calls.
#[derive(Clone, Default)]
pub(crate) struct Unheard(Arc<AtomicBool>);

impl Unheard {
    /// Whether one of them was not answered, or answered with an error that does not say what was done.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unheard({})", self.any())
    }
}

impl Intercept for Unheard {
    fn name(&self) -> &'static str {
        "Unheard"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let decided = context.response().is_some_and(|answer| !answer.status().is_server_error());
        if !decided {
            self.0.store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}
