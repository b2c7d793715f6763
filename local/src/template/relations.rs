//! What must hold between resources: every name that one gives for another is one of the template.

use std::collections::BTreeSet;

use super::Template;

/// Checks that resources fit together.
pub(super) fn check(template: &Template) -> Result<(), String> {
    routes(template)?;
    for (id, function) in &template.functions {
        for source in &function.sources {
            if template.queue_by_arn(&source.queue_arn).is_none() {
                return Err(format!("have `{id}` called by a queue that is not there"));
            }
        }
    }
    for (name, authorizer) in &template.api.authorizers {
        if template.function_by_arn(&authorizer.function_arn).is_none() {
            return Err(format!("have the authorizer `{name}` without its function"));
        }
    }
    for (id, queue) in &template.queues {
        let target = queue.redrive.as_ref().map(|redrive| &redrive.target_arn);
        if target.is_some_and(|arn| template.queue_by_arn(arn).is_none()) {
            return Err(format!("have `{id}` with a dead-letter queue that is not there"));
        }
    }
    Ok(())
}

fn routes(template: &Template) -> Result<(), String> {
    let mut keys = BTreeSet::new();
    for (id, function) in &template.functions {
        for route in &function.routes {
            let event = format!("the event `{}` of `{id}`", route.event);
            if route.api != template.api.name {
                return Err(format!("have {event} on an API that is not there"));
            }
            let authorizer = template.authorizer_of(route);
            if authorizer.is_some_and(|name| !template.api.authorizers.contains_key(name)) {
                return Err(format!("have {event} with an authorizer that is not there"));
            }
            if !keys.insert(&route.key) {
                return Err(format!("have {event} on the route of another event"));
            }
        }
    }
    Ok(())
}
