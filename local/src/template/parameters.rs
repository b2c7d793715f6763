//! Parameters: their values, from the defaults and from overrides, within their constraints.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::{
    Constraints, TemplateError,
    left_out::PARAMETER,
    reader::{Fields, Reader},
};

/// A parameter with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The value it has here.
    pub value: String,
    /// The least that it may be, if it is a number with a bound.
    pub minimum: Option<i64>,
    /// The most that it may be, if it is a number with a bound.
    pub maximum: Option<i64>,
    /// All that it may be, if that is a list.
    pub allowed: Vec<String>,
}

/// Reads `Parameters`.
pub(super) fn read(
    section: Option<Reader<'_>>,
    overrides: &BTreeMap<String, String>,
    constraints: Constraints,
) -> Result<BTreeMap<String, Parameter>, TemplateError> {
    let mut parameters = BTreeMap::new();
    for (name, reader) in section.map_or(Ok(Vec::new()), |section| section.entries())? {
        let given = overrides.get(name).cloned();
        parameters.insert(name.to_owned(), parameter(&reader, given, constraints)?);
    }
    match overrides.keys().find(|name| !parameters.contains_key(*name)) {
        None => Ok(parameters),
        Some(name) => Err(TemplateError {
            path: format!("Parameters.{name}"),
            line: None,
            what: "is given a value, but the template has no such parameter".to_owned(),
        }),
    }
}

fn parameter(
    reader: &Reader<'_>,
    given: Option<String>,
    constraints: Constraints,
) -> Result<Parameter, TemplateError> {
    let mut fields = reader.fields()?;
    fields.leave_out(PARAMETER);
    let kind = fields.required("Type")?;
    let default = fields.text("Default")?;
    let value = given.or(default).ok_or_else(|| fields.error("has no default and is not given"))?;
    let pattern = fields.text("AllowedPattern")?;
    let allowed = match fields.optional("AllowedValues") {
        Some(list) => list.items()?.iter().map(Reader::text).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let (minimum, maximum) = match kind.text()?.as_str() {
        "String" => (None, None),
        "Number" => (bound(&mut fields, "MinValue")?, bound(&mut fields, "MaxValue")?),
        other => {
            return Err(kind.error(format_args!("has the type `{other}`, which is not understood")));
        }
    };
    let number = kind.text()? == "Number";
    fields.finish()?;
    let parameter = Parameter { value, minimum, maximum, allowed };
    if number {
        let whole = parameter.value.parse::<i64>();
        let refused = || format!("must be a whole number, not `{}`", parameter.value);
        let whole = whole.map_err(|_| reader.error(refused()))?;
        if constraints == Constraints::Enforced {
            within(reader, &parameter, whole)?;
        }
    }
    if constraints == Constraints::Enforced {
        allowed_value(reader, &parameter)?;
        if let Some(pattern) = pattern {
            allowed_pattern(reader, &parameter.value, &pattern)?;
        }
    }
    Ok(parameter)
}

fn bound(fields: &mut Fields<'_>, key: &'static str) -> Result<Option<i64>, TemplateError> {
    fields.optional(key).map(|bound| bound.number()).transpose()
}

fn within(reader: &Reader<'_>, parameter: &Parameter, value: i64) -> Result<(), TemplateError> {
    if let Some(minimum) = parameter.minimum.filter(|minimum| value < *minimum) {
        return Err(reader.error(format_args!("is {value}, less than {minimum}")));
    }
    if let Some(maximum) = parameter.maximum.filter(|maximum| value > *maximum) {
        return Err(reader.error(format_args!("is {value}, more than {maximum}")));
    }
    Ok(())
}

fn allowed_value(reader: &Reader<'_>, parameter: &Parameter) -> Result<(), TemplateError> {
    let Parameter { value, allowed, .. } = parameter;
    if allowed.is_empty() || allowed.contains(value) {
        return Ok(());
    }
    Err(reader.error(format_args!("is `{value}`, which is none of: {}", allowed.join(", "))))
}

fn allowed_pattern(reader: &Reader<'_>, value: &str, pattern: &str) -> Result<(), TemplateError> {
    let whole = Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|error| reader.error(format_args!("has a pattern that is none: {error}")))?;
    if whole.is_match(value) {
        Ok(())
    } else {
        Err(reader.error(format_args!("is `{value}`, which does not match `{pattern}`")))
    }
}
