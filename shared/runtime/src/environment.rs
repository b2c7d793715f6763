//! Configuration: the variables that a function was started with, parsed once at cold start.

use std::{collections::BTreeMap, fmt::Display, str::FromStr, time::Duration};

/// A set of variables. In Lambda it is the process's own; on one machine each function gets its
/// set from the template.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// A variable is missing or wrong. It stops the cold start, so that a misconfigured function never
/// takes a request.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// It is not set.
    #[error("the variable {0} is not set")]
    Missing(&'static str),
    /// It cannot be read as what it should be.
    #[error("the variable {name} is wrong: {reason}")]
    Wrong {
        /// Which.
        name: &'static str,
        /// Why.
        reason: String,
    },
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// The same set, with this variable in it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The value of a variable, if it is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    /// If it is not.
    pub fn text(&self, name: &'static str) -> Result<String, EnvironmentError> {
        self.get(name).map(str::to_owned).ok_or(EnvironmentError::Missing(name))
    }

    /// A variable that must be set, as what it stands for.
    ///
    /// # Errors
    /// If it is not set or cannot be parsed.
    pub fn parse<T: FromStr<Err: Display>>(
        &self,
        name: &'static str,
    ) -> Result<T, EnvironmentError> {
        let wrong = |error: T::Err| EnvironmentError::Wrong { name, reason: error.to_string() };
        self.text(name)?.parse().map_err(wrong)
    }

    /// A variable that may be left out, as what it stands for.
    ///
    /// # Errors
    /// If it is set and cannot be parsed.
    pub fn parse_or_default<T: FromStr<Err: Display> + Default>(
        &self,
        name: &'static str,
    ) -> Result<T, EnvironmentError> {
        if self.get(name).is_none() { Ok(T::default()) } else { self.parse(name) }
    }

    /// A variable in whole seconds.
    ///
    /// # Errors
    /// If it is not set or not a number.
    pub fn seconds(&self, name: &'static str) -> Result<Duration, EnvironmentError> {
        self.parse(name).map(Duration::from_secs)
    }

    /// A variable in whole days.
    ///
    /// # Errors
    /// If it is not set or not a number.
    pub fn days(&self, name: &'static str) -> Result<Duration, EnvironmentError> {
        let days: u32 = self.parse(name)?;
        Ok(Duration::from_secs(u64::from(days).saturating_mul(86_400)))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests;
