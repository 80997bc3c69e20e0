//! Regions, compartments, serving modes.

use std::collections::BTreeMap;

use lockgate_core::{Attempt, CloudSettings, Error, ErrorKind, Extra, Origin, Raw, Result, json::to_raw};

use crate::credentials::Profile;

/// Where models are if nobody says otherwise.
const USUAL_REGION: &str = "us-ashburn-1";

/// The version of the API, which is the first segment of its paths.
const VERSION: &str = "/20231130";

/// What the signer alone needs.
const SECRETS: [&str; 6] =
    ["oci_user", "oci_fingerprint", "oci_tenancy", "oci_key", "oci_key_file", "oci_key_passphrase"];

/// The deployment's parameters with region and compartment filled in, and without what the signer alone needs.
pub(crate) fn settle(settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
    let mut params = settings.params.clone();
    let profile = || Profile::find(settings);
    let region = settings.find("oci_region", &["OCI_REGION"]).or_else(|| profile().take("region"));
    // The tenancy is the root of all compartments.
    let compartment = settings
        .find("oci_compartment_id", &["OCI_COMPARTMENT_ID"])
        .or_else(|| settings.find("oci_tenancy", &["OCI_TENANCY"]))
        .or_else(|| profile().take("tenancy"));
    params.extend(region.map(|region| ("oci_region".to_owned(), region)));
    params.extend(compartment.map(|id| ("oci_compartment_id".to_owned(), id)));
    SECRETS.iter().for_each(|name| {
        params.remove(*name);
    });
    params
}

/// The URL of an action (`chat`).
pub(crate) fn action(attempt: &Attempt<'_>, action: &str) -> String {
    let target = attempt.target;
    if !target.custom_base {
        let region = target.param("oci_region").unwrap_or(USUAL_REGION);
        return format!(
            "https://inference.generativeai.{region}.oci.oraclecloud.com{VERSION}/actions/{action}"
        );
    }
    let base = target.base.trim_end_matches('/');
    let root = base.split_once("/actions").map_or(base, |(root, _)| root);
    match root.ends_with(VERSION) {
        true => format!("{root}/actions/{action}"),
        false => format!("{root}{VERSION}/actions/{action}"),
    }
}

/// Who pays.
///
/// # Errors
/// Nobody said.
pub(crate) fn compartment<'a>(attempt: &Attempt<'a>) -> Result<&'a str> {
    attempt.target.param("oci_compartment_id").ok_or_else(|| {
        Error::new(
            ErrorKind::BadRequest,
            Origin::Gateway,
            "Oracle Cloud needs a compartment: `oci_compartment_id` or OCI_COMPARTMENT_ID.",
        )
    })
}

/// How the model is served: on demand, or by a dedicated cluster.
pub(crate) fn serving_mode(attempt: &Attempt<'_>) -> Raw {
    let target = attempt.target;
    let dedicated =
        target.param("oci_serving_mode").is_some_and(|mode| mode.eq_ignore_ascii_case("DEDICATED"));
    let mut mode = Extra::new();
    if dedicated {
        mode.push("servingType", to_raw("DEDICATED"));
        mode.push("endpointId", to_raw(target.param("oci_endpoint_id").unwrap_or(&target.model)));
    } else {
        mode.push("servingType", to_raw("ON_DEMAND"));
        mode.push("modelId", to_raw(&*target.model));
    }
    to_raw(&mode)
}
