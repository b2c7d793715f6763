//! The pockets of a balance: read together, moved between, closed to new orders.
//!
//! What goes from one pocket to another is in neither for whoever reads the one too early and the other too late.
//! The sides of the balance tell: they add up, unless that has happened.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    ids::UserId,
    ledger::Balance,
    money::MicroUsd,
    pocket::{Move, Pocket, Pockets},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    claim::{text, values},
    conditions::Condition,
    error::{StoreError, sort},
    item::{VERSION, known, read_key},
    keys,
    tx::{Effort, Item, Tx, TxError, Write},
};

/// How often pockets are read until they add up. Money is moved between them once in many jobs.
const READS: u32 = 5;
/// How often an account is closed, or opened, until all its pockets are. A pocket is filled by others that
/// were open then: the second time there is none.
const ROUNDS: u32 = 8;

/// The row of a pocket of the balance. Only the first has `credited_micros`, `queue_cap` and `running_cap` that are
/// not zero.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BalanceItem {
    #[serde(deserialize_with = "known")]
    pub(crate) v: u32,
    pub(crate) available_micros: MicroUsd,
    pub(crate) held_micros: MicroUsd,
    pub(crate) charged_micros: MicroUsd,
    pub(crate) credited_micros: MicroUsd,
    pub(crate) open_jobs: u32,
    pub(crate) free_slots: u32,
    pub(crate) queue_cap: u32,
    pub(crate) free_turns: u32,
    pub(crate) waiting_jobs: u32,
    pub(crate) running_cap: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suspended_at_ms: Option<Timestamp>,
    pub(crate) balance_version: u64,
}

impl BalanceItem {
    /// A pocket with this much money, so many free slots, and so many free turns.
    pub(crate) const fn new(available_micros: MicroUsd, free_slots: u32, free_turns: u32) -> Self {
        Self {
            v: VERSION,
            available_micros,
            held_micros: MicroUsd::ZERO,
            charged_micros: MicroUsd::ZERO,
            credited_micros: MicroUsd::ZERO,
            open_jobs: 0,
            free_slots,
            queue_cap: 0,
            free_turns,
            waiting_jobs: 0,
            running_cap: 0,
            suspended_at_ms: None,
            balance_version: 0,
        }
    }
}

impl From<BalanceItem> for Balance {
    fn from(row: BalanceItem) -> Self {
        Self {
            available: row.available_micros,
            held: row.held_micros,
            charged: row.charged_micros,
            credited: row.credited_micros,
            open_jobs: row.open_jobs,
            free_slots: row.free_slots,
            queue_cap: row.queue_cap,
            free_turns: row.free_turns,
            waiting_jobs: row.waiting_jobs,
            running_cap: row.running_cap,
            suspended_at: row.suspended_at_ms,
            version: row.balance_version,
        }
    }
}

/// The writes of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    From,
    To,
}

/// The writes of a suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Each;

