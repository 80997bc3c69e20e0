//! Where deployments are.

use std::collections::BTreeMap;

use lockgate_core::{CloudSettings, Target};

use crate::profile::Profile;

/// Where requests go if nobody says.
const USUAL_REGION: &str = "us-west-2";

/// Parameters that only signers need.
const SECRETS: [&str; 3] = ["aws_secret_access_key", "aws_session_token", "aws_web_identity_token"];

/// A deployment's parameters, completed from the environment and the profile: the region, and the endpoint that a
/// parameter or a variable names. Secrets are taken out.
pub fn settle(settings: &CloudSettings<'_>, endpoint: Option<(&str, &str)>) -> BTreeMap<String, String> {
    let mut params = settings.params.clone();
    params.retain(|name, _| !SECRETS.contains(&name.as_str()));
    if let Some(region) = own_region(settings) {
        params.insert("aws_region_name".to_owned(), region);
    }
    if let Some((name, variable)) = endpoint
        && let Some(url) = settings.find(name, &[variable])
    {
        params.insert(name.to_owned(), url.trim_end_matches('/').to_owned());
    }
    params
}

/// The region of a deployment whose parameters are settled.
pub fn region(target: &Target) -> &str {
    target.param("aws_region_name").unwrap_or(USUAL_REGION)
}

/// What AWS's host names end with in a region.
pub fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

pub(crate) fn region_of(settings: &CloudSettings<'_>) -> String {
    own_region(settings).unwrap_or_else(|| USUAL_REGION.to_owned())
}

fn own_region(settings: &CloudSettings<'_>) -> Option<String> {
    let named = settings.find("aws_region_name", &[]).or_else(|| settings.find("region_name", &[]));
    named
        .or_else(|| first(settings, &["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"]))
        .or_else(|| Profile::of(settings)?.get("region").map(str::to_owned))
}

/// The first of the variables that is set.
pub(crate) fn first(settings: &CloudSettings<'_>, variables: &[&str]) -> Option<String> {
    let set = variables.iter().filter_map(|name| (settings.env)(name));
    set.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
}
