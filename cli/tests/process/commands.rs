//! The commands, one by one.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};

use crate::server::{BINARY, Server, UPSTREAM_VARIABLES, lossy, slow_order};

#[test]
fn serve_tells_a_program_where_everything_is() {
    let server = Server::ephemeral();
    let line = &server.first_line;
    assert_eq!(line["user_id"], "demo");
    for endpoint in ["dynamodb", "sqs", "s3"] {
        assert!(line["endpoints"][endpoint].as_str().unwrap().starts_with("http://127.0.0.1:"));
    }
    let (status, balance) = server.get("/v1/credits/balance");
    assert_eq!((status, balance["available"].to_string()), (200, "10".to_owned()));
}

#[test]
fn serve_stops_when_it_is_told_to() {
    for signal in ["-INT", "-TERM"] {
        let server = Server::ephemeral();
        assert_eq!(server.order(&slow_order("a", 300)).0, 202);
        let (code, took) = server.signal(signal);
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
}

#[test]
fn a_data_directory_has_one_server_and_keeps_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = Server::in_dir(dir.path(), &["--credit", "3"]);
    let second = Command::new(BINARY)
        .args(["serve", "--port", "0", "--data-dir", dir.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!second.status.success(), "two servers on one directory");
    let key = first.api_key.clone();
    assert_eq!(first.signal("-TERM").0, Some(0));

    let again = Server::in_dir(dir.path(), &["--credit", "3"]);
    assert_eq!(again.api_key, key);
    assert_eq!(again.get("/v1/credits/balance").1["credited"].to_string(), "3");
}

#[test]
fn generate_saves_pictures_and_tells_what_they_cost() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/pictures");
    let args =
        ["generate", "a cinematic hourglass", "--model", "flux-1.1-ultra", "-n", "2", "--out"];
    let printed = server.print(&[&args[..], &[out.to_str().unwrap()]].concat());
    assert!(printed.contains("charged $0.162"), "{printed}");
    let files: Vec<_> = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(&std::fs::read(&file).unwrap()[..8], b"\x89PNG\r\n\x1a\n", "{file:?}");
    }
}

#[test]
fn generate_brings_its_own_stack_where_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody listens on port 8080 of a test machine; if somebody does, they are asked instead, and
    // the picture is saved all the same.
    let mut command = Command::new(BINARY);
    for name in UPSTREAM_VARIABLES {
        command.env_remove(name);
    }
    let output = command
        .args(["generate", "a lighthouse", "--out", dir.path().to_str().unwrap()])
        .env_remove("HOLDFAST_URL")
        .env_remove("HOLDFAST_API_KEY")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn generate_fails_where_the_order_does() {
    let server = Server::ephemeral();
    let refused = server.run(&["generate", "x", "--model", "dall-e"]);
    assert!(!refused.status.success());
    let told = lossy(&refused.stderr);
    assert!(told.contains("model_not_found") && !told.contains("may have been taken"), "{told}");

    let wish = r#"{"sandbox": {"outcome": "refuse"}}"#;
    let failed = server.run(&["generate", "x", "--extra", wish]);
    assert!(!failed.status.success());
    assert!(lossy(&failed.stdout).contains("content_moderated"), "{}", lossy(&failed.stdout));
    assert!(server.print(&["balance", "demo"]).contains("charged    $0"));
}

#[test]
fn an_operator_opens_credits_and_closes() {
    let server = Server::ephemeral();
    assert_eq!(server.print(&["user", "create", "acme"]), "acme\n");
    assert!(!server.run(&["user", "create", "acme"]).status.success());
    assert!(!server.run(&["user", "create", "A C"]).status.success());

    let key = server.print(&["key", "create", "acme"]).trim().to_owned();
    assert!(key.starts_with("hf_test_"), "{key}");
    let id = key.split('_').nth(2).unwrap();
    assert_eq!(server.print(&["key", "list", "acme"]), format!("{id}  active\n"));
    assert!(!server.run(&["key", "create", "nobody"]).status.success());

    let narrow = ["key", "create", "acme", "--scope", "jobs:read", "--scope", "account:read"];
    let narrow = server.print(&[&narrow[..], &["--expires-in", "90d"]].concat());
    let narrow = narrow.trim().split('_').nth(2).unwrap();
    let listed = server.print(&["key", "list", "acme"]);
    let (first, second) = listed.trim_end().split_once('\n').unwrap();
    let of_narrow = format!("{narrow}  active  jobs:read account:read  until 20");
    assert!(first.starts_with(&of_narrow) && first.ends_with('Z'), "{listed}");
    assert_eq!(second, format!("{id}  active"));
    let third = server.run(&["key", "create", "acme"]);
    assert!(!third.status.success());
    assert!(lossy(&third.stderr).contains("2 active keys already"), "{}", lossy(&third.stderr));
    assert!(server.print(&["key", "revoke", narrow]).contains("revoked"));
    for wrong in [["--scope", "jobs"], ["--expires-in", "soon"]] {
        assert!(!server.run(&[&["key", "create", "acme"], &wrong[..]].concat()).status.success());
    }

    let credit = ["credit", "acme", "0.5", "--reference", "invoice-1"];
    assert!(server.print(&credit).contains("added $0.5"));
    assert!(server.print(&credit).contains("nothing was added"));
    let other = server.run(&["credit", "acme", "7", "--reference", "invoice-1"]);
    assert!(!other.status.success());
    assert!(server.print(&["balance", "acme"]).contains("available  $0.5"));

    assert!(server.print(&["user", "suspend", "acme"]).contains("acme is suspended"));
    assert!(server.print(&["balance", "acme"]).contains("suspended"));
    assert!(server.print(&["user", "resume", "acme"]).contains("may order again"));
    assert!(!server.print(&["balance", "acme"]).contains("suspended"));
    assert!(!server.run(&["user", "suspend", "nobody"]).status.success());

    assert!(server.print(&["key", "revoke", id]).contains("revoked"));
    assert!(server.print(&["key", "list", "acme"]).contains(&format!("{id}  revoked\n")));
    assert!(server.print(&["audit"]).contains("in order: 2 accounts"));
}

