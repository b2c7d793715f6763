//! Inputs: at random, or a seed that was changed in a few places. How it was changed is what the engine
//! makes up, so that it can make it simpler when a target fails.

use bolero::{TypeGenerator, produce};
use serde_json::{Map, Value, json};

/// The largest input, in bytes: a seed can be doubled a few times, and no target takes long.
const BYTES_MAX: usize = 1 << 18;

/// An input of bytes. Most changes make it something else altogether, so there are few of them.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) enum Input {
    /// These.
    Raw(#[generator(produce::<Vec<u8>>().with().len(0..=256_usize))] Vec<u8>),
    /// A seed, with these changes of its bytes.
    Changed(u16, #[generator(produce::<Vec<Change>>().with().len(0..=6_usize))] Vec<Change>),
    /// A seed of JSON with these changes of its values.
    Reshaped(u16, #[generator(produce::<Vec<Reshape>>().with().len(0..=4_usize))] Vec<Reshape>),
    /// Both, one after the other.
    ReshapedAndChanged(
        u16,
        #[generator(produce::<Vec<Reshape>>().with().len(0..=2_usize))] Vec<Reshape>,
        #[generator(produce::<Vec<Change>>().with().len(0..=2_usize))] Vec<Change>,
    ),
}

/// A change of some bytes. Places wrap around.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) enum Change {
    Set(u16, u8),
    Flip(u16, u8),
    Add(u16, u8),
    Insert(u16, #[generator(produce::<Vec<u8>>().with().len(0..=16_usize))] Vec<u8>),
    Remove(u16, u8),
    Cut(u16),
    Repeat(u16, u8, u8),
    Move(u16, u8, u16),
    Word(u16, u8),
    Splice(u16, u16),
}

/// A change of a value somewhere in JSON. Places wrap around.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) enum Reshape {
    /// Something else is in its place.
    Replace(u16, u8),
    /// It is gone.
    Remove(u16),
    /// What is in the second place is in the first too.
    Copy(u16, u16),
    /// There is more in it.
    Grow(u16, u8),
    /// It is so deep in other values.
    Bury(u16, u8),
    /// A number or a text is in its place.
    Number(u16, u64),
    Text(u16, #[generator(produce::<String>().with().len(0..=16_usize))] String),
}

/// What means something to somebody who reads.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"[",
    b"}",
    b"null",
    b"-0",
    b"1e999",
    b"0.1e-400",
    b"18446744073709551616",
    b"\r\n",
    b"%00",
    b"..",
    b"@",
    b":",
    b"\xff\xd8\xff",
    b"IDAT",
    b"VP8X",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
];

impl Input {
    /// The bytes.
    pub(crate) fn bytes(&self, seeds: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Changed(seed, changes) => change(pick(seeds, *seed).clone(), changes, seeds),
            Self::Reshaped(seed, changes) => reshaped(pick::<Vec<u8>>(seeds, *seed), changes),
            Self::ReshapedAndChanged(seed, shapes, changes) => {
                change(reshaped(pick::<Vec<u8>>(seeds, *seed), shapes), changes, seeds)
            }
        }
    }

    /// The text of the bytes, whatever they are.
    pub(crate) fn text(&self, seeds: &[Vec<u8>]) -> String {
        String::from_utf8_lossy(&self.bytes(seeds)).into_owned()
    }
}

fn pick<T>(of: &[T], at: u16) -> &T {
    &of[usize::from(at) % of.len()]
}

/// A place in so many bytes, or behind the last.
fn place(at: u16, length: usize) -> usize {
    usize::from(at) % (length + 1)
}