impl Store {
    /// The pockets of a user's balance. `None` if there is no such account.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pockets(&self, user: &UserId) -> Result<Option<Pockets>, StoreError> {
        for _ in 1..READS {
            let read = self.pockets_once(user).await?;
            if read.as_ref().is_none_or(|pockets| pockets.total().is_whole()) {
                return Ok(read);
            }
        }
        // They never add up, which is for the audit to say.
        self.pockets_once(user).await
    }

    async fn pockets_once(&self, user: &UserId) -> Result<Option<Pockets>, StoreError> {
        let mut pockets = Vec::new();
        for item in self.pocket_rows(user).await? {
            let (_, sk) = read_key(&item)?;
            let pocket = keys::pocket_in(&sk);
            let pocket = pocket.ok_or_else(|| StoreError::Unreadable("no pocket".into()))?;
            let balance: BalanceItem = serde_dynamo::from_item::<Item, _>(item)?;
            pockets.push((pocket, Balance::from(balance)));
        }
        Ok(Pockets::new(pockets))
    }

    /// The rows of the pockets.
    pub(crate) async fn pocket_rows(&self, user: &UserId) -> Result<Vec<Item>, StoreError> {
        let query = self.client.query().table_name(&self.tables.ledger);
        let query = query.key_condition_expression("pk = :user AND begins_with(sk, :balance)");
        let query = query.set_expression_attribute_values(values([
            (":user", text(user.as_str())),
            (":balance", text(keys::BALANCE)),
        ]));
        let found = query.consistent_read(true).send().await.map_err(sort)?;
        Ok(found.items.unwrap_or_default())
    }

    /// The first pocket: it knows what was credited in all.
    pub(crate) async fn first_pocket(&self, user: &UserId) -> Result<Option<Balance>, StoreError> {
        let key = keys::balance(user, Pocket::FIRST);
        let found = self.get(&self.tables.ledger, key).await?;
        let row = found.map(serde_dynamo::from_item::<Item, BalanceItem>).transpose()?;
        Ok(row.map(Balance::from))
    }

    /// Moves money, slots and turns between two pockets, in one attempt. `false` if they are not there any more, if
    /// others were in the way, or if it is not known: the pockets tell when they are read again.
    pub(crate) async fn move_between(
        &self,
        user: &UserId,
        what: &Move,
        effort: &Effort,
    ) -> Result<bool, StoreError> {
        match self.move_tx(user, what).attempt(&self.client, effort).await {
            Ok(()) => Ok(true),
            Err(
                TxError::Refused { .. } | TxError::Store(StoreError::Busy | StoreError::Unknown(_)),
            ) => Ok(false),
            Err(TxError::Store(error)) => Err(error),
        }
    }

    fn move_tx(&self, user: &UserId, what: &Move) -> Tx<Step> {
        let Move { from, to, is_new, amount, slots, turns } = *what;
        let give = Write::update(
            keys::balance(user, from),
            "SET available_micros = available_micros - :amount, free_slots = free_slots - :slots, \
             free_turns = free_turns - :turns, balance_version = balance_version + :one",
            Condition::MoveFrom,
        )
        .with(":amount", amount)
        .with(":slots", slots)
        .with(":turns", turns)
        .with(":one", 1);
        let key = keys::balance(user, to);
        let take = if is_new {
            Write::put(key, &BalanceItem::new(amount, slots, turns), Condition::MoveToNew)
        } else {
            Write::update(
                key,
                "SET available_micros = available_micros + :amount, free_slots = free_slots + :slots, \
                 free_turns = free_turns + :turns, balance_version = balance_version + :one",
                Condition::MoveTo,
            )
            .with(":amount", amount)
            .with(":slots", slots)
            .with(":turns", turns)
            .with(":one", 1)
        };
        let table = &self.tables.ledger;
        Tx::new().step(Step::From, table, give).step(Step::To, table, take)
    }

    /// Accepts no more orders of an account, from `now` on. What is accepted goes on. `false` if there is no
    /// such account.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unknown`] it may be suspended, and asking again does no harm.
    pub async fn suspend(&self, user: &UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.set_suspended(user, Some(now)).await
    }

    /// Accepts orders of an account again. `false` if there is no such account.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unknown`] it may be open, and asking again does no harm.
    pub async fn resume(&self, user: &UserId) -> Result<bool, StoreError> {
        self.set_suspended(user, None).await
    }

    async fn set_suspended(
        &self,
        user: &UserId,
        since: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        for _ in 0..ROUNDS {
            let Some(pockets) = self.pockets_once(user).await? else { return Ok(false) };
            let wanted = |balance: &Balance| balance.suspended_at.is_some() == since.is_some();
            let others = pockets.iter().filter(|(_, balance)| !wanted(balance));
            let others: Vec<Pocket> = others.map(|(pocket, _)| pocket).collect();
            if others.is_empty() {
                return Ok(true);
            }
            let tx = others.into_iter().fold(Tx::new(), |tx, pocket| {
                let key = keys::balance(user, pocket);
                tx.step(Each, &self.tables.ledger, suspension(key, since))
            });
            match tx.commit(&self.client, 0).await {
                Ok(()) | Err(TxError::Refused { .. }) => {}
                Err(TxError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Busy)
    }
}

fn suspension(key: keys::Key, since: Option<Timestamp>) -> Write {
    let write = match since {
        Some(now) => Write::update(
            key,
            "SET suspended_at_ms = :now, balance_version = balance_version + :one",
            Condition::Suspend,
        )
        .with(":now", now),
        None => Write::update(
            key,
            "SET balance_version = balance_version + :one REMOVE suspended_at_ms",
            Condition::Suspend,
        ),
    };
    write.with(":one", 1)
}

/// Where a user is suspended, from the row that refused an order.
pub(crate) fn is_suspended(found: &Item) -> bool {
    found.get("suspended_at_ms").is_some_and(AttributeValue::is_n)
}

#[cfg(test)]
mod tests;
