//! Deliveries: attempts one at a time, each of them seen, the same bytes in all.

use std::time::Duration;

use domain::{
    ids::{JobId, UserId},
    time::Timestamp,
    webhook::{
        DeliveryId, EventId, EventKind, Receiver, WebhookUrl,
        schedule::{ATTEMPTS, Next, Outcome},
    },
};
use store::{
    Attempt, Begun, Delivery, DeliveryStatus, DueDelivery, Fenced, NewDelivery, SHARDS, Store,
};

use crate::{
    support::{NOW, after, at_once, entropy, user},
    world::World,
};

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn url() -> WebhookUrl {
    "https://example.com/hook".to_owned().try_into().unwrap()
}

fn id(n: u32) -> DeliveryId {
    let event = EventId { job: JobId::new(NOW, &entropy(n)), kind: EventKind::Succeeded };
    DeliveryId { event, receiver: Receiver::Order }
}

async fn add(world: &World, n: u32) -> DeliveryId {
    let new = NewDelivery {
        id: id(n),
        url: url(),
        body: format!("body {n}"),
        forget_at_s: 2_000_000_000,
    };
    world.store.add_delivery(&user(), &new, NOW).await.unwrap();
    new.id
}

async fn look(store: &Store, id: &DeliveryId) -> Delivery {
    store.delivery(&user(), id).await.unwrap().unwrap()
}

async fn begin(store: &Store, id: &DeliveryId, now: Timestamp) -> Delivery {
    match store.begin_attempt(&user(), id, now, PATIENCE).await.unwrap() {
        Begun::Now(delivery) => delivery,
        Begun::Not => panic!("there is no attempt to make"),
    }
}

async fn is_idle(store: &Store, id: &DeliveryId, now: Timestamp) -> bool {
    matches!(store.begin_attempt(&user(), id, now, PATIENCE).await.unwrap(), Begun::Not)
}

fn met(begun: &Delivery, at: Timestamp, outcome: Outcome) -> Attempt {
    Attempt { number: begun.tries, at_ms: at, outcome, took_ms: 12 }
}

async fn due(store: &Store, now: Timestamp) -> Vec<DueDelivery> {
    let mut due = Vec::new();
    for shard in 0..SHARDS {
        let page = store.due_deliveries(shard, now, 100).await.unwrap();
        assert_eq!((page.unreadable, page.is_full), (0, false));
        due.extend(page.rows);
    }
    due
}

