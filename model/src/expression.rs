//! The part of DynamoDB's condition expressions that the store uses, read once and evaluated on the
//! rows of the model.
//!
//! As in DynamoDB, a comparison with an attribute that is not there is false, whatever the operator.
//! What is not understood here is an error, never a guess.

use std::{iter::Peekable, vec::IntoIter};

/// A value of an attribute: an instant, an amount, a count, or the number that stands for a word.
pub type Value = i16;

/// An attribute that conditions ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named as in the tables")]
pub enum Attribute {
    Pk,
    ExpiresAtMs,
    AvailableMicros,
    HeldMicros,
    ChargedMicros,
    OpenJobs,
    FreeSlots,
    FreeTurns,
    WaitingJobs,
    SuspendedAtMs,
    JobStatus,
    DeadlineAtMs,
    Fence,
    Submits,
    LeaseUntilMs,
    Dispatch,
    Task,
    Turn,
    DueShard,
    DueAtMs,
    CreditedMicros,
}

impl Attribute {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "pk" => Self::Pk,
            "expires_at_ms" => Self::ExpiresAtMs,
            "available_micros" => Self::AvailableMicros,
            "held_micros" => Self::HeldMicros,
            "charged_micros" => Self::ChargedMicros,
            "open_jobs" => Self::OpenJobs,
            "free_slots" => Self::FreeSlots,
            "free_turns" => Self::FreeTurns,
            "waiting_jobs" => Self::WaitingJobs,
            "suspended_at_ms" => Self::SuspendedAtMs,
            "job_status" => Self::JobStatus,
            "deadline_at_ms" => Self::DeadlineAtMs,
            "fence" => Self::Fence,
            "submits" => Self::Submits,
            "lease_until_ms" => Self::LeaseUntilMs,
            "dispatch" => Self::Dispatch,
            "task" => Self::Task,
            "turn" => Self::Turn,
            "due_shard" => Self::DueShard,
            "due_at_ms" => Self::DueAtMs,
            "credited_micros" => Self::CreditedMicros,
            _ => return None,
        })
    }
}

/// A row that a condition can be asked of.
pub trait Row {
    /// The attribute's value, if it is there.
    fn get(&self, attribute: Attribute) -> Option<Value>;
}

/// A row that is not there has no attributes.
impl<R: Row> Row for Option<R> {
    fn get(&self, attribute: Attribute) -> Option<Value> {
        self.as_ref().and_then(|row| row.get(attribute))
    }
}

/// The values that a write gives for the placeholders of its condition.
pub type Given<'a> = &'a [(&'static str, Value)];

/// A condition that cannot be read, or asks for a value that is not given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} in the condition {text:?}")]
pub struct BadExpression {
    text: String,
    what: String,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// All of them hold.
    And(Vec<Self>),
    /// One of them holds.
    Or(Vec<Self>),
    /// Both values are there and compare so.
    Compare(Operand, Comparison, Operand),
    /// The value is one of these.
    In(Operand, Vec<Operand>),
    /// The attribute is there.
    Exists(Attribute),
    /// It is not.
    Missing(Attribute),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// What the row says.
    Attribute(Attribute),
    /// What the write says: a placeholder.
    Given(String),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparison {
    fn holds(self, left: Value, right: Value) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

impl Expression {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`BadExpression`]
    pub fn parse(text: &str) -> Result<Self, BadExpression> {
        let bad = |what: String| BadExpression { text: text.to_owned(), what };
        let mut parser = Parser { tokens: tokens(text).into_iter().peekable() };
        let expression = parser.any().map_err(bad)?;
        match parser.tokens.next() {
            None => Ok(expression),
            Some(token) => Err(bad(format!("{token:?} is left over"))),
        }
    }

    /// Whether the row satisfies the condition. `None` if a value is asked for that is not given.
    #[must_use]
    pub fn holds(&self, row: &impl Row, given: Given<'_>) -> Option<bool> {
        let value = |operand: &Operand| match operand {
            Operand::Attribute(attribute) => Some(row.get(*attribute)),
            Operand::Given(name) => {
                given.iter().find(|(placeholder, _)| placeholder == name).map(|(_, v)| Some(*v))
            }
        };
        match self {
            Self::And(all) => {
                for part in all {
                    if !part.holds(row, given)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Self::Or(any) => {
                for part in any {
                    if part.holds(row, given)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Self::Compare(left, how, right) => {
                let (left, right) = (value(left)?, value(right)?);
                Some(left.zip(right).is_some_and(|(left, right)| how.holds(left, right)))
            }
            Self::In(one, list) => {
                let one = value(one)?;
                for other in list {
                    if one.is_some() && one == value(other)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Self::Exists(attribute) => Some(row.get(*attribute).is_some()),
            Self::Missing(attribute) => Some(row.get(*attribute).is_none()),
        }
    }
}

/// Words, placeholders and operators, one by one.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' || c == ':' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        match (c, tokens.last_mut()) {
            (' ', _) => {}
            ('=', Some(last)) if last == "<" || last == ">" => last.push('='),
            _ => tokens.push(c.to_string()),
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

struct Parser {
    tokens: Peekable<IntoIter<String>>,
}

impl Parser {
    fn takes(&mut self, wanted: &str) -> bool {
        self.tokens.next_if(|token| token == wanted).is_some()
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        if self.takes(wanted) { Ok(()) } else { Err(format!("{wanted:?} is missing")) }
    }

    /// Conditions joined with `OR`, which binds less than `AND`.
    fn any(&mut self) -> Result<Expression, String> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.takes("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() > 1 { Expression::Or(parts) } else { parts.remove(0) })
    }

    fn all(&mut self) -> Result<Expression, String> {
        let first = self.one()?;
        let mut parts = vec![first];
        while self.takes("AND") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() > 1 { Expression::And(parts) } else { parts.remove(0) })
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.takes("(") {
            let inner = self.any()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.takes("attribute_exists") {
            return Ok(Expression::Exists(self.argument()?));
        }
        if self.takes("attribute_not_exists") {
            return Ok(Expression::Missing(self.argument()?));
        }
        let left = self.operand()?;
        if self.takes("IN") {
            self.expect("(")?;
            let mut list = vec![self.operand()?];
            while self.takes(",") {
                list.push(self.operand()?);
            }
            self.expect(")")?;
            return Ok(Expression::In(left, list));
        }
        let operator = self.tokens.next().unwrap_or_default();
        let how = match operator.as_str() {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Greater,
            ">=" => Comparison::AtLeast,
            other => return Err(format!("{other:?} is no operator")),
        };
        Ok(Expression::Compare(left, how, self.operand()?))
    }

    fn argument(&mut self) -> Result<Attribute, String> {
        self.expect("(")?;
        let name = self.tokens.next().unwrap_or_default();
        let attribute = Attribute::named(&name);
        self.expect(")")?;
        attribute.ok_or_else(|| format!("{name:?} is no attribute of the model"))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let name = self.tokens.next().unwrap_or_default();
        if name.starts_with(':') {
            return Ok(Operand::Given(name));
        }
        let attribute = Attribute::named(&name);
        let attribute =
            attribute.ok_or_else(|| format!("{name:?} is no attribute of the model"))?;
        Ok(Operand::Attribute(attribute))
    }
}

#[cfg(test)]
mod tests;
