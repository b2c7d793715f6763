//! Who may do what, and how everything is kept: each point is a check over all functions, queues, tables
//! and buckets that the template has, also those that come tomorrow. Each check is shown what it is for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::{Document, FUNCTION, QUEUE, TABLE, entries, items, number, referred, text};

const BUCKET: &str = "AWS::S3::Bucket";
const LOGS: &str = "AWS::Logs::LogGroup";
const API: &str = "AWS::Serverless::HttpApi";

/// All that functions may do, wherever they may.
const ACTIONS: [&str; 12] = [
    // Only what a user registered, by the user: `open_books` sees to it.
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "events:PutEvents",
    "s3:GetObject",
    "s3:PutObject",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];
/// What reads and changes nothing.
const READS: [&str; 3] = ["dynamodb:GetItem", "dynamodb:Query", "s3:GetObject"];

/// A permission: one action, on one resource, of one function.
struct Permission<'a> {
    function: &'a str,
    action: &'a str,
    resource: &'a Value,
    statement: &'a Value,
}

impl Permission<'_> {
    /// The resource of the template that it is about; nothing, if it is about none or about more.
    fn of(&self) -> Option<&str> {
        if let Some(pattern) = self.resource["Fn::Sub"].as_str() {
            let (_, rest) = pattern.split_once("${")?;
            return rest.split(['.', '}']).next();
        }
        referred(self.resource)
    }

    /// Whether it counts inside transactions only.
    fn is_transactional(&self) -> bool {
        let condition = &self.statement["Condition"]["ForAnyValue:StringEquals"];
        let operations = items(&condition["dynamodb:EnclosingOperation"]);
        operations == ["TransactWriteItems"]
    }
}

/// Everything that is allowed to anybody.
fn permissions(template: &Document) -> Vec<Permission<'_>> {
    let mut permissions = Vec::new();
    for (function, resource) in template.all(FUNCTION) {
        for policy in items(&resource["Properties"]["Policies"]) {
            for statement in items(&policy["Statement"]) {
                if statement["Effect"] != "Allow" {
                    continue;
                }
                for action in items(&statement["Action"]) {
                    for resource in items(&statement["Resource"]) {
                        let action = text(action);
                        permissions.push(Permission { function, action, resource, statement });
                    }
                }
            }
        }
    }
    permissions
}

/// S-34: a role of its own for each function, in which nothing is left open.
fn open_permissions(template: &Document) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, function) in template.all(FUNCTION) {
        let properties = &function["Properties"];
        if !properties["Role"].is_null() {
            wrong.push(format!("{id} shares a role"));
        }
        for policy in items(&properties["Policies"]) {
            if policy["Statement"].is_null() {
                wrong.push(format!("{id} has a policy of somebody else's: {policy}"));
            }
            for statement in items(&policy["Statement"]) {
                let allows = statement["Effect"] == "Allow";
                if allows
                    && !(statement["NotAction"].is_null() && statement["NotResource"].is_null())
                {
                    wrong.push(format!("{id} may do all but something: {statement}"));
                }
                if text(&statement["Sid"]).is_empty() {
                    wrong.push(format!("{id} has a statement without a name"));
                }
            }
        }
    }
    for permission in permissions(template) {
        let Permission { function, action, resource, .. } = permission;
        // The one thing that is no resource of the template: the secret is made by the operator.
        let is_secret = action == "secretsmanager:GetSecretValue"
            && resource["Fn::Sub"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(":secret:${UpstreamKeysSecret}-??????"));
        if is_secret {
            continue;
        }
        if !ACTIONS.contains(&action) {
            wrong.push(format!("{function} may {action}"));
        }
        let named = permission.of().map(|id| template.type_of(id)).unwrap_or_default();
        if named.is_empty() {
            wrong.push(format!("{function} may {action} on more than one thing: {resource}"));
        }
        // Objects of a bucket and indexes of a table are named by what follows; nothing else is open.
        let tail = resource["Fn::Sub"].as_str().and_then(|arn| arn.split_once('}'));
        let is_open = tail.is_some_and(|(_, tail)| tail.contains('*') && named != BUCKET);
        if is_open {
            wrong.push(format!("{function} may {action} on whatever is in {resource}"));
        }
    }
    wrong
}

