//! API keys.

use domain::{
    api_key::{ApiKey, ENTROPY_BYTES, Environment},
    ids::UserId,
    scope::Scope,
};
use store::{AddKeyError, Grant, KeyRow, KeyState};

use crate::{
    support::{NOW, after, at_once, count, user},
    world::World,
};

fn api_key(n: u8) -> ApiKey {
    ApiKey::mint(Environment::Test, &[n; ENTROPY_BYTES])
}

fn row(user: &UserId, n: u8, state: KeyState) -> KeyRow {
    let key = api_key(n);
    let (id, hash) = (key.id().clone(), key.hash());
    let grant = Grant::default();
    KeyRow { id, user: user.clone(), hash, created_at: after(n.into()), grant, state }
}

async fn add(world: &World, user: &UserId, n: u8) -> bool {
    world.store.add_key(user, &api_key(n), &Grant::default(), after(n.into())).await.unwrap()
}

#[tokio::test]
async fn a_key_is_found_by_its_public_part() {
    let world = World::empty().await;
    assert_eq!(world.store.key(api_key(1).id()).await.unwrap(), None);
    assert!(add(&world, &user(), 1).await);
    let found = world.store.key(api_key(1).id()).await.unwrap();
    assert_eq!(found, Some(row(&user(), 1, KeyState::Active)));
    assert_eq!(world.store.key(api_key(2).id()).await.unwrap(), None);
}

#[tokio::test]
async fn a_key_is_not_written_over_another() {
    let world = World::empty().await;
    assert!(add(&world, &user(), 1).await);
    assert!(!add(&world, &"other".parse().unwrap(), 1).await);
    let found = world.store.key(api_key(1).id()).await.unwrap();
    assert_eq!(found, Some(row(&user(), 1, KeyState::Active)));

    let attempts = (0..4).map(|_| {
        let store = world.store.clone();
        async move { store.add_key(&user(), &api_key(2), &Grant::default(), NOW).await.unwrap() }
    });
    assert_eq!(count(&at_once(attempts).await, &true), 1);
}

#[tokio::test]
async fn a_users_keys_are_listed_the_newest_first() {
    let world = World::empty().await;
    let other = "other".parse().unwrap();
    assert_eq!(world.store.keys_of(&user()).await.unwrap(), []);
    for n in [2, 1] {
        assert!(add(&world, &user(), n).await);
    }
    assert!(add(&world, &other, 3).await);
    let listed = world.store.keys_of(&user()).await.unwrap();
    assert_eq!(listed, [2, 1].map(|n| row(&user(), n, KeyState::Active)));
    let listed = world.store.keys_of(&other).await.unwrap();
    assert_eq!(listed, [row(&other, 3, KeyState::Active)]);
}

#[tokio::test]
async fn a_key_is_revoked_for_good_at_its_first_revocation() {
    let world = World::empty().await;
    let key = api_key(1);
    assert!(!world.store.revoke_key(key.id(), after(5)).await.unwrap());
    assert_eq!(world.store.key(key.id()).await.unwrap(), None);

    assert!(add(&world, &user(), 1).await);
    assert!(add(&world, &user(), 2).await);
    for at in [5, 6] {
        assert!(world.store.revoke_key(key.id(), after(at)).await.unwrap());
        let revoked = row(&user(), 1, KeyState::Revoked(after(5)));
        assert_eq!(world.store.key(key.id()).await.unwrap(), Some(revoked.clone()));
        let listed = world.store.keys_of(&user()).await.unwrap();
        assert_eq!(listed, [row(&user(), 2, KeyState::Active), revoked]);
    }
    assert!(!add(&world, &user(), 1).await);
}

#[tokio::test]
async fn the_key_itself_is_stored_nowhere() {
    let world = World::empty().await;
    assert!(add(&world, &user(), 1).await);
    let stored = format!("{:?}", world.scan("keys").await);
    assert!(stored.contains(&api_key(1).hash().0), "{stored}");
    let key = api_key(1);
    let secret = key.reveal().rsplit('_').next().unwrap();
    assert!(!stored.contains(secret), "{stored}");
}

