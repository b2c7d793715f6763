//! Who is told what becomes of jobs.

use domain::{
    scope::Scope,
    webhook::{EventKind, URL_BYTES_MAX},
};
use serde_json::{Value, json};

use super::{
    images::events,
    jobs::paged,
    operation::Operation,
    schema::{Schemas, constant, list, named, one_of},
};
use crate::body::webhooks::{
    DeliveryOut, EndpointOut, SecretOut,
    tests::{endpoints, examples},
};

pub(super) const TAG: &str = "Webhooks";

/// A route of this group.
fn route(
    route: (&'static str, &'static str),
    id: &'static str,
    summary: &str,
    description: &str,
) -> Operation {
    Operation::closed(route, Scope::WebhooksWrite, id, summary, description)
}

fn endpoint_id(operation: Operation) -> Operation {
    let schema = json!({ "type": "string", "pattern": "^ep_[0-9a-f]{24}$" });
    operation.id_of("The endpoint's `id`.", schema, "endpoint_not_found")
}

fn delivery_id(operation: Operation) -> Operation {
    let schema = json!({ "type": "string", "pattern": DELIVERY });
    operation.id_of("The delivery's `id`.", schema, "delivery_not_found")
}

/// The id of a delivery: job, status, receiver.
const DELIVERY: &str =
    "^[0-9a-f-]{36}\\.(succeeded|failed|expired|refunded)\\.(order|ep_[0-9a-f]{24})$";

pub(super) fn operations() -> Vec<Operation> {
    endpoint_operations().into_iter().chain([secret()]).chain(delivery_operations()).collect()
}

fn secret() -> Operation {
    route(
        ("POST", "/v1/webhooks/secret"),
        "rotateOrderSecret",
        "Make the secret of your orders' webhooks",
        "What is told to the `webhook_url` of an order is signed with it. Made again, the one before signs beside it for \
         24 hours.",
    )
    .nothing()
    .answers(201, "The first one.", &["Cache-Control"], named("WebhookSecret"), examples::first_secret())
    .answers(
        200,
        "A new one in the place of the one before.",
        &["Cache-Control"],
        named("WebhookSecret"),
        examples::next_secret(),
    )
}

fn endpoint_operations() -> Vec<Operation> {
    let register = route(
        ("POST", "/v1/webhooks/endpoints"),
        "createEndpoint",
        "Register an endpoint",
        "It is told what becomes of all your jobs, by [Standard Webhooks](https://www.standardwebhooks.com). At most ten \
         of them. The same URL again is the same endpoint, as it is: to change its events, remove it first.",
    )
    .body(true, new_endpoint(), examples::bodies())
    .answers(
        201,
        "A new endpoint, with the secret that deliveries to it are signed with.",
        &["Cache-Control"],
        named("Endpoint"),
        json!({ "new": endpoints::new() }),
    )
    .answers(
        200,
        "The endpoint that was registered before, without its secret.",
        &["Cache-Control"],
        named("Endpoint"),
        json!({ "known": endpoints::enabled() }),
    )
    .refuses(&["missing_parameter", "invalid_webhook_url", "too_many_endpoints"]);
    let all = route(
        ("GET", "/v1/webhooks/endpoints"),
        "listEndpoints",
        "List your endpoints",
        "All of them.",
    )
    .answers(
        200,
        "Your endpoints.",
        &["Cache-Control"],
        list("Endpoint"),
        json!({ "endpoints": endpoints::list() }),
    );
    let show = route(
        ("GET", "/v1/webhooks/endpoints/{id}"),
        "getEndpoint",
        "Show an endpoint",
        "One of somebody else is answered like one that is not there.",
    );
    let show = endpoint_id(show).answers(
        200,
        "The endpoint.",
        &["Cache-Control"],
        named("Endpoint"),
        json!({ "enabled": endpoints::enabled(), "gone": endpoints::gone() }),
    );
    let remove = route(
        ("DELETE", "/v1/webhooks/endpoints/{id}"),
        "deleteEndpoint",
        "Remove an endpoint",
        "Nothing is delivered to it any more.",
    );
    let remove = endpoint_id(remove).nothing().answers_nothing(204, "It is removed.");
    let rotate = route(
        ("POST", "/v1/webhooks/endpoints/{id}/rotate"),
        "rotateEndpoint",
        "Give an endpoint a new secret",
        "For 24 hours the one before signs as well, so that there is time to put the new one in its place.",
    );
    let rotate = endpoint_id(rotate).nothing().answers(
        200,
        "The endpoint, with its new secret.",
        &["Cache-Control"],
        named("Endpoint"),
        json!({ "rotated": endpoints::rotated() }),
    );
    let enable = route(
        ("POST", "/v1/webhooks/endpoints/{id}/enable"),
        "enableEndpoint",
        "Deliver to an endpoint again",
        "An endpoint that answers 410 is disabled. What it misses until then is not told by itself: it is listed among the \
         deliveries as given up, to be delivered again.",
    );
    let enable = endpoint_id(enable).nothing().answers(
        200,
        "The endpoint.",
        &["Cache-Control"],
        named("Endpoint"),
        json!({ "enabled": endpoints::enabled() }),
    );
    vec![register, all, show, remove, rotate, enable]
}

