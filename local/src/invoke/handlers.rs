//! How the handlers of functions are called: with JSON, through the same translation as in Lambda.

use std::{convert::Infallible, sync::Arc};

use anyhow::Context as _;
use lambda_http::{
    Adapter, Body, Request, Response, Service as _, request::LambdaRequest, service_fn,
};
use lambda_runtime::{Context, LambdaEvent};
use serde::{Serialize, de::DeserializeOwned};

use super::Handler;

/// A function that answers HTTP requests, translated by `lambda_http` as in Lambda.
pub(crate) fn http<F, R>(respond: F) -> Handler
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let respond = Arc::new(respond);
    Arc::new(move |payload: Vec<u8>, context: Context| {
        let respond = Arc::clone(&respond);
        Box::pin(async move {
            let request: LambdaRequest = read(&payload)?;
            let mut service = Adapter::from(service_fn(move |request| {
                let answer = respond(request);
                async move { Ok::<_, Infallible>(answer.await) }
            }));
            let answer = service.call(LambdaEvent::new(request, context)).await?;
            write(&answer)
        })
    })
}

/// A function that takes events of one type.
pub(crate) fn event<F, R, I, O>(handle: F) -> Handler
where
    F: Fn(LambdaEvent<I>) -> R + Send + Sync + 'static,
    R: Future<Output = anyhow::Result<O>> + 'static,
    I: DeserializeOwned + 'static,
    O: Serialize + 'static,
{
    let handle = Arc::new(handle);
    Arc::new(move |payload: Vec<u8>, context: Context| {
        let handle = Arc::clone(&handle);
        Box::pin(async move { write(&handle(LambdaEvent::new(read(&payload)?, context)).await?) })
    })
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(payload).context("the event is not what the function takes")
}

fn write(answer: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    serde_json::to_vec(answer).context("the answer cannot be written")
}
