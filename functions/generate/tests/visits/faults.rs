//! The ways in which an upstream fails, as data: at which question, how often, what it says then, and
//! how the job ends.

use std::{fmt, time::Duration};

use domain::upstream::Upstream;
use serde_json::{Value, json};
use testkit::{Reply, picture};

use crate::played::{Line, Pace};

/// A host that no upstream of ours has its pictures at.
const FOREIGN: &str = "https://pictures.example/cat.png";

/// When an answer comes that is late, also where the one who waits for it is slow to give up.
const LATE: Duration = Pace::SHORT.limit.saturating_add(Duration::from_secs(10));

/// A question to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Connect,
    Submit,
    Poll,
    Result,
    Picture,
}

/// How often it is answered wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// Once. Where an order is several requests, one of them.
    Once,
    /// Once for each of the requests that the order is.
    Round,
    /// Always.
    Always,
    /// Always where it is about the second picture, and never else.
    Second,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// With so many pictures.
    With(u8),
    Failed,
    Expired,
}

/// One of the ways.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) at: Stage,
    pub(crate) times: Times,
    pub(crate) reply: Reply,
    /// The order was refused, and nothing came of it.
    pub(crate) refuses: bool,
    pub(crate) ends: Ends,
    pub(crate) pace: Pace,
    /// Tasks are done when they are first asked for.
    pub(crate) is_ready: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}, {:?}", self.at, self.what, self.times)
    }
}

/// What an answer to a question amounts to.
#[derive(Clone, Copy)]
enum Means {
    /// Nothing can be said of the order, the task or the picture.
    Nothing,
    /// It was not taken, or is not there yet; it says when to come again.
    Busy,
    /// Our key is refused.
    Trouble,
    /// The order is refused, or the task failed.
    Verdict,
    /// What should be there is not.
    Lost,
}

/// All faults of a line.
pub(crate) fn faults(line: &Line) -> Vec<Fault> {
    let mut faults = connects(line);
    faults.extend(submits(line));
    if line.poll.is_some() {
        faults.extend(polls(line));
    }
    if line.result.is_some() {
        faults.extend(results(line));
    }
    faults.extend(pictures(line));
    faults
}

fn connects(line: &Line) -> Vec<Fault> {
    let fault = |times, ends| Fault {
        what: "nobody listens",
        at: Stage::Connect,
        times,
        reply: Reply::cut(),
        refuses: false,
        ends,
        pace: Pace::SHORT,
        is_ready: false,
    };
    vec![fault(Times::Once, Ends::With(line.n)), fault(Times::Always, Ends::Expired)]
}

fn submits(line: &Line) -> Vec<Fault> {
    use Means::{Busy, Nothing, Trouble, Verdict};

    let mut says: Vec<_> =
        nothings(&good(line, 0)).into_iter().map(|(what, reply)| (what, reply, Nothing)).collect();
    says.extend([
        ("429", Reply::json(429, json!({})).header("retry-after", "1"), Busy),
        ("503 with Retry-After", Reply::html(503).header("retry-after", "1"), Busy),
        ("401", fixture(line, "401"), Trouble),
        ("402", Reply::json(402, json!({ "error": "no credit" })), Trouble),
        ("403", Reply::json(403, json!({ "detail": "User is locked." })), Trouble),
        ("404", Reply::html(404), Trouble),
        ("400", Reply::json(400, json!({ "message": "bad prompt" })), Verdict),
        ("moderation", moderated(line), Verdict),
    ]);
    if line.upstream != Upstream::Ideogram {
        let wrong = json!({ "detail": [{ "loc": ["body", "prompt"], "msg": "too long" }] });
        says.push(("422", Reply::json(422, wrong), Verdict));
    }
    let mut faults = Vec::new();
    for (what, reply, means) in says {
        let refuses = !matches!(means, Nothing);
        for times in [Times::Once, Times::Round, Times::Always] {
            let several = line.requests > 1;
            let ends = match (means, times) {
                // A part of which nothing came is left out.
                (Nothing | Trouble | Verdict, Times::Once) if several => {
                    Ends::With(line.n.saturating_sub(1))
                }
                (_, Times::Round) if !several => continue,
                (Nothing | Busy | Trouble, Times::Once | Times::Round) => Ends::With(line.n),
                (Busy | Trouble, _) => Ends::Expired,
                (Verdict, Times::Round) => continue,
                (_, _) => Ends::Failed,
            };
            faults.push(fault(Stage::Submit, times, what, reply.clone(), refuses, ends));
        }
    }
    faults.extend(made(line));
    faults
}

