//! Reads the tree into types. Whoever reads a map says of each key what it is for; a key that
//! nobody asked for is an error, and every error names its path.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
};

use super::{
    TemplateError,
    left_out::LeftOut,
    node::{Node, Value},
    scope::Scope,
    yaml::join,
};

/// A node, where it is, and what names in it stand for.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    node: &'a Node,
    path: String,
    scope: &'a Scope,
}

impl<'a> Reader<'a> {
    /// Reads a node at a path.
    pub(super) fn new(node: &'a Node, path: impl Into<String>, scope: &'a Scope) -> Reader<'a> {
        Reader { node, path: path.into(), scope }
    }

    /// An error about this node.
    pub(super) fn error(&self, what: impl Display) -> TemplateError {
        TemplateError {
            path: self.path.clone(),
            line: Some(self.node.line),
            what: what.to_string(),
        }
    }

    /// The text that it stands for.
    pub(super) fn text(&self) -> Result<String, TemplateError> {
        self.scope.text(self.node).map_err(|what| self.error(what))
    }

    /// What its text stands for, where `what` says what that is.
    pub(super) fn parse<T: FromStr>(&self, what: &str) -> Result<T, TemplateError> {
        let text = self.text()?;
        text.parse().map_err(|_| self.error(format_args!("must be {what}, not `{text}`")))
    }

    /// A whole number.
    pub(super) fn number<T: FromStr>(&self) -> Result<T, TemplateError> {
        self.parse("a whole number")
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Result<bool, TemplateError> {
        self.parse("true or false")
    }

    /// Text that must be this, because nothing else is understood.
    pub(super) fn must_be(&self, only: &str) -> Result<(), TemplateError> {
        let text = self.text()?;
        if text == only {
            Ok(())
        } else {
            Err(self.error(format_args!("must be `{only}`; `{text}` is not understood")))
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Result<Vec<Reader<'a>>, TemplateError> {
        let Value::List(items) = &self.node.value else {
            return Err(self.error(format_args!("must be a list, not {}", self.node.kind())));
        };
        let item = |(index, node)| Reader::new(node, format!("{}[{index}]", self.path), self.scope);
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The entries of a map whose keys the template is free to choose.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Reader<'a>)>, TemplateError> {
        let entry = |(key, node): (&'a String, &'a Node)| {
            (key.as_str(), Reader::new(node, join(&self.path, key), self.scope))
        };
        Ok(self.map()?.iter().map(entry).collect())
    }

    /// The fields of a map whose keys must be known.
    pub(super) fn fields(&self) -> Result<Fields<'a>, TemplateError> {
        Ok(Fields { reader: self.clone(), map: self.map()?, known: BTreeSet::new() })
    }

    fn map(&self) -> Result<&'a BTreeMap<String, Node>, TemplateError> {
        match &self.node.value {
            Value::Map(map) => Ok(map),
            Value::Null | Value::Scalar(_) | Value::List(_) | Value::Call(..) => {
                Err(self.error(format_args!("must be a map, not {}", self.node.kind())))
            }
        }
    }
}

/// A map that is being read.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    reader: Reader<'a>,
    map: &'a BTreeMap<String, Node>,
    known: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    /// The value of a key, if it is there.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Reader<'a>> {
        self.known.insert(key);
        let node = self.map.get(key)?;
        Some(Reader::new(node, join(&self.reader.path, key), self.reader.scope))
    }

    /// The value of a key that must be there.
    pub(super) fn required(&mut self, key: &'static str) -> Result<Reader<'a>, TemplateError> {
        let found = self.optional(key);
        found.ok_or_else(|| self.reader.error(format_args!("must have `{key}`")))
    }

    /// The text of a key, if it is there.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, TemplateError> {
        self.optional(key).map(|value| value.text()).transpose()
    }

    /// The whole number of a key, or what it is without the key.
    pub(super) fn number<T: FromStr>(
        &mut self,
        key: &'static str,
        without: T,
    ) -> Result<T, TemplateError> {
        self.optional(key).map_or(Ok(without), |value| value.number())
    }

    /// The flag of a key; `false` without the key.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, TemplateError> {
        self.optional(key).map_or(Ok(false), |value| value.flag())
    }

    /// Keys that are known and knowingly not looked at.
    pub(super) fn leave_out(&mut self, keys: &'static [LeftOut]) {
        self.known.extend(keys.iter().map(|left_out| left_out.name));
    }

    /// An error about this map.
    pub(super) fn error(&self, what: impl Display) -> TemplateError {
        self.reader.error(what)
    }

    /// Ends the reading: every key that is there must have been asked for.
    pub(super) fn finish(self) -> Result<(), TemplateError> {
        match self.map.iter().find(|(key, _)| !self.known.contains(key.as_str())) {
            None => Ok(()),
            Some((key, node)) => {
                let path = join(&self.reader.path, key);
                Err(Reader::new(node, path, self.reader.scope).error("is not understood here"))
            }
        }
    }
}
