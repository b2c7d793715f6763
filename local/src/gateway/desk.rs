//! `GET /_local/stack`: tells this machine, and nobody else, what runs here and where.

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode, header},
};
use serde_json::{Value, json};

use super::answer::{json_response, message};

/// The path; no route of a template can begin like it.
pub(super) const PATH: &str = "/_local/stack";

/// Answers with `description` if the request is addressed to this machine by one of its own names.
/// Another name that leads here is one that a web page had pointed here (DNS rebinding).
pub(super) fn respond(headers: &HeaderMap, description: &Value) -> Response<Body> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    if is_loopback(host) {
        json_response(StatusCode::OK, description).unwrap_or_default()
    } else {
        message(StatusCode::FORBIDDEN, "Forbidden")
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if !port.contains(']') => bare,
        Some(_) | None => host,
    };
    bare.eq_ignore_ascii_case("localhost") || matches!(bare, "127.0.0.1" | "[::1]")
}

/// What there is to say of a stack.
pub(super) fn description(fixed: &Value, demo: Value) -> Value {
    let mut description = fixed.clone();
    if let Some(map) = description.as_object_mut() {
        map.insert("demo".to_owned(), demo);
    } else {
        description = json!({ "demo": demo });
    }
    description
}