/// Orders that are taken, with something about the pictures.
fn made(line: &Line) -> Vec<Fault> {
    let says = match line.upstream {
        Upstream::Ideogram => vec![
            ("no picture is safe", Reply::fixture("ideogram/all_unsafe"), Ends::Failed),
            ("one picture is not safe", one_unsafe("ideogram/one_unsafe"), Ends::With(1)),
            ("one picture is empty", one_unsafe("ideogram/one_unsafe_empty"), Ends::With(1)),
            ("more pictures than ordered", Reply::fixture("ideogram/ok_4"), Ends::With(2)),
            ("fewer pictures than ordered", Reply::fixture("ideogram/ok_1"), Ends::With(1)),
            ("no pictures", good(line, 0).set("/data", json!([])), Ends::Failed),
            ("a foreign host", good(line, 0).set("/data/0/url", json!(FOREIGN)), Ends::Failed),
        ],
        Upstream::Recraft => vec![
            ("dearer, and fewer than ordered", Reply::fixture("recraft/dearer"), Ends::With(1)),
            ("no pictures", good(line, 0).set("/data", json!([])), Ends::Failed),
            ("a foreign host", good(line, 0).set("/data/0/url", json!(FOREIGN)), Ends::Failed),
        ],
        Upstream::Sandbox | Upstream::Bfl | Upstream::Fal => Vec::new(),
    };
    let made = |(what, reply, ends)| fault(Stage::Submit, Times::Always, what, reply, false, ends);
    says.into_iter().map(made).collect()
}

fn polls(line: &Line) -> Vec<Fault> {
    use Means::{Busy, Lost, Nothing, Trouble, Verdict};

    let mut says: Vec<_> =
        nothings(&good(line, 1)).into_iter().map(|(what, reply)| (what, reply, Nothing)).collect();
    says.extend([
        ("429", Reply::json(429, json!({})).header("retry-after", "1"), Busy),
        ("503 with Retry-After", Reply::html(503).header("retry-after", "1"), Busy),
        ("401", fixture(line, "401"), Trouble),
        ("402", Reply::json(402, json!({})), Trouble),
        ("403", Reply::json(403, json!({})), Trouble),
        ("404", Reply::html(404), Lost),
        ("410", Reply::html(410), Lost),
        ("a state that nobody knows", good(line, 1).set("/status", json!("PONDERING")), Busy),
    ]);
    if line.upstream == Upstream::Bfl {
        says.extend([
            ("pending", Reply::fixture("bfl/pending"), Busy),
            ("an error", Reply::fixture("bfl/error"), Verdict),
            ("failed", Reply::fixture("bfl/unknown_status"), Verdict),
            ("the request is moderated", Reply::fixture("bfl/request_moderated"), Verdict),
            ("the content is moderated", Reply::fixture("bfl/content_moderated"), Verdict),
            ("the task is not found", Reply::fixture("bfl/task_not_found"), Lost),
            ("ready without a result", good(line, 1).without("/result"), Nothing),
            ("a foreign host", good(line, 1).set("/result/sample", json!(FOREIGN)), Lost),
        ]);
    } else {
        says.extend([
            ("in the queue", Reply::fixture("fal/in_queue"), Busy),
            ("in progress", Reply::fixture("fal/in_progress"), Busy),
            ("an error", Reply::fixture("fal/completed_with_error"), Verdict),
        ]);
    }
    asked(line, Stage::Poll, says)
}

fn results(line: &Line) -> Vec<Fault> {
    use Means::{Busy, Lost, Nothing, Trouble, Verdict};

    let mut says: Vec<_> =
        nothings(&good(line, 2)).into_iter().map(|(what, reply)| (what, reply, Nothing)).collect();
    says.extend([
        ("not yet", Reply::fixture("fal/result_in_progress"), Lost),
        ("429", Reply::fixture("fal/429").header("retry-after", "1"), Busy),
        ("401", Reply::fixture("fal/401"), Trouble),
        ("403", Reply::fixture("fal/403_locked"), Trouble),
        ("404", Reply::fixture("fal/404"), Lost),
        ("moderation", Reply::fixture("fal/422_content_policy_violation"), Verdict),
        ("422", Reply::fixture("fal/422_validation"), Verdict),
        ("marked as unsafe", Reply::fixture("fal/result_nsfw"), Verdict),
        ("no pictures", good(line, 2).set("/images", json!([])), Verdict),
        ("a foreign host", good(line, 2).set("/images/0/url", json!(FOREIGN)), Lost),
    ]);
    asked(line, Stage::Result, says)
}

