use proptest::prelude::*;

use super::*;

#[test]
fn dollars_are_read_and_written_exactly() {
    for (text, micros) in [
        ("0", 0),
        ("0.081", 81_000),
        ("10", 10_000_000),
        ("0.000001", 1),
        ("1000000000", MicroUsd::MAX.micros()),
    ] {
        let amount: MicroUsd = text.parse().unwrap();
        assert_eq!(amount.micros(), micros);
        assert_eq!(amount.to_string(), text);
    }
    assert_eq!("10.50".parse::<MicroUsd>().unwrap().to_string(), "10.5");
}

#[test]
fn what_is_not_an_amount_is_refused() {
    for text in [
        "",
        ".",
        "1.",
        ".5",
        "-1",
        "+1",
        "1e3",
        "0.0000001",
        "1,5",
        " 1",
        "1000000000.000001",
        "NaN",
        "99999999999999999999999",
        "١",
    ] {
        assert_eq!(text.parse::<MicroUsd>(), Err(BadAmount), "{text}");
    }
}

#[test]
fn a_number_has_one_to_nineteen_digits() {
    assert_eq!(digits("9999999999999999999"), Some(9_999_999_999_999_999_999));
    // It would fit, but not every number of its length would.
    for bad in ["", "10000000000000000000", "+1", "-1", "1.0", "1e3", "١"] {
        assert_eq!(digits(bad), None, "{bad}");
    }
}

#[test]
fn arithmetic_stops_at_the_bounds() {
    let one = MicroUsd::constant(1);
    assert_eq!(MicroUsd::MAX.checked_add(one), None);
    assert_eq!(MicroUsd::ZERO.checked_sub(one), None);
    assert_eq!(MicroUsd::MAX.checked_mul(2), None);
    assert_eq!(MicroUsd::ZERO.saturating_sub(one), MicroUsd::ZERO);
    assert!(serde_json::from_str::<MicroUsd>("1000000000000001").is_err());
    assert!(serde_json::from_str::<MicroUsd>("-1").is_err());
    assert!(serde_json::from_str::<MicroUsd>("0.5").is_err());
}

#[test]
fn a_change_shows_its_sign() {
    let amount = MicroUsd::constant(81_000);
    assert_eq!(Change::minus(amount).to_string(), "-0.081");
    assert_eq!(Change::plus(amount).to_string(), "0.081");
    assert_eq!(Change::NONE.to_string(), "0");
}

proptest! {
    /// Whatever is written is read back as the same amount.
    #[test]
    fn writing_and_reading_are_inverse(micros in 0..=MicroUsd::MAX.micros()) {
        let amount = MicroUsd::try_from(micros).unwrap();
        prop_assert_eq!(amount.to_string().parse::<MicroUsd>().unwrap(), amount);
        let stored = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(serde_json::from_str::<MicroUsd>(&stored).unwrap(), amount);
    }

    /// Adding and taking away again changes nothing.
    #[test]
    fn subtraction_undoes_addition(a in 0..=MicroUsd::MAX.micros(), b in 0..=MicroUsd::MAX.micros()) {
        let (a, b) = (MicroUsd::try_from(a).unwrap(), MicroUsd::try_from(b).unwrap());
        if let Some(sum) = a.checked_add(b) {
            prop_assert_eq!(sum.checked_sub(b), Some(a));
        }
    }

    /// No text makes it panic.
    #[test]
    fn any_text_is_read_or_refused(text in ".*") {
        if let Ok(amount) = text.parse::<MicroUsd>() {
            prop_assert!(amount <= MicroUsd::MAX);
        }
    }
}
