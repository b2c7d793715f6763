//! What an audit found: so many violations in full, and how many more there are.

use crate::ids::UserId;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant does not hold.
    pub invariant: &'static str,
    /// Whose books.
    pub user: UserId,
    /// What is wrong, with the figures.
    pub what: String,
}

/// What is wrong with one user's books.
#[derive(Clone, Debug)]
pub struct Findings {
    user: UserId,
    keep: usize,
    /// The first of them.
    pub violations: Vec<Violation>,
    /// How many more there are.
    pub more: u64,
}

impl Findings {
    /// Nothing yet. No more than `keep` violations are kept, the others are counted.
    pub(super) fn new(user: UserId, keep: usize) -> Self {
        Self { user, keep, violations: Vec::new(), more: 0 }
    }

    /// Whose books.
    pub(super) fn user(&self) -> &UserId {
        &self.user
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.more == 0
    }

    pub(super) fn violation(&mut self, invariant: &'static str, what: String) {
        if self.violations.len() < self.keep {
            self.violations.push(Violation { invariant, user: self.user.clone(), what });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(super) fn expect(
        &mut self,
        invariant: &'static str,
        holds: bool,
        what: impl FnOnce() -> String,
    ) {
        if !holds {
            self.violation(invariant, what());
        }
    }
}
