use aws_sdk_s3::{
    config::{BehaviorVersion, Region},
    presigning::PresigningConfig,
};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_123);
const HOUR: Duration = Duration::from_hours(1);

fn environment(variables: &[(&str, &str)]) -> Environment {
    let always = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hush/+=")];
    let all = always.iter().chain(variables);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What the client of S3 makes of the same.
async fn by_the_sdk(environment: &Environment, method: &Method, key: &str) -> String {
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(environment.text("AWS_REGION").unwrap()))
        .credentials_provider(aws::credentials(environment).unwrap());
    if let Some(endpoint) = aws::endpoint(environment, "AWS_ENDPOINT_URL_S3") {
        config = config.endpoint_url(endpoint).force_path_style(true);
    }
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let bucket = environment.text("IMAGES_BUCKET").unwrap();
    let signing = PresigningConfig::builder().start_time(to_system(NOW)).expires_in(HOUR);
    let signing = signing.build().unwrap();
    let signed = if method == Method::PUT {
        client.put_object().bucket(bucket).key(key).presigned(signing).await.unwrap()
    } else {
        client.get_object().bucket(bucket).key(key).presigned(signing).await.unwrap()
    };
    signed.uri().to_owned()
}

#[tokio::test]
async fn an_address_is_the_one_that_the_client_of_s3_signs() {
    let job = "jobs/01890a5d-ac96-774b-bcce-b302099a8057/0";
    let token = ("AWS_SESSION_TOKEN", "IQoJb3JpZ2lu//+=");
    let endpoint = ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000");
    let slash = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000/");
    let places: [&[(&str, &str)]; 9] = [
        &[("AWS_REGION", "us-east-1"), ("IMAGES_BUCKET", "pictures")],
        &[("AWS_REGION", "eu-west-1"), ("IMAGES_BUCKET", "pictures"), token],
        &[("AWS_REGION", "eu-west-1"), ("IMAGES_BUCKET", "my.pictures"), token],
        &[("AWS_REGION", "us-gov-west-1"), ("IMAGES_BUCKET", "pictures")],
        &[("AWS_REGION", "cn-north-1"), ("IMAGES_BUCKET", "pictures")],
        &[("AWS_REGION", "us-isob-east-1"), ("IMAGES_BUCKET", "pictures")],
        &[("AWS_REGION", "eusc-de-east-1"), ("IMAGES_BUCKET", "pictures")],
        &[("AWS_REGION", "us-east-1"), ("IMAGES_BUCKET", "pictures"), endpoint, token],
        &[("AWS_REGION", "us-east-1"), ("IMAGES_BUCKET", "pictures"), slash],
    ];
    for place in places {
        let environment = environment(place);
        let signer = Signer::new(&environment).unwrap();
        for key in [job, "a b/ä+~%2F(1)!*'", "-._~/x"] {
            for method in [Method::GET, Method::PUT] {
                let ours = signer.sign(&method, key, NOW, HOUR).unwrap();
                let theirs = by_the_sdk(&environment, &method, key).await;
                assert_eq!(ours, theirs, "{method} {place:?}");
            }
        }
    }
}

#[test]
fn credentials_are_not_shown() {
    let place = [("AWS_REGION", "us-east-1"), ("IMAGES_BUCKET", "pictures")];
    let signer = Signer::new(&environment(&place)).unwrap();
    assert!(!format!("{signer:?}").contains("hush"));
    assert!(Signer::new(&environment(&[])).is_err());
}