/// S-35, S-36, S-32: who may touch the money, and how.
fn open_books(template: &Document) -> Vec<String> {
    let mut wrong = Vec::new();
    for permission in permissions(template) {
        let (function, action) = (permission.function, permission.action);
        let table = permission.of();
        let writes = action.starts_with("dynamodb:") && !READS.contains(&action);
        if table == Some("LedgerTable") && writes && !permission.is_transactional() {
            wrong.push(format!("{function} may {action} on the ledger outside transactions"));
        }
        if table == Some("JobsTable")
            && action == "dynamodb:PutItem"
            && !permission.is_transactional()
        {
            wrong.push(format!("{function} may {action} on jobs outside transactions"));
        }
        let is_of_webhooks = function == "WebhooksFunction" && table == Some("WebhooksTable");
        if action == "dynamodb:DeleteItem" && !is_of_webhooks {
            wrong.push(format!("{function} may delete from {table:?}"));
        }
        if function == "WebhooksFunction" && action.starts_with("dynamodb:") && !is_of_webhooks {
            wrong.push(format!("{function} may {action} on {table:?}"));
        }
        if function == "LookupFunction" && !READS.contains(&action) {
            wrong.push(format!("{function} may {action}"));
        }
        if function == "AuthorizeFunction" && table != Some("KeysTable") {
            wrong.push(format!("{function} may {action}"));
        }
        if function == "NotifyFunction" && table == Some("LedgerTable") {
            wrong.push(format!("{function} may {action} on the ledger"));
        }
        if action.starts_with("secretsmanager:") && function != "GenerateFunction" {
            wrong.push(format!("{function} may read the keys of upstreams"));
        }
    }
    for (id, table) in template.all(TABLE) {
        let properties = &table["Properties"];
        if properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] != "true" {
            wrong.push(format!("{id} cannot be restored"));
        }
        if properties["BillingMode"] != "PAY_PER_REQUEST" {
            wrong.push(format!("{id} is not on demand"));
        }
    }
    let tables = template.all(TABLE);
    let (_, ledger) = tables.iter().find(|(id, _)| *id == "LedgerTable").unwrap();
    let properties = &ledger["Properties"];
    if !properties["TimeToLiveSpecification"].is_null() {
        wrong.push("the ledger forgets".to_owned());
    }
    if properties["DeletionProtectionEnabled"] != "true" {
        wrong.push("the ledger can be deleted".to_owned());
    }
    if [&ledger["DeletionPolicy"], &ledger["UpdateReplacePolicy"]] != ["Retain", "Retain"] {
        wrong.push("the ledger goes with its stack".to_owned());
    }
    wrong
}

/// Whether a policy of this kind refuses what does not come by TLS, for this resource.
fn is_by_tls(template: &Document, kind: &str, list: &str, id: &str) -> bool {
    template.all(kind).iter().any(|(_, policy)| {
        let properties = &policy["Properties"];
        let is_for = items(&properties[list]).iter().any(|of| referred(of) == Some(id));
        let refuses = |statement: &&Value| {
            statement["Effect"] == "Deny"
                && statement["Principal"] == "*"
                && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
                && text(&statement["Action"]).ends_with(":*")
        };
        is_for && items(&properties["PolicyDocument"]["Statement"]).iter().any(refuses)
    })
}

