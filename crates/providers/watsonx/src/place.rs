//! Where models and deployments are, and for whom they work.

use std::collections::BTreeMap;

use http::Uri;
use lockgate_core::{CloudSettings, Error, Extra, Result, Target, json::to_raw, uri::escaped};

/// The version of the API for operators who name none.
const VERSION: &str = "2024-03-13";
/// Before the id of a deployment.
const DEPLOYMENT: &str = "deployment/";

const PROJECT: [&str; 3] = ["WATSONX_PROJECT_ID", "WX_PROJECT_ID", "PROJECT_ID"];
const SPACE: [&str; 5] =
    ["WATSONX_SPACE_ID", "WATSONX_DEPLOYMENT_SPACE_ID", "WX_SPACE_ID", "WX_DEPLOYMENT_SPACE_ID", "SPACE_ID"];

/// The deployment's parameters, completed from the environment. A space or project of its own is not mixed with another
/// from around it.
pub(crate) fn settle(
    mut params: BTreeMap<String, String>,
    settings: &CloudSettings<'_>,
) -> BTreeMap<String, String> {
    if !params.contains_key("project_id") && !params.contains_key("space_id") {
        let project = settings.find("", &PROJECT).map(|id| ("project_id".to_owned(), id));
        let found = project.or_else(|| Some(("space_id".to_owned(), settings.find("", &SPACE)?)));
        params.extend(found);
    }
    let version = settings.find("api_version", &["WATSONX_API_VERSION"]);
    params.extend(version.map(|version| ("api_version".to_owned(), version)));
    params
}

/// The id of the deployment that the model's name names.
pub(crate) fn deployment(target: &Target) -> Option<&str> {
    target.model.strip_prefix(DEPLOYMENT)
}

/// The URL of an endpoint (`text/chat`).
///
/// # Errors
/// The operator's address is no URL.
pub(crate) fn url(target: &Target, verb: &str) -> Result<Uri> {
    let base = target.base.trim_end_matches('/');
    let base = base.strip_suffix("/ml/v1").unwrap_or(base);
    let version = escaped(target.param("api_version").unwrap_or(VERSION));
    let home = deployment(target).map(|id| format!("deployments/{}/", escaped(id))).unwrap_or_default();
    let url = format!("{base}/ml/v1/{home}{verb}?version={version}");
    url.parse().map_err(|_| Error::bad_request(format!("The model's URL `{url}` is not valid.")))
}

/// What says which model answers, and for whom: the members of a body. A deployment knows both.
///
/// # Errors
/// There is no project and no space.
pub(crate) fn members(target: &Target) -> Result<Extra> {
    let mut members = Extra::new();
    if deployment(target).is_some() {
        return Ok(members);
    }
    members.push("model_id", to_raw(&*target.model));
    let (name, id) = match (target.param("project_id"), target.param("space_id")) {
        (Some(id), _) => ("project_id", id),
        (None, Some(id)) => ("space_id", id),
        (None, None) => {
            return Err(Error::bad_request(
                "watsonx works for a project or a space: set `project_id` (WATSONX_PROJECT_ID) or `space_id` \
                 (WATSONX_SPACE_ID) of the deployment.",
            ));
        }
    };
    members.push(name, to_raw(id));
    Ok(members)
}
