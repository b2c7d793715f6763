use serde_json::Value;

use super::*;
use crate::{
    order::{Draft, Webhook},
    webhook::{EventKind, Events},
};

fn order(size: &str, extra: &str) -> Order {
    let extra: Value = serde_json::from_str(extra).unwrap();
    Order::agree(Draft {
        model: "recraft-v3".to_owned(),
        prompt: "a cat".to_owned(),
        size: Some(size.to_owned()),
        extra: extra.as_object().unwrap().clone(),
        ..Draft::default()
    })
    .unwrap()
}

fn print(size: &str, extra: &str) -> Fingerprint {
    Fingerprint::of(&order(size, extra)).unwrap()
}

fn webhook(url: &str, events: &[EventKind]) -> Webhook {
    let events = Events::new(events.iter().copied().collect());
    Webhook { url: url.to_owned().try_into().unwrap(), events }
}

/// What an earlier version wrote beside the key of an order is what this one compares it with.
#[test]
fn an_order_without_what_came_later_has_the_fingerprint_that_it_always_had() {
    let kept = "85425c59fd9c8f65a1ceef0ca0b6c9ebe5a9d066a493f828870198ccb3e29fe1";
    assert_eq!(print("1:1", "{}"), serde_json::from_value(kept.into()).unwrap());
}

#[test]
fn spelling_makes_no_difference() {
    let one = print("1024x1024", r#"{"seed": 7, "controls": {"a": 1, "b": [1, 2]}}"#);
    let other = print("1:1", r#"{"controls":{"b":[1,2],"a":1},"seed":7}"#);
    assert_eq!(one, other);
}

#[test]
fn every_field_makes_a_difference() {
    let base = order("1:1", "{}");
    let draw = |change: fn(&mut Order)| {
        let mut changed = base.clone();
        change(&mut changed);
        Fingerprint::of(&changed).unwrap()
    };
    let prints = [
        draw(|_| ()),
        draw(|o| o.model = "ideogram-v3".parse().unwrap()),
        draw(|o| o.prompt = "a dog".to_owned().try_into().unwrap()),
        draw(|o| o.n = 2.try_into().unwrap()),
        draw(|o| o.ratio = None),
        draw(|o| o.image_url = Some("https://example.com/".to_owned().try_into().unwrap())),
        draw(|o| drop(o.extra.insert("seed".to_owned(), 1.into()))),
        draw(|o| drop(o.metadata.insert("a".to_owned(), "b".to_owned()))),
        draw(|o| o.webhook = Some(webhook("https://example.com/a", &[]))),
        draw(|o| o.webhook = Some(webhook("https://example.com/b", &[]))),
        draw(|o| o.webhook = Some(webhook("https://example.com/b", &[EventKind::Failed]))),
    ];
    for (i, a) in prints.iter().enumerate() {
        for b in prints.iter().skip(i + 1) {
            assert_ne!(a, b);
        }
    }
}

#[test]
fn the_order_of_a_list_makes_a_difference() {
    let ab = print("1:1", r#"{"controls": {"colors": [1, 2]}}"#);
    assert_ne!(ab, print("1:1", r#"{"controls": {"colors": [2, 1]}}"#));
}
