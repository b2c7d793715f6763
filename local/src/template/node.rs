//! The template as a tree, before anything in it is understood: scalars as they are written, lists,
//! maps, and calls of intrinsic functions in either notation. Every node knows its line.

use std::collections::BTreeMap;

/// What CloudFormation can compute and we cannot. Harmless where nothing is read from it.
const OTHER_INTRINSICS: [&str; 17] = [
    "And",
    "Base64",
    "Cidr",
    "Condition",
    "Equals",
    "FindInMap",
    "GetAZs",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "ToJsonString",
    "Transform",
];

/// A part of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    /// What it is.
    pub(super) value: Value,
}

/// What a node can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing after the colon.
    Null,
    /// Text; numbers and booleans too, since CloudFormation makes no difference.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(BTreeMap<String, Node>),
    /// An intrinsic function and its argument.
    Call(Intrinsic, Box<Node>),
}

/// An intrinsic function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intrinsic {
    /// `Ref`: the value of a parameter, the name of a resource.
    Ref,
    /// `Fn::GetAtt`: an attribute of a resource.
    GetAtt,
    /// `Fn::Sub`: text with either in it.
    Sub,
    /// One that CloudFormation has and we do not compute.
    Other(&'static str),
}

impl Intrinsic {
    /// The function of this name, without `!` or `Fn::`.
    pub(super) fn named(name: &str) -> Option<Intrinsic> {
        match name {
            "Ref" => Some(Intrinsic::Ref),
            "GetAtt" => Some(Intrinsic::GetAtt),
            "Sub" => Some(Intrinsic::Sub),
            other => {
                let known = OTHER_INTRINSICS.iter().find(|known| **known == other);
                known.map(|known| Intrinsic::Other(known))
            }
        }
    }
}

impl Node {
    /// What the node is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Call(..) => "an intrinsic function",
        }
    }

    /// This node over another: maps are merged, lists appended to the other's, anything else
    /// replaces the other. So SAM lays a resource's properties over `Globals`.
    pub(super) fn over(&self, base: &Node) -> Node {
        let value = match (&self.value, &base.value) {
            (Value::Map(own), Value::Map(inherited)) => {
                let mut merged = inherited.clone();
                for (key, node) in own {
                    let node =
                        inherited.get(key).map_or_else(|| node.clone(), |base| node.over(base));
                    merged.insert(key.clone(), node);
                }
                Value::Map(merged)
            }
            (Value::List(own), Value::List(inherited)) => {
                Value::List(inherited.iter().chain(own).cloned().collect())
            }
            (own, _) => own.clone(),
        };
        Node { line: self.line, value }
    }
}

/// The entries of a section of the template, if it is there and a map.
pub(super) fn section<'a>(template: &'a Node, name: &str) -> Option<&'a BTreeMap<String, Node>> {
    let Value::Map(sections) = &template.value else { return None };
    match &sections.get(name)?.value {
        Value::Map(entries) => Some(entries),
        Value::Null | Value::Scalar(_) | Value::List(_) | Value::Call(..) => None,
    }
}
