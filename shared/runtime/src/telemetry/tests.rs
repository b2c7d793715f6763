//! What a line is, whatever is put into it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `work` logs, as text.
fn logged(work: impl Future<Output = ()>) -> Vec<String> {
    let log = Log::default();
    let to = log.clone();
    let environment = Environment::default().with("AWS_LAMBDA_FUNCTION_NAME", "stack-Submit-1");
    let logger = tracing_subscriber::fmt()
        .fmt_fields(JsonFields::new())
        .event_format(Lines::of(&environment))
        .with_writer(move || to.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tracing::subscriber::with_default(logger, || runtime.block_on(work));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn trace(digit: char) -> Trace {
    let id: String = std::iter::repeat_n(digit, 24).collect();
    Trace::read(&format!("Root=1-5759e988-{id}")).unwrap()
}

#[test]
fn a_line_says_of_which_invocation_and_of_which_job_it_is() {
    let (outer, inner) = (trace('a'), trace('b'));
    let lines = logged(invocation("generate", "request", Some(&outer), async {
        tracing::info!(messages = 2, "begun");
        let work = async {
            claimed(3);
            tracing::warn!(upstream = "bfl", late = true, "the upstream did not answer");
        };
        visit("job", Some(&inner), work).await;
    }));
    let [begun, late] = &lines[..] else { panic!("{lines:?}") };
    let begun: Value = serde_json::from_str(begun).unwrap();
    assert_eq!(begun["trace_id"], outer.id());
    assert_eq!((&begun["messages"], &begun["job_id"]), (&json!(2), &Value::Null));
    let mut late: Value = serde_json::from_str(late).unwrap();
    let line = late.as_object_mut().unwrap();
    assert!(line.remove("timestamp").unwrap().as_str().unwrap().ends_with('Z'));
    assert!(line.remove("cold_start").unwrap().is_boolean());
    assert_eq!(
        late,
        json!({
            "level": "WARN",
            "message": "the upstream did not answer",
            "target": "runtime::telemetry::tests",
            "service": "generate",
            "function_name": "stack-Submit-1",
            "request_id": "request",
            "trace_id": inner.id(),
            "job_id": "job",
            "fence": 3,
            "upstream": "bfl",
            "late": true,
        })
    );
}

/// Whatever callers and upstreams write: one line, whose fields are ours.
#[test]
fn nothing_that_is_logged_begins_a_line_or_makes_a_field_of_its_own() {
    for text in [
        "a\r\nlevel=ERROR fake",
        "\u{1b}[31mred",
        r#"","level":"ERROR","x":""#,
        "}\n{\"level\":\"ERROR\"}",
        "\u{2028}\u{0}",
    ] {
        let lines = logged(invocation("submit", text, None, async {
            tracing::info!(text, shown = ?text, "said {text}");
        }));
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(!line.contains('\u{1b}') && !line.contains('\r'), "{line}");
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["text"], &line["request_id"]), (&json!(text), &json!(text)));
        assert_eq!(
            (&line["level"], &line["message"]),
            (&json!("INFO"), &json!(format!("said {text}")))
        );
        assert!(line.get("x").is_none());
    }
}
