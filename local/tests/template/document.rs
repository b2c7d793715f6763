//! The template as a tree, and what the checks ask of it.

use local::template::{TEMPLATE, document};
use serde_json::{Map, Value};

/// A function of the template.
pub(crate) const FUNCTION: &str = "AWS::Serverless::Function";
/// A queue of the template.
pub(crate) const QUEUE: &str = "AWS::SQS::Queue";
/// A table of the template.
pub(crate) const TABLE: &str = "AWS::DynamoDB::Table";

/// A template.
pub(crate) struct Document(Value);

impl Document {
    /// The template of this project.
    pub(crate) fn ours() -> Document {
        Document::of(TEMPLATE)
    }

    /// The template of this project, with one of its texts replaced by another.
    pub(crate) fn with(text: &str, other: &str) -> Document {
        assert!(TEMPLATE.contains(text), "the template does not have:\n{text}");
        Document::of(&TEMPLATE.replacen(text, other, 1))
    }

    fn of(text: &str) -> Document {
        Document(document(text).unwrap())
    }

    /// All resources of a type, by their logical ids.
    pub(crate) fn all(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = entries(&self.0["Resources"]);
        resources.filter(|(_, resource)| resource["Type"] == kind).collect()
    }

    /// The type of a resource; empty if there is none.
    pub(crate) fn type_of(&self, id: &str) -> &str {
        self.0["Resources"][id]["Type"].as_str().unwrap_or_default()
    }

    /// A section of the template.
    pub(crate) fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        entries(&self.0[name])
    }
}

/// The entries of a map; none of what is no map.
pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

/// The items of a list; what is no list is its own only item, as in a policy.
pub(crate) fn items(value: &Value) -> Vec<&Value> {
    match value.as_array() {
        Some(items) => items.iter().collect(),
        None if value.is_null() => Vec::new(),
        None => vec![value],
    }
}

/// What a scalar says.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The number that a scalar says.
pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

/// The resource that a value refers to: by `Ref`, or by an attribute.
pub(crate) fn referred(value: &Value) -> Option<&str> {
    if let Some(id) = value["Ref"].as_str() {
        return Some(id);
    }
    value["Fn::GetAtt"].as_str()?.split('.').next()
}
