use domain::{job::State, order::Count};

use super::*;
use crate::testing::{NOW, job, order};

fn connect(variables: &[(&str, &str)]) -> Result<Providers, BadConfig> {
    let get = |name| variables.iter().rev().find(|(set, _)| *set == name).map(|(_, value)| *value);
    Config::read(get)?.connect()
}

const TWO: (&str, &str) = ("MAXIMUM_CONCURRENCY", "2");
const LOCAL_STACK: (&str, &str) = ("LOCAL_STACK", "true");

fn serves(providers: &Providers, upstream: Upstream) -> bool {
    let order = order(domain::catalogue::ModelId::RecraftV3, 1, &serde_json::json!({}));
    let job = job(upstream, order);
    assert_eq!((job.created_at, &job.state, job.order.n), (NOW, &State::Pending, Count::ONE));
    providers.of(&job).is_some()
}

#[test]
fn without_keys_there_is_the_sandbox() {
    let providers = connect(&[TWO]).unwrap();
    assert!(serves(&providers, Upstream::Sandbox));
    for upstream in Upstream::KEYED {
        assert!(!serves(&providers, upstream));
    }
}

#[test]
fn each_key_opens_its_upstream() {
    for upstream in Upstream::KEYED {
        let key = (key_variable(upstream).unwrap(), "hush");
        // Also while no new orders go there: it may have some already.
        for list in ["", upstream.as_str()] {
            let providers = connect(&[TWO, key, ("UPSTREAMS", list)]).unwrap();
            for other in Upstream::KEYED {
                assert_eq!(serves(&providers, other), other == upstream);
            }
        }
    }
}

#[test]
fn a_listed_upstream_needs_its_key() {
    for upstream in Upstream::KEYED {
        let error = connect(&[TWO, ("UPSTREAMS", upstream.as_str())]).unwrap_err();
        let variable = key_variable(upstream).unwrap();
        assert_eq!(
            error.to_string(),
            format!("UPSTREAMS lists {upstream}, but there is no {variable}")
        );
    }
}

#[test]
fn loopback_is_an_upstream_on_one_machine_only() {
    let key = ("BFL_API_KEY", "hush");
    let with = |base, more: &[(&'static str, &'static str)]| {
        let variables = [&[TWO, key, ("BFL_BASE_URL", base)], more].concat();
        connect(&variables).map(drop)
    };
    for loopback in
        ["http://127.0.0.1:7", "http://localhost:7", "http://[::1]:7", "https://127.0.0.1:7"]
    {
        assert!(with(loopback, &[LOCAL_STACK]).is_ok(), "{loopback}");
        assert!(
            matches!(with(loopback, &[]), Err(BadConfig::BadBase("BFL_BASE_URL"))),
            "{loopback}"
        );
    }
    assert!(with("https://api.eu.bfl.ai", &[]).is_ok());
    for bad in [
        "http://api.bfl.ai",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://user:pass@api.bfl.ai",
        "https://api.bfl.ai/?key=1",
        "nonsense",
    ] {
        for more in [&[][..], &[LOCAL_STACK]] {
            assert!(matches!(with(bad, more), Err(BadConfig::BadBase(_))), "{bad}");
        }
    }
}

#[test]
fn so_many_workers_as_cannot_share_an_upstream_do_not_start() {
    let key = ("IDEOGRAM_API_KEY", "hush");
    let start = |workers, upstreams| {
        connect(&[("MAXIMUM_CONCURRENCY", workers), key, ("UPSTREAMS", upstreams)]).map(drop)
    };
    assert!(start("10", "ideogram").is_ok());
    let error = start("11", "ideogram").unwrap_err();
    assert!(matches!(error, BadConfig::TooManyWorkers { upstream: Upstream::Ideogram, .. }));
    assert!(error.to_string().contains("GenerateMaximumConcurrency"), "{error}");
    assert!(start("40", "ideogram=40").is_ok());
    // A key that lies there and is not listed keeps nobody from having more workers.
    assert!(start("50", "").is_ok());
    for workers in ["0", "-1", "two", ""] {
        assert!(matches!(start(workers, ""), Err(BadConfig::Workers(_))), "{workers}");
    }
    assert!(matches!(connect(&[]), Err(BadConfig::Workers(None))));
    assert!(matches!(start("2", "ideogram;bfl"), Err(BadConfig::Upstreams(_))));
}

#[test]
fn a_key_is_never_shown() {
    for key in ["hush", "hush\n", "hush\u{7f}"] {
        let variables = [TWO, ("FAL_KEY", key)];
        let config = Config::read(|name| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| *value)
        })
        .unwrap();
        let shown = format!("{config:?} {:?}", config.clone().connect());
        assert!(!shown.contains("hush"), "{shown}");
    }
    assert!(matches!(connect(&[TWO, ("FAL_KEY", "hush\n")]), Err(BadConfig::BadKey("FAL_KEY"))));
}
