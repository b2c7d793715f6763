//! What tests put around the code that they test: upstreams that play what a script says, and a proxy that
//! does to requests what networks do.
//!
//! - [`Upstream`] is an HTTP server on loopback that answers from a script and writes down what it
//!   was asked. A [`Reply`] can be late, cut, truncated, endless or missing altogether.
//! - [`fixture`] holds answers as the upstreams publish them, each with the page that shows it.
//! - [`play`] registers the whole published behaviour of an upstream: keys, schemas, polling and
//!   pictures. What the real one would refuse is refused here too.
//! - [`picture`] makes small real pictures, with and without metadata.
//! - [`proxy`] loses, doubles, delays and refuses requests, to the tables too.
//! - [`Counts`] reads what functions count.
//! - [`CrashPoint`] lists where a process may die.
//!
//! ```
//! use testkit::{Plan, Reply, Upstream, play};
//!
//! let upstream = Upstream::start();
//! play::bfl(&upstream, Plan::default());
//! // Once refused for want of room; from then on it plays along.
//! upstream.first("POST", "/v1/flux-pro-1.1-ultra", Reply::fixture("bfl/429"));
//! ```
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this serves tests only, which may stop at the first surprise"
)]

mod counts;
mod crash_point;
mod eventually;
pub mod fixture;
mod gallery;
pub mod picture;
pub mod play;
pub mod proxy;
mod reply;
mod schema;
mod server;
mod upstream;
mod wire;

pub use counts::Counts;
pub use crash_point::{CrashPoint, Role};
pub use eventually::eventually;
pub use play::Plan;
pub use reply::{Reply, Script};
pub use upstream::{Seen, Upstream};

#[cfg(test)]
mod tests;
