//! Projects, locations, hosts.

use std::collections::BTreeMap;

use lockgate_core::{Attempt, CloudSettings, Error, ErrorKind, Origin, Result, Target};

use crate::{credentials, family::is_endpoint};

/// Where models are if nobody says otherwise.
const USUAL_LOCATION: &str = "us-central1";

/// The deployment's parameters with project and location filled in, and without what the signer alone needs.
pub(crate) fn settle(settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
    let mut params = settings.params.clone();
    let project = settings
        .find("vertex_project", &["VERTEXAI_PROJECT", "VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT"])
        .or_else(|| credentials::find(settings).ok().flatten()?.project().map(str::to_owned));
    let location = settings.find("vertex_location", &["VERTEXAI_LOCATION", "VERTEX_LOCATION"]);
    params.extend(project.map(|project| ("vertex_project".to_owned(), project)));
    params.extend(location.map(|location| ("vertex_location".to_owned(), location)));
    params.remove("vertex_credentials");
    params
}

/// The URL of a Gemini model, or of the endpoint of a tuned one, without its verb.
pub(crate) fn gemini(attempt: &Attempt<'_>) -> Result<String> {
    let target = attempt.target;
    let name = target.model.strip_prefix("gemini/").unwrap_or(&target.model);
    let home = home(target, "v1", location(target))?;
    Ok(match is_endpoint(name) {
        true => format!("{home}/endpoints/{name}"),
        false => format!("{home}/publishers/google/models/{name}"),
    })
}

/// Where the model is.
pub(crate) fn location(target: &Target) -> &str {
    // Served from the global endpoint alone.
    if target.model.starts_with("qwen/") {
        return "global";
    }
    target.param("vertex_location").filter(|location| !location.is_empty()).unwrap_or(USUAL_LOCATION)
}

/// The URL of the project's location in a version of the API.
pub(crate) fn home(target: &Target, version: &str, location: &str) -> Result<String> {
    let Some(project) = target.param("vertex_project") else {
        return Err(Error::new(
            ErrorKind::BadRequest,
            Origin::Gateway,
            "Vertex AI needs a project: `vertex_project`, VERTEXAI_PROJECT, or `project_id` in the credentials.",
        ));
    };
    let root = root(target, version, location);
    Ok(format!("{root}/projects/{project}/locations/{location}"))
}

/// Where a version of the API is for a location.
pub(crate) fn root(target: &Target, version: &str, location: &str) -> String {
    if !target.custom_base {
        return format!("https://{}/{version}", host(location));
    }
    let base = target.base.trim_end_matches('/');
    match base.rsplit('/').next() {
        Some("v1" | "v1beta1") => base.to_owned(),
        _ => format!("{base}/{version}"),
    }
}

/// Google's host for a location: a region, a multi-region, or the world.
fn host(location: &str) -> String {
    match location {
        "global" => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts() {
        assert_eq!(host("global"), "aiplatform.googleapis.com");
        assert_eq!(host("us"), "aiplatform.us.rep.googleapis.com");
        assert_eq!(host("europe-west1"), "europe-west1-aiplatform.googleapis.com");
    }
}
