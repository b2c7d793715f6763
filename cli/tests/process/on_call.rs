//! The commands for whoever is on call: looking at jobs, at the stack, at messages that were given up.

use std::{os::unix::fs::PermissionsExt, process::Command};

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use crate::server::{BINARY, Server, lossy, slow_order};

fn json_of(server: &Server, args: &[&str]) -> Value {
    serde_json::from_str(&server.print(args)).unwrap()
}

/// An order whose prompt must never be shown.
fn secret_order(outcome: &Value) -> Value {
    json!({ "model": "recraft-v3", "prompt": "hush-hush", "metadata": { "a": "hush-hush" },
            "n": 2, "extra": { "sandbox": outcome } })
}

fn ordered(server: &Server, order: &Value) -> String {
    let (status, job) = server.order(order);
    assert_eq!(status, 202, "{job}");
    job["id"].as_str().unwrap().to_owned()
}

/// What the SQS of a server is asked, on a thread of its own.
pub(crate) fn sqs<T>(server: &Server, ask: impl AsyncFnOnce(&aws_sdk_sqs::Client) -> T) -> T {
    let endpoint = server.first_line["endpoints"]["sqs"].as_str().unwrap();
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
        let aws = runtime::aws::Aws::new(&environment, &runtime::Host::system()).unwrap();
        ask(&aws.sqs()).await
    })
}

/// What a server tells about itself.
fn stack(server: &Server) -> Value {
    server.get("/_local/stack").1
}

fn dead_letters(server: &Server) -> String {
    stack(server)["queues"]["JobsDeadLetterQueue"].as_str().unwrap().to_owned()
}

/// Gives messages up by hand.
fn give_up(server: &Server, bodies: &[String]) {
    let url = dead_letters(server);
    sqs(server, async |client| {
        for body in bodies {
            client.send_message().queue_url(&url).message_body(body).send().await.unwrap();
        }
    });
}

/// How many messages there are that were given up.
fn given_up(server: &Server) -> u32 {
    let url = dead_letters(server);
    sqs(server, async |client| {
        let ask = client.get_queue_attributes().queue_url(&url);
        let ask = ask.attribute_names(QueueAttributeName::All).send().await.unwrap();
        let told = ask.attributes.unwrap();
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        counts.iter().map(|name| told[name].parse::<u32>().unwrap()).sum()
    })
}

fn bell(job: &str) -> String {
    json!({ "v": 1, "user_id": "demo", "job_id": job }).to_string()
}

#[test]
fn job_show_tells_the_whole_history_and_no_secret() {
    let server = Server::ephemeral();
    let paid = ordered(&server, &secret_order(&json!({ "deliver": 1 })));
    let failed = ordered(&server, &secret_order(&json!({ "outcome": "refuse" })));
    for id in [&paid, &failed] {
        server.wait(id);
    }
    let told = server.print(&["job", "show", "demo", &paid]);
    for expected in [
        &format!("job {paid} of demo"),
        "succeeded",
        "2 × recraft-v3, 1:1, from sandbox",
        "$0.108",
        "hold      available -0.108, held 0.108, charged 0",
        "usage     available 0.054, held -0.108, charged 0.054",
        "job.succeeded",
        "orders    1, the last is accepted",
    ] {
        assert!(told.contains(expected), "{expected} is missing from:\n{told}");
    }
    let record = json_of(&server, &["job", "show", "demo", &paid, "--json"]);
    assert_eq!((&record["user_id"], &record["job_id"]), (&json!("demo"), &json!(paid)));
    assert_eq!(record["job"]["attempts"]["claims"], 1);
    assert_eq!((&record["job"]["pictures"], &record["job"]["due_at"]), (&json!(1), &Value::Null));
    assert_eq!(record["entries"][1]["kind"], "usage");
    assert_eq!(record["entries"][1]["changes"]["available"], "0.054");
    assert_eq!(record["events"][0]["status"], "succeeded");

    let told = server.print(&["job", "show", "demo", &failed]);
    assert!(told.contains("content_moderated: Content moderation refused this request."), "{told}");
    for args in [&["job", "show", "demo", &failed][..], &["job", "show", "demo", &paid, "--json"]] {
        let told = server.print(args);
        assert!(!told.contains("hush") && !told.contains("http"), "{told}");
    }

    // Somebody else's job is nobody's.
    server.print(&["user", "create", "acme"]);
    let foreign = server.run(&["job", "show", "acme", &paid]);
    assert!(!foreign.status.success());
    assert!(lossy(&foreign.stderr).contains("acme has no job"), "{}", lossy(&foreign.stderr));
    assert!(!server.run(&["job", "show", "demo", "x"]).status.success());
}

