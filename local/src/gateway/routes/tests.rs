//! Route selection.

use super::*;

fn routes(keys: &[&str]) -> Routes {
    let mut routes = Routes::default();
    for key in keys {
        let target = Target { route_key: (*key).into(), function: (*key).into(), authorizer: None };
        match key.split_once(' ') {
            None => routes.default = Some(target),
            Some((method, path)) => routes.routes.push(Route {
                method: method.into(),
                segments: segments(path).map(segment).collect(),
                target,
            }),
        }
    }
    routes
}

#[test]
fn the_route_that_says_the_most_is_taken() {
    let routes = routes(&[
        "GET /{proxy+}",
        "GET /v1/jobs/{id}",
        "GET /v1/jobs/mine",
        "ANY /v1/jobs/{id}",
        "GET /v1/{kind}/mine",
        "GET /",
        "$default",
    ]);
    for (method, path, expected) in [
        ("GET", "/", "GET /"),
        ("GET", "/v1/jobs/mine", "GET /v1/jobs/mine"),
        ("GET", "/v1/jobs/1", "GET /v1/jobs/{id}"),
        ("PUT", "/v1/jobs/1", "ANY /v1/jobs/{id}"),
        ("GET", "/v1/keys/mine", "GET /v1/{kind}/mine"),
        ("GET", "/v1/jobs/1/images", "GET /{proxy+}"),
        ("GET", "/v1/jobs/", "GET /{proxy+}"),
        ("POST", "/v1/jobs", "$default"),
        ("HEAD", "/", "$default"),
    ] {
        let (target, _) = routes.find(method, path).unwrap();
        assert_eq!(target.route_key, expected, "{method} {path}");
    }
}

#[test]
fn variables_are_decoded() {
    let routes = routes(&["GET /a/{id}", "GET /b/{rest+}"]);
    let parameters = |path| routes.find("GET", path).map(|(_, parameters)| parameters);
    let one = |name: &str, value: &str| Some(BTreeMap::from([(name.into(), value.into())]));
    assert_eq!(parameters("/a/x%20y%2Fz"), one("id", "x y/z"));
    assert_eq!(parameters("/b/x/y"), one("rest", "x/y"));
    assert_eq!(parameters("/a/"), None);
    assert_eq!(parameters("/b"), None);
    assert_eq!(parameters("/a/1/"), None);
}

#[test]
fn without_a_default_there_may_be_no_route() {
    assert!(routes(&["GET /a"]).find("GET", "/b").is_none());
    assert!(routes(&["GET /a"]).find("POST", "/a").is_none());
}
