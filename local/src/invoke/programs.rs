//! Which program of the template is which crate.

use std::sync::Arc;

use anyhow::bail;
use lambda_runtime::LambdaEvent;
use outbound::Guard;
use runtime::{Environment, Host};

use super::{
    Handler,
    handlers::{event, http},
};

/// Starts the program of this name, as a cold start does: its configuration is read, and wrong
/// configuration is an error; then its connection is made.
pub(crate) async fn start(
    binary: &str,
    environment: &Environment,
    host: Host,
) -> anyhow::Result<Handler> {
    match binary {
        "submit" => {
            let app = submit::App::new(environment, host)?.with_guard(Guard::this_machine());
            let app = Arc::new(app);
            app.warm_up().await;
            Ok(http(move |request| {
                let app = Arc::clone(&app);
                async move { submit::respond(&app, request).await }
            }))
        }
        "lookup" => {
            let app = Arc::new(lookup::App::new(environment, host)?);
            app.warm_up().await;
            Ok(http(move |request| {
                let app = Arc::clone(&app);
                async move { lookup::respond(&app, request).await }
            }))
        }
        "webhooks" => {
            let app = webhooks::App::new(environment, host)?.with_guard(Guard::this_machine());
            let app = Arc::new(app);
            app.warm_up().await;
            Ok(http(move |request| {
                let app = Arc::clone(&app);
                async move { webhooks::respond(&app, request).await }
            }))
        }
        "authorize" => {
            let app = Arc::new(authorize::App::new(environment, &host)?);
            app.warm_up().await;
            Ok(event(move |event: LambdaEvent<_>| {
                let app = Arc::clone(&app);
                async move { authorize::authorize(&app, event.payload).await }
            }))
        }
        "generate" => {
            let app = Arc::new(generate::App::new(environment, host)?);
            app.warm_up().await;
            Ok(event(move |event| {
                let app = Arc::clone(&app);
                async move { anyhow::Ok(generate::handle(&app, event).await) }
            }))
        }
        "sweep" => {
            let app = Arc::new(sweep::App::new(environment, host)?);
            app.warm_up().await;
            Ok(event(move |event| {
                let app = Arc::clone(&app);
                async move { sweep::handle(&app, event).await }
            }))
        }
        "notify" => {
            let app =
                Arc::new(notify::App::new(environment, host)?.with_guard(Guard::this_machine())?);
            app.warm_up().await;
            Ok(event(move |event| {
                let app = Arc::clone(&app);
                async move { anyhow::Ok(notify::handle(&app, event).await) }
            }))
        }
        other => bail!("there is no program `{other}` in this workspace"),
    }
}
