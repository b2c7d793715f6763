//! The list of entries, page by page.

use domain::{
    ids::CreditId,
    ledger::{Balance, Entry, EntryKind, replay},
};
use store::{BadCursor, Cursor, List};

use crate::{
    support::{NOW, audit_clean, delivered, entropy, user},
    world::{World, text},
};

/// A credit, and twelve jobs that ended: 25 entries.
async fn busy_user() -> World {
    let world = World::with(4_000_000).await;
    for n in 1..=12 {
        let (job, run) = world.begun(n).await;
        let pictures = if n.is_multiple_of(3) { 1 } else { 2 };
        world.finish(&job, run.fence, &delivered(pictures)).await;
    }
    world
}

/// All pages, each cursor written out and read again as callers have it.
async fn pages(world: &World, limit: u8) -> Vec<Vec<Entry>> {
    let (mut pages, mut from) = (Vec::new(), None);
    loop {
        let page = world.store.entries(&user(), limit, from.as_ref()).await.unwrap();
        pages.push(page.rows);
        let Some(next) = page.next else { return pages };
        from = Some(Cursor::read(&next.write(&user()), &user(), List::Entries).unwrap());
    }
}

#[tokio::test]
async fn the_pages_have_every_entry_once_and_make_the_balance() {
    let world = busy_user().await;
    let whole = pages(&world, 100).await.concat();
    assert_eq!(whole.len(), 25);
    for (limit, sizes) in [
        (4, vec![4, 4, 4, 4, 4, 4, 1]),
        (5, vec![5; 5]),
        (24, vec![24, 1]),
        (25, vec![25]),
        (255, vec![25]),
    ] {
        let pages = pages(&world, limit).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{limit} a page");
        assert_eq!(pages.concat(), whole, "{limit} a page");
    }
    let Balance { available, held, charged, credited, .. } = world.balance().await;
    let sides = [available, held, charged, credited].map(|side| i128::from(side.micros()));
    assert_eq!(replay(&whole), sides);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn the_newest_come_first_and_a_resolution_before_its_hold() {
    let world = busy_user().await;
    let whole = pages(&world, 100).await.concat();
    let mut expected: Vec<_> = (1..=12)
        .rev()
        .map(|n| crate::support::job(n).id)
        .flat_map(|id| [(id, "usage"), (id, "hold")])
        .collect();
    for entry in &whole {
        let found = match &entry.kind {
            // Made at the same millisecond as the jobs, before them: it is the last.
            EntryKind::Credit { .. } => {
                assert_eq!(expected, []);
                continue;
            }
            EntryKind::Hold { job, .. }
            | EntryKind::Resolution { job, .. }
            | EntryKind::Reversal { job, .. } => (*job, entry.kind.name()),
        };
        assert_eq!(found, expected.remove(0));
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_page_may_begin_after_what_has_come_in_since() {
    let world = World::with(4_000_000).await;
    world.accepted(1).await;
    world.accepted(2).await;
    let first = world.store.entries(&user(), 1, None).await.unwrap();
    world.accepted(3).await;
    let rest = world.store.entries(&user(), 9, first.next.as_ref()).await.unwrap();
    let names: Vec<_> = rest.rows.iter().map(|entry| entry.kind.name()).collect();
    assert_eq!(names, ["hold", "credit"]);
    assert!(rest.next.is_none());
}

#[tokio::test]
async fn who_has_no_entries_has_an_empty_page() {
    let world = World::empty().await;
    world.store.open_account(&user()).await.unwrap();
    for user in [user(), "nobody".parse().unwrap()] {
        let page = world.store.entries(&user, 10, None).await.unwrap();
        assert!(page.rows.is_empty() && page.next.is_none());
    }
}

#[tokio::test]
async fn a_cursor_is_no_use_to_another_user() {
    let world = busy_user().await;
    let page = world.store.entries(&user(), 4, None).await.unwrap();
    let cursor = page.next.unwrap().write(&user());
    let other = "other".parse().unwrap();
    assert_eq!(Cursor::read(&cursor, &other, List::Entries), Err(BadCursor));
}

#[tokio::test]
async fn an_extract_has_every_entry_once_in_order_however_many_pages_it_takes() {
    let world = World::with(4_000_000).await;
    let credit = world.row("ledger", &user(), &credit_sk(&world).await).await.unwrap();
    let more = (0..2_500_u32).map(|n| {
        let mut row = credit.clone();
        let id = CreditId::new(NOW, &entropy(n.saturating_add(1_000)));
        row.insert("sk".to_owned(), text(&format!("entry#{id}#credit")));
        row
    });
    world.put_all("ledger", more.collect()).await;
    let (mut ids, mut from, mut pages) = (Vec::new(), None, 0_u32);
    loop {
        let page = world.store.extract(&user(), from).await.unwrap();
        for entry in page.entries {
            let EntryKind::Credit { id, .. } = entry.kind else { panic!("{entry:?}") };
            ids.push(id);
        }
        pages = pages.saturating_add(1);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((ids.len(), pages > 2), (2_501, true));
    assert_eq!(ids, sorted);
}

/// The sort key of the only credit.
async fn credit_sk(world: &World) -> String {
    let rows = world.scan("ledger").await;
    let keys = rows.iter().map(|row| row["sk"].as_s().unwrap().clone());
    keys.into_iter().find(|sk| sk.ends_with("#credit")).unwrap()
}
