//! Quotes, as callers see them.

use domain::{money::MicroUsd, order::Draft, time::Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::event::sorted;

fn order() -> Order {
    let draft = Draft {
        model: "ideogram-v3".to_owned(),
        prompt: "a cat".to_owned(),
        n: Some(3),
        size: Some("3:4".to_owned()),
        ..Draft::default()
    };
    Order::agree(draft).unwrap()
}

fn told(balance: &Balance) -> Value {
    let order = order();
    let hold = Hold::new(MicroUsd::constant(108_000), order.n).unwrap();
    serde_json::from_str(&serde_json::to_string(&quote(&order, &hold, balance)).unwrap()).unwrap()
}

fn balance(micros: u64, free_slots: u32) -> Balance {
    let available = MicroUsd::constant(micros);
    Balance { available, free_slots, queue_cap: 6, ..Balance::default() }
}

/// A quote of an order that would be accepted.
pub(crate) fn example() -> Value {
    told(&balance(324_000, 1))
}

#[test]
fn a_quote_says_what_it_would_cost_and_what_there_is() {
    insta::assert_json_snapshot!(sorted(&example()), @r#"
    {
      "acceptable": true,
      "available": 0.324,
      "currency": "USD",
      "estimated_cost": 0.324,
      "model": "ideogram-v3",
      "n": 3,
      "object": "price_quote",
      "price_per_image": 0.108,
      "refusal": null,
      "size": "3:4"
    }
    "#);
}

#[test]
fn a_quote_says_why_the_order_would_be_refused() {
    let suspended = Balance { suspended_at: Some(Timestamp::from_millis(1)), ..balance(0, 0) };
    for (balance, refusal) in [
        (balance(323_999, 1), "insufficient_balance"),
        (balance(0, 0), "insufficient_balance"),
        (balance(324_000, 0), "queue_full"),
        (suspended, "account_suspended"),
    ] {
        let told = told(&balance);
        assert_eq!((&told["acceptable"], &told["refusal"]), (&json!(false), &json!(refusal)));
    }
}
