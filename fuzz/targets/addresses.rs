//! URLs that callers give: what the guard admits by the text alone, against what the system's own
//! resolver would take for an address.

use std::{
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
};

use bolero::check;
use domain::order::{ImageUrl, URL_BYTES_MAX};
use outbound::guard::{Guard, is_public};
use url::{Host, Url};

use crate::{corpus, mutation::Input};

#[test]
fn a_url_that_is_followed_names_no_address_inside_however_it_is_read() {
    let (seeds, guard) = (corpus::seeds("address"), AssertUnwindSafe(Guard::public()));
    for seed in &seeds {
        judge(&guard, str::from_utf8(seed).unwrap());
    }
    check!().with_type::<Input>().with_iterations(8_000).for_each(|input| {
        judge(&guard, &input.text(&seeds));
    });
    // Any host at all, in a URL that is otherwise in order.
    check!().with_type::<Vec<u8>>().with_iterations(8_000).for_each(|host| {
        let letter = |byte: &u8| char::from(b"0123456789abcdefx.:[]%-lost"[usize::from(byte % 27)]);
        let host: String = host.iter().take(24).map(letter).collect();
        judge(&guard, &format!("https://{host}/"));
    });
}

fn judge(guard: &Guard, text: &str) {
    let agreed = ImageUrl::try_from(text.to_owned());
    if let Ok(url) = &agreed {
        assert_eq!(url.as_str(), text);
        assert!(text.len() <= URL_BYTES_MAX);
    }
    let Ok(url) = Url::parse(text) else {
        assert!(agreed.is_err(), "{text} is no URL");
        return;
    };
    // A URL reads as it was written, so that what was checked is what is asked for.
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url));
    let followed = guard.check(&url).is_ok();
    if !followed {
        return;
    }
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none());
    let fits = text.len() <= URL_BYTES_MAX && text.trim() == text;
    assert_eq!(agreed.is_ok(), fits, "{text}");
    let host = url.host_str().unwrap();
    match url.host().unwrap() {
        Host::Ipv4(address) => assert!(is_public(address.into()), "{text}"),
        Host::Ipv6(address) => {
            assert!(is_public(address.into()), "{text}");
            assert!(address.to_ipv4_mapped().is_none_or(|inside| is_public(inside.into())));
        }
        Host::Domain(name) => {
            assert_eq!(name, host);
            let read: Option<IpAddr> = name.parse().ok().or(by_the_c_library(name).map(Into::into));
            assert!(read.is_none(), "{text}: a resolver reads {name} as {read:?}");
            let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
            let last = labels.last().unwrap().to_ascii_lowercase();
            assert!(!["localhost", "local", "internal"].contains(&last.as_str()), "{text}");
        }
    }
}

/// A host as `inet_aton` reads it, which resolvers ask before they ask anybody else: one to four
/// numbers, decimal, octal or hexadecimal, of which the last fills what is left.
fn by_the_c_library(host: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u64> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|byte| *byte > 255) {
        return None;
    }
    let rest = 32 - 8 * u32::try_from(first.len()).unwrap();
    let high = first.iter().fold(0, |high, byte| high << 8 | byte);
    let fits = *last < 1_u64 << rest;
    fits.then(|| u32::try_from(high << rest | last).ok()).flatten().map(Ipv4Addr::from_bits)
}

fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (lower.as_str(), 8),
        None => (lower.as_str(), 10),
    };
    // Rust's own reader takes a sign too.
    let plain = digits.chars().all(|digit| digit.is_digit(radix));
    plain.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}
