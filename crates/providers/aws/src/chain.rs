//! Which credentials a deployment has.

use std::{collections::BTreeMap, sync::Arc};

use lockgate_core::{CloudSettings, Result, Secret, TokenSource, oauth::wrong};

use crate::{
    machine::{Container, Machine},
    place::{first, region_of},
    profile::{self, Profile},
    sign::Keys,
    sts::{Assumed, By, Role},
};

/// How often a profile may name another one as its source.
const LONGEST_CHAIN: u32 = 5;

/// Credentials that sign.
pub(crate) enum Credentials {
    /// They are here.
    Keys(Keys),
    /// They have to be fetched.
    Source(Arc<dyn TokenSource>),
}

/// The deployment's own credentials, else the environment's, in the order of AWS's tools.
///
/// # Errors
/// There are none, or something is missing from them.
pub(crate) fn find(settings: &CloudSettings<'_>) -> Result<Credentials> {
    let own = |name: &str| settings.find(name, &[]);
    if let Some(arn) = own("aws_role_name") {
        let role = role(settings, arn)?;
        let by = match own("aws_web_identity_token") {
            Some(token) => identity(settings, token),
            None => who(usual(settings)?),
        };
        return Ok(assumed(role, by));
    }
    usual(settings)
}

/// Without the role that is to be assumed with them.
fn usual(settings: &CloudSettings<'_>) -> Result<Credentials> {
    let own = |name: &str| settings.find(name, &[]);
    if let (Some(id), Some(secret)) = (own("aws_access_key_id"), own("aws_secret_access_key")) {
        return Ok(Credentials::Keys(Keys::new(id, secret, own("aws_session_token").map(Secret::new))));
    }
    if let Some(name) = own("aws_profile_name") {
        return of_profile(settings, &name, 0)?
            .ok_or_else(|| wrong(format!("AWS's files have no usable profile `{name}`.")));
    }
    let env = |name: &str| first(settings, &[name]);
    if let (Some(id), Some(secret)) = (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
        let token = env("AWS_SESSION_TOKEN").map(Secret::new);
        return Ok(Credentials::Keys(Keys::new(id, secret, token)));
    }
    if let (Some(path), Some(arn)) = (env("AWS_WEB_IDENTITY_TOKEN_FILE"), env("AWS_ROLE_ARN")) {
        return Ok(assumed(role(settings, arn)?, By::IdentityFile(path)));
    }
    if let Some(found) = of_profile(settings, &profile::name(settings), 0)? {
        return Ok(found);
    }
    if let Some(container) = Container::of(settings) {
        return Ok(Credentials::Source(Arc::new(container)));
    }
    match Machine::of(settings) {
        Some(machine) => Ok(Credentials::Source(Arc::new(machine))),
        None => Err(wrong(
            "There are no credentials for AWS: no `aws_access_key_id` and `aws_secret_access_key`, no profile, no \
             role, no variables of the environment.",
        )),
    }
}

fn of_profile(settings: &CloudSettings<'_>, name: &str, depth: u32) -> Result<Option<Credentials>> {
    let Some(profile) = Profile::named(settings, name) else { return Ok(None) };
    let Some(arn) = profile.get("role_arn") else { return Ok(keys(&profile).map(Credentials::Keys)) };
    let mut role = role(settings, arn.to_owned())?;
    role.external_id = profile.get("external_id").map(str::to_owned).or(role.external_id);
    role.session = profile.get("role_session_name").map_or(role.session, str::to_owned);
    if let Some(path) = profile.get("web_identity_token_file") {
        return Ok(Some(assumed(role, By::IdentityFile(path.to_owned()))));
    }
    let by = match profile.get("source_profile") {
        Some(source) if source == name => keys(&profile).map(Credentials::Keys),
        Some(source) if depth < LONGEST_CHAIN => of_profile(settings, source, depth + 1)?,
        Some(_) => None,
        None => match profile.get("credential_source") {
            Some("EcsContainer") => Container::of(settings).map(|own| Credentials::Source(Arc::new(own))),
            Some("Ec2InstanceMetadata") => {
                Machine::of(settings).map(|own| Credentials::Source(Arc::new(own)))
            }
            _ => None,
        },
    };
    let by =
        by.ok_or_else(|| wrong(format!("AWS's profile `{name}` has a role and nobody to assume it.")))?;
    Ok(Some(assumed(role, who(by))))
}

fn keys(profile: &Profile) -> Option<Keys> {
    let (id, secret) = (profile.get("aws_access_key_id")?, profile.get("aws_secret_access_key")?);
    Some(Keys::new(id, secret, profile.get("aws_session_token").map(Secret::new)))
}

fn role(settings: &CloudSettings<'_>, arn: String) -> Result<Role> {
    let session = settings.find("aws_session_name", &["AWS_ROLE_SESSION_NAME"]);
    Ok(Role {
        arn,
        session: session.unwrap_or_else(|| "lockgate".to_owned()),
        external_id: settings.find("aws_external_id", &[]),
        tags: settings.find("aws_session_tags", &[]).map_or(Ok(Vec::new()), |text| tags(&text))?,
        endpoint: settings.find("aws_sts_endpoint", &["AWS_STS_ENDPOINT", "AWS_ENDPOINT_URL_STS"]),
        region: region_of(settings),
    })
}

/// Labels of a session: an object, or AWS's list of keys and values.
fn tags(text: &str) -> Result<Vec<(String, String)>> {
    lockgate_core::wire::view! {
        #[derive(Clone, Default)]
        struct Tag {
            key as "Key": String,
            value as "Value": String,
        }
    }
    if let Ok(object) = serde_json::from_str::<BTreeMap<String, String>>(text) {
        return Ok(object.into_iter().collect());
    }
    let list: Vec<Tag> = serde_json::from_str(text)
        .map_err(|_| wrong("`aws_session_tags` must be a list of objects with `Key` and `Value`."))?;
    Ok(list.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// A web identity's token: itself, or the name of a file or a variable that holds it.
fn identity(settings: &CloudSettings<'_>, given: String) -> By {
    let named = |prefix: &str| given.strip_prefix(prefix);
    if let Some(name) = named("oidc/env/").or(named("os.environ/"))
        && let Some(token) = first(settings, &[name])
    {
        return By::Identity(Secret::new(token));
    }
    if let Some(path) = named("oidc/file/") {
        return By::IdentityFile(path.to_owned());
    }
    if let Some(path) = named("oidc/env_path/").and_then(|name| first(settings, &[name])) {
        return By::IdentityFile(path);
    }
    // A token has two dots and no slash.
    if given.starts_with('/') { By::IdentityFile(given) } else { By::Identity(Secret::new(given)) }
}

fn who(credentials: Credentials) -> By {
    match credentials {
        Credentials::Keys(keys) => By::Keys(keys),
        Credentials::Source(source) => By::Source(source),
    }
}

fn assumed(role: Role, by: By) -> Credentials {
    Credentials::Source(Arc::new(Assumed::new(role, by)))
}
