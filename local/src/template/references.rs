//! Everything that a template refers to must be there, also in the parts that are left out: a
//! deployment would fail over them.

use std::collections::BTreeSet;

use super::{
    TemplateError,
    node::{Intrinsic, Node, Value, section},
    scope::{Part, attribute_of, parts, plain, refers_to_nothing},
    yaml::join,
};

/// What every template can refer to.
const PSEUDO_PARAMETERS: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// Checks every reference in the template.
pub(super) fn check(template: &Node) -> Result<(), TemplateError> {
    let mut names: BTreeSet<String> = PSEUDO_PARAMETERS.map(str::to_owned).into();
    for declared in ["Parameters", "Resources"].iter().filter_map(|name| section(template, name)) {
        names.extend(declared.keys().cloned());
        // SAM makes a role for each function that has none.
        names.extend(declared.keys().map(|id| format!("{id}Role")));
    }
    walk(template, "", &names)
}

fn walk(node: &Node, path: &str, names: &BTreeSet<String>) -> Result<(), TemplateError> {
    let error = |what| TemplateError { path: path.to_owned(), line: Some(node.line), what };
    match &node.value {
        Value::Null | Value::Scalar(_) => Ok(()),
        Value::List(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| walk(item, &format!("{path}[{index}]"), names)),
        Value::Map(map) => {
            map.iter().try_for_each(|(key, node)| walk(node, &join(path, key), names))
        }
        Value::Call(function, argument) => {
            match function {
                Intrinsic::Ref => exists(plain(argument).map_err(error)?, names).map_err(error)?,
                Intrinsic::GetAtt => {
                    let (resource, _) = attribute_of(argument).map_err(error)?;
                    exists(resource, names).map_err(error)?;
                }
                Intrinsic::Sub => substitution(argument, names).map_err(error)?,
                Intrinsic::Other(_) => {}
            }
            walk(argument, path, names)
        }
    }
}

fn substitution(argument: &Node, names: &BTreeSet<String>) -> Result<(), String> {
    let (pattern, variables) = match &argument.value {
        Value::List(list) => match list.as_slice() {
            [pattern, Node { value: Value::Map(variables), .. }] => (pattern, Some(variables)),
            _ => return Err("must give Sub a text, or a text and a map".to_owned()),
        },
        Value::Null | Value::Scalar(_) | Value::Map(_) | Value::Call(..) => (argument, None),
    };
    for part in parts(plain(pattern)?) {
        if let Part::Variable(name) = part? {
            let known = variables.is_some_and(|variables| variables.contains_key(name));
            let resource = name.split_once('.').map_or(name, |(resource, _)| resource);
            if !known {
                exists(resource, names)?;
            }
        }
    }
    Ok(())
}

fn exists(name: &str, names: &BTreeSet<String>) -> Result<(), String> {
    if names.contains(name) { Ok(()) } else { Err(refers_to_nothing(name)) }
}
