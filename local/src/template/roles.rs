//! `Policies` of a function: what its role may do. What is not written there, it may not.

use std::fmt;

use super::{TemplateError, reader::Reader};

/// What a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// One for each action and resource of each statement.
    pub rights: Vec<Right>,
    /// What it may not do, whatever else says that it may: an action, and on what alone it is not refused.
    pub refusals: Vec<(String, String)>,
}

/// One thing that a role may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The statement that gives it (`Sid`).
    pub statement: String,
    /// `dynamodb:PutItem` and the like.
    pub action: String,
    /// The ARN of what it may be done to; `*` stands for anything.
    pub resource: String,
    /// Whether only inside a transaction.
    pub only_in_transactions: bool,
}

/// Something that a function wants to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// `dynamodb:PutItem` and the like.
    pub action: String,
    /// The ARN of what it is done to.
    pub resource: String,
    /// Whether inside a transaction that writes.
    pub in_transaction: bool,
}

impl Role {
    /// Whether it may.
    #[must_use]
    pub fn permits(&self, need: &Need) -> bool {
        let is_refused = self
            .refusals
            .iter()
            .any(|(action, but)| *action == need.action && !is_like(but, &need.resource));
        !is_refused && self.rights.iter().any(|right| right.covers(need))
    }

    /// The same role without one of its rights.
    #[must_use]
    pub fn without(&self, right: &Right) -> Role {
        let rights = self.rights.iter().filter(|other| *other != right).cloned().collect();
        Role { rights, refusals: self.refusals.clone() }
    }
}

impl Right {
    /// Whether it is enough for this.
    #[must_use]
    pub fn covers(&self, need: &Need) -> bool {
        self.action == need.action
            && (need.in_transaction || !self.only_in_transactions)
            && is_like(&self.resource, &need.resource)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = if self.in_transaction { " in a transaction" } else { "" };
        write!(f, "{} on {}{within}", self.action, self.resource)
    }
}

/// Whether a text is like a pattern, in which `*` stands for any text and `?` for any character.
fn is_like(pattern: &str, text: &str) -> bool {
    let (mut pattern_rest, mut text_rest) = (pattern.chars(), text.chars());
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let mut rests = ends.filter_map(|at| text.get(at..));
            rests.any(|rest| is_like(pattern_rest.as_str(), rest))
        }
        Some(wanted) => {
            let found = text_rest.next();
            found.is_some_and(|found| wanted == '?' || wanted == found)
                && is_like(pattern_rest.as_str(), text_rest.as_str())
        }
    }
}

/// Reads the policies of a function.
pub(super) fn read(policies: &Reader<'_>) -> Result<Role, TemplateError> {
    let mut role = Role::default();
    for policy in policies.items()? {
        let mut fields = policy.fields()?;
        fields.required("Version")?.must_be("2012-10-17")?;
        let statements = fields.required("Statement")?;
        fields.finish()?;
        for statement in statements.items()? {
            read_statement(&statement, &mut role)?;
        }
    }
    Ok(role)
}

fn read_statement(statement: &Reader<'_>, role: &mut Role) -> Result<(), TemplateError> {
    let mut fields = statement.fields()?;
    let name = fields.required("Sid")?.text()?;
    let actions = one_or_many(&fields.required("Action")?)?;
    let effect = fields.required("Effect")?;
    if effect.text()? == "Deny" {
        let but = fields.required("NotResource")?.text()?;
        fields.finish()?;
        role.refusals.extend(actions.into_iter().map(|action| (action, but.clone())));
        return Ok(());
    }
    effect.must_be("Allow")?;
    let resources = one_or_many(&fields.required("Resource")?)?;
    let condition = fields.optional("Condition");
    fields.finish()?;
    if let Some(condition) = &condition {
        read_condition(condition)?;
    }
    let rights = actions.iter().flat_map(|action| {
        resources.iter().map(|resource| Right {
            statement: name.clone(),
            action: action.clone(),
            resource: resource.clone(),
            only_in_transactions: condition.is_some(),
        })
    });
    role.rights.extend(rights);
    Ok(())
}

/// The only condition that there is: inside a transaction that writes.
fn read_condition(condition: &Reader<'_>) -> Result<(), TemplateError> {
    let mut fields = condition.fields()?;
    let mut operator = fields.required("ForAnyValue:StringEquals")?.fields()?;
    fields.finish()?;
    let operations = operator.required("dynamodb:EnclosingOperation")?;
    operator.finish()?;
    for operation in operations.items()? {
        operation.must_be("TransactWriteItems")?;
    }
    Ok(())
}

fn one_or_many(reader: &Reader<'_>) -> Result<Vec<String>, TemplateError> {
    match reader.items() {
        Ok(items) => items.iter().map(Reader::text).collect(),
        Err(_) => Ok(vec![reader.text()?]),
    }
}

#[cfg(test)]
mod tests;
