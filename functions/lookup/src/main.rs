//! The lookup function: wiring, and nothing else.

use std::convert::Infallible;

use lambda_http::{Error, Request, service_fn};
use runtime::{Environment, Host, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    telemetry::init(&environment);
    let app = lookup::App::new(&environment, Host::system())?;
    app.warm_up().await;
    let app = &app;
    lambda_http::run(service_fn(async move |request: Request| {
        Ok::<_, Infallible>(lookup::respond(app, request).await)
    }))
    .await
}
