//! The whole stack on one machine, from `template.yaml`: no Docker, no Java, no account.
//!
//! [`template`] reads the file that is deployed; everything else here is what AWS would make of it.
//!
//! ```text
//!            HTTP                                      HTTP, real SDK
//!   caller ───────► gateway ─► invoke ─► handlers ───────────────────► stand-ins
//!                      │          ▲  ▲                                  │  DynamoDB
//!                 authorizer ─────┘  ├── event_source ◄─────────────────┤  SQS
//!                                    └── schedule                       │  S3
//!                                            provision ────────────────►┘
//! ```
//!
//! Each function reaches the stand-ins through a guard that knows its role (`rights`): what the template does not
//! let it do is refused here as it is in the cloud.
//!
//! The handlers are those of the functions' crates, and what they get and give is JSON that goes
//! through `lambda_http` and `aws_lambda_events`, as in Lambda.

mod event_source;
mod gateway;
mod invoke;
mod options;
mod provision;
mod rights;
mod schedule;
mod stack;
pub mod template;
#[cfg(test)]
mod testing;

pub use options::{Options, TemplateSource, UpstreamVariables};
pub use stack::Stack;
pub use template::Constraints;
