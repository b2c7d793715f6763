//! What is sent to keep a picture, and what its answers are taken for.

use std::sync::{Arc, Mutex};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::{client::http::SharedHttpClient, shared::IntoShared};
use http::Response;

use super::*;
use crate::Host;

/// A request as it went out: its method, its address, its headers, its body.
type Sent = (String, String, Vec<(String, String)>, Vec<u8>);

/// Keeps a picture where the store gives these answers, the last one for ever.
async fn kept(variables: &[(&str, &str)], answers: &'static [u16]) -> (bool, Vec<Sent>) {
    let sent = Arc::<Mutex<Vec<Sent>>>::default();
    let record = Arc::clone(&sent);
    let http = infallible_client_fn(move |request| {
        let headers = request.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()));
        let mut sent = record.lock().unwrap();
        let status = answers.get(sent.len()).or(answers.last()).copied().unwrap();
        let body = request.body().bytes().unwrap().to_vec();
        let (method, uri) = (request.method().to_string(), request.uri().to_string());
        sent.push((method, uri, headers.collect(), body));
        Response::builder().status(status).body("").unwrap()
    });
    let http: SharedHttpClient = http.into_shared();
    let host = Host { http: Some(http), ..Host::system() };
    let always = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("IMAGES_BUCKET", "pictures"),
    ];
    let all = always.iter().chain(variables);
    let environment: Environment =
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let aws = Aws::new(&environment, &host).unwrap();
    let images = Images::new(&aws, &environment).unwrap();
    let put = images.put("jobs/a/0", "image/png", b"picture".to_vec()).await;
    let sent = sent.lock().unwrap().clone();
    (put.is_ok(), sent)
}

#[tokio::test]
async fn a_picture_is_put_under_its_key_with_what_it_is() {
    let local = [("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")];
    for (variables, base) in [
        (&[][..], "https://pictures.s3.us-east-1.amazonaws.com"),
        (&local[..], "http://127.0.0.1:9000/pictures"),
    ] {
        let (is_kept, sent) = kept(variables, &[200]).await;
        let [(method, uri, headers, body)] = &sent[..] else { panic!("{sent:?}") };
        assert!(is_kept);
        assert_eq!((method.as_str(), body.as_slice()), ("PUT", &b"picture"[..]));
        let begin = format!("{base}/jobs/a/0?x-id=PutObject&X-Amz-Algorithm=AWS4-HMAC-SHA256&");
        assert!(uri.starts_with(&begin), "{uri}");
        assert!(uri.contains("X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature="));
        for (name, value) in [
            ("content-type", "image/png"),
            ("content-disposition", "inline"),
            ("content-length", "7"),
        ] {
            let found = headers.iter().find(|(found, _)| found == name).map(|(_, value)| value);
            assert_eq!(found.map(String::as_str), Some(value), "{headers:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    for (answers, is_kept, attempts) in [
        (&[200][..], true, 1),
        (&[503, 200], true, 2),
        (&[500, 500, 200], true, 3),
        (&[503], false, 3),
        (&[400, 200], true, 2),
        (&[403], false, 1),
        (&[404], false, 1),
        (&[301], false, 1),
    ] {
        let (kept, sent) = kept(&[], answers).await;
        assert_eq!((kept, sent.len()), (is_kept, attempts), "{answers:?}");
        assert!(sent.iter().all(|one| one.1 == sent[0].1 && one.3 == b"picture"));
    }
}

#[test]
fn what_keeps_pictures_shows_no_credentials() {
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("IMAGES_BUCKET", "pictures"),
    ];
    let environment: Environment =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    let aws = Aws::new(&environment, &Host::system()).unwrap();
    let images = Images::new(&aws, &environment).unwrap();
    assert!(!format!("{images:?}").contains("hush"));
}