#[test]
fn jobs_open_lists_the_oldest_first() {
    let server = Server::ephemeral();
    assert_eq!(server.print(&["jobs", "open"]), "0 of 0\n");
    let ended = ordered(&server, &json!({ "model": "recraft-v3", "prompt": "a cat" }));
    server.wait(&ended);
    let ids = ["a", "b", "c"].map(|key| ordered(&server, &slow_order(key, 60_000)));

    let told = server.print(&["jobs", "open"]);
    let places: Vec<_> = ids.iter().map(|id| told.find(id.as_str()).unwrap()).collect();
    assert!(places.is_sorted() && !told.contains(&ended), "{told}");
    assert!(told.ends_with("3 of 3\n"), "{told}");
    let first = json_of(&server, &["jobs", "open", "--limit", "1", "--json"]);
    assert_eq!((&first["jobs"][0]["job_id"], &first["count"]), (&json!(ids[0]), &json!(3)));
    assert_eq!(
        (&first["jobs"][0]["user_id"], &first["is_complete"]),
        (&json!("demo"), &json!(true))
    );
    assert_eq!(server.print(&["jobs", "open", "--older-than", "1h"]), "0 of 0\n");
    assert!(!server.run(&["jobs", "open", "--older-than", "soon"]).status.success());
}

#[test]
fn status_fails_when_something_is_not_as_it_should_be() {
    let server = Server::ephemeral();
    let told = server.print(&["status"]);
    for expected in ["answers at http", "0 waiting", "no messages", "none", "all is well"] {
        assert!(told.contains(expected), "{expected} is missing from:\n{told}");
    }
    let open = ordered(&server, &slow_order("a", 60_000));
    let told = json_of(&server, &["status", "--json"]);
    assert_eq!(told["is_well"], true, "{told:#}");
    assert_eq!(told["looked_at"]["open_jobs"]["value"]["oldest"]["job_id"], open, "{told:#}");

    give_up(&server, &[bell(&open)]);
    let unwell = server.run(&["status"]);
    assert!(!unwell.status.success());
    let printed = lossy(&unwell.stdout);
    assert!(printed.contains("1 messages: `holdfast dlq show`"), "{printed}");
    let unwell = server.run(&["status", "--json"]);
    let told: Value = serde_json::from_slice(&unwell.stdout).unwrap();
    assert_eq!(told["looked_at"]["given_up"]["is_well"], false);
    assert_eq!((&told["is_well"], unwell.status.code()), (&json!(false), Some(1)));
}

#[test]
fn messages_that_were_given_up_are_looked_at_and_stay() {
    let server = Server::ephemeral();
    assert!(server.print(&["dlq", "show"]).contains("0 about jobs that have not ended"));
    let ended = ordered(&server, &json!({ "model": "recraft-v3", "prompt": "a cat" }));
    server.wait(&ended);
    let open = ordered(&server, &slow_order("a", 60_000));
    let forgotten = "0190a0a0-0000-7000-8000-000000000000";
    let bodies = [bell(&ended), bell(&open), bell(forgotten), "hush-hush".to_owned()];
    give_up(&server, &bodies);

    for args in [&["dlq", "show"][..], &["dlq", "redrive"], &["dlq", "show"]] {
        let told = server.print(args);
        assert!(
            told.contains(
                "1 about jobs that have not ended, 2 about jobs that have; 1 cannot be read and stay"
            ),
            "{told}"
        );
        assert!(told.contains("the message is malformed") && !told.contains("hush"), "{told}");
        assert_eq!(told.contains("nothing was done"), args[1] == "redrive", "{told}");
    }
    let told = json_of(&server, &["dlq", "show", "--json"]);
    let found = |id: &str| {
        let messages = told["messages"].as_array().unwrap();
        let message = messages.iter().find(|message| message["job_id"] == *id).unwrap();
        (message["found"].clone(), message["action"].clone())
    };
    assert_eq!(found(&ended), (json!("succeeded"), json!("drop")));
    assert_eq!(found(forgotten), (json!("forgotten"), json!("drop")));
    assert_eq!(found(&open).1, "ring");
    let one = json_of(&server, &["dlq", "show", "--limit", "1", "--json"]);
    assert_eq!(one["messages"].as_array().unwrap().len(), 1);
    assert_eq!(given_up(&server), 4);
}

