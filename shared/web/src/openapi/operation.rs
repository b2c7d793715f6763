//! One route, described: what it takes, what it answers, and what it may be refused with.

use std::collections::{BTreeMap, BTreeSet};

use domain::scope::Scope;
use serde_json::{Map, Value, json};

use super::schema::{Schemas, constant, named, one_of};
use crate::refusal::{
    Envelope,
    tests::{Told, table},
};

/// What API Gateway may answer by itself, whatever the route.
const GATEWAY: [(u16, &str); 6] = [
    (400, "Bad Request"),
    (413, "Request Entity Too Large"),
    (429, "Too Many Requests"),
    (431, "Request Header Fields Too Large"),
    (500, "Internal Server Error"),
    (503, "Service Unavailable"),
];

/// What it answers where a key is wanted and there is none.
const UNAUTHORIZED: &str = "Unauthorized";

/// A route.
pub(super) struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    scope: Option<Scope>,
    said: Map<String, Value>,
    parameters: Vec<Value>,
    answers: BTreeMap<u16, Value>,
    codes: BTreeSet<&'static str>,
}

impl Operation {
    /// A route that anyone may call.
    pub(super) fn open(
        (method, path): (&'static str, &'static str),
        id: &'static str,
        summary: &str,
        description: &str,
    ) -> Self {
        let mut said = Map::new();
        said.insert("summary".to_owned(), json!(summary));
        said.insert("description".to_owned(), json!(description));
        let codes = BTreeSet::from(["internal_error", "unknown_parameter"]);
        let (parameters, answers) = (Vec::new(), BTreeMap::new());
        Self { method, path, id, scope: None, said, parameters, answers, codes }
    }

    /// A route that wants a key with a scope.
    pub(super) fn closed(
        route: (&'static str, &'static str),
        scope: Scope,
        id: &'static str,
        summary: &str,
        description: &str,
    ) -> Self {
        let mut operation = Self::open(route, id, summary, description);
        operation.scope = Some(scope);
        operation.refuses(&["invalid_api_key", "insufficient_scope", "unavailable"])
    }

    /// Takes a parameter of the query.
    pub(super) fn query(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter("query", name, description, schema)
            .refuses(&["invalid_parameter", "duplicate_parameter"])
    }

    /// Takes a header.
    pub(super) fn header(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter("header", name, description, schema)
    }

    /// The job that the path names.
    pub(super) fn job_id(self) -> Self {
        let schema = json!({ "type": "string", "format": "uuid" });
        self.id_of("The job's `id`.", schema, "job_not_found")
    }

    /// What the path names, and what is answered if there is no such thing.
    pub(super) fn id_of(self, description: &str, schema: Value, unknown: &'static str) -> Self {
        // What a gateway decodes may have more segments, or fewer: `%2F`, `%3F`.
        self.parameter("path", "id", description, schema).refuses(&[unknown, "route_not_found"])
    }

    fn parameter(mut self, place: &str, name: &str, description: &str, schema: Value) -> Self {
        self.parameters.push(json!({
            "in": place,
            "name": name,
            "required": place == "path",
            "description": description,
            "schema": schema,
        }));
        self
    }

    /// Takes a body.
    pub(super) fn body(mut self, required: bool, schema: Value, examples: Value) -> Self {
        let content = json!({ "application/json": { "schema": schema, "examples": named_values(&examples) } });
        self.said
            .insert("requestBody".to_owned(), json!({ "required": required, "content": content }));
        self.refuses(&[
            "invalid_json",
            "request_too_large",
            "unsupported_media_type",
            "duplicate_parameter",
            "invalid_parameter",
        ])
    }

    /// Answers so, with these headers beside those that all answers have.
    pub(super) fn answers(
        mut self,
        status: u16,
        description: &str,
        headers: &[&str],
        schema: Value,
        examples: Value,
    ) -> Self {
        let answer = json!({
            "description": description,
            "headers": header_refs(headers),
            "content": { "application/json": { "schema": schema, "examples": named_values(&examples) } },
        });
        self.answers.insert(status, answer);
        self
    }

