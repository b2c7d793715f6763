use super::*;

/// A row with a fence, and a lease if there is one.
struct Claimed(Value, Option<Value>);

impl Row for Claimed {
    fn get(&self, attribute: Attribute) -> Option<Value> {
        match [Attribute::Fence, Attribute::LeaseUntilMs].map(|known| known == attribute) {
            [true, _] => Some(self.0),
            [_, true] => self.1,
            [false, false] => None,
        }
    }
}

fn holds(text: &str, row: &impl Row) -> Option<bool> {
    Expression::parse(text).unwrap().holds(row, &[(":two", 2), (":three", 3)])
}

#[test]
fn each_operator_compares_as_dynamodb_does() {
    for (text, expected) in [
        ("fence = :two", true),
        ("fence = :three", false),
        ("fence < :three", true),
        ("fence < :two", false),
        ("fence <= :two", true),
        ("fence > :two", false),
        (":three > fence", true),
        ("fence >= :two", true),
        ("fence IN (:three, :two)", true),
        ("fence IN (:three)", false),
        ("attribute_exists(fence)", true),
        ("attribute_not_exists(fence)", false),
    ] {
        assert_eq!(holds(text, &Claimed(2, None)), Some(expected), "{text}");
    }
}

#[test]
fn nothing_compares_with_what_is_not_there() {
    for text in ["task = task", "task < :two", "task >= :two", "task IN (:two)", "task = fence"] {
        assert_eq!(holds(text, &Claimed(2, None)), Some(false), "{text}");
    }
    assert_eq!(holds("attribute_not_exists(pk)", &None::<Claimed>), Some(true));
    assert_eq!(holds("fence = :two", &None::<Claimed>), Some(false));
}

#[test]
fn and_binds_more_than_or_and_parentheses_more_than_both() {
    let free = "fence = :two AND (attribute_not_exists(lease_until_ms) OR lease_until_ms <= :two)";
    for (row, expected) in [
        (Claimed(2, None), true),
        (Claimed(2, Some(2)), true),
        (Claimed(2, Some(3)), false),
        (Claimed(3, None), false),
    ] {
        assert_eq!(holds(free, &row), Some(expected));
    }
    let loose = "fence = :two AND fence = :three OR attribute_exists(fence)";
    assert_eq!(holds(loose, &Claimed(9, None)), Some(true));
}

#[test]
fn what_is_not_understood_is_an_error() {
    for text in [
        "",
        "fence",
        "fence =",
        "fence <> :two",
        "colour = :two",
        "fence = :two :three",
        "(fence = :two",
        "NOT fence = :two",
        "size(task) > :two",
        "fence BETWEEN :two AND :three",
        "attribute_exists(colour)",
        "fence IN :two",
    ] {
        assert!(Expression::parse(text).is_err(), "{text}");
    }
    assert_eq!(holds("fence = :four", &Claimed(2, None)), None);
}