#[test]
fn a_redrive_rings_for_what_is_open_and_twice_does_no_harm() {
    let server = Server::ephemeral();
    let order = json!({ "model": "recraft-v3", "prompt": "a cat" });
    let ended = ordered(&server, &order);
    server.wait(&ended);
    let open = ordered(&server, &slow_order("a", 3_000));
    for _ in 0..2 {
        give_up(&server, &[bell(&ended), bell(&open), bell(&ended), "{}".to_owned()]);
        let done = json_of(&server, &["dlq", "redrive", "--yes", "--json"]);
        let counts = ["open", "ended", "is_done"].map(|name| done[name].clone());
        assert_eq!(counts, [json!(1), json!(2), json!(true)], "{done:#}");
    }
    // What nobody can read is nobody's to drop.
    assert_eq!(given_up(&server), 2);
    let job = server.wait(&open);
    assert_eq!(
        (&job["status"], job["charged_amount"].to_string()),
        (&json!("succeeded"), "0.054".into())
    );

    // Put back once more when all have ended: dropped, and nothing is charged twice.
    give_up(&server, &[bell(&open), bell(&ended)]);
    assert!(server.print(&["dlq", "redrive", "--yes"]).contains("rang for 0, dropped 2"));
    let (_, balance) = server.get("/v1/credits/balance");
    assert_eq!(balance["charged"].to_string(), "0.108");
    assert!(server.print(&["audit"]).contains("in order"));
}

