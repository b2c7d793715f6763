//! SQS: the rustack engine, which keeps its queues in memory.

use std::sync::Arc;

use rustack_sqs_core::{config::SqsConfig, handler::RustackSqsHandler, provider::RustackSqs};
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};

use crate::{ACCOUNT_ID, REGION};

/// The queues, as a service for connections to this port, which is also part of every queue's URL.
pub(crate) fn service(port: u16) -> SqsHttpService<RustackSqsHandler> {
    let engine = RustackSqs::new(SqsConfig {
        skip_signature_validation: true,
        default_region: REGION.to_owned(),
        account_id: ACCOUNT_ID.to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
    });
    let handler = RustackSqsHandler::new(Arc::new(engine));
    SqsHttpService::new(Arc::new(handler), SqsHttpConfig::default())
}
