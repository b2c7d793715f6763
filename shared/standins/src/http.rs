//! Loopback HTTP/1.1 in front of a service, with a gate that can be shut.

use std::{error::Error, io, net, time::Duration};

use anyhow::Context as _;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    header::ORIGIN,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::worker::Stop;

/// A failure of any kind; hyper cuts the connection for each.
type AnyError = Box<dyn Error + Send + Sync>;

/// Pause after a connection could not be accepted, which is mostly for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Takes a port on the loopback interface, 0 for any; returns it with its URL.
pub(crate) fn bind(port: u16) -> anyhow::Result<(net::TcpListener, String)> {
    let listener = net::TcpListener::bind((net::Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("cannot listen on 127.0.0.1:{port}"))?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// Serves connections until told to stop. While `open` is false none is served: those that exist
/// are cut, and new ones are closed at once.
pub(crate) async fn serve<S, B>(
    listener: net::TcpListener,
    service: S,
    mut open: watch::Receiver<bool>,
    stop: Stop,
) -> anyhow::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<AnyError>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<AnyError>,
{
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    let mut gate = open.clone();
    let told = stop.told();
    tokio::pin!(told);
    loop {
        tokio::select! {
            biased;
            () = &mut told => return Ok(()),
            () = shut(&mut gate) => connections.abort_all(),
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if *open.borrow_and_update() => {
                    connections.spawn(connection(stream, service.clone(), open.clone()));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "a stand-in cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
}

/// Resolves each time the gate is shut; never, if it cannot be any more.
async fn shut(gate: &mut watch::Receiver<bool>) {
    loop {
        if gate.changed().await.is_err() {
            return std::future::pending().await;
        }
        if !*gate.borrow_and_update() {
            return;
        }
    }
}

async fn connection<S, B>(stream: TcpStream, service: S, open: watch::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<AnyError>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<AnyError>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delays");
    }
    // Asked per request: whoever shut the gate may rely on it at once, not only when the
    // connections have been cut. SDKs send no `Origin`; a web page that found the port would.
    let gated = service_fn(move |request: Request<Incoming>| {
        let welcome = *open.borrow() && !request.headers().contains_key(ORIGIN);
        let answer = welcome.then(|| service.call(request));
        async move {
            match answer {
                Some(answer) => answer.await.map_err(io::Error::other),
                None => Err(io::Error::other("not served")),
            }
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), gated)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to a stand-in ended early");
    }
}
