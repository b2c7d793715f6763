//! Borders, over all routes of the template: what is another user's is neither seen nor touched nor inferred, and a
//! key opens what it was granted and nothing else. A route that is missing here fails the test.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    scope::Scope,
    webhook::{DeliveryId, EventId, EventKind, Receiver},
};
use reqwest::{Method, header::HeaderName};
use serde_json::{Value, json};
use store::{Grant, NewDelivery};

use crate::world::{Answer, Caller, World, answer};

/// What is true of a route.
#[derive(Clone, Copy, Debug)]
enum Border {
    /// It is the same for everyone.
    Public,
    /// It shows what the caller has, and takes no name of anything.
    Own(Scope),
    /// It is about one thing that the caller has, named in the path.
    Named(Scope),
    /// It makes something of the caller's own.
    Made(Scope),
}

/// Every route, with its border.
fn border(route: &str) -> Border {
    match route {
        "GET /"
        | "GET /v1/models"
        | "GET /v1/pricing"
        | "GET /v1/limits/tiers"
        | "GET /v1/openapi.json" => Border::Public,
        "POST /v1/images/generations" => Border::Made(Scope::JobsWrite),
        "POST /v1/jobs/{id}/cancel" => Border::Named(Scope::JobsWrite),
        "GET /v1/jobs/{id}" => Border::Named(Scope::JobsRead),
        "GET /v1/jobs" => Border::Own(Scope::JobsRead),
        "GET /v1/credits/balance" | "GET /v1/credits/transactions" | "GET /v1/auth/limits" => {
            Border::Own(Scope::AccountRead)
        }
        "GET /v1/webhooks/endpoints" | "GET /v1/webhooks/deliveries" => {
            Border::Own(Scope::WebhooksWrite)
        }
        "POST /v1/webhooks/endpoints" | "POST /v1/webhooks/secret" => {
            Border::Made(Scope::WebhooksWrite)
        }
        "GET /v1/webhooks/endpoints/{id}"
        | "DELETE /v1/webhooks/endpoints/{id}"
        | "POST /v1/webhooks/endpoints/{id}/rotate"
        | "POST /v1/webhooks/endpoints/{id}/enable"
        | "GET /v1/webhooks/deliveries/{id}"
        | "POST /v1/webhooks/deliveries/{id}/redeliver" => Border::Named(Scope::WebhooksWrite),
        other => panic!("{other} has no border here: say who may do what there"),
    }
}

/// All routes of the template but `$default`, which shows nothing of anybody's.
fn routes(world: &World) -> Vec<(Method, String)> {
    let template = world.stack().template();
    let routes = template.functions.values().flat_map(|function| &function.routes);
    let keys = routes.filter_map(|route| route.key.as_ref());
    keys.map(|key| (key.method.parse().unwrap(), key.path.clone())).collect()
}

fn order() -> Value {
    json!({ "model": "recraft-v3", "prompt": "a secret cat", "metadata": { "note": "confidential" } })
}

fn endpoint() -> Value {
    json!({ "url": "http://127.0.0.1:9/both?key=hush" })
}

async fn ask(caller: &Caller, method: &Method, path: &str) -> Answer {
    let request = caller.request(method.clone(), path);
    let body = match (method.as_str(), path) {
        ("POST", "/v1/images/generations") => Some(order()),
        ("POST", "/v1/webhooks/endpoints") => Some(endpoint()),
        _ => None,
    };
    answer(body.into_iter().fold(request, |request, body| request.json(&body))).await
}

/// An answer without what is different each time.
fn bare(answer: &Answer) -> (u16, Value, Vec<String>) {
    let mut body = answer.json();
    if let Some(id) = body["error"].get_mut("request_id") {
        id.take();
    }
    let names = answer.headers.keys().map(ToString::to_string).collect();
    (answer.status, body, names)
}

/// Anna has one of everything, and two of what is listed in pages; Ben has an account.
struct Two {
    world: World,
    anna: Caller,
    ben: Caller,
    /// What only Anna knows: the names of her things, and what she wrote.
    secrets: Vec<String>,
    /// Her things that paths name, each with one that never was.
    named: BTreeMap<&'static str, Vec<(String, String)>>,
}

/// Nobody's, and nothing like an id either.
const NOBODYS: &str = "01890000-0000-7000-8000-000000000000";
/// The id of no endpoint.
const NO_ENDPOINT: &str = "ep_000000000000000000000000";

/// A delivery of a job, to the receiver that its order named.
async fn delivered(world: &World, caller: &Caller, job: &str) -> DeliveryId {
    let event = EventId { job: job.parse().unwrap(), kind: EventKind::Succeeded };
    let id = DeliveryId { event, receiver: Receiver::Order };
    let new = NewDelivery {
        id: id.clone(),
        url: "http://127.0.0.1:9/hers".to_owned().try_into().unwrap(),
        body: "{}".to_owned(),
        forget_at_s: 4_000_000_000,
    };
    world.store().add_delivery(&caller.user, &new, world.now()).await.unwrap();
    id
}

