//! Rows that a later version has written to: what this one does not know, it leaves where it is.

use domain::job::{Fence, Status, Task};
use store::{Accepted, Claimed, Fenced, Finished};

use crate::{
    support::{NOW, after, audit_clean, delivered, job, keyed, user},
    world::{LEASE, World, text},
};

/// Something that this version does not know.
const NEW: &str = "from_a_later_version";
const TABLES: [&str; 2] = ["jobs", "ledger"];

#[tokio::test]
async fn what_a_later_version_wrote_is_kept_through_the_whole_life_of_a_job() {
    let world = World::with(500_000).await;
    let store = &world.store;
    let job = job(1);
    assert_eq!(store.accept(&keyed(&job, "k")).await.unwrap(), Accepted::Now);
    let mut changed = 0;
    for table in TABLES {
        for mut row in world.scan(table).await {
            let sk = row["sk"].as_s().unwrap().clone();
            row.insert(NEW.to_owned(), text("kept"));
            world.put(table, &user(), &sk, row).await;
            changed += 1;
        }
    }
    // The key and the job; the balance, the credit with its reference, and the hold.
    assert_eq!(changed, 6);

    let Claimed::Begun(job, _) = world.claim(&job, NOW).await else { panic!("not begun") };
    let task = Task("upstream-1".to_owned());
    assert_eq!(store.note_task(&job, Fence(1), &task).await.unwrap(), Fenced::Taken);
    assert_eq!(store.put_down(&job, Fence(1), NOW, after(5)).await.unwrap(), Fenced::Taken);
    let Claimed::Resumed(job, run) = world.claim(&job, NOW.plus(LEASE)).await else {
        panic!("not resumed")
    };
    assert_eq!(world.finish(&job, run.fence, &delivered(2)).await, Finished::Now);
    assert_eq!(world.look(&job).await.state.status(), Status::Succeeded);

    let mut kept = 0;
    for table in TABLES {
        let rows = world.scan(table).await;
        kept += rows.iter().filter(|row| row.get(NEW) == Some(&text("kept"))).count();
    }
    assert_eq!(kept, changed);
    audit_clean(store).await;
}
