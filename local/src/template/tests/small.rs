//! A small template is understood; broken in any place, it is refused, and the place is named.

use super::*;
use crate::template::functions::RouteKey;

/// A template with every type of resource, small enough to break.
const SMALL: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Batch: {Type: Number, Default: 5, MinValue: 1}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Key:
            FunctionArn: {"Fn::GetAtt": [Worker, Arn]}
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            Identity: {Headers: [Authorization], ReauthorizeEvery: 60}
  Worker:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: worker}}
    Properties:
      Runtime: provided.al2023
      Environment:
        Variables:
          TABLE: !Ref Rows
          URI: !Sub "s3://${Files}/${Batch}/${!kept}/${AWS::Region}"
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: "/{id}"}}
        Work: {Type: SQS, Properties: {Queue: !GetAtt Bell.Arn, BatchSize: !Ref Batch}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(5 minutes)}}
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  Bell:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${AWS::StackName}-bell"
  Files:
    Type: AWS::S3::Bucket
    Properties: {}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Join ["/", [a, !Ref Batch]]}
"#;

#[test]
fn both_notations_of_intrinsic_functions_are_evaluated() {
    let template = parse(SMALL).unwrap();
    let worker = &template.functions["Worker"];
    assert_eq!(worker.environment["TABLE"], "holdfast-Rows");
    assert_eq!(worker.environment["URI"], "s3://holdfast-files/5/${kept}/us-east-1");
    assert_eq!(worker.sources[0].batch_size, 5);
    assert_eq!(worker.schedules[0].every.as_secs(), 300);
    assert_eq!(worker.routes[0].key, Some(RouteKey { method: "GET".into(), path: "/{id}".into() }));
    assert_eq!(template.queue_by_arn(&worker.sources[0].queue_arn), Some("Bell"));
    assert_eq!(template.queues["Bell"].url, "http://127.0.0.1:1/000000000000/holdfast-bell");
    assert_eq!(
        template.function_by_arn(&template.api.authorizers["Key"].function_arn),
        Some("Worker")
    );
}

