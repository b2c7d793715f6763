//! The books of a moment, as the product's own audit reads them.

use std::time::Duration;

use domain::{
    audit::{
        Books, EventFacts, History, JobFacts, KeyFacts, Reference, Snapshot, Violation, audit,
    },
    fingerprint::Fingerprint,
    hold::Figures,
    ids::JobId,
    job::{Fence, Status},
    ledger::{Balance, Entry, EntryKind},
    money::MicroUsd,
    time::Timestamp,
};

use crate::{
    Protocol,
    each::Which,
    expression::Value,
    protocol::at,
    rows::{BalanceRow, JobRow},
    state::State,
};

/// An amount, or `None` if it is none that may be stored.
fn amount(value: Value) -> Option<MicroUsd> {
    u64::try_from(value).ok().and_then(|micros| MicroUsd::try_from(micros).ok())
}

fn id(which: Which) -> JobId {
    let number = match which {
        Which::First => 1,
        Which::Second => 2,
        Which::Third => 3,
    };
    JobId::new(at(0), &[number; 10])
}

fn balance(row: &BalanceRow) -> Option<Balance> {
    Some(Balance {
        available: amount(row.available)?,
        held: amount(row.held)?,
        charged: amount(row.charged)?,
        credited: amount(row.credited)?,
        open_jobs: row.open_jobs.try_into().ok()?,
        free_slots: row.free_slots.try_into().ok()?,
        queue_cap: row.queue_cap.try_into().ok()?,
        free_turns: row.free_turns.try_into().ok()?,
        waiting_jobs: row.waiting_jobs.try_into().ok()?,
        running_cap: row.running_cap.try_into().ok()?,
        suspended_at: None,
        version: 0,
    })
}

impl Protocol {
    /// What the audit of the product finds wrong.
    pub(crate) fn violations(&self, state: &State) -> Vec<Violation> {
        let mut books = Books {
            user: self.template.user.clone(),
            balance: balance(&state.balance),
            entries: vec![],
            references: vec![],
            jobs: vec![],
            keys: vec![],
            events: vec![],
            unreadable: vec![],
        };
        if let Some(amount) = amount(state.balance.credited) {
            let (id, reference) = ("first".to_owned(), "first".to_owned());
            books
                .entries
                .push(Entry { at: at(0), kind: EntryKind::Credit { id, amount, reference } });
            books.references.push(Reference { reference: "first".to_owned(), amount });
        }
        for which in Which::ALL {
            self.enter(&mut books, state, which);
        }
        // How late a job may be is asked by other rules: here the clock may stop before the sweep.
        let snapshot = Snapshot { books, now: at(state.now), slack: Duration::from_secs(1) };
        audit(&snapshot, &History::default())
    }

    fn enter(&self, books: &mut Books, state: &State, which: Which) {
        let job = id(which);
        if let Some(amount) = state.holds.of(which).and_then(amount) {
            books.entries.push(Entry { at: at(0), kind: EntryKind::Hold { job, amount } });
        }
        if let Some(row) = state.resolutions.of(which) {
            let amounts = [row.held, row.charged, row.released].map(amount);
            let [Some(held), Some(charged), Some(released)] = amounts else {
                books.unreadable.push(format!("{row:?}"));
                return;
            };
            let figures = Figures { kind: row.kind, held, charged, released };
            books.entries.push(Entry { at: at(0), kind: EntryKind::Resolution { job, figures } });
        }
        if let Some(amount) = state.reversals.of(which).and_then(amount) {
            let reason = "a complaint".to_owned();
            let kind = EntryKind::Reversal { job, amount, reason };
            books.entries.push(Entry { at: at(0), kind });
        }
        if let Some(row) = state.jobs.of(which) {
            let charged = state.resolutions.of(which).map(|row| row.charged).and_then(amount);
            books.jobs.push(self.facts(job, row, charged));
        }
        let keys = state.keys.iter().filter_map(|(_, key)| key.filter(|key| key.job == which));
        for key in keys {
            let Ok(fingerprint) = Fingerprint::of(&self.template.order) else { continue };
            let digest = key.fingerprint.to_string();
            let expires_at = at(key.expires_at);
            books.keys.push(KeyFacts { digest, fingerprint, job, expires_at });
        }
        let told = state.events.of(which).iter().flatten();
        let forget_at = Timestamp::from_millis(u64::MAX);
        books.events.extend(told.map(|status| EventFacts { job, status: *status, forget_at }));
    }

    /// A job, for which so much was charged in the first place.
    fn facts(&self, id: JobId, row: &JobRow, paid: Option<MicroUsd>) -> JobFacts {
        let charged = row.charged.and_then(amount);
        let is_paid = matches!(row.status, Status::Succeeded | Status::Refunded);
        let images = paid.filter(|_| is_paid).unwrap_or_default();
        JobFacts {
            id,
            status: row.status,
            hold: self.template.hold.amount(),
            price: self.template.hold.price(),
            has_turn: row.has_turn,
            charged,
            // A picture costs one: so many were delivered.
            pictures: (0..images.micros()).map(|index| format!("{id}/{index}")).collect(),
            expires_at: at(row.expires_at),
            due_at: row.due_at.map(at),
            forget_at: None,
            fence: row.fence.map(|fence| Fence(fence.into())),
            submits: row.submits.unwrap_or_default(),
            task: row.task.map(|task| task.to_string()),
        }
    }
}
