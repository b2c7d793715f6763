//! `template.yaml` as types. What is read here is what is deployed, so nothing in it is guessed:
//! whatever is not understood is an error that names its path, except for what
//! [`left_out`] lists.
//!
//! 1. `yaml` makes a tree of the text; `references` checks that it refers to nothing missing;
//! 2. parameters get their values, resources their physical names: together, the `scope`;
//! 3. each type of resource is read by a module of its own, through `reader`.

pub mod api;
mod document;
pub mod functions;
pub mod left_out;
mod node;
pub mod parameters;
pub mod queues;
mod reader;
mod references;
mod relations;
mod resources;
pub mod roles;
mod scope;
pub mod tables;
mod yaml;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use api::Api;
pub use document::document;
use functions::Function;
use node::Node;
use parameters::Parameter;
use queues::{Bucket, Queue};
use reader::Reader;
use resources::Resource;
use scope::{Kind, Scope};
use tables::Table;

/// The template of this project.
pub const TEMPLATE: &str = include_str!("../../template.yaml");

/// A template, with everything in it evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// The functions by logical id.
    pub functions: BTreeMap<String, Function>,
    /// The HTTP API.
    pub api: Api,
    /// The tables by logical id.
    pub tables: BTreeMap<String, Table>,
    /// The queues by logical id.
    pub queues: BTreeMap<String, Queue>,
    /// The buckets by logical id.
    pub buckets: BTreeMap<String, Bucket>,
    /// The outputs by name.
    pub outputs: BTreeMap<String, String>,
}

/// Where a stack is: what the template can ask for without saying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// `AWS::Region`
    pub region: String,
    /// `AWS::AccountId`
    pub account_id: String,
    /// `AWS::StackName`; physical names begin with it.
    pub stack_name: String,
    /// The base URL of SQS.
    pub sqs_url: String,
    /// The URL of the HTTP API.
    pub api_url: String,
}

impl Site {
    fn queue_url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.sqs_url, self.account_id)
    }
}

/// Whether parameters must be as the template wants them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Constraints {
    /// As a deployment: bounds, lists and patterns hold.
    #[default]
    Enforced,
    /// For tests that cannot wait for the shortest deadline that is allowed.
    Ignored,
}

/// Something in a template is wrong, or not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Where, as `Resources.JobsTable.Properties.KeySchema[0].KeyType`; empty for the whole.
    pub path: String,
    /// In which line, if it is in one.
    pub line: Option<usize>,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the template" } else { &self.path };
        match self.line {
            Some(line) => write!(f, "{path} (line {line}) {}", self.what),
            None => write!(f, "{path} {}", self.what),
        }
    }
}

impl Template {
    /// Reads a template for a stack at `site`, with these values for its parameters.
    ///
    /// # Errors
    /// If anything in it is wrong or not understood.
    pub fn parse(
        text: &str,
        site: Site,
        overrides: &BTreeMap<String, String>,
        constraints: Constraints,
    ) -> Result<Template, TemplateError> {
        let tree = yaml::parse(text)?;
        references::check(&tree)?;
        let tree = resources::with_globals(tree)?;
        let mut scope = Scope { site, parameters: BTreeMap::new(), resources: BTreeMap::new() };
        let parameters = parameters_of(&tree, &scope, overrides, constraints)?;
        let value =
            |(name, parameter): (&String, &Parameter)| (name.clone(), parameter.value.clone());
        scope.parameters = parameters.iter().map(value).collect();
        scope.resources = {
            let mut sections = Reader::new(&tree, "", &scope).fields()?;
            resources::names(&sections.required("Resources")?, &scope)?
        };
        read(&tree, &scope, parameters)
    }

    /// The names of the parameters that a template has.
    ///
    /// # Errors
    /// If it is not YAML.
    pub fn parameter_names(text: &str) -> Result<BTreeSet<String>, TemplateError> {
        let tree = yaml::parse(text)?;
        Ok(node::section(&tree, "Parameters")
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect())
    }

    /// The logical id of the function with this ARN.
    pub fn function_by_arn(&self, arn: &str) -> Option<&str> {
        let mut functions = self.functions.iter();
        functions.find(|(_, function)| function.arn == arn).map(|(id, _)| id.as_str())
    }

    /// The logical id of the queue with this ARN.
    pub fn queue_by_arn(&self, arn: &str) -> Option<&str> {
        let mut queues = self.queues.iter();
        queues.find(|(_, queue)| queue.arn == arn).map(|(id, _)| id.as_str())
    }

    /// The authorizer of a route: the one it names, or else the default; none, if that is `NONE`.
    pub fn authorizer_of<'a>(&'a self, route: &'a functions::Route) -> Option<&'a str> {
        let named = route.authorizer.as_ref().or(self.api.default_authorizer.as_ref());
        named.map(String::as_str).filter(|name| *name != functions::NO_AUTHORIZER)
    }
}

fn parameters_of(
    tree: &Node,
    scope: &Scope,
    overrides: &BTreeMap<String, String>,
    constraints: Constraints,
) -> Result<BTreeMap<String, Parameter>, TemplateError> {
    let mut sections = Reader::new(tree, "", scope).fields()?;
    parameters::read(sections.optional("Parameters"), overrides, constraints)
}

fn read(
    tree: &Node,
    scope: &Scope,
    parameters: BTreeMap<String, Parameter>,
) -> Result<Template, TemplateError> {
    let mut sections = Reader::new(tree, "", scope).fields()?;
    sections.leave_out(left_out::TEMPLATE);
    sections.required("Transform")?.must_be("AWS::Serverless-2016-10-31")?;
    sections.optional("Parameters");
    let resources = sections.required("Resources")?;
    let outputs = match sections.optional("Outputs") {
        Some(section) => outputs(&section)?,
        None => BTreeMap::new(),
    };
    sections.finish()?;

    let mut apis = Vec::new();
    let (mut functions, mut tables) = (BTreeMap::new(), BTreeMap::new());
    let (mut queues, mut buckets) = (BTreeMap::new(), BTreeMap::new());
    for (id, reader) in resources.entries()? {
        let resource = Resource::read(id, reader, scope)?;
        let id = resource.id.to_owned();
        match resource.kind {
            Kind::Function => {
                functions.insert(id, functions::read(&resource, resource.arn(scope)?)?);
            }
            Kind::Api => apis.push(api::read(&resource)?),
            Kind::Table => {
                tables.insert(id, tables::read(&resource)?);
            }
            Kind::Queue => {
                let url = scope.site.queue_url(resource.physical_name());
                queues.insert(id, queues::read_queue(&resource, resource.arn(scope)?, url)?);
            }
            Kind::Bucket => {
                buckets.insert(id, queues::read_bucket(&resource)?);
            }
            Kind::Bus => queues::read_bus(&resource)?,
            Kind::LeftOut => {}
        }
    }
    let (Some(api), None) = (apis.pop(), apis.pop()) else {
        return Err(resources.error("must have exactly one HTTP API"));
    };
    let template = Template { parameters, functions, api, tables, queues, buckets, outputs };
    relations::check(&template).map_err(|what| resources.error(what))?;
    Ok(template)
}

fn outputs(section: &Reader<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut outputs = BTreeMap::new();
    for (name, reader) in section.entries()? {
        let mut fields = reader.fields()?;
        fields.leave_out(left_out::OUTPUT);
        outputs.insert(name.to_owned(), fields.required("Value")?.text()?);
        fields.finish()?;
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests;
