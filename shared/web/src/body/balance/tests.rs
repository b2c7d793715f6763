//! A balance as its owner sees it.

use domain::money::MicroUsd;
use serde_json::Value;

use super::*;
use crate::event::sorted;

fn text(owned: &Balance) -> String {
    serde_json::to_string(&balance(owned)).unwrap()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A balance of which something is held.
pub(crate) fn example() -> Value {
    let owned = Balance {
        available: MicroUsd::constant(4_838_000),
        held: MicroUsd::constant(81_000),
        charged: MicroUsd::constant(81_000),
        credited: MicroUsd::constant(5_000_000),
        open_jobs: 1,
        free_slots: 29,
        queue_cap: 30,
        free_turns: 9,
        waiting_jobs: 0,
        running_cap: 10,
        suspended_at: None,
        version: 4,
    };
    value(&text(&owned))
}

#[test]
fn a_balance_is_exact_and_has_nothing_internal() {
    insta::assert_json_snapshot!(sorted(&example()), @r#"
    {
      "available": 4.838,
      "charged": 0.081,
      "credited": 5,
      "currency": "USD",
      "held": 0.081,
      "object": "credit.balance"
    }
    "#);
}

#[test]
fn no_amount_is_too_large_to_be_written_exactly() {
    let most = Balance {
        available: MicroUsd::MAX.checked_sub(MicroUsd::constant(1)).unwrap(),
        credited: MicroUsd::MAX,
        ..Balance::default()
    };
    let text = text(&most);
    assert!(text.contains(r#""available":999999999.999999,"held":0,"#), "{text}");
    assert!(text.contains(r#""credited":1000000000,"#), "{text}");
}
