//! `key`: made, listed, put in another's place, revoked. What opens the API is shown once, where it is made.

use std::process::ExitCode;

use anstream::println;
use anyhow::{Context, bail};
use domain::{
    api_key::{ApiKey, Environment},
    ids::UserId,
    scope::{Scope, Scopes},
    time::Timestamp,
};
use runtime::{Clock, Entropy};
use serde_json::{Map, Value, json};
use store::{Grant, KeyRow, KeyState, Store};

use crate::{
    args::{KeyArgs, KeyCommand},
    connection,
    moment::{Age, date_time},
    operate::no_account,
    rotate::rotate,
    style::{FAINT, GOOD},
};

/// `key create`, `key list`, `key rotate`, `key revoke`
pub(crate) async fn key(args: KeyArgs) -> anyhow::Result<ExitCode> {
    let KeyArgs { command, json } = args;
    let (store, environment) = connection::store().await?;
    let now = Clock::system().now();
    match command {
        KeyCommand::Create { user, scopes, expires_in } => {
            store.balance(&user).await?.with_context(|| no_account(&user))?;
            let scopes =
                if scopes.is_empty() { Scopes::all() } else { scopes.into_iter().collect() };
            let grant = Grant { scopes, expires_at: expires_in.map(|Age(after)| now.plus(after)) };
            let key = make(&store, environment, (&user, &grant), now).await?;
            if json {
                println!("{:#}", Value::Object(made_as_json(&user, &key, &grant, now)));
            } else {
                println!("{}", key.reveal());
            }
        }
        KeyCommand::List { user } => {
            let keys = store.keys_of(&user).await?;
            if json {
                let keys: Vec<Value> = keys.iter().map(|row| row_as_json(row, now)).collect();
                println!("{:#}", json!({ "user_id": user, "keys": keys }));
            } else {
                for row in &keys {
                    print(row, now);
                }
            }
        }
        KeyCommand::Rotate { user, grace } => {
            rotate(&store, environment, &user, (grace, now, json)).await?;
        }
        KeyCommand::Revoke { key_id } => {
            if !store.revoke_key(&key_id, now).await? {
                bail!("there is no key {key_id}");
            }
            if json {
                println!("{:#}", json!({ "key_id": key_id, "status": REVOKED }));
            } else {
                println!("{key_id} is revoked; the API may take it for another minute");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a key that nobody has seen yet.
pub(crate) async fn make(
    store: &Store,
    environment: Environment,
    (user, grant): (&UserId, &Grant),
    now: Timestamp,
) -> anyhow::Result<ApiKey> {
    let key = ApiKey::mint(environment, &Entropy::system().bytes()?);
    if !store.add_key(user, &key, grant, now).await? {
        bail!("a key of that id is there already; try again");
    }
    Ok(key)
}

/// A key that was just made, with what opens the API: there is no other time to see it.
pub(crate) fn made_as_json(
    user: &UserId,
    key: &ApiKey,
    grant: &Grant,
    now: Timestamp,
) -> Map<String, Value> {
    let told = [
        ("user_id", json!(user)),
        ("key_id", json!(key.id())),
        ("api_key", json!(key.reveal())),
        ("status", json!(ACTIVE)),
        ("scopes", json!(words(&grant.scopes))),
        ("created_at", json!(date_time(now))),
        ("expires_at", json!(grant.expires_at.map(date_time))),
    ];
    told.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

const ACTIVE: &str = "active";
const EXPIRED: &str = "expired";
const REVOKED: &str = "revoked";

fn status(row: &KeyRow, now: Timestamp) -> &'static str {
    match row.state {
        KeyState::Active if row.is_active(now) => ACTIVE,
        KeyState::Active => EXPIRED,
        KeyState::Revoked(_) => REVOKED,
    }
}

fn print(row: &KeyRow, now: Timestamp) {
    let status = status(row, now);
    let style = if status == ACTIVE { GOOD } else { FAINT };
    println!("{}  {style}{status}{style:#}{}", row.id, granted(&row.grant));
}

fn row_as_json(row: &KeyRow, now: Timestamp) -> Value {
    let revoked_at = match row.state {
        KeyState::Active => None,
        KeyState::Revoked(at) => Some(at),
    };
    json!({
        "key_id": row.id,
        "status": status(row, now),
        "scopes": words(&row.grant.scopes),
        "created_at": date_time(row.created_at),
        "expires_at": row.grant.expires_at.map(date_time),
        "revoked_at": revoked_at.map(date_time),
    })
}

fn words(scopes: &Scopes) -> Vec<&'static str> {
    let among = Scope::ALL.into_iter().filter(|scope| scopes.contains(*scope));
    among.map(Scope::as_str).collect()
}

/// What is less than everything, for ever.
fn granted(grant: &Grant) -> String {
    let scopes = if grant.scopes.is_all() { String::new() } else { format!("  {}", grant.scopes) };
    let until = grant.expires_at.map(|at| format!("  until {}", date_time(at)));
    scopes + &until.unwrap_or_default()
}
