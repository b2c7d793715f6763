//! What an upstream answers, and how it fails to.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    fixture::{self, fill},
    upstream::Seen,
};

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Content,
    pub(crate) delivery: Delivery,
    pub(crate) delay: Duration,
    id: Option<String>,
}

/// A reply that is made of a request.
type Maker = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// What is answered.
#[derive(Clone)]
pub(crate) enum Content {
    /// JSON with placeholders.
    Json(Value),
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many bytes, made while they are sent.
    Endless(u64),
    /// The connection is closed instead.
    Cut,
    /// Nothing happens.
    Silence,
    /// What this makes of the request.
    Made(Maker),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(value) => write!(f, "Json({value})"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Endless(total) => write!(f, "Endless({total})"),
            Self::Cut => f.write_str("Cut"),
            Self::Silence => f.write_str("Silence"),
            Self::Made(_) => f.write_str("Made"),
        }
    }
}

/// How a body is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delivery {
    /// At once, and with its length.
    Whole,
    /// Half of it, under the length of all of it; then the connection is closed.
    Truncated,
    /// Byte by byte, with this pause after each.
    Drip(Duration),
    /// Under this length, whatever its own; then the connection is closed.
    Claiming(u64),
}

impl Reply {
    fn new(status: u16, content: Content) -> Self {
        let (headers, delivery, delay) = (Vec::new(), Delivery::Whole, Duration::ZERO);
        Self { status, headers, content, delivery, delay, id: None }
    }

    /// This JSON. The placeholders of fixtures work in its strings too.
    pub fn json(status: u16, body: Value) -> Self {
        Self::new(status, Content::Json(body)).header("content-type", "application/json")
    }

    /// The fixture of this name, such as `bfl/submit`.
    pub fn fixture(name: &str) -> Self {
        let fixture = fixture::get(name);
        let mut reply = Self::json(fixture.status, fixture.body);
        reply.headers.extend(fixture.headers);
        reply
    }

    /// These bytes, as what they are said to be.
    pub fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self::new(status, Content::Bytes(body)).header("content-type", content_type)
    }

    /// A page as proxies send it when what is behind them fails.
    pub fn html(status: u16) -> Self {
        let page = format!("<html><body><h1>{status}</h1><hr>a proxy</body></html>");
        Self::bytes(status, "text/html; charset=utf-8", page.into_bytes())
    }

    /// Reads the whole request, then closes the connection without a byte of an answer.
    pub fn cut() -> Self {
        Self::new(200, Content::Cut)
    }

    /// Reads the request and never answers; the connection stays.
    pub fn silence() -> Self {
        Self::new(200, Content::Silence)
    }

    /// So many bytes without a length that would announce them. They are made as they are taken, so
    /// that a gigabyte costs no memory; [`crate::Upstream::streamed`] counts them.
    pub fn endless(total_bytes: u64) -> Self {
        Self::new(200, Content::Endless(total_bytes)).header("content-type", "image/png")
    }

    /// Whatever `make` makes of the request. A delay and headers of this reply are added.
    pub fn with(make: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::new(200, Content::Made(Arc::new(make)))
    }

    /// With this header; one of the same name is replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With this status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With this value at a JSON pointer; the member of an object is made if it is missing. Panics
    /// if the body is not JSON or the place is not there.
    #[must_use]
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let Content::Json(body) = &mut self.content else {
            panic!("only JSON has a place {pointer}");
        };
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
        match (body.pointer_mut(parent), member.parse::<usize>()) {
            (Some(Value::Object(members)), _) => {
                members.insert(member.to_owned(), value);
            }
            (Some(Value::Array(items)), Ok(index)) => {
                *items.get_mut(index).expect("an index in the list") = value;
            }
            (_, _) => panic!("there is no place {pointer}"),
        }
        self
    }

    /// Without the member at a JSON pointer. Panics if it is not there.
    #[must_use]
    pub fn without(mut self, pointer: &str) -> Self {
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
        let Content::Json(body) = &mut self.content else {
            panic!("only JSON has a place {pointer}");
        };
        let members = body.pointer_mut(parent).and_then(Value::as_object_mut);
        let removed = members.and_then(|members| members.remove(member));
        assert!(removed.is_some(), "there is no place {pointer}");
        self
    }

    /// With this id for `{id}` instead of a fresh one.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// Late by so much.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends status, headers with the full length, and half of the body, then closes.
    #[must_use]
    pub fn truncated(mut self) -> Self {
        self.delivery = Delivery::Truncated;
        self
    }

    /// Sends one byte, then pauses, then the next.
    #[must_use]
    pub fn drip(mut self, pause: Duration) -> Self {
        self.delivery = Delivery::Drip(pause);
        self
    }

    /// Claims a body of `length` bytes, sends the one it has, then closes.
    #[must_use]
    pub fn claiming(mut self, length: u64) -> Self {
        self.delivery = Delivery::Claiming(length);
        self
    }

    /// What is answered to this request, with nothing left to be made or filled in.
    pub(crate) fn resolved(mut self, request: &Seen, base: &str) -> Reply {
        let id = self.id.take().unwrap_or_else(fresh_id);
        match &mut self.content {
            Content::Made(maker) => {
                let mut reply = maker(request);
                reply.delay = reply.delay.saturating_add(self.delay);
                reply.headers.extend(self.headers);
                reply.resolved(request, base)
            }
            Content::Json(body) => {
                fill(body, base, &id);
                self
            }
            Content::Bytes(_) | Content::Endless(_) | Content::Cut | Content::Silence => self,
        }
    }

    /// What is answered to a request that nothing was registered for.
    pub(crate) fn unexpected(seen: &Seen) -> Reply {
        let message = format!("nothing is registered for {} {}", seen.method, seen.path);
        Reply::json(404, json!({ "error": message }))
    }
}

/// An id that was not used before in this process, in the form that the upstreams use.
pub(crate) fn fresh_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Replies in the order in which they are given; the last one repeats for ever.
#[derive(Clone, Debug)]
pub struct Script(pub(crate) Vec<Reply>);

impl From<Reply> for Script {
    fn from(reply: Reply) -> Self {
        Self(vec![reply])
    }
}

impl From<Vec<Reply>> for Script {
    fn from(replies: Vec<Reply>) -> Self {
        Self(replies)
    }
}

impl<const N: usize> From<[Reply; N]> for Script {
    fn from(replies: [Reply; N]) -> Self {
        Self(replies.into())
    }
}
