#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow and fail")]

use proptest::prelude::*;

use super::*;

fn hold(price: u64, n: u8) -> Hold {
    Hold::new(MicroUsd::constant(price), n.try_into().unwrap()).unwrap()
}

#[test]
fn a_hold_is_the_price_of_each_image() {
    assert_eq!(hold(81_000, 4).price().micros(), 81_000);
    assert_eq!(hold(81_000, 4).amount().micros(), 324_000);
}

#[test]
fn only_the_images_delivered_are_charged() {
    for (delivered, charged, released) in
        [(1, 81_000, 243_000), (3, 243_000, 81_000), (4, 324_000, 0)]
    {
        let figures = *hold(81_000, 4).settle(delivered.try_into().unwrap()).figures();
        assert_eq!((figures.charged.micros(), figures.released.micros()), (charged, released));
        assert_eq!(figures.kind, ResolutionKind::Usage);
    }
}

#[test]
fn more_images_than_ordered_cost_no_more() {
    let figures = *hold(81_000, 1).settle(4.try_into().unwrap()).figures();
    assert_eq!(figures.charged.micros(), 81_000);
}

#[test]
fn all_that_was_paid_is_given_back_and_nothing_else_is() {
    let three = hold(81_000, 4).settle(3.try_into().unwrap());
    assert_eq!(three.reverse().unwrap().amount().micros(), 243_000);
    assert_eq!(hold(81_000, 4).refund().reverse(), None);
    assert_eq!(hold(0, 1).settle(1.try_into().unwrap()).reverse(), None);
}

#[test]
fn figures_that_do_not_add_up_are_refused() {
    let refund = *hold(10, 1).refund().figures();
    let one = MicroUsd::constant(1);
    assert!(Resolution::try_from(refund).is_ok());
    for bad in [
        Figures { charged: one, ..refund },
        Figures { released: one, ..refund },
        Figures { charged: one, released: MicroUsd::constant(9), ..refund },
    ] {
        assert_eq!(Resolution::try_from(bad), Err(BadFigures(bad)));
    }
    assert_eq!(Hold::new(MicroUsd::MAX, 2.try_into().unwrap()), None);
}

proptest! {
    /// Whatever was held and delivered, the figures add up, never exceed the hold, and what is
    /// written is what is read.
    #[test]
    fn a_resolution_survives_its_own_check(price in 0_u64..1_000_000_000, n in 1_u8..=4, delivered in 1_u8..=4) {
        let hold = hold(price, n);
        for made in [hold.settle(delivered.try_into().unwrap()), hold.refund()] {
            prop_assert!(made.figures().charged <= hold.amount());
            let stored = serde_json::to_string(&made).unwrap();
            prop_assert_eq!(serde_json::from_str::<Resolution>(&stored).unwrap(), made);
        }
    }

    /// One more image delivered never costs less.
    #[test]
    fn charging_is_monotone(price in 0_u64..1_000_000_000, n in 1_u8..=4, fewer in 1_u8..=3) {
        let charged = |k: u8| hold(price, n).settle(k.try_into().unwrap()).figures().charged;
        prop_assert!(charged(fewer) <= charged(fewer + 1));
    }
}
