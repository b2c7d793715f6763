//! Pictures by upstreams that are played on this machine, as a user with a key would have them made.

use std::{path::Path, process::Command};

use serde_json::json;
use testkit::{Plan, Upstream, play};

use crate::server::{BINARY, Server, UPSTREAM_VARIABLES, lossy};

type Player = fn(&Upstream, Plan);

/// The variables of an upstream that is played at a URL.
fn variables(name: &str, upstream: &Upstream) -> [(String, String); 2] {
    let key = if name == "FAL" { "FAL_KEY".to_owned() } else { format!("{name}_API_KEY") };
    [(key, Plan::default().key), (format!("{name}_BASE_URL"), upstream.url().to_owned())]
}

/// `holdfast generate`, with these variables and no server.
fn generate(model: &str, n: &str, out: &Path, variables: &[(String, String)]) -> String {
    let mut command = Command::new(BINARY);
    for name in UPSTREAM_VARIABLES {
        command.env_remove(name);
    }
    let output = command
        .args(["generate", "a cinematic hourglass", "--model", model, "-n", n, "--out"])
        .arg(out)
        .env_remove("HOLDFAST_URL")
        .env_remove("HOLDFAST_API_KEY")
        .envs(variables.iter().cloned())
        .output()
        .unwrap();
    let printed = format!("{}{}", lossy(&output.stdout), lossy(&output.stderr));
    assert!(output.status.success(), "{model}: {printed}");
    printed
}

/// The pictures in a directory are real, and so many.
fn assert_pictures(dir: &Path, count: usize) {
    let files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), count);
    for file in files {
        assert!(
            testkit::picture::width_height(&std::fs::read(&file).unwrap()).is_some(),
            "{}",
            file.display()
        );
    }
}

#[test]
fn a_key_and_a_base_url_are_all_that_an_upstream_needs() {
    let cases: [(&str, Player, &str, &str); 3] = [
        ("BFL", play::bfl, "flux-1.1-ultra", "$0.162"),
        ("IDEOGRAM", play::ideogram, "ideogram-v3", "$0.216"),
        ("RECRAFT", play::recraft, "recraft-v3", "$0.108"),
    ];
    for (name, player, model, charged) in cases {
        let (upstream, dir) = (Upstream::start(), tempfile::tempdir().unwrap());
        player(&upstream, Plan::default());
        let printed = generate(model, "2", dir.path(), &variables(name, &upstream));
        assert!(printed.contains(&format!("charged {charged}")), "{printed}");
        assert_pictures(dir.path(), 2);
        assert!(!upstream.seen("POST", "*").is_empty(), "{name} was not asked");
        assert_eq!(upstream.violations(), [""; 0]);
    }
}

#[test]
fn one_key_of_fal_is_enough_for_every_model() {
    let upstream = Upstream::start();
    play::fal(&upstream, Plan::default());
    for (model, charged) in
        [("flux-1.1-ultra", "$0.162"), ("ideogram-v3", "$0.216"), ("recraft-v3", "$0.108")]
    {
        let dir = tempfile::tempdir().unwrap();
        let printed = generate(model, "2", dir.path(), &variables("FAL", &upstream));
        assert!(printed.contains(&format!("charged {charged}")), "{printed}");
        assert_pictures(dir.path(), 2);
    }
    // Two requests for two pictures of the model that makes one at a time.
    assert_eq!(upstream.seen("POST", "/fal-ai/*").len(), 4);
    assert_eq!(upstream.violations(), [""; 0]);
}

