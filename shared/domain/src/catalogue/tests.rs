#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow and fail")]

use proptest::prelude::*;

use super::*;

fn usd(text: &str) -> MicroUsd {
    text.parse().unwrap()
}

#[test]
fn the_published_prices_come_out() {
    let catalogue = Catalogue::new("1.35".parse().unwrap(), Upstreams::default());
    for (slug, price) in [
        ("flux-1.1-ultra", "0.081"),
        ("flux-kontext-pro", "0.054"),
        ("ideogram-v3", "0.108"),
        ("recraft-v3", "0.054"),
    ] {
        assert_eq!(catalogue.price(slug.parse().unwrap()), usd(price), "{slug}");
    }
}

#[test]
fn prices_round_half_up_to_three_decimals() {
    let markup: Markup = "1.35".parse().unwrap();
    for (upstream, price) in
        [("0.034", "0.046"), ("0.010", "0.014"), ("0.03", "0.041"), ("0.075", "0.101")]
    {
        assert_eq!(markup.price(usd(upstream)), Some(usd(price)), "{upstream}");
    }
    assert_eq!("1".parse::<Markup>().unwrap().price(usd("0.0005")), Some(usd("0.001")));
    assert_eq!(markup.price(MicroUsd::MAX), None);
}

#[test]
fn a_markup_is_between_one_and_ten() {
    for good in ["1", "1.35", "10", "1.0001", "10.0000"] {
        assert!(good.parse::<Markup>().is_ok(), "{good}");
    }
    for bad in ["0.99", "10.0001", "", "1.00001", "-1", "1e1", "NaN", "1.", "99999999999999"] {
        assert_eq!(bad.parse::<Markup>(), Err(BadMarkup), "{bad}");
    }
}

#[test]
fn every_model_is_its_own_row() {
    for model in &MODELS {
        assert_eq!(model.id.model().slug, model.slug);
        assert_eq!(model.slug.parse(), Ok(model.id));
        assert_eq!(serde_json::to_value(model.id).unwrap(), model.slug);
    }
    assert_eq!("FLUX-1.1-ultra".parse::<ModelId>(), Err(UnknownModel));
}

proptest! {
    /// A dearer image never sells for less, and no price is more than half a step off.
    #[test]
    fn pricing_is_monotone_and_close(a in 0_u64..10_000_000, b in 0_u64..10_000_000, markup in 10_000_u32..100_000) {
        let markup = Markup(markup);
        let (low, high) = (MicroUsd::constant(a.min(b)), MicroUsd::constant(a.max(b)));
        let (low_price, high_price) = (markup.price(low).unwrap(), markup.price(high).unwrap());
        prop_assert!(low_price <= high_price);
        let exact = u128::from(low.micros()) * u128::from(markup.0);
        let made = u128::from(low_price.micros()) * u128::from(WHOLE);
        prop_assert!(exact.abs_diff(made) <= u128::from(WHOLE) * u128::from(PRICE_STEP) / 2);
    }
}

/// INV-07: whatever the markup, no image is sold below what it costs at any upstream.
#[test]
fn no_offer_costs_more_than_the_image_sells_for() {
    for markup in ["1", "1.0001", "1.35", "10"] {
        let catalogue = Catalogue::new(markup.parse().unwrap(), Upstreams::default());
        for model in &MODELS {
            for offer in model.offers.iter().chain([&model.sandbox]) {
                assert!(catalogue.price(model.id) >= offer.cost, "{} {markup}", offer.name);
            }
        }
    }
}

#[test]
fn every_model_has_its_maker_first_and_fal_second() {
    for model in &MODELS {
        let [first, second] = model.offers else { panic!("{} has two offers", model.slug) };
        assert_ne!(first.upstream, Upstream::Fal);
        assert_eq!(second.upstream, Upstream::Fal);
        for lack in model.offers.iter().flat_map(|offer| offer.lacks) {
            let (Lack::Key(key) | Lack::Value(key, _)) = lack;
            assert!(model.extra.iter().any(|extra| extra.key == *key), "{key}");
        }
    }
}
