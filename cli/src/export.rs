//! `export`: the ledger as CSV (RFC 4180), and whether it adds up to the balances.
//!
//! A page is in memory at a time, whatever the size of the books. An account whose money moves while it is
//! written is written anew: what is in the file is of one moment, account by account. The file has another
//! name until it is whole.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anstream::println;
use anyhow::{Context, bail};
use csv::{Terminator, Writer, WriterBuilder};
use domain::{
    ids::UserId,
    ledger::{Balance, Entry, EntryKind, replay},
};
use serde_json::json;
use store::Store;

use crate::{
    args::ExportArgs,
    connection,
    moment::date_time,
    progress::Progress,
    style::{BAD, GOOD},
};

/// The first line. Amounts are signed dollars: what an entry did to each side of the balance.
const COLUMNS: [&str; 11] = [
    "user_id",
    "entry_id",
    "kind",
    "job_id",
    "created_at",
    "available",
    "held",
    "charged",
    "credited",
    "reference",
    "reason",
];
/// How often an account is written until nothing moved meanwhile.
const PASSES: u32 = 5;
/// How much is written at once.
const BUFFER: usize = 256 * 1_024;

/// What was written.
#[derive(Debug, Default)]
struct Report {
    accounts: u64,
    entries: u64,
    /// Accounts whose entries do not add up to the balance.
    unbalanced: Vec<UserId>,
    /// Accounts that moved money each time: their entries are there, and were not compared.
    moving: Vec<UserId>,
}

impl Report {
    fn adds_up(&self) -> bool {
        self.unbalanced.is_empty() && self.moving.is_empty()
    }
}

