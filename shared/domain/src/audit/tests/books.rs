//! Books broken by themselves.

use super::*;

#[test]
fn sound_books_pass() {
    assert_eq!(violations(&sound(), &History::default(), 50), []);
}

#[test]
fn a_user_without_rows_is_in_order() {
    let books = Books::of("nobody".parse().unwrap());
    assert_eq!(violations(&books, &History::default(), 50), []);
}

fn balance(books: &mut Books) -> &mut Balance {
    books.balance.as_mut().unwrap()
}

type Break = fn(&mut Books);

#[test]
fn each_break_is_found() {
    let breaks: [(&str, Break); 34] = [
        ("INV-01", |b| balance(b).available = usd(71)),
        ("INV-02", |b| (balance(b).held, balance(b).available) = (usd(10), usd(80))),
        ("INV-02", |b| (balance(b).open_jobs, balance(b).free_slots) = (2, 4)),
        ("INV-02", |b| balance(b).free_slots = 6),
        ("INV-03", |b| b.entries.truncate(5)),
        ("INV-03", |b| b.balance = None),
        ("INV-04", |b| b.unreadable.push("entry#x".into())),
        ("INV-05", |b| b.entries.push(b.entries[4].clone())),
        // Figures that do not add up cannot be made by the rules, only be found in a table.
        ("INV-06", |b| {
            let EntryKind::Resolution { figures, .. } = &mut b.entries[4].kind else {
                panic!("the fifth entry is a resolution");
            };
            figures.charged = usd(11);
        }),
        ("INV-10", |b| b.jobs[2].expires_at = at(20)),
        ("INV-11", |b| b.references.push(used("r", 100))),
        ("INV-11", |b| b.references[0].amount = usd(99)),
        ("INV-11", |b| b.references[0].reference = "s".into()),
        ("INV-11", |b| b.references.clear()),
        ("INV-14", |b| b.keys.push(key("k9", 9))),
        ("INV-16", |b| b.jobs.truncate(2)),
        ("INV-16", |b| b.jobs.push(job(9, Status::Pending))),
        ("INV-16", |b| b.entries.push(held(3))),
        ("INV-16", |b| b.entries.retain(|entry| *entry != held(1))),
        ("INV-17", |b| b.jobs[1].charged = Some(usd(20))),
        ("INV-20", |b| b.jobs[0].fence = None),
        ("INV-20", |b| b.jobs[2].status = Status::Pending),
        ("INV-21", |b| b.jobs[1].status = Status::Succeeded),
        ("INV-22", |b| b.jobs[2].status = Status::Expired),
        ("INV-23", |b| b.jobs[0].pictures.clear()),
        ("INV-23", |b| b.jobs[1].pictures.push("2/0".into())),
        ("INV-26", |b| b.jobs[2].submits = 3),
        ("INV-27", |b| b.jobs[2].due_at = None),
        ("INV-27", |b| b.jobs[0].due_at = Some(at(5))),
        // A turn that nobody gave back, one too many, and a job that runs without.
        ("INV-33", |b| balance(b).free_turns = 0),
        ("INV-33", |b| balance(b).free_turns = 2),
        ("INV-33", |b| balance(b).waiting_jobs = 1),
        ("INV-33", |b| (balance(b).running_cap, balance(b).free_turns) = (3, 1)),
        ("INV-33", |b| b.jobs[2].has_turn = false),
    ];
    for (place, (invariant, tamper)) in breaks.into_iter().enumerate() {
        let mut books = sound();
        tamper(&mut books);
        let ids = found(&books, &History::default(), 50);
        assert!(ids.contains(&invariant), "{place}: {invariant} was not among {ids:?}");
    }
}

#[test]
fn an_ending_is_told_once_until_it_may_be_forgotten() {
    let breaks: [(Break, &[&str]); 4] = [
        (|b| b.events.clear(), &["INV-30"]),
        (|b| b.events.push(event(1, Status::Succeeded)), &["INV-30"]),
        (|b| b.events.push(event(3, Status::Expired)), &["INV-30", "INV-32"]),
        (|b| b.events[0].status = Status::Failed, &["INV-30", "INV-32"]),
    ];
    for (tamper, expected) in breaks {
        let mut books = sound();
        tamper(&mut books);
        assert_eq!(found(&books, &History::default(), 50), expected);
    }
    let mut books = without_the_open_job();
    books.events.clear();
    assert_eq!(found(&books, &History::default(), 1_000), [""; 0]);
}

/// All that there is has ended.
fn without_the_open_job() -> Books {
    let mut books = sound();
    books.jobs.pop();
    books.entries.remove(2);
    books.balance = Some(Balance {
        available: usd(90),
        held: usd(0),
        open_jobs: 0,
        free_slots: 6,
        free_turns: 2,
        ..books.balance.unwrap()
    });
    books
}

#[test]
fn the_event_of_a_job_that_is_forgotten_tells_what_its_resolution_says() {
    let mut books = without_the_open_job();
    books.jobs.clear();
    assert_eq!(found(&books, &History::default(), 1_000), [""; 0]);
    let breaks: [Break; 4] = [
        |b| b.events[0].status = Status::Expired,
        |b| b.events[1].status = Status::Succeeded,
        |b| b.events[1].status = Status::Processing,
        |b| b.events.push(event(9, Status::Failed)),
    ];
    for tamper in breaks {
        let mut books = books.clone();
        tamper(&mut books);
        assert_eq!(found(&books, &History::default(), 1_000), ["INV-32"]);
    }
}

#[test]
fn a_job_that_is_forgotten_leaves_one_hold_and_its_resolution() {
    let mut books = without_the_open_job();
    books.jobs.clear();
    books.events.clear();
    books.keys.clear();
    assert_eq!(found(&books, &History::default(), 1_000), [""; 0]);
    let breaks: [(Break, &[&str]); 3] = [
        (|b| b.entries.push(held(1)), &["INV-03", "INV-16"]),
        (|b| b.entries.retain(|entry| *entry != held(1)), &["INV-03", "INV-16"]),
        (|b| b.entries.truncate(4), &["INV-03", "INV-16"]),
    ];
    for (tamper, expected) in breaks {
        let mut books = books.clone();
        tamper(&mut books);
        assert_eq!(found(&books, &History::default(), 1_000), expected);
    }
}

#[test]
fn a_job_may_be_open_until_the_slack_is_over() {
    let history = History::default();
    assert_eq!(found(&sound(), &history, 110), [""; 0]);
    assert_eq!(found(&sound(), &history, 111), ["INV-10"]);
}
