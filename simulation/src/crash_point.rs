//! The points at which a process may die, by name.
//!
//! What a process does is seen only at its border, so a crash is told by what it had sent and what it had
//! heard by then. Between two of these points a crash changes nothing that anyone could see.

/// A crash point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashPoint {
    /// submit: before the transaction is sent.
    Ap1,
    /// submit: the transaction is written, nobody heard.
    Ap2,
    /// submit: before the bell is rung.
    Ap3,
    /// submit: the bell is rung, nobody heard.
    Ap4,
    /// submit: before the answer.
    Ap5,
    /// generate: before the claim.
    Cp1,
    /// generate: claimed, nobody heard.
    Cp2,
    /// generate: the intent is written, nobody heard.
    Cp3,
    /// generate: the upstream took the order, nobody heard.
    Cp4,
    /// generate: the upstream's answer was read, the task is not noted.
    Cp5,
    /// generate: the task is noted, nobody heard.
    Cp6,
    /// generate: while it asks the upstream.
    Cp7,
    /// generate: the pictures are fetched, none is kept.
    Cp8,
    /// generate: a picture is kept, nobody heard.
    Cp9,
    /// generate: the settlement is sent; it may be written.
    Cp10,
    /// generate: the settlement is written and known to be.
    Cp11,
    /// generate: the batch is answered.
    Cp12,
    /// sweep: due rows are listed.
    Sp1,
    /// sweep: a bell is rung again.
    Sp2,
    /// sweep: the refund is sent; it may be written.
    Sp3,
    /// sweep: the refund is written and known to be.
    Sp4,
}

impl CrashPoint {
    /// All there are.
    pub const ALL: [Self; 21] = [
        Self::Ap1,
        Self::Ap2,
        Self::Ap3,
        Self::Ap4,
        Self::Ap5,
        Self::Cp1,
        Self::Cp2,
        Self::Cp3,
        Self::Cp4,
        Self::Cp5,
        Self::Cp6,
        Self::Cp7,
        Self::Cp8,
        Self::Cp9,
        Self::Cp10,
        Self::Cp11,
        Self::Cp12,
        Self::Sp1,
        Self::Sp2,
        Self::Sp3,
        Self::Sp4,
    ];
}
