//! What `Ref`, `Fn::GetAtt` and `Fn::Sub` stand for: parameters, pseudo parameters, and resources,
//! whose physical names are known before anything is made.

use std::{collections::BTreeMap, fmt};

use super::{
    Site,
    node::{Intrinsic, Node, Value},
};

/// What a resource is, as far as we run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `AWS::Serverless::Function`
    Function,
    /// `AWS::Serverless::HttpApi`
    Api,
    /// `AWS::DynamoDB::Table`
    Table,
    /// `AWS::SQS::Queue`
    Queue,
    /// `AWS::S3::Bucket`
    Bucket,
    /// `AWS::Events::EventBus`
    Bus,
    /// A type that matters only in the cloud.
    LeftOut,
}

/// A resource, as others refer to it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What it is.
    pub(super) kind: Kind,
    /// Its physical name.
    pub(super) name: String,
}

/// What names stand for.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Where the stack is.
    pub(super) site: Site,
    /// The values of the parameters.
    pub(super) parameters: BTreeMap<String, String>,
    /// The resources by logical id.
    pub(super) resources: BTreeMap<String, Named>,
}

impl Scope {
    /// The text that a node stands for.
    pub(super) fn text(&self, node: &Node) -> Result<String, String> {
        match &node.value {
            Value::Scalar(text) => Ok(text.clone()),
            Value::Call(Intrinsic::Ref, argument) => self.reference(plain(argument)?),
            Value::Call(Intrinsic::GetAtt, argument) => {
                let (resource, attribute) = attribute_of(argument)?;
                self.attribute(resource, attribute)
            }
            Value::Call(Intrinsic::Sub, argument) => self.substitute(argument),
            Value::Call(Intrinsic::Other(name), _) => {
                Err(format!("uses the intrinsic function `{name}`, which is not understood here"))
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                Err(format!("must be text, not {}", node.kind()))
            }
        }
    }

    /// What `Ref` gives.
    fn reference(&self, name: &str) -> Result<String, String> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        if let Some(value) = self.pseudo(name) {
            return Ok(value);
        }
        let resource = self.resource(name)?;
        match resource.kind {
            Kind::Function | Kind::Api | Kind::Table | Kind::Bucket | Kind::Bus => {
                Ok(resource.name.clone())
            }
            Kind::Queue => Ok(self.site.queue_url(&resource.name)),
            Kind::LeftOut => Err(left_out(name)),
        }
    }

    /// What `Fn::GetAtt` gives.
    pub(super) fn attribute(&self, name: &str, attribute: &str) -> Result<String, String> {
        let resource = self.resource(name)?;
        let physical = &resource.name;
        match (resource.kind, attribute) {
            (Kind::Function, "Arn") => Ok(self.arn("lambda", format_args!("function:{physical}"))),
            (Kind::Table, "Arn") => Ok(self.arn("dynamodb", format_args!("table/{physical}"))),
            (Kind::Queue, "Arn") => Ok(self.arn("sqs", format_args!("{physical}"))),
            (Kind::Bus, "Arn") => Ok(self.arn("events", format_args!("event-bus/{physical}"))),
            (Kind::Bucket, "Arn") => Ok(format!("arn:aws:s3:::{physical}")),
            (Kind::Queue, "QueueName") => Ok(physical.clone()),
            (Kind::Queue, "QueueUrl") => Ok(self.site.queue_url(physical)),
            (Kind::Api, "ApiEndpoint") => Ok(self.site.api_url.clone()),
            (Kind::LeftOut, _) => Err(left_out(name)),
            (
                Kind::Function | Kind::Table | Kind::Queue | Kind::Bucket | Kind::Bus | Kind::Api,
                _,
            ) => Err(format!("asks for `{name}.{attribute}`, which is not understood")),
        }
    }

    fn substitute(&self, argument: &Node) -> Result<String, String> {
        let (pattern, variables) = match &argument.value {
            Value::Scalar(pattern) => (pattern, None),
            Value::List(parts) => match parts.as_slice() {
                [
                    Node { value: Value::Scalar(pattern), .. },
                    Node { value: Value::Map(map), .. },
                ] => (pattern, Some(map)),
                _ => return Err("must give Sub a text, or a text and a map".to_owned()),
            },
            Value::Null | Value::Map(_) | Value::Call(..) => {
                return Err("must give Sub a text, or a text and a map".to_owned());
            }
        };
        let mut text = String::new();
        for part in parts(pattern) {
            text.push_str(&match part? {
                Part::Text(text) => text.to_owned(),
                Part::Variable(name) => match variables.and_then(|map| map.get(name)) {
                    Some(node) => self.text(node)?,
                    None => match name.split_once('.') {
                        Some((resource, attribute)) => self.attribute(resource, attribute)?,
                        None => self.reference(name)?,
                    },
                },
            });
        }
        Ok(text)
    }

    fn resource(&self, name: &str) -> Result<&Named, String> {
        self.resources.get(name).ok_or_else(|| refers_to_nothing(name))
    }

    fn pseudo(&self, name: &str) -> Option<String> {
        let site = &self.site;
        match name {
            "AWS::Region" => Some(site.region.clone()),
            "AWS::AccountId" => Some(site.account_id.clone()),
            "AWS::StackName" => Some(site.stack_name.clone()),
            "AWS::Partition" => Some("aws".to_owned()),
            "AWS::URLSuffix" => Some("amazonaws.com".to_owned()),
            _ => None,
        }
    }

    fn arn(&self, service: &str, resource: fmt::Arguments<'_>) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.site.region, self.site.account_id)
    }
}