    /// Answers so, without a body.
    pub(super) fn answers_nothing(mut self, status: u16, description: &str) -> Self {
        let headers = header_refs(&["Cache-Control"]);
        self.answers.insert(status, json!({ "description": description, "headers": headers }));
        self
    }

    /// Takes a body that says nothing, or none.
    pub(super) fn nothing(self) -> Self {
        self.body(
            false,
            json!({ "type": "object", "additionalProperties": false, "description": "Nothing." }),
            json!({ "nothing": {} }),
        )
    }

    /// May be refused so.
    pub(super) fn refuses(mut self, codes: &[&'static str]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// Its method and its path.
    pub(super) fn route(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }

    /// Its name for programs.
    pub(super) fn id(&self) -> &'static str {
        self.id
    }

    /// As OpenAPI writes it. `tag` is that of its group: the second segment of the path.
    pub(super) fn write(self) -> Value {
        let mut told = BTreeMap::<u16, Vec<Told>>::new();
        for code in &self.codes {
            let row = table().into_iter().find(|row| row.code == *code);
            let row = row.unwrap_or_else(|| panic!("{code} is no refusal"));
            told.entry(row.status).or_default().push(row);
        }
        let mut gateway: BTreeMap<u16, &str> = GATEWAY.into();
        if self.scope.is_some() {
            gateway.insert(401, UNAUTHORIZED);
        }
        let mut answers = self.answers;
        for status in told.keys().chain(gateway.keys()).copied().collect::<BTreeSet<u16>>() {
            let rows = told.get(&status).map_or(&[][..], Vec::as_slice);
            answers.insert(status, refusal(rows, gateway.get(&status).copied()));
        }
        let mut written = self.said;
        written.insert("operationId".to_owned(), json!(self.id));
        written.insert("tags".to_owned(), json!([tag(self.path)]));
        if !self.parameters.is_empty() {
            written.insert("parameters".to_owned(), json!(self.parameters));
        }
        written.insert("responses".to_owned(), json!(answers));
        let security = match self.scope {
            None => json!([]),
            Some(scope) => {
                written.insert("x-scope".to_owned(), json!(scope.as_str()));
                json!([{ "apiKey": [scope.as_str()] }])
            }
        };
        written.insert("security".to_owned(), security);
        Value::Object(written)
    }
}

/// The group of a path.
fn tag(path: &str) -> &'static str {
    match path.split('/').nth(2) {
        Some("images") => super::images::TAG,
        Some("jobs") => super::jobs::TAG,
        Some("webhooks") => super::webhooks::TAG,
        Some("credits" | "auth") => super::credits::TAG,
        _ => super::catalogue::TAG,
    }
}

/// The answer of a status that refuses: by a function with one of these codes, or by the gateway.
fn refusal(rows: &[Told], gateway: Option<&str>) -> Value {
    let mut examples = Map::new();
    let mut schemas = Vec::new();
    let mut headers = Vec::new();
    let mut described = Vec::new();
    if !rows.is_empty() {
        let codes = one_of(rows.iter().map(|row| row.code));
        let kinds = one_of(rows.iter().map(|row| row.kind).collect::<BTreeSet<_>>());
        let narrowed = json!({ "properties": { "error": { "properties": { "code": codes, "type": kinds } } } });
        schemas.push(json!({ "allOf": [named("Error"), narrowed] }));
        headers.push("X-Request-Id");
        if rows.iter().any(|row| row.retry_after.is_some()) {
            headers.push("Retry-After");
        }
        if rows.iter().any(|row| row.code == "queue_full") {
            headers.extend(["RateLimit", "RateLimit-Policy"]);
        }
        for row in rows {
            described.push(format!("`{}`", row.code));
            examples.insert(row.code.to_owned(), kept(row.code));
        }
    }
    if let Some(message) = gateway {
        schemas.push(named("GatewayError"));
        described.push(format!("`{message}` by the gateway"));
        examples.insert(format!("gateway_{}", slug(message)), kept(&slug(message)));
    }
    let schema = match schemas.as_slice() {
        [schema] => schema.clone(),
        several => json!({ "oneOf": several }),
    };
    let mut answer = json!({
        "description": described.join(", "),
        "content": { "application/json": { "schema": schema, "examples": examples } },
    });
    if !headers.is_empty() {
        answer["headers"] = header_refs(&headers);
    }
    answer
}

