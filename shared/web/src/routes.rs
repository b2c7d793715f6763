//! The routes, as callers know them. Which function takes one is the template's business; a test compares
//! the two.

/// The method and the path of every route.
pub const ROUTES: &[(&str, &str)] = &[
    ("POST", "/v1/images/generations"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/{id}"),
    ("POST", "/v1/jobs/{id}/cancel"),
    ("POST", "/v1/webhooks/secret"),
    ("GET", "/v1/webhooks/endpoints"),
    ("POST", "/v1/webhooks/endpoints"),
    ("GET", "/v1/webhooks/endpoints/{id}"),
    ("DELETE", "/v1/webhooks/endpoints/{id}"),
    ("POST", "/v1/webhooks/endpoints/{id}/rotate"),
    ("POST", "/v1/webhooks/endpoints/{id}/enable"),
    ("GET", "/v1/webhooks/deliveries"),
    ("GET", "/v1/webhooks/deliveries/{id}"),
    ("POST", "/v1/webhooks/deliveries/{id}/redeliver"),
    ("GET", "/v1/models"),
    ("GET", "/v1/pricing"),
    ("GET", "/v1/credits/balance"),
    ("GET", "/v1/credits/transactions"),
    ("GET", "/v1/auth/limits"),
    ("GET", "/v1/limits/tiers"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/"),
];

/// The methods that a path takes, as the header `Allow` lists them; `None` if it is no route's.
#[must_use]
pub fn allowed(path: &str) -> Option<String> {
    let routes = ROUTES.iter().filter(|(_, route)| matches(route, path));
    let methods: Vec<&str> = routes.map(|(method, _)| *method).collect();
    (!methods.is_empty()).then(|| methods.join(", "))
}

/// Whether a path is one of a route's; a variable is one segment that is not empty.
fn matches(route: &str, path: &str) -> bool {
    let fits = |(segment, text): (&str, &str)| {
        if segment.starts_with('{') { !text.is_empty() } else { segment == text }
    };
    route.split('/').count() == path.split('/').count()
        && route.split('/').zip(path.split('/')).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_takes_the_methods_of_its_routes() {
        for (path, methods) in [
            ("/", Some("GET")),
            ("/v1/images/generations", Some("POST")),
            ("/v1/jobs", Some("GET")),
            ("/v1/jobs/x", Some("GET")),
            ("/v1/jobs/x/cancel", Some("POST")),
            ("/v1/webhooks/endpoints", Some("GET, POST")),
            ("/v1/webhooks/endpoints/x", Some("GET, DELETE")),
            ("/v1/webhooks/secret/x", None),
            ("/v1/jobs/", None),
            ("/v1/jobs//cancel", None),
            ("/v1/jobs/x/", None),
            ("/v1", None),
            ("", None),
            ("//", None),
            ("/v1/models/", None),
        ] {
            assert_eq!(allowed(path).as_deref(), methods, "{path}");
        }
    }
}
