//! What is asked for, agreed to. It is the same for an order and for a question about its price.

use domain::{
    ids::UserId,
    order::{Draft, Order, OrderError, Webhook},
};
use outbound::Guard;
use url::Url;
use web::Refusal;

use crate::{App, unavailable};

/// Agrees to what a draft asks for, with whoever is to be told of it. What is told is signed, so that only a user who
/// has something to check it with can ask for it; the table is read only then.
pub(crate) async fn agree(app: &App, user: &UserId, draft: Draft) -> Result<Order, Refusal> {
    let order = Order::agree(draft)?;
    if let Some(webhook) = &order.webhook {
        check(&app.guard, webhook)?;
        let secrets = app.store.order_secrets(user).await.map_err(unavailable)?;
        secrets.ok_or(Refusal::WebhookSecretRequired)?;
    }
    Ok(order)
}

/// Whether we would deliver to there, as far as a URL tells. What its name leads to is judged when it is connected to.
fn check(guard: &Guard, webhook: &Webhook) -> Result<(), OrderError> {
    let url = Url::parse(webhook.url.as_str()).map_err(|_| OrderError::BadWebhookUrl)?;
    guard.check(&url).map_err(|_| OrderError::BadWebhookUrl)
}
