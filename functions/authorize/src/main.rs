//! The authorize function: wiring, and nothing else.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Environment, Host, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    telemetry::init(&environment);
    let app = authorize::App::new(&environment, &Host::system())?;
    app.warm_up().await;
    let app = &app;
    lambda_runtime::run(service_fn(
        async move |event: LambdaEvent<
            aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request,
        >| {
            authorize::authorize(app, event.payload)
                .await
                .map_err(|error| Error::from(format!("{error:#}")))
        },
    ))
    .await
}
