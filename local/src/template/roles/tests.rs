use super::*;

fn right(action: &str, resource: &str, only_in_transactions: bool) -> Right {
    let (action, resource) = (action.to_owned(), resource.to_owned());
    Right { statement: "It".to_owned(), action, resource, only_in_transactions }
}

fn need(action: &str, resource: &str, in_transaction: bool) -> Need {
    Need { action: action.to_owned(), resource: resource.to_owned(), in_transaction }
}

#[test]
fn a_star_stands_for_anything_and_for_nothing() {
    for (pattern, text, is) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a/*", "a/b/c", true),
        ("a/*", "a/", true),
        ("a/*", "a", false),
        ("*", "", true),
        ("a*c*", "abcd", true),
        ("a*c", "abcd", false),
        ("ä*", "äö", true),
        ("a-??", "a-ö1", true),
        ("a-??", "a-1", false),
        ("a?", "ab1", false),
    ] {
        assert_eq!(is_like(pattern, text), is, "{pattern} {text}");
    }
}

#[test]
fn a_right_covers_its_action_on_its_resource_and_where_it_says_so_only_in_transactions() {
    let put = right("dynamodb:PutItem", "table/ledger", true);
    assert!(put.covers(&need("dynamodb:PutItem", "table/ledger", true)));
    assert!(!put.covers(&need("dynamodb:PutItem", "table/ledger", false)));
    assert!(!put.covers(&need("dynamodb:UpdateItem", "table/ledger", true)));
    assert!(!put.covers(&need("dynamodb:PutItem", "table/jobs", true)));
    let anywhere = right("dynamodb:PutItem", "table/ledger", false);
    assert!(anywhere.covers(&need("dynamodb:PutItem", "table/ledger", true)));
    let role = Role { rights: vec![put.clone()], refusals: Vec::new() };
    assert!(role.permits(&need("dynamodb:PutItem", "table/ledger", true)));
    assert!(!role.without(&put).permits(&need("dynamodb:PutItem", "table/ledger", true)));
}

#[test]
fn what_is_refused_is_refused_whatever_permits_it() {
    let any = right("sqs:ReceiveMessage", "*", false);
    let refusals = vec![("sqs:ReceiveMessage".to_owned(), "queue/jobs".to_owned())];
    let role = Role { rights: vec![any], refusals };
    assert!(role.permits(&need("sqs:ReceiveMessage", "queue/jobs", false)));
    assert!(!role.permits(&need("sqs:ReceiveMessage", "queue/other", false)));
}