/// A part of the text of a `Fn::Sub`.
pub(super) enum Part<'a> {
    /// As it is.
    Text(&'a str),
    /// `${…}`
    Variable(&'a str),
}

/// The parts of the text of a `Fn::Sub`; `${!x}` is the text `${x}`.
pub(super) fn parts(pattern: &str) -> impl Iterator<Item = Result<Part<'_>, String>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(inner) = rest.strip_prefix("${") else {
            let (text, after) = rest.split_at(rest.find("${").unwrap_or(rest.len()));
            rest = after;
            return Some(Ok(Part::Text(text)));
        };
        if inner.starts_with('!') {
            // `${` as it is; what follows the `!` is text until the next `${`.
            rest = inner.strip_prefix('!').unwrap_or(inner);
            return Some(Ok(Part::Text("${")));
        }
        let Some((name, after)) = inner.split_once('}') else {
            rest = "";
            return Some(Err("has a `${` without its `}`".to_owned()));
        };
        rest = after;
        Some(Ok(Part::Variable(name.trim())))
    })
}

/// The resource and the attribute that a `Fn::GetAtt` names.
pub(super) fn attribute_of(argument: &Node) -> Result<(&str, &str), String> {
    let wrong = || "must give GetAtt a resource and an attribute".to_owned();
    match &argument.value {
        Value::Scalar(path) => path.split_once('.').ok_or_else(wrong),
        Value::List(pair) => match pair.as_slice() {
            [resource, attribute] => Ok((plain(resource)?, plain(attribute)?)),
            _ => Err(wrong()),
        },
        Value::Null | Value::Map(_) | Value::Call(..) => Err(wrong()),
    }
}

/// Text that must not be computed.
pub(super) fn plain(node: &Node) -> Result<&str, String> {
    match &node.value {
        Value::Scalar(text) => Ok(text),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Call(..) => {
            Err(format!("must name something by text, not by {}", node.kind()))
        }
    }
}

/// What is wrong with a reference to something that is not there.
pub(super) fn refers_to_nothing(name: &str) -> String {
    format!("refers to `{name}`, which is neither a parameter nor a resource")
}

fn left_out(name: &str) -> String {
    format!("needs `{name}`, a resource that exists only in the cloud")
}
