//! The operator's commands as scripts see them: with `--json`, each says one object and nothing else.

use serde_json::{Value, json};

use crate::server::{Server, lossy};

/// What a command says that should succeed: one object, of which every key is in `snake_case`.
fn told(server: &Server, args: &[&str]) -> Value {
    let args = [args, &["--json"]].concat();
    let told: Value = serde_json::from_str(&server.print(&args)).unwrap();
    for name in told.as_object().unwrap().keys() {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    }
    told
}

/// A command that should fail says nothing where a script would read an object.
fn refused(server: &Server, args: &[&str]) -> String {
    let output = server.run(&[args, &["--json"]].concat());
    assert_eq!((output.status.code(), lossy(&output.stdout)), (Some(1), String::new()), "{args:?}");
    lossy(&output.stderr)
}

fn text<'a>(told: &'a Value, name: &str) -> &'a str {
    told[name].as_str().unwrap_or_else(|| panic!("{name} is no text in {told:#}"))
}

/// The status that a key is answered with.
fn status_of(server: &Server, api_key: &str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().tls_backend_preconfigured(crate::server::no_tls());
        let ask = client.build().unwrap().get(format!("{}/v1/credits/balance", server.url));
        ask.bearer_auth(api_key).send().await.unwrap().status().as_u16()
    })
}

#[test]
fn accounts_are_opened_suspended_and_resumed_in_json() {
    let server = Server::ephemeral();
    let opened = json!({ "user_id": "acme", "is_suspended": false });
    assert_eq!(told(&server, &["user", "create", "acme"]), opened);
    assert!(refused(&server, &["user", "create", "acme"]).contains("already"));
    let suspended = json!({ "user_id": "acme", "is_suspended": true });
    assert_eq!(told(&server, &["user", "suspend", "acme"]), suspended);
    let balance = told(&server, &["balance", "acme"]);
    assert_eq!(balance["is_suspended"], true);
    assert!(text(&balance, "suspended_at").ends_with('Z'), "{balance:#}");
    assert_eq!(told(&server, &["user", "resume", "acme"]), opened);
    assert!(refused(&server, &["user", "suspend", "nobody"]).contains("no account nobody"));

    // A name that was made up is told, and is the account's.
    let made_up = told(&server, &["user", "create"]);
    assert_eq!(told(&server, &["balance", text(&made_up, "user_id")])["credited"], "0");
    // The flag may also come first.
    let first = server.print(&["user", "--json", "resume", "acme"]);
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap(), opened);
}

