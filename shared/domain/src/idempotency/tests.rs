use super::*;

fn key(text: &str) -> Result<IdempotencyKey, BadKey> {
    text.to_owned().try_into()
}

#[test]
fn a_key_is_counted_in_characters() {
    assert!(key(&"ü".repeat(128)).is_ok());
    assert_eq!(key(&"a".repeat(129)), Err(BadKey));
    assert_eq!(key(""), Err(BadKey));
    assert_eq!(key("a\nb"), Err(BadKey));
    assert_eq!(key("a\0"), Err(BadKey));
}

#[test]
fn different_keys_have_different_digests_of_one_length() {
    let (a, b) = (key("a").unwrap(), key("b").unwrap());
    assert_ne!(a.digest(), b.digest());
    assert_eq!(a.digest().len(), 64);
    assert_eq!(a.digest(), key("a").unwrap().digest());
}

#[test]
fn a_key_is_not_shown() {
    assert_eq!(format!("{:?}", key("secret").unwrap()), "IdempotencyKey(***)");
}

#[test]
fn a_key_is_stored_as_it_was_written() {
    let written = serde_json::to_value(key("poster-1").unwrap()).unwrap();
    assert_eq!(written, "poster-1");
    assert_eq!(
        serde_json::from_value::<IdempotencyKey>(written).unwrap(),
        key("poster-1").unwrap()
    );
}
