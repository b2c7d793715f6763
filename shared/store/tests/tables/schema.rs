//! The tables as template.yaml has them.

use aws_sdk_dynamodb::{
    Client,
    operation::create_table::builders::CreateTableFluentBuilder,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        Projection, ProjectionType, ScalarAttributeType,
    },
};

/// Makes the four tables.
pub(crate) async fn create_tables(client: &Client) {
    let (s, n) = (ScalarAttributeType::S, ScalarAttributeType::N);
    let with_due = |name| {
        table(client, name, &[("pk", &s), ("sk", &s)])
            .attribute_definitions(definition("due_shard", &n))
            .attribute_definitions(definition("due_at_ms", &n))
            .global_secondary_indexes(index(
                "due",
                ["due_shard", "due_at_ms"],
                ProjectionType::KeysOnly,
            ))
    };
    let (jobs, webhooks) = (with_due("jobs"), with_due("webhooks"));
    let ledger = table(client, "ledger", &[("pk", &s), ("sk", &s)]);
    let keys = table(client, "keys", &[("pk", &s)])
        .attribute_definitions(definition("user_id", &s))
        .attribute_definitions(definition("created_at_ms", &n))
        .global_secondary_indexes(index("user", ["user_id", "created_at_ms"], ProjectionType::All));
    for table in [jobs, ledger, keys, webhooks] {
        table.send().await.unwrap();
    }
}

fn table(
    client: &Client,
    name: &str,
    key: &[(&str, &ScalarAttributeType)],
) -> CreateTableFluentBuilder {
    let names: Vec<&str> = key.iter().map(|(name, _)| *name).collect();
    let definitions = key.iter().map(|(name, kind)| definition(name, kind)).collect();
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema(&names)))
        .set_attribute_definitions(Some(definitions))
}

fn definition(name: &str, kind: &ScalarAttributeType) -> AttributeDefinition {
    let definition = AttributeDefinition::builder().attribute_name(name);
    definition.attribute_type(kind.clone()).build().unwrap()
}

fn schema(names: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |(name, kind): (&&str, KeyType)| {
        KeySchemaElement::builder().attribute_name(*name).key_type(kind).build().unwrap()
    };
    names.iter().zip(kinds).map(element).collect()
}

fn index(name: &str, key: [&str; 2], projected: ProjectionType) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(schema(&key)))
        .projection(Projection::builder().projection_type(projected).build())
        .build()
        .unwrap()
}
