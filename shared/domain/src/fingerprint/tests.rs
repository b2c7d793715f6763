use serde_json::Value;

use super::*;
use crate::order::Draft;

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
