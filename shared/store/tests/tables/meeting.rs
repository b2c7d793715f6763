//! Requests that meet on their way to the tables: none arrives before all of them are sent, so that whatever each sender
//! has read before is as old as it can be.

use std::sync::Arc;

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
        http_client_fn,
    },
    orchestrator::HttpRequest,
};
use tokio::sync::Barrier;

/// Where so many requests that say this meet, on the way to a client; others pass.
pub(crate) fn meeting(
    count: usize,
    says: &'static str,
    http: SharedHttpClient,
) -> SharedHttpClient {
    let barrier = Arc::new(Barrier::new(count));
    http_client_fn(move |settings, components| {
        let connector = http.http_connector(settings, components);
        SharedHttpConnector::new(Met { says, barrier: Arc::clone(&barrier), connector })
    })
}

#[derive(Debug)]
struct Met {
    says: &'static str,
    barrier: Arc<Barrier>,
    connector: SharedHttpConnector,
}

impl HttpConnector for Met {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let meets = str::from_utf8(body).is_ok_and(|body| body.contains(self.says));
        let (barrier, connector) = (Arc::clone(&self.barrier), self.connector.clone());
        HttpConnectorFuture::new(async move {
            if meets {
                barrier.wait().await;
            }
            connector.call(request).await
        })
    }
}