/// S-37: by TLS only, encrypted, not public; nothing that is set aside is lost before somebody looks.
fn open_stores(template: &Document) -> Vec<String> {
    let mut wrong = Vec::new();
    let queues = template.all(QUEUE);
    for (id, queue) in &queues {
        let properties = &queue["Properties"];
        if properties["SqsManagedSseEnabled"] != "true" {
            wrong.push(format!("{id} is not encrypted"));
        }
        if !is_by_tls(template, "AWS::SQS::QueuePolicy", "Queues", id) {
            wrong.push(format!("{id} can be reached without TLS"));
        }
        let target = referred(&properties["RedrivePolicy"]["deadLetterTargetArn"]);
        let aside = queues.iter().find(|(other, _)| Some(*other) == target);
        let kept = |queue: &Value| number(&queue["Properties"]["MessageRetentionPeriod"]);
        if aside.is_some_and(|(_, aside)| kept(aside) <= kept(queue)) {
            wrong.push(format!("what {id} sets aside is gone too early"));
        }
    }
    // Who may do something is in the roles; what is attached to a queue or a bucket only refuses.
    for kind in ["AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy"] {
        for (id, policy) in template.all(kind) {
            for statement in items(&policy["Properties"]["PolicyDocument"]["Statement"]) {
                if statement["Effect"] != "Deny" {
                    wrong.push(format!("{id} lets somebody in"));
                }
            }
        }
    }
    for (id, function) in template.all(FUNCTION) {
        for (_, event) in entries(&function["Properties"]["Events"]) {
            if event["Type"] != "SQS" {
                continue;
            }
            let source = &event["Properties"];
            let queue = referred(&source["Queue"]).unwrap();
            let (_, properties) = queues.iter().find(|(of, _)| *of == queue).unwrap();
            if properties["Properties"]["RedrivePolicy"].is_null() {
                wrong.push(format!("{queue} has nowhere to set messages aside"));
            }
            if source["ScalingConfig"]["MaximumConcurrency"].is_null() {
                wrong.push(format!("{id} has no limit to how many run at a time"));
            }
            if items(&source["FunctionResponseTypes"]) != ["ReportBatchItemFailures"] {
                wrong.push(format!("{id} takes or fails whole batches"));
            }
        }
    }
    for (id, bucket) in template.all(BUCKET) {
        let properties = &bucket["Properties"];
        let block = &properties["PublicAccessBlockConfiguration"];
        let blocks =
            ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
        if blocks.iter().any(|name| block[name] != "true") {
            wrong.push(format!("{id} can be made public"));
        }
        if properties["BucketEncryption"].is_null() {
            wrong.push(format!("{id} is not encrypted"));
        }
        if properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"] != "BucketOwnerEnforced" {
            wrong.push(format!("objects of {id} can belong to others"));
        }
        if properties["LifecycleConfiguration"].is_null() {
            wrong.push(format!("{id} grows for ever"));
        }
        if !is_by_tls(template, "AWS::S3::BucketPolicy", "Bucket", id) {
            wrong.push(format!("{id} can be reached without TLS"));
        }
    }
    wrong
}

/// S-19, S-21, S-23, S-38: how the API is reached, and how functions run.
fn open_ways(template: &Document) -> Vec<String> {
    let mut wrong = Vec::new();
    let kept: BTreeSet<&str> = template
        .all(LOGS)
        .into_iter()
        .filter(|(_, group)| number(&group["Properties"]["RetentionInDays"]).is_some())
        .map(|(id, _)| id)
        .collect();
    for (id, _) in template.all(LOGS) {
        if !kept.contains(id) {
            wrong.push(format!("{id} grows for ever"));
        }
    }
    for (id, function) in template.all(FUNCTION) {
        let properties = &function["Properties"];
        let logging = &properties["LoggingConfig"];
        if !referred(&logging["LogGroup"]).is_some_and(|group| kept.contains(group)) {
            wrong.push(format!("{id} logs where nothing ends"));
        }
        if logging["LogFormat"] != "JSON" {
            wrong.push(format!("{id} does not log in JSON"));
        }
        if properties["Tracing"] != "Active" {
            wrong.push(format!("{id} is not traced"));
        }
        for name in ["Timeout", "MemorySize", "Description"] {
            if properties[name].is_null() {
                wrong.push(format!("{id} has no {name}"));
            }
        }
        if !properties["FunctionUrlConfig"].is_null() {
            wrong.push(format!("{id} can be called around the API"));
        }
    }
    for (id, api) in template.all(API) {
        let properties = &api["Properties"];
        if text(&properties["Auth"]["DefaultAuthorizer"]).is_empty() {
            wrong.push(format!("{id} is open where nobody says otherwise"));
        }
        if !properties["CorsConfiguration"].is_null() {
            wrong.push(format!("{id} can be called by pages of others"));
        }
        let throttle = &properties["DefaultRouteSettings"];
        for name in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
            if number(&throttle[name]).is_none() {
                wrong.push(format!("{id} has no {name}"));
            }
        }
        let logs = &properties["AccessLogSettings"]["DestinationArn"];
        if !referred(logs).is_some_and(|group| kept.contains(group)) {
            wrong.push(format!("{id} keeps no log of who came"));
        }
    }
    wrong
}

