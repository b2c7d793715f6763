//! The protocol of claiming, settling, expiring and canceling, searched exhaustively within small
//! bounds.
//!
//! # What is checked
//!
//! The state is the rows of the tables, the queue, what the upstream has, and where each process
//! stands. A step is one call to a table or to the upstream, the passing of time, or a fault; any
//! process may stop, die or be overtaken between two steps. From the first moment, every order of all
//! possible steps is followed, and [`rules`] are asked of every moment that can come of it.
//!
//! # Why it does not drift from the code
//!
//! No guard is written down here a second time. Each write evaluates the store's own
//! [`Condition`](store::Condition), the very text that DynamoDB is sent; which of them guards an ending
//! is asked of [`Guard::condition`](store::Guard::condition), what a worker or a sweep does next of
//! `domain::schedule`, what an ending costs of `domain::hold`. Where the code looks at a row and spares
//! itself a write that would be refused, the model writes, so that the condition alone must hold. Drop
//! a clause of a condition, and the search shows the steps that lead to the damage: the tests in
//! `tests/search/teeth.rs` drop them one by one, and name the few that another guard doubles.
//!
//! # Bounds
//!
//! One account with too little money for two jobs unless one of them is cheap; two workers; a caller who
//! sends one request twice; an owner who cancels; an upstream that takes orders, does not, or takes
//! them and does not say so, and finishes at any time, whole, in part or not at all. A fault is any of:
//! a process dies (and its message comes back), is paused past its lease, or does not ring; a message is
//! lost or doubled; a write is applied, its answer is lost and it is sent again; a sweep cannot read a row; the upstream does not
//! answer, is busy, or loses the order or its answer. The clock of the sweep is ahead by as much as the
//! grace allows. Messages are in no order. The four searches, with roughly how many moments they see:
//!
//! | search | jobs | workers | sweeps | faults | moments |
//! |---|---|---|---|---|---|
//! | [`Bounds::one_job`] | 1 | 2 | 2 | any 1 | 1.0 million |
//! | [`Bounds::two_faults`] | 1 | 2 | 1 | any 2 | 1.6 million |
//! | [`Bounds::two_jobs`] | 2, and a replay | 2 | 1 | any 1 | 6.5 million |
//! | [`Bounds::keys`] | 3 requests under one key | 0 | 1 | 0 | 2 thousand |
//!
//! Moments that differ only in which of two processes is which are one. That every job ends is not left
//! to the horizon: from each moment, with the faults over, the sweep alone must end every job, and so
//! must everybody together, whether the upstream ever finishes or not.
//! The searches and the tests of their teeth take about half a minute on two slow cores.
//!
//! # What it cannot show
//!
//! - Anything beyond the bounds: a third fault, a third job.
//! - That the code does what the model does. What a write *changes*, and which values it gives for its
//!   placeholders, is written down here again; so are the steps of a visit. The tests of the store
//!   and of the functions look at those.
//! - The table's own promises: a transaction is one step here, and a condition is judged on the row as
//!   it is. Conflicts and throttling, which write nothing, are left out.
//! - An index that is behind: its row is read again, and what that may add is a bell too many.
//! - Credits (T4), and rows that the table has forgotten.
//! - Pictures: they are kept or not. Nothing is ever fetched.

mod books;
mod bounds;
mod choice;
mod conditions;
mod drive;
mod each;
mod expression;
mod protocol;
mod rows;
pub mod rules;
mod state;
mod steps;
mod sweep;
mod worker;
mod writes;

use stateright::{CheckerBuilder, Model};

pub use bounds::{Bounds, Request, Timing};
pub use choice::Choice;
pub use conditions::{Conditions, OF_TELLING};
pub use drive::Company;
pub use each::{Each, Side, Two, Which};
pub use expression::{
    Attribute, BadExpression, Comparison, Expression, Given, Operand, Row, Value,
};
pub use protocol::{BadModel, Protocol};
pub use rows::{BalanceRow, Dispatch, JobRow, KeyRow, ResolutionRow, Tick};
pub use state::{Bells, Cancel, End, Order, Seen, Stage, State, Sweep, Told, Worker};
pub use steps::{Action, Heard};

/// Threads of a search.
const THREADS: usize = 2;

/// A search of everything within the bounds.
pub fn everything(protocol: Protocol) -> CheckerBuilder<Protocol> {
    protocol.checker().threads(THREADS).symmetry_fn(State::representative)
}