#[test]
fn a_delivery_is_shown_with_its_attempts_and_made_again() {
    let server = Server::ephemeral();
    // Nobody listens there.
    let url = "http://127.0.0.1:1/hook?token=hush-hush";
    let endpoint = server.post("/v1/webhooks/endpoints", &json!({ "url": url }));
    assert_eq!(endpoint.0, 201, "{}", endpoint.1);
    let id = ordered(&server, &json!({ "model": "recraft-v3", "prompt": "a cat" }));
    server.wait(&id);
    let look = || json_of(&server, &["webhook", "list", "demo", "--json"])["deliveries"][0].clone();
    let started = std::time::Instant::now();
    while look()["attempts"][0].is_null() {
        assert!(started.elapsed() < std::time::Duration::from_mins(1));
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let delivery = look();
    assert_eq!(delivery["attempts"][0]["outcome"], "no connection");
    assert_eq!((&delivery["event"], &delivery["job_id"]), (&json!("job.succeeded"), &json!(id)));
    let name = delivery["id"].as_str().unwrap();
    let told = server.print(&["webhook", "list", "demo"]);
    assert!(told.contains(name) && !told.contains("hush-hush"), "{told}");
    assert!(server.print(&["webhook", "replay", "demo", name]).contains("begun anew"));
    let missing = server.run(&["webhook", "replay", "nobody", name]);
    assert!(!missing.status.success());
}

#[test]
fn a_refund_says_what_it_would_do_and_moves_money_once() {
    let server = Server::ephemeral();
    let id = ordered(&server, &json!({ "model": "recraft-v3", "prompt": "a cat", "n": 2 }));
    server.wait(&id);
    let reason = ["--reason", "the cat is a dog"];
    let refund = |more: &[&'static str]| [&["refund", "demo", &id][..], &reason, more].concat();
    let balance = |side: &str| server.get("/v1/credits/balance").1[side].to_string();

    let told = server.print(&refund(&[]));
    assert!(told.contains("$0.108 was charged. Nothing was done"), "{told}");
    assert_eq!((balance("charged"), balance("available")), ("0.108".into(), "9.892".into()));
    let told = server.print(&refund(&["--yes"]));
    assert!(told.contains("gave back $0.108") && told.contains("$10 available"), "{told}");
    for more in [&["--yes"][..], &[]] {
        let told = server.print(&refund(more));
        assert!(told.contains("given back before 2") && told.contains("nothing moved"), "{told}");
    }
    let told = json_of(&server, &refund(&["--yes", "--json"]));
    let told = ["is_given_back", "moved", "amount", "available"].map(|name| told[name].clone());
    assert_eq!(told, [json!(true), json!(false), json!("0.108"), json!("10")]);
    assert_eq!((balance("charged"), balance("available")), ("0".into(), "10".into()));

    // The caller sees that it was given back, and not why.
    let (_, job) = server.get(&format!("/v1/jobs/{id}"));
    assert_eq!((&job["status"], &job["output"]), (&json!("refunded"), &Value::Null), "{job}");
    assert_eq!((&job["error"]["code"], &job["charged_amount"]), (&json!("refunded"), &json!(0)));
    let (_, transactions) = server.get("/v1/credits/transactions");
    let kinds: Vec<_> =
        transactions["data"].as_array().unwrap().iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["refund", "usage", "hold", "credit"]);
    assert!(!job.to_string().contains("dog") && !transactions.to_string().contains("dog"));
    let told = server.print(&["job", "show", "demo", &id]);
    for expected in ["refunded: The charge was given back", "the cat is a dog", "job.refunded"] {
        assert!(told.contains(expected), "{expected} is missing from:\n{told}");
    }
    assert!(server.print(&["audit"]).contains("in order"));

    // Nothing was charged for what failed, and nothing without a reason.
    let wish = json!({ "outcome": "fail" });
    let failed = ordered(&server, &secret_order(&wish));
    server.wait(&failed);
    let refused = server.run(&["refund", "demo", &failed, "--reason", "x", "--yes"]);
    assert!(!refused.status.success());
    assert!(lossy(&refused.stderr).contains("nothing was charged"), "{}", lossy(&refused.stderr));
    assert!(!server.run(&["refund", "demo", &id, "--yes"]).status.success());
    assert!(!server.run(&["refund", "demo", &id, "--reason", "", "--yes"]).status.success());
}

#[test]
fn a_key_takes_anothers_place_and_both_are_good_until_the_old_one_ends() {
    let server = Server::ephemeral();
    server.print(&["user", "create", "acme"]);
    assert!(!server.run(&["key", "rotate", "acme"]).status.success(), "there is none");
    let id = |key: &str| key.split('_').nth(2).unwrap().to_owned();
    let old = server.print(&["key", "create", "acme", "--scope", "jobs:read"]);
    let rotated = server.run(&["key", "rotate", "acme"]);
    assert!(rotated.status.success(), "{rotated:?}");
    let new = lossy(&rotated.stdout);
    assert!(lossy(&rotated.stderr).contains(&format!("key revoke {}", id(&old))));
    let listed = server.print(&["key", "list", "acme"]);
    assert_eq!(listed.matches("active").count(), 2, "{listed}");
    assert_eq!(listed.matches("jobs:read").count(), 2, "the new one may do the same: {listed}");

    // A rotation that is not finished is not begun again.
    let early = server.run(&["key", "rotate", "acme", "--grace", "1h"]);
    assert!(!early.status.success());
    let told = lossy(&early.stderr);
    assert!(told.contains("two active keys") && told.contains(&id(&old)), "{told}");

    server.print(&["key", "revoke", &id(&old)]);
    let third = server.run(&["key", "rotate", "acme", "--grace", "0s"]);
    assert!(third.status.success(), "{third:?}");
    assert!(lossy(&third.stderr).contains("opens nothing any more from 2"), "{third:?}");
    let listed = server.print(&["key", "list", "acme"]);
    let state = |id: &str| listed.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
    assert!(state(&id(&new)).contains("expired"), "{listed}");
    assert!(state(&id(&lossy(&third.stdout))).contains("active"), "{listed}");
}

#[test]
fn an_export_has_every_entry_and_adds_up_to_the_balances() {
    let server = Server::ephemeral();
    let id = ordered(&server, &json!({ "model": "recraft-v3", "prompt": "a cat", "n": 2 }));
    server.wait(&id);
    let reason = "=HYPERLINK(\"http://x\")";
    server.print(&["refund", "demo", &id, "--reason", reason, "--yes"]);
    server.print(&["user", "create", "acme"]);
    let reference = "+1, \"quoted\"";
    server.print(&["credit", "acme", "0.5", "--reference", reference]);

    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let told = server.print(&["export", "--all", "--out", &file("all.csv")]);
    assert!(told.contains("2 accounts, 5 entries") && told.contains("add up"), "{told}");
    let written = std::fs::read_to_string(file("all.csv")).unwrap();
    assert_eq!(written.matches("\r\n").count(), 6, "{written}");
    let mut rows = csv::Reader::from_reader(written.as_bytes());
    let headers = rows.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let of = |user: &str, name: &str| -> Vec<String> {
        let rows = rows.iter().filter(|row| row[column("user_id")] == *user);
        rows.map(|row| row[column(name)].to_owned()).collect()
    };
    assert_eq!(of("demo", "kind"), ["credit", "hold", "usage", "refund"]);
    assert_eq!(of("demo", "available"), ["10", "-0.108", "0", "0.108"]);
    assert_eq!(of("demo", "job_id"), ["", &id, &id, &id]);
    // What was typed is there, and no spreadsheet runs it.
    assert_eq!(of("demo", "reason")[3], format!("'{reason}"));
    assert_eq!(of("acme", "reference"), [format!("'{reference}")]);

    let told = json_of(&server, &["export", "acme", "--out", &file("acme.csv"), "--json"]);
    assert_eq!((&told["entries"], &told["adds_up"]), (&json!(1), &json!(true)));
    for wrong in [
        &["export", "acme", "--out", &file("acme.csv")][..],
        &["export", "nobody", "--out", &file("nobody.csv")],
        &["export", "--out", &file("x.csv")],
        &["export", "acme", "--all", "--out", &file("x.csv")],
    ] {
        assert!(!server.run(wrong).status.success(), "{wrong:?}");
    }
    assert!(!std::fs::exists(file("nobody.csv")).unwrap(), "what is not whole has no name");

    crate::commands::tamper(&server);
    let output = server.run(&["export", "demo", "--out", &file("wrong.csv")]);
    assert!(!output.status.success());
    assert!(lossy(&output.stdout).contains("its entries do not make its balance"), "{output:?}");
}

/// The variables of a stack in the cloud, which is one of this machine's here.
fn in_the_cloud(server: &Server) -> Vec<(&'static str, String)> {
    let stack = stack(server);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vec![
        ("AWS_ENDPOINT_URL_DYNAMODB", text(&stack["endpoints"]["dynamodb"])),
        ("AWS_ENDPOINT_URL_SQS", text(&stack["endpoints"]["sqs"])),
        ("JOBS_TABLE", text(&stack["tables"]["JobsTable"])),
        ("LEDGER_TABLE", text(&stack["tables"]["LedgerTable"])),
        ("KEYS_TABLE", text(&stack["tables"]["KeysTable"])),
        ("WEBHOOKS_TABLE", text(&stack["tables"]["WebhooksTable"])),
        ("QUEUE_URL", text(&stack["queues"]["JobsQueue"])),
        ("DEAD_LETTER_QUEUE_URL", text(&stack["queues"]["JobsDeadLetterQueue"])),
        ("HOLDFAST_URL", server.url.clone()),
        // The stand-in knows no message groups.
        ("FAIR_QUEUE", "false".to_owned()),
    ]
}

/// A command with no credentials but those that the AWS CLI has, which is this script.
fn with_aws_cli(server: &Server, script: &str, args: &[&str]) -> std::process::Output {
    let dir = tempfile::tempdir().unwrap();
    let aws = dir.path().join("aws");
    std::fs::write(&aws, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).unwrap();
    let process = runtime::Environment::of_process();
    let path = format!("{}:{}", dir.path().display(), process.get("PATH").unwrap());
    let mut command = Command::new(BINARY);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"] {
        command.env_remove(name);
    }
    command.args(args).env("PATH", path).envs(in_the_cloud(server)).output().unwrap()
}

