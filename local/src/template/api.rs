//! `AWS::Serverless::HttpApi`: the gateway and its authorizers.

use std::{collections::BTreeMap, time::Duration};

use super::{
    TemplateError,
    left_out::{API, AUTHORIZER},
    reader::Reader,
    resources::Resource,
};

/// The HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Its physical name.
    pub name: String,
    /// The authorizer of every route that names none itself.
    pub default_authorizer: Option<String>,
    /// The authorizers by name.
    pub authorizers: BTreeMap<String, Authorizer>,
}

/// A Lambda authorizer: payload format 2.0, simple responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// The ARN of the function that decides.
    pub function_arn: String,
    /// The headers that say who is calling. Without one of them the function is not asked.
    pub headers: Vec<String>,
    /// How long a decision holds for the same headers.
    pub ttl: Duration,
}

/// Reads the API.
pub(super) fn read(resource: &Resource<'_>) -> Result<Api, TemplateError> {
    let mut fields = resource.properties()?.fields()?;
    fields.leave_out(API);
    let mut api = Api {
        name: resource.physical_name().to_owned(),
        default_authorizer: None,
        authorizers: BTreeMap::new(),
    };
    if let Some(auth) = fields.optional("Auth") {
        let mut auth = auth.fields()?;
        let default = auth.optional("DefaultAuthorizer");
        if let Some(authorizers) = auth.optional("Authorizers") {
            for (name, reader) in authorizers.entries()? {
                api.authorizers.insert(name.to_owned(), authorizer(&reader)?);
            }
        }
        auth.finish()?;
        if let Some(reader) = default {
            let name = reader.text()?;
            if !api.authorizers.contains_key(&name) {
                return Err(reader.error(format_args!("names `{name}`, which is no authorizer")));
            }
            api.default_authorizer = Some(name);
        }
    }
    fields.finish()?;
    Ok(api)
}

fn authorizer(reader: &Reader<'_>) -> Result<Authorizer, TemplateError> {
    let mut fields = reader.fields()?;
    fields.leave_out(AUTHORIZER);
    let function_arn = fields.required("FunctionArn")?.text()?;
    fields.required("AuthorizerPayloadFormatVersion")?.must_be("2.0")?;
    fields.required("EnableSimpleResponses")?.must_be("true")?;
    let mut identity = fields.required("Identity")?.fields()?;
    fields.finish()?;
    let headers = identity.required("Headers")?;
    // Without it, what holds depends on who reads the template; so it must be said.
    let ttl = Duration::from_secs(identity.required("ReauthorizeEvery")?.number()?);
    identity.finish()?;
    let headers: Vec<String> =
        headers.items()?.iter().map(Reader::text).collect::<Result<_, _>>()?;
    if headers.is_empty() {
        return Err(reader.error("must name at least one header"));
    }
    Ok(Authorizer { function_arn, headers, ttl })
}
