//! The list of a user's jobs: each once, the newest first, also while others come in.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::world::{World, id_of};

fn order(sandbox: Value) -> Value {
    json!({
        "model": "recraft-v3",
        "prompt": "a cat",
        "extra": { "sandbox": sandbox, "seed": 7 },
        "metadata": { "page": "17" },
    })
}

/// An order that is kept waiting by a queue that is paused.
fn plain() -> Value {
    json!({ "model": "recraft-v3", "prompt": "a cat", "metadata": { "page": "17" } })
}

#[tokio::test]
async fn the_pages_have_every_job_once_the_newest_first() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let empty = anna.get("/v1/jobs").await.expect(200);
    assert_eq!(empty.text, r#"{"object":"list","data":[],"has_more":false,"next_cursor":null}"#);
    assert_eq!(empty.header("cache-control"), "no-store");
    world.stack().pause_queue();
    let mut placed = Vec::new();
    for _ in 0..7 {
        placed.push(anna.accepted(&plain()).await);
    }
    placed.reverse();
    for limit in [1, 2, 3, 7, 100] {
        let listed = anna.jobs(limit, "").await;
        assert_eq!(listed.iter().map(id_of).collect::<Vec<_>>(), placed, "in pages of {limit}");
    }
    // A row of the list is the job, to the letter.
    for row in anna.jobs(100, "").await {
        assert_eq!(anna.job(&id_of(&row)).await.json(), row);
    }
    let twenty = anna.get("/v1/jobs").await.json();
    assert_eq!(twenty["data"].as_array().unwrap().len(), 7);
    world.stack().resume_queue();
    world.finish().await;
}

#[tokio::test]
async fn jobs_are_listed_by_status_and_pages_may_be_short_but_miss_none() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let made = anna.made(&order(json!({}))).await;
    let failed = anna.accepted(&order(json!({ "outcome": "fail" }))).await;
    anna.wait(&failed).await;
    world.stack().pause_queue();
    let pending = [anna.accepted(&plain()).await, anna.accepted(&plain()).await];
    let canceled = anna.accepted(&plain()).await;
    anna.cancel(&canceled).await.expect(200);
    for (status, expected) in [
        ("pending", vec![pending[1].clone(), pending[0].clone()]),
        ("processing", vec![]),
        ("succeeded", vec![made.id()]),
        ("failed", vec![failed]),
        ("expired", vec![]),
        ("refunded", vec![canceled]),
    ] {
        for limit in [1, 100] {
            let listed = anna.jobs(limit, &format!("&status={status}")).await;
            assert_eq!(listed.iter().map(id_of).collect::<Vec<_>>(), expected, "{status}");
            assert!(listed.iter().all(|job| job["status"] == status));
        }
    }
    // The pictures of a list can be fetched, and seeds and notes come back as they went in.
    let listed = anna.jobs(100, "&status=succeeded").await;
    let image = &listed[0]["output"]["images"][0];
    assert_eq!((&image["seed"], &listed[0]["metadata"]), (&json!(7), &json!({ "page": "17" })));
    let (status, kind, _) = world.api().fetch(image["url"].as_str().unwrap()).await;
    assert_eq!((status, kind.as_str()), (200, "image/png"));
    world.stack().resume_queue();
    world.finish().await;
}

/// More jobs than are looked at for one page, and what is looked for at the very end.
#[tokio::test]
async fn what_is_looked_for_among_many_is_found_in_pages_of_bounded_work() {
    let world = World::start().await;
    let anna = world.user("anna", "1000").await;
    world.stack().pause_queue();
    let order = plain();
    let wanted = anna.accepted(&order).await;
    for _ in 0..3 {
        let placed = join_all((0..70).map(|_| anna.submit(&order))).await;
        for job in placed {
            anna.cancel(&job.expect(202).id()).await.expect(200);
        }
    }
    let page = anna.get("/v1/jobs?status=pending&limit=1").await.expect(200).json();
    assert_eq!((&page["data"], &page["has_more"]), (&json!([]), &json!(true)));
    let found = anna.jobs(1, "&status=pending").await;
    assert_eq!(found.iter().map(id_of).collect::<Vec<_>>(), [wanted]);
    assert_eq!(anna.jobs(100, "&status=refunded").await.len(), 210);
    world.stack().resume_queue();
    world.finish().await;
}

#[tokio::test]
async fn a_walk_through_the_pages_while_orders_come_in_has_every_older_job_once() {
    let world = World::start().await;
    let anna = world.user("anna", "1000").await;
    world.stack().pause_queue();
    let mut older = BTreeSet::new();
    for _ in 0..20 {
        older.insert(anna.accepted(&plain()).await);
    }
    let ordering = async {
        for _ in 0..20 {
            anna.accepted(&plain()).await;
        }
    };
    let walking = async {
        let mut walks = Vec::new();
        for limit in [1, 2, 3, 5, 8] {
            walks.push(anna.jobs(limit, "").await);
        }
        walks
    };
    let ((), walks) = join(ordering, walking).await;
    for walk in walks {
        let ids: Vec<String> = walk.iter().map(id_of).collect();
        let once: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(once.len(), ids.len(), "a job is there twice");
        assert!(older.is_subset(&once), "a job is missing");
        assert!(ids.is_sorted_by(|newer, older| newer > older), "they are out of order");
    }
    world.stack().resume_queue();
    world.finish().await;
}

#[tokio::test]
async fn a_cursor_of_another_list_or_another_user_is_refused() {
    let world = World::start().await;
    let (anna, ben) = (world.user("anna", "10").await, world.user("ben", "10").await);
    world.stack().pause_queue();
    for user in [&anna, &ben] {
        for _ in 0..2 {
            user.accepted(&plain()).await;
        }
    }
    let cursor = async |path: &str| {
        let page = anna.get(&format!("{path}?limit=1")).await.expect(200).json();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let (of_jobs, of_entries) =
        (cursor("/v1/jobs").await, cursor("/v1/credits/transactions").await);
    anna.get(&format!("/v1/jobs?cursor={of_jobs}")).await.expect(200);
    for (user, path, cursor) in [
        (&ben, "/v1/jobs", &of_jobs),
        (&anna, "/v1/jobs", &of_entries),
        (&anna, "/v1/credits/transactions", &of_jobs),
    ] {
        let refused = user.get(&format!("{path}?cursor={cursor}")).await;
        let refused = refused.refused(400, "invalid_parameter");
        assert_eq!(refused.json()["error"]["param"], "cursor");
    }
    world.stack().resume_queue();
    world.finish().await;
}
