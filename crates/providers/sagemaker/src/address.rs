//! Where an endpoint is, and what its requests are signed for.

use std::collections::BTreeMap;

use http::Uri;
use lockgate_aws::Scope;
use lockgate_core::{Attempt, CloudSettings, Error, Result, uri::escaped};

/// The parameter that holds a whole address.
const ADDRESS: &str = "sagemaker_base_url";

/// A deployment's parameters, completed from the environment.
pub(crate) fn settle(settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
    lockgate_aws::settle(settings, Some((ADDRESS, "SAGEMAKER_BASE_URL")))
}

/// The address of the endpoint and the scope of its signature.
pub(crate) fn of(attempt: &Attempt<'_>) -> Result<(Uri, Scope)> {
    let target = attempt.target;
    let region = lockgate_aws::region(target);
    let verb = if attempt.call.stream { "invocations-response-stream" } else { "invocations" };
    let name = escaped(&target.model);
    let url = match target.param(ADDRESS) {
        Some(whole) => whole.to_owned(),
        None if target.custom_base => format!("{}/endpoints/{name}/{verb}", attempt.base()),
        None => {
            let domain = lockgate_aws::domain(region);
            format!("https://runtime.sagemaker.{region}.{domain}/endpoints/{name}/{verb}")
        }
    };
    let uri =
        url.parse().map_err(|_| Error::bad_request(format!("The endpoint's URL `{url}` is not valid.")))?;
    Ok((uri, Scope { service: "sagemaker", region: region.to_owned() }))
}
