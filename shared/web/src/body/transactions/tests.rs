//! Transactions of every kind, field by field.

use domain::{
    hold::Hold,
    ids::JobId,
    money::{Change, MicroUsd},
    order::Count,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::*;
use crate::event::sorted;

/// 2026-04-25T10:00:00.123Z
const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);

fn entry(kind: EntryKind) -> Entry {
    Entry { at: NOW, kind }
}

fn job() -> JobId {
    JobId::new(NOW, &[1; 10])
}

fn hold() -> Hold {
    let two = Count::try_from(2).unwrap();
    Hold::new(MicroUsd::constant(81_000), two).unwrap()
}

fn credit() -> Entry {
    entry(EntryKind::Credit {
        id: "019dc3a0-4c00-7000-8000-000000000001".to_owned(),
        amount: MicroUsd::constant(10_000_000),
        reference: "invoice-17".to_owned(),
    })
}

fn held() -> Entry {
    entry(EntryKind::Hold { job: job(), amount: hold().amount() })
}

/// One of two pictures was delivered.
fn usage() -> Entry {
    let figures = *hold().settle(Count::ONE).figures();
    entry(EntryKind::Resolution { job: job(), figures })
}

fn refund() -> Entry {
    let figures = *hold().refund().figures();
    entry(EntryKind::Resolution { job: job(), figures })
}

/// The charge of the one picture is given back.
fn reversal() -> Entry {
    let (amount, reason) = (MicroUsd::constant(81_000), "hush-hush".to_owned());
    entry(EntryKind::Reversal { job: job(), amount, reason })
}

fn text(entries: &[Entry], next: Option<&str>) -> String {
    serde_json::to_string(&transactions(entries, next.map(str::to_owned))).unwrap()
}

/// The only row of a list.
fn row(entry: Entry) -> Value {
    let list: Value = serde_json::from_str(&text(&[entry], None)).unwrap();
    list["data"][0].clone()
}

/// One of each kind.
pub(crate) fn examples() -> Vec<Value> {
    [reversal(), refund(), usage(), held(), credit()].map(row).into()
}

#[test]
fn a_list_says_whether_there_is_more() {
    let last = r#"{"object":"list","data":[],"has_more":false,"next_cursor":null}"#;
    assert_eq!(text(&[], None), last);
    let first = r#"{"object":"list","data":[],"has_more":true,"next_cursor":"bmV4dA"}"#;
    assert_eq!(text(&[], Some("bmV4dA")), first);
}

#[test]
fn a_credit_names_its_payment() {
    insta::assert_json_snapshot!(sorted(&row(credit())), @r#"
    {
      "amount": 10,
      "changes": {
        "available": 10,
        "charged": 0,
        "credited": 10,
        "held": 0
      },
      "created_at": "2026-04-25T10:00:00.123Z",
      "id": "019dc3a0-4c00-7000-8000-000000000001",
      "job_id": null,
      "kind": "credit",
      "object": "credit.transaction",
      "reference": "invoice-17"
    }
    "#);
}

#[test]
fn a_hold_moves_money_aside() {
    insta::assert_json_snapshot!(sorted(&row(held())), @r#"
    {
      "amount": 0.162,
      "changes": {
        "available": -0.162,
        "charged": 0,
        "credited": 0,
        "held": 0.162
      },
      "created_at": "2026-04-25T10:00:00.123Z",
      "id": "019dc414-f17b-7101-8101-010101010101-hold",
      "job_id": "019dc414-f17b-7101-8101-010101010101",
      "kind": "hold",
      "object": "credit.transaction",
      "reference": null
    }
    "#);
}

#[test]
fn a_usage_charges_what_was_delivered_and_gives_the_rest_back() {
    insta::assert_json_snapshot!(sorted(&row(usage())), @r#"
    {
      "amount": 0.081,
      "changes": {
        "available": 0.081,
        "charged": 0.081,
        "credited": 0,
        "held": -0.162
      },
      "created_at": "2026-04-25T10:00:00.123Z",
      "id": "019dc414-f17b-7101-8101-010101010101-resolution",
      "job_id": "019dc414-f17b-7101-8101-010101010101",
      "kind": "usage",
      "object": "credit.transaction",
      "reference": null
    }
    "#);
}

#[test]
fn a_refund_gives_all_of_it_back() {
    insta::assert_json_snapshot!(sorted(&row(refund())), @r#"
    {
      "amount": 0.162,
      "changes": {
        "available": 0.162,
        "charged": 0,
        "credited": 0,
        "held": -0.162
      },
      "created_at": "2026-04-25T10:00:00.123Z",
      "id": "019dc414-f17b-7101-8101-010101010101-resolution",
      "job_id": "019dc414-f17b-7101-8101-010101010101",
      "kind": "refund",
      "object": "credit.transaction",
      "reference": null
    }
    "#);
}

#[test]
fn a_reversal_is_a_refund_of_what_was_charged_and_does_not_say_why() {
    insta::assert_json_snapshot!(sorted(&row(reversal())), @r#"
    {
      "amount": 0.081,
      "changes": {
        "available": 0.081,
        "charged": -0.081,
        "credited": 0,
        "held": 0
      },
      "created_at": "2026-04-25T10:00:00.123Z",
      "id": "019dc414-f17b-7101-8101-010101010101-reversal",
      "job_id": "019dc414-f17b-7101-8101-010101010101",
      "kind": "refund",
      "object": "credit.transaction",
      "reference": null
    }
    "#);
}

#[test]
fn money_is_written_digit_by_digit() {
    let body = text(&[usage()], None);
    assert!(
        body.contains(r#""amount":0.081,"changes":{"available":0.081,"held":-0.162,"#),
        "{body}"
    );
}

#[test]
fn rows_keep_their_order_and_have_names_of_their_own() {
    let list: Value = serde_json::from_str(&text(&[usage(), held(), credit()], None)).unwrap();
    let rows = list["data"].as_array().unwrap();
    let kinds: Vec<&Value> = rows.iter().map(|row| &row["kind"]).collect();
    assert_eq!(kinds, [&json!("usage"), &json!("hold"), &json!("credit")]);
    let mut ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// What a caller adds up is what the balance says.
#[test]
fn the_changes_of_all_transactions_add_up() {
    let micros = |shown: String| {
        let amount: MicroUsd = shown.trim_start_matches('-').parse().unwrap();
        let change =
            if shown.starts_with('-') { Change::minus(amount) } else { Change::plus(amount) };
        change.micros()
    };
    let sums = |entries: &[fn() -> Entry]| {
        let rows: Vec<Value> = entries.iter().map(|entry| row(entry())).collect();
        ["available", "held", "charged", "credited"].map(|side| {
            rows.iter().map(|row| micros(row["changes"][side].to_string())).sum::<i64>()
        })
    };
    assert_eq!(sums(&[credit, held, usage]), [9_919_000, 0, 81_000, 10_000_000]);
    assert_eq!(sums(&[credit, held, refund]), [10_000_000, 0, 0, 10_000_000]);
    assert_eq!(sums(&[credit, held, usage, reversal]), [10_000_000, 0, 0, 10_000_000]);
}
