//! Sound books and histories pass; broken by hand, one way at a time, they are found out.

mod books;
mod earlier;
mod given_back;
mod streamed;
mod told;
mod upstream;

use super::*;
use crate::{
    fingerprint::Fingerprint,
    hold::{Hold, Resolution},
    ids::JobId,
    job::{Fence, Status},
    ledger::{Balance, Entry, EntryKind},
    money::MicroUsd,
};

const SLACK: Duration = Duration::from_millis(10);

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn usd(micros: u64) -> MicroUsd {
    MicroUsd::constant(micros)
}

fn id(n: u8) -> JobId {
    JobId::new(at(u64::from(n)), &[n; 10])
}

fn entry(kind: EntryKind) -> Entry {
    Entry { at: at(1), kind }
}

fn credit(id: &str, micros: u64, reference: &str) -> Entry {
    let (id, reference) = (id.to_owned(), reference.to_owned());
    entry(EntryKind::Credit { id, amount: usd(micros), reference })
}

fn held(n: u8) -> Entry {
    entry(EntryKind::Hold { job: id(n), amount: usd(20) })
}

fn resolved(n: u8, made: Resolution) -> Entry {
    entry(EntryKind::Resolution { job: id(n), figures: *made.figures() })
}

fn used(reference: &str, micros: u64) -> Reference {
    Reference { reference: reference.to_owned(), amount: usd(micros) }
}

fn job(n: u8, status: Status) -> JobFacts {
    let (charged, pictures) = match status {
        Status::Pending | Status::Processing => (None, vec![]),
        Status::Succeeded => (Some(usd(10)), vec![format!("{n}/0")]),
        Status::Failed | Status::Expired | Status::Refunded => (Some(usd(0)), vec![]),
    };
    let begun = !matches!(status, Status::Pending | Status::Refunded);
    JobFacts {
        id: id(n),
        status,
        hold: usd(20),
        price: usd(10),
        has_turn: true,
        charged,
        pictures,
        expires_at: at(100),
        due_at: (!status.is_terminal()).then(|| at(5)),
        forget_at: status.is_terminal().then(|| at(1_000)),
        fence: begun.then_some(Fence(2)),
        submits: u8::from(begun),
        task: begun.then(|| format!("task {n}")),
    }
}

fn fingerprint(what: &str) -> Fingerprint {
    serde_json::from_value(what.into()).unwrap()
}

fn key(digest: &str, n: u8) -> KeyFacts {
    KeyFacts {
        digest: digest.to_owned(),
        fingerprint: fingerprint("a cat"),
        job: id(n),
        expires_at: at(900),
    }
}

fn event(n: u8, status: Status) -> EventFacts {
    EventFacts { job: id(n), status, forget_at: at(1_000) }
}

/// One job succeeded with one picture of two, one failed, one is open. Keys name the first two.
fn sound() -> Books {
    let hold = Hold::new(usd(10), 2.try_into().unwrap()).unwrap();
    Books {
        user: "demo".parse().unwrap(),
        balance: Some(Balance {
            available: usd(70),
            held: usd(20),
            charged: usd(10),
            credited: usd(100),
            open_jobs: 1,
            free_slots: 5,
            queue_cap: 6,
            free_turns: 1,
            waiting_jobs: 0,
            running_cap: 2,
            suspended_at: None,
            version: 6,
        }),
        entries: vec![
            held(1),
            held(2),
            held(3),
            credit("c", 100, "r"),
            resolved(1, hold.settle(1.try_into().unwrap())),
            resolved(2, hold.refund()),
        ],
        references: vec![used("r", 100)],
        jobs: vec![job(1, Status::Succeeded), job(2, Status::Failed), job(3, Status::Processing)],
        keys: vec![key("k1", 1), key("k2", 2)],
        events: vec![event(1, Status::Succeeded), event(2, Status::Failed)],
        unreadable: vec![],
    }
}

/// The violations of these books with this history, at a time.
fn violations(books: &Books, history: &History, now: u64) -> Vec<Violation> {
    audit(&Snapshot { books: books.clone(), now: at(now), slack: SLACK }, history)
}

/// The invariants that do not hold, each once.
fn found(books: &Books, history: &History, now: u64) -> Vec<&'static str> {
    let mut ids: Vec<_> = violations(books, history, now).iter().map(|v| v.invariant).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The break is found, under its own number and no other but those of `also`.
fn found_as(what: &str, invariant: &'static str, also: &[&'static str], ids: &[&'static str]) {
    assert!(ids.contains(&invariant), "{what}: {invariant} was not among {ids:?}");
    let all = ids.iter().all(|id| *id == invariant || also.contains(id));
    assert!(all, "{what}: {ids:?} is more than {invariant} and {also:?}");
}
