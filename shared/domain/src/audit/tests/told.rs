//! What callers were told, and what is not so.

use super::*;

fn request(key: Option<&str>) -> Request {
    Request { key: key.map(str::to_owned), fingerprint: Some(fingerprint("a cat")) }
}

fn accepted(key: Option<&str>, n: u8, replay: bool) -> Told {
    Told::Accepted { request: request(key), job: id(n), replay }
}

fn refused(key: Option<&str>, definite: bool) -> Told {
    Told::Refused { request: request(key), definite }
}

fn unknown(key: Option<&str>) -> Told {
    Told::Unknown { request: request(key) }
}

fn other(key: &str) -> Request {
    Request { fingerprint: Some(fingerprint("a dog")), ..request(Some(key)) }
}

fn seen(n: u8, status: Status) -> Told {
    let (charged, images) = match status {
        Status::Pending | Status::Processing => (None, 0),
        Status::Succeeded => (Some(usd(10)), 1),
        Status::Failed | Status::Expired | Status::Refunded => (Some(usd(0)), 0),
    };
    Told::Seen { job: id(n), status, charged, images }
}

/// All that was told of the sound books: the third order has no key.
fn all() -> Vec<Told> {
    vec![
        refused(Some("k1"), true),
        accepted(Some("k1"), 1, false),
        Told::Refused { request: other("k1"), definite: true },
        accepted(Some("k1"), 1, true),
        seen(1, Status::Pending),
        refused(Some("k2"), false),
        accepted(Some("k2"), 2, true),
        refused(None, true),
        Told::Missing { job: id(9) },
        accepted(None, 3, false),
        seen(1, Status::Processing),
        seen(1, Status::Succeeded),
        seen(2, Status::Failed),
        seen(3, Status::Processing),
        Told::Refused { request: Request { key: None, fingerprint: None }, definite: true },
    ]
}

fn history(told: Vec<Told>) -> History {
    History { told, told_all: true, ..History::default() }
}

#[test]
fn what_was_told_and_is_so_passes() {
    assert_eq!(violations(&sound(), &history(all()), 50), []);
    // Also where not all of it is known, but what became of the order that was refused first.
    for length in 2..all().len() {
        let told = History { told_all: false, ..history(all().into_iter().take(length).collect()) };
        assert_eq!(violations(&sound(), &told, 50), [], "the first {length}");
    }
}

/// What is changed of what was told, or of the books.
type Break = fn(&mut Vec<Told>, &mut Books);

