//! `key rotate`: a key takes another's place, and nobody is locked out in between.
//!
//! Both are good at the same time, so that whoever calls the API can change over. Then the old one is revoked, or
//! it has ended by itself.

use anstream::{eprintln, println};
use anyhow::{Context, bail};
use domain::{api_key::Environment, ids::UserId, time::Timestamp};
use serde_json::{Value, json};
use store::{Grant, KeyRow, Store};

use crate::{
    key::{made_as_json, make},
    moment::{Age, date_time},
};

/// Makes a key that may do what the active one may, and lets that one end if a grace is given.
pub(crate) async fn rotate(
    store: &Store,
    environment: Environment,
    user: &UserId,
    (grace, now, as_json): (Option<Age>, Timestamp, bool),
) -> anyhow::Result<()> {
    let keys = store.keys_of(user).await?;
    let active: Vec<&KeyRow> = keys.iter().filter(|row| row.is_active(now)).collect();
    let old = match active[..] {
        [old] => old,
        [] => bail!("{user} has no active key; `holdfast key create {user}` makes one"),
        [new, old, ..] => bail!(
            "{user} has two active keys: {} is the newer; `holdfast key revoke {}` ends the other",
            new.id,
            old.id
        ),
    };
    let grant = Grant { scopes: old.grant.scopes.clone(), expires_at: lifetime(old, now) };
    let key = make(store, environment, (user, &grant), now).await?;
    let ends = grace.map(|Age(grace)| now.plus(grace));
    // The new key is shown before the old one is touched: whatever happens then, nobody is left with neither.
    if as_json {
        let mut told = made_as_json(user, &key, &grant, now);
        let expires_at = ends.into_iter().chain(old.grant.expires_at).min();
        let replaced = json!({ "key_id": old.id, "expires_at": expires_at.map(date_time) });
        told.insert("replaces".to_owned(), replaced);
        println!("{:#}", Value::Object(told));
    } else {
        println!("{}", key.reveal());
    }
    let Some(ends) = ends else {
        eprintln!("{} goes on until `holdfast key revoke {}`", old.id, old.id);
        return Ok(());
    };
    let is_shorter = store.end_key(&old.id, ends).await;
    let unsure = || format!("{} goes on: end it with `holdfast key revoke {}`", old.id, old.id);
    if is_shorter.with_context(unsure)? {
        eprintln!("{} opens nothing any more from {}", old.id, date_time(ends));
    } else {
        eprintln!("{} ends before that anyway", old.id);
    }
    Ok(())
}

/// Until when the new key is good: for as long as the old one was.
fn lifetime(old: &KeyRow, now: Timestamp) -> Option<Timestamp> {
    old.grant.expires_at.map(|ends| now.plus(ends.since(old.created_at)))
}
