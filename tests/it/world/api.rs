//! A small client: what a program that calls the API would have.

use std::{collections::BTreeMap, time::Duration};

use domain::{api_key::ApiKey, ids::UserId};
use reqwest::{Method, RequestBuilder, header::HeaderMap, redirect};
use serde_json::{Value, json, value::RawValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    PATIENCE, Usd, described, eventually, usd,
    usd::{Balance, Page, Transaction},
};

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body; money in it has gone through floats.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?} is not JSON"))
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The amount in a field of the body, digit by digit; `None` if it is null or not there.
    pub(crate) fn money(&self, path: &[&str]) -> Option<Usd> {
        let mut text = self.text.as_str();
        for name in path {
            let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(text).unwrap();
            text = fields.get(name)?.get();
        }
        (text != "null").then(|| usd(text))
    }

    /// The job's id.
    pub(crate) fn id(&self) -> String {
        id_of(&self.json())
    }

    /// The job's status.
    pub(crate) fn job_status(&self) -> String {
        self.json()["status"].as_str().unwrap().to_owned()
    }

    /// `error.code`, or nothing.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Itself, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Itself, if it refuses with this status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Answer {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
        self
    }
}

/// The id of a job object.
pub(crate) fn id_of(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

/// The API of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    url: String,
    http: reqwest::Client,
}

impl Api {
    pub(crate) fn new(url: &str) -> Api {
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy();
        let http = http.redirect(redirect::Policy::none()).build().unwrap();
        Api { url: url.to_owned(), http }
    }

    /// A request for a path of the API.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// `GET` a path of the API, without a key.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// `GET` any URL: the status, the type of the content, the bytes.
    pub(crate) async fn fetch(&self, url: &str) -> (u16, String, Vec<u8>) {
        let got = self.http.get(url).send().await.unwrap();
        let (status, kind) = (got.status().as_u16(), got.headers().get("content-type"));
        let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
        (status, kind, got.bytes().await.unwrap().to_vec())
    }

    /// Sends a request line and headers as they are, which no client would, and reads the answer.
    pub(crate) async fn raw(&self, head: &str) -> Answer {
        self.raw_to(self.url.strip_prefix("http://").unwrap(), head).await
    }

    /// Does so in the name of another host.
    pub(crate) async fn raw_to(&self, host: &str, head: &str) -> Answer {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("{head}Host: {host}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut bytes));
        read.await.unwrap().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, headers: HeaderMap::new(), text: body.to_owned() }
    }
}

/// Sends a request and reads the whole answer, which is one that the description of the API has.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let (http, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let answer = http.execute(request).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    described::check(method.as_str(), &path, status, &headers, &text);
    Answer { status, headers, text }
}

/// Who calls the API.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) api: Api,
    pub(crate) user: UserId,
    pub(crate) key: ApiKey,
}

impl Caller {
    pub(crate) fn new(api: Api, user: UserId, key: ApiKey) -> Caller {
        Caller { api, user, key }
    }

