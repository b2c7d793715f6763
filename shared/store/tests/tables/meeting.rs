//! Requests that meet on their way to the tables: none arrives before all of them are sent, so that whatever each sender
//! has read before is as old as it can be.

use std::sync::Arc;

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use tokio::sync::Barrier;

/// Where requests meet.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    /// What those that meet say; others pass.
    says: &'static str,
    barrier: Arc<Barrier>,
    http: SharedHttpClient,
}

impl Meeting {
    /// Of so many requests that say this, on the way to a client.
    pub(crate) fn of(count: usize, says: &'static str, http: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Meeting { says, barrier: Arc::new(Barrier::new(count)), http })
    }
}

impl HttpClient for Meeting {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.http.http_connector(settings, components);
        SharedHttpConnector::new(Met { meeting: self.clone(), connector })
    }
}

#[derive(Debug)]
struct Met {
    meeting: Meeting,
    connector: SharedHttpConnector,
}

impl HttpConnector for Met {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let meets = str::from_utf8(body).is_ok_and(|body| body.contains(self.meeting.says));
        let (barrier, connector) = (Arc::clone(&self.meeting.barrier), self.connector.clone());
        HttpConnectorFuture::new(async move {
            if meets {
                barrier.wait().await;
            }
            connector.call(request).await
        })
    }
}
