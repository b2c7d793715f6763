//! Short texts that others write: keys, ids, sizes, amounts, cursors, and the messages of the queue.

use std::time::Duration;

use bolero::{TypeGenerator, check};
use domain::{
    api_key::{ApiKey, ENTROPY_BYTES, Environment, KeyId},
    idempotency::IdempotencyKey,
    ids::{JobId, UserId},
    money::MicroUsd,
    size::Ratio,
    upstream::Upstreams,
};
use http::{HeaderValue, Request};
use lambda_http::Body;
use runtime::queue::Bell;
use store::{Cursor, List};
use web::request::{self, WAIT_MAX};

use crate::{corpus, mutation::Input};

#[test]
fn an_idempotency_key_reads_as_it_was_written_or_not_at_all() {
    check!().with_type::<(String, String)>().with_iterations(4_000).for_each(|(one, other)| {
        let keys = (IdempotencyKey::try_from(one.clone()), IdempotencyKey::try_from(other.clone()));
        if let Ok(key) = &keys.0 {
            assert_eq!(&String::from(key.clone()), one);
            let json = serde_json::to_string(key).unwrap();
            assert_eq!(serde_json::from_str::<IdempotencyKey>(&json).unwrap(), *key);
            assert_eq!(format!("{key:?}"), "IdempotencyKey(***)");
        }
        if let (Ok(one_key), Ok(other_key)) = &keys {
            assert_eq!(one_key.digest() == other_key.digest(), one == other);
        }
    });
}

#[test]
fn an_api_key_reads_as_it_was_written_or_not_at_all() {
    let seeds = corpus::seeds("api_key");
    check!().with_type::<Input>().with_iterations(4_000).for_each(|input| {
        let text = input.text(&seeds);
        let Ok(key) = text.parse::<ApiKey>() else { return };
        assert_eq!(key.reveal(), text);
        assert_eq!(key.id().as_str().parse::<KeyId>().as_ref(), Ok(key.id()));
        assert!(text.contains(key.id().as_str()) && text.is_ascii());
        assert!(!format!("{key:?}").contains(&text[21..]), "a key shows itself");
    });
}

/// Entropy for a key, and what was mistyped: the place, and by how much.
#[derive(Clone, Debug, TypeGenerator)]
struct Mistyped(Vec<u8>, u16, u8);

#[test]
fn a_minted_key_is_read_and_one_wrong_letter_is_noticed() {
    check!().with_type::<Mistyped>().with_iterations(4_000).for_each(|Mistyped(random, at, by)| {
        let mut entropy = [0_u8; ENTROPY_BYTES];
        entropy.iter_mut().zip(random).for_each(|(byte, random)| *byte = *random);
        for environment in [Environment::Live, Environment::Test] {
            let key = ApiKey::mint(environment, &entropy);
            assert_eq!(key.reveal().parse::<ApiKey>().as_ref(), Ok(&key));
            let mut wrong = key.reveal().as_bytes().to_vec();
            let at = usize::from(*at) % wrong.len();
            wrong[at] = wrong[at].wrapping_add(*by) & 0x7f;
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong == key.reveal() || wrong.parse::<ApiKey>().is_err(), "{wrong}");
        }
    });
}

#[test]
fn a_size_is_the_nearest_ratio_or_the_models_own() {
    let seeds = corpus::seeds("size");
    check!().with_type::<Input>().with_iterations(4_000).for_each(|input| {
        let size = input.text(&seeds);
        if let Some(ratio) = Ratio::parse(&size) {
            assert_eq!(Ratio::parse(ratio.as_str()), Some(ratio));
        }
    });
    check!().with_type::<(u32, u32)>().with_iterations(4_000).for_each(|&(width, height)| {
        let found = Ratio::parse(&format!("{width}x{height}"));
        assert_eq!(found, Ratio::parse(&format!("{width}:{height}")));
        assert_eq!(found.is_none(), width == 0 || height == 0);
        let Some(found) = found else { return };
        let of = |ratio: Ratio| f64::from(ratio.terms().0) / f64::from(ratio.terms().1);
        let asked = f64::from(width) / f64::from(height);
        let distance = |ratio: Ratio| (asked / of(ratio)).ln().abs();
        let least = Ratio::ALL.into_iter().map(distance).fold(f64::INFINITY, f64::min);
        assert!(distance(found) <= least + 1e-9, "{width}x{height} is not {found:?}");
    });
}

