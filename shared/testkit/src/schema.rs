//! Requests checked against what an upstream publishes, more strictly than it would itself: a field
//! that it would ignore is a mistake in an adapter all the same.

use serde_json::{Map, Value, json};

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A text of at most so many bytes, which is what "length" means to Recraft.
    Short(usize),
    /// A text with something in it.
    Filled,
    /// `http://` or `https://` and more.
    Url,
    /// `url`, or base64 or a data URI: any text that is not empty.
    Picture,
    /// True or false.
    Flag,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// A number within bounds.
    Number(f64, f64),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// One of these words, of which there are too many for a list.
    Word(&'static str),
    /// `W:H`, no wider than 21:9 and no taller than 9:21.
    Ratio,
    /// As many hexadecimal digits.
    Hex(usize),
    /// A list of these.
    List(&'static Kind),
    /// An object with these members.
    Record(&'static [Field]),
    /// Either.
    Either(&'static Kind, &'static Kind),
    /// A list or an object whose inside is not checked.
    Anything,
}

/// A field of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
    nullable: bool,
}

/// A field that must be there.
pub(crate) const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true, nullable: false }
}

/// A field that may be there.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false, nullable: false }
}

impl Field {
    /// The field, if it may also be null.
    pub(crate) const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// Where, starting with `body`.
    pub(crate) place: Vec<String>,
    /// What, for people.
    pub(crate) message: String,
    /// What, in the words of pydantic, which BFL and fal use.
    pub(crate) kind: &'static str,
}

impl Violation {
    pub(crate) fn new(place: &[String], kind: &'static str, message: impl Into<String>) -> Self {
        Self { place: place.to_vec(), message: message.into(), kind }
    }

    /// As an entry of `detail`.
    pub(crate) fn detail(&self) -> Value {
        json!({ "loc": self.place, "msg": self.message, "type": self.kind })
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        format!("{}: {}", self.place.join("."), self.message)
    }
}

/// What is wrong with a body.
pub(crate) fn check(body: &[u8], fields: &[Field]) -> Result<Map<String, Value>, Vec<Violation>> {
    let place = [String::from("body")];
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => {
            let mut found = Vec::new();
            record(&members, fields, &place, &mut found);
            if found.is_empty() { Ok(members) } else { Err(found) }
        }
        Ok(_) => Err(vec![Violation::new(&place, "dict_type", "the body is not an object")]),
        Err(error) => Err(vec![Violation::new(&place, "json_invalid", error.to_string())]),
    }
}

/// What is wrong with the members of an object.
pub(crate) fn record(
    members: &Map<String, Value>,
    fields: &[Field],
    place: &[String],
    found: &mut Vec<Violation>,
) {
    for field in fields {
        let place = [place, &[field.name.to_owned()]].concat();
        match members.get(field.name) {
            None if field.required => {
                found.push(Violation::new(&place, "missing", "Field required"));
            }
            None => {}
            Some(Value::Null) if field.nullable => {}
            Some(value) => {
                if let Err((kind, message)) = value_is(value, field.kind, &place, found) {
                    found.push(Violation::new(&place, kind, message));
                }
            }
        }
    }
    for name in members.keys().filter(|name| fields.iter().all(|field| field.name != *name)) {
        let place = [place, std::slice::from_ref(name)].concat();
        found.push(Violation::new(&place, "extra_forbidden", "there is no such field"));
    }
}

type Wrong = (&'static str, String);

/// What is wrong with the value itself; what is wrong inside it goes to `found`.
fn value_is(
    value: &Value,
    kind: Kind,
    place: &[String],
    found: &mut Vec<Violation>,
) -> Result<(), Wrong> {
    let text = || value.as_str().ok_or_else(|| ("string_type", "should be a string".to_owned()));
    let want = |holds: bool, kind, message: &str| {
        if holds { Ok(()) } else { Err((kind, format!("{message}, not {value}"))) }
    };
    match kind {
        Kind::Text => text().map(drop),
        Kind::Short(most) => {
            let length = text()?.len();
            let message = format!("should have at most {most} bytes, not {length}");
            if length > most { Err(("string_too_long", message)) } else { Ok(()) }
        }
        Kind::Filled | Kind::Picture => {
            want(!text()?.trim().is_empty(), "string_too_short", "should not be empty")
        }
        Kind::Url => {
            let text = text()?;
            let holds = text.starts_with("https://") || text.starts_with("http://");
            want(holds && (1..=2083).contains(&text.len()), "url_parsing", "should be a URL")
        }
        Kind::Flag => want(value.is_boolean(), "bool_type", "should be true or false"),
        Kind::Whole(least, most) => {
            let holds = value.as_i64().is_some_and(|number| (least..=most).contains(&number));
            want(holds, "int_range", &format!("should be a whole number from {least} to {most}"))
        }
        Kind::Number(least, most) => {
            let holds = value.as_f64().is_some_and(|number| (least..=most).contains(&number));
            want(holds, "float_range", &format!("should be a number from {least} to {most}"))
        }
        Kind::OneOf(known) => {
            want(known.contains(&text()?), "literal_error", &format!("should be one of {known:?}"))
        }
        Kind::Word(known) => {
            let text = text()?;
            want(known.split(' ').any(|word| word == text), "literal_error", "should be known")
        }
        Kind::Ratio => {
            want(ratio_is_taken(text()?), "value_error", "should be W:H between 21:9 and 9:21")
        }
        Kind::Hex(digits) => {
            let text = text()?;
            let holds = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            want(holds, "string_pattern_mismatch", &format!("should be {digits} hex digits"))
        }
        Kind::List(kind) => {
            let items = value.as_array().ok_or(("list_type", "should be a list".to_owned()))?;
            for (index, item) in items.iter().enumerate() {
                let place = [place, &[index.to_string()]].concat();
                if let Err((kind, message)) = value_is(item, *kind, &place, found) {
                    found.push(Violation::new(&place, kind, message));
                }
            }
            Ok(())
        }
        Kind::Record(fields) => {
            let members =
                value.as_object().ok_or(("dict_type", "should be an object".to_owned()))?;
            record(members, fields, place, found);
            Ok(())
        }
        Kind::Either(one, other) => {
            let mut inside = Vec::new();
            if value_is(value, *one, place, &mut inside).is_ok() && inside.is_empty() {
                return Ok(());
            }
            value_is(value, *other, place, found)
        }
        Kind::Anything => {
            want(value.is_array() || value.is_object(), "dict_type", "should be a list or object")
        }
    }
}

fn ratio_is_taken(text: &str) -> bool {
    sides(text, ':').is_some_and(|(width, height)| {
        let (wide, tall) = (u64::from(width), u64::from(height));
        wide.saturating_mul(9) <= tall.saturating_mul(21)
            && tall.saturating_mul(9) <= wide.saturating_mul(21)
    })
}

/// The two numbers of `16:9`, `16x9` or `1024x1024`.
pub(crate) fn sides(text: &str, separator: char) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(separator)?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    (width > 0 && height > 0).then_some((width, height))
}
