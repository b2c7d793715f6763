//! Sound books pass; books broken by hand, one way at a time, are found out.

use std::time::Duration;

use super::*;
use crate::hold::Hold;

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

fn job(n: u8, status: Status) -> JobFacts {
    let (charged, images) = match status {
        Status::Pending | Status::Processing => (None, 0),
        Status::Succeeded => (Some(usd(10)), 1),
        Status::Failed | Status::Expired | Status::Refunded => (Some(usd(0)), 0),
    };
    JobFacts {
        id: id(n),
        status,
        hold: usd(20),
        price: usd(10),
        charged,
        images,
        expires_at: at(100),
        due_at: (!status.is_terminal()).then(|| at(5)),
        forget_at: status.is_terminal().then(|| at(1_000)),
    }
}

/// One job succeeded with one picture of two, one failed, one is open.
fn sound() -> Books {
    let hold = Hold::new(usd(10), 2.try_into().unwrap()).unwrap();
    let resolution = |n, made: crate::hold::Resolution| {
        entry(EntryKind::Resolution { job: id(n), figures: *made.figures() })
    };
    let mut entries: Vec<Entry> =
        (1..=3).map(|n| entry(EntryKind::Hold { job: id(n), amount: usd(20) })).collect();
    let credit = EntryKind::Credit { id: "c".into(), amount: usd(100), reference: "r".into() };
    entries.push(entry(credit));
    entries.push(resolution(1, hold.settle(1.try_into().unwrap())));
    entries.push(resolution(2, hold.refund()));
    Books {
        user: "demo".parse().unwrap(),
        balance: Some(Balance {
            available: usd(70),
            held: usd(20),
            charged: usd(10),
            credited: usd(100),
            open_jobs: 1,
            queue_cap: 6,
            version: 6,
        }),
        entries,
        references: vec!["r".into()],
        jobs: vec![job(1, Status::Succeeded), job(2, Status::Failed), job(3, Status::Pending)],
        keyed: vec![id(1)],
        events: vec![(id(1), Status::Succeeded), (id(2), Status::Failed)],
        unreadable: vec![],
    }
}

fn found(books: &Books, now: u64) -> Vec<&'static str> {
    let mut ids: Vec<_> = audit(books, at(now), SLACK).iter().map(|v| v.invariant).collect();
    ids.dedup();
    ids
}

#[test]
fn sound_books_pass() {
    assert_eq!(audit(&sound(), at(50), SLACK), vec![]);
}

#[test]
fn each_break_is_found() {
    fn balance(books: &mut Books) -> &mut Balance {
        books.balance.as_mut().unwrap()
    }
    type Break = fn(&mut Books);
    let breaks: [(&str, Break); 19] = [
        ("INV-01", |b| balance(b).available = usd(71)),
        ("INV-02", |b| (balance(b).held, balance(b).available) = (usd(10), usd(80))),
        ("INV-02", |b| balance(b).open_jobs = 2),
        ("INV-03", |b| b.entries.truncate(5)),
        ("INV-03", |b| b.balance = None),
        ("INV-04", |b| b.unreadable.push("entry#x".into())),
        ("INV-05", |b| b.entries.push(b.entries[4].clone())),
        ("INV-06", |b| b.jobs[0].hold = usd(20)),
        ("INV-10", |b| b.jobs[2].expires_at = at(20)),
        ("INV-11", |b| b.references.push("r".into())),
        ("INV-14", |b| b.keyed.push(id(9))),
        ("INV-16", |b| b.jobs.truncate(2)),
        ("INV-16", |b| b.jobs.push(job(9, Status::Pending))),
        ("INV-17", |b| b.jobs[1].charged = Some(usd(20))),
        ("INV-21", |b| b.jobs[1].status = Status::Succeeded),
        ("INV-22", |b| b.jobs[2].status = Status::Expired),
        ("INV-23", |b| b.jobs[0].images = 0),
        ("INV-23", |b| b.jobs[0].images = 2),
        ("INV-27", |b| b.jobs[2].due_at = None),
    ];
    for (invariant, tamper) in breaks {
        let mut books = sound();
        if invariant == "INV-06" {
            // Figures that do not add up cannot be made by the rules, only be found in a table.
            let EntryKind::Resolution { figures, .. } = &mut books.entries[4].kind else {
                panic!("the fifth entry is a resolution");
            };
            figures.charged = usd(11);
        }
        tamper(&mut books);
        let ids = found(&books, 50);
        assert!(ids.contains(&invariant), "{invariant} was not among {ids:?}");
    }
}

#[test]
fn an_ending_is_told_once_until_it_may_be_forgotten() {
    let breaks: [fn(&mut Books); 4] = [
        |b| b.events.clear(),
        |b| b.events.push((id(1), Status::Succeeded)),
        |b| b.events.push((id(3), Status::Expired)),
        |b| b.events[0].1 = Status::Failed,
    ];
    for tamper in breaks {
        let mut books = sound();
        tamper(&mut books);
        assert_eq!(found(&books, 50), ["INV-30"]);
    }
    let mut books = sound();
    books.events.clear();
    books.jobs.pop();
    books.entries.remove(2);
    books.balance =
        Some(Balance { available: usd(90), held: usd(0), open_jobs: 0, ..books.balance.unwrap() });
    assert_eq!(found(&books, 1_000), [""; 0]);
}

#[test]
fn a_job_may_be_open_until_the_slack_is_over() {
    assert_eq!(found(&sound(), 110), [""; 0]);
    assert_eq!(found(&sound(), 111), ["INV-10"]);
}
