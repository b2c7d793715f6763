//! The life of a hold: money set aside when a job is accepted, resolved once.
//!
//! ```text
//!          ┌── succeeded ────────────────▶ usage    the images delivered are paid, the rest is released
//!   hold ──┤
//!          └── failed, expired, canceled ▶ refund   all of it is released
//!
//!   usage ──── the operator refunds it ───▶ reversal   what was paid is given back
//! ```
//!
//! A hold never changes. Its [`Resolution`] is a second record, kept under a key that can be
//! written once, so "resolved twice" cannot even be stored. The [`Reversal`] of a usage is a third, in the same way.
//!
//! **Invariants** of every resolution, made here or read back:
//!
//! - `charged + released == held`: no money appears and none vanishes;
//! - a refund charges nothing.

use serde::{Deserialize, Serialize};

use crate::{money::MicroUsd, order::Count, pocket::Pocket};

/// Money set aside for a job: the price of one image, so many times, in one pocket of the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    price: MicroUsd,
    n: Count,
    amount: MicroUsd,
    pocket: Pocket,
}

/// What became of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionKind {
    /// The user pays for what was delivered.
    Usage,
    /// The user pays nothing.
    Refund,
}

/// The figures of a resolution, as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// What became of the hold.
    pub kind: ResolutionKind,
    /// What had been set aside.
    pub held: MicroUsd,
    /// What the user pays.
    pub charged: MicroUsd,
    /// What is the user's own again.
    pub released: MicroUsd,
}

/// What was paid for a job and is given back: all of its charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversal(MicroUsd);

impl Reversal {
    /// How much.
    #[must_use]
    pub const fn amount(self) -> MicroUsd {
        self.0
    }
}

/// Figures that are known to add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Figures", into = "Figures")]
pub struct Resolution(Figures);

impl Hold {
    /// Sets aside the price of `n` images, which is the most that the job can cost, in the first pocket.
    /// `None` above [`MicroUsd::MAX`].
    #[must_use]
    pub fn new(price: MicroUsd, n: Count) -> Option<Self> {
        let amount = price.checked_mul(u32::from(n.get()))?;
        Some(Self { price, n, amount, pocket: Pocket::FIRST })
    }

    /// The same in another pocket.
    #[must_use]
    pub fn in_pocket(self, pocket: Pocket) -> Self {
        Self { pocket, ..self }
    }

    /// In which pocket it is.
    #[must_use]
    pub fn pocket(&self) -> Pocket {
        self.pocket
    }

    /// How much is set aside.
    #[must_use]
    pub fn amount(&self) -> MicroUsd {
        self.amount
    }

    /// The price of one image at the time of the order.
    #[must_use]
    pub fn price(&self) -> MicroUsd {
        self.price
    }

    /// Charges the images delivered, but never more than was ordered.
    #[must_use]
    pub fn settle(&self, delivered: Count) -> Resolution {
        let images = u32::from(delivered.min(self.n).get());
        let charged = self.price.checked_mul(images).map_or(self.amount, |c| c.min(self.amount));
        let released = self.amount.saturating_sub(charged);
        Resolution(Figures { kind: ResolutionKind::Usage, held: self.amount, charged, released })
    }

    /// Gives all of it back.
    #[must_use]
    pub fn refund(&self) -> Resolution {
        Resolution::refund(self.amount)
    }
}

impl Resolution {
    /// All of what was held is given back.
    #[must_use]
    pub fn refund(held: MicroUsd) -> Self {
        let kind = ResolutionKind::Refund;
        Self(Figures { kind, held, charged: MicroUsd::ZERO, released: held })
    }

    /// Gives back what was paid; `None` if nothing was.
    #[must_use]
    pub fn reverse(&self) -> Option<Reversal> {
        let paid = self.0.charged;
        (self.0.kind == ResolutionKind::Usage && paid > MicroUsd::ZERO).then_some(Reversal(paid))
    }

    /// The figures.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.0
    }
}

/// The figures do not add up, so they are nobody's resolution.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the figures do not add up: {0:?}")]
pub struct BadFigures(Figures);

impl TryFrom<Figures> for Resolution {
    type Error = BadFigures;

    fn try_from(figures: Figures) -> Result<Self, BadFigures> {
        let Figures { kind, held, charged, released } = figures;
        let conserved = charged.checked_add(released) == Some(held);
        let plausible = kind == ResolutionKind::Usage || charged == MicroUsd::ZERO;
        if conserved && plausible { Ok(Self(figures)) } else { Err(BadFigures(figures)) }
    }
}

impl From<Resolution> for Figures {
    fn from(resolution: Resolution) -> Self {
        resolution.0
    }
}

#[cfg(test)]
mod tests;
