//! The sweep function: wiring, and nothing else.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Environment, Host, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    telemetry::init(&environment);
    let app = sweep::App::new(&environment, Host::system())?;
    app.warm_up().await;
    let app = &app;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<serde_json::Value>| {
        sweep::handle(app, event).await.map_err(|error| Error::from(format!("{error:#}")))
    }))
    .await
}
