//! What is secret, or somebody else's, is in no log line and in no count: the prompt, our key, and the
//! URLs that open pictures.

use std::{
    io,
    sync::{Arc, Mutex},
};

use domain::{job::Status, order::Draft};
use futures_util::future::join_all;
use serde_json::json;
use testkit::{Plan, Reply};
use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt::MakeWriter};

use crate::{
    played::{BFL, FAL_RECRAFT, IDEOGRAM, Line, Pace, Played, RECRAFT, draft},
    world::World,
};

const PROMPT: &str = "canary-in-the-prompt";
const KEY: &str = "canary-in-the-key";
const QUERY: &str = "canary-in-the-query";
const ANSWER: &str = "canary-in-the-answer";

/// All that is ours, at its most talkative, and the client below it. The SDK and hyper are kept to
/// warnings by the product, and the stand-ins run in this process too.
const FILTER: &str = "off,generate=trace,providers=trace,runtime=trace,store=trace,domain=trace,\
    reqwest=trace,hyper_util=trace";

/// Where the log goes.
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

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What an upstream that repeats all it was told says to an order that it refuses.
fn gossip(status: u16) -> Reply {
    // Whatever status it has, a complaint of moderation is a verdict.
    let about = if status == 400 { "moderation" } else { "" };
    let said = json!([{
        "loc": ["body", PROMPT],
        "msg": format!("{PROMPT} {KEY} {ANSWER} {about}"),
        "input": PROMPT,
        "url": format!("{{base}}/results/x/0.png?signature={QUERY}"),
    }]);
    Reply::json(status, json!({ "detail": said }))
}

/// An answer whose pictures are at a URL that opens them, and cannot be had.
fn signed(line: &Line) -> (&'static str, &'static str, Reply) {
    let url = json!(format!("{{base}}/results/x/0.png?signature={QUERY}"));
    match line.poll {
        None => ("POST", line.submit, {
            let picture = json!({ "url": url, "is_image_safe": true });
            Reply::json(200, json!({ "data": [picture], "said": ANSWER }))
        }),
        Some(poll) if line.result.is_none() => {
            ("GET", poll, Reply::fixture("bfl/ready").set("/result/sample", url))
        }
        Some(_) => {
            let images = json!({ "images": [{ "url": url }], "said": ANSWER });
            ("GET", line.result.unwrap(), Reply::json(200, images))
        }
    }
}

/// A job that meets with these answers, and ends so. What was counted, and where its upstream was.
async fn run(
    world: &World,
    line: &Line,
    status: Status,
    says: Vec<(&str, &str, Reply)>,
) -> (String, String) {
    let draft = Draft { prompt: PROMPT.to_owned(), ..draft(line) };
    let plan = Plan { key: KEY.to_owned(), ..Plan::default() };
    let mut played = Played::of(world, (line, draft), Pace::SHORT, plan).await;
    let lines = played.count();
    for (method, path, reply) in says {
        played.upstream.on(method, path, reply);
    }
    let job = played.drive().await;
    assert_eq!(job.state.status(), status, "{line}");
    let told = lines.lock().unwrap().join("\n");
    (told, played.upstream.url().trim_start_matches("http://").to_owned())
}

#[tokio::test]
async fn neither_the_log_nor_the_counts_tell_a_prompt_a_key_or_a_url() {
    let log = Log::default();
    let filter = EnvFilter::try_new(FILTER).unwrap();
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone());
    // While there is only one, whoever logs first on a thread without it decides for all that nobody
    // listens there. A second one that hears nothing has everybody asked.
    let deaf = tracing_subscriber::fmt().with_max_level(LevelFilter::OFF).finish();
    let deaf = tracing::Dispatch::new(deaf);
    let guard = tracing::subscriber::set_default(logger.finish());

    let world = World::start().await;
    let mut cases = Vec::new();
    for line in [&BFL, &IDEOGRAM, &RECRAFT, &FAL_RECRAFT] {
        let (method, path, good) = signed(line);
        let gone = Reply::html(404).header("location", QUERY);
        cases.extend([
            (line, Status::Succeeded, vec![(method, path, good.clone())]),
            (line, Status::Failed, vec![(method, path, good), ("GET", "/results/*", gone)]),
            (line, Status::Failed, vec![("POST", line.submit, gossip(400))]),
            (line, Status::Expired, vec![("POST", line.submit, gossip(401))]),
            (line, Status::Expired, vec![("POST", line.submit, gossip(429))]),
            (line, Status::Failed, vec![("POST", line.submit, gossip(200))]),
            (line, Status::Failed, vec![("POST", line.submit, gossip(500))]),
            (line, Status::Failed, vec![("POST", line.submit, Reply::cut())]),
        ]);
    }
    let runs = cases.into_iter().map(|(line, status, says)| run(&world, line, status, says));
    let (counts, bases): (Vec<_>, Vec<_>) = join_all(runs).await.into_iter().unzip();
    let mut told = counts.join("\n");
    told.push('\n');
    drop((guard, deaf));
    let heard = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(heard.contains("ended") && heard.contains("TRACE"), "nothing was heard");
    assert!(told.contains("SubmitUnknown"), "nothing was counted");
    told.push_str(&heard);
    for secret in [PROMPT, KEY, QUERY, ANSWER, "/results/", "signature="] {
        let found = told.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret}");
    }
    // The client below ours tells where it connects to, if it is asked to; nothing of ours does.
    let ours = |line: &&str| !line.contains("hyper_util::") && !line.contains("reqwest::");
    for base in bases {
        let found = told.lines().filter(ours).find(|line| line.contains(&base));
        assert_eq!(found, None, "{base}");
    }
    world.close().await;
}
