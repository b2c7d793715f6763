//! The trace that an invocation belongs to: one from the request of a caller, through the queue, to the end of
//! the job, however many visits that takes. X-Ray shows it, and every line of the log bears its id.
//!
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A tracing header, as X-Ray has it: `Root=1-…;Parent=…;Sampled=1`. Callers may send one too, so nothing of
/// it is kept that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    root: String,
    parent: Option<String>,
    sampled: Option<char>,
}

impl Trace {
    /// Reads a header. Nothing, if it names no trace.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = header.split(';').filter_map(|field| field.trim().split_once('='));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let root = field("Root").filter(|root| is_root(root))?.to_owned();
        let parent = field("Parent").filter(|id| is_hex(id, 16)).map(str::to_owned);
        let sampled = match field("Sampled") {
            Some("0") => Some('0'),
            Some("1") => Some('1'),
            Some(_) | None => None,
        };
        Some(Self { root, parent, sampled })
    }

    /// Its id, as X-Ray shows it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.root
    }

    /// The header, for whoever goes on with it.
    #[must_use]
    pub fn header(&self) -> String {
        let mut header = format!("Root={}", self.root);
        if let Some(parent) = &self.parent {
            header.push_str(";Parent=");
            header.push_str(parent);
        }
        if let Some(sampled) = self.sampled {
            header.push_str(";Sampled=");
            header.push(sampled);
        }
        header
    }

    /// Reads the header in a message. One that cannot be read costs a trace, not the message.
    pub(crate) fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        Ok(value.as_str().and_then(Self::read))
    }
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.header())
    }
}

/// `1-`, the time in eight digits, `-`, 24 more.
fn is_root(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), ["1", time, id] if is_hex(time, 8) && is_hex(id, 24))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
