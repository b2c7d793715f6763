//! Senders that die: at each request that one makes, before it arrives and after it is done.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use domain::webhook::{DeliveryId, EventId, EventKind};
use futures_util::future::join_all;
use lambda_runtime::{Context, LambdaEvent};
use outbound::Guard;
use runtime::{Host, notices::Notice};
use serde_json::{Value, json};
use store::{Delivery, DeliveryStatus};
use testkit::proxy::{Deed, Proxy, Service};

use super::{deliveries, order, receiver::Receiver, register, secret};
use crate::world::{Caller, World};

/// More requests than a sender makes for one event and one receiver.
const REQUESTS_MAX: usize = 20;
/// Longer than an attempt may take.
const LOST: Duration = Duration::from_secs(31);

/// A sender, as a process of its own would be: what it has in memory is gone with it.
struct Sender {
    app: notify::App,
    proxy: Proxy,
}

impl Sender {
    fn start(world: &World) -> Sender {
        let endpoints = world.stack().endpoints();
        let proxy = Proxy::start(&[
            (Service::DynamoDb, &endpoints.dynamodb),
            (Service::EventBridge, &endpoints.eventbridge),
        ]);
        let environment = world.stack().environment("NotifyFunction").unwrap().clone();
        let environment = environment
            .with("AWS_ENDPOINT_URL_DYNAMODB", proxy.url(Service::DynamoDb))
            .with("AWS_ENDPOINT_URL_EVENTBRIDGE", proxy.url(Service::EventBridge));
        let host = Host::system().with_clock(world.clock());
        let app = notify::App::new(&environment, host).unwrap();
        Sender { app: app.with_guard(Guard::this_machine()).unwrap(), proxy }
    }

    /// Follows a notice to its end.
    async fn follow(&self, notice: &Notice) {
        let body = serde_json::to_string(notice).unwrap();
        let event = json!({ "Records": [{ "messageId": "one", "body": body }] });
        let event = LambdaEvent::new(serde_json::from_value(event).unwrap(), Context::default());
        let answer = notify::handle(&self.app, event).await;
        assert_eq!(answer.batch_item_failures.len(), 0);
    }

    /// Follows a notice, and dies at its request of this number. Whether it came to that.
    async fn dies_at(self, number: usize, deed: Deed, notice: &Notice) -> bool {
        let count = AtomicUsize::new(0);
        let is_it = move |_: &_| count.fetch_add(1, Ordering::SeqCst) == number;
        let strike = self.proxy.once(is_it, deed);
        tokio::select! {
            biased;
            () = strike.struck() => true,
            () = self.follow(notice) => false,
        }
    }
}

/// An event that nobody has told: the queue is out of reach.
async fn untold(caller: &Caller) -> EventId {
    let job = caller.accepted(&order(&json!({}))).await;
    caller.cancel(&job).await.expect(200);
    EventId { job: job.parse().unwrap(), kind: EventKind::Refunded }
}

/// The delivery of an event, when it has been made: whoever is rung for it at its time makes it, as the sweep would see
/// to.
async fn made(world: &World, caller: &Caller, event: EventId) -> Delivery {
    for _ in 0..4 {
        let found = deliveries(world, caller).await.into_iter();
        let found: Vec<_> = found.filter(|delivery| delivery.id.event == event).collect();
        let [delivery] = <[Delivery; 1]>::try_from(found).unwrap();
        if delivery.status == DeliveryStatus::Delivered {
            return delivery;
        }
        world.forward(LOST);
        let DeliveryId { event, receiver } = delivery.id;
        let notice = Notice::delivery(caller.user.clone(), DeliveryId { event, receiver });
        Sender::start(world).follow(&notice).await;
    }
    panic!("the delivery is not made");
}

#[tokio::test]
async fn wherever_a_sender_dies_the_event_is_told_and_the_delivery_made() {
    let world = World::start().await;
    let anna = world.user("anna", "100").await;
    let receiver = Receiver::start([]).await;
    register(&world, &anna, &receiver.url, &secret(1)).await;
    world.stack().pause_queue();
    // At once, because each waits in vain for the queue.
    let mut events = join_all((0..2 * REQUESTS_MAX).map(|_| untold(&anna))).await;
    let (mut died, mut lost) = (0, 0);
    let before_and_after = |number| [(number, Deed::swallow()), (number, Deed::hush())];
    for (number, deed) in (0..).flat_map(before_and_after) {
        let event = events.pop().unwrap();
        let notice = Notice::event(anna.user.clone(), event);
        let is_dead = Sender::start(&world).dies_at(number, deed, &notice).await;
        Sender::start(&world).follow(&notice).await;
        let delivery = made(&world, &anna, event).await;

        assert!(world.store().is_told(&anna.user, &event).await.unwrap());
        let is_it = |told: &Value| told.to_string().contains(&event.job.to_string());
        let published = world.stack().published().iter().filter(|told| is_it(told)).count();
        assert!((1..=2).contains(&published), "{published} {number}");
        let told = receiver.told();
        let told = told.iter().filter(|told| told.headers["webhook-id"] == event.to_string());
        let told = told.count();
        assert!((1..=2).contains(&told), "{told} {number}");
        assert_eq!(u32::try_from(delivery.attempts.len()).unwrap(), delivery.tries);
        if !is_dead {
            assert_eq!((published, told, delivery.tries), (1, 1, 1));
            break;
        }
        died += 1;
        lost += delivery.tries - 1;
    }
    // Of all requests, and the three of an attempt among them.
    assert!(died >= 18 && lost >= 2, "{died} {lost}");
    world.finish().await;
}
