//! Which route a request takes: of those that match, the one that says the most, left to right;
//! a route for its method before one for any; `$default` if none matches.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template::Template;

/// What a route leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `GET /v1/jobs/{id}`, or `$default`.
    pub(crate) route_key: String,
    /// The logical id of the function.
    pub(crate) function: String,
    /// The name of the authorizer.
    pub(crate) authorizer: Option<String>,
}

/// A part of a route's path. The order is that of how little it says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This text.
    Literal(String),
    /// `{name}`: one segment that is not empty.
    Variable(String),
    /// `{name+}`: everything that remains, at least one segment.
    Greedy(String),
}

#[derive(Clone, Debug)]
struct Route {
    method: String,
    segments: Vec<Segment>,
    target: Target,
}

/// The routes of the API.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    default: Option<Target>,
}

/// The values of the variables in a path, decoded.
type PathParameters = BTreeMap<String, String>;

impl Routes {
    /// The routes of a template.
    pub(crate) fn of(template: &Template) -> Routes {
        let mut routes = Routes::default();
        for (id, function) in &template.functions {
            for route in &function.routes {
                let authorizer = template.authorizer_of(route).map(str::to_owned);
                let route_key = match &route.key {
                    Some(key) => format!("{} {}", key.method, key.path),
                    None => "$default".to_owned(),
                };
                let target = Target { route_key, function: id.clone(), authorizer };
                match &route.key {
                    Some(key) => routes.routes.push(Route {
                        method: key.method.clone(),
                        segments: segments(&key.path).map(segment).collect(),
                        target,
                    }),
                    None => routes.default = Some(target),
                }
            }
        }
        routes
    }

    /// The route of a request, by its path as it came.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<(&Target, PathParameters)> {
        let path: Vec<String> = segments(path).map(decode).collect();
        let matching =
            self.routes.iter().filter(|route| route.method == method || route.method == "ANY");
        let matching = matching.filter_map(|route| {
            let parameters = parameters(&route.segments, &path)?;
            let rank: Vec<u8> = route.segments.iter().map(Segment::rank).collect();
            Some(((rank, route.method == "ANY"), (&route.target, parameters)))
        });
        let best = matching.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, found)| found);
        best.or_else(|| self.default.as_ref().map(|target| (target, PathParameters::new())))
    }
}

impl Segment {
    /// How little it says.
    fn rank(&self) -> u8 {
        match self {
            Segment::Literal(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Greedy(_) => 2,
        }
    }
}

/// Decodes percent-encoding.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `/` has none; `/a/` has two, the second one empty.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    Some(inner).filter(|inner| !inner.is_empty()).into_iter().flat_map(|inner| inner.split('/'))
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        None => Segment::Literal(text.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Greedy(name.to_owned()),
            None => Segment::Variable(name.to_owned()),
        },
    }
}

/// The variables of a path that matches.
fn parameters(route: &[Segment], path: &[String]) -> Option<PathParameters> {
    let mut found = PathParameters::new();
    let mut rest = path;
    for segment in route {
        let (first, after) = rest.split_first()?;
        match segment {
            Segment::Literal(text) if text == first => {}
            Segment::Variable(name) if !first.is_empty() => {
                found.insert(name.clone(), first.clone());
            }
            Segment::Greedy(name) => {
                found.insert(name.clone(), rest.join("/"));
                return Some(found);
            }
            Segment::Literal(_) | Segment::Variable(_) => return None,
        }
        rest = after;
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests;