#[tokio::test]
async fn a_delivery_is_noted_once_and_what_it_says_stays() {
    let world = World::empty().await;
    let id = add(&world, 1).await;
    let again = NewDelivery {
        id: id.clone(),
        url: "https://other.example".to_owned().try_into().unwrap(),
        body: "other".to_owned(),
        forget_at_s: 1,
    };
    world.store.add_delivery(&user(), &again, after(9)).await.unwrap();
    let found = look(&world.store, &id).await;
    assert_eq!((found.url, found.body.as_str(), found.created_at), (url(), "body 1", NOW));
    assert_eq!((found.status, found.tries), (DeliveryStatus::Due, 0));
    let stranger: UserId = "stranger".parse().unwrap();
    assert_eq!(world.store.delivery(&stranger, &id).await.unwrap(), None);
    assert!(world.store.deliveries(&stranger, 10, None).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn of_many_who_are_rung_one_makes_the_attempt() {
    let world = World::empty().await;
    let id = add(&world, 1).await;
    let attempts = (0..8).map(|_| {
        let (store, id) = (world.store.clone(), id.clone());
        async move { store.begin_attempt(&user(), &id, NOW, PATIENCE).await.unwrap() }
    });
    let begun = at_once(attempts).await;
    assert_eq!(begun.iter().filter(|begun| matches!(begun, Begun::Now(_))).count(), 1);
    assert_eq!(look(&world.store, &id).await.tries, 1);
}

#[tokio::test]
async fn an_attempt_is_followed_by_the_next_when_that_is_due_and_not_before() {
    let world = World::empty().await;
    let (store, id) = (&world.store, add(&world, 1).await);
    let begun = begin(store, &id, NOW).await;
    assert_eq!(begun.body, "body 1");
    let under_way = look(store, &id).await;
    assert!(is_idle(store, &id, after(29)).await);
    assert_eq!(look(store, &id).await, under_way, "it is not lost before its time is up");
    let first = met(&begun, NOW, Outcome::Status(500));
    let taken = store.end_attempt(&user(), &begun, first, Next::Again(after(305))).await.unwrap();
    assert_eq!(taken, Fenced::Taken);
    assert!(is_idle(store, &id, after(304)).await);
    assert_eq!(due(store, after(304)).await, []);
    let row = DueDelivery { user: user(), delivery: id.clone() };
    assert_eq!(due(store, after(305)).await, std::slice::from_ref(&row));

    // The sweep looks later; the attempt may be made all the same.
    store.postpone_delivery(&row, after(305), after(400)).await.unwrap();
    assert_eq!(due(store, after(399)).await, []);
    let begun = begin(store, &id, after(305)).await;
    let second = met(&begun, after(305), Outcome::Status(204));
    let taken = store.end_attempt(&user(), &begun, second, Next::Delivered).await.unwrap();
    assert_eq!(taken, Fenced::Taken);
    let found = look(store, &id).await;
    assert_eq!(found.status, DeliveryStatus::Delivered);
    assert_eq!((found.attempts, found.body.as_str()), (vec![first, second], "body 1"));
    assert!(is_idle(store, &id, after(1_000_000)).await);
    assert_eq!(due(store, after(1_000_000)).await, []);
    // Whoever is late changes nothing.
    let late = store.end_attempt(&user(), &begun, second, Next::GivenUp).await.unwrap();
    assert_eq!(late, Fenced::Superseded);
    store.postpone_delivery(&row, after(2_000_000), after(2_000_001)).await.unwrap();
    assert_eq!(due(store, after(3_000_000)).await, []);
}

#[tokio::test]
async fn an_attempt_that_was_cut_off_is_seen_and_followed() {
    let world = World::empty().await;
    let (store, id) = (&world.store, add(&world, 1).await);
    let cut_off = begin(store, &id, NOW).await;
    // It is noted as lost, and counts as any other that failed.
    assert!(is_idle(store, &id, after(30)).await);
    assert!(is_idle(store, &id, after(34)).await);
    let begun = begin(store, &id, after(36)).await;
    let lost = Attempt { number: 1, at_ms: NOW, outcome: Outcome::Lost, took_ms: 0 };
    assert_eq!((begun.tries, begun.attempts.as_slice()), (2, &[lost][..]));
    // It was slow, not dead: what it says counts no more.
    let late = met(&cut_off, NOW, Outcome::Status(200));
    let late = store.end_attempt(&user(), &cut_off, late, Next::Delivered).await.unwrap();
    assert_eq!(late, Fenced::Superseded);
    assert_eq!(look(store, &id).await.status, DeliveryStatus::Due);
}

#[tokio::test]
async fn one_whose_attempts_are_all_cut_off_is_given_up() {
    let world = World::empty().await;
    let (store, id) = (&world.store, add(&world, 1).await);
    for _ in 0..ATTEMPTS {
        let now = look(store, &id).await.next_at;
        let begun = begin(store, &id, now).await;
        assert!(is_idle(store, &id, begun.next_at).await);
    }
    let found = look(store, &id).await;
    assert_eq!((found.status, found.attempts.len()), (DeliveryStatus::GivenUp, ATTEMPTS));
    assert!(found.attempts.iter().all(|attempt| attempt.outcome == Outcome::Lost));
    assert_eq!(due(store, after(1_000_000)).await, []);
}

#[tokio::test]
async fn a_delivery_that_was_given_up_is_begun_anew_and_one_that_is_due_goes_on() {
    let world = World::empty().await;
    let (store, id) = (&world.store, add(&world, 1).await);
    assert!(store.redeliver(&user(), &id, after(5)).await.unwrap());
    assert_eq!(look(store, &id).await.next_at, NOW);
    // Nor is one that is under way.
    let begun = begin(store, &id, NOW).await;
    assert!(store.redeliver(&user(), &id, after(5)).await.unwrap());
    assert_eq!((look(store, &id).await.earlier, begun.made()), (0, 1));
    let first = met(&begun, NOW, Outcome::Status(500));
    let _taken =
        store.end_attempt(&user(), &begun, first, Next::Again(after(7_200))).await.unwrap();
    // But one that waits for hours is.
    assert!(store.redeliver(&user(), &id, after(10)).await.unwrap());
    assert_eq!(look(store, &id).await.next_at, after(10));
    let begun = begin(store, &id, after(10)).await;
    assert_eq!((begun.tries, begun.made()), (2, 1));
    let second = met(&begun, after(10), Outcome::Status(410));
    let _taken = store.end_attempt(&user(), &begun, second, Next::Gone).await.unwrap();
    assert_eq!(look(store, &id).await.status, DeliveryStatus::GivenUp);
    assert!(store.redeliver(&user(), &id, after(60)).await.unwrap());
    assert_eq!(due(store, after(60)).await.len(), 1);
    let begun = begin(store, &id, after(60)).await;
    assert_eq!((begun.made(), begun.attempts.as_slice()), (1, &[first, second][..]));
    // What is cut off now is seen as well.
    assert!(is_idle(store, &id, after(90)).await);
    assert_eq!(look(store, &id).await.attempts.len(), 3);
    let missing = DeliveryId { event: EventId { kind: EventKind::Failed, ..id.event }, ..id };
    assert!(!store.redeliver(&user(), &missing, NOW).await.unwrap());
    assert!(!store.redeliver(&"stranger".parse().unwrap(), &begun.id, NOW).await.unwrap());
}

/// Two clicks, a request that is late, a clock that is behind: to be under way is a mark in the row, not a time.
#[tokio::test]
async fn a_delivery_that_is_under_way_is_not_begun_anew_by_whoever_asks_at_an_earlier_time() {
    let world = World::empty().await;
    let (store, id) = (&world.store, add(&world, 1).await);
    let begun = begin(store, &id, after(20)).await;
    for now in [NOW, after(19), after(20), after(45)] {
        assert!(store.redeliver(&user(), &id, now).await.unwrap());
        assert_eq!(look(store, &id).await, begun);
    }
    let taken = met(&begun, after(20), Outcome::Status(204));
    let ended = store.end_attempt(&user(), &begun, taken, Next::Delivered).await.unwrap();
    assert_eq!(ended, Fenced::Taken);
    let delivered = look(store, &id).await;
    assert_eq!((delivered.status, delivered.attempts), (DeliveryStatus::Delivered, vec![taken]));
    assert!(store.redeliver(&user(), &id, after(46)).await.unwrap());
    assert_eq!(begin(store, &id, after(46)).await.made(), 1);
}

#[tokio::test]
async fn no_more_attempts_are_remembered_than_a_row_can_hold() {
    let world = World::empty().await;
    let (store, id) = (&world.store, add(&world, 1).await);
    let mut now = NOW;
    for _ in 0..25 {
        let begun = begin(store, &id, now).await;
        let attempt = met(&begun, now, Outcome::Unreachable);
        let _taken = store.end_attempt(&user(), &begun, attempt, Next::GivenUp).await.unwrap();
        now = now.plus(Duration::from_secs(1));
        assert!(store.redeliver(&user(), &id, now).await.unwrap());
    }
    let found = look(store, &id).await;
    assert_eq!(found.attempts.len(), 20);
    assert_eq!(found.attempts.last().unwrap().at_ms, after(24));
}

#[tokio::test]
async fn deliveries_are_listed_page_by_page_the_newest_job_first() {
    let world = World::empty().await;
    for n in 1..=5 {
        add(&world, n).await;
    }
    let (mut seen, mut from) = (Vec::new(), None);
    loop {
        let page = world.store.deliveries(&user(), 2, from.as_ref()).await.unwrap();
        seen.extend(page.rows.into_iter().map(|delivery| delivery.id));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(id));
}