fn change(mut bytes: Vec<u8>, changes: &[Change], seeds: &[Vec<u8>]) -> Vec<u8> {
    for change in changes {
        let length = bytes.len();
        match change {
            Change::Set(at, to) => on(&mut bytes, *at, |byte| *byte = *to),
            Change::Flip(at, bit) => on(&mut bytes, *at, |byte| *byte ^= 1 << (bit % 8)),
            Change::Add(at, by) => on(&mut bytes, *at, |byte| *byte = byte.wrapping_add(*by)),
            Change::Insert(at, more) => insert(&mut bytes, *at, more),
            Change::Remove(at, count) => {
                let at = place(*at, length);
                bytes.drain(at..length.min(at + usize::from(*count)));
            }
            Change::Cut(at) => bytes.truncate(place(*at, length)),
            Change::Repeat(at, count, times) => {
                let at = place(*at, length);
                let part = bytes[at..length.min(at + usize::from(*count))].to_vec();
                insert(
                    &mut bytes,
                    u16::try_from(at).unwrap_or(u16::MAX),
                    &part.repeat((*times).into()),
                );
            }
            Change::Move(from, count, to) => {
                let from = place(*from, length);
                let part: Vec<u8> =
                    bytes.drain(from..length.min(from + usize::from(*count))).collect();
                insert(&mut bytes, *to, &part);
            }
            Change::Word(at, word) => {
                insert(&mut bytes, *at, pick::<&[u8]>(&WORDS, (*word).into()));
            }
            Change::Splice(at, seed) => {
                let other = pick(seeds, *seed);
                let at = place(*at, length.min(other.len()));
                bytes.truncate(at);
                bytes.extend_from_slice(&other[at..]);
            }
        }
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn on(bytes: &mut [u8], at: u16, change: impl FnOnce(&mut u8)) {
    let at = usize::from(at) % bytes.len().max(1);
    bytes.get_mut(at).map(change);
}

fn insert(bytes: &mut Vec<u8>, at: u16, more: &[u8]) {
    let at = place(at, bytes.len());
    bytes.splice(at..at, more.iter().copied());
}

fn reshaped(seed: &[u8], changes: &[Reshape]) -> Vec<u8> {
    match serde_json::from_slice(seed) {
        Ok(value) => reshape(value, changes).to_string().into_bytes(),
        Err(_) => seed.to_vec(),
    }
}

/// Changes values of JSON.
pub(crate) fn reshape(mut value: Value, changes: &[Reshape]) -> Value {
    for change in changes {
        let count = count(&value);
        let here = |at: u16| usize::from(at) % count;
        match change {
            Reshape::Replace(at, odd) => *find(&mut value, here(*at)) = oddity(*odd),
            Reshape::Remove(at) => remove(&mut value, here(*at)),
            Reshape::Copy(to, from) => {
                let copied = find(&mut value, here(*from)).clone();
                *find(&mut value, here(*to)) = copied;
            }
            Reshape::Grow(at, odd) => grow(find(&mut value, here(*at)), *odd),
            Reshape::Bury(at, depth) => {
                let found = find(&mut value, here(*at));
                for _ in 0..*depth {
                    *found = Value::Array(vec![found.take()]);
                }
            }
            Reshape::Number(at, number) => *find(&mut value, here(*at)) = json!(number),
            Reshape::Text(at, text) => *find(&mut value, here(*at)) = json!(text),
        }
    }
    value
}

/// How many values there are in one, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The value in a place, counted from the outside in.
fn find(value: &mut Value, at: usize) -> &mut Value {
    if at == 0 {
        return value;
    }
    let mut rest = at - 1;
    let parts: Vec<&mut Value> = match value {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for part in parts {
        let within = count(part);
        if rest < within {
            return find(part, rest);
        }
        rest -= within;
    }
    unreachable!("a place is within the value")
}

/// Takes something out of the value in a place, if there is something in it.
fn remove(value: &mut Value, at: usize) {
    match find(value, at) {
        Value::Array(values) => {
            values.pop();
        }
        Value::Object(members) => {
            let name = members.keys().nth(at % members.len().max(1)).cloned();
            name.and_then(|name| members.remove(&name));
        }
        other => *other = Value::Null,
    }
}

fn grow(value: &mut Value, odd: u8) {
    match value {
        Value::Array(values) => {
            let more = values.clone();
            values.extend(more);
            values.push(oddity(odd));
        }
        Value::Object(members) => {
            members.insert(format!("more{odd}"), oddity(odd));
        }
        Value::String(text) => *text = text.repeat(usize::from(odd)),
        Value::Number(number) => {
            let digits = format!("{number}{odd}");
            *value = serde_json::from_str(&digits).unwrap_or_default();
        }
        Value::Null | Value::Bool(_) => *value = oddity(odd),
    }
}

/// What there may be in JSON and is seldom thought of.
fn oddity(which: u8) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(4),
        json!(5),
        json!(255),
        json!(256),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(-0.0),
        json!(1e308),
        json!(9_007_199_254_740_993_u64),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{feff}\u{202e}"),
        json!("a".repeat(129)),
        json!("ä".repeat(4_001)),
        json!("vector_illustration"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "": "" }),
        json!({ "$serde_json::private::RawValue": "1" }),
        json!({ "$serde_json::private::Number": "1" }),
        json!({ "sandbox": { "outcome": "never", "delay_ms": 1, "deliver": 4 } }),
        json!({ "NULL": true }),
        json!({ "N": "1e200" }),
        Value::Object(Map::new()),
    ];
    pick(&odd, which.into()).clone()
}
