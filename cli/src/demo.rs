//! The demo account of a stack on this machine: a user, a key and some money to begin with.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use domain::{
    api_key::{ApiKey, Environment},
    ids::{CreditId, UserId},
    money::MicroUsd,
};
use runtime::{Clock, Entropy};
use serde_json::json;
use store::{Grant, Store};

/// The name of the demo account.
const USER: &str = "demo";
/// The payment that its first money stands for, so that a restart does not add it again.
const REFERENCE: &str = "demo-credit";
/// The file in the data directory that keeps the key: only its hash is in the tables.
const KEY_FILE: &str = "demo-api-key";

/// The demo account.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    pub(crate) user: UserId,
    pub(crate) key: ApiKey,
    pub(crate) available: MicroUsd,
}

/// Opens the demo account of a stack, or finds it again in the data directory.
pub(crate) async fn open(
    store: &Store,
    credit: MicroUsd,
    data_dir: Option<&Path>,
) -> anyhow::Result<Demo> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let user: UserId = USER.parse()?;
    store.open_account(&user).await?;
    if credit > MicroUsd::ZERO {
        let id = CreditId::new(clock.now(), &entropy.bytes()?);
        match store.credit(&user, (id, credit), REFERENCE, clock.now()).await {
            // Who has been here before keeps what they had.
            Ok(_) | Err(store::CreditError::OtherAmount) => {}
            Err(error) => return Err(error).context("the demo account cannot be credited"),
        }
    }
    let file = data_dir.map(|dir| dir.join(KEY_FILE));
    let key = match known_key(file.as_deref())? {
        Some(key) => key,
        None => mint(file, &entropy)?,
    };
    store.add_key(&user, &key, &Grant::default(), clock.now()).await?;
    let balance = store.balance(&user).await?.context("the demo account is gone")?;
    Ok(Demo { user, key, available: balance.available })
}

impl Demo {
    /// What `GET /_local/stack` tells of it.
    pub(crate) fn describe(&self) -> serde_json::Value {
        json!({ "user_id": self.user, "api_key": self.key.reveal() })
    }
}

fn known_key(file: Option<&Path>) -> anyhow::Result<Option<ApiKey>> {
    let Some(file) = file else { return Ok(None) };
    match fs::read_to_string(file) {
        Ok(text) => match text.trim().parse() {
            Ok(key) => Ok(Some(key)),
            Err(error) => bail!("{} is {error}; delete it for a new one", file.display()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn mint(file: Option<PathBuf>, entropy: &Entropy) -> anyhow::Result<ApiKey> {
    let key = ApiKey::mint(Environment::Test, &entropy.bytes()?);
    if let Some(file) = file {
        let written = private(&file).and_then(|mut open| writeln!(open, "{}", key.reveal()));
        written.with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(key)
}

/// A new file that only this user can read.
fn private(file: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}
