//! Books that are not what they were, where they should be.

use super::*;

/// A history with these books.
fn before(books: Books) -> History {
    History { earlier: Some(books), ..History::default() }
}

#[test]
fn books_that_went_on_by_the_rules_pass() {
    let after = sound();
    assert_eq!(violations(&after, &before(sound()), 50), []);
    assert_eq!(violations(&after, &before(Books::of(after.user.clone())), 50), []);

    // Before the second and third job ended and began, and the money came in.
    let mut earlier = sound();
    earlier.entries.truncate(3);
    earlier.references.clear();
    earlier.events.clear();
    earlier.jobs = vec![job(1, Status::Processing), job(2, Status::Pending)];
    earlier.jobs[0].fence = Some(Fence(1));
    earlier.keys.truncate(1);
    let balance = Balance { credited: usd(0), version: 3, ..after.balance.unwrap() };
    earlier.balance = Some(balance);
    assert_eq!(violations(&after, &before(earlier), 50), []);
}

/// What is changed of the books, earlier or now.
type Break = fn(&mut Books, &mut Books);

#[test]
fn each_way_back_is_found() {
    let breaks: [(&str, &[&str], Break); 27] = [
        ("INV-09", &[], |old, _| old.entries.push(held(9))),
        ("INV-09", &[], |old, _| old.entries[0].at = at(2)),
        ("INV-09", &["INV-11"], |old, _| old.entries[3] = credit("c", 99, "r")),
        ("INV-09", &[], |old, _| old.entries[3] = credit("c", 100, "s")),
        ("INV-09", &[], |old, _| old.references.push(used("s", 1))),
        ("INV-09", &[], |old, _| old.references[0].amount = usd(99)),
        ("INV-09", &[], |old, _| old.balance.as_mut().unwrap().version = 7),
        ("INV-10", &[], |old, _| old.jobs[2].expires_at = at(99)),
        ("INV-11", &[], |old, _| old.balance.as_mut().unwrap().credited = usd(99)),
        ("INV-11", &[], |old, _| old.balance.as_mut().unwrap().credited = usd(101)),
        ("INV-14", &[], |old, _| old.keys.push(key("k3", 3))),
        ("INV-14", &[], |old, _| old.keys[0].job = id(2)),
        ("INV-14", &[], |old, _| old.keys[0].fingerprint = fingerprint("a dog")),
        ("INV-18", &[], |old, _| old.jobs.push(job(9, Status::Processing))),
        ("INV-18", &[], |_, new| drop(new.jobs.remove(0))),
        ("INV-19", &[], |old, _| old.jobs[0].pictures[0] = "1/1".into()),
        ("INV-19", &[], |old, _| old.jobs[0].status = Status::Expired),
        ("INV-19", &[], |old, _| old.jobs[2].status = Status::Failed),
        ("INV-20", &["INV-24"], |old, new| {
            old.jobs[2].task = None;
            (new.jobs[2].status, new.jobs[2].fence) = (Status::Pending, None);
        }),
        ("INV-20", &["INV-21", "INV-22", "INV-30", "INV-32"], |old, new| {
            old.jobs[1].status = Status::Processing;
            (new.jobs[1].status, new.jobs[1].fence) = (Status::Refunded, Some(Fence(2)));
        }),
        ("INV-24", &[], |old, _| old.jobs[2].fence = Some(Fence(3))),
        ("INV-24", &["INV-20"], |_, new| new.jobs[2].fence = None),
        ("INV-25", &[], |old, _| old.jobs[2].task = Some("another".into())),
        ("INV-25", &[], |_, new| new.jobs[2].task = None),
        ("INV-25", &[], |_, new| new.jobs[2].submits = 0),
        ("INV-30", &[], |old, _| old.events.push(event(3, Status::Failed))),
        ("INV-30", &[], |old, _| old.events[0].forget_at = at(999)),
    ];
    for (place, (invariant, also, tamper)) in breaks.into_iter().enumerate() {
        let (mut old, mut new) = (sound(), sound());
        tamper(&mut old, &mut new);
        let ids = found(&new, &before(old), 50);
        found_as(&place.to_string(), invariant, also, &ids);
    }
}

#[test]
fn another_order_has_another_task() {
    let (old, mut new) = (sound(), sound());
    new.jobs[2].submits = 2;
    for task in [None, Some("another".to_owned())] {
        new.jobs[2].task = task;
        assert_eq!(violations(&new, &before(old.clone()), 50), []);
    }
}

#[test]
fn what_may_be_forgotten_may_be_gone() {
    let (old, mut new) = (sound(), sound());
    // The open job is not what this is about.
    new.jobs[2].expires_at = at(2_000);
    let mut old = Books { jobs: vec![new.jobs[2].clone()], ..old };
    old.jobs.extend(new.jobs.drain(..2));
    new.events.clear();
    new.keys.clear();
    let history = before(old);
    assert_eq!(found(&new, &history, 899), ["INV-14", "INV-18", "INV-30"]);
    assert_eq!(found(&new, &history, 999), ["INV-18", "INV-30"]);
    assert_eq!(found(&new, &history, 1_000), [""; 0]);
}
