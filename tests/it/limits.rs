//! How much a user may have going on at a time, and what they are told of it.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_user_is_told_the_tier_the_queue_and_what_is_used_of_it() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let limits = async || anna.get("/v1/auth/limits").await.expect(200).json();
    let told = |tier: u8, running: u32, cap: u32, used: u32| {
        json!({
            "object": "account.limits",
            "tier": tier,
            "image_concurrent": running,
            "image_queue_cap": cap,
            "image_queue_used": used,
        })
    };
    assert_eq!(limits().await, told(0, 2, 6, 0));
    let order = json!({ "model": "recraft-v3", "prompt": "a cat" });
    let job = anna.accepted(&order).await;
    anna.accepted(&order).await;
    assert_eq!(limits().await, told(0, 2, 6, 2));
    anna.cancel(&job).await.expect(200);
    assert_eq!(limits().await, told(0, 2, 6, 1));
    world.credit(&anna.user, "249").await;
    assert_eq!(limits().await, told(3, 28, 84, 1));

    // What they are told is what the public table says.
    let tiers = world.api().get("/v1/limits/tiers").await.expect(200).json();
    assert_eq!(tiers["object"], "tier.matrix");
    let third =
        json!({ "tier": 3, "min_deposit_usd": 250, "image_concurrent": 28, "image_queue_cap": 84 });
    assert_eq!(tiers["tiers"][3], third);
    world.stack().resume_queue();
    world.finish().await;
}
