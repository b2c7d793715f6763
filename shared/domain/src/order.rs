//! What may be ordered. A [`Draft`] is what a caller wrote; an [`Order`] is what we agreed to make.
//!
//! An order that exists is valid: nothing behind this module checks its fields again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    catalogue::{Capability, Lack, ModelId, Offer, UnknownModel},
    sandbox::{self, Wish},
    size::Ratio,
    webhook::{self, BadEventKind, BadWebhookUrl, EventKind, Events, WebhookUrl},
};

/// The longest prompt of any model, in characters.
pub const PROMPT_CHARS_MAX: usize = 4_000;
/// The most images of one job.
pub const IMAGES_MAX: u8 = 4;
/// The longest `image_url`, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// The largest `extra`, in bytes of compact JSON.
pub const EXTRA_BYTES_MAX: usize = 4_096;
/// The most pairs of `metadata`.
pub const METADATA_PAIRS_MAX: usize = 16;
/// The longest key of `metadata`, in characters.
pub const METADATA_KEY_CHARS_MAX: usize = 64;
/// The longest value of `metadata`, in characters.
pub const METADATA_VALUE_CHARS_MAX: usize = 512;
/// The largest seed: what every upstream takes.
pub const SEED_MAX: u32 = 2_147_483_647;

/// What the picture should show: 1 to 4,000 characters, not all of them blank. Never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prompt(String);

impl Prompt {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Prompt {
    type Error = OrderError;

    fn try_from(text: String) -> Result<Self, OrderError> {
        let length = text.chars().take(PROMPT_CHARS_MAX.saturating_add(1)).count();
        if length > PROMPT_CHARS_MAX {
            Err(OrderError::PromptTooLong(PROMPT_CHARS_MAX))
        } else if text.trim().is_empty() {
            Err(OrderError::PromptEmpty)
        } else {
            Ok(Self(text))
        }
    }
}

impl From<Prompt> for String {
    fn from(prompt: Prompt) -> Self {
        prompt.0
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompt(***)")
    }
}

/// How many images: 1 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Count(u8);

impl Count {
    /// One image, the default.
    pub const ONE: Self = Self(1);

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Count {
    type Error = OrderError;

    fn try_from(n: u8) -> Result<Self, OrderError> {
        if (1..=IMAGES_MAX).contains(&n) { Ok(Self(n)) } else { Err(OrderError::CountOutOfRange) }
    }
}

impl From<Count> for u8 {
    fn from(count: Count) -> Self {
        count.0
    }
}

/// Where the source picture is: an `https` URL with a host and without credentials. Its query may
/// carry a signature, so it is never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageUrl(String);

impl ImageUrl {
    /// The URL as the caller wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ImageUrl {
    type Error = OrderError;

    fn try_from(text: String) -> Result<Self, OrderError> {
        let fits = text.len() <= URL_BYTES_MAX && text.trim() == text;
        let url = fits.then(|| Url::parse(&text).ok()).flatten().ok_or(OrderError::BadImageUrl)?;
        let anonymous = url.username().is_empty() && url.password().is_none();
        let good = url.scheme() == "https" && url.has_host() && anonymous;
        if good { Ok(Self(text)) } else { Err(OrderError::BadImageUrl) }
    }
}

impl From<ImageUrl> for String {
    fn from(url: ImageUrl) -> Self {
        url.0
    }
}

impl fmt::Debug for ImageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImageUrl(***)")
    }
}

/// A request's fields as their JSON types allow them; `None` where a field is missing or null.
#[derive(Clone, Default)]
pub struct Draft {
    /// `model`
    pub model: String,
    /// `prompt`
    pub prompt: String,
    /// `n`
    pub n: Option<u64>,
    /// `size`
    pub size: Option<String>,
    /// `image_url`
    pub image_url: Option<String>,
    /// `extra`
    pub extra: Map<String, Value>,
    /// `metadata`
    pub metadata: BTreeMap<String, String>,
    /// `webhook_url`
    pub webhook_url: Option<String>,
    /// `webhook_events`
    pub webhook_events: Option<Vec<String>>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draft(***)")
    }
}

/// Who is told what becomes of one job, beside the endpoints that its user has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where it listens.
    pub url: WebhookUrl,
    /// What it is told.
    pub events: Events,
}

