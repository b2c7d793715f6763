//! A client for Holdfast, an image-generation API that never charges twice.
//!
//! An order has its idempotency key and its bytes before it is sent for the first time, and each attempt sends
//! the same ones, so however often it is sent, it is one job and one charge. What became of it is told by type:
//! accepted ([`Placed`]), refused ([`SubmitError::Refused`]), or not known ([`SubmitError::Unknown`]), with
//! which the same order can be sent again.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use holdfast_client::{Client, Order, SubmitError, Waited};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("https://api.example.com", "hf_live_…")?;
//! let order = Order::new("flux-1.1-ultra", "a cinematic hourglass").n(2).prepare()?;
//! let placed = match client.submit(&order).await {
//!     Ok(placed) => placed,
//!     Err(SubmitError::Refused(why)) => return Err(why.into()),
//!     // It may have been accepted: the same order, sent again later, finds out.
//!     Err(SubmitError::Unknown(_)) => client.submit(&order).await?,
//! };
//! match client.wait(placed.job, Duration::from_secs(300)).await? {
//!     Waited::Ended(job) => {
//!         for image in job.output.iter().flat_map(|output| &output.images) {
//!             std::fs::write("picture.png", client.download(image, 64 << 20).await?)?;
//!         }
//!     }
//!     // It goes on without us and may be charged; ask again with `client.job(&job.id)`.
//!     Waited::Unfinished(job) => println!("{} is {}", job.id, job.status),
//! }
//! # Ok(())
//! # }
//! ```

mod attempts;
mod client;
mod download;
mod error;
mod job;
mod money;
mod order;
mod pages;
mod wait;
pub mod webhook;

pub use attempts::Retries;
pub use client::{Client, SetupError, http_client};
pub use download::DownloadError;
pub use error::{ApiError, Error, SubmitError};
pub use job::{Image, Job, JobError, Output, Status};
pub use money::{Balance, Changes, Limits, Quote, Transaction, Usd};
pub use order::{Order, Placed, PrepareError, Prepared};
pub use pages::{Page, Pages};
pub use wait::{Cancellation, Waited};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadMe;
