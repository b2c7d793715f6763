//! Schemas of bodies: what their types say of themselves, and what these cannot say.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;

/// US dollars with at most six decimals; read them as a decimal.
#[derive(ToSchema)]
#[schema(value_type = f64, minimum = 0)]
pub(crate) struct Usd(#[expect(dead_code, reason = "only its schema is wanted")] f64);

/// US dollars with a sign and at most six decimals.
#[derive(ToSchema)]
#[schema(value_type = f64)]
pub(crate) struct SignedUsd(#[expect(dead_code, reason = "only its schema is wanted")] f64);

/// Schemas by their names.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Adds the schema of a body and those of all that is in it.
    pub(super) fn add<T: ToSchema>(&mut self) -> &mut Self {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            let mut schema = serde_json::to_value(schema).unwrap();
            complete(&mut schema);
            self.0.entry(name).or_insert(schema);
        }
        self
    }

    /// Adds a schema that no type has.
    pub(super) fn set(&mut self, name: &str, schema: Value) -> &mut Self {
        self.0.insert(name.to_owned(), schema);
        self
    }

    /// Says more of a field: its type cannot tell which texts or numbers there are.
    pub(super) fn refine(&mut self, name: &str, field: &str, with: Value) -> &mut Self {
        let schema = self.0.get_mut(name).unwrap_or_else(|| panic!("there is no {name}"));
        let property = schema.pointer_mut(&format!("/properties/{field}"));
        let property = property.unwrap_or_else(|| panic!("{name} has no {field}"));
        property.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        self
    }

    pub(super) fn write(self) -> Value {
        json!(self.0)
    }
}

/// A field that may be null is always there: what may be missing is never null.
fn complete(schema: &mut Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let null = json!({ "type": "null" });
    let nullable = |property: &Value| {
        let listed = |key: &str, null: &Value| {
            property[key].as_array().is_some_and(|options| options.contains(null))
        };
        listed("type", &json!("null")) || listed("oneOf", &null)
    };
    let nullable = properties.iter().filter(|(_, property)| nullable(property));
    let nullable: Vec<Value> = nullable.map(|(name, _)| json!(name)).collect();
    let mut required = schema["required"].as_array().cloned().unwrap_or_default();
    required.extend(nullable);
    required.sort_by_key(Value::to_string);
    required.dedup();
    schema["required"] = json!(required);
}

/// A schema by its name.
pub(super) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A text that is always this one.
pub(super) fn constant(text: &str) -> Value {
    json!({ "const": text })
}

/// A text that is one of these.
pub(super) fn one_of<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Value {
    let words: Vec<String> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
    json!({ "enum": words })
}

/// A part of a list of these, and where the next part begins.
pub(super) fn list(of: &str) -> Value {
    json!({
        "type": "object",
        "description": "A part of a list, the newest first.",
        "properties": {
            "object": constant("list"),
            "data": { "type": "array", "items": named(of) },
            "has_more": { "type": "boolean" },
            "next_cursor": {
                "type": ["string", "null"],
                "description": "What to ask for the next part with, as the parameter `cursor`; null if this is the last.",
            },
        },
        "required": ["object", "data", "has_more", "next_cursor"],
    })
}
