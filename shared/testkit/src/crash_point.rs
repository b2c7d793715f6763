//! Where a process may die. What happens inside of one is seen at its border only, so each point is told by
//! what has passed there: a request that arrived, one that was carried out and never answered.
//!
//! Production code has no hooks for this. Whoever plays the world around a process, over HTTP or in a
//! simulation, stops it when the traffic has come to the point.

use std::fmt;

/// Which function dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The one that accepts orders.
    Submit,
    /// The worker.
    Generate,
    /// The sweep.
    Sweep,
}

/// A point at which a function dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`what` says it, to readers and in what tests print")]
pub enum CrashPoint {
    Ap1,
    Ap2,
    Ap3,
    Ap4,
    Ap5,
    Cp1,
    Cp2,
    Cp3,
    Cp4,
    Cp5,
    Cp6,
    Cp7,
    Cp8,
    Cp9,
    Cp10,
    Cp11,
    Cp12,
    Sp1,
    Sp2,
    Sp3,
    Sp4,
}

impl CrashPoint {
    /// All of them, function by function, in the order in which they are passed.
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

    /// Those of one function.
    pub fn of(role: Role) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |point| point.role() == role)
    }

    /// Its short name.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// What has passed when it is reached, and what has not.
    pub const fn what(self) -> &'static str {
        self.row().1
    }

    /// Which function dies there.
    pub const fn role(self) -> Role {
        match self {
            Self::Ap1 | Self::Ap2 | Self::Ap3 | Self::Ap4 | Self::Ap5 => Role::Submit,
            Self::Cp1
            | Self::Cp2
            | Self::Cp3
            | Self::Cp4
            | Self::Cp5
            | Self::Cp6
            | Self::Cp7
            | Self::Cp8
            | Self::Cp9
            | Self::Cp10
            | Self::Cp11
            | Self::Cp12 => Role::Generate,
            Self::Sp1 | Self::Sp2 | Self::Sp3 | Self::Sp4 => Role::Sweep,
        }
    }

    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Ap1 => ("AP1", "the acceptance (T1) is sent and does not arrive"),
            Self::Ap2 => ("AP2", "the acceptance is written, its answer lost"),
            Self::Ap3 => ("AP3", "the acceptance is known, the message does not arrive"),
            Self::Ap4 => ("AP4", "the message is in the queue, its answer lost"),
            Self::Ap5 => ("AP5", "the answer to the caller is given and lost"),
            Self::Cp1 => ("CP1", "the message is there, the claim does not arrive"),
            Self::Cp2 => ("CP2", "the claim, with the intent, is written, its answer lost"),
            Self::Cp3 => ("CP3", "the claim is known, the order does not arrive"),
            Self::Cp4 => ("CP4", "the upstream has the order, its answer is lost"),
            Self::Cp5 => ("CP5", "the task is known, the note of it does not arrive"),
            Self::Cp6 => ("CP6", "the task is noted, the answer to that lost"),
            Self::Cp7 => ("CP7", "the task is noted, the question how far it is does not arrive"),
            Self::Cp8 => ("CP8", "the picture is fetched and does not arrive where it is kept"),
            Self::Cp9 => ("CP9", "the picture is kept, the answer to that lost"),
            Self::Cp10 => ("CP10", "the settlement (T2) is sent and nothing heard of it"),
            Self::Cp11 => ("CP11", "the settlement is known, the answer for the batch lost"),
            Self::Cp12 => ("CP12", "the batch is answered"),
            Self::Sp1 => ("SP1", "the rows that are due are known, none of them is read"),
            Self::Sp2 => ("SP2", "the message is in the queue, its answer lost"),
            Self::Sp3 => ("SP3", "the refund (T3) is sent and nothing heard of it"),
            Self::Sp4 => ("SP4", "the refunds are known, the answer of the run is lost"),
        }
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_point_is_listed_once_under_a_name_of_its_own() {
        let names: BTreeSet<_> = CrashPoint::ALL.into_iter().map(CrashPoint::name).collect();
        assert_eq!(names.len(), CrashPoint::ALL.len());
        assert!(CrashPoint::ALL.is_sorted());
        let of = |role| CrashPoint::of(role).count();
        assert_eq!([of(Role::Submit), of(Role::Generate), of(Role::Sweep)], [5, 12, 4]);
    }
}