#[test]
fn money_is_added_once_and_looked_at_in_json() {
    let server = Server::ephemeral();
    told(&server, &["user", "create", "acme"]);
    let credit = ["credit", "acme", "0.500001", "--reference", "invoice-1"];
    let mut expected = json!({
        "user_id": "acme", "reference": "invoice-1", "amount": "0.500001", "moved": true,
        "available": "0.500001", "held": "0", "charged": "0", "credited": "0.500001",
        "currency": "USD", "is_suspended": false, "suspended_at": null,
    });
    assert_eq!(told(&server, &credit), expected);
    expected["moved"] = json!(false);
    assert_eq!(told(&server, &credit), expected, "the same reference never adds twice");
    for name in ["reference", "amount", "moved"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(told(&server, &["balance", "acme"]), expected);

    // A reference that was made up is told: with it, the command can be run again.
    let made_up = told(&server, &["credit", "acme", "1"]);
    let again = ["credit", "acme", "1", "--reference", text(&made_up, "reference")];
    let again = told(&server, &again);
    assert_eq!((&again["moved"], &again["credited"]), (&json!(false), &json!("1.500001")));
    let other = refused(&server, &["credit", "acme", "7", "--reference", "invoice-1"]);
    assert!(other.contains("--reference invoice-1"), "{other}");
    assert!(refused(&server, &["balance", "nobody"]).contains("no account nobody"));
}

#[test]
fn keys_are_made_listed_rotated_and_revoked_in_json() {
    let server = Server::ephemeral();
    told(&server, &["user", "create", "acme"]);
    let nothing = json!({ "user_id": "acme", "keys": [] });
    assert_eq!(told(&server, &["key", "list", "acme"]), nothing);
    let create = ["key", "create", "acme", "--scope", "account:read", "--expires-in", "90d"];
    let old = told(&server, &create);
    assert_eq!((&old["user_id"], &old["status"]), (&json!("acme"), &json!("active")));
    assert_eq!(old["scopes"], json!(["account:read"]));
    assert!(text(&old, "expires_at") > text(&old, "created_at"), "{old:#}");
    assert_eq!(text(&old, "api_key").split('_').nth(2), Some(text(&old, "key_id")));
    assert_eq!(status_of(&server, text(&old, "api_key")), 200);

    // What opens the API is told once; the same key is listed without it.
    let listed = told(&server, &["key", "list", "acme"]);
    let mut expected = old.clone();
    for name in ["user_id", "api_key"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    expected["revoked_at"] = Value::Null;
    assert_eq!(listed, json!({ "user_id": "acme", "keys": [expected] }));

    let rotated = server.run(&["key", "rotate", "acme", "--grace", "1h", "--json"]);
    assert!(rotated.status.success(), "{rotated:?}");
    let new: Value = serde_json::from_slice(&rotated.stdout).unwrap();
    assert_eq!(new["replaces"]["key_id"], old["key_id"]);
    assert_eq!((&new["user_id"], &new["scopes"]), (&json!("acme"), &old["scopes"]));
    assert_eq!(status_of(&server, text(&new, "api_key")), 200);
    let listed = told(&server, &["key", "list", "acme"]);
    let row = |listed: &Value, key: &Value| {
        let keys = listed["keys"].as_array().unwrap();
        keys.iter().find(|row| row["key_id"] == key["key_id"]).unwrap().clone()
    };
    let ends = text(&new["replaces"], "expires_at");
    assert_eq!(row(&listed, &old)["expires_at"], ends, "what was said is so: {listed:#}");
    assert!(ends < text(&old, "expires_at") && ends > text(&new, "created_at"), "{new:#}");

    let revoke = ["key", "revoke", text(&old, "key_id")];
    let revoked = json!({ "key_id": old["key_id"], "status": "revoked" });
    assert_eq!(told(&server, &revoke), revoked);
    let listed = told(&server, &["key", "list", "acme"]);
    assert_eq!(row(&listed, &old)["status"], "revoked");
    assert!(text(&row(&listed, &old), "revoked_at") >= text(&new, "created_at"), "{listed:#}");
    assert_eq!(row(&listed, &new)["status"], "active");

    // A grace that is longer than the old key is good for makes it no better.
    let third = told(&server, &["key", "rotate", "acme", "--grace", "365d"]);
    let of_new = row(&told(&server, &["key", "list", "acme"]), &new);
    assert_eq!(third["replaces"]["expires_at"], of_new["expires_at"]);
    assert_eq!(of_new["expires_at"], new["expires_at"]);

    let unscoped = {
        told(&server, &["key", "revoke", text(&new, "key_id")]);
        told(&server, &["key", "create", "acme"])
    };
    let all = json!(["jobs:write", "jobs:read", "account:read", "webhooks:write"]);
    assert_eq!((&unscoped["scopes"], &unscoped["expires_at"]), (&all, &Value::Null));
    assert!(refused(&server, &["key", "create", "acme"]).contains("2 active keys already"));
    assert!(refused(&server, &["key", "create", "nobody"]).contains("no account nobody"));
    assert!(refused(&server, &["key", "rotate", "acme"]).contains("two active keys"));
    assert!(refused(&server, &["key", "revoke", "0123456789ab"]).contains("no key"));
}

#[test]
fn a_delivery_is_made_again_in_json() {
    let server = Server::ephemeral();
    // Nobody listens there.
    let endpoint = json!({ "url": "http://127.0.0.1:1/hook" });
    assert_eq!(server.post("/v1/webhooks/endpoints", &endpoint).0, 201);
    let (_, job) = server.order(&json!({ "model": "recraft-v3", "prompt": "a cat" }));
    server.wait(text(&job, "id"));
    let deliveries = || told(&server, &["webhook", "list", "demo"])["deliveries"].clone();
    let started = std::time::Instant::now();
    while deliveries()[0].is_null() {
        assert!(started.elapsed() < crate::server::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let id = text(&deliveries()[0], "id").to_owned();
    let expected = json!({
        "user_id": "demo", "delivery_id": id, "job_id": job["id"], "status": "due",
    });
    assert_eq!(told(&server, &["webhook", "replay", "demo", &id]), expected);
    assert!(refused(&server, &["webhook", "replay", "nobody", &id]).contains("no delivery"));
}

#[test]
fn a_refunded_job_is_kept_for_as_long_as_the_stack_keeps_one() {
    let server = Server::ephemeral();
    for (more, days) in [(&[][..], 90), (&["--retention-days", "30"], 30)] {
        let (_, job) = server.order(&json!({ "model": "recraft-v3", "prompt": "a cat" }));
        let id = text(&job, "id");
        server.wait(id);
        let refund = ["refund", "demo", id, "--reason", "the cat is a dog", "--yes"];
        let done = told(&server, &[&refund[..], more].concat());
        assert_eq!((&done["moved"], &done["job_id"]), (&json!(true), &json!(id)));
        let kept = told(&server, &["job", "show", "demo", id])["job"].clone();
        let at = |name: &str| {
            let form = &time::format_description::well_known::Rfc3339;
            time::OffsetDateTime::parse(text(&kept, name), form).unwrap()
        };
        let longer = at("forget_at") - at("created_at") - time::Duration::days(days);
        assert!(longer.abs() < time::Duration::minutes(10), "{days}: {kept:#}");
    }
    let early = ["refund", "demo", "0190a0a0-0000-7000-8000-000000000000", "--reason", "x"];
    let early = server.run(&[&early[..], &["--retention-days", "29"]].concat());
    assert!(lossy(&early.stderr).contains("30.."), "{early:?}");
}
