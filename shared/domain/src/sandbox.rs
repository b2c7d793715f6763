//! What a caller may ask of the sandbox upstream, so that they can test their own handling of
//! every end that a job can have: `extra.sandbox`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::order::{Count, IMAGES_MAX};

/// The key of `extra` that holds a [`Wish`].
pub const KEY: &str = "sandbox";
/// What a [`Wish`] takes, for error messages.
pub const RULE: &str = "takes outcome (succeed, fail, refuse or never), delay_ms (0 to 600000) \
                        and deliver (1 to n)";
/// The longest delay that may be asked for: longer than any run limit in use.
const DELAY_MS_MAX: u32 = 600_000;

/// How the sandbox should behave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    /// How the task ends.
    pub outcome: Outcome,
    /// How long it takes, in milliseconds.
    pub delay_ms: u32,
    /// How many of the pictures are delivered; all of them where it is not said.
    pub deliver: Option<u8>,
}

/// How a sandbox task ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With pictures.
    #[default]
    Succeed,
    /// With an error of the upstream.
    Fail,
    /// With a refusal by content moderation.
    Refuse,
    /// Not at all.
    Never,
}

impl Wish {
    /// Reads a wish, if the value is one.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let wish = Self::deserialize(value).ok()?;
        let deliver = wish.deliver.is_none_or(|images| (1..=IMAGES_MAX).contains(&images));
        (value.is_object() && deliver && wish.delay_ms <= DELAY_MS_MAX).then_some(wish)
    }

    /// Whether it asks for no more pictures than were ordered.
    #[must_use]
    pub fn fits(&self, n: Count) -> bool {
        self.deliver.is_none_or(|images| images <= n.get())
    }
}
