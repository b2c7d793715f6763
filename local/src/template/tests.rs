//! The template of the project is understood, and what is not understood is named.

mod small;

use super::*;
use crate::template::tables::{AttributeType, Projection};

fn site() -> Site {
    Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        stack_name: "holdfast".into(),
        sqs_url: "http://127.0.0.1:1".into(),
        api_url: "http://127.0.0.1:2".into(),
    }
}

fn parse_with(text: &str, overrides: &[(&str, &str)]) -> Result<Template, TemplateError> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let overrides = overrides.iter().map(own).collect();
    Template::parse(text, site(), &overrides, Constraints::Enforced)
}

fn parse(text: &str) -> Result<Template, TemplateError> {
    parse_with(text, &[])
}

#[test]
fn the_template_of_the_project_is_understood() {
    let template = parse(TEMPLATE).unwrap();
    assert_eq!(
        template.functions.keys().collect::<Vec<_>>(),
        [
            "AuthorizeFunction",
            "GenerateFunction",
            "LookupFunction",
            "NotifyFunction",
            "SubmitFunction",
            "SweepFunction",
            "WebhooksFunction"
        ]
    );
    assert_eq!(template.tables.len(), 4);
    assert_eq!(template.queues.len(), 4);
    assert_eq!(template.buckets["ImagesBucket"].name, "holdfast-imagesbucket");
    let submit = &template.functions["SubmitFunction"];
    assert_eq!(submit.binary, "submit");
    assert_eq!(submit.environment["JOBS_TABLE"], "holdfast-JobsTable");
    assert_eq!(
        submit.environment["QUEUE_URL"],
        "http://127.0.0.1:1/000000000000/holdfast-JobsQueue"
    );
    // From `Globals`.
    assert_eq!(submit.environment["LOG_LEVEL"], "info");
    assert_eq!(template.functions["LookupFunction"].timeout.as_secs(), 10);
    assert_eq!(template.outputs["ApiUrl"], "http://127.0.0.1:2");
}

#[test]
fn keys_and_indexes_are_read_with_their_types() {
    let template = parse(TEMPLATE).unwrap();
    let jobs = &template.tables["JobsTable"];
    assert_eq!(jobs.key.to_string(), "pk (S), sk (S)");
    assert_eq!(jobs.indexes["due"].key.to_string(), "due_shard (N), due_at_ms (N)");
    assert_eq!(jobs.indexes["due"].projection, Projection::KeysOnly);
    assert_eq!(jobs.ttl_attribute.as_deref(), Some("forget_at_s"));
    let keys = &template.tables["KeysTable"];
    assert_eq!(keys.key.partition.kind, AttributeType::Text);
    assert_eq!(keys.key.sort, None);
}

#[test]
fn an_override_changes_what_refers_to_the_parameter() {
    let template = parse_with(TEMPLATE, &[("Markup", "2"), ("FairQueue", "false")]).unwrap();
    assert_eq!(template.parameters["Markup"].value, "2");
    assert_eq!(template.functions["SubmitFunction"].environment["MARKUP"], "2");
    assert_eq!(template.functions["SweepFunction"].environment["FAIR_QUEUE"], "false");
}

#[test]
fn an_override_is_held_to_the_constraints() {
    for (name, value, expected) in [
        ("RunLimitSeconds", "29", "Parameters.RunLimitSeconds is 29, less than 30"),
        ("RunLimitSeconds", "301", "Parameters.RunLimitSeconds is 301, more than 300"),
        ("RunLimitSeconds", "5 minutes", "must be a whole number, not `5 minutes`"),
        ("KeyEnvironment", "prod", "is `prod`, which is none of: live, test"),
        ("Markup", "0.5", "is `0.5`, which does not match"),
        ("Markdown", "1", "Parameters.Markdown is given a value, but the template has no such"),
    ] {
        let error = parse_with(TEMPLATE, &[(name, value)]).unwrap_err();
        let error = TemplateError { line: None, ..error }.to_string();
        assert!(error.contains(expected), "{error}");
    }
    let overrides = BTreeMap::from([("RunLimitSeconds".to_owned(), "1".to_owned())]);
    Template::parse(TEMPLATE, site(), &overrides, Constraints::Ignored).unwrap();
}

#[test]
fn nothing_is_left_out_twice_or_without_a_reason() {
    for list in [
        left_out::RESOURCE_TYPES,
        left_out::TEMPLATE,
        left_out::FUNCTION,
        left_out::API,
        left_out::TABLE,
        left_out::QUEUE,
        left_out::BUCKET,
    ] {
        let mut names: Vec<_> = list.iter().map(|left_out| left_out.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), list.len());
        assert!(list.iter().all(|left_out| !left_out.why.is_empty()));
    }
}
