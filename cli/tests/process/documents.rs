//! What the documents say is so: the README's commands are typed, and the tests that INVARIANTS.md
//! names are there.

use std::{collections::BTreeSet, path::Path, process::Command};

use crate::server::{BINARY, Server, lossy};

const README: &str = include_str!("../../../README.md");
const RUNBOOK: &str = include_str!("../../../docs/runbook.md");
const INVARIANTS: &str = include_str!("../../../INVARIANTS.md");
const SIGHTS: &str = include_str!("../../../simulation/src/sight.rs");

/// The lines of the `sh` blocks between `<!-- tested -->` and `<!-- /tested -->`.
fn commands() -> String {
    let mut script = String::new();
    let (mut tested, mut inside) = (false, false);
    for line in README.lines() {
        match line {
            "<!-- tested -->" => tested = true,
            "<!-- /tested -->" => tested = false,
            "```sh" if tested => inside = true,
            "```" => inside = false,
            _ if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[test]
fn every_command_of_the_readme_works_when_pasted() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let commands = commands();
    assert!(commands.matches("curl ").count() >= 7, "{commands}");
    // `cargo run -q -- x` is the binary that cargo has built.
    let script =
        format!("set -euo pipefail\ncargo() {{ shift 3; \"$BINARY\" \"$@\"; }}\n{commands}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir.path())
        .env("BINARY", BINARY)
        .env("HOLDFAST_URL", &server.url)
        .env_remove("HOLDFAST_API_KEY")
        .output()
        .unwrap();
    let printed = lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", lossy(&output.stderr));

    assert_eq!(std::fs::read_dir(dir.path().join("pictures")).unwrap().count(), 2);
    let poster = std::fs::read(dir.path().join("poster.png")).unwrap();
    assert_eq!(&poster[..8], b"\x89PNG\r\n\x1a\n");
    for expected in [
        "charged $0.162",
        "idempotent-replayed: true",
        r#""status":"succeeded""#,
        r#""object":"credit.balance""#,
        r#""kind":"usage""#,
        r#""object":"pricing.catalog""#,
        r#"{"object":"list","data":[{"id":"#,
        r#""code":"job_not_cancelable""#,
        r#""object":"account.limits""#,
        r#""object":"price_quote","model":"flux-1.1-ultra","n":4"#,
        r#""model":"recraft-v3""#,
        r#""object":"tier.matrix""#,
        "added $25",
        "in order: 2 accounts",
        "all is well",
        "1 × ideogram-v3, 3:4, from sandbox",
        "$0.108 was charged. Nothing was done",
        "0 of 0",
        "the entries add up to the balances",
        "0 about jobs that have not ended",
    ] {
        assert!(printed.contains(expected), "{expected} is missing from:\n{printed}");
    }
}

/// The commands of the runbook, one a line.
fn runbook() -> Vec<&'static str> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in RUNBOOK.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => commands.push(line),
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_of_the_runbook_works_when_pasted() {
    let server = Server::ephemeral();
    let dir = tempfile::tempdir().unwrap();
    let order = serde_json::json!({ "model": "recraft-v3", "prompt": "a cat" });
    let job = server.order(&order).1["id"].as_str().unwrap().to_owned();
    server.wait(&job);
    let commands = runbook();
    assert!(commands.len() >= 14, "{commands:?}");
    for command in &commands {
        let script = format!("set -eu\nholdfast() {{ \"$BINARY\" \"$@\"; }}\n{command}\n");
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(dir.path())
            .env("BINARY", BINARY)
            .env("ACCOUNT", "demo")
            .env("JOB", &job)
            .env("HOLDFAST_URL", &server.url)
            .env_remove("HOLDFAST_API_KEY")
            .output()
            .unwrap();
        let printed = lossy(&output.stdout);
        assert!(output.status.success(), "{command}: {printed}\n{}", lossy(&output.stderr));
    }
    // What moves money is only said there, not done.
    assert_eq!(server.get("/v1/credits/balance").1["charged"].to_string(), "0.054");
}

/// The names of the functions that are marked as tests, by proptest or by an attribute.
fn tests_in(source: &str) -> Vec<String> {
    let mut marked = false;
    let mut names = Vec::new();
    for line in source.lines().map(str::trim) {
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some(rest) = function {
            names.extend(rest.split('(').next().filter(|_| marked).map(str::to_owned));
            marked = false;
        }
    }
    names
}

/// All names of test functions in the workspace.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(tests_in(&std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    names
}

/// Every number of INVARIANTS.md: what is always true, what may go wrong, what has happened elsewhere.
fn numbers() -> impl Iterator<Item = String> {
    let ranges = [("INV", 33), ("F", 74), ("I", 22)];
    ranges.into_iter().flat_map(|(kind, last)| (1..=last).map(move |n| format!("{kind}-{n:02}")))
}

/// What a line may name besides tests: what the simulation must have seen.
fn sights() -> BTreeSet<String> {
    let listed = SIGHTS.lines().filter_map(|line| line.trim().strip_prefix("Self::"));
    listed.filter_map(|rest| rest.strip_suffix(',')).map(str::to_owned).collect()
}

#[test]
fn every_number_names_tests_that_exist_or_says_why_there_is_none() {
    let (tests, sights) = (tests(), sights());
    assert!(sights.len() > 15, "{sights:?}");
    let mut wrong = Vec::new();
    for number in numbers() {
        let rows = INVARIANTS.lines().filter(|line| line.starts_with(&format!("| {number} |")));
        let rows: Vec<&str> = rows.collect();
        let [row] = rows[..] else {
            wrong.push(format!("{number} has {} lines", rows.len()));
            continue;
        };
        let named: Vec<&str> =
            row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        if named.is_empty() && !row.contains("*aws: ") && !row.contains("*later: ") {
            wrong.push(format!("{number} has no test, and no reason"));
        }
        let missing = named.into_iter().filter(|n| !tests.contains(*n) && !sights.contains(*n));
        wrong.extend(missing.map(|name| format!("{number} names {name}, and there is none")));
    }
    assert_eq!(wrong, [""; 0]);
}
