//! What the README says to type is typed.

use std::process::Command;

use crate::server::{BINARY, Server, lossy};

const README: &str = include_str!("../../../README.md");

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
        "added $25",
        "in order: 2 accounts",
    ] {
        assert!(printed.contains(expected), "{expected} is missing from:\n{printed}");
    }
}

#[test]
fn what_every_refused_order_would_show_is_documented() {
    for code in ["insufficient_balance", "idempotency_key_reused", "queue_full", "route_not_found"]
    {
        assert!(README.contains(&format!("`{code}`")), "{code}");
    }
}
