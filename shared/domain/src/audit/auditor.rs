//! The audit of one user, a job at a time: what is kept are sums, whatever the number of rows.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Findings, JobRows, KeyFacts, Reference, job};
use crate::{
    ids::UserId,
    ledger::{Balance, Entry, EntryKind, replay},
    money::MicroUsd,
    time::Timestamp,
};

/// An audit under way. It is given each row once: those of one job together, everything else by
/// itself and in any order.
#[derive(Debug)]
pub struct Auditor {
    findings: Findings,
    now: Timestamp,
    slack: Duration,
    sums: Sums,
}

/// What the rows so far add up to.
#[derive(Debug, Default)]
struct Sums {
    rows: u64,
    balance: Option<Balance>,
    /// What the entries make: available, held, charged, credited.
    entries: [i128; 4],
    open_holds: i128,
    open_jobs: u64,
    turns: u64,
    waiting_jobs: u64,
    credits: Tally,
    references: Tally,
}

/// Tells whether two lists have the same references and amounts, and keeps neither: how many, and
/// the sum of their digests, which does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    digests: u128,
}

impl Tally {
    fn add(&mut self, reference: &str, amount: MicroUsd) {
        let digest: [u8; 32] = Sha256::digest(format!("{} {reference}", amount.micros())).into();
        let half = digest.first_chunk().copied().unwrap_or_default();
        self.digests = self.digests.wrapping_add(u128::from_be_bytes(half));
        self.count = self.count.saturating_add(1);
    }
}

impl Auditor {
    /// An audit of a user's rows as they are at `now`. A job may be open for as long as `slack` after
    /// it should have expired. At most `keep` violations are kept; the others are counted.
    #[must_use]
    pub fn new(user: UserId, now: Timestamp, slack: Duration, keep: usize) -> Self {
        Self { findings: Findings::new(user, keep), now, slack, sums: Sums::default() }
    }

    /// A row that cannot be read, and why.
    pub fn unreadable(&mut self, row: &str) {
        self.count_row();
        self.findings.violation("INV-04", format!("a row cannot be read: {row}"));
    }

    /// The balance, or one pocket of it after the other.
    pub fn balance(&mut self, pocket: Balance) {
        self.sums.balance = Some(self.sums.balance.map_or(pocket, |sum| sum.plus(&pocket)));
    }

    /// A credit; other entries belong to a job and are left to it.
    pub fn credit(&mut self, entry: &Entry) {
        if let EntryKind::Credit { amount, reference, .. } = &entry.kind {
            self.count_row();
            self.sums.credits.add(reference, *amount);
            self.add([entry]);
        }
    }

    /// A payment reference that was used up.
    pub fn reference(&mut self, Reference { reference, amount }: &Reference) {
        self.count_row();
        self.sums.references.add(reference, *amount);
    }

    /// All rows of a job.
    pub fn job(&mut self, rows: &JobRows) {
        self.count_row();
        self.add(&rows.entries);
        if let Some(facts) = rows.job.as_ref().filter(|job| !job.status.is_terminal()) {
            let hold = i128::from(facts.hold.micros());
            self.sums.open_holds = self.sums.open_holds.saturating_add(hold);
            self.sums.open_jobs = self.sums.open_jobs.saturating_add(1);
            let (turns, waiting) = if facts.has_turn { (1, 0) } else { (0, 1) };
            self.sums.turns = self.sums.turns.saturating_add(turns);
            self.sums.waiting_jobs = self.sums.waiting_jobs.saturating_add(waiting);
        }
        job::check(rows, self.now, self.slack, &mut self.findings);
    }

    /// Whether something is wrong with the rows of a job by themselves. Nothing is noted.
    #[must_use]
    pub fn is_sound(&self, rows: &JobRows) -> bool {
        let mut findings = Findings::new(self.findings.user().clone(), 0);
        job::check(rows, self.now, self.slack, &mut findings);
        findings.is_clean()
    }

    /// An idempotency key, and whether anything was ever held for the job that it names.
    pub fn key(&mut self, key: &KeyFacts, held: bool) {
        self.count_row();
        self.findings.expect("INV-14", held, || {
            format!("an idempotency key names job {}, which never was", key.job)
        });
    }

    /// What was found, where all rows were those of one moment.
    #[must_use]
    pub fn finish(mut self) -> Findings {
        if self.sums.rows > 0 || self.sums.balance.is_some() {
            self.totals();
        }
        self.findings
    }

    /// What was found, where money moved between one row and another: then sums of them say nothing.
    #[must_use]
    pub fn finish_moving(self) -> Findings {
        self.findings
    }

    fn count_row(&mut self) {
        self.sums.rows = self.sums.rows.saturating_add(1);
    }

    fn add<'a>(&mut self, entries: impl IntoIterator<Item = &'a Entry>) {
        for (sum, change) in self.sums.entries.iter_mut().zip(replay(entries)) {
            *sum = sum.saturating_add(change);
        }
    }

    /// The balance against its own sides, the open jobs, the entries and the references.
    fn totals(&mut self) {
        let Self { findings, sums, .. } = self;
        let Some(balance) = sums.balance else {
            findings.violation("INV-03", "there are rows but no balance".to_owned());
            return;
        };
        let sides = [balance.available, balance.held, balance.charged, balance.credited];
        let [available, held, charged, credited] = sides.map(|side| i128::from(side.micros()));
        let sum = available.saturating_add(held).saturating_add(charged);
        findings.expect("INV-01", sum == credited, || {
            format!(
                "available {available} + held {held} + charged {charged} is not credited {credited}"
            )
        });
        let open = sums.open_holds;
        findings.expect("INV-02", open == held, || {
            format!("held is {held}, the holds of open jobs are {open}")
        });
        let entries = sums.entries;
        findings.expect("INV-03", entries == [available, held, charged, credited], || {
            format!("the balance is {sides:?}, its entries make {entries:?}")
        });
        let (counted, count) = (balance.open_jobs, sums.open_jobs);
        findings.expect("INV-02", u64::from(counted) == count, || {
            format!("the balance counts {counted} open jobs, there are {count}")
        });
        let (free, cap) = (balance.free_slots, balance.queue_cap);
        findings.expect("INV-02", counted.checked_add(free) == Some(cap), || {
            format!("{counted} open jobs and {free} free slots are not the {cap} of the queue")
        });
        let (free, cap) = (u64::from(balance.free_turns), u64::from(balance.running_cap));
        let taken = sums.turns;
        findings.expect("INV-33", taken.saturating_add(free) == cap, || {
            format!("{taken} jobs have a turn and {free} are free, of {cap}")
        });
        let (counted, count) = (balance.waiting_jobs, sums.waiting_jobs);
        findings.expect("INV-33", u64::from(counted) == count, || {
            format!("the balance counts {counted} jobs that wait for a turn, there are {count}")
        });
        let (credits, references) = (sums.credits, sums.references);
        findings.expect("INV-11", credits == references, || {
            let (credits, references) = (credits.count, references.count);
            format!("{credits} credits and {references} references used up are not the same")
        });
    }
}
