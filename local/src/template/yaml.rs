//! From YAML text to the tree. Stricter than YAML: one document, no anchors, no key twice.

use std::{borrow::Cow, collections::BTreeMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{
    TemplateError,
    node::{Intrinsic, Node, Value},
};

/// Deeper than any template is; the parser below is recursive.
const DEPTH_MAX: usize = 64;

/// Parses the text of a template.
pub(super) fn parse(text: &str) -> Result<Node, TemplateError> {
    let mut events = Events(Parser::new_from_str(text));
    events.skip_to_document()?;
    let first = events.next("")?;
    let root = events.node(first, "", 0)?;
    let mut documents = events.0.filter(|event| matches!(event, Ok((Event::DocumentStart(_), _))));
    match documents.next() {
        None => Ok(root),
        Some(_) => Err(error("", None, "has more than one YAML document")),
    }
}

type Spanned<'a> = (Event<'a>, Span);

struct Events<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self, path: &str) -> Result<Spanned<'a>, TemplateError> {
        match self.0.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(scan)) => Err(malformed(path, &scan)),
            None => Err(error(path, None, "ends too early")),
        }
    }

    fn skip_to_document(&mut self) -> Result<(), TemplateError> {
        loop {
            match self.next("")? {
                (Event::DocumentStart(_), _) => return Ok(()),
                (Event::StreamEnd, _) => return Err(error("", None, "is empty")),
                _ => {}
            }
        }
    }

    fn node(&mut self, from: Spanned<'a>, path: &str, depth: usize) -> Result<Node, TemplateError> {
        let (event, span) = from;
        let line = span.start.line();
        let at = |what: &str| error(path, Some(line), what);
        if depth > DEPTH_MAX {
            return Err(at("is nested too deeply"));
        }
        let (value, tag) = match event {
            Event::Scalar(text, style, 0, tag) => (scalar(text, style), tag),
            Event::SequenceStart(0, tag) => (self.list(path, depth)?, tag),
            Event::MappingStart(0, tag) => {
                let map = self.map(path, depth)?;
                (long_form(map).map_err(|name| at(&unknown_intrinsic(&name)))?, tag)
            }
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => {
                return Err(at("is a YAML anchor, which is not understood"));
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(at("ends too early")),
        };
        let value = match tag {
            None => value,
            Some(tag) => {
                let function =
                    short_form(&tag).ok_or_else(|| at(&unknown_intrinsic(&tag.suffix)))?;
                Value::Call(function, Box::new(Node { line, value }))
            }
        };
        Ok(Node { line, value })
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<Value, TemplateError> {
        let mut items = Vec::new();
        loop {
            let item = format!("{path}[{}]", items.len());
            match self.next(&item)? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                event => items.push(self.node(event, &item, depth.saturating_add(1))?),
            }
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<BTreeMap<String, Node>, TemplateError> {
        let mut map = BTreeMap::new();
        loop {
            let (key, line) = match self.next(path)? {
                (Event::MappingEnd, _) => return Ok(map),
                (Event::Scalar(key, _, 0, None), span) => (key.into_owned(), span.start.line()),
                (_, span) => {
                    return Err(error(path, Some(span.start.line()), "has a key that is no text"));
                }
            };
            let path = join(path, &key);
            let event = self.next(&path)?;
            let value = self.node(event, &path, depth.saturating_add(1))?;
            if map.insert(key, value).is_some() {
                return Err(error(&path, Some(line), "is there twice"));
            }
        }
    }
}

/// The path of an entry in a map.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    let null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
    if null { Value::Null } else { Value::Scalar(text.into_owned()) }
}

/// `!Ref X`
fn short_form(tag: &Tag) -> Option<Intrinsic> {
    (tag.handle == "!").then(|| Intrinsic::named(&tag.suffix)).flatten()
}

/// `{Ref: X}` and `{Fn::GetAtt: X}`. A map of one `Condition` is none: policies have such.
fn long_form(mut map: BTreeMap<String, Node>) -> Result<Value, String> {
    let function = match (map.len(), map.first_key_value()) {
        (1, Some((key, _))) => match key.strip_prefix("Fn::") {
            Some(name) => Some(Intrinsic::named(name).ok_or_else(|| key.clone())?),
            None => (key == "Ref").then_some(Intrinsic::Ref),
        },
        _ => None,
    };
    let Some(function) = function else { return Ok(Value::Map(map)) };
    let argument = map.pop_first().map(|(_, argument)| Value::Call(function, Box::new(argument)));
    Ok(argument.unwrap_or(Value::Map(map)))
}

fn unknown_intrinsic(name: &str) -> String {
    format!("uses the intrinsic function `{name}`, which is not known")
}

fn malformed(path: &str, scan: &ScanError) -> TemplateError {
    error(path, Some(scan.marker().line()), &format!("is malformed YAML: {}", scan.info()))
}

fn error(path: &str, line: Option<usize>, what: &str) -> TemplateError {
    TemplateError { path: path.to_owned(), line, what: what.to_owned() }
}