/// A job's worth of pictures, agreed.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Which model draws.
    pub model: ModelId,
    /// What it draws.
    pub prompt: Prompt,
    /// How many pictures.
    pub n: Count,
    /// The shape asked for; `None` means the model's default.
    pub ratio: Option<Ratio>,
    /// The picture to change; always there for a model that edits, never for another.
    pub image_url: Option<ImageUrl>,
    /// What goes to the upstream as it is; only keys of the model's row in the catalogue.
    pub extra: Map<String, Value>,
    /// The caller's own notes, returned as given.
    pub metadata: BTreeMap<String, String>,
    /// Who is told what becomes of it, if the order says so itself.
    pub webhook: Option<Webhook>,
}

/// Why a draft is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// `model` names none of ours.
    #[error("there is no such model; GET /v1/models lists them")]
    ModelNotFound,
    /// `prompt` is blank.
    #[error("prompt must not be blank")]
    PromptEmpty,
    /// `prompt` is too long.
    #[error("prompt must have at most {0} characters for this model")]
    PromptTooLong(usize),
    /// `n` is not 1 to 4.
    #[error("n must be from 1 to {IMAGES_MAX}")]
    CountOutOfRange,
    /// The model changes a picture, and none was named.
    #[error("this model changes a picture: image_url must say where it is")]
    ImageUrlRequired,
    /// `image_url` is no URL that we would fetch.
    #[error("image_url must be an https URL of at most {URL_BYTES_MAX} bytes, without credentials")]
    BadImageUrl,
    /// `extra` has a key that the model does not take.
    #[error("extra.{0} is not taken by this model")]
    ExtraNotAllowed(String),
    /// A value in `extra` is not what its key takes.
    #[error("extra.{key} {rule}")]
    BadExtra {
        /// The key.
        key: &'static str,
        /// What it takes.
        rule: String,
    },
    /// `extra` is too large.
    #[error("extra must have at most {EXTRA_BYTES_MAX} bytes")]
    ExtraTooLarge,
    /// `metadata` is too large.
    #[error(
        "metadata must have at most {METADATA_PAIRS_MAX} pairs, keys of 1 to \
         {METADATA_KEY_CHARS_MAX} and values of at most {METADATA_VALUE_CHARS_MAX} characters"
    )]
    BadMetadata,
    /// `webhook_url` is not where we would deliver to.
    #[error(
        "webhook_url must be an https URL of at most {} bytes with a public host, without credentials and without \
         a fragment",
        webhook::URL_BYTES_MAX
    )]
    BadWebhookUrl,
    /// `webhook_events` names something that never happens.
    #[error(
        "each of webhook_events must be one of job.succeeded, job.failed, job.expired and job.refunded"
    )]
    BadWebhookEvents,
    /// `webhook_events` is there, and nobody to be told of them.
    #[error("webhook_events says what is told to webhook_url, which is missing")]
    WebhookEventsWithoutUrl,
}

impl From<BadWebhookUrl> for OrderError {
    fn from(BadWebhookUrl: BadWebhookUrl) -> Self {
        Self::BadWebhookUrl
    }
}

impl From<BadEventKind> for OrderError {
    fn from(BadEventKind: BadEventKind) -> Self {
        Self::BadWebhookEvents
    }
}

impl From<UnknownModel> for OrderError {
    fn from(UnknownModel: UnknownModel) -> Self {
        Self::ModelNotFound
    }
}

impl Order {
    /// Agrees to make what a draft asks for, or says what is wrong with it.
    ///
    /// # Errors
    /// The first [`OrderError`] in the order of the fields.
    pub fn agree(draft: Draft) -> Result<Self, OrderError> {
        let model: ModelId = draft.model.parse()?;
        let n = draft.n.map_or(Ok(1), u8::try_from).map_err(|_| OrderError::CountOutOfRange)?;
        let order = Self {
            model,
            prompt: draft.prompt.try_into()?,
            n: n.try_into()?,
            ratio: draft.size.as_deref().and_then(Ratio::parse),
            image_url: source_picture(model, draft.image_url)?,
            extra: draft.extra,
            metadata: draft.metadata,
            webhook: told(draft.webhook_url, draft.webhook_events)?,
        };
        order.check_prompt()?;
        order.check_extra()?;
        order.check_metadata()?;
        Ok(order)
    }

