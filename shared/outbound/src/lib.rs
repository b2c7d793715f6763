//! Requests to URLs that a caller gave us: the picture to change, and where webhooks go.
//!
//! [`guard`] says where such a URL may lead, [`trouble`] what went wrong on the way, without naming a
//! host.

pub mod guard;
pub mod trouble;

pub use guard::{Guard, Refused};
pub use trouble::Trouble;
