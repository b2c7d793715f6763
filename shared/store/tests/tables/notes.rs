//! What a worker notes: under its fence, as often as it likes.

use domain::job::{Dispatch, Ending, Fence, Job, Run, State, Task};
use store::{Claimed, Fenced, Store};

use crate::{
    support::{NOW, after, audit_clean, delivered},
    world::{LEASE, World},
};

pub(crate) fn task(name: &str) -> Task {
    Task(name.to_owned())
}

async fn run(world: &World, job: &Job) -> Run {
    let state = world.look(job).await.state;
    let State::Processing(run) = state else { panic!("{state:?}") };
    run
}

/// Every note that bears a fence.
async fn all_notes(store: &Store, job: &Job, fence: Fence) -> Vec<Fenced> {
    vec![
        store.note_intent(job, fence, 2, after(5)).await.unwrap(),
        store.note_task(job, fence, &task("upstream-1")).await.unwrap(),
        store.put_down_unsent(job, (fence, 0), NOW, after(5)).await.unwrap(),
        store.put_down(job, fence, NOW, after(5)).await.unwrap(),
    ]
}

#[tokio::test]
async fn a_worker_whose_lease_ended_changes_nothing() {
    let world = World::with(500_000).await;
    let (job, old) = world.begun(1).await;
    let Claimed::Resumed(..) = world.claim(&job, NOW.plus(LEASE)).await else {
        panic!("not resumed");
    };
    let before = world.rows().await;
    assert_eq!(all_notes(&world.store, &job, old.fence).await, [Fenced::Superseded; 4]);
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn nothing_is_noted_of_a_job_that_has_ended_or_has_not_begun() {
    let world = World::with(500_000).await;
    let pending = world.accepted(1).await;
    let (ended, run) = world.begun(2).await;
    world.finish(&ended, run.fence, &delivered(2)).await;
    let before = world.rows().await;
    assert_eq!(all_notes(&world.store, &pending, Fence(1)).await, [Fenced::Superseded; 4]);
    assert_eq!(all_notes(&world.store, &ended, run.fence).await, [Fenced::Superseded; 4]);
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_note_that_is_repeated_changes_nothing() {
    let world = World::with(500_000).await;
    let (job, Run { fence, .. }) = world.begun(1).await;
    let store = &world.store;
    for step in 0..4 {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let noted = match step {
                0 => store.note_intent(&job, fence, 2, after(5)).await,
                1 => store.note_task(&job, fence, &task("upstream-1")).await,
                2 => store.put_down(&job, fence, NOW, after(5)).await,
                _ => store.put_down_unsent(&job, (fence, 1), NOW, after(5)).await,
            };
            assert_eq!(noted.unwrap(), Fenced::Taken, "step {step}");
            seen.push(world.rows().await);
        }
        assert_eq!(seen[0], seen[1], "step {step}");
    }
    audit_clean(store).await;
}

#[tokio::test]
async fn a_task_is_written_once_for_each_intent() {
    let world = World::with(500_000).await;
    let (job, Run { fence, .. }) = world.begun(1).await;
    let store = &world.store;
    let noted = store.note_task(&job, fence, &task("upstream-1")).await.unwrap();
    assert_eq!(noted, Fenced::Taken);
    let noted = store.note_task(&job, fence, &task("upstream-2")).await.unwrap();
    assert_eq!(noted, Fenced::Superseded);
    assert_eq!(run(&world, &job).await.dispatch, Dispatch::Accepted(task("upstream-1")));

    assert_eq!(store.note_intent(&job, fence, 2, after(5)).await.unwrap(), Fenced::Taken);
    assert_eq!(run(&world, &job).await.dispatch, Dispatch::Intended);
    let noted = store.note_task(&job, fence, &task("upstream-2")).await.unwrap();
    assert_eq!(noted, Fenced::Taken);
    let now = run(&world, &job).await;
    assert_eq!((now.dispatch, now.submits), (Dispatch::Accepted(task("upstream-2")), 2));
    audit_clean(store).await;
}

#[tokio::test]
async fn an_intent_that_arrives_late_does_not_make_the_order_look_unanswered() {
    let world = World::with(500_000).await;
    let store = &world.store;
    let (job, Run { fence, .. }) = world.begun(1).await;
    assert_eq!(store.note_intent(&job, fence, 2, after(5)).await.unwrap(), Fenced::Taken);
    assert_eq!(store.note_task(&job, fence, &task("upstream-2")).await.unwrap(), Fenced::Taken);
    let noted = world.rows().await;
    assert_eq!(store.note_intent(&job, fence, 2, after(5)).await.unwrap(), Fenced::Superseded);
    assert_eq!(world.rows().await, noted);

    let (job, Run { fence, .. }) = world.begun(2).await;
    assert_eq!(store.note_intent(&job, fence, 2, after(5)).await.unwrap(), Fenced::Taken);
    let unsent = store.put_down_unsent(&job, (fence, 1), NOW, after(5)).await.unwrap();
    assert_eq!(unsent, Fenced::Taken);
    let put_down = world.rows().await;
    assert_eq!(store.note_intent(&job, fence, 2, after(5)).await.unwrap(), Fenced::Superseded);
    assert_eq!(world.rows().await, put_down);
    audit_clean(store).await;
}

#[tokio::test]
async fn an_order_that_was_not_taken_counts_as_unsent() {
    let world = World::with(500_000).await;
    let (job, begun) = world.begun(1).await;
    let noted = world.store.put_down_unsent(&job, (begun.fence, 0), NOW, after(5)).await.unwrap();
    assert_eq!(noted, Fenced::Taken);
    let unsent = Run { lease_until: None, submits: 0, dispatch: Dispatch::Unsent, ..begun };
    assert_eq!(run(&world, &job).await, unsent);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_that_is_put_down_is_due_no_later_than_it_expires() {
    let world = World::with(500_000).await;
    let (job, Run { fence, .. }) = world.begun(1).await;
    let far = job.expires_at.plus(LEASE);
    assert_eq!(world.store.put_down(&job, fence, NOW, far).await.unwrap(), Fenced::Taken);
    let due = world.store.due(1, job.expires_at, 9, None).await.unwrap();
    assert_eq!(due.rows.len(), 1);
    world.finish(&job, fence, &Ending::Expired).await;
    audit_clean(&world.store).await;
}