#[test]
fn each_untruth_is_found() {
    let breaks: [(&str, &[&str], Break); 27] = [
        // Another job under a key than the stored one, by itself and beside the first.
        ("INV-14", &[], |told, _| told[6] = accepted(Some("k2"), 3, true)),
        ("INV-14", &["INV-15"], |told, _| told.push(accepted(Some("k1"), 3, true))),
        ("INV-14", &[], |_, books| drop(books.keys.remove(0))),
        ("INV-15", &["INV-18"], |told, _| told.push(accepted(Some("k1"), 9, true))),
        ("INV-15", &[], |told, _| told.push(accepted(Some("k1"), 1, false))),
        ("INV-15", &[], |told, _| told.push(accepted(None, 3, false))),
        ("INV-15", &[], |told, _| told.push(accepted(None, 3, true))),
        ("INV-15", &[], |told, _| {
            told.push(Told::Accepted { request: other("k1"), job: id(1), replay: true });
        }),
        ("INV-15", &[], |_, books| books.keys[0].fingerprint = fingerprint("a dog")),
        // A job, with or without a key, that nobody was told of.
        ("INV-16", &[], |told, _| drop(told.drain(0..4))),
        ("INV-16", &[], |told, _| told.retain(|told| *told != accepted(None, 3, false))),
        ("INV-16", &[], |told, _| {
            told.retain(|told| *told != accepted(None, 3, false));
            told.push(refused(None, true));
        }),
        ("INV-16", &[], |told, _| (told[5], told[6]) = (refused(Some("k2"), true), unknown(None))),
        ("INV-17", &[], |told, _| {
            let (status, charged) = (Status::Succeeded, Some(usd(20)));
            told.push(Told::Seen { job: id(1), status, charged, images: 1 });
        }),
        ("INV-17", &[], |told, _| {
            let (status, charged) = (Status::Failed, Some(usd(10)));
            told.push(Told::Seen { job: id(2), status, charged, images: 0 });
        }),
        ("INV-17", &[], |told, _| {
            let (status, charged) = (Status::Succeeded, None);
            told.push(Told::Seen { job: id(1), status, charged, images: 1 });
        }),
        ("INV-17", &[], |told, _| {
            let (status, charged) = (Status::Processing, Some(usd(0)));
            told.push(Told::Seen { job: id(3), status, charged, images: 0 });
        }),
        // An ending that is not in the ledger.
        ("INV-17", &["INV-28"], |told, _| told.push(seen(3, Status::Failed))),
        ("INV-18", &["INV-14"], |told, _| told.push(accepted(Some("k9"), 9, false))),
        ("INV-18", &[], |told, _| told.push(accepted(None, 9, false))),
        ("INV-23", &[], |told, _| {
            let (status, charged) = (Status::Succeeded, Some(usd(10)));
            told.push(Told::Seen { job: id(1), status, charged, images: 2 });
        }),
        ("INV-23", &[], |told, _| {
            let (status, charged) = (Status::Failed, Some(usd(0)));
            told.push(Told::Seen { job: id(2), status, charged, images: 1 });
        }),
        ("INV-28", &[], |told, _| told.push(seen(1, Status::Processing))),
        ("INV-28", &[], |told, _| told.push(seen(3, Status::Pending))),
        ("INV-28", &[], |told, _| told.push(Told::Missing { job: id(3) })),
        ("INV-28", &[], |told, _| told.push(seen(9, Status::Pending))),
        ("INV-28", &["INV-20"], |_, books| books.jobs[2].status = Status::Pending),
    ];
    for (place, (invariant, also, tamper)) in breaks.into_iter().enumerate() {
        let (mut told, mut books) = (all(), sound());
        tamper(&mut told, &mut books);
        let ids = found(&books, &history(told), 50);
        found_as(&place.to_string(), invariant, also, &ids);
    }
}

#[test]
fn what_is_unknown_is_settled_by_what_is_found() {
    let without = |n: u8| {
        let mut told = all();
        told.retain(|told| !matches!(told, Told::Accepted { job, .. } if *job == id(n)));
        told
    };
    for (n, key) in [(1, Some("k1")), (3, None)] {
        assert_eq!(found(&sound(), &history(without(n)), 50), ["INV-16"]);
        for settled in [unknown(key), refused(key, false)] {
            let mut told = without(n);
            told.push(settled);
            assert_eq!(violations(&sound(), &history(told), 50), []);
        }
    }
    // Also where it left nothing.
    let mut told = all();
    told.extend([unknown(None), unknown(Some("k9"))]);
    assert_eq!(violations(&sound(), &history(told), 50), []);
    // What was asked for in other words is no explanation.
    let mut told = without(1);
    told.push(Told::Unknown { request: other("k1") });
    assert_eq!(found(&sound(), &history(told), 50), ["INV-16"]);
}

#[test]
fn a_refusal_under_a_key_leaves_nothing_even_where_not_all_is_told() {
    let told = vec![refused(Some("k1"), true)];
    let some = History { told_all: false, ..history(told) };
    assert_eq!(found(&sound(), &some, 50), ["INV-16"]);
    let told = vec![Told::Refused { request: other("k1"), definite: true }];
    let some = History { told_all: false, ..history(told) };
    assert_eq!(violations(&sound(), &some, 50), []);
}

#[test]
fn a_job_that_is_forgotten_was_told_of_and_may_be_missing() {
    let mut books = sound();
    books.jobs.retain(|job| job.id != id(1));
    books.events.retain(|event| event.job != id(1));
    let mut told = all();
    told.push(Told::Missing { job: id(1) });
    assert_eq!(violations(&books, &history(told), 50), []);
}