    /// Whether an offer takes all that the order asks for. It is a question of its own, because the
    /// answer changes with the upstreams that there are, and a replay must not depend on that.
    ///
    /// # Errors
    /// [`OrderError::ExtraNotAllowed`] or [`OrderError::BadExtra`]
    pub fn check_offer(&self, offer: &Offer) -> Result<(), OrderError> {
        match offer.lacks_of(self) {
            None => Ok(()),
            Some((_, Some(Lack::Value(key, value)))) => {
                Err(OrderError::BadExtra { key, rule: format!("must not be {value} here") })
            }
            Some((key, _)) => Err(OrderError::ExtraNotAllowed(key.to_owned())),
        }
    }

    /// The shape of the pictures; `None` is that of the picture to be changed.
    #[must_use]
    pub fn shape(&self) -> Option<Ratio> {
        self.ratio.or(self.model.model().default_ratio)
    }

    /// The seed asked for, if one was.
    #[must_use]
    pub fn seed(&self) -> Option<u32> {
        self.extra.get("seed").and_then(as_seed)
    }

    /// How the sandbox is asked to behave.
    #[must_use]
    pub fn wish(&self) -> Wish {
        self.extra.get(sandbox::KEY).and_then(Wish::read).unwrap_or_default()
    }

    /// The model may take less than [`PROMPT_CHARS_MAX`].
    fn check_prompt(&self) -> Result<(), OrderError> {
        let most = self.model.model().prompt_chars_max;
        let fits = self.prompt.as_str().chars().nth(most).is_none();
        if fits { Ok(()) } else { Err(OrderError::PromptTooLong(most)) }
    }

    fn check_extra(&self) -> Result<(), OrderError> {
        for (key, value) in &self.extra {
            if key == sandbox::KEY {
                let granted = Wish::read(value).is_some_and(|wish| wish.fits(self.n));
                let rule = || sandbox::RULE.to_owned();
                let refused = || OrderError::BadExtra { key: sandbox::KEY, rule: rule() };
                granted.then_some(()).ok_or_else(refused)?;
                continue;
            }
            let taken = self.model.model().extra.iter().find(|extra| extra.key == key);
            taken.ok_or_else(|| stranger(key))?.check(value)?;
        }
        // A substyle alone leaves the style to the upstream, and some are dearer than others.
        if self.extra.contains_key("substyle") && !self.extra.contains_key("style") {
            let rule = "needs extra.style, whose substyle it is".to_owned();
            return Err(OrderError::BadExtra { key: "substyle", rule });
        }
        let bytes = serde_json::to_vec(&self.extra).map_or(usize::MAX, |json| json.len());
        if bytes > EXTRA_BYTES_MAX { Err(OrderError::ExtraTooLarge) } else { Ok(()) }
    }

    fn check_metadata(&self) -> Result<(), OrderError> {
        let chars = |text: &str| text.chars().count();
        let fits = |(key, value): (&String, &String)| {
            (1..=METADATA_KEY_CHARS_MAX).contains(&chars(key))
                && chars(value) <= METADATA_VALUE_CHARS_MAX
        };
        let good = self.metadata.len() <= METADATA_PAIRS_MAX && self.metadata.iter().all(fits);
        if good { Ok(()) } else { Err(OrderError::BadMetadata) }
    }
}

/// The source picture where the model needs one; a model that only generates ignores it.
fn source_picture(model: ModelId, url: Option<String>) -> Result<Option<ImageUrl>, OrderError> {
    match model.model().capability {
        Capability::ImageGenerate => Ok(None),
        Capability::ImageEdit => url.ok_or(OrderError::ImageUrlRequired)?.try_into().map(Some),
    }
}

/// Who is told, where somebody is.
fn told(url: Option<String>, events: Option<Vec<String>>) -> Result<Option<Webhook>, OrderError> {
    let Some(url) = url else {
        return if events.is_none() { Ok(None) } else { Err(OrderError::WebhookEventsWithoutUrl) };
    };
    let kinds = events.unwrap_or_default().into_iter().map(EventKind::try_from);
    let named: BTreeSet<EventKind> = kinds.collect::<Result<_, _>>()?;
    Ok(Some(Webhook { url: url.try_into()?, events: Events::new(named) }))
}

/// A key of `extra` that the model does not have, as far as it can be shown.
fn stranger(key: &str) -> OrderError {
    OrderError::ExtraNotAllowed(key.chars().filter(|c| !c.is_control()).take(64).collect())
}

fn as_seed(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|seed| u32::try_from(seed).ok()).filter(|seed| *seed <= SEED_MAX)
}

#[cfg(test)]
mod tests;
