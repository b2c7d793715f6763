//! Limits, as callers see them.

use domain::money::MicroUsd;
use serde_json::Value;

use super::*;
use crate::event::sorted;

fn value(body: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(body).unwrap()).unwrap()
}

/// The limits of an account in the middle.
pub(crate) fn example() -> Value {
    let balance = Balance {
        credited: MicroUsd::constant(50_000_000),
        open_jobs: 7,
        free_slots: 53,
        queue_cap: 60,
        running_cap: 20,
        ..Balance::default()
    };
    value(&limits(&balance))
}

/// All tiers.
pub(crate) fn example_of_tiers() -> Value {
    value(&tiers())
}

#[test]
fn who_paid_in_more_may_have_more_going_on() {
    insta::assert_json_snapshot!(sorted(&example()), @r#"
    {
      "image_concurrent": 20,
      "image_queue_cap": 60,
      "image_queue_used": 7,
      "object": "account.limits",
      "tier": 2
    }
    "#);
}

#[test]
fn slots_and_turns_that_an_account_was_given_stay_its_own_whatever_its_tier_has() {
    let balance = Balance { queue_cap: 99, free_slots: 99, running_cap: 33, ..Balance::default() };
    let told = value(&limits(&balance));
    assert_eq!((&told["tier"], &told["image_queue_cap"]), (&0.into(), &99.into()));
    assert_eq!(told["image_concurrent"], 33);
}

#[test]
fn the_tiers_are_those_that_orders_are_checked_against() {
    let told = value(&tiers());
    let told = told["tiers"].as_array().unwrap();
    assert_eq!(told.len(), TIERS.len());
    for (told, tier) in told.iter().zip(TIERS) {
        let expected = serde_json::json!({
            "tier": tier.level,
            "min_deposit_usd": Value::Null,
            "image_concurrent": tier.running_cap,
            "image_queue_cap": tier.queue_cap,
        });
        assert_eq!(told["min_deposit_usd"].to_string(), tier.min_credited.to_string());
        let mut told = told.clone();
        told["min_deposit_usd"] = Value::Null;
        assert_eq!(told, expected);
    }
}
