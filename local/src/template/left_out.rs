//! What of a template is knowingly left out on one machine, and why. Anything that is neither read
//! nor listed here is an error.

/// A property, or a type of resource, that matters only in the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is called.
    pub name: &'static str,
    /// Why it may be left out.
    pub why: &'static str,
}

const fn left_out(name: &'static str, why: &'static str) -> LeftOut {
    LeftOut { name, why }
}

const DESCRIPTION: LeftOut = left_out("Description", "for people");
const TAGS: LeftOut = left_out("Tags", "for the bill");
const PROPAGATE_TAGS: LeftOut = left_out("PropagateTags", "for the bill");

/// Types of resources.
pub const RESOURCE_TYPES: &[LeftOut] = &[
    left_out("AWS::CloudWatch::Alarm", "nobody is on call for one machine"),
    left_out("AWS::CloudWatch::Dashboard", "there are no metrics to show"),
    left_out("AWS::Events::Rule", "nobody listens to the bus of one machine"),
    left_out("AWS::Logs::LogGroup", "logs go to the terminal"),
    left_out("AWS::Logs::ResourcePolicy", "logs go to the terminal"),
    left_out("AWS::S3::BucketPolicy", "nothing but this process can reach the bucket"),
    left_out("AWS::SQS::QueuePolicy", "nothing but this process can reach the queue"),
];

/// Parts of the template itself.
pub const TEMPLATE: &[LeftOut] = &[
    DESCRIPTION,
    left_out("AWSTemplateFormatVersion", "there is only one"),
    left_out("Conditions", "whatever depends on one is left out itself, or not understood"),
    left_out("Metadata", "for tools"),
];

/// Properties of a parameter.
pub const PARAMETER: &[LeftOut] =
    &[DESCRIPTION, left_out("ConstraintDescription", "the error names the constraint itself")];

/// Properties of an output.
pub const OUTPUT: &[LeftOut] = &[DESCRIPTION];

/// Attributes of a resource, beside its properties.
pub const RESOURCE: &[LeftOut] = &[left_out("DependsOn", "what is needed is made first anyway")];

/// Properties of `AWS::Serverless::Function`.
pub const FUNCTION: &[LeftOut] = &[
    DESCRIPTION,
    TAGS,
    PROPAGATE_TAGS,
    left_out("CodeUri", "the code is in this program"),
    left_out("Handler", "the code is in this program"),
    left_out("Architectures", "the code is compiled for this machine"),
    left_out("MemorySize", "a process has what it takes"),
    left_out("Tracing", "there is no X-Ray"),
    left_out("LoggingConfig", "logs go to the terminal"),
    left_out("RecursiveLoop", "nothing here stops a loop"),
    left_out("EventInvokeConfig", "the schedule does not retry"),
];

/// Properties of `AWS::Serverless::HttpApi`.
pub const API: &[LeftOut] = &[
    DESCRIPTION,
    TAGS,
    PROPAGATE_TAGS,
    left_out("AccessLogSettings", "logs go to the terminal"),
    left_out("DefaultRouteSettings", "one caller need not be throttled"),
    left_out("FailOnWarnings", "for the import of the API"),
];

/// Properties of a Lambda authorizer.
pub const AUTHORIZER: &[LeftOut] =
    &[left_out("EnableFunctionDefaultPermissions", "the gateway may call every function")];

/// Properties of a schedule.
pub const SCHEDULE: &[LeftOut] = &[
    DESCRIPTION,
    left_out("OmitName", "nothing here has the schedule's name"),
    left_out("RetryPolicy", "the next run is the retry"),
];

/// Properties of `AWS::DynamoDB::Table`.
pub const TABLE: &[LeftOut] =
    &[TAGS, left_out("SSESpecification", "files here are as safe as others")];

/// Properties of `AWS::SQS::Queue`.
pub const QUEUE: &[LeftOut] = &[
    TAGS,
    left_out("SqsManagedSseEnabled", "messages are in memory"),
    left_out("RedriveAllowPolicy", "nobody else is there to use the queue"),
];

/// Properties of `AWS::Events::EventBus`.
pub const BUS: &[LeftOut] = &[DESCRIPTION, TAGS];

/// Properties of `AWS::S3::Bucket`.
pub const BUCKET: &[LeftOut] = &[
    TAGS,
    left_out("BucketEncryption", "files here are as safe as others"),
    left_out("LifecycleConfiguration", "whoever owns the directory may empty it"),
    left_out("OwnershipControls", "there is one owner"),
    left_out("PublicAccessBlockConfiguration", "only signed URLs are served"),
];
