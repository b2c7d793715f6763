//! Connections: requests are read whole, answers are sent as replies say.

use std::{
    convert::Infallible,
    io, net,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{
    HeaderMap, Request, Response,
    body::{Body, Incoming},
    header::CONTENT_LENGTH,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{
    reply::{Content, Delivery, Reply},
    upstream::{Seen, State},
    wire::Wire,
};

/// Serves connections until told to stop; those that are open then are cut.
pub(crate) fn run(listener: net::TcpListener, state: &Arc<State>, mut told: watch::Receiver<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the upstream");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener of the runtime");
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                // An error means that whoever could tell is gone, and then too it is time.
                _ = told.wait_for(|stopped| *stopped) => return,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, Arc::clone(state)));
                    }
                    // Mostly for want of file descriptors, of which some come back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    // Small pieces are sent as they come: without this, drips would gather.
    drop(stream.set_nodelay(true));
    let service = service_fn(|request| respond(&state, request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // Connections that end early are what half of the replies are for.
    drop(served);
}

async fn respond(state: &State, request: Request<Incoming>) -> io::Result<Response<Wire>> {
    let (parts, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
    {
        let frame = frame.map_err(io::Error::other)?;
        bytes.extend(frame.into_data().unwrap_or_default());
    }
    let seen = Seen {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: bytes,
        at: Instant::now(),
    };
    let reply = state.answer(&seen);
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    send(state, reply).await
}

async fn send(state: &State, reply: Reply) -> io::Result<Response<Wire>> {
    let Reply { status, headers, content, delivery, .. } = reply;
    let bytes = match content {
        // hyper closes the connection for an error, before it has sent anything.
        Content::Cut => return Err(io::Error::other("cut")),
        Content::Silence => match std::future::pending::<Infallible>().await {},
        Content::Endless(total) => {
            let wire = Wire::endless(total, Arc::clone(&state.streamed));
            return Ok(response(status, &headers, wire));
        }
        Content::Json(value) => value.to_string().into_bytes(),
        Content::Bytes(bytes) => bytes,
        Content::Made(_) => return Err(io::Error::other("a reply that was not made")),
    };
    let length = bytes.len();
    let (claimed, wire) = match delivery {
        Delivery::Whole => (u64::try_from(length), Wire::whole(bytes)),
        Delivery::Drip(pause) => (u64::try_from(length), Wire::drip(bytes, pause)),
        Delivery::Truncated => {
            let mut half = bytes;
            half.truncate(length / 2);
            (u64::try_from(length), Wire::broken(half))
        }
        Delivery::Claiming(claimed) => (Ok(claimed), Wire::broken(bytes)),
    };
    let mut response = response(status, &headers, wire);
    let claimed = claimed.expect("a length");
    response.headers_mut().insert(CONTENT_LENGTH, claimed.into());
    Ok(response)
}

fn response(status: u16, headers: &[(String, String)], wire: Wire) -> Response<Wire> {
    let mut response = Response::builder().status(status).body(wire).expect("a valid status");
    let map: &mut HeaderMap = response.headers_mut();
    for (name, value) in headers {
        let name: hyper::header::HeaderName = name.parse().expect("a valid header name");
        map.insert(name, value.parse().expect("a valid header value"));
    }
    response
}
