//! Against a service on this machine, over HTTP, so that what is asked is what would be sent.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use axum::{Router, http::HeaderMap};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};

use super::*;

const SECRET: &str =
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:holdfast/upstreams-AbCdEf";
const NAMES: [&str; 4] = ["BFL_API_KEY", "IDEOGRAM_API_KEY", "RECRAFT_API_KEY", "FAL_KEY"];
const KEYS: &str = r#"{"BFL_API_KEY":"hush-1","FAL_KEY":"hush-2"}"#;

/// What was asked: the operation, and the body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A service that says the same to everybody, and keeps what it was asked.
struct Service {
    url: String,
    asked: Asked,
    _server: JoinSet<()>,
}

impl Service {
    async fn that_says(status: u16, answer: impl ToString) -> Self {
        let asked = Asked::default();
        let answer = answer.to_string();
        let service = Router::new().fallback({
            let asked = Arc::clone(&asked);
            async move |headers: HeaderMap, body: String| {
                let target = headers["x-amz-target"].to_str().unwrap().to_owned();
                asked.lock().unwrap().push((target, serde_json::from_str(&body).unwrap()));
                let status = http::StatusCode::from_u16(status).unwrap();
                (status, [("content-type", "application/x-amz-json-1.1")], answer)
            }
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { url, asked, _server: server }
    }

    /// The secret has this text.
    async fn with(text: impl ToString) -> Self {
        let version = "11111111-2222-3333-4444-555555555555";
        let text = text.to_string();
        Self::that_says(
            200,
            json!({"ARN": SECRET, "Name": "holdfast/upstreams", "VersionId": version, "SecretString": text}),
        )
        .await
    }

    fn environment(&self) -> Environment {
        [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            // Only the service's own name leads here: 9 is the discard port.
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.url),
            ("UPSTREAM_KEYS_SECRET", SECRET),
            ("UPSTREAMS", "bfl,fal"),
        ]
        .into_iter()
        .fold(Environment::default(), |environment, (name, value)| environment.with(name, value))
    }

    async fn add(&self) -> Result<Environment, SecretsError> {
        add_secrets(self.environment(), &NAMES).await
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

fn names(environment: &Environment) -> String {
    format!("{environment:?}")
}

/// All that can be shown of an error.
fn shown(error: &SecretsError) -> String {
    format!("{error} {error:?} {error:#?} {}", causes::chain(error))
}

#[tokio::test]
async fn the_secret_is_asked_for_once_and_its_keys_become_variables() {
    let service = Service::with(KEYS).await;
    let environment = service.add().await.unwrap();
    let asked = ("secretsmanager.GetSecretValue".to_owned(), json!({"SecretId": SECRET}));
    assert_eq!(service.asked(), [asked]);
    assert_eq!(environment.get("BFL_API_KEY"), Some("hush-1"));
    assert_eq!(environment.get("FAL_KEY"), Some("hush-2"));
    assert_eq!(environment.get("UPSTREAMS"), Some("bfl,fal"));
}

#[tokio::test]
async fn only_listed_names_with_a_text_are_taken() {
    let text = json!({
        "BFL_API_KEY": "hush-1",
        "IDEOGRAM_API_KEY": "",
        "RECRAFT_API_KEY": 7,
        "FAL_KEY": null,
        "BFL_BASE_URL": "https://elsewhere.example",
        "AWS_REGION": "us-east-1",
        "fal_key": "hush-2",
    });
    let service = Service::with(text).await;
    let before = service.environment();
    let environment = service.add().await.unwrap();
    assert_eq!(environment.get("BFL_API_KEY"), Some("hush-1"));
    assert_eq!(environment.get("AWS_REGION"), Some("eu-west-1"));
    assert_eq!(names(&environment), names(&before.with("BFL_API_KEY", "")));
}

#[tokio::test]
async fn a_key_in_the_secret_replaces_the_variable() {
    let service = Service::with(KEYS).await;
    let environment = service.environment().with("FAL_KEY", "old").with("RECRAFT_API_KEY", "kept");
    let environment = add_secrets(environment, &NAMES).await.unwrap();
    assert_eq!(environment.get("FAL_KEY"), Some("hush-2"));
    assert_eq!(environment.get("RECRAFT_API_KEY"), Some("kept"));
}

#[tokio::test]
async fn nothing_is_asked_without_a_secret_or_without_upstreams() {
    let service = Service::with(KEYS).await;
    for name in ["UPSTREAM_KEYS_SECRET", "UPSTREAMS"] {
        let before = service.environment().with(name, "");
        let after = add_secrets(before.clone(), &NAMES).await.unwrap();
        assert_eq!(names(&after), names(&before), "{name}");
    }
    // Not even a client is made: there is no region.
    let environment = add_secrets(Environment::default(), &NAMES).await.unwrap();
    assert_eq!(names(&environment), "{}");
    assert_eq!(service.asked(), []);
}

#[tokio::test]
async fn a_refusal_is_told_apart_and_names_the_secret() {
    type Expected = fn(&SecretsError) -> bool;
    let cases: [(&str, &str, Expected); 4] = [
        (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
            |error| matches!(error, SecretsError::NotFound { .. }),
        ),
        ("AccessDeniedException", "User: u is not authorized", |error| {
            matches!(error, SecretsError::Denied { .. })
        }),
        ("DecryptionFailure", "the KMS key is disabled", |error| {
            matches!(error, SecretsError::Denied { .. })
        }),
        ("InvalidRequestException", "it is scheduled for deletion", |error| {
            matches!(error, SecretsError::Unread { .. })
        }),
    ];
    for (code, message, expected) in cases {
        let service = Service::that_says(400, json!({"__type": code, "message": message})).await;
        let error = service.add().await.unwrap_err();
        assert!(expected(&error), "{error}");
        // A refusal is not asked again.
        assert_eq!(service.asked().len(), 1, "{code}");
        for part in [SECRET, code, message] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_is_no_object_is_refused_and_not_quoted() {
    for text in ["", "hush", r#""hush""#, r#"["hush"]"#, "null", r#"{"FAL_KEY":"hush"#] {
        let error = Service::with(text).await.add().await.unwrap_err();
        assert!(matches!(error, SecretsError::NotAnObject { .. }), "{text}");
        assert_eq!(error.to_string(), format!("the secret {SECRET} is not a JSON object"));
        assert!(!shown(&error).contains("hush"), "{error:?}");
    }
}

#[tokio::test]
async fn a_secret_without_any_of_the_keys_is_refused_and_not_quoted() {
    for text in ["{}", r#"{"password":"hush"}"#, r#"{"FAL_KEY":["hush"]}"#, r#"{"FAL_KEY":""}"#] {
        let error = Service::with(text).await.add().await.unwrap_err();
        assert!(matches!(error, SecretsError::NoKey { .. }), "{text}");
        assert!(error.to_string().contains(SECRET), "{error}");
        assert!(error.to_string().contains("BFL_API_KEY, IDEOGRAM_API_KEY"), "{error}");
        assert!(!shown(&error).contains("hush"), "{error:?}");
    }
}

#[tokio::test]
async fn a_binary_secret_is_refused() {
    let service = Service::that_says(200, json!({"ARN": SECRET, "SecretBinary": "aHVzaA=="})).await;
    let error = service.add().await.unwrap_err();
    assert!(matches!(error, SecretsError::Binary { .. }), "{error}");
    assert!(error.to_string().contains(SECRET), "{error}");
}

/// The SDK's own error about it holds the whole answer.
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_quoted() {
    for (status, answer) in [
        (200, r#"{"SecretString":"hush"#),
        (200, r#"{"SecretString":{"FAL_KEY":"hush"}}"#),
        (200, "hush"),
        (403, "hush"),
    ] {
        let error = Service::that_says(status, answer).await.add().await.unwrap_err();
        assert!(matches!(error, SecretsError::Unread { .. }), "{error}");
        let reason = format!("the answer, with status {status}, cannot be read");
        assert_eq!(error.to_string(), format!("the secret {SECRET} cannot be read: {reason}"));
        assert!(!shown(&error).contains("hush"), "{error:?}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_error_with_its_cause() {
    let mut service = Service::with(KEYS).await;
    service.url = "http://127.0.0.1:9".to_owned();
    let error = service.add().await.unwrap_err();
    assert!(matches!(error, SecretsError::Unread { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let environment = Service::with(KEYS).await.environment().with("AWS_REGION", "");
    let error = add_secrets(environment, &NAMES).await.unwrap_err();
    assert_eq!(format!("{error:?}"), "the variable AWS_REGION is not set");
}

#[tokio::test]
async fn values_are_not_shown() {
    let environment = Service::with(KEYS).await.add().await.unwrap();
    let shown = format!("{environment:?}");
    assert!(shown.contains("FAL_KEY") && !shown.contains("hush"), "{shown}");
}