#[test]
fn audit_fails_when_the_books_are_wrong_and_stops_admission_if_it_is_told_to() {
    let server = Server::ephemeral();
    let id = server.order(&json!({"model": "recraft-v3", "prompt": "a cat"})).1["id"].clone();
    server.wait(id.as_str().unwrap());
    // A balance, a credit and its reference; the job, its hold, its resolution and its event.
    assert_eq!(server.print(&["audit"]), "in order: 1 accounts, 1 jobs, 7 rows\n");
    let told: Value = serde_json::from_str(&server.print(&["audit", "--json"])).unwrap();
    let expected = json!({
        "in_order": true, "accounts": 1, "jobs": 1, "rows": 7, "violations": [],
        "more_violations": 0, "moving": [], "more_moving": 0,
    });
    assert_eq!(told, expected);

    tamper(&server);
    let output = server.run(&["audit"]);
    assert!(!output.status.success());
    let printed = lossy(&output.stdout);
    assert!(printed.contains("INV-01") && printed.contains("INV-03"), "{printed}");
    assert!(
        printed.contains("not in order: 1 accounts, 1 jobs, 7 rows, 2 violations"),
        "{printed}"
    );
    let output = server.run(&["audit", "--json"]);
    assert!(!output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = json!({
        "invariant": "INV-01", "user_id": "demo",
        "what": "available 10946000 + held 0 + charged 54000 is not credited 10000000",
    });
    assert_eq!((&told["in_order"], &told["violations"][0]), (&json!(false), &first));
    let (status, _) = server.order(&json!({"model": "recraft-v3", "prompt": "a dog"}));
    assert_eq!(status, 202, "an audit only looks");

    // What is wrong stays as it is, and nothing new comes to it until a person has looked.
    let output = server.run(&["audit", "--suspend"]);
    assert!(!output.status.success());
    assert!(lossy(&output.stderr).contains("suspended  demo"), "{output:?}");
    let (status, refused) = server.order(&json!({"model": "recraft-v3", "prompt": "a cow"}));
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("account_suspended")));
    assert!(server.print(&["balance", "demo"]).contains("suspended"));
    assert!(!server.run(&["audit"]).status.success());
}

/// Gives the demo account a dollar that nobody paid.
pub(crate) fn tamper(server: &Server) {
    use aws_sdk_dynamodb::types::AttributeValue as Value;
    let endpoint = server.first_line["endpoints"]["dynamodb"].as_str().unwrap();
    let environment = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    let environment =
        environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client =
            runtime::aws::Aws::new(&environment, &runtime::Host::system()).unwrap().dynamodb();
        let tables = client.list_tables().send().await.unwrap().table_names.unwrap();
        let ledger = tables.into_iter().find(|name| name.to_lowercase().contains("ledger"));
        client
            .update_item()
            .table_name(ledger.unwrap())
            .key("pk", Value::S("demo".to_owned()))
            .key("sk", Value::S("balance".to_owned()))
            .update_expression("ADD available_micros :dollar")
            .expression_attribute_values(":dollar", Value::N("1000000".to_owned()))
            .send()
            .await
            .unwrap();
    });
}

#[test]
fn a_command_without_a_stack_says_where_to_find_one() {
    let output = Command::new(BINARY)
        .args(["balance", "demo"])
        .env("HOLDFAST_URL", "http://127.0.0.1:9")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(lossy(&output.stderr).contains("HOLDFAST_URL"));
}
