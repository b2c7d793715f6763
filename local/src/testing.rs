//! What the tests of this crate share: a template with every part in it, and functions that do as
//! they are told.

use std::collections::BTreeMap;

use crate::template::{Constraints, Site, Template};

/// A template with a route of each kind, an authorizer, a queue with a dead-letter queue, a table
/// with an index, and a bucket.
pub(crate) const SMALL: &str = r#"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: provided.al2023
    Timeout: 5
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Key
        Authorizers:
          Key:
            FunctionArn: !GetAtt Decide.Arn
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            Identity: {Headers: [Authorization], ReauthorizeEvery: 60}
  Decide:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: decide}}
    Properties: {}
  Answer:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: answer}}
    Properties:
      Events:
        Closed: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: "/closed/{id}"}}
        Open:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: ANY, Path: "/open", Auth: {Authorizer: NONE}}
        Deep:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: GET, Path: "/deep/{rest+}", Auth: {Authorizer: NONE}}
  Work:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: work}}
    Properties:
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 2}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 1
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
  Dead:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600}
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: at, AttributeType: N}
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: due
          KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: at, KeyType: RANGE}]
          Projection: {ProjectionType: INCLUDE, NonKeyAttributes: [b, a]}
      TimeToLiveSpecification: {AttributeName: gone_at, Enabled: true}
  Files:
    Type: AWS::S3::Bucket
    Properties: {}
"#;

/// A template on these stand-ins, or on none.
pub(crate) fn template(text: &str, sqs_url: &str) -> Template {
    let site = Site {
        region: standins::REGION.into(),
        account_id: standins::ACCOUNT_ID.into(),
        stack_name: "test".into(),
        sqs_url: sqs_url.into(),
        api_url: "http://127.0.0.1:1".into(),
    };
    Template::parse(text, site, &BTreeMap::new(), Constraints::Enforced).unwrap()
}