/// Whoever deploys is told what each number is, and cannot turn it too far; whoever pays sees for what.
fn untold(template: &Document) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, parameter) in template.section("Parameters") {
        if text(&parameter["Description"]).is_empty() || parameter["Default"].is_null() {
            wrong.push(format!("{name} has no description, or no default"));
        }
        let is_bound = if parameter["Type"] == "Number" {
            number(&parameter["MinValue"]).is_some() && number(&parameter["MaxValue"]).is_some()
        } else {
            !(parameter["AllowedValues"].is_null() && parameter["AllowedPattern"].is_null())
        };
        if !is_bound {
            wrong.push(format!("{name} may be anything"));
        }
    }
    for (name, output) in template.section("Outputs") {
        if text(&output["Description"]).is_empty() {
            wrong.push(format!("{name} has no description"));
        }
    }
    for kind in [FUNCTION, QUEUE, TABLE, BUCKET, API] {
        for (id, resource) in template.all(kind) {
            if resource["Properties"]["Tags"].is_null() {
                wrong.push(format!("{id} has no tags"));
            }
        }
    }
    wrong
}

/// Shows a check the template with one text replaced, and what it must say then.
fn sees(check: fn(&Document) -> Vec<String>, wrongs: &[(&str, &str, &str)]) {
    assert_eq!(check(&Document::ours()), [""; 0]);
    for (text, other, why) in wrongs {
        let wrong = check(&Document::with(text, other));
        assert!(wrong.iter().any(|wrong| wrong.contains(why)), "{other}: {wrong:?}");
    }
}

#[test]
fn each_function_may_do_what_it_does_and_nothing_else() {
    sees(
        open_permissions,
        &[
            ("Action: dynamodb:GetItem", "Action: dynamodb:*", "may dynamodb:*"),
            ("Action: dynamodb:GetItem", "Action: \"*\"", "may *"),
            ("Action: dynamodb:GetItem", "Action: dynamodb:Scan", "may dynamodb:Scan"),
            ("Action: s3:GetObject", "Action: s3:*", "may s3:*"),
            ("Resource: !GetAtt KeysTable.Arn", "Resource: \"*\"", "more than one thing"),
            (
                "Resource: !Sub \"${JobsTable.Arn}/index/due\"",
                "Resource: !Sub \"${JobsTable.Arn}/*\"",
                "whatever is in",
            ),
            (":secret:${UpstreamKeysSecret}-??????", ":secret:*", "GetSecretValue"),
            (
                "      Policies:\n        - Version",
                "      Policies:\n        - AmazonDynamoDBFullAccess\n        - Version",
                "somebody else's",
            ),
            (
                "Resource: !GetAtt KeysTable.Arn",
                "NotResource: !GetAtt KeysTable.Arn",
                "all but something",
            ),
        ],
    );
}

