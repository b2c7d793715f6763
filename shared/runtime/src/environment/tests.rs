use super::*;

fn environment() -> Environment {
    [("A", "7"), ("EMPTY", ""), ("BAD", "x"), ("SECRET", "hush")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

#[test]
fn a_variable_is_parsed_or_named_in_the_error() {
    let environment = environment();
    assert_eq!(environment.seconds("A").unwrap(), Duration::from_secs(7));
    assert_eq!(environment.days("A").unwrap(), Duration::from_hours(168));
    for (name, message) in [
        ("EMPTY", "the variable EMPTY is not set"),
        ("NONE", "the variable NONE is not set"),
        ("BAD", "the variable BAD is wrong: invalid digit found in string"),
    ] {
        assert_eq!(environment.seconds(name).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_variable_that_is_added_replaces_the_one_there() {
    let environment = environment().with("A", "8").with("B", "9");
    assert_eq!(environment.get("A"), Some("8"));
    assert_eq!(environment.get("B"), Some("9"));
    assert_eq!(environment.get("BAD"), Some("x"));
}

#[test]
fn values_are_not_shown() {
    assert!(!format!("{:?}", environment()).contains("hush"));
}