fn header_refs(names: &[&str]) -> Value {
    let all = names.iter().chain(["X-Request-Id"].iter());
    let refs = all
        .map(|name| (name.to_string(), json!({ "$ref": format!("#/components/headers/{name}") })));
    Value::Object(refs.collect())
}

/// Examples by their names.
fn named_values(examples: &Value) -> Value {
    let examples = examples.as_object().unwrap().iter();
    let examples = examples.map(|(name, value)| (name.clone(), json!({ "value": value })));
    Value::Object(examples.collect())
}

/// The example that is kept under a name.
fn kept(name: &str) -> Value {
    json!({ "$ref": format!("#/components/examples/{name}") })
}

/// `Bad Request` as the name of an example.
fn slug(message: &str) -> String {
    message.to_lowercase().replace(' ', "_")
}

/// Every refusal, as it is sent: by a function, or by the gateway.
pub(super) fn examples() -> Value {
    let told = table().into_iter().map(|row| (row.code.to_owned(), row.body));
    let gateway = GATEWAY.iter().map(|(_, message)| *message).chain([UNAUTHORIZED]);
    let gateway = gateway.map(|message| (slug(message), json!({ "message": message })));
    named_values(&Value::Object(told.chain(gateway).collect()))
}

/// The headers that answers may have.
pub(super) fn headers() -> Value {
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let seconds = json!({ "type": "integer", "minimum": 0 });
    json!({
        "X-Request-Id": text("What to name when asking for help."),
        "Location": text("Where the job is asked for."),
        "Idempotent-Replayed": {
            "description": "That the job was there before, under this idempotency key.",
            "schema": { "const": "true" },
        },
        "Retry-After": {
            "description": "After how many seconds it is worth asking again. Not there for a job that has ended, \
                            nor from the gateway.",
            "schema": seconds,
        },
        "Preference-Applied": text("For how long the answer was held back: `wait=N`."),
        "RateLimit": text("How many more jobs may be unfinished: `\"unfinished-jobs\";r=N`."),
        "RateLimit-Policy": text(
            "How many jobs may be unfinished: `\"unfinished-jobs\";q=N;qu=\"concurrent-requests\"`.",
        ),
        "Cache-Control": text("Who may keep the answer, and for how long."),
        "Allow": text("The methods that the route takes."),
    })
}

/// What is answered to what is no operation.
pub(super) fn outside() -> Value {
    let told = |code: &str| {
        let rows: Vec<Told> = table().into_iter().filter(|row| row.code == code).collect();
        refusal(&rows, None)
    };
    let mut method = told("method_not_allowed");
    method["headers"] = header_refs(&["Allow"]);
    json!({ "NoSuchRoute": told("route_not_found"), "NoSuchMethod": method })
}

/// The bodies of refusals.
pub(super) fn describe(schemas: &mut Schemas) {
    let kinds: BTreeSet<&str> = table().iter().map(|row| row.kind).collect();
    let codes: BTreeSet<&str> = table().iter().map(|row| row.code).collect();
    schemas.add::<Envelope<'_>>();
    schemas.refine("ErrorDetail", "type", one_of(kinds));
    schemas.refine("ErrorDetail", "code", one_of(codes));
    schemas.set(
        "GatewayError",
        json!({
            "type": "object",
            "description": "What API Gateway answers by itself. Send an order again under its key after any of these.",
            "properties": { "message": { "type": "string" } },
            "required": ["message"],
        }),
    );
    schemas.set(
        "OpenApi",
        json!({
            "type": "object",
            "description": "This description.",
            "properties": { "openapi": constant("3.1.0") },
            "required": ["openapi"],
        }),
    );
}
