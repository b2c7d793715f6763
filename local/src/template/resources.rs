//! What all resources have in common: type, properties, metadata, and what becomes of them.

use std::collections::BTreeMap;

use super::{
    Site, TemplateError,
    left_out::{RESOURCE, RESOURCE_TYPES},
    node::{Node, Value},
    reader::Reader,
    scope::{Kind, Named, Scope},
};

/// A resource whose properties are still to be read.
pub(super) struct Resource<'a> {
    /// Its logical id.
    pub(super) id: &'a str,
    /// What it is.
    pub(super) kind: Kind,
    reader: Reader<'a>,
    properties: Option<Reader<'a>>,
    metadata: Option<Reader<'a>>,
    retained: bool,
    named: &'a Named,
}

impl<'a> Resource<'a> {
    /// Reads what is around the properties.
    pub(super) fn read(
        id: &'a str,
        reader: Reader<'a>,
        scope: &'a Scope,
    ) -> Result<Resource<'a>, TemplateError> {
        let mut fields = reader.fields()?;
        fields.leave_out(RESOURCE);
        let named = scope.resources.get(id).ok_or_else(|| reader.error("has no name"))?;
        fields.required("Type")?;
        let properties = fields.optional("Properties");
        let metadata = fields.optional("Metadata");
        if let Some(condition) = fields.optional("Condition")
            && named.kind != Kind::LeftOut
        {
            return Err(condition.error("is a condition, which is not understood"));
        }
        let mut policy = |key| match fields.optional(key) {
            None => Ok(false),
            Some(policy) => match policy.text()?.as_str() {
                "Retain" => Ok(true),
                "Delete" => Ok(false),
                other => Err(policy.error(format_args!("is `{other}`, which is not understood"))),
            },
        };
        let retained = (policy("DeletionPolicy")?, policy("UpdateReplacePolicy")?) == (true, true);
        fields.finish()?;
        Ok(Resource { id, kind: named.kind, reader, properties, metadata, retained, named })
    }

    /// Its properties.
    pub(super) fn properties(&self) -> Result<&Reader<'a>, TemplateError> {
        self.properties.as_ref().ok_or_else(|| self.reader.error("must have `Properties`"))
    }

    /// Its metadata.
    pub(super) fn metadata(&self) -> Result<&Reader<'a>, TemplateError> {
        self.metadata.as_ref().ok_or_else(|| self.reader.error("must have `Metadata`"))
    }

    /// Its physical name.
    pub(super) fn physical_name(&self) -> &str {
        &self.named.name
    }

    /// Its ARN.
    pub(super) fn arn(&self, scope: &Scope) -> Result<String, TemplateError> {
        scope.attribute(self.id, "Arn").map_err(|what| self.reader.error(what))
    }

    /// Whether it stays when its stack is deleted, and when it is replaced.
    pub(super) fn is_retained(&self) -> bool {
        self.retained
    }
}

/// The names of all resources, before anything in them is read. A name that the template gives may
/// be made of parameters, not of other resources.
pub(super) fn names(
    section: &Reader<'_>,
    scope: &Scope,
) -> Result<BTreeMap<String, Named>, TemplateError> {
    let mut names = BTreeMap::new();
    for (id, reader) in section.entries()? {
        let mut fields = reader.fields()?;
        let kind = fields.required("Type")?;
        let (kind, name_key) = match kind.text()?.as_str() {
            "AWS::Serverless::Function" => (Kind::Function, Some("FunctionName")),
            "AWS::Serverless::HttpApi" => (Kind::Api, None),
            "AWS::DynamoDB::Table" => (Kind::Table, Some("TableName")),
            "AWS::SQS::Queue" => (Kind::Queue, Some("QueueName")),
            "AWS::S3::Bucket" => (Kind::Bucket, Some("BucketName")),
            "AWS::Events::EventBus" => (Kind::Bus, Some("Name")),
            known if RESOURCE_TYPES.iter().any(|left_out| left_out.name == known) => {
                (Kind::LeftOut, None)
            }
            other => {
                return Err(kind.error(format_args!("is `{other}`, a type that is not understood")));
            }
        };
        let given = match (fields.optional("Properties"), name_key) {
            (Some(properties), Some(key)) if kind != Kind::LeftOut => {
                properties.fields()?.text(key)?
            }
            _ => None,
        };
        let name = given.unwrap_or_else(|| generated(kind, id, &scope.site));
        names.insert(id.to_owned(), Named { kind, name });
    }
    Ok(names)
}

/// As CloudFormation generates names, without the random end.
fn generated(kind: Kind, id: &str, site: &Site) -> String {
    let name = format!("{}-{id}", site.stack_name);
    // Buckets are part of host names.
    if kind == Kind::Bucket { name.to_ascii_lowercase() } else { name }
}

/// Lays the properties of `Globals.Function` under those of every function.
pub(super) fn with_globals(mut template: Node) -> Result<Node, TemplateError> {
    let Value::Map(sections) = &mut template.value else { return Ok(template) };
    let Some(globals) = sections.remove("Globals") else { return Ok(template) };
    let error = |what: &str| TemplateError {
        path: "Globals".to_owned(),
        line: Some(globals.line),
        what: what.to_owned(),
    };
    let Value::Map(mut parts) = globals.value else { return Err(error("must be a map")) };
    let function = parts.remove("Function");
    if !parts.is_empty() {
        return Err(error("may have `Function`; nothing else is understood"));
    }
    let (Some(base), Some(resources)) = (function, sections.get_mut("Resources")) else {
        return Ok(template);
    };
    let Value::Map(resources) = &mut resources.value else { return Ok(template) };
    for resource in resources.values_mut() {
        if let Value::Map(attributes) = &mut resource.value {
            let kind = attributes.get("Type").map(|node| &node.value);
            if kind == Some(&Value::Scalar("AWS::Serverless::Function".to_owned())) {
                let laid = attributes
                    .get("Properties")
                    .map_or_else(|| base.clone(), |own| own.over(&base));
                attributes.insert("Properties".to_owned(), laid);
            }
        }
    }
    Ok(template)
}