fn delivery_operations() -> Vec<Operation> {
    let all = route(
        ("GET", "/v1/webhooks/deliveries"),
        "listDeliveries",
        "List what was delivered",
        "Those of the newest job first.",
    );
    let all = paged(all).answers(
        200,
        "A part of your deliveries.",
        &["Cache-Control"],
        list("Delivery"),
        json!({ "deliveries": examples::deliveries() }),
    );
    let show = route(
        ("GET", "/v1/webhooks/deliveries/{id}"),
        "getDelivery",
        "Show a delivery",
        "With the latest 20 attempts at it. What the receiver answered is kept as far as its status. One of somebody else \
         is answered like one that is not there.",
    );
    let show = delivery_id(show).answers(
        200,
        "The delivery as it is now.",
        &["Cache-Control"],
        named("Delivery"),
        json!({ "delivered": examples::delivered(), "due": examples::due() }),
    );
    let again = route(
        ("POST", "/v1/webhooks/deliveries/{id}/redeliver"),
        "redeliver",
        "Deliver it again",
        "With all its attempts, whatever became of it before. One whose next attempt is under way or comes within 30 \
         seconds goes on as it is. To an endpoint that is disabled or was removed nothing is sent: enable it first.",
    );
    let again = delivery_id(again).nothing().answers(
        202,
        "The delivery, which is due.",
        &["Cache-Control"],
        named("Delivery"),
        json!({ "due": examples::due() }),
    );
    vec![all, show, again]
}

/// What is registered, read field by field.
fn new_endpoint() -> Value {
    json!({
        "type": "object",
        "properties": {
            "url": {
                "type": "string",
                "format": "uri",
                "pattern": "^https://[A-Za-z0-9]",
                "maxLength": URL_BYTES_MAX,
                "description": "Where it listens, at a public address, without credentials and without a fragment.",
            },
            "events": {
                "type": ["array", "null"],
                "items": events(),
                "description": "What it is told. None named is all of them.",
            },
        },
        "required": ["url"],
        "additionalProperties": false,
    })
}

pub(super) fn describe(schemas: &mut Schemas) {
    let statuses = one_of(["due", "delivered", "given_up"]);
    let outcomes = [
        "delivered",
        "status",
        "timeout",
        "refused_address",
        "connection",
        "tls",
        "broken_off",
        "unknown",
        "endpoint_closed",
    ];
    let secret = json!({ "pattern": "^whsec_[A-Za-z0-9+/]{43}=$" });
    schemas
        .add::<EndpointOut<'_>>()
        .add::<SecretOut>()
        .add::<DeliveryOut<'_>>()
        .refine("Endpoint", "id", json!({ "pattern": "^ep_[0-9a-f]{24}$" }))
        .refine("Endpoint", "object", constant("webhook.endpoint"))
        .refine("Endpoint", "url", json!({ "format": "uri" }))
        .refine("Endpoint", "events", json!({ "items": events() }))
        .refine("Endpoint", "secret", secret.clone())
        .refine("Endpoint", "status", one_of(["enabled", "disabled"]))
        .refine("Endpoint", "disabled_why", json!({ "enum": ["gone", null] }))
        .refine("WebhookSecret", "object", constant("webhook.secret"))
        .refine("WebhookSecret", "secret", secret)
        .refine("Delivery", "id", json!({ "pattern": DELIVERY }))
        .refine("Delivery", "object", constant("webhook.delivery"))
        .refine("Delivery", "event", one_of(EventKind::ALL.map(EventKind::as_str)))
        .refine("Delivery", "job_id", json!({ "format": "uuid" }))
        .refine("Delivery", "status", statuses)
        .refine("DeliveryAttempt", "outcome", one_of(outcomes))
        .refine("DeliveryAttempt", "http_status", json!({ "minimum": 100, "maximum": 999 }));
}