#[test]
fn amounts_and_ids_read_as_they_were_written_or_not_at_all() {
    let seeds = corpus::seeds("words");
    check!().with_type::<Input>().with_iterations(6_000).for_each(|input| {
        let text = input.text(&seeds);
        if let Ok(amount) = text.parse::<MicroUsd>() {
            assert!(amount <= MicroUsd::MAX);
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
        if let Ok(job) = text.parse::<JobId>() {
            assert_eq!(job.to_string(), text);
        }
        if let Ok(user) = text.parse::<UserId>() {
            assert_eq!(user.to_string(), text);
            assert!((1..=64).contains(&text.len()) && !text.contains('#'));
        }
        if let Ok(upstreams) = text.parse::<Upstreams>() {
            assert_eq!(upstreams.to_string().parse(), Ok(upstreams));
        }
    });
    check!().with_type::<u64>().with_iterations(2_000).for_each(|micros| {
        let Ok(amount) = MicroUsd::try_from(*micros) else { return };
        assert_eq!(amount.to_string().parse(), Ok(amount));
    });
}

#[test]
fn a_cursor_is_read_by_its_user_as_it_was_written() {
    let seeds = corpus::seeds("cursor");
    let users: [UserId; 2] = ["demo", "anna"].map(|user| user.parse().unwrap());
    for seed in &seeds {
        let seed = str::from_utf8(seed).unwrap().trim_end();
        let read = |list| Cursor::read(seed, &users[0], list);
        assert!(read(List::Entries).is_ok() || read(List::Jobs).is_ok(), "{seed}");
    }
    check!().with_type::<Input>().with_iterations(4_000).for_each(|input| {
        let text = input.text(&seeds);
        let text = text.trim_end_matches('\n');
        for list in [List::Entries, List::Jobs] {
            let [ours, theirs] = users.each_ref().map(|user| Cursor::read(text, user, list));
            let Ok(cursor) = ours else { continue };
            assert!(theirs.is_err());
            assert_eq!(cursor.write(&users[0]), text);
            assert!(text.len() < 256);
        }
    });
}

#[test]
fn a_message_is_read_as_the_bell_that_it_is_or_not_at_all() {
    let seeds = corpus::seeds("bell");
    for seed in &seeds {
        Bell::read(str::from_utf8(seed).unwrap()).unwrap();
    }
    check!().with_type::<Input>().with_iterations(4_000).for_each(|input| {
        let body = input.text(&seeds);
        match Bell::read(&body) {
            Ok(bell) => {
                let written = serde_json::to_string(&bell).unwrap();
                assert_eq!(Bell::read(&written).unwrap(), bell);
                assert!(written.len() < 256);
            }
            Err(error) => assert!(domain::causes::chain(&error).len() < 1_024),
        }
    });
}

#[test]
fn whatever_a_caller_prefers_is_a_wait_within_its_bounds_or_none() {
    let seeds = [b"respond-async, wait=10; about=\"a, wait=3\"".to_vec()];
    check!().with_type::<Input>().with_iterations(4_000).for_each(|input| {
        let Ok(value) = HeaderValue::from_str(&input.text(&seeds)) else { return };
        let mut request = Request::new(Body::Empty);
        request.headers_mut().insert("prefer", value);
        let Some(wait) = request::wait(&request) else { return };
        assert!(wait.duration() >= Duration::from_secs(1) && wait.duration() <= WAIT_MAX);
        let mut again = Request::new(Body::Empty);
        again.headers_mut().insert("prefer", wait.to_string().parse().unwrap());
        assert_eq!(request::wait(&again), Some(wait));
    });
}
