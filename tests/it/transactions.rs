//! What happened to a user's money, as the user can see it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::world::{World, sum, usd};

#[tokio::test]
async fn the_changes_of_all_transactions_add_up_to_the_balance_and_paging_walks_them_all() {
    let world = World::start().await;
    let anna = world.user("anna", "3.5").await;
    world.credit(&anna.user, "0.000001").await;
    let order = |sandbox| json!({ "model": "ideogram-v3", "prompt": "a", "n": 2, "extra": { "sandbox": sandbox } });
    for sandbox in [json!({}), json!({ "outcome": "refuse" }), json!({ "deliver": 1 })] {
        anna.wait(&anna.accepted(&order(sandbox)).await).await;
    }
    let all = anna.transactions(100).await;
    for limit in [1, 2, 3, 7] {
        assert_eq!(anna.transactions(limit).await, all, "in pages of {limit}");
    }
    let kinds: Vec<&str> = all.iter().map(|row| row.kind.as_str()).collect();
    let newest_first = ["usage", "hold", "refund", "hold", "usage", "hold", "credit", "credit"];
    assert_eq!(kinds, newest_first);

    let balance = anna.balance().await;
    assert_eq!(balance.available, usd("3.176001"));
    assert_eq!(balance.available, sum(all.iter().map(|row| row.changes.available)));
    assert_eq!(balance.held, sum(all.iter().map(|row| row.changes.held)));
    assert_eq!(balance.charged, sum(all.iter().map(|row| row.changes.charged)));
    assert_eq!(balance.credited, sum(all.iter().map(|row| row.changes.credited)));
    assert_eq!(balance.credited, sum([balance.available, balance.held, balance.charged]));

    let amounts: Vec<_> = all.iter().map(|row| row.amount).collect();
    let expected = ["0.108", "0.216", "0.216", "0.216", "0.216", "0.216", "0.000001", "3.5"];
    assert_eq!(amounts, expected.map(usd));
    let ids: BTreeSet<&str> = all.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
    for row in &all {
        assert_eq!(row.object, "credit.transaction");
        assert_eq!(row.job_id.is_some(), row.kind != "credit", "{row:?}");
        assert_eq!(row.reference.is_some(), row.kind == "credit", "{row:?}");
        assert!(row.created_at.ends_with('Z'), "{row:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn somebody_elses_transactions_are_out_of_sight() {
    let world = World::start().await;
    let (anna, ben) = (world.user("anna", "1").await, world.user("ben", "2").await);
    world.credit(&anna.user, "1").await;
    let page = anna.get("/v1/credits/transactions?limit=1").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let stolen = ben.get(&format!("/v1/credits/transactions?cursor={cursor}")).await;
    stolen.refused(400, "invalid_parameter");
    assert_eq!(ben.transactions(1).await.len(), 1);
    assert_eq!(ben.balance().await.credited, usd("2"));
    world.finish().await;
}
