//! TLS before the stand-ins, as it is before AWS: it ends here, and what comes is handed on.

use std::{fs, net::Ipv4Addr, sync::Arc};

use anyhow::Context as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Who has the certificate: what listens on this machine.
const NAME: &str = "127.0.0.1";

/// What ends TLS. When it is dropped, nobody listens any more.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    certificates: TempDir,
    listeners: JoinSet<()>,
}

impl Tls {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())?;
        let certificates = tempfile::tempdir()?;
        let tls =
            Self { acceptor: Arc::new(config).into(), certificates, listeners: JoinSet::new() };
        let ours = pem(cert.der());
        fs::write(tls.own()?, &ours)?;
        let all = TLS_SERVER_ROOT_CERTS.iter().map(|der| pem(der)).chain([ours]);
        fs::write(tls.all()?, all.collect::<String>())?;
        Ok(tls)
    }

    /// The certificate, for whoever adds it to what it trusts.
    pub(crate) fn own(&self) -> anyhow::Result<String> {
        self.file("own.pem")
    }

    /// The certificate and Mozilla's list, for whoever trusts a file instead of what it brings: as much as it brings
    /// is read.
    pub(crate) fn all(&self) -> anyhow::Result<String> {
        self.file("all.pem")
    }

    fn file(&self, name: &str) -> anyhow::Result<String> {
        let path = self.certificates.path().join(name).into_os_string().into_string();
        path.map_err(|path| anyhow::anyhow!("{} is not text", path.display()))
    }

    /// Listens for what is meant for `url`, and returns where.
    pub(crate) async fn before(&mut self, url: &str) -> anyhow::Result<String> {
        let to = url.strip_prefix("http://").context("a stand-in is not where it says")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        self.listeners.spawn(listen(listener, self.acceptor.clone(), to.to_owned()));
        Ok(format!("https://{NAME}:{port}"))
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, to: String) {
    let mut connections = JoinSet::new();
    while let Ok((from, _)) = listener.accept().await {
        let (acceptor, to) = (acceptor.clone(), to.clone());
        // Who is cut off sees that.
        connections.spawn(async move { hand_on(from, &acceptor, &to).await.is_ok() });
        while connections.try_join_next().is_some() {}
    }
}

async fn hand_on(from: TcpStream, acceptor: &TlsAcceptor, to: &str) -> std::io::Result<()> {
    from.set_nodelay(true)?;
    let mut from = acceptor.accept(from).await?;
    let mut to = TcpStream::connect(to).await?;
    to.set_nodelay(true)?;
    copy_bidirectional(&mut from, &mut to).await?;
    Ok(())
}

fn pem(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", der))
}
