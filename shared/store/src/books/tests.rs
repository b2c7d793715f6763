//! Books that do not fit one page, or do not stand still.

use serde_json::{Value, json};

use super::*;
use crate::script::{Answer, Asked, Script};

fn row(sk: &str) -> Value {
    json!({ "pk": { "S": "demo" }, "sk": { "S": sk } })
}

/// Answers a query or a scan with three rows, one a page.
fn a_row_a_page(asked: &Asked, name: &str) -> Answer {
    let start = asked.body["ExclusiveStartKey"]["sk"]["S"].as_str();
    let after = start.map_or("0", |sk| sk.rsplit('#').next().unwrap());
    let place = ["0", "1", "2"].iter().position(|place| *place == after).unwrap();
    let row = row(&format!("{name}#{}", ["1", "2", "3"][place]));
    let mut body = json!({ "Items": [row] });
    if place < 2 {
        body["LastEvaluatedKey"] = row;
    }
    (200, body)
}

#[tokio::test]
async fn books_are_read_to_the_last_page() {
    let script = Script::new(|asked| match asked.call.as_str() {
        "Query" if asked.is_of_pockets() => (200, json!({})),
        "Query" => a_row_a_page(asked, asked.body["TableName"].as_str().unwrap()),
        _ => (200, json!({})),
    });
    let (books, rows) = script.store().books(&"demo".parse().unwrap()).await.unwrap();
    assert_eq!(rows, 6);
    let names: Vec<&str> = books
        .unreadable
        .iter()
        .map(|row| row.split_once(':').map_or(row.as_str(), |(name, _)| name))
        .collect();
    assert_eq!(names, ["ledger#1", "ledger#2", "ledger#3", "jobs#1", "jobs#2", "jobs#3"]);
    for (row, name) in books.unreadable.iter().zip(names) {
        assert!(row.ends_with("no row of ours has such a key"), "{row} of {name}");
    }
    let consistent = script.asked().iter().all(|asked| asked.body["ConsistentRead"] == true);
    assert!(consistent, "{:#?}", script.asked());
}

#[tokio::test]
async fn users_of_the_ledger_are_read_to_its_last_page_and_no_further() {
    let script = Script::new(|asked| a_row_a_page(asked, "row"));
    let (store, mut from) = (script.store(), None);
    for page in 1..=3 {
        let (users, next) = store.ledger_users(from).await.unwrap();
        assert_eq!((users, next.is_some()), (vec!["demo".parse().unwrap()], page < 3));
        from = next;
    }
    assert!(script.asked().iter().all(|asked| asked.body["TableName"] == "ledger"));
}

#[tokio::test]
async fn users_are_read_to_the_last_page_of_both_tables() {
    let script = Script::new(|asked| a_row_a_page(asked, "row"));
    let (store, mut from, mut found) = (script.store(), None, 0);
    loop {
        let (users, next) = store.users(from, 1).await.unwrap();
        assert_eq!(users, ["demo".parse().unwrap()]);
        found += 1;
        from = next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(found, 6);
    let tables: Vec<Value> =
        script.asked().into_iter().map(|asked| asked.body["TableName"].clone()).collect();
    assert_eq!(tables, ["ledger", "ledger", "ledger", "jobs", "jobs", "jobs"]);
    assert!(script.asked().iter().all(|asked| asked.body["Limit"] == 1));
}

/// Answers the reads of the balance with other rows as long as the function says.
fn balance_that_moves(moves: fn(usize) -> bool) -> std::sync::Arc<Script> {
    Script::new(move |asked| match asked.call.as_str() {
        "Query" if asked.is_of_pockets() => {
            let place = asked.place.to_string();
            (200, json!({ "Items": [row(if moves(asked.place) { &place } else { "still" })] }))
        }
        _ => (200, json!({ "Items": [] })),
    })
}

#[tokio::test]
async fn books_that_moved_are_read_anew() {
    // Each reading is two reads of the balance around two queries.
    let script = balance_that_moves(|place| place < 8);
    let (books, rows) = script.store().books(&"demo".parse().unwrap()).await.unwrap();
    assert_eq!((books.entries.len(), rows), (0, 0));
    assert_eq!(script.asked().len(), 12);
}

#[tokio::test]
async fn books_that_never_stand_still_are_given_up() {
    let script = balance_that_moves(|_| true);
    let given_up = script.store().books(&"demo".parse().unwrap()).await;
    assert!(matches!(given_up, Err(BooksError::Moving)), "{given_up:?}");
    assert_eq!(script.asked().len(), 80);
}
