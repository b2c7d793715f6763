//! Who calls the API, and what the gateway makes of a call.

use domain::{
    api_key::{ApiKey, Environment},
    ids::{JobId, UserId},
    scope::Scopes,
};
use runtime::Entropy;
use serde_json::{Value, json};
use testkit::proxy::Strike;

use super::REQUEST;
use crate::program::{Ended, Program};

/// What a caller is answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    headers: Value,
    pub(crate) body: Value,
}

impl Answer {
    fn read(answer: &Value) -> Answer {
        let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let status = answer["statusCode"].as_u64().unwrap();
        Answer { status, headers: answer["headers"].clone(), body }
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }

    /// The job that is answered with.
    #[track_caller]
    pub(crate) fn job(&self) -> JobId {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no job: {self:?}")).parse().unwrap()
    }

    /// The job, which was accepted now.
    #[track_caller]
    pub(crate) fn accepted(&self) -> JobId {
        assert_eq!(self.status, 202, "{self:?}");
        self.job()
    }

    /// The job, which was accepted before.
    #[track_caller]
    pub(crate) fn replayed(&self) -> JobId {
        assert_eq!((self.status, self.header("idempotent-replayed")), (200, "true"), "{self:?}");
        self.job()
    }

    /// It is a refusal with this status and code, and with when to come again where that helps.
    #[track_caller]
    pub(crate) fn refused(&self, status: u64, code: &str) {
        assert_eq!((self.status, &self.body["error"]["code"]), (status, &json!(code)), "{self:?}");
        assert_eq!(status == 503, !self.header("retry-after").is_empty(), "{self:?}");
    }
}

/// Who calls the API.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    pub(crate) key: ApiKey,
}

impl Caller {
    pub(crate) fn new(user: UserId, entropy: &Entropy) -> Caller {
        Caller { user, key: ApiKey::mint(Environment::Test, &entropy.bytes().unwrap()) }
    }

    /// What the authorizer says of the caller.
    fn context(&self) -> Value {
        let (key_id, scopes) = (self.key.id().to_string(), Scopes::all().to_string());
        json!({ "user_id": self.user.as_str(), "key_id": key_id, "scopes": scopes })
    }

    fn request(&self, method: &str, path: &str, lambda: &Value) -> Value {
        json!({
            "version": "2.0",
            "routeKey": format!("{method} {path}"),
            "rawPath": path,
            "rawQueryString": "",
            "headers": {
                "authorization": format!("Bearer {}", self.key.reveal()),
                "content-type": "application/json",
                "host": "api.example.com",
            },
            "requestContext": {
                "authorizer": { "lambda": lambda },
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "curl/8.5.0",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": format!("{method} {path}"),
                "stage": "$default",
            },
            "isBase64Encoded": false,
        })
    }

    /// An order for one picture under an idempotency key.
    fn order(&self, key: &str) -> Value {
        let mut event = self.request("POST", "/v1/images/generations", &self.context());
        let body = json!({ "model": "flux-1.1-ultra", "prompt": "a cat", "idempotency_key": key });
        event["body"] = body.to_string().into();
        event
    }

    /// Sends an order.
    pub(crate) async fn submit(&self, submit: &Program, key: &str) -> Answer {
        Answer::read(&submit.invoke(&self.order(key), REQUEST).await.answer())
    }

    /// Sends an order to a process that is killed when the strike has happened.
    pub(crate) async fn submit_until(
        &self,
        submit: &mut Program,
        key: &str,
        strike: &Strike,
    ) -> Ended {
        submit.invoke_until(&self.order(key), REQUEST, strike).await
    }

    /// What the authorizer decides about the caller.
    pub(crate) async fn authorize(&self, authorize: &Program) -> Ended {
        let mut event = self.request("GET", "/v1/jobs", &Value::Null);
        event["type"] = "REQUEST".into();
        event["identitySource"] = json!([format!("Bearer {}", self.key.reveal())]);
        event["routeArn"] = "arn:aws:execute-api:us-east-1:000000000000:api/$default/GET/v1".into();
        authorize.invoke(&event, REQUEST).await
    }

    /// Asks for a job, with what the authorizer says.
    pub(crate) async fn look(&self, authorize: &Program, lookup: &Program, job: &JobId) -> Answer {
        let decision = self.authorize(authorize).await.answer();
        assert_eq!(decision["isAuthorized"], true);
        self.look_as(&decision["context"], lookup, job).await
    }

    /// Asks for a job.
    pub(crate) async fn look_at(&self, lookup: &Program, job: &JobId) -> Answer {
        self.look_as(&self.context(), lookup, job).await
    }

    async fn look_as(&self, context: &Value, lookup: &Program, job: &JobId) -> Answer {
        let mut event = self.request("GET", &format!("/v1/jobs/{job}"), context);
        event["pathParameters"] = json!({ "id": job.to_string() });
        Answer::read(&lookup.invoke(&event, REQUEST).await.answer())
    }
}
