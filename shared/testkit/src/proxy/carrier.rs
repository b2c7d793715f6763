//! Connections: requests are read whole, handed on and answered as it was said for them.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
};

use futures_util::future::{BoxFuture, join};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client, header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use super::{
    State, Target,
    call::{Call, translate},
    deed::{Answer, Deed, Forward},
};

/// Work that goes on when the connection that it came from is gone.
type Work = BoxFuture<'static, ()>;

/// An answer of a service, read whole.
#[derive(Clone, Debug)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Serves connections until told to stop.
pub(super) fn run(
    doors: Vec<(StdListener, Target)>,
    state: &Arc<State>,
    mut told: watch::Receiver<bool>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the proxy");
    runtime.block_on(async {
        let (to_do, mut work) = mpsc::unbounded_channel::<Work>();
        let mut tasks = JoinSet::new();
        for (door, target) in doors {
            let door = TcpListener::from_std(door).expect("a listener of the runtime");
            tasks.spawn(serve(door, target, Arc::clone(state), to_do.clone()));
        }
        loop {
            tokio::select! {
                biased;
                // An error means that whoever could tell is gone, and then too it is time.
                _ = told.wait_for(|stopped| *stopped) => return,
                Some(work) = work.recv() => { tasks.spawn(work); }
                Some(_) = tasks.join_next() => {}
            }
        }
    });
}

async fn serve(
    door: TcpListener,
    target: Target,
    state: Arc<State>,
    to_do: mpsc::UnboundedSender<Work>,
) {
    loop {
        let Ok((stream, _)) = door.accept().await else {
            // Mostly for want of file descriptors, of which some come back.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        drop(stream.set_nodelay(true));
        let (target, state, others) = (target.clone(), Arc::clone(&state), to_do.clone());
        let connection = async move {
            let service = service_fn(|request| respond(&state, &target, &others, request));
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            // Connections that end early are what a proxy like this is for.
            drop(served);
        };
        drop(to_do.send(Box::pin(connection)));
    }
}

async fn respond(
    state: &Arc<State>,
    target: &Target,
    to_do: &mpsc::UnboundedSender<Work>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let call = Call::new(target.service, (parts.method, &parts.uri), parts.headers, body);
    let (number, Deed { delay, forward, answer }, strike) = state.arrived(&call);
    let (tell, told) = oneshot::channel();
    let errand = Errand { state: Arc::clone(state), number, target: target.clone() };
    let sent = call.clone();
    // The sender may not wait so long; its request is on its way all the same.
    drop(to_do.send(Box::pin(async move {
        tokio::time::sleep(delay).await;
        let is_late = matches!(forward, Forward::Late(_));
        if let (true, Some(strike)) = (is_late, &strike) {
            strike.has_struck();
        }
        let theirs = errand.run(forward, sent).await;
        if let (false, Some(strike)) = (is_late, &strike) {
            strike.has_struck();
        }
        drop(tell.send(theirs));
    })));
    if matches!(answer, Answer::Never) {
        match std::future::pending::<Infallible>().await {}
    }
    let theirs = told.await.ok().flatten();
    match (answer, theirs) {
        // hyper closes the connection for an error, before it has sent anything.
        (Answer::Cut | Answer::Never, _) | (Answer::Theirs, None) => Err(io::Error::other("cut")),
        (Answer::Theirs, Some(theirs)) => {
            let Answered { status, headers, body } = theirs?;
            let mut response = Response::new(Full::new(body));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        }
        (Answer::Ours(fault), _) => {
            let (status, body) = fault.answer(&call);
            let response = Response::builder()
                .status(status)
                .header(header::CONTENT_TYPE, "application/x-amz-json-1.0");
            Ok(response.body(Full::new(body.to_string().into())).expect("a valid answer"))
        }
    }
}

/// A call on its way.
struct Errand {
    state: Arc<State>,
    number: usize,
    target: Target,
}

impl Errand {
    /// Hands the call on, as often and when it is to be; what was answered last.
    async fn run(&self, forward: Forward, call: Call) -> Option<io::Result<Answered>> {
        match forward {
            Forward::Never => None,
            Forward::Once => Some(self.hand_on(call).await),
            Forward::Twice => {
                drop(self.hand_on(call.clone()).await);
                Some(self.hand_on(call).await)
            }
            Forward::TwiceAsNew => {
                drop(self.hand_on(call.clone()).await);
                Some(self.hand_on(call.without_token()).await)
            }
            Forward::Late(gate) => {
                gate.opened().await;
                Some(self.hand_on(call).await)
            }
        }
    }

    /// Hands a call on once and writes down what was answered.
    async fn hand_on(&self, mut call: Call) -> io::Result<Answered> {
        let Target { service, address, upstream } = &self.target;
        if let Some((url, door)) = upstream {
            translate(*service, (door, url), &mut call.headers, &mut call.body);
        }
        let mut answered = exchange(*address, call).await?;
        self.state.answered(self.number, answered.status.as_u16(), &answered.body);
        if let Some((url, door)) = upstream {
            translate(*service, (url, door), &mut answered.headers, &mut answered.body);
        }
        Ok(answered)
    }
}

/// One request on a connection of its own.
async fn exchange(address: SocketAddr, call: Call) -> io::Result<Answered> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let handshake = client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    let mut request = Request::new(Full::new(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() = call.path.parse().map_err(io::Error::other)?;
    *request.headers_mut() = call.headers;
    let asked = async move {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut headers = parts.headers;
        headers.remove(header::TRANSFER_ENCODING);
        headers.remove(header::CONNECTION);
        Ok(Answered { status: parts.status, headers, body })
    };
    // The connection ends when nobody sends any more.
    join(asked, connection).await.0
}
