//! The generate function: wiring, and nothing else.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use providers::KEY_VARIABLES;
use runtime::{Environment, Host, secrets::add_secrets, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    telemetry::init(&environment);
    let environment = add_secrets(environment, &KEY_VARIABLES).await?;
    let app = generate::App::new(&environment, Host::system())?;
    app.warm_up().await;
    let app = &app;
    lambda_runtime::run(service_fn(
        async move |event: LambdaEvent<aws_lambda_events::sqs::SqsEvent>| {
            Ok::<_, Error>(generate::handle(app, event).await)
        },
    ))
    .await
}
