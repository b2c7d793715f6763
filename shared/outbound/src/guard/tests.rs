use std::future::{pending, ready};

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn guard(found: &'static [&'static str]) -> Guard {
    let lookup = move |_| ready(Ok(found.iter().map(|text| address(text)).collect()));
    Guard::new(lookup, is_public, RootCertStore::empty())
}

fn check(url: &str) -> Result<(), Refused> {
    Guard::public().check(&Url::parse(url).unwrap())
}

#[test]
fn no_special_prefix_is_public_from_its_first_to_its_last_address() {
    for (first, last) in [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "239.255.255.255"),
        ("240.0.0.0", "255.255.255.255"),
        ("::", "::1"),
        ("::2", "::ffff:ffff"),
        ("::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        ("::ffff:0:7f00:1", "::ffff:0:ffff:ffff"),
        ("64:ff9b::", "64:ff9b::ffff:ffff"),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        ("100::", "100::ffff:ffff:ffff:ffff"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fd00:ec2::254", "fd00:ec2::23"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ] {
        assert!(!is_public(address(first)), "{first}");
        assert!(!is_public(address(last)), "{last}");
    }
}

#[test]
fn the_neighbours_of_the_special_prefixes_are_public() {
    for text in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "203.0.114.0",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "2000::",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::",
        "2606:4700:4700::1111",
        "3ffe:ffff::",
        "3fff:1000::",
    ] {
        assert!(is_public(address(text)), "{text}");
    }
}

#[test]
fn a_url_with_a_public_host_is_followed() {
    for url in [
        "https://pictures.example/a.png?token=1",
        "https://pictures.example:8443/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://localhost.example/",
        "https://internal.example/",
        "https://notlocalhost/",
    ] {
        assert!(check(url).is_ok(), "{url}");
    }
}

#[test]
fn an_address_is_judged_however_it_is_written() {
    for url in [
        "https://127.0.0.1",
        "https://127.0.0.1.",
        "https://127.1",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://2130706433",
        "https://%31%32%37.0.0.1",
        "https://127。0。0。1",
        "https://0",
        "https://10.0.0.1:8443",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]",
        "https://[::]",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:7f00:1]",
        "https://[::127.0.0.1]",
        "https://[64:ff9b::a9fe:a9fe]",
        "https://[fd00:ec2::254]",
    ] {
        let checked = check(url);
        assert!(matches!(checked, Err(Refused::Address)), "{url}: {checked:?}");
    }
}

#[test]
fn a_url_that_nobody_may_write_is_refused() {
    for url in [
        "http://pictures.example/",
        "ftp://pictures.example/",
        "file:///etc/passwd",
        "data:image/png;base64,AA==",
        "https://user@pictures.example/",
        "https://user:password@pictures.example/",
        "https://:password@pictures.example/",
        "https://localhost",
        "https://LOCALHOST.",
        "https://a.localhost/",
        "https://a.localhost./",
        "https://localhost../",
        "https://printer.local/",
        "https://printer.local./",
        "https://metadata.google.internal/",
        "https://ip-10-0-0-1.ec2.internal./",
    ] {
        let checked = check(url);
        assert!(matches!(checked, Err(Refused::Url)), "{url}: {checked:?}");
    }
}

#[tokio::test]
async fn a_name_with_public_addresses_leads_to_all_of_them() {
    let found = guard(&["1.1.1.1", "2606:4700:4700::1111"]).addresses("pictures.example").await;
    assert_eq!(found.unwrap(), [address("1.1.1.1"), address("2606:4700:4700::1111")]);
}

#[tokio::test]
async fn one_address_that_is_not_public_spoils_the_name() {
    for found in [
        ["1.1.1.1", "127.0.0.1"],
        ["10.0.0.1", "1.1.1.1"],
        ["1.1.1.1", "::ffff:169.254.169.254"],
        ["2606:4700:4700::1111", "fe80::1"],
    ] {
        let lookup = move |_| ready(Ok(found.map(address).to_vec()));
        let guard = Guard::new(lookup, is_public, RootCertStore::empty());
        let refused = guard.addresses("pictures.example").await;
        assert!(matches!(refused, Err(Refused::Address)), "{found:?}");
    }
}

#[tokio::test]
async fn an_address_behind_those_that_are_tried_spoils_the_name_too() {
    let lookup = |_| {
        let mut found = vec![address("1.1.1.1"); ADDRESSES_MAX];
        found.push(address("127.0.0.1"));
        ready(Ok(found))
    };
    let guard = Guard::new(lookup, is_public, RootCertStore::empty());
    assert!(matches!(guard.addresses("pictures.example").await, Err(Refused::Address)));
}

#[tokio::test]
async fn no_more_addresses_are_tried_than_make_sense() {
    let lookup = |_| ready(Ok(vec![address("1.1.1.1"); 1_000]));
    let guard = Guard::new(lookup, is_public, RootCertStore::empty());
    assert_eq!(guard.addresses("pictures.example").await.unwrap().len(), ADDRESSES_MAX);
}

#[tokio::test]
async fn a_name_without_an_address_leads_nowhere() {
    assert!(matches!(guard(&[]).addresses("pictures.example").await, Err(Refused::Name(_))));
    let lookup = |_| ready(Err(io::ErrorKind::HostUnreachable.into()));
    let guard = Guard::new(lookup, is_public, RootCertStore::empty());
    assert!(matches!(guard.addresses("pictures.example").await, Err(Refused::Name(_))));
}

#[tokio::test]
async fn a_local_name_is_not_looked_up() {
    let lookup = |_| async { panic!("it was looked up") };
    let guard = Guard::new(lookup, is_public, RootCertStore::empty());
    assert!(matches!(guard.addresses("a.internal.").await, Err(Refused::Url)));
}

#[tokio::test]
async fn a_name_server_that_is_silent_is_not_waited_for() {
    tokio::time::pause();
    let guard = Guard::new(|_| pending(), is_public, RootCertStore::empty());
    let refused = guard.addresses("pictures.example").await;
    let Err(Refused::Name(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