/// `SMALL` with a part replaced must fail with this error.
#[track_caller]
fn broken(part: &str, by: &str, expected: &str) {
    assert!(SMALL.contains(part), "{part}");
    let error = parse(&SMALL.replace(part, by)).unwrap_err();
    let error = TemplateError { line: None, ..error }.to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_type_that_is_not_known_is_named() {
    broken("AWS::S3::Bucket", "AWS::S3Express::DirectoryBucket", "Resources.Files.Type");
    broken(
        "AWS::S3::Bucket",
        "AWS::S3::Buckets",
        "`AWS::S3::Buckets`, a type that is not understood",
    );
    broken("Type: Schedule,", "Type: Cron,", "Worker.Properties.Events.Tick.Type");
    broken(
        "Type: Number",
        "Type: CommaDelimitedList",
        "`CommaDelimitedList`, which is not understood",
    );
}

#[test]
fn a_property_that_is_not_known_is_named() {
    broken(
        "BillingMode: PAY",
        "StreamSpecification: {StreamViewType: KEYS_ONLY}\n      BillingMode: PAY",
        "Resources.Rows.Properties.StreamSpecification is not understood here",
    );
    broken(
        "KeyType: HASH}",
        "KeyType: HASH, Order: DESC}",
        "Resources.Rows.Properties.KeySchema[0].Order",
    );
    broken("Transform:", "Mappings: {}\nTransform:", "Mappings");
    broken(
        "Type: AWS::SQS::Queue",
        "Type: AWS::SQS::Queue\n    Condition: X",
        "Resources.Bell.Condition",
    );
}

#[test]
fn a_reference_to_nothing_is_found_wherever_it_is() {
    broken("!Ref Rows", "!Ref Row", "Variables.TABLE refers to `Row`, which is neither");
    broken("!GetAtt Bell.Arn", "!GetAtt Bells.Arn", "refers to `Bells`");
    broken("${Files}", "${File}", "refers to `File`");
    // In what is left out, too.
    broken("[a, !Ref Batch]", "[a, !Ref Bach]", "Logs.Properties.LogGroupName[1][1]");
}

#[test]
fn an_intrinsic_function_is_understood_or_named() {
    broken("!Ref Rows", "!Reff Rows", "uses the intrinsic function `Reff`, which is not known");
    broken("\"Fn::GetAtt\"", "\"Fn::GetAttr\"", "uses the intrinsic function `Fn::GetAttr`");
    broken(
        "!Ref Rows",
        "!Join ['', [a]]",
        "uses the intrinsic function `Join`, which is not under",
    );
    broken(
        "!Ref Rows",
        "!GetAtt Rows.StreamArn",
        "asks for `Rows.StreamArn`, which is not understood",
    );
    broken("!Ref Rows", "!Ref Logs", "needs `Logs`, a resource that exists only in the cloud");
    broken("/${AWS::Region}", "/${AWS::Region", "has a `${` without its `}`");
}

#[test]
fn a_wrong_type_is_named() {
    broken("Default: 5", "Default: five", "Parameters.Batch must be a whole number");
    broken("BatchSize: !Ref Batch", "BatchSize: [1]", "BatchSize must be text, not a list");
    broken(
        "{Headers: [Authorization]",
        "{Headers: Authorization",
        "Identity.Headers must be a list",
    );
    broken(
        "Properties: {}",
        "Properties:",
        "Resources.Files.Properties must be a map, not nothing",
    );
    broken(
        "EnableSimpleResponses: true",
        "EnableSimpleResponses: false",
        "must be `true`; `false` is not",
    );
    broken("Runtime: provided.al2023", "Runtime: python3.13", "must be `provided.al2023`");
    broken("rate(5 minutes)", "rate(1 minutes)", "must be `rate(…)`; `rate(1 minutes)` is not");
    broken("rate(5 minutes)", "cron(0 * * * ? *)", "must be `rate(…)`");
    broken("PAY_PER_REQUEST", "PROVISIONED", "must be `PAY_PER_REQUEST`");
}

#[test]
fn what_is_missing_is_named() {
    broken("Runtime: provided.al2023", "CodeUri: .", "Worker.Properties must have `Runtime`");
    broken(", ReauthorizeEvery: 60", "", "Identity must have `ReauthorizeEvery`");
    broken("KeyType: HASH", "KeyType: RANGE", "KeySchema must have a HASH attribute");
    broken("Transform: AWS::Serverless-2016-10-31", "Description: x", "must have `Transform`");
    broken("Method: get, ", "", "must have both `Method` and `Path`, or neither");
}

#[test]
fn resources_must_fit_together() {
    broken(
        "AttributeName: pk, KeyType",
        "AttributeName: id, KeyType",
        "names `id`, which is not defined",
    );
    broken(
        "[{AttributeName: pk, AttributeType: S}]",
        "[{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]",
        "defines `sk`, which is in no key",
    );
    broken(
        "Queue: !GetAtt Bell.Arn",
        "Queue: !GetAtt Rows.Arn",
        "called by a queue that is not there",
    );
    broken("ApiId: !Ref Api", "ApiId: !Ref Files", "on an API that is not there");
    broken(
        "Path: \"/{id}\"",
        "Path: \"/{id}\", Auth: {Authorizer: Kee}",
        "with an authorizer that is not",
    );
    broken(
        "FunctionArn: {\"Fn::GetAtt\": [Worker, Arn]}",
        "FunctionArn: x",
        "`Key` without its function",
    );
}

#[test]
fn yaml_must_be_plain_and_say_everything_once() {
    broken(
        "Properties: {}",
        "Properties: {}\n    Properties: {}",
        "Resources.Files.Properties is there twice",
    );
    broken("Properties: {}", "Properties: &files {}", "is a YAML anchor");
    broken("Properties: {}", "Properties: {", "is malformed YAML");
    assert!(parse("").unwrap_err().to_string().contains("the template is empty"));
    let two = format!("{SMALL}\n---\nA: b\n");
    assert!(parse(&two).unwrap_err().to_string().contains("more than one YAML document"));
    let deep = "[".repeat(100_000);
    parse(&deep).unwrap_err();
}

#[test]
fn an_error_knows_its_line() {
    let error = parse(&SMALL.replace("!Ref Rows", "!Ref Row")).unwrap_err();
    let line = SMALL.lines().position(|line| line.contains("!Ref Rows")).unwrap() + 1;
    assert_eq!(error.line, Some(line));
    assert_eq!(
        error.to_string(),
        format!(
            "Resources.Worker.Properties.Environment.Variables.TABLE (line {line}) refers to `Row`, \
             which is neither a parameter nor a resource"
        )
    );
}
