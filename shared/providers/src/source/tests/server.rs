//! A server on this machine that speaks TLS, says what it is told to, and counts who comes.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{RootCertStore, ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// The name that the server has a certificate for.
pub(super) const NAME: &str = "pictures.example";

/// What is said to a request.
#[derive(Clone, Debug)]
pub(super) enum Say {
    /// These bytes, and then the connection is closed.
    Bytes(Vec<u8>),
    /// The first bytes, and then the second again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, one by one, with a pause after each.
    Drip(Vec<u8>, Duration),
}

/// What a server saw.
#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

/// The server. It ends with the test.
pub(super) struct Server {
    pub(super) port: u16,
    roots: RootCertStore,
    seen: Arc<Mutex<Seen>>,
    _accepting: JoinSet<()>,
}

impl Server {
    /// Says this to the connections that come, one after the other, and the last to all further ones.
    pub(super) async fn start(says: impl Into<Vec<Say>>) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::new(tls).into(), says.into(), Arc::clone(&seen)));
        Self { port, roots, seen, _accepting: accepting }
    }

    /// Where this machine is.
    pub(super) fn address() -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    /// Who trusts the server.
    pub(super) fn roots(&self) -> RootCertStore {
        self.roots.clone()
    }

    /// How many connections came, whether or not anything was said over them.
    pub(super) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// The heads of the requests that came.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, says: Vec<Say>, seen: Arc<Mutex<Seen>>) {
    let mut answering = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let number = {
            let mut seen = seen.lock().unwrap();
            let number = seen.connections;
            seen.connections = number.strict_add(1);
            number
        };
        let say = says.get(number).or(says.last()).unwrap().clone();
        answering.spawn(answer(stream, tls.clone(), say, Arc::clone(&seen)));
    }
}

/// Answers one request. A client that hangs up ends it.
async fn answer(stream: TcpStream, tls: TlsAcceptor, say: Say, seen: Arc<Mutex<Seen>>) {
    let Ok(mut stream) = tls.accept(stream).await else { return };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    seen.lock().unwrap().requests.push(String::from_utf8(head).unwrap());
    match say {
        Say::Bytes(bytes) => {
            if stream.write_all(&bytes).await.is_ok() {
                stream.shutdown().await.ok();
            }
        }
        Say::Endless(first, then) => {
            let mut sent = stream.write_all(&first).await;
            while sent.is_ok() {
                sent = stream.write_all(&then).await;
            }
        }
        Say::Drip(bytes, pause) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
        }
    }
}