#[test]
fn a_server_with_a_key_takes_what_its_upstreams_take() {
    let upstream = Upstream::start();
    play::fal(&upstream, Plan::default());
    let server = Server::with_variables(&["--ephemeral"], &variables("FAL", &upstream));

    let order = |extra: serde_json::Value| {
        server.order(&json!({ "model": "recraft-v3", "prompt": "a cat", "extra": extra }))
    };
    for extra in [json!({ "seed": 1 }), json!({ "sandbox": { "outcome": "fail" } })] {
        let (status, answer) = order(extra);
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("extra_not_allowed")));
    }
    let (_, models) = server.get("/v1/models");
    assert_eq!(models["data"][3]["extra"], json!(["style", "substyle"]));
    assert_eq!(models["data"][3]["max_prompt_characters"], 1_000);

    // A picture that would have to be fetched from this machine is not, and nothing is sent.
    let (status, job) = server.order(&json!({
        "model": "flux-kontext-pro",
        "prompt": "as a watercolour",
        "image_url": "https://127.0.0.1/cat.png",
    }));
    assert_eq!(status, 202);
    let ended = server.wait(job["id"].as_str().unwrap());
    assert_eq!((&ended["status"], &ended["size"]), (&json!("failed"), &json!("auto")));
    assert_eq!(ended["error"]["code"], "image_url_unreachable");
    assert!(upstream.requests().is_empty());
    assert!(server.print(&["audit"]).contains("in order"));
}

#[test]
fn what_an_upstream_says_is_told_without_saying_who_it_is() {
    let upstream = Upstream::start();
    play::recraft(&upstream, Plan::default());
    let said = testkit::Reply::json(400, json!({ "code": "x", "message": "the style is too new" }));
    upstream.first("POST", "/v1/images/generations", said);
    let server = Server::with_variables(&["--ephemeral"], &variables("RECRAFT", &upstream));
    let (_, job) = server.order(&json!({ "model": "recraft-v3", "prompt": "a cat" }));
    let ended = server.wait(job["id"].as_str().unwrap());
    assert_eq!(
        ended["error"],
        json!({
            "code": "provider_rejected",
            "message": "The image provider does not take this request. It says: the style is too new",
            "retryable": false,
        })
    );
    assert_eq!(ended["charged_amount"], 0);
}

#[test]
fn an_upstream_that_is_nowhere_stops_the_start() {
    let mut command = Command::new(BINARY);
    let output = command
        .args(["serve", "--port", "0", "--ephemeral"])
        .env("BFL_API_KEY", "hush-hush")
        .env("BFL_BASE_URL", "http://10.0.0.1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let printed = lossy(&output.stderr);
    assert!(printed.contains("BFL_BASE_URL must be an https URL"), "{printed}");
    assert!(!printed.contains("hush-hush"), "{printed}");
}

#[test]
fn a_server_that_runs_already_is_asked_with_its_own_keys() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY)
        .args(["generate", "a lighthouse", "--out"])
        .arg(dir.path())
        .env("HOLDFAST_URL", &server.url)
        .env("FAL_KEY", "hush-hush")
        .output()
        .unwrap();
    let printed = lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("keys of upstreams in this shell are not used"), "{printed}");
}

/// Who makes the pictures may change between a request and its retry. What was accepted stays so.
#[test]
fn a_replay_is_one_also_when_its_upstream_takes_less_now() {
    let (upstream, dir) = (Upstream::start(), tempfile::tempdir().unwrap());
    play::fal(&upstream, Plan::default());
    let order = |key: &str, prompt: &str| {
        json!({
            "model": "recraft-v3", "prompt": prompt, "extra": { "seed": 7 }, "idempotency_key": key,
        })
    };
    let before = Server::in_dir(dir.path(), &[]);
    let (status, first) = before.order(&order("a", "a cat"));
    assert_eq!(status, 202);
    before.wait(first["id"].as_str().unwrap());
    assert_eq!(before.signal("-TERM").0, Some(0));

    let data_dir = ["--data-dir", dir.path().to_str().unwrap()];
    let after = Server::with_variables(&data_dir, &variables("FAL", &upstream));
    let (status, again) = after.order(&order("a", "a cat"));
    assert_eq!((status, &again["id"], &again["status"]), (200, &first["id"], &json!("succeeded")));
    let (status, other) = after.order(&order("a", "a dog"));
    assert_eq!((status, &other["error"]["code"]), (422, &json!("idempotency_key_reused")));
    let (status, fresh) = after.order(&order("b", "a cat"));
    assert_eq!((status, &fresh["error"]["code"]), (400, &json!("extra_not_allowed")));
    // The refusal did not use the key up.
    let (status, _) = after.order(&json!({
        "model": "recraft-v3", "prompt": "a cat", "idempotency_key": "b",
    }));
    assert_eq!(status, 202);
}
