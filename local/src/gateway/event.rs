//! An HTTP request as API Gateway hands it to functions: payload format 2.0.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::http::{HeaderMap, Method, Uri, Version, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::routes::{Target, decode};
use crate::invoke::trace_root;

/// Content types whose bodies arrive as text, beside `text/*`. All others, and bodies without a
/// type, arrive in base 64.
const TEXT_TYPES: [&str; 3] = ["application/json", "application/xml", "application/javascript"];

/// A request, taken apart.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Its id.
    pub(super) request_id: uuid::Uuid,
    /// When it came.
    pub(super) at: Timestamp,
    /// From where it came.
    pub(super) peer: SocketAddr,
    /// Its method.
    pub(super) method: Method,
    /// Its target.
    pub(super) uri: Uri,
    /// Its protocol.
    pub(super) version: Version,
    /// Its headers: lower case, several of one name joined by commas; no cookies.
    pub(super) headers: BTreeMap<String, String>,
    /// Its cookies.
    pub(super) cookies: Vec<String>,
    /// Its body.
    pub(super) body: Vec<u8>,
}

/// The API that the request came to.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The account's id.
    pub(super) account_id: String,
    /// The API's id.
    pub(super) api_id: String,
    /// The region.
    pub(super) region: String,
}

impl Incoming {
    /// Adds what API Gateway adds to the headers of a caller.
    pub(super) fn add_gateway_headers(&mut self, port: u16) {
        let peer = self.peer.ip().to_string();
        let forwarded = match self.headers.get("x-forwarded-for") {
            Some(before) => format!("{before}, {peer}"),
            None => peer,
        };
        let trace = trace_root(self.at.seconds(), self.request_id);
        self.headers.insert("x-forwarded-for".into(), forwarded);
        self.headers.insert("x-forwarded-port".into(), port.to_string());
        self.headers.insert("x-forwarded-proto".into(), "http".into());
        self.headers.insert("x-amzn-trace-id".into(), trace);
        // Always there, also for requests without a body.
        self.headers.insert("content-length".into(), self.body.len().to_string());
    }

    /// The path as API Gateway shows it: decoded, and cut at a `?` that was encoded.
    fn path(&self) -> String {
        let mut path = decode(self.uri.path());
        path.truncate(path.find('?').unwrap_or(path.len()));
        path
    }

    /// What the payloads for authorizers and for functions have in common.
    fn common(&self, target: &Target, identity: &Identity) -> Map<String, Value> {
        let host = self.headers.get("host").map_or("", String::as_str);
        let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
        let prefix = domain.split_once('.').map_or(domain, |(prefix, _)| prefix);
        let mut payload = Map::new();
        payload.insert("version".into(), "2.0".into());
        payload.insert("routeKey".into(), target.route_key.clone().into());
        payload.insert("rawPath".into(), self.path().into());
        payload.insert("rawQueryString".into(), self.uri.query().unwrap_or("").into());
        if !self.cookies.is_empty() {
            payload.insert("cookies".into(), self.cookies.clone().into());
        }
        payload.insert("headers".into(), json!(self.headers));
        if let Some(query) = self.uri.query().filter(|query| !query.is_empty()) {
            payload.insert("queryStringParameters".into(), json!(query_parameters(query)));
        }
        let context = json!({
            "accountId": identity.account_id,
            "apiId": identity.api_id,
            "domainName": domain,
            "domainPrefix": prefix,
            "http": {
                "method": self.method.as_str(),
                "path": self.path(),
                "protocol": format!("{:?}", self.version),
                "sourceIp": self.peer.ip().to_string(),
                "userAgent": self.headers.get("user-agent").map_or("", String::as_str),
            },
            "requestId": self.request_id.to_string(),
            "routeKey": target.route_key,
            "stage": "$default",
            "time": clf_time(self.at),
            "timeEpoch": self.at.millis(),
        });
        payload.insert("requestContext".into(), context);
        payload
    }

    /// The payload for a function.
    pub(super) fn payload(
        &self,
        target: &Target,
        identity: &Identity,
        path_parameters: &BTreeMap<String, String>,
        authorizer_context: Option<Map<String, Value>>,
    ) -> Value {
        let mut payload = self.common(target, identity);
        if !path_parameters.is_empty() {
            payload.insert("pathParameters".into(), json!(path_parameters));
        }
        if let Some(context) = authorizer_context
            && let Some(Value::Object(request)) = payload.get_mut("requestContext")
        {
            request.insert("authorizer".into(), json!({ "lambda": context }));
        }
        let (body, encoded) = self.body_text();
        if let Some(body) = body {
            payload.insert("body".into(), body.into());
        }
        payload.insert("isBase64Encoded".into(), encoded.into());
        Value::Object(payload)
    }

    /// The payload for an authorizer of the type REQUEST.
    pub(super) fn authorizer_payload(
        &self,
        target: &Target,
        identity: &Identity,
        path_parameters: &BTreeMap<String, String>,
        identity_source: &[String],
    ) -> Value {
        let mut payload = self.common(target, identity);
        let Identity { account_id, api_id, region } = identity;
        let route = target.route_key.replacen(' ', "", 1);
        let arn = format!("arn:aws:execute-api:{region}:{account_id}:{api_id}/$default/{route}");
        payload.insert("type".into(), "REQUEST".into());
        payload.insert("routeArn".into(), arn.into());
        payload.insert("identitySource".into(), identity_source.into());
        if !path_parameters.is_empty() {
            payload.insert("pathParameters".into(), json!(path_parameters));
        }
        Value::Object(payload)
    }

    fn body_text(&self) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        let kind = self.headers.get("content-type").map_or("", String::as_str);
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let is_text = kind.starts_with("text/") || TEXT_TYPES.contains(&kind.as_str());
        match str::from_utf8(&self.body) {
            Ok(text) if is_text => (Some(text.to_owned()), false),
            Ok(_) | Err(_) => (Some(STANDARD.encode(&self.body)), true),
        }
    }
}

/// Headers as functions get them, and the cookies that were among them.
pub(super) fn headers(headers: &HeaderMap) -> (BTreeMap<String, String>, Vec<String>) {
    let mut joined = BTreeMap::<String, String>::new();
    let mut cookies = Vec::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if *name == header::COOKIE {
            cookies.extend(value.split(';').map(|cookie| cookie.trim().to_owned()));
            continue;
        }
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    (joined, cookies)
}

/// The decoded parameters of a query; several of one name joined by commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    let plus_is_space = |text: &str| decode(&text.replace('+', " "));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = plus_is_space(value);
        parameters
            .entry(plus_is_space(name))
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

/// `12/Mar/2020:19:03:58 +0000`
fn clf_time(at: Timestamp) -> String {
    let form =
        format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(form).unwrap_or_default()
}
