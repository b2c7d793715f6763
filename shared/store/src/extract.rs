//! The ledger as it is written, for whoever takes it elsewhere: a user at a time, in order, a page at a time.

use domain::{ids::UserId, ledger::Entry};

use crate::{
    Store,
    books::UsersFrom,
    claim::{text, values},
    error::{StoreError, sort},
    item::read_entry,
    keys,
    tx::Item,
};

/// How many entries are read at once: a few hundred kilobytes.
const PAGE: u16 = 1_000;

/// A part of a user's entries, the oldest job or credit first.
#[derive(Clone, Debug)]
pub struct Extract {
    /// The entries; of one job its hold before its resolution.
    pub entries: Vec<Entry>,
    /// Where the next part begins, if there is one.
    pub next: Option<ExtractFrom>,
}

/// A place among the entries of a user.
#[derive(Clone, Debug)]
pub struct ExtractFrom(Item);

impl Store {
    /// A page of the entries of a user.
    ///
    /// # Errors
    /// [`StoreError`]; an entry that cannot be read is one.
    pub async fn extract(
        &self,
        user: &UserId,
        from: Option<ExtractFrom>,
    ) -> Result<Extract, StoreError> {
        let query = self.client.query().table_name(&self.tables.ledger).consistent_read(true);
        let query = query.key_condition_expression("pk = :user AND begins_with(sk, :entry)");
        let query = query.set_expression_attribute_values(values([
            (":user", text(user.as_str())),
            (":entry", text(keys::ENTRY)),
        ]));
        let query = query.limit(PAGE.into());
        let query = query.set_exclusive_start_key(from.map(|ExtractFrom(key)| key));
        let output = query.send().await.map_err(sort)?;
        let entries = output.items.unwrap_or_default().into_iter().map(read_entry);
        let next = output.last_evaluated_key.map(ExtractFrom);
        Ok(Extract { entries: entries.collect::<Result<_, _>>()?, next })
    }

    /// The users that a page of the ledger belongs to, perhaps more than once, and where the next page
    /// begins.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ledger_users(
        &self,
        from: Option<UsersFrom>,
    ) -> Result<(Vec<UserId>, Option<UsersFrom>), StoreError> {
        let (users, next) = self.users(from, PAGE).await?;
        Ok((users, next.filter(|next| !next.is_in_jobs())))
    }
}
