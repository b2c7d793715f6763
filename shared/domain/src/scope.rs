//! What an API key may be used for.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// A part of the API that a key may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To order pictures, and to cancel.
    JobsWrite,
    /// To see jobs.
    JobsRead,
    /// To see the balance, the transactions and the limits.
    AccountRead,
    /// To have events delivered.
    WebhooksWrite,
}

/// The text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope; there are jobs:write, jobs:read, account:read and webhooks:write")]
pub struct BadScope;

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::JobsWrite, Self::JobsRead, Self::AccountRead, Self::WebhooksWrite];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobsWrite => "jobs:write",
            Self::JobsRead => "jobs:read",
            Self::AccountRead => "account:read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(BadScope)
    }
}

/// What one key may be used for. Written as words with blanks between them, as OAuth writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Everything there is.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Reads what was written. A word that is not known opens nothing: a later version may have written it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        text.split(' ').filter_map(|word| word.parse().ok()).collect()
    }

    /// Whether this is among them.
    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether it is everything there is.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests;
