//! What a function needs of the world: its configuration and secrets, the time, randomness, AWS
//! clients, the queue, the object store, and a place to log and to count. Nothing here knows a rule of
//! the product.

pub mod aws;
pub mod bus;
pub mod clock;
pub mod entropy;
pub mod environment;
pub mod host;
pub mod images;
pub mod metrics;
pub mod notices;
pub mod queue;
pub mod secrets;
pub mod sink;
pub mod telemetry;
pub mod trace;

pub use clock::Clock;
pub use entropy::Entropy;
pub use environment::Environment;
pub use host::Host;
pub use metrics::{By, Metric, Metrics};
pub use trace::Trace;
