//! A success whose charge the operator gave back: a third record, and nothing else than it changes.

use super::*;

fn reversal(n: u8, micros: u64) -> Entry {
    let reason = "a complaint".to_owned();
    entry(EntryKind::Reversal { job: id(n), amount: usd(micros), reason })
}

/// The sound books, after the charge of the first job was given back.
fn given_back() -> Books {
    let mut books = sound();
    books.entries.push(reversal(1, 10));
    (books.jobs[0].status, books.jobs[0].charged) = (Status::Refunded, Some(usd(0)));
    books.jobs[0].forget_at = Some(at(2_000));
    books.events.push(event(1, Status::Refunded));
    let balance = books.balance.unwrap();
    books.balance = Some(Balance { available: usd(80), charged: usd(0), version: 7, ..balance });
    books
}

fn before(books: Books) -> History {
    History { earlier: Some(books), ..History::default() }
}

#[test]
fn a_charge_that_was_given_back_passes() {
    assert_eq!(violations(&given_back(), &History::default(), 50), []);
    assert_eq!(violations(&given_back(), &before(sound()), 50), []);
    assert_eq!(violations(&given_back(), &before(given_back()), 50), []);

    // What was told before stays true, and so does what is told since.
    let seen = |status, charged, images| Told::Seen { job: id(1), status, charged, images };
    let told = vec![
        seen(Status::Processing, None, 0),
        seen(Status::Succeeded, Some(usd(10)), 1),
        seen(Status::Refunded, Some(usd(0)), 0),
    ];
    let events = vec![(id(1), Status::Succeeded), (id(1), Status::Refunded)];
    let history = History { told, events, ..before(sound()) };
    assert_eq!(violations(&given_back(), &history, 50), []);

    // The row is forgotten, the entries and perhaps the events are not.
    let mut books = given_back();
    books.jobs.remove(0);
    assert_eq!(violations(&books, &History::default(), 50), []);
}

#[test]
fn each_break_of_a_reversal_is_found() {
    type Break = fn(&mut Books);
    let breaks: [(&str, &[&str], Break); 11] = [
        // Money that is given back and never left the charged side, or the other way round.
        ("INV-03", &[], |b| {
            let balance = b.balance.unwrap();
            b.balance = Some(Balance { available: usd(70), charged: usd(10), ..balance });
        }),
        ("INV-01", &["INV-03"], |b| b.balance.as_mut().unwrap().charged = usd(10)),
        ("INV-05", &["INV-03"], |b| b.entries.push(reversal(1, 10))),
        ("INV-06", &["INV-03", "INV-17"], |b| *b.entries.last_mut().unwrap() = reversal(1, 9)),
        // Nothing was charged for the second job, and nothing yet for the third.
        ("INV-06", &["INV-03", "INV-20", "INV-21", "INV-30", "INV-32"], |b| {
            b.entries.push(reversal(2, 10));
        }),
        ("INV-06", &["INV-03"], |b| b.entries.push(reversal(3, 10))),
        ("INV-21", &["INV-03", "INV-17", "INV-20", "INV-23", "INV-30", "INV-32"], |b| {
            b.entries.truncate(6);
        }),
        ("INV-21", &["INV-17", "INV-23", "INV-30", "INV-32"], |b| {
            b.jobs[0] = job(1, Status::Succeeded);
        }),
        ("INV-17", &[], |b| b.jobs[0].charged = Some(usd(10))),
        ("INV-20", &[], |b| b.jobs[0].fence = None),
        ("INV-30", &[], |b| b.events.truncate(2)),
    ];
    for (place, (invariant, also, tamper)) in breaks.into_iter().enumerate() {
        let mut books = given_back();
        tamper(&mut books);
        let ids = found(&books, &History::default(), 50);
        found_as(&place.to_string(), invariant, also, &ids);
    }
}

#[test]
fn a_reversal_changes_nothing_but_the_charge_and_never_goes_back() {
    type Break = fn(&mut Books, &mut Books);
    let breaks: [(&str, &[&str], Break); 4] = [
        ("INV-19", &[], |old, _| old.jobs[0].pictures[0] = "1/1".into()),
        ("INV-19", &[], |old, _| old.jobs[0].status = Status::Failed),
        ("INV-30", &[], |old, _| old.events[0].forget_at = at(999)),
        ("INV-09", &["INV-19", "INV-30"], |old, new| std::mem::swap(old, new)),
    ];
    for (place, (invariant, also, tamper)) in breaks.into_iter().enumerate() {
        let (mut old, mut new) = (sound(), given_back());
        tamper(&mut old, &mut new);
        let ids = found(&new, &before(old), 50);
        found_as(&place.to_string(), invariant, also, &ids);
    }
}