impl Two {
    async fn new() -> Two {
        let world = World::start().await;
        let (anna, ben) = (world.user("anna", "10").await, world.user("ben", "10").await);
        let made = anna.made(&order()).await.id();
        world.stack().pause_queue();
        let pending = anna.submit_as("annas-key", &order()).await.expect(202).id();
        let picture = anna.job(&made).await.json()["output"]["url"].as_str().unwrap().to_owned();
        let secret = ask(&anna, &Method::POST, "/v1/webhooks/secret").await.expect(201).json();
        let hers = ask(&anna, &Method::POST, "/v1/webhooks/endpoints").await.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let deliveries = [
            delivered(&world, &anna, &made).await.to_string(),
            delivered(&world, &anna, &pending).await.to_string(),
        ];
        let texts = ["confidential", "secret cat", "annas-key", "anna"].map(str::to_owned);
        let signing = [text(&secret["secret"]), text(&hers["secret"]), text(&hers["id"])];
        let made_too = [made.clone(), pending.clone(), picture];
        let made_too = made_too.into_iter().chain(deliveries.clone());
        let secrets = texts.into_iter().chain(signing).chain(made_too).collect();
        let jobs = [made, pending].map(|job| (job, NOBODYS.to_owned()));
        let deliveries = deliveries.map(|id| (id, format!("{NOBODYS}.failed.order")));
        let named = BTreeMap::from([
            ("/v1/jobs/{id}", jobs.to_vec()),
            ("/v1/webhooks/endpoints/{id}", vec![(text(&hers["id"]), NO_ENDPOINT.to_owned())]),
            ("/v1/webhooks/deliveries/{id}", deliveries.to_vec()),
        ]);
        Two { world, anna, ben, secrets, named }
    }

    /// Pairs of paths: to a thing of Anna's, and to one that never was.
    fn paths(&self, path: &str) -> Vec<(String, String)> {
        let (prefix, things) =
            self.named.iter().find(|(prefix, _)| path.starts_with(**prefix)).unwrap();
        let rest = &path[prefix.len()..];
        let fill = |id: &String| format!("{}{rest}", prefix.replace("{id}", id));
        things.iter().map(|(hers, nobodys)| (fill(hers), fill(nobodys))).collect()
    }

    #[track_caller]
    fn shows_nothing(&self, what: &str, answer: &Answer) {
        for secret in &self.secrets {
            let shown = format!("{:?} {}", answer.headers, answer.text);
            assert!(!shown.contains(secret.as_str()), "{what} shows {secret}: {shown}");
        }
    }

    /// Anna's rows, also of her endpoints, secrets and deliveries: while the queues are away nobody tells her of anything.
    async fn annas(&self) -> BTreeMap<String, Value> {
        let mut rows = self.world.rows_of("WebhooksTable").await;
        rows.retain(|_, row| row["pk"] == "anna");
        assert!(rows.len() > 3, "{rows:?}");
        rows.extend(self.world.rows().await);
        rows.retain(|_, row| row["pk"] == "anna" || row["user_id"] == "anna");
        assert!(rows.len() > 10, "{rows:?}");
        rows
    }
}

