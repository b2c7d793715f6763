//! The operator's commands: accounts, keys, money.

use std::process::ExitCode;

use anstream::println;
use anyhow::{Context, bail};
use domain::{
    api_key::ApiKey,
    ids::{CreditId, UserId},
    money::MicroUsd,
    scope::Scopes,
};
use runtime::{Clock, Entropy};
use store::{Credited, Grant, KeyState};

use crate::{
    args::{BalanceArgs, CreditArgs, KeyCommand, UserCommand},
    connection,
    moment::{Age, date_time},
    rotate::rotate,
    style::{BAD, FAINT, GOOD, STRONG},
};

/// `user create`, `user suspend`, `user resume`
pub(crate) async fn user(command: UserCommand) -> anyhow::Result<ExitCode> {
    let (store, _) = connection::store().await?;
    let now = Clock::system().now();
    match command {
        UserCommand::Create { user } => {
            let user = match user {
                Some(user) => user,
                None => UserId::new(now, &Entropy::system().bytes()?),
            };
            if !store.open_account(&user).await? {
                bail!("there is an account {user} already");
            }
            println!("{user}");
        }
        UserCommand::Suspend { user } => {
            if !store.suspend(&user, now).await? {
                bail!(no_account(&user));
            }
            println!("{user} is suspended: what is accepted goes on, and nothing new is");
        }
        UserCommand::Resume { user } => {
            if !store.resume(&user).await? {
                bail!(no_account(&user));
            }
            println!("{user} may order again");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `key create`, `key list`, `key rotate`, `key revoke`
pub(crate) async fn key(command: KeyCommand) -> anyhow::Result<ExitCode> {
    let (store, environment) = connection::store().await?;
    let now = Clock::system().now();
    match command {
        KeyCommand::Create { user, scopes, expires_in } => {
            store.balance(&user).await?.with_context(|| no_account(&user))?;
            let key = ApiKey::mint(environment, &Entropy::system().bytes()?);
            let scopes =
                if scopes.is_empty() { Scopes::all() } else { scopes.into_iter().collect() };
            let grant = Grant { scopes, expires_at: expires_in.map(|Age(after)| now.plus(after)) };
            if !store.add_key(&user, &key, &grant, now).await? {
                bail!("a key of that id is there already; try again");
            }
            println!("{}", key.reveal());
        }
        KeyCommand::List { user } => {
            for row in store.keys_of(&user).await? {
                let state = match row.state {
                    KeyState::Active if row.is_active(now) => format!("{GOOD}active{GOOD:#}"),
                    KeyState::Active => format!("{FAINT}expired{FAINT:#}"),
                    KeyState::Revoked(_) => format!("{FAINT}revoked{FAINT:#}"),
                };
                println!("{}  {state}{}", row.id, granted(&row.grant));
            }
        }
        KeyCommand::Rotate { user, grace } => {
            rotate(&store, environment, &user, (grace, now)).await?;
        }
        KeyCommand::Revoke { key_id } => {
            if !store.revoke_key(&key_id, now).await? {
                bail!("there is no key {key_id}");
            }
            println!("{key_id} is revoked; the API may take it for another minute");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `credit`
pub(crate) async fn credit(args: CreditArgs) -> anyhow::Result<ExitCode> {
    let (store, _) = connection::store().await?;
    if args.amount == MicroUsd::ZERO {
        bail!("there is nothing to add");
    }
    let now = Clock::system().now();
    let id = CreditId::new(now, &Entropy::system().bytes()?);
    let reference = args.reference.unwrap_or_else(|| format!("cli-{id}"));
    let credited = store.credit(&args.user, (id, args.amount), &reference, now).await;
    let failed = || {
        let again = format!("--reference {reference}");
        format!("{} was not credited, or it is unknown; run it again with {again}", args.user)
    };
    match credited.with_context(failed)? {
        Credited::Now => println!("added {STRONG}${}{STRONG:#} as {reference}", args.amount),
        Credited::Before => println!("{reference} was credited before; nothing was added"),
    }
    balance(BalanceArgs { user: args.user }).await
}

/// `balance`
pub(crate) async fn balance(args: BalanceArgs) -> anyhow::Result<ExitCode> {
    let (store, _) = connection::store().await?;
    let found = store.balance(&args.user).await?;
    let balance = found.with_context(|| no_account(&args.user))?;
    let row = |label: &str, amount: MicroUsd| {
        println!("{FAINT}{label:<10}{FAINT:#} ${amount}");
    };
    row("available", balance.available);
    row("held", balance.held);
    row("charged", balance.charged);
    row("credited", balance.credited);
    if balance.suspended_at.is_some() {
        println!("{BAD}suspended{BAD:#}");
    }
    Ok(ExitCode::SUCCESS)
}

/// `env`
pub(crate) async fn env() -> anyhow::Result<ExitCode> {
    let (url, _) = connection::url();
    let stack = connection::ask(&url).await?;
    let stack = stack.with_context(|| format!("no stack of this machine answers at {url}"))?;
    println!("export HOLDFAST_URL={url}");
    if let Some(demo) = stack.demo {
        println!("export HOLDFAST_API_KEY={}", demo.api_key);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is less than everything, for ever.
fn granted(grant: &Grant) -> String {
    let scopes = if grant.scopes.is_all() { String::new() } else { format!("  {}", grant.scopes) };
    let until = grant.expires_at.map(|at| format!("  until {}", date_time(at)));
    scopes + &until.unwrap_or_default()
}

fn no_account(user: &UserId) -> String {
    format!("there is no account {user}; `holdfast user create {user}` opens it")
}
