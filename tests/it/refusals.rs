//! What is refused: never with a 5xx, always with a status and a code that README.md lists, and
//! nothing is left of it.

mod orders;
mod reads;

use std::collections::{BTreeMap, BTreeSet};

use crate::world::Answer;

/// README.md's table of refusals: the statuses of each code.
fn documented() -> BTreeMap<String, BTreeSet<u16>> {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("### When it is refused").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| status |")).skip(2);
    let mut codes = BTreeMap::<String, BTreeSet<u16>>::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let (statuses, text) = row.trim_matches('|').split_once('|').unwrap();
        let statuses = statuses.split(',').map(|status| status.trim().parse::<u16>().unwrap());
        let statuses: BTreeSet<u16> = statuses.collect();
        // Every other piece between backticks is code; the codes are those in small letters.
        let pieces = text.split('`').skip(1).step_by(2);
        let is_code = |text: &&str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        for code in pieces.filter(is_code) {
            codes.entry(code.to_owned()).or_default().extend(&statuses);
        }
    }
    assert!(codes.len() > 20, "the table is somewhere else now: {codes:?}");
    codes
}

/// The refusal is one that README.md lists, in the form that it says. Returns its code.
#[track_caller]
fn check(case: &str, answer: &Answer) -> String {
    assert!((400..500).contains(&answer.status), "{case}: {} {}", answer.status, answer.text);
    let error = answer.json()["error"].clone();
    let code = error["code"].as_str().unwrap_or_default().to_owned();
    let statuses = documented().remove(&code);
    let listed = statuses.is_some_and(|statuses| statuses.contains(&answer.status));
    assert!(listed, "{case}: README.md does not list {} with {}", answer.text, answer.status);
    for field in ["message", "type", "request_id"] {
        let text = error[field].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{case}: no {field} in {}", answer.text);
    }
    code
}
