//! T4: money that comes in, once for each payment reference; and the account that it comes to.

use domain::{
    ids::{CreditId, UserId},
    ledger::Balance,
    money::MicroUsd,
    pocket::Pocket,
    tier::Tier,
    time::Timestamp,
};

use crate::{
    Store,
    conditions::Condition,
    error::StoreError,
    item::{EntryItem, VERSION, known},
    keys,
    pockets::BalanceItem,
    tx::{Tx, TxError, Write},
};

/// The longest payment reference, in characters.
const REFERENCE_CHARS_MAX: usize = 128;
/// How often a credit that met other writers on the balance is put together anew.
const ATTEMPTS: u32 = 20;

/// What became of a credit. Both are success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credited {
    /// It is in the books now.
    Now,
    /// This reference was credited before, and nothing was added.
    Before,
}

/// Why nothing was credited.
#[derive(Debug, thiserror::Error)]
pub enum CreditError {
    /// The reference is empty, too long, or has control characters.
    #[error("a reference has 1 to 128 characters and no control characters")]
    BadReference,
    /// There is no such user.
    #[error("there is no such account")]
    NoAccount,
    /// The reference was credited before with another amount.
    #[error("this reference was credited before with another amount")]
    OtherAmount,
    /// The account would be above a billion dollars.
    #[error("the account would be above the bound of an amount")]
    TooMuch,
    /// The table's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The writes, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Reference,
    Entry,
    Balance,
}

/// The row of a used reference.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct ReferenceItem {
    #[serde(deserialize_with = "known")]
    pub(crate) v: u32,
    pub(crate) reference: String,
    pub(crate) amount_micros: MicroUsd,
    pub(crate) created_at_ms: Timestamp,
}

impl Store {
    /// Opens an account, empty. `false` if it was open before.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn open_account(&self, user: &UserId) -> Result<bool, StoreError> {
        let Tier { queue_cap, running_cap, .. } = Tier::of(MicroUsd::ZERO);
        let empty = BalanceItem::new(MicroUsd::ZERO, queue_cap, running_cap);
        let row = BalanceItem { queue_cap, running_cap, ..empty };
        let first = keys::balance(user, Pocket::FIRST);
        let write = Write::put(first, &row, Condition::OpenAccount);
        let tx = Tx::new().step(Step::Balance, &self.tables.ledger, write);
        match tx.commit(&self.client, 0).await {
            Ok(()) => Ok(true),
            Err(TxError::Refused { .. }) => Ok(false),
            Err(TxError::Store(error)) => Err(error),
        }
    }

    /// Adds money that came in under a reference, once.
    ///
    /// # Errors
    /// [`CreditError`]; after [`StoreError::Unknown`] it may be in the books, and asking again
    /// under the same reference tells.
    pub async fn credit(
        &self,
        user: &UserId,
        (id, amount): (CreditId, MicroUsd),
        reference: &str,
        now: Timestamp,
    ) -> Result<Credited, CreditError> {
        let length = reference.chars().take(REFERENCE_CHARS_MAX.saturating_add(1)).count();
        let plain = !reference.chars().any(char::is_control);
        if !(1..=REFERENCE_CHARS_MAX).contains(&length) || !plain {
            return Err(CreditError::BadReference);
        }
        for attempt in 0..ATTEMPTS {
            let seen = self.first_pocket(user).await?.ok_or(CreditError::NoAccount)?;
            let tx = self.credit_tx(user, (id, amount), reference, now, &seen)?;
            match tx.commit(&self.client, u64::from(attempt)).await {
                Ok(()) => return Ok(Credited::Now),
                Err(TxError::Store(error)) => return Err(error.into()),
                Err(TxError::Refused { step: Step::Reference, found: Some(found), .. }) => {
                    let row: ReferenceItem =
                        serde_dynamo::from_item(found).map_err(StoreError::from)?;
                    let same = row.amount_micros == amount;
                    return if same { Ok(Credited::Before) } else { Err(CreditError::OtherAmount) };
                }
                // The tier was worked out from a balance that has changed since: look again.
                Err(TxError::Refused { .. }) => {}
            }
        }
        Err(StoreError::Busy.into())
    }

    fn credit_tx(
        &self,
        user: &UserId,
        (id, amount): (CreditId, MicroUsd),
        reference: &str,
        now: Timestamp,
        seen: &Balance,
    ) -> Result<Tx<Step>, CreditError> {
        let credited = seen.credited.checked_add(amount).ok_or(CreditError::TooMuch)?;
        let row = ReferenceItem {
            v: VERSION,
            reference: reference.to_owned(),
            amount_micros: amount,
            created_at_ms: now,
        };
        let entry = EntryItem::Credit {
            v: VERSION,
            created_at_ms: now,
            amount_micros: amount,
            reference: reference.to_owned(),
        };
        // Slots and turns that were given once stay, also if the ladder should change.
        let tier = Tier::of(credited);
        let slots = tier.queue_cap.saturating_sub(seen.queue_cap);
        let turns = tier.running_cap.saturating_sub(seen.running_cap);
        let balance = Write::update(
            keys::balance(user, Pocket::FIRST),
            "SET available_micros = available_micros + :amount, credited_micros = :credited, \
             queue_cap = queue_cap + :slots, free_slots = free_slots + :slots, \
             running_cap = running_cap + :turns, free_turns = free_turns + :turns, \
             balance_version = balance_version + :one",
            Condition::CreditBalance,
        )
        .with(":amount", amount)
        .with(":credited", credited)
        .with(":slots", slots)
        .with(":turns", turns)
        .with(":seen", seen.credited)
        .with(":one", 1);
        let table = &self.tables.ledger;
        let reference = keys::reference(user, reference);
        let reference = Write::put(reference, &row, Condition::CreditReference);
        let entry = Write::put(keys::credit(user, &id), &entry, Condition::CreditEntry);
        Ok(Tx::new().step(Step::Reference, table, reference).step(Step::Entry, table, entry).step(
            Step::Balance,
            table,
            balance,
        ))
    }
}
