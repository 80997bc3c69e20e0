//! Every row of LiteLLM's tables holds, or stands with its reason in `tables/deviations.toml`: which parameters a model
//! takes, where a provider is and where its key comes from, whose a model's name is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod params;
mod places;

use std::{collections::BTreeMap, fs, path::Path};

use lockgate_tests::golden::Case;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// An address that is nobody's.
const NOWHERE: &str = "{{MOCK}}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviations {
    params: Vec<OtherParams>,
    addresses: Vec<Other>,
    names: Vec<Other>,
}

/// Parameters that LiteLLM lists and Lockgate refuses, or the other way round.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherParams {
    rows: Vec<String>,
    #[serde(default)]
    refused: Vec<String>,
    #[serde(default)]
    taken: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    rows: Vec<String>,
    reason: String,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tables")
}

fn table<T: DeserializeOwned>(name: &str) -> BTreeMap<String, T> {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

fn deviations() -> Deviations {
    let all: Deviations =
        toml::from_str(&fs::read_to_string(folder().join("deviations.toml")).unwrap()).unwrap();
    let params = all.params.iter().map(|one| &one.reason);
    let reasons = params.chain(all.addresses.iter().chain(&all.names).map(|one| &one.reason));
    reasons.for_each(|reason| assert!(!reason.trim().is_empty(), "a deviation has no reason"));
    all
}

/// The parameters that a deployment of the model needs.
fn deployment(model: &str) -> Map<String, Value> {
    let prefix = model.split_once('/').map_or(model, |(prefix, _)| prefix);
    let params = match prefix {
        "bedrock" | "sagemaker" | "sagemaker_chat" => json!({
            "aws_access_key_id": "AKIAGOLDENTEST", "aws_secret_access_key": "golden/secret", "aws_region_name": "us-east-1",
        }),
        "vertex_ai" => json!({
            "vertex_project": "golden-project", "vertex_location": "us-central1", "vertex_credentials": "{{GCP_SA_JSON}}",
        }),
        "oci" => json!({
            "oci_region": "us-ashburn-1", "oci_user": "ocid1.user.oc1..u", "oci_tenancy": "ocid1.tenancy.oc1..t",
            "oci_fingerprint": "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99", "oci_key": "{{OCI_TEST_KEY}}",
            "oci_compartment_id": "ocid1.compartment.oc1..c",
        }),
        "watsonx" | "watsonx_text" => json!({"api_key": "k", "project_id": "p"}),
        "predibase" => json!({"api_key": "k", "predibase_tenant_id": "t"}),
        _ => json!({"api_key": "k"}),
    };
    params.as_object().unwrap().clone()
}

fn case(surface: &str, model: &str, params: Map<String, Value>, request: &Value, steps: Value) -> Case {
    let env = json!({"CLOUDFLARE_ACCOUNT_ID": "acct123"});
    case_in(&env, surface, model, params, request, steps)
}

fn case_in(
    env: &Value,
    surface: &str,
    model: &str,
    params: Map<String, Value>,
    request: &Value,
    steps: Value,
) -> Case {
    let case = json!({
        "id": "row", "kind": "row", "surface": surface, "provider": "row", "model": model, "litellm_params": params,
        "env": env, "request": request, "upstream": steps, "result": {},
    });
    serde_json::from_value(case).unwrap()
}

/// What a cloud may ask for before the call.
fn token() -> Value {
    json!({
        "auth": true, "expect": {"method": "POST", "path": "/token"},
        "respond": {"status": 200, "body": {"access_token": "ya29.golden-token", "expires_in": 3599}},
    })
}
