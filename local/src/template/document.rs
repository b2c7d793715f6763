//! The template as plain JSON, for whoever asks more of it than can be run on one machine: who may do
//! what, what is watched. Scalars are text, intrinsic functions are in their long form, and every
//! function has what `Globals` gives it.

use serde_json::{Map, Value as Json};

use super::{
    TemplateError,
    node::{Intrinsic, Node, Value},
    references, resources, yaml,
};

/// Reads the text of a template. Nothing in it is evaluated.
///
/// # Errors
/// If it is not YAML, or refers to what is not there.
pub fn document(text: &str) -> Result<Json, TemplateError> {
    let tree = yaml::parse(text)?;
    references::check(&tree)?;
    Ok(json(&resources::with_globals(tree)?))
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar(text) => Json::String(text.clone()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(map) => map.iter().map(|(key, node)| (key.clone(), json(node))).collect(),
        Value::Call(function, argument) => {
            let name = match function {
                Intrinsic::Ref => "Ref".to_owned(),
                Intrinsic::GetAtt => "Fn::GetAtt".to_owned(),
                Intrinsic::Sub => "Fn::Sub".to_owned(),
                Intrinsic::Other(name) => format!("Fn::{name}"),
            };
            Json::Object(Map::from_iter([(name, json(argument))]))
        }
    }
}