#[tokio::test]
async fn a_user_has_two_active_keys_so_that_one_can_take_the_place_of_the_other() {
    let world = World::empty().await;
    let try_add = async |user: &UserId, n: u8, grant: &Grant, at: u64| match world
        .store
        .add_key(user, &api_key(n), grant, after(at))
        .await
    {
        Ok(added) => Some(added),
        Err(AddKeyError::TooMany) => None,
        Err(error) => panic!("{error}"),
    };
    let brief = Grant { expires_at: Some(after(60)), ..Grant::default() };
    assert_eq!(try_add(&user(), 1, &Grant::default(), 1).await, Some(true));
    assert_eq!(try_add(&user(), 2, &brief, 2).await, Some(true));
    assert_eq!(try_add(&user(), 3, &brief, 3).await, None);
    assert_eq!(world.store.key(api_key(3).id()).await.unwrap(), None);
    // Who is there already is no third.
    assert_eq!(try_add(&user(), 2, &brief, 3).await, Some(false));
    assert_eq!(try_add(&"other".parse().unwrap(), 4, &brief, 3).await, Some(true));
    // One that has expired, or was revoked, makes room.
    assert_eq!(try_add(&user(), 5, &brief, 59).await, None);
    assert_eq!(try_add(&user(), 5, &Grant::default(), 60).await, Some(true));
    assert_eq!(try_add(&user(), 6, &Grant::default(), 61).await, None);
    assert!(world.store.revoke_key(api_key(1).id(), after(62)).await.unwrap());
    assert_eq!(try_add(&user(), 6, &Grant::default(), 62).await, Some(true));
}

#[tokio::test]
async fn a_key_keeps_what_it_was_granted_and_opens_nothing_when_its_time_is_up() {
    let world = World::empty().await;
    let scopes = [Scope::JobsRead, Scope::AccountRead].into_iter().collect();
    let grant = Grant { scopes, expires_at: Some(after(60)) };
    assert!(world.store.add_key(&user(), &api_key(1), &grant, NOW).await.unwrap());
    let found = world.store.key(api_key(1).id()).await.unwrap().unwrap();
    assert_eq!(found.grant, grant);
    assert!(found.is_active(after(59)) && !found.is_active(after(60)));
    let listed = world.store.keys_of(&user()).await.unwrap();
    assert_eq!(listed, [found]);
}

/// As keys were stored before there were scopes.
#[tokio::test]
async fn a_key_without_scopes_opens_everything_for_ever() {
    let world = World::empty().await;
    assert!(add(&world, &user(), 1).await);
    let mut old = world.scan("keys").await.remove(0);
    assert!(old.remove("scopes").is_some());
    world.put_all("keys", vec![old]).await;
    let found = world.store.key(api_key(1).id()).await.unwrap().unwrap();
    assert_eq!(found.grant, Grant::default());
    assert!(found.is_active(after(u64::from(u32::MAX))));
}

#[tokio::test]
async fn a_key_is_made_to_end_and_never_to_go_on_for_longer() {
    let world = World::empty().await;
    assert!(!world.store.end_key(api_key(1).id(), after(60)).await.unwrap(), "there is none");
    assert!(add(&world, &user(), 1).await);
    assert!(world.store.end_key(api_key(1).id(), after(60)).await.unwrap());
    for later in [60, 61] {
        assert!(!world.store.end_key(api_key(1).id(), after(later)).await.unwrap());
    }
    let key = world.store.key(api_key(1).id()).await.unwrap().unwrap();
    assert_eq!(key.grant.expires_at, Some(after(60)));
    assert!(key.is_active(after(59)) && !key.is_active(after(60)));
    assert!(world.store.end_key(api_key(1).id(), after(30)).await.unwrap());
}
