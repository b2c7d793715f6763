//! The table of conditions that a search evaluates: the store's own texts, unless a test spoils one.

use std::sync::atomic::{AtomicU64, Ordering};

use store::Condition;

use crate::expression::{BadExpression, Expression, Given, Row};

/// Conditions of how it is told what became of jobs, and to whom: no job and no money depends on them.
pub const OF_TELLING: [Condition; 12] = [
    Condition::TendEvent,
    Condition::NoteTold,
    Condition::AddDelivery,
    Condition::BeginAttempt,
    Condition::EndAttempt,
    Condition::TendDelivery,
    Condition::Redeliver,
    Condition::RegisterEndpoint,
    Condition::OpenEndpoint,
    Condition::FirstSecret,
    Condition::RotateSecret,
    Condition::CloseEndpoint,
];

/// Each condition as it is evaluated, and whether it was ever met and ever refused.
#[derive(Debug)]
pub struct Conditions {
    table: Vec<(Condition, Expression)>,
    met: AtomicU64,
    refused: AtomicU64,
}

impl Conditions {
    /// The store's own, but for those [of telling](OF_TELLING).
    ///
    /// # Errors
    /// [`BadExpression`], if the store uses more of the language than is understood here.
    pub fn of_the_store() -> Result<Self, BadExpression> {
        let parse = |condition: &Condition| Ok((*condition, Expression::parse(condition.text())?));
        let all = Condition::ALL.iter().filter(|condition| !OF_TELLING.contains(condition));
        let table = all.map(parse).collect::<Result<_, _>>()?;
        Ok(Self { table, met: AtomicU64::new(0), refused: AtomicU64::new(0) })
    }

    /// The same, with `text` in the place of one of them: what would happen if somebody changed it.
    ///
    /// # Errors
    /// [`BadExpression`]
    pub fn with(mut self, condition: Condition, text: &str) -> Result<Self, BadExpression> {
        let changed = Expression::parse(text)?;
        for (_, expression) in self.table.iter_mut().filter(|(name, _)| *name == condition) {
            *expression = changed.clone();
        }
        Ok(self)
    }

    /// Whether a row satisfies a condition. `None` if the condition asks for more than is given.
    pub(crate) fn hold(
        &self,
        condition: Condition,
        row: &impl Row,
        given: Given<'_>,
    ) -> Option<bool> {
        let at = self.table.iter().position(|(name, _)| *name == condition)?;
        let (_, expression) = self.table.get(at)?;
        let held = expression.holds(row, given)?;
        let bit = bit(at);
        let seen = if held { &self.met } else { &self.refused };
        // Most are seen a million times: the bit is set once, so that threads do not fight for it.
        if seen.load(Ordering::Relaxed) & bit == 0 {
            seen.fetch_or(bit, Ordering::Relaxed);
        }
        Some(held)
    }

    /// The conditions that were met at least once, and those that were refused at least once.
    #[must_use]
    pub fn seen(&self) -> (Vec<Condition>, Vec<Condition>) {
        let list = |bits: &AtomicU64| {
            let bits = bits.load(Ordering::Relaxed);
            let names = self.table.iter().map(|(name, _)| *name).enumerate();
            names.filter(|(at, _)| bits & bit(*at) != 0).map(|(_, name)| name).collect()
        };
        (list(&self.met), list(&self.refused))
    }
}

fn bit(at: usize) -> u64 {
    u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or_default()
}
