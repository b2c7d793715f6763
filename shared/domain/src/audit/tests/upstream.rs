//! What upstreams, the bucket and listeners have, and should not or should.

use super::*;

fn history() -> History {
    History {
        orders: [(id(1), 1), (id(2), 2), (id(3), 1)].into(),
        pictures: Some(["1/0".to_owned(), "9/0".to_owned()].into()),
        events: vec![(id(1), Status::Succeeded), (id(2), Status::Failed)],
        ..History::default()
    }
}

#[test]
fn what_upstreams_the_bucket_and_listeners_may_have_passes() {
    assert_eq!(violations(&sound(), &history(), 50), []);
}

#[test]
fn each_thing_too_many_or_too_few_is_found() {
    type Break = fn(&mut History);
    let breaks: [(&str, Break); 8] = [
        ("INV-16", |h| h.orders.extend([(id(9), 1)])),
        ("INV-23", |h| h.pictures = Some(["9/0".to_owned()].into())),
        ("INV-26", |h| h.orders.extend([(id(1), 3)])),
        ("INV-26", |h| h.orders_max = 1),
        ("INV-32", |h| h.events.push((id(1), Status::Failed))),
        ("INV-32", |h| h.events.push((id(3), Status::Processing))),
        ("INV-32", |h| h.events.push((id(3), Status::Expired))),
        ("INV-32", |h| h.events.push((id(9), Status::Failed))),
    ];
    for (place, (invariant, tamper)) in breaks.into_iter().enumerate() {
        let mut history = history();
        tamper(&mut history);
        found_as(&place.to_string(), invariant, &[], &found(&sound(), &history, 50));
    }
}

#[test]
fn pictures_of_a_job_that_may_be_forgotten_may_be_gone() {
    let mut books = sound();
    books.jobs[2].expires_at = at(2_000);
    let none = History { pictures: Some([].into()), ..History::default() };
    assert_eq!(found(&books, &none, 999), ["INV-23"]);
    assert_eq!(found(&books, &none, 1_000), [""; 0]);
}