#[test]
fn money_is_written_in_transactions_only_and_the_books_cannot_be_lost() {
    let condition = "              Condition:\n                ForAnyValue:StringEquals:\n                  dynamodb:EnclosingOperation: [TransactWriteItems]\n            - Sid: ReadThePocketsOfABalance";
    let lookup = "            - Sid: ReadTheBooks\n              Effect: Allow\n              Action: dynamodb:Query";
    sees(
        open_books,
        &[
            (condition, "            - Sid: ReadThePocketsOfABalance", "outside transactions"),
            (lookup, &lookup.replace("Query", "PutItem"), "LookupFunction may"),
            (
                "Resource: !GetAtt KeysTable.Arn",
                "Resource: !GetAtt LedgerTable.Arn",
                "AuthorizeFunction may",
            ),
            (
                "Action: [dynamodb:GetItem, dynamodb:Query]",
                "Action: [dynamodb:GetItem, dynamodb:DeleteItem]",
                "may delete from",
            ),
            (
                "                - dynamodb:UpdateItem\n              Resource: !GetAtt WebhooksTable.Arn",
                "                - dynamodb:UpdateItem\n              Resource: !GetAtt JobsTable.Arn",
                "WebhooksFunction may",
            ),
            (
                "DeletionProtectionEnabled: true",
                "DeletionProtectionEnabled: false",
                "can be deleted",
            ),
            ("PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false", "restored"),
            (
                "  LedgerTable:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain",
                "  LedgerTable:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Delete",
                "goes with its stack",
            ),
            (
                "      DeletionProtectionEnabled: true\n",
                "      DeletionProtectionEnabled: true\n      TimeToLiveSpecification:\n        AttributeName: x\n        Enabled: true\n",
                "forgets",
            ),
        ],
    );
}

#[test]
fn queues_and_buckets_are_encrypted_by_tls_and_not_public() {
    sees(
        open_stores,
        &[
            ("SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false", "is not encrypted"),
            (
                "      Queues: [!Ref JobsQueue]",
                "      Queues: []",
                "JobsQueue can be reached without TLS",
            ),
            ("aws:SecureTransport: \"false\"", "aws:SecureTransport: \"true\"", "without TLS"),
            (
                "Sid: OnlyByTls\n            Effect: Deny",
                "Sid: OnlyByTls\n            Effect: Allow",
                "lets somebody in",
            ),
            (
                "Bucket: !Ref ImagesBucket",
                "Bucket: other",
                "ImagesBucket can be reached without TLS",
            ),
            ("BlockPublicPolicy: true", "BlockPublicPolicy: false", "can be made public"),
            ("MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 3600", "gone too early"),
            ("[ReportBatchItemFailures]", "[]", "whole batches"),
        ],
    );
}

#[test]
fn the_api_is_closed_throttled_and_logged_and_every_function_is_traced() {
    sees(
        open_ways,
        &[
            ("RetentionInDays: 30", "RetentionInDays: !Ref LogLevel", "grows for ever"),
            ("    Tracing: Active\n", "", "is not traced"),
            ("DefaultAuthorizer: ApiKey", "DefaultAuthorizer: \"\"", "is open"),
            ("        ThrottlingBurstLimit: 400\n", "", "has no ThrottlingBurstLimit"),
            ("      LoggingConfig:\n", "      X:\n", "logs where nothing ends"),
            (
                "      Description: Holdfast\n",
                "      Description: Holdfast\n      CorsConfiguration:\n        AllowOrigins: [\"*\"]\n",
                "pages of others",
            ),
        ],
    );
}

#[test]
fn every_parameter_is_described_and_bound_and_everything_has_tags() {
    sees(
        untold,
        &[
            ("    MaxValue: 1200\n", "", "may be anything"),
            (
                "    Description: The least important level that functions log.\n",
                "",
                "no description",
            ),
            ("    AllowedValues: [\"true\", \"false\"]\n", "", "may be anything"),
            ("    Description: Where the API answers.\n", "", "no description"),
            (
                "      DeletionProtectionEnabled: true\n      Tags:\n",
                "      DeletionProtectionEnabled: true\n      X:\n",
                "LedgerTable has no tags",
            ),
        ],
    );
}
