//! A balance as its owner sees it.

use domain::money::MicroUsd;

use super::*;

#[test]
fn a_balance_is_exact_and_has_nothing_internal() {
    let owned = Balance {
        available: MicroUsd::constant(4_838_000),
        held: MicroUsd::constant(81_000),
        charged: MicroUsd::constant(81_000),
        credited: MicroUsd::constant(5_000_000),
        open_jobs: 1,
        queue_cap: 30,
        version: 4,
    };
    let text = serde_json::to_string(&balance(&owned)).unwrap();
    insta::assert_snapshot!(text, @r#"{"object":"credit.balance","available":4.838,"held":0.081,"charged":0.081,"credited":5,"currency":"USD"}"#);
}

#[test]
fn no_amount_is_too_large_to_be_written_exactly() {
    let most = Balance {
        available: MicroUsd::MAX.checked_sub(MicroUsd::constant(1)).unwrap(),
        credited: MicroUsd::MAX,
        ..Balance::default()
    };
    let text = serde_json::to_string(&balance(&most)).unwrap();
    insta::assert_snapshot!(text, @r#"{"object":"credit.balance","available":999999999.999999,"held":0,"charged":0,"credited":1000000000,"currency":"USD"}"#);
}
