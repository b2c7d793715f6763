//! Credentials for the cloud: those of the environment, or whatever the AWS CLI has.
//!
//! A person has a profile, a single sign-on, a role, a hardware key; the AWS CLI knows all of them, and whoever
//! deploys has it. So it is asked (`aws configure export-credentials`), again whenever what it gave has ended.
//! A second implementation of that chain would bring the SDKs of three more services into the workspace.

use std::process::Stdio;

use anyhow::{Context, bail};
use aws_credential_types::{
    Credentials,
    provider::{
        ProvideCredentials, SharedCredentialsProvider, error::CredentialsError,
        future::ProvideCredentials as Provided,
    },
};
use runtime::{Environment, aws};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::process::Command;

/// The credentials that a command works with.
pub(crate) fn provider(environment: &Environment) -> anyhow::Result<SharedCredentialsProvider> {
    if environment.get("AWS_ACCESS_KEY_ID").is_some() {
        return Ok(SharedCredentialsProvider::new(aws::credentials(environment)?));
    }
    Ok(SharedCredentialsProvider::new(AwsCli))
}

/// The region: of the environment, or of the profile.
pub(crate) async fn region(environment: &Environment) -> anyhow::Result<String> {
    let named = environment.get("AWS_REGION").or_else(|| environment.get("AWS_DEFAULT_REGION"));
    if let Some(region) = named {
        return Ok(region.to_owned());
    }
    let asked = ask(&["configure", "get", "region"]).await;
    let region =
        asked.context("which region? set AWS_REGION, or AWS_PROFILE to a profile with one")?;
    Ok(region.trim().to_owned())
}

/// The AWS CLI, as a provider of credentials.
#[derive(Debug)]
struct AwsCli;

/// What `aws configure export-credentials --format process` prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl Exported {
    fn read(printed: &str) -> anyhow::Result<Credentials> {
        // What is there is secret, so it is not repeated.
        let read = serde_json::from_str(printed);
        let Ok(Self { access_key_id, secret_access_key, session_token, expiration }) = read else {
            bail!("the AWS CLI printed no credentials");
        };
        let ends = expiration.map(|text| OffsetDateTime::parse(&text, &Rfc3339)).transpose();
        let ends = ends.context("the AWS CLI printed credentials without a readable end")?;
        let ends = ends.map(std::time::SystemTime::from);
        Ok(Credentials::new(access_key_id, secret_access_key, session_token, ends, "aws-cli"))
    }
}

impl ProvideCredentials for AwsCli {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(async {
            let printed = ask(&["configure", "export-credentials", "--format", "process"]).await;
            let credentials = printed.and_then(|printed| Exported::read(&printed));
            credentials
                .map_err(|error| CredentialsError::provider_error(error.into_boxed_dyn_error()))
        })
    }
}

/// What the AWS CLI prints.
async fn ask(args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("aws").args(args).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = output.await.context(
        "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or install the AWS CLI",
    )?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("the AWS CLI has none: {}", said.trim());
    }
    String::from_utf8(output.stdout).context("the AWS CLI printed no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_aws_cli_prints_is_read_and_never_repeated() {
        let printed = r#"{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hush", "SessionToken": "t",
                          "Expiration": "2027-01-15T08:00:00+00:00"}"#;
        let credentials = Exported::read(printed).unwrap();
        assert_eq!(credentials.access_key_id(), "id");
        assert_eq!(credentials.session_token(), Some("t"));
        let ends = credentials.expiry().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(ends.as_secs(), 1_800_000_000);

        let for_ever = r#"{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "hush"}"#;
        assert_eq!(Exported::read(for_ever).unwrap().expiry(), None);
        for bad in ["", "hush", r#"{"AccessKeyId": "hush"}"#] {
            let error = format!("{:?}", Exported::read(bad).unwrap_err());
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
