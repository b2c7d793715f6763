//! The tables. The only crate that names an attribute or writes a DynamoDB expression.
//!
//! One file for each thing that is done: [`accept`](Store::accept) (T1), [`claim`](Store::claim) and
//! what a worker notes while it has a job, [`finish`](Store::finish) (T2 and T3), [`credit`](Store::credit)
//! (T4), [`reverse`](Store::reverse) (T5), the [`pockets`](Store::pockets) of a balance, the reads, the index of due rows, API keys, and
//! [`books`](Store::books) for the audit.
//!
//! The rules are not repeated here, they are guarded: what may not happen is a condition of a
//! write. Every write to the ledger is inside a transaction.

mod accept;
mod api_keys;
mod audit;
mod books;
mod claim;
mod conditions;
mod credit;
mod deliveries;
mod due;
mod endpoints;
mod error;
mod events;
mod extract;
mod facts;
mod finish;
mod item;
mod keys;
mod lookup;
mod open;
mod pockets;
mod receivers;
mod record;
mod reverse;
#[cfg(test)]
mod script;
mod turn;
mod tx;

use aws_sdk_dynamodb::Client;

pub use accept::{AcceptError, Acceptance, Accepted, KeyClaim};
pub use api_keys::{AddKeyError, Grant, KeyRow, KeyState};
pub use audit::{AuditBounds, AuditReport};
pub use books::{BooksError, UsersFrom, read_books};
pub use claim::{Claimed, Fenced, Lease};
pub use conditions::Condition;
pub use credit::{CreditError, Credited};
pub use deliveries::{
    Attempt, Begun, Delivery, DeliveryStatus, DueDeliveries, DueDelivery, NewDelivery,
};
pub use due::{DueEvent, DuePage, DueRow, Position, SHARDS};
pub use endpoints::{OLD_SECRET, RegisterError, Registered};
pub use error::StoreError;
pub use events::Event;
pub use extract::{Extract, ExtractFrom};
pub use finish::{FinishError, Finished, Guard};
pub use lookup::{BadCursor, Cursor, List, Page};
pub use open::{OpenJob, OpenJobs};
pub use receivers::{Closed, Endpoint};
pub use record::{Attempts, EventRow, JobRecord, JobRow};
pub use reverse::{Charge, ReverseError, Reversed};

/// The names of the four tables.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Jobs, idempotency keys and events.
    pub jobs: String,
    /// Balances and entries.
    pub ledger: String,
    /// API keys.
    pub keys: String,
    /// Receivers of webhooks, and what is delivered to them.
    pub webhooks: String,
}

/// The tables, and a client to reach them. A function names only the tables that it uses.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
}

impl Store {
    /// The tables behind a client.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }
}