#[tokio::test]
async fn nobody_sees_touches_or_infers_what_is_anothers_on_any_route() {
    let two = Two::new().await;
    let Two { world, anna, ben, .. } = &two;
    let before = two.annas().await;
    let mut in_pages = BTreeSet::new();
    for (method, path) in routes(world) {
        let route = format!("{method} {path}");
        match border(&route) {
            Border::Public => {
                let [hers, his] = [ask(anna, &method, &path).await, ask(ben, &method, &path).await];
                assert_eq!(hers.text, his.text, "{route}");
                two.shows_nothing(&route, &his);
            }
            Border::Own(_) => {
                let his = ask(ben, &method, &path).await.expect(200);
                two.shows_nothing(&route, &his);
                // Where there are pages, hers lead nowhere.
                let page = ask(anna, &method, &format!("{path}?limit=1")).await;
                if let Some(cursor) = page.json()["next_cursor"].as_str() {
                    let next = format!("{path}?cursor={cursor}");
                    ask(anna, &method, &next).await.expect(200);
                    let stolen = ask(ben, &method, &next).await;
                    two.shows_nothing(&route, &stolen.refused(400, "invalid_parameter"));
                    in_pages.insert(path.clone());
                }
                for name in ["user_id", "user", "account"] {
                    let as_her = ask(ben, &method, &format!("{path}?{name}=anna")).await;
                    as_her.refused(400, "unknown_parameter");
                }
            }
            Border::Named(_) => {
                for (hers, nobodys) in two.paths(&path) {
                    let foreign = ask(ben, &method, &hers).await;
                    let unknown = ask(ben, &method, &nobodys).await;
                    assert_eq!(foreign.status, 404, "{route}: {}", foreign.text);
                    assert_eq!(bare(&foreign), bare(&unknown), "{route}");
                    two.shows_nothing(&route, &foreign);
                    let query = ask(ben, &method, &format!("{hers}?user_id=anna")).await;
                    two.shows_nothing(&route, &query.refused(400, "unknown_parameter"));
                }
                let odd = path.replace("{id}", "nonsense");
                assert_eq!(ask(ben, &method, &odd).await.status, 404, "{route}");
            }
            Border::Made(_) => {
                // What she took is free for him: her key, her URL.
                let his = if path == "/v1/images/generations" {
                    answer(ben.order(&order()).header("Idempotency-Key", "annas-key")).await
                } else {
                    ask(ben, &method, &path).await
                };
                assert!([201, 202].contains(&his.status), "{route}: {}", his.text);
                assert_eq!(his.header("idempotent-replayed"), "");
                let name = his.json()["id"].to_string() + &his.json()["secret"].to_string();
                assert!(two.secrets.iter().all(|secret| !name.contains(secret.as_str())));
            }
        }
    }
    let lists = ["/v1/credits/transactions", "/v1/jobs", "/v1/webhooks/deliveries"];
    assert_eq!(in_pages, lists.map(str::to_owned).into());
    assert_eq!(two.annas().await, before);
    two.world.stack().resume_queue();
    two.world.finish().await;
}

#[tokio::test]
async fn a_key_opens_the_routes_of_its_scopes_and_no_others() {
    let two = Two::new().await;
    let world = &two.world;
    let key = |scopes: Vec<Scope>| Grant { scopes: scopes.into_iter().collect(), expires_at: None };
    let mut opened = BTreeMap::<&str, Vec<String>>::new();
    for scope in Scope::ALL {
        // With it alone, and with all others.
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let user = format!("user-{}", scope.as_str().replace(':', "-")).parse().unwrap();
        world.store().open_account(&user).await.unwrap();
        world.credit(&user, "10").await;
        let with = world.key_with(&user, &key(vec![scope])).await;
        let without = world.key_with(&user, &key(others)).await;
        for (method, path) in routes(world) {
            let route = format!("{method} {path}");
            let needed = match border(&route) {
                Border::Public => None,
                Border::Own(needed) | Border::Named(needed) | Border::Made(needed) => Some(needed),
            };
            let path = path.replace("{id}", NOBODYS);
            for (caller, holds) in
                [(&with, needed == Some(scope)), (&without, needed != Some(scope))]
            {
                let told = ask(caller, &method, &path).await;
                if needed.is_none() || holds {
                    assert!([200, 201, 202, 404].contains(&told.status), "{route}: {}", told.text);
                    continue;
                }
                let told = told.refused(403, "insufficient_scope").json();
                let needed = needed.unwrap().as_str();
                assert!(told["error"]["message"].as_str().unwrap().contains(needed), "{told}");
                assert_eq!(told["error"]["type"], "permission_error");
            }
            if needed == Some(scope) {
                opened.entry(scope.as_str()).or_default().push(route);
            }
        }
    }
    opened["jobs:write"].iter().for_each(|route| assert!(route.starts_with("POST "), "{route}"));
    assert_eq!(opened["jobs:write"].len(), 2);
    assert_eq!(opened["jobs:read"].len(), 2);
    assert_eq!(opened["webhooks:write"].len(), 10);
    world.stack().resume_queue();
    two.world.finish().await;
}

/// A page of another site that a caller has open in a browser cannot read what the API answers.
#[tokio::test]
async fn no_other_origin_is_let_in_on_any_route() {
    let two = Two::new().await;
    for (method, path) in routes(&two.world) {
        let path = path.replace("{id}", NOBODYS);
        for method in [Method::OPTIONS, method] {
            let request = two.anna.request(method.clone(), &path);
            let request = request.header("Origin", "https://elsewhere.example");
            let request = request.header("Access-Control-Request-Method", "POST");
            let told = answer(request).await;
            let names = told.headers.keys().map(HeaderName::as_str);
            let cors: Vec<&str> = names.filter(|name| name.starts_with("access-control")).collect();
            assert_eq!(cors, [""; 0], "{method} {path}");
            if method == Method::OPTIONS {
                told.refused(405, "method_not_allowed");
            }
        }
    }
    two.world.stack().resume_queue();
    two.world.finish().await;
}