/// Faults of the answers about a task.
fn asked(line: &Line, at: Stage, says: Vec<(&'static str, Reply, Means)>) -> Vec<Fault> {
    use Means::{Busy, Lost, Nothing, Trouble, Verdict};

    let mut faults = Vec::new();
    for (what, reply, means) in says {
        for times in [Times::Once, Times::Always] {
            let foreign = what == "a foreign host" && line.requests < usize::from(line.n);
            let ends = match (means, times) {
                (Verdict, Times::Once) if line.requests > 1 => Ends::With(line.n.saturating_sub(1)),
                (Nothing | Busy | Trouble | Lost, Times::Once) => Ends::With(line.n),
                (Nothing | Busy | Trouble, _) => Ends::Expired,
                // The other picture of the same answer can be had.
                (Lost, _) if foreign => Ends::With(line.n.saturating_sub(1)),
                (Verdict | Lost, _) => Ends::Failed,
            };
            let is_ready = matches!((means, times), (Verdict, Times::Once));
            let fault = fault(at, times, what, reply.clone(), false, ends);
            faults.push(Fault { is_ready, ..fault });
        }
    }
    faults
}

fn pictures(line: &Line) -> Vec<Fault> {
    let png = || picture::png(64, 64);
    let corrupt = [png().get(..24).unwrap(), &[0xAA; 400]].concat();
    let whole = Reply::bytes(200, "image/png", png());
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"></svg>".to_vec();
    let mut says = nothings(&whole);
    // An empty object is here what any other JSON is.
    says.extend([
        ("403", Reply::html(403)),
        ("404", Reply::html(404)),
        ("410", Reply::html(410)),
        ("a corrupt picture", Reply::bytes(200, "image/png", corrupt)),
        ("half a picture", Reply::bytes(200, "image/png", png().split_off(60))),
        ("an SVG", Reply::bytes(200, "image/svg+xml", svg)),
        ("no bytes", Reply::bytes(200, "image/png", Vec::new())),
        ("more bytes promised", whole.clone().claiming(1 << 30)),
    ]);
    let mut faults = Vec::new();
    for (what, reply) in says {
        let at = Stage::Picture;
        let (whole, part) = (Ends::With(line.n), Ends::With(line.n.saturating_sub(1)));
        faults.push(fault(at, Times::Once, what, reply.clone(), false, whole));
        faults.push(fault(at, Times::Always, what, reply.clone(), false, Ends::Failed));
        // Where one answer tells all pictures, their addresses end in a number.
        if line.requests < usize::from(line.n) {
            faults.push(fault(at, Times::Second, what, reply, false, part));
        }
    }
    let (what, reply) = ("another content type", Reply::bytes(200, "text/plain", png()));
    faults.push(fault(Stage::Picture, Times::Always, what, reply, false, Ends::With(line.n)));
    faults
}

/// Answers that say nothing, to any question that `good` would be the answer to.
fn nothings(good: &Reply) -> Vec<(&'static str, Reply)> {
    let elsewhere = Reply::json(302, json!({})).header("location", "/results/x/0.png");
    vec![
        ("cut", Reply::cut()),
        ("late", good.clone().after(LATE)),
        ("silence", Reply::silence()),
        ("drop by drop", good.clone().drip(Duration::from_millis(100))),
        ("truncated", good.clone().truncated()),
        ("HTML with 200", Reply::html(200)),
        ("an empty object", Reply::json(200, json!({}))),
        ("a gigabyte", Reply::endless(1 << 30)),
        ("500", Reply::json(500, json!({ "error": "oops" }))),
        ("502", Reply::html(502)),
        ("504", Reply::html(504)),
        ("elsewhere", elsewhere),
    ]
}

fn fault(
    at: Stage,
    times: Times,
    what: &'static str,
    reply: Reply,
    refuses: bool,
    ends: Ends,
) -> Fault {
    let slow = ["late", "silence", "drop by drop"].contains(&what);
    let passes = matches!(times, Times::Once | Times::Round) && !slow;
    let pace = if passes { Pace::PATIENT } else { Pace::SHORT };
    Fault { what, at, times, reply, refuses, ends, pace, is_ready: false }
}

/// What is answered to the order (0), to a question about it (1) and about its result (2).
pub(crate) fn good(line: &Line, which: usize) -> Reply {
    let reply = Reply::fixture(line.good.get(which).unwrap());
    if which < 2 {
        return reply;
    }
    let each = usize::from(line.n).checked_div(line.requests).unwrap();
    let url = |index| json!({ "url": format!("{{base}}/results/{{id}}/{index}.png") });
    let safe: Vec<Value> = (0..each).map(|_| json!(false)).collect();
    let images = (0..each).map(url).collect();
    reply.set("/images", Value::Array(images)).set("/has_nsfw_concepts", Value::Array(safe))
}

/// The fixture of this name, of the line's upstream.
fn fixture(line: &Line, name: &str) -> Reply {
    Reply::fixture(&format!("{}/{name}", line.upstream))
}

fn moderated(line: &Line) -> Reply {
    match line.upstream {
        Upstream::Ideogram => fixture(line, "422_safety"),
        Upstream::Fal => fixture(line, "422_content_policy_violation"),
        Upstream::Sandbox | Upstream::Bfl | Upstream::Recraft => {
            Reply::json(400, json!({ "message": "the prompt was refused by moderation" }))
        }
    }
}

/// Two pictures, of which one is withheld.
fn one_unsafe(name: &str) -> Reply {
    let safe = json!({ "url": "{base}/results/{id}/0.png", "is_image_safe": true, "seed": 1 });
    let withheld = if name.ends_with("empty") { json!("") } else { Value::Null };
    let unsafe_ = json!({ "url": withheld, "is_image_safe": false, "seed": 2 });
    Reply::fixture(name).set("/data", json!([safe, unsafe_]))
}
