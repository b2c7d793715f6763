//! The operator's commands: accounts and money.

use std::process::ExitCode;

use anstream::println;
use anyhow::{Context, bail};
use domain::{
    ids::{CreditId, UserId},
    ledger::Balance,
    money::MicroUsd,
};
use runtime::{Clock, Entropy};
use serde_json::{Map, Value, json};
use store::Credited;

use crate::{
    args::{BalanceArgs, CreditArgs, UserArgs, UserCommand},
    connection,
    moment::date_time,
    style::{BAD, FAINT, STRONG},
};

/// `user create`, `user suspend`, `user resume`
pub(crate) async fn user(args: UserArgs) -> anyhow::Result<ExitCode> {
    let UserArgs { command, json } = args;
    let (store, _) = connection::store().await?;
    let now = Clock::system().now();
    let (user, is_suspended, text) = match command {
        UserCommand::Create { user } => {
            let user = match user {
                Some(user) => user,
                None => UserId::new(now, &Entropy::system().bytes()?),
            };
            if !store.open_account(&user).await? {
                bail!("there is an account {user} already");
            }
            let text = user.to_string();
            (user, false, text)
        }
        UserCommand::Suspend { user } => {
            if !store.suspend(&user, now).await? {
                bail!(no_account(&user));
            }
            let text = format!("{user} is suspended: what is accepted goes on, and nothing new is");
            (user, true, text)
        }
        UserCommand::Resume { user } => {
            if !store.resume(&user).await? {
                bail!(no_account(&user));
            }
            let text = format!("{user} may order again");
            (user, false, text)
        }
    };
    if json {
        println!("{:#}", json!({ "user_id": user, "is_suspended": is_suspended }));
    } else {
        println!("{text}");
    }
    Ok(ExitCode::SUCCESS)
}

/// `credit`
pub(crate) async fn credit(args: CreditArgs) -> anyhow::Result<ExitCode> {
    let CreditArgs { user, amount, reference, json } = args;
    let (store, _) = connection::store().await?;
    if amount == MicroUsd::ZERO {
        bail!("there is nothing to add");
    }
    let now = Clock::system().now();
    let id = CreditId::new(now, &Entropy::system().bytes()?);
    let reference = reference.unwrap_or_else(|| format!("cli-{id}"));
    let credited = store.credit(&user, (id, amount), &reference, now).await;
    let failed = || {
        let again = format!("--reference {reference}");
        format!("{user} was not credited, or it is unknown; run it again with {again}")
    };
    let credited = credited.with_context(failed)?;
    if !json {
        match credited {
            Credited::Now => println!("added {STRONG}${amount}{STRONG:#} as {reference}"),
            Credited::Before => println!("{reference} was credited before; nothing was added"),
        }
    }
    // Whoever does not see the reference any other way must not add it again under another.
    let unseen = || format!("{reference} is credited to {user}, and the balance was not read");
    let found = store.balance(&user).await.with_context(unseen)?;
    let balance = found.with_context(|| no_account(&user))?;
    if json {
        let mut told = balance_as_json(&user, &balance);
        told.insert("reference".to_owned(), reference.into());
        told.insert("amount".to_owned(), amount.to_string().into());
        told.insert("moved".to_owned(), (credited == Credited::Now).into());
        println!("{:#}", Value::Object(told));
    } else {
        print(&balance);
    }
    Ok(ExitCode::SUCCESS)
}

/// `balance`
pub(crate) async fn balance(args: BalanceArgs) -> anyhow::Result<ExitCode> {
    let BalanceArgs { user, json } = args;
    let (store, _) = connection::store().await?;
    let balance = store.balance(&user).await?.with_context(|| no_account(&user))?;
    if json {
        println!("{:#}", Value::Object(balance_as_json(&user, &balance)));
    } else {
        print(&balance);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(balance: &Balance) {
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
}

fn balance_as_json(user: &UserId, balance: &Balance) -> Map<String, Value> {
    let told = [
        ("user_id", json!(user)),
        ("available", json!(balance.available.to_string())),
        ("held", json!(balance.held.to_string())),
        ("charged", json!(balance.charged.to_string())),
        ("credited", json!(balance.credited.to_string())),
        ("currency", json!("USD")),
        ("is_suspended", json!(balance.suspended_at.is_some())),
        ("suspended_at", json!(balance.suspended_at.map(date_time))),
    ];
    told.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
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

/// What is said where there is no such account.
pub(crate) fn no_account(user: &UserId) -> String {
    format!("there is no account {user}; `holdfast user create {user}` opens it")
}