#[test]
fn a_stack_in_the_cloud_is_reached_with_whatever_credentials_the_aws_cli_has() {
    let server = Server::ephemeral();
    let credentials = r#"case "$2" in
        get) echo eu-west-1 ;;
        export-credentials) echo '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hush"}' ;;
    esac"#;
    let open = ordered(&server, &slow_order("a", 60_000));
    give_up(&server, &[bell(&open)]);
    for args in [
        &["balance", "demo"][..],
        &["audit", "--json"],
        &["job", "show", "demo", &open],
        &["jobs", "open", "--json"],
        &["dlq", "redrive", "--yes"],
        &["status"],
    ] {
        let output = with_aws_cli(&server, credentials, args);
        assert!(output.status.success(), "{args:?}: {output:?}");
    }

    let refused = with_aws_cli(&server, "echo the token has expired >&2; exit 255", &["status"]);
    assert!(!refused.status.success());
    let told = lossy(&refused.stderr);
    assert!(told.contains("which region?") && told.contains("the token has expired"), "{told}");
    let no_session =
        r#"[ "$2" = get ] && echo eu-west-1 && exit; echo the token has expired >&2; exit 255"#;
    let refused = with_aws_cli(&server, no_session, &["balance", "demo"]);
    assert!(!refused.status.success());
    assert!(lossy(&refused.stderr).contains("the token has expired"), "{}", lossy(&refused.stderr));
}