/// `export`
pub(crate) async fn export(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let ExportArgs { user, all: _, out, json } = args;
    if fs::exists(&out)? {
        bail!("{} is there already", out.display());
    }
    let (store, _) = connection::store().await?;
    let unfinished = with_suffix(&out);
    let mut export = Export {
        store,
        file: open(&unfinished)?,
        report: Report::default(),
        progress: Progress::quiet_in_a_pipe(),
    };
    match user {
        Some(user) => export.only(&user).await?,
        None => export.everybody().await?,
    }
    export.file.flush()?;
    export.file.get_ref().sync_all()?;
    fs::rename(&unfinished, &out)
        .with_context(|| format!("{} cannot be given its name", out.display()))?;
    export.progress.finish();
    let report = &export.report;
    if json {
        println!("{:#}", as_json(report, &out));
    } else {
        print(report, &out);
    }
    Ok(if report.adds_up() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The name of the file while it is not whole.
fn with_suffix(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

fn open(path: &Path) -> anyhow::Result<Writer<File>> {
    let file = File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut lines = WriterBuilder::new();
    let lines = lines.terminator(Terminator::CRLF).buffer_capacity(BUFFER);
    let mut writer = lines.from_writer(file);
    writer.write_record(COLUMNS)?;
    Ok(writer)
}

struct Export {
    store: Store,
    file: Writer<File>,
    report: Report,
    progress: Progress,
}

impl Export {
    async fn only(&mut self, user: &UserId) -> anyhow::Result<()> {
        if self.store.balance(user).await?.is_none() {
            bail!("there is no account {user}");
        }
        self.account(user).await
    }

    async fn everybody(&mut self) -> anyhow::Result<()> {
        let (mut from, mut last) = (None, None);
        loop {
            let (users, next) = self.store.ledger_users(from).await?;
            for user in users {
                // The rows of an account lie together, so it is met again at most by the next page.
                if last.as_ref() != Some(&user) {
                    self.account(&user).await?;
                    last = Some(user);
                }
            }
            from = next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    /// Writes an account, until its money did not move while it was written.
    async fn account(&mut self, user: &UserId) -> anyhow::Result<()> {
        self.file.flush()?;
        let begin = self.file.get_ref().stream_position()?;
        let mut pass = 1;
        loop {
            let before = self.store.balance(user).await?;
            let written = self.entries(user).await?;
            let after = self.store.balance(user).await?;
            let is_still = before == after;
            if is_still || pass >= PASSES {
                self.note(user, &written, after.as_ref(), is_still);
                return Ok(());
            }
            // Back to where it began.
            self.file.flush()?;
            let mut file = self.file.get_ref();
            file.set_len(begin)?;
            file.seek(SeekFrom::Start(begin))?;
            pass = pass.saturating_add(1);
        }
    }

    async fn entries(&mut self, user: &UserId) -> anyhow::Result<Written> {
        let (mut written, mut from) = (Written::default(), None);
        loop {
            let page = self.store.extract(user, from).await?;
            for entry in &page.entries {
                self.file.write_record(line(user, entry))?;
            }
            written.add(&page.entries);
            let entries = self.report.entries.saturating_add(written.entries);
            self.progress.say(&format!("{} accounts, {entries} entries", self.report.accounts));
            from = page.next;
            if from.is_none() {
                return Ok(written);
            }
        }
    }

    /// Compares what was written with the balance, if that stood still.
    fn note(
        &mut self,
        user: &UserId,
        written: &Written,
        balance: Option<&Balance>,
        is_still: bool,
    ) {
        let report = &mut self.report;
        report.accounts = report.accounts.saturating_add(1);
        report.entries = report.entries.saturating_add(written.entries);
        if !is_still {
            report.moving.push(user.clone());
        } else if balance.map(sides) != Some(written.sums) {
            report.unbalanced.push(user.clone());
        }
    }
}

/// What was written of an account.
#[derive(Debug, Default)]
struct Written {
    entries: u64,
    /// Available, held, charged, credited, in micro-dollars.
    sums: [i128; 4],
}

impl Written {
    fn add(&mut self, entries: &[Entry]) {
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        self.entries = self.entries.saturating_add(count);
        for (sum, change) in self.sums.iter_mut().zip(replay(entries)) {
            *sum = sum.saturating_add(change);
        }
    }
}

fn sides(balance: &Balance) -> [i128; 4] {
    [balance.available, balance.held, balance.charged, balance.credited]
        .map(|side| i128::from(side.micros()))
}

/// An entry as a line.
fn line(user: &UserId, entry: &Entry) -> [String; 11] {
    let of_job = |what: &str, job: &domain::ids::JobId| (format!("{job}-{what}"), job.to_string());
    let (id, job, reference, reason) = match &entry.kind {
        EntryKind::Credit { id, reference, .. } => {
            (id.clone(), String::new(), reference.as_str(), "")
        }
        EntryKind::Hold { job, .. } => {
            let (id, job) = of_job("hold", job);
            (id, job, "", "")
        }
        EntryKind::Resolution { job, .. } => {
            let (id, job) = of_job("resolution", job);
            (id, job, "", "")
        }
        EntryKind::Reversal { job, reason, .. } => {
            let (id, job) = of_job("reversal", job);
            (id, job, "", reason.as_str())
        }
    };
    let changes = entry.kind.changes();
    [
        plain(user.as_str()),
        plain(&id),
        entry.kind.name().to_owned(),
        job,
        date_time(entry.at),
        changes.available.to_string(),
        changes.held.to_string(),
        changes.charged.to_string(),
        changes.credited.to_string(),
        plain(reference),
        plain(reason),
    ]
}

/// A text that no spreadsheet takes for a formula. Whoever gave a payment its reference is not to run
/// anything where the books are read.
fn plain(text: &str) -> String {
    let is_formula = text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn print(report: &Report, out: &Path) {
    let Report { accounts, entries, unbalanced, moving } = report;
    println!("{accounts} accounts, {entries} entries in {}", out.display());
    for user in unbalanced {
        println!(
            "{BAD}not in order{BAD:#}  {user}: its entries do not make its balance; `holdfast audit` tells more"
        );
    }
    for user in moving {
        println!("{BAD}busy{BAD:#}  {user} moved money all the time: not compared");
    }
    if report.adds_up() {
        println!("{GOOD}the entries add up to the balances{GOOD:#}");
    }
}

fn as_json(report: &Report, out: &Path) -> serde_json::Value {
    json!({
        "file": out.display().to_string(),
        "accounts": report.accounts,
        "entries": report.entries,
        "adds_up": report.adds_up(),
        "unbalanced": report.unbalanced,
        "moving": report.moving,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        for (text, written) in [
            ("invoice-17", "invoice-17"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(plain(text), written);
        }
    }
}