    /// A request with the caller's key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.api.request(method, path).bearer_auth(self.key.reveal())
    }

    /// `GET` a path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// An order, not sent yet.
    pub(crate) fn order(&self, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/v1/images/generations").json(body)
    }

    /// Sends an order.
    pub(crate) async fn submit(&self, body: &Value) -> Answer {
        answer(self.order(body)).await
    }

    /// Sends an order with the header `Idempotency-Key`.
    pub(crate) async fn submit_as(&self, key: &str, body: &Value) -> Answer {
        answer(self.order(body).header("Idempotency-Key", key)).await
    }

    /// Sends an order that must be accepted; returns the job's id.
    pub(crate) async fn accepted(&self, body: &Value) -> String {
        self.submit(body).await.expect(202).id()
    }

    /// A job of the caller's.
    pub(crate) async fn job(&self, id: &str) -> Answer {
        self.get(&format!("/v1/jobs/{id}")).await.expect(200)
    }

    /// Cancels a job.
    pub(crate) async fn cancel(&self, id: &str) -> Answer {
        answer(self.request(Method::POST, &format!("/v1/jobs/{id}/cancel"))).await
    }

    /// All of the caller's jobs, the newest first, read in pages of `limit`; `filter` goes with each question.
    pub(crate) async fn jobs(&self, limit: usize, filter: &str) -> Vec<Value> {
        let (mut all, mut place) = (Vec::new(), String::new());
        loop {
            let query = format!("?limit={limit}{filter}{place}");
            let page = self.get(&format!("/v1/jobs{query}")).await.expect(200).json();
            assert_eq!((&page["object"], page.as_object().unwrap().len()), (&json!("list"), 4));
            let jobs = page["data"].as_array().unwrap();
            assert!(jobs.len() <= limit, "{page}");
            all.extend(jobs.iter().cloned());
            assert!(all.len() < 1_000, "it does not end");
            assert_eq!(page["has_more"] == true, page["next_cursor"].is_string());
            match page["next_cursor"].as_str() {
                Some(cursor) => place = format!("&cursor={cursor}"),
                None => return all,
            }
        }
    }

    /// A job of the caller's, if it has ended.
    pub(crate) async fn ended(&self, id: &str) -> Option<Answer> {
        let job = self.job(id).await;
        let open = matches!(job.job_status().as_str(), "pending" | "processing");
        assert_eq!(job.header("retry-after"), if open { "1" } else { "" }, "{}", job.text);
        (!open).then_some(job)
    }

    /// Waits until a job has ended.
    pub(crate) async fn wait(&self, id: &str) -> Answer {
        eventually("the job has ended", async || self.ended(id).await).await
    }

    /// Waits until a job has ended, within some time.
    pub(crate) async fn wait_for(&self, id: &str, limit: Duration) -> Answer {
        let ended = tokio::time::timeout(limit, self.wait(id)).await;
        ended.unwrap_or_else(|_| panic!("the job has not ended within {limit:?}"))
    }

    /// Orders and waits until the job has succeeded.
    pub(crate) async fn made(&self, body: &Value) -> Answer {
        let job = self.wait(&self.accepted(body).await).await;
        assert_eq!(job.job_status(), "succeeded", "{}", job.text);
        job
    }

    /// The pictures of a job.
    pub(crate) async fn pictures(&self, job: &Answer) -> Vec<Vec<u8>> {
        let mut pictures = Vec::new();
        for image in job.json()["output"]["images"].as_array().unwrap() {
            let (status, kind, bytes) = self.api.fetch(image["url"].as_str().unwrap()).await;
            assert_eq!((status, kind.as_str()), (200, "image/png"));
            pictures.push(bytes);
        }
        pictures
    }

    /// The caller's balance.
    pub(crate) async fn balance(&self) -> Balance {
        let answer = self.get("/v1/credits/balance").await.expect(200);
        serde_json::from_str(&answer.text).unwrap()
    }

    /// All of the caller's transactions, the newest first, read in pages of `limit`.
    pub(crate) async fn transactions(&self, limit: usize) -> Vec<Transaction> {
        let (mut all, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let answer = self.get(&format!("/v1/credits/transactions{query}")).await.expect(200);
            let page: Page = serde_json::from_str(&answer.text).unwrap();
            assert_eq!(page.object, "list");
            assert_eq!(page.has_more, page.next_cursor.is_some());
            assert!(page.data.len() <= limit && (!page.has_more || page.data.len() == limit));
            all.extend(page.data);
            assert!(all.len() < 1_000, "it does not end");
            match page.next_cursor {
                Some(cursor) => query = format!("?limit={limit}&cursor={cursor}"),
                None => return all,
            }
        }
    }

    /// How many transactions the caller has of each kind.
    pub(crate) async fn kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for transaction in self.transactions(100).await {
            let count: &mut usize = kinds.entry(transaction.kind).or_default();
            *count = count.checked_add(1).unwrap();
        }
        kinds
    }
}
