//! How AWS is reached, and whom a function trusts to be AWS.

use std::{net::Ipv4Addr, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivatePkcs8KeyDer, TrustAnchor},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::*;

#[test]
fn the_roots_are_amazons_five() {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(AMAZON_ROOTS) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let subject = |root: &TrustAnchor<'_>| String::from_utf8_lossy(&root.subject).into_owned();
    let count = |name: &str| roots.roots.iter().filter(|root| subject(root).contains(name)).count();
    assert_eq!([count("Amazon Root CA"), count("Starfield Services Root"), roots.len()], [4, 1, 5]);
}

#[test]
fn credentials_are_not_shown() {
    let environment: Environment = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    let aws = Aws::new(&environment, &Host::system()).unwrap();
    assert!(!format!("{aws:?}").contains("hush"));
    assert!(matches!(
        Aws::new(&Environment::default(), &Host::system()),
        Err(AwsError::Environment(_))
    ));
}

/// What a server says that has found no table.
const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\n\
    content-length: 28\r\n\r\n{\"__type\":\"TableIsAbsent\"}  ";

/// A server with a certificate that nobody has signed: where it is, and the certificate.
async fn stranger() -> (String, String, JoinSet<()>) {
    let name = Ipv4Addr::LOCALHOST;
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_string()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(tls)), TcpListener::bind((name, 0)).await.unwrap());
    let url = format!("https://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever does not trust it says no more.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                stream.write_all(ANSWER).await.unwrap();
            }
        }
    });
    (url, pem::encode(&pem::Pem::new("CERTIFICATE", cert.der().as_ref())), serving)
}

/// What is heard from the tables at a URL.
async fn heard(environment: Environment) -> Result<(), aws_sdk_dynamodb::Error> {
    let aws = Aws::new(&environment, &Host::system()).unwrap();
    let asked = aws.dynamodb().describe_table().table_name("jobs").send().await;
    asked.map(drop).map_err(aws_sdk_dynamodb::Error::from)
}

#[tokio::test]
async fn whoever_is_not_amazon_is_trusted_only_if_the_environment_says_so() {
    let (url, certificate, _serving) = stranger().await;
    let environment = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &url),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect::<Environment>();
    let refused = format!("{:?}", heard(environment.clone()).await.unwrap_err());
    assert!(refused.contains("UnknownIssuer") && !refused.contains("TableIsAbsent"), "{refused}");

    let bundle = tempfile::NamedTempFile::new().unwrap();
    fs::write(bundle.path(), certificate).unwrap();
    let trusting = environment.clone().with("AWS_CA_BUNDLE", bundle.path().to_str().unwrap());
    let answered = format!("{:?}", heard(trusting).await.unwrap_err());
    assert!(answered.contains("TableIsAbsent"), "{answered}");

    let environment = environment.with("AWS_CA_BUNDLE", bundle.path().to_str().unwrap());
    for text in ["", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"] {
        fs::write(bundle.path(), text).unwrap();
        assert!(matches!(Aws::new(&environment, &Host::system()), Err(AwsError::Bundle(_))));
    }
    bundle.close().unwrap();
    assert!(matches!(Aws::new(&environment, &Host::system()), Err(AwsError::Bundle(_))));
}
