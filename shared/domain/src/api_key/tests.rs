use proptest::prelude::*;

use super::*;

#[test]
fn a_key_names_itself_but_shows_nothing() {
    let key = ApiKey::mint(Environment::Live, &[5; ENTROPY_BYTES]);
    assert!(key.reveal().starts_with("hf_live_555555555555_"));
    assert_eq!(key.id().as_str(), "555555555555");
    assert_eq!(format!("{key:?}"), "ApiKey(555555555555, ***)");
    assert_eq!(key.hash().0.len(), 64);
}

#[test]
fn one_wrong_letter_is_noticed() {
    let key = ApiKey::mint(Environment::Test, &[7; ENTROPY_BYTES]);
    for place in 0..key.reveal().len() {
        let mut bytes = key.reveal().as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
        let mistyped = String::from_utf8(bytes).unwrap();
        assert_eq!(mistyped.parse::<ApiKey>(), Err(BadApiKey), "{mistyped}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let key = ApiKey::mint(Environment::Live, &[5; ENTROPY_BYTES]);
    let longer = format!("{}0", key.reveal());
    for text in
        ["", "hf_live_", "hf_live__", "Bearer x", &longer, &key.reveal()[1..], "hf_live_ü_ü"]
    {
        assert_eq!(text.parse::<ApiKey>(), Err(BadApiKey), "{text}");
    }
}

#[test]
fn a_key_that_adds_up_but_has_another_form_is_refused() {
    let secret = "x".repeat(SECRET_CHARS);
    for (id, secret) in [
        ("0123456789AB", secret.as_str()),
        ("0123456789A", secret.as_str()),
        ("0123456789A-", secret.as_str()),
        ("0123456789AB", &secret[1..]),
        ("0123456789AB", &secret.replacen('x', "-", 1)),
    ] {
        let body = format!("hf_test_{id}_{secret}");
        let key = format!("{body}{}", checksum(&body)).parse::<ApiKey>();
        let good = id == "0123456789AB" && !secret.contains('-') && secret.len() == SECRET_CHARS;
        assert_eq!(key.is_ok(), good, "{body}");
    }
}

#[test]
fn the_public_part_has_one_form() {
    let id: KeyId = "0123456789AB".parse().unwrap();
    assert_eq!(serde_json::to_value(&id).unwrap(), "0123456789AB");
    assert_eq!(serde_json::from_value::<KeyId>("0123456789AB".into()).unwrap(), id);
    for bad in ["", "0123456789A", "0123456789ABC", "0123456789A-", "0123456789Aü"] {
        assert_eq!(bad.parse::<KeyId>(), Err(BadApiKey), "{bad}");
    }
}

#[test]
fn an_environment_is_live_or_test() {
    assert_eq!("live".parse(), Ok(Environment::Live));
    assert_eq!("test".parse(), Ok(Environment::Test));
    for bad in ["", "Live", "prod"] {
        assert_eq!(bad.parse::<Environment>(), Err(BadEnvironment), "{bad}");
    }
}

proptest! {
    /// Whatever bytes a key is made of, it is read back as itself.
    #[test]
    fn a_minted_key_is_a_key(entropy in prop::collection::vec(any::<u8>(), ENTROPY_BYTES)) {
        let key = ApiKey::mint(Environment::Live, &entropy.try_into().unwrap());
        prop_assert_eq!(key.reveal().parse::<ApiKey>().unwrap(), key);
    }

    /// No text makes it panic.
    #[test]
    fn any_text_is_a_key_or_not(text in "(hf_live_)?.*") {
        if let Ok(key) = text.parse::<ApiKey>() {
            prop_assert_eq!(key.reveal(), text);
        }
    }
}
