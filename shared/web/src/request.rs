//! Questions to a request: who asks, under which key, for what.
//!
//! A body is read field by field into a [`Draft`]: an unknown or doubled field is refused, because
//! nothing is ignored in silence where money is concerned. `null` is the same as leaving a field out.

use std::collections::BTreeMap;

use domain::{
    idempotency::IdempotencyKey,
    ids::{JobId, UserId},
    order::Draft,
    scope::{Scope, Scopes},
    webhook::{BadEventKind, EventKind, Events, WebhookUrl},
};
use lambda_http::{
    Request, RequestExt,
    http::{HeaderValue, header::CONTENT_TYPE},
    request::RequestContext,
};
use serde_json::{Map, Value};

use crate::Refusal;

mod members;
mod prefer;

pub use prefer::{WAIT_MAX, Wait};

/// The largest body, in bytes: above what the longest prompt, notes and extras come to when every
/// character is escaped.
pub const BODY_BYTES_MAX: usize = 256 * 1_024;

/// The most rows of a page.
const LIMIT_MAX: u8 = 100;
/// The rows of a page where the caller does not say.
const LIMIT: u8 = 20;

/// The query parameter that asks for the price alone.
const DRY_RUN: &str = "dry_run";

/// Who asks. Only the authorizer can make one: a route that was reached without it has no caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The public part of their key.
    pub key_id: String,
}

/// The gateway's id of the request.
#[must_use]
pub fn id(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.request_id.clone().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The tracing header of the request, as Lambda says, or else the gateway. It may be the caller's.
#[must_use]
pub fn trace(request: &Request) -> Option<&str> {
    let told = request.lambda_context_ref().and_then(|context| context.xray_trace_id.as_deref());
    let header = || request.headers().get("x-amzn-trace-id")?.to_str().ok();
    told.or_else(header)
}

/// Who asks, as the authorizer found, with a key that opens what is asked for.
///
/// # Errors
/// [`Refusal::InvalidApiKey`] if it found nobody, [`Refusal::InsufficientScope`] if the key does not have
/// the scope.
pub fn caller(request: &Request, scope: Scope) -> Result<Caller, Refusal> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
        return Err(Refusal::InvalidApiKey);
    };
    let fields = context.authorizer.as_ref().map(|authorizer| &authorizer.fields);
    let field = |name| fields.and_then(|fields| fields.get(name)).and_then(Value::as_str);
    let user = field("user_id").and_then(|user| user.parse().ok());
    let (Some(user), Some(key_id)) = (user, field("key_id")) else {
        return Err(Refusal::InvalidApiKey);
    };
    let opened = Scopes::read(field("scopes").unwrap_or_default()).contains(scope);
    let caller = Caller { user, key_id: key_id.to_owned() };
    opened.then_some(caller).ok_or(Refusal::InsufficientScope(scope))
}

/// The query parameters, of which `known` may be there, each once.
///
/// # Errors
/// [`Refusal::UnknownParameter`] or [`Refusal::DuplicateParameter`].
pub fn query(request: &Request, known: &[&str]) -> Result<BTreeMap<String, String>, Refusal> {
    let mut found = BTreeMap::new();
    let parameters = request.query_string_parameters_ref();
    for (name, value) in parameters.into_iter().flat_map(|parameters| parameters.iter()) {
        if !known.contains(&name) {
            return Err(Refusal::UnknownParameter(shorten(name)));
        }
        if found.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::DuplicateParameter(shorten(name)));
        }
    }
    Ok(found)
}

/// How many rows of a list are wanted, of the parameters of a query.
///
/// # Errors
/// [`Refusal::InvalidParameter`]
pub fn limit(parameters: &BTreeMap<String, String>) -> Result<u8, Refusal> {
    let Some(text) = parameters.get("limit") else { return Ok(LIMIT) };
    let expected = "a whole number from 1 to 100";
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or(Refusal::InvalidParameter { param: "limit", expected })
}

/// Where in a list to begin, of the parameters of a query: as `read` reads it, where the caller says.
///
/// # Errors
/// [`Refusal::InvalidParameter`]
pub fn cursor<T, E>(
    parameters: &BTreeMap<String, String>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Refusal> {
    let expected = "the next_cursor of an earlier answer to you, of this list";
    let invalid = |_| Refusal::InvalidParameter { param: "cursor", expected };
    parameters.get("cursor").map(|text| read(text)).transpose().map_err(invalid)
}

/// The job that a path names.
///
/// # Errors
/// [`Refusal::JobNotFound`] if it cannot be the id of one.
pub fn job_id(text: &str) -> Result<JobId, Refusal> {
    text.parse().map_err(|_| Refusal::JobNotFound)
}

/// That the body says nothing: it is empty, or an object without members.
///
/// # Errors
/// [`Refusal`]; the first thing that is wrong.
pub fn nothing(request: &Request) -> Result<(), Refusal> {
    let body: &[u8] = request.body();
    if body.is_empty() { Ok(()) } else { Fields(members::read(json_body(request)?)?).none_left() }
}

/// Whether only the price is asked for.
///
/// # Errors
/// [`Refusal`], if the query says anything else.
pub fn is_dry_run(request: &Request) -> Result<bool, Refusal> {
    match query(request, &[DRY_RUN])?.get(DRY_RUN).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Refusal::InvalidParameter { param: DRY_RUN, expected: "true or false" }),
    }
}

/// How long the caller prefers to wait for an order to have ended.
#[must_use]
pub fn wait(request: &Request) -> Option<Wait> {
    let headers = request.headers().get_all("prefer").iter();
    Wait::read(headers.filter_map(|value| value.to_str().ok()))
}

