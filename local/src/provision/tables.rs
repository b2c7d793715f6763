//! Tables: made as the template wants them, or found to be so.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    types::{
        self, AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        ProjectionType, ScalarAttributeType, TableDescription, TimeToLiveSpecification,
    },
};

use crate::template::tables::{AttributeType, Index, Key, KeyAttribute, Projection, Table};

/// Makes a table, or checks the one that is there.
pub(super) async fn make(dynamodb: &Client, table: &Table) -> anyhow::Result<()> {
    let described = dynamodb.describe_table().table_name(&table.name).send().await;
    match described.map_err(SdkError::into_service_error) {
        Ok(described) => {
            let description = described.table().context("DynamoDB described nothing")?;
            check(table, description)?;
        }
        Err(error) if error.is_resource_not_found_exception() => create(dynamodb, table).await?,
        Err(error) => return Err(error.into()),
    }
    set_ttl(dynamodb, table).await
}

async fn create(dynamodb: &Client, table: &Table) -> anyhow::Result<()> {
    let keys = std::iter::once(&table.key).chain(table.indexes.values().map(|index| &index.key));
    let attributes: BTreeMap<&str, &KeyAttribute> = keys
        .flat_map(|key| std::iter::once(&key.partition).chain(&key.sort))
        .map(|attribute| (attribute.name.as_str(), attribute))
        .collect();
    let definitions = attributes.into_values().map(definition).collect::<Result<_, _>>()?;
    let indexes = table.indexes.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    dynamodb
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(definitions))
        .set_key_schema(Some(key_schema(&table.key)?))
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()))
        .deletion_protection_enabled(table.deletion_protection)
        .send()
        .await?;
    Ok(())
}

fn definition(attribute: &KeyAttribute) -> anyhow::Result<AttributeDefinition> {
    let kind = match attribute.kind {
        AttributeType::Text => ScalarAttributeType::S,
        AttributeType::Number => ScalarAttributeType::N,
        AttributeType::Binary => ScalarAttributeType::B,
    };
    let definition = AttributeDefinition::builder().attribute_name(&attribute.name);
    Ok(definition.attribute_type(kind).build()?)
}

fn key_schema(key: &Key) -> anyhow::Result<Vec<KeySchemaElement>> {
    let element = |attribute: &KeyAttribute, role| {
        KeySchemaElement::builder().attribute_name(&attribute.name).key_type(role).build()
    };
    let mut schema = vec![element(&key.partition, KeyType::Hash)?];
    if let Some(sort) = &key.sort {
        schema.push(element(sort, KeyType::Range)?);
    }
    Ok(schema)
}

fn index((name, index): (&String, &Index)) -> anyhow::Result<GlobalSecondaryIndex> {
    let projection = types::Projection::builder();
    let projection = match &index.projection {
        Projection::All => projection.projection_type(ProjectionType::All),
        Projection::KeysOnly => projection.projection_type(ProjectionType::KeysOnly),
        Projection::Include(attributes) => projection
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(attributes.clone())),
    };
    Ok(GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key_schema(&index.key)?))
        .projection(projection.build())
        .build()?)
}

/// The table that is there must be the one that is wanted.
fn check(wanted: &Table, description: &TableDescription) -> anyhow::Result<()> {
    let definitions = description.attribute_definitions();
    let key = found_key(description.key_schema(), definitions)?;
    if key != wanted.key {
        bail!(
            "has the key {key}, but the template wants {}; start with another data directory",
            wanted.key
        );
    }
    let mut found = BTreeMap::new();
    for index in description.global_secondary_indexes() {
        let key = found_key(index.key_schema(), definitions)?;
        let projection = found_projection(index.projection());
        found.insert(index.index_name().unwrap_or_default().to_owned(), Index { key, projection });
    }
    let names = wanted.indexes.keys().chain(found.keys());
    match names.into_iter().find(|name| found.get(*name) != wanted.indexes.get(*name)) {
        None => Ok(()),
        Some(name) => {
            bail!(
                "differs from the template in its index `{name}`; start with another data directory"
            )
        }
    }
}

fn found_key(
    schema: &[KeySchemaElement],
    definitions: &[AttributeDefinition],
) -> anyhow::Result<Key> {
    let attribute = |role: KeyType| {
        let element = schema.iter().find(|element| element.key_type == role)?;
        let mut definitions = definitions.iter();
        let defined = definitions.find(|known| known.attribute_name == element.attribute_name)?;
        let kind = if defined.attribute_type == ScalarAttributeType::S {
            AttributeType::Text
        } else if defined.attribute_type == ScalarAttributeType::N {
            AttributeType::Number
        } else {
            AttributeType::Binary
        };
        Some(KeyAttribute { name: element.attribute_name.clone(), kind })
    };
    let partition = attribute(KeyType::Hash).context("has no partition key")?;
    Ok(Key { partition, sort: attribute(KeyType::Range) })
}

fn found_projection(projection: Option<&types::Projection>) -> Projection {
    let kind = projection.and_then(types::Projection::projection_type);
    if kind == Some(&ProjectionType::KeysOnly) {
        Projection::KeysOnly
    } else if kind == Some(&ProjectionType::Include) {
        let mut names =
            projection.map(types::Projection::non_key_attributes).unwrap_or_default().to_vec();
        names.sort();
        Projection::Include(names)
    } else {
        Projection::All
    }
}

async fn set_ttl(dynamodb: &Client, table: &Table) -> anyhow::Result<()> {
    let described = dynamodb.describe_time_to_live().table_name(&table.name).send().await?;
    let found = described.time_to_live_description().and_then(|ttl| ttl.attribute_name());
    match (found, table.ttl_attribute.as_deref()) {
        (None, None) => Ok(()),
        (Some(found), Some(wanted)) if found == wanted => Ok(()),
        (None, Some(wanted)) => {
            let enabled = TimeToLiveSpecification::builder().attribute_name(wanted).enabled(true);
            let update = dynamodb.update_time_to_live().table_name(&table.name);
            update.time_to_live_specification(enabled.build()?).send().await?;
            Ok(())
        }
        (Some(found), wanted) => bail!(
            "lets items expire by `{found}`, but the template wants {}; start with another data directory",
            wanted.unwrap_or("none to expire")
        ),
    }
}
