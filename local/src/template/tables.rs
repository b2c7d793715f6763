//! `AWS::DynamoDB::Table`: keys, indexes, and what protects the items.

use std::{collections::BTreeMap, fmt};

use super::{TemplateError, left_out::TABLE, reader::Reader, resources::Resource};

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its physical name.
    pub name: String,
    /// Its primary key.
    pub key: Key,
    /// Its global secondary indexes by name.
    pub indexes: BTreeMap<String, Index>,
    /// The attribute after which items expire, if one is on.
    pub ttl_attribute: Option<String>,
    /// Whether it can be restored to any point of the last weeks.
    pub point_in_time_recovery: bool,
    /// Whether it refuses to be deleted.
    pub deletion_protection: bool,
    /// Whether it stays when its stack is deleted, and when it is replaced.
    pub retained: bool,
}

/// A global secondary index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its key.
    pub key: Key,
    /// What it has of each item.
    pub projection: Projection,
}

/// What an index has of each item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Projection {
    /// `ALL`
    All,
    /// `KEYS_ONLY`
    KeysOnly,
    /// `INCLUDE`, with these attributes, sorted.
    Include(Vec<String>),
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The attribute that says in which partition an item is.
    pub partition: KeyAttribute,
    /// The attribute by which a partition is sorted.
    pub sort: Option<KeyAttribute>,
}

/// An attribute of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: AttributeType,
}

/// The types that an attribute of a key can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    /// `S`
    Text,
    /// `N`
    Number,
    /// `B`
    Binary,
}

impl fmt::Display for KeyAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            AttributeType::Text => "S",
            AttributeType::Number => "N",
            AttributeType::Binary => "B",
        };
        write!(f, "{} ({kind})", self.name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sort {
            None => write!(f, "{}", self.partition),
            Some(sort) => write!(f, "{}, {sort}", self.partition),
        }
    }
}

/// The types of the attributes that a table defines.
type Definitions = BTreeMap<String, AttributeType>;

/// Reads a table.
pub(super) fn read(resource: &Resource<'_>) -> Result<Table, TemplateError> {
    let mut fields = resource.properties()?.fields()?;
    fields.leave_out(TABLE);
    fields.optional("TableName");
    fields.required("BillingMode")?.must_be("PAY_PER_REQUEST")?;
    let definitions = fields.required("AttributeDefinitions")?;
    let attributes = attribute_definitions(&definitions)?;
    let key = key(&fields.required("KeySchema")?, &attributes)?;
    let mut indexes = BTreeMap::new();
    if let Some(list) = fields.optional("GlobalSecondaryIndexes") {
        for reader in list.items()? {
            let (name, index) = index(&reader, &attributes)?;
            if indexes.insert(name, index).is_some() {
                return Err(reader.error("has the name of another index"));
            }
        }
    }
    let ttl_attribute = match fields.optional("TimeToLiveSpecification") {
        Some(reader) => ttl(&reader)?,
        None => None,
    };
    let point_in_time_recovery = match fields.optional("PointInTimeRecoverySpecification") {
        Some(reader) => {
            let mut fields = reader.fields()?;
            let enabled = fields.required("PointInTimeRecoveryEnabled")?.flag()?;
            fields.finish()?;
            enabled
        }
        None => false,
    };
    let deletion_protection = fields.flag("DeletionProtectionEnabled")?;
    fields.finish()?;
    let table = Table {
        name: resource.physical_name().to_owned(),
        key,
        indexes,
        ttl_attribute,
        point_in_time_recovery,
        deletion_protection,
        retained: resource.is_retained(),
    };
    match attributes.keys().find(|name| !uses(&table, name)) {
        None => Ok(table),
        Some(unused) => {
            Err(definitions.error(format_args!("defines `{unused}`, which is in no key")))
        }
    }
}

fn attribute_definitions(list: &Reader<'_>) -> Result<Definitions, TemplateError> {
    let mut definitions = BTreeMap::new();
    for reader in list.items()? {
        let mut fields = reader.fields()?;
        let name = fields.required("AttributeName")?.text()?;
        let kind = fields.required("AttributeType")?;
        fields.finish()?;
        let kind = match kind.text()?.as_str() {
            "S" => AttributeType::Text,
            "N" => AttributeType::Number,
            "B" => AttributeType::Binary,
            other => return Err(kind.error(format_args!("is `{other}`; it can be S, N or B"))),
        };
        definitions.insert(name, kind);
    }
    Ok(definitions)
}

fn key(schema: &Reader<'_>, definitions: &Definitions) -> Result<Key, TemplateError> {
    let (mut partition, mut sort) = (None, None);
    for reader in schema.items()? {
        let mut fields = reader.fields()?;
        let name = fields.required("AttributeName")?;
        let role = fields.required("KeyType")?;
        fields.finish()?;
        let text = name.text()?;
        let kind = *definitions
            .get(&text)
            .ok_or_else(|| name.error(format_args!("names `{text}`, which is not defined")))?;
        let place = match role.text()?.as_str() {
            "HASH" => &mut partition,
            "RANGE" => &mut sort,
            other => return Err(role.error(format_args!("is `{other}`; it can be HASH or RANGE"))),
        };
        if place.replace(KeyAttribute { name: text, kind }).is_some() {
            return Err(role.error("is there twice"));
        }
    }
    let partition = partition.ok_or_else(|| schema.error("must have a HASH attribute"))?;
    Ok(Key { partition, sort })
}

fn index(reader: &Reader<'_>, definitions: &Definitions) -> Result<(String, Index), TemplateError> {
    let mut fields = reader.fields()?;
    let name = fields.required("IndexName")?.text()?;
    let key = key(&fields.required("KeySchema")?, definitions)?;
    let mut projection = fields.required("Projection")?.fields()?;
    fields.finish()?;
    let kind = projection.required("ProjectionType")?;
    let attributes = projection.optional("NonKeyAttributes");
    projection.finish()?;
    let projection = match (kind.text()?.as_str(), attributes) {
        ("ALL", None) => Projection::All,
        ("KEYS_ONLY", None) => Projection::KeysOnly,
        ("INCLUDE", Some(list)) => {
            let mut names =
                list.items()?.iter().map(Reader::text).collect::<Result<Vec<_>, _>>()?;
            names.sort();
            Projection::Include(names)
        }
        (other, _) => {
            return Err(kind.error(format_args!("is `{other}`, which does not go with the rest")));
        }
    };
    Ok((name, Index { key, projection }))
}

fn ttl(reader: &Reader<'_>) -> Result<Option<String>, TemplateError> {
    let mut fields = reader.fields()?;
    let attribute = fields.required("AttributeName")?.text()?;
    let enabled = fields.required("Enabled")?.flag()?;
    fields.finish()?;
    Ok(enabled.then_some(attribute))
}

fn uses(table: &Table, attribute: &str) -> bool {
    let keys = std::iter::once(&table.key).chain(table.indexes.values().map(|index| &index.key));
    keys.flat_map(|key| std::iter::once(&key.partition).chain(&key.sort))
        .any(|used| used.name == attribute)
}