/// What a request asks for, and the idempotency key of its body or header.
///
/// # Errors
/// [`Refusal`]; the first thing that is wrong.
pub fn order(request: &Request) -> Result<(Draft, Option<IdempotencyKey>), Refusal> {
    is_dry_run(request)?;
    let body = json_body(request)?;
    let mut fields = Fields(members::read(body)?);
    let key = fields.text("idempotency_key")?;
    let draft = Draft {
        model: fields.text("model")?.ok_or(Refusal::MissingParameter("model"))?,
        prompt: fields.text("prompt")?.ok_or(Refusal::MissingParameter("prompt"))?,
        n: fields.whole_number("n")?,
        size: fields.text("size")?,
        image_url: fields.text("image_url")?,
        extra: fields.object("extra")?,
        metadata: fields.texts("metadata")?,
        webhook_url: fields.text("webhook_url")?,
        webhook_events: fields.list("webhook_events")?,
    };
    fields.none_left()?;
    Ok((draft, idempotency_key(header_key(request)?, key)?))
}

/// The endpoint that a request asks to register: where it listens, and what it wants to be told.
///
/// # Errors
/// [`Refusal`]; the first thing that is wrong.
pub fn endpoint(request: &Request) -> Result<(WebhookUrl, Events), Refusal> {
    query(request, &[])?;
    let mut fields = Fields(members::read(json_body(request)?)?);
    let url = fields.text("url")?.ok_or(Refusal::MissingParameter("url"))?;
    let events = fields.list("events")?.unwrap_or_default();
    fields.none_left()?;
    let url = WebhookUrl::try_from(url).map_err(|_| Refusal::BadEndpointUrl)?;
    let expected = "a list of job.succeeded, job.failed, job.expired and job.refunded";
    let unknown = |BadEventKind| Refusal::InvalidParameter { param: "events", expected };
    let named = events.into_iter().map(EventKind::try_from).collect::<Result<_, _>>();
    Ok((url, Events::new(named.map_err(unknown)?)))
}

/// The bytes of a body that says it is JSON.
fn json_body(request: &Request) -> Result<&[u8], Refusal> {
    let body: &[u8] = request.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(Refusal::BodyTooLarge(BODY_BYTES_MAX));
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    let json = essence.is_some_and(|kind| {
        kind.eq_ignore_ascii_case("application/json")
            || kind.to_ascii_lowercase().ends_with("+json")
    });
    if json { Ok(body) } else { Err(Refusal::NotJson) }
}

/// The key in the header: bare, or as a quoted string
/// (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>).
fn header_key(request: &Request) -> Result<Option<String>, Refusal> {
    let mut values = request.headers().get_all("idempotency-key").iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Refusal::BadIdempotencyKey);
    }
    first.map(header_text).transpose()
}

fn header_text(value: &HeaderValue) -> Result<String, Refusal> {
    let text = value.to_str().map_err(|_| Refusal::BadIdempotencyKey)?.trim();
    // The gateway joins the values of two headers with a comma: that is no key that anyone chose.
    if text.contains(',') {
        return Err(Refusal::BadIdempotencyKey);
    }
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Ok(quoted.unwrap_or(text).to_owned())
}

fn idempotency_key(
    header: Option<String>,
    field: Option<String>,
) -> Result<Option<IdempotencyKey>, Refusal> {
    if let (Some(header), Some(field)) = (&header, &field)
        && header != field
    {
        return Err(Refusal::IdempotencyKeysDiffer);
    }
    let key = header.or(field).map(IdempotencyKey::try_from).transpose();
    key.map_err(|_| Refusal::BadIdempotencyKey)
}

/// The fields of a body that have not been read yet.
struct Fields(Map<String, Value>);

impl Fields {
    /// A field that is there and not null.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, param: &'static str) -> Result<Option<String>, Refusal> {
        match self.take(param) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::InvalidParameter { param, expected: "a string" }),
        }
    }

    fn whole_number(&mut self, param: &'static str) -> Result<Option<u64>, Refusal> {
        let expected = "a whole number of at least 1";
        let value = self.take(param);
        let read =
            |value: Value| value.as_u64().ok_or(Refusal::InvalidParameter { param, expected });
        value.map(read).transpose()
    }

    fn object(&mut self, param: &'static str) -> Result<Map<String, Value>, Refusal> {
        match self.take(param) {
            None => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(Refusal::InvalidParameter { param, expected: "an object" }),
        }
    }

    fn texts(&mut self, param: &'static str) -> Result<BTreeMap<String, String>, Refusal> {
        let expected = "an object whose values are strings";
        let text = |(name, value): (String, Value)| match value.as_str() {
            Some(text) => Ok((name, text.to_owned())),
            None => Err(Refusal::InvalidParameter { param, expected }),
        };
        self.object(param)?.into_iter().map(text).collect()
    }

    fn list(&mut self, param: &'static str) -> Result<Option<Vec<String>>, Refusal> {
        let invalid = || Refusal::InvalidParameter { param, expected: "a list of strings" };
        let text = |value: Value| value.as_str().map(str::to_owned).ok_or_else(invalid);
        match self.take(param) {
            None => Ok(None),
            Some(Value::Array(values)) => {
                values.into_iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(invalid()),
        }
    }

    fn none_left(&self) -> Result<(), Refusal> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Refusal::UnknownParameter(shorten(name))),
        }
    }
}

/// The beginning of a name that somebody else chose, for an error message.
fn shorten(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests;
