//! What an account has, may have, and what happened to it.

use domain::scope::Scope;
use serde_json::json;

use super::{
    jobs::{example, paged},
    operation::Operation,
    schema::{Schemas, constant, list, named, one_of},
};
use crate::body::{
    balance, balance::BalanceOut, limits, limits::LimitsOut, transactions,
    transactions::TransactionOut,
};

pub(super) const TAG: &str = "Account";

pub(super) fn operations() -> Vec<Operation> {
    let balance = Operation::closed(
        ("GET", "/v1/credits/balance"),
        Scope::AccountRead,
        "getBalance",
        "What you have",
        "",
    )
    .answers(
        200,
        "The balance.",
        &["Cache-Control"],
        named("Balance"),
        json!({ "balance": balance::tests::example() }),
    )
    .refuses(&["account_not_found"]);
    let entries = Operation::closed(
        ("GET", "/v1/credits/transactions"),
        Scope::AccountRead,
        "listTransactions",
        "What happened to your money",
        "The newest first. The `changes` of all transactions add up to the balance.",
    );
    let entries = paged(entries).answers(
        200,
        "A part of the transactions.",
        &["Cache-Control"],
        list("Transaction"),
        json!({ "transactions": example::list(&transactions::tests::examples()) }),
    );
    let limits = Operation::closed(
        ("GET", "/v1/auth/limits"),
        Scope::AccountRead,
        "getLimits",
        "How much you may have going on",
        "",
    )
    .answers(
        200,
        "The limits, and what is used of them.",
        &["Cache-Control"],
        named("Limits"),
        json!({ "limits": limits::tests::example() }),
    )
    .refuses(&["account_not_found"]);
    vec![balance, entries, limits]
}

pub(super) fn describe(schemas: &mut Schemas) {
    schemas
        .add::<BalanceOut>()
        .refine("Balance", "object", constant("credit.balance"))
        .refine("Balance", "currency", constant("USD"))
        .add::<TransactionOut>()
        .refine("Transaction", "object", constant("credit.transaction"))
        .refine("Transaction", "kind", one_of(["credit", "hold", "usage", "refund"]))
        .add::<LimitsOut>()
        .refine("Limits", "object", constant("account.limits"));
}

#[test]
fn every_kind_of_transaction_is_what_is_described() {
    let check = super::validator(&named("Transaction"));
    let kinds = transactions::tests::examples();
    assert_eq!(kinds.len(), 5);
    for body in kinds {
        assert!(check.is_valid(&body), "{body}");
    }
}
