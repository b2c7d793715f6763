//! Receivers of webhooks, as their owners change them.

use domain::webhook::{
    ENDPOINTS_MAX, EndpointId, EventKind, Events, SECRET_BYTES, Secret, Secrets, WebhookUrl,
};
use store::{Closed, Endpoint, OLD_SECRET, RegisterError, Registered};

use crate::{
    support::{NOW, after, at_once, user},
    world::World,
};

fn url(n: usize) -> WebhookUrl {
    format!("https://example.com/{n}?key=hush").try_into().unwrap()
}

fn secret(n: u8) -> Secret {
    Secret::new([n; SECRET_BYTES])
}

async fn register(world: &World, n: usize) -> Result<Registered, RegisterError> {
    let own = secret(n.try_into().unwrap());
    world.store.register(&user(), url(n), Events::default(), own, NOW).await
}

async fn registered(world: &World, n: usize) -> Endpoint {
    match register(world, n).await.unwrap() {
        Registered::Now(endpoint) => endpoint,
        before @ Registered::Before(_) => panic!("{before:?}"),
    }
}

#[tokio::test]
async fn an_endpoint_that_is_registered_twice_is_one_as_it_was() {
    let world = World::empty().await;
    let first = registered(&world, 1).await;
    assert_eq!(first.id, EndpointId::of(&user(), &url(1)));
    assert_eq!(first.secrets, Secrets { current: secret(1), previous: None });
    let some = Events::new([EventKind::Failed].into());
    let again = world.store.register(&user(), url(1), some, secret(9), after(5)).await.unwrap();
    assert_eq!(again, Registered::Before(first.clone()));
    assert_eq!(world.store.endpoints(&user()).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(world.store.endpoint(&user(), &first.id).await.unwrap(), Some(first.clone()));

    // The same URL of somebody else is another endpoint.
    let other = "other".parse().unwrap();
    let theirs = world.store.register(&other, url(1), Events::default(), secret(2), NOW).await;
    assert!(matches!(theirs.unwrap(), Registered::Now(endpoint) if endpoint.id != first.id));
    assert_eq!(world.store.endpoint(&other, &first.id).await.unwrap(), None);
    assert!(!world.store.remove_endpoint(&other, &first.id).await.unwrap());
    let opened = world.store.open_endpoint(&other, &first.id).await.unwrap();
    let rotated = world.store.rotate_endpoint(&other, &first.id, &secret(3), NOW).await.unwrap();
    assert_eq!((opened, rotated), (None, None));
    assert_eq!(world.store.endpoints(&user()).await.unwrap(), [first]);
}

#[tokio::test]
async fn of_those_who_register_one_url_at_once_one_is_first() {
    let world = World::empty().await;
    let attempts =
        (1..=4).map(|n| {
            let store = world.store.clone();
            async move {
                store.register(&user(), url(0), Events::default(), secret(n), NOW).await.unwrap()
            }
        });
    let told = at_once(attempts).await;
    let [kept] = world.store.endpoints(&user()).await.unwrap().try_into().unwrap();
    let first = told.iter().filter(|told| **told == Registered::Now(kept.clone())).count();
    let before = told.iter().filter(|told| **told == Registered::Before(kept.clone())).count();
    assert_eq!((first, before), (1, 3), "{told:?}");
}

#[tokio::test]
async fn a_user_has_so_many_endpoints_and_no_more_until_one_is_removed() {
    let world = World::empty().await;
    for n in 0..ENDPOINTS_MAX {
        registered(&world, n).await;
    }
    let refused = register(&world, ENDPOINTS_MAX).await.unwrap_err();
    assert!(matches!(refused, RegisterError::TooMany), "{refused:?}");
    assert!(matches!(register(&world, 0).await.unwrap(), Registered::Before(_)));
    let id = EndpointId::of(&user(), &url(0));
    assert!(world.store.remove_endpoint(&user(), &id).await.unwrap());
    assert!(!world.store.remove_endpoint(&user(), &id).await.unwrap());
    registered(&world, ENDPOINTS_MAX).await;
}

/// Some may all see that there are too many, and all be taken back.
#[tokio::test]
async fn of_many_that_are_registered_at_once_no_more_stay_than_there_may_be() {
    let world = World::empty().await;
    for n in 0..8 {
        registered(&world, n).await;
    }
    let attempts = (8..30).map(|n: u8| {
        let (store, url) = (world.store.clone(), url(n.into()));
        async move { store.register(&user(), url, Events::default(), secret(n), NOW).await }
    });
    let kept: Vec<EndpointId> = at_once(attempts)
        .await
        .into_iter()
        .filter_map(|registered| match registered {
            Ok(Registered::Now(endpoint)) => Some(endpoint.id),
            Ok(Registered::Before(_)) => panic!("each has a URL of its own"),
            Err(RegisterError::TooMany) => None,
            Err(RegisterError::Store(error)) => panic!("{error:?}"),
        })
        .collect();
    let listed = world.store.endpoints(&user()).await.unwrap();
    assert!((8..=ENDPOINTS_MAX).contains(&listed.len()), "{}", listed.len());
    // Who was told that it is there finds it there.
    assert_eq!(listed.len(), 8 + kept.len());
    assert!(kept.iter().all(|id| listed.iter().any(|endpoint| endpoint.id == *id)));
}

#[tokio::test]
async fn a_secret_takes_the_place_of_another_once_however_often_it_is_sent() {
    let world = World::empty().await;
    let id = registered(&world, 1).await.id;
    let rotate = async |n: u8| {
        let own = secret(n);
        let rotated = world.store.rotate_endpoint(&user(), &id, &own, after(n.into())).await;
        rotated.unwrap().unwrap().secrets
    };
    let until = |n: u64| after(n).plus(OLD_SECRET);
    let second = Secrets { current: secret(2), previous: Some((secret(1), until(2))) };
    // Its answer was lost, and it was sent again: the old secret still counts.
    assert_eq!(rotate(2).await, second);
    assert_eq!(rotate(2).await, second);
    let third = Secrets { current: secret(3), previous: Some((secret(2), until(3))) };
    assert_eq!(rotate(3).await, third);
    let kept = world.store.endpoint(&user(), &id).await.unwrap().unwrap();
    assert_eq!((kept.secrets, kept.url, kept.created_at), (third, url(1), NOW));
    let nobodys = EndpointId::of(&user(), &url(7));
    assert_eq!(
        world.store.rotate_endpoint(&user(), &nobodys, &secret(4), NOW).await.unwrap(),
        None
    );
    assert_eq!(world.store.endpoint(&user(), &nobodys).await.unwrap(), None);
}

#[tokio::test]
async fn orders_have_a_secret_from_the_first_time_on_that_one_is_made() {
    let world = World::empty().await;
    assert_eq!(world.store.order_secrets(&user()).await.unwrap(), None);
    let rotate = async |n: u8| {
        world.store.rotate_order_secret(&user(), &secret(n), after(n.into())).await.unwrap()
    };
    assert_eq!(rotate(1).await, Secrets { current: secret(1), previous: None });
    // Once more, as where an answer was lost.
    assert_eq!(rotate(1).await, Secrets { current: secret(1), previous: None });
    let second =
        Secrets { current: secret(2), previous: Some((secret(1), after(2).plus(OLD_SECRET))) };
    assert_eq!(rotate(2).await, second);
    assert_eq!(world.store.order_secrets(&user()).await.unwrap(), Some(second));
    assert_eq!(world.store.order_secrets(&"other".parse().unwrap()).await.unwrap(), None);
    // It is no endpoint.
    assert_eq!(world.store.endpoints(&user()).await.unwrap(), []);
}

#[tokio::test]
async fn an_endpoint_that_was_closed_is_opened_with_what_it_had() {
    let world = World::empty().await;
    let first = registered(&world, 1).await;
    world.store.close_endpoint(&user(), &first.id, Closed::Gone, after(9)).await.unwrap();
    let closed = world.store.endpoint(&user(), &first.id).await.unwrap().unwrap();
    assert_eq!(closed.disabled, Some((after(9), Closed::Gone)));
    for _ in 0..2 {
        let opened = world.store.open_endpoint(&user(), &first.id).await.unwrap();
        assert_eq!(opened, Some(first.clone()));
    }
}
