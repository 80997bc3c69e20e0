//! Every row of LiteLLM's tables holds, or stands with its reason in `tables/deviations.toml`: which parameters a model
//! takes, where a provider is, whose a model's name is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use lockgate_tests::golden::{Case, Runner, Verdict};
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

#[derive(Deserialize)]
struct Address {
    surface: String,
    model: String,
    method: String,
    url: String,
    query: Map<String, Value>,
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Place {
    provider: Option<String>,
    model: Option<String>,
    api_base: Option<String>,
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
    let case = json!({
        "id": "row", "kind": "row", "surface": surface, "provider": "row", "model": model, "litellm_params": params,
        "env": {"CLOUDFLARE_ACCOUNT_ID": "acct123"}, "request": request, "upstream": steps, "result": {},
    });
    serde_json::from_value(case).unwrap()
}

/// A request with the parameter, and with what it cannot be without.
fn with_param(name: &str) -> Value {
    let function = json!({"name": "f", "parameters": {"type": "object", "properties": {}}});
    let tools = json!([{"type": "function", "function": function}]);
    let members = match name {
        "temperature" => json!({"temperature": 0.3}),
        "top_p" => json!({"top_p": 0.9}),
        "n" => json!({"n": 2}),
        "stop" => json!({"stop": ["END"]}),
        "max_tokens" | "max_completion_tokens" => json!({name: 64}),
        "presence_penalty" | "frequency_penalty" => json!({name: 0.5}),
        "logit_bias" => json!({"logit_bias": {"1234": -100}}),
        "seed" => json!({"seed": 42}),
        "response_format" => {
            let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}})
        }
        "tools" => json!({"tools": tools}),
        "tool_choice" => json!({"tools": tools, "tool_choice": "auto"}),
        "parallel_tool_calls" => json!({"tools": tools, "parallel_tool_calls": false}),
        "logprobs" => json!({"logprobs": true}),
        "top_logprobs" => json!({"logprobs": true, "top_logprobs": 2}),
        "reasoning_effort" | "verbosity" => json!({name: "low"}),
        "thinking" => json!({"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 4096}),
        "modalities" => json!({"modalities": ["text", "audio"]}),
        "audio" => json!({"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}),
        "prediction" => json!({"prediction": {"type": "content", "content": "x"}}),
        "service_tier" => json!({"service_tier": "flex"}),
        "safety_identifier" | "prompt_cache_key" => json!({name: "x"}),
        "prompt_cache_retention" => json!({"prompt_cache_retention": "24h"}),
        "store" => json!({"store": true}),
        "web_search_options" => json!({"web_search_options": {"search_context_size": "medium"}}),
        "functions" => json!({"functions": [function]}),
        "function_call" => json!({"functions": [function], "function_call": "auto"}),
        "dimensions" => json!({"dimensions": 4}),
        other => panic!("{other}"),
    };
    let mut request = json!({"messages": [{"role": "user", "content": "Hi"}]});
    if name == "dimensions" {
        request = json!({"input": ["Hi"]});
    }
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    request
}

/// What a cloud may ask for before the call.
fn token() -> Value {
    json!({
        "auth": true, "expect": {"method": "POST", "path": "/token"},
        "respond": {"status": 200, "body": {"access_token": "ya29.golden-token", "expires_in": 3599}},
    })
}

/// A request with all of these parameters, and the same without.
fn with_and_without(names: &[&str]) -> (Value, Value) {
    let mut all = json!({"messages": [{"role": "user", "content": "Hi"}]});
    for name in names {
        all.as_object_mut().unwrap().extend(with_param(name).as_object().unwrap().clone());
    }
    let mut rest = all.clone();
    rest.as_object_mut().unwrap().retain(|name, _| !names.contains(&name.as_str()));
    (all, rest)
}

/// What every gateway is asked for. `user` and `metadata`, which do not change an answer, are never refused.
const PARAMS: [&str; 30] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "verbosity",
    "web_search_options",
];

/// The parameters of a deployment at nobody's address.
fn nowhere(model: &str, drop: bool) -> Map<String, Value> {
    let mut params = deployment(model);
    params.insert("api_base".to_owned(), NOWHERE.into());
    params.insert("drop_params".to_owned(), drop.into());
    params
}

/// Whether a call with the parameter is refused because of it.
fn refuses(runner: &Runner, model: &str, surface: &str, param: &str) -> bool {
    let params = nowhere(model, false);
    let (status, answer) = runner.answered(&case(surface, model, params, &with_param(param), json!([])));
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    status == 400 && message.contains("drop_params") && message.contains(&format!("`{param}`"))
}

#[test]
fn models_take_what_litellm_says_that_they_take() {
    let runner = Runner::new().unwrap();
    let (mut refused, mut taken, mut faults) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut checks = 0;
    for (row, listed) in table::<Value>("supported_openai_params.json") {
        let (model, surface) = row.rsplit_once('|').unwrap();
        let Value::Array(listed) = listed else { continue };
        let listed: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
        let params: &[&str] = match surface {
            "chat" => &PARAMS,
            "embeddings" if listed.contains(&"dimensions") => &["dimensions"],
            _ => &[],
        };
        let mut unwanted = Vec::new();
        for param in params {
            checks += 1;
            let refuses_it = refuses(&runner, model, surface, param);
            match (listed.contains(param), refuses_it) {
                (true, true) => drop(refused.insert((model.to_owned(), (*param).to_owned()))),
                (false, false) => drop(taken.insert((model.to_owned(), (*param).to_owned()))),
                _ => {}
            }
            if refuses_it {
                unwanted.push(*param);
            }
        }
        // What is refused leaves no trace where it may be dropped.
        if surface == "chat" {
            let (all, rest) = with_and_without(&unwanted);
            let sent = |request: &Value| {
                runner.sent(&case(surface, model, nowhere(model, true), request, json!([token()])))
            };
            let (all, rest) = (sent(&all), sent(&rest));
            if all.is_empty() || all != rest {
                faults.push(format!("{model} drops {unwanted:?} and sends\n    {all:?}\nnot {rest:?}"));
            }
        }
    }
    for deviation in deviations().params {
        for row in &deviation.rows {
            let mut explain = |found: &mut BTreeSet<(String, String)>, params: &[String], what: &str| {
                for param in params {
                    if !found.remove(&(row.clone(), param.clone())) {
                        faults.push(format!("{row} {param} is not {what}: take it off"));
                    }
                }
            };
            explain(&mut refused, &deviation.refused, "refused");
            explain(&mut taken, &deviation.taken, "taken");
        }
    }
    faults.extend(refused.iter().map(|(row, param)| format!("{row} refuses `{param}`, LiteLLM does not")));
    faults.extend(taken.iter().map(|(row, param)| format!("{row} takes `{param}`, LiteLLM does not")));
    assert!(faults.is_empty(), "{} faults in {checks} checks\n{}", faults.len(), faults.join("\n"));
    assert!(checks > 5000, "only {checks} checks");
}

/// A plain request of the surface.
fn plain(surface: &str) -> Value {
    let messages = json!([{"role": "user", "content": "What is the capital of France?"}]);
    match surface {
        "chat" => json!({"messages": messages}),
        "messages" => json!({"messages": messages, "max_tokens": 64}),
        "responses" => json!({"input": "What is the capital of France?"}),
        "embeddings" => json!({"input": ["The food was delicious."]}),
        "rerank" => json!({"query": "x", "documents": ["y"], "top_n": 1}),
        "audio_speech" => json!({"input": "Hello", "voice": "alloy"}),
        "audio_transcription" => {
            json!({"file": {"$file": {"name": "a.wav", "base64": "UklGRg==", "content_type": "audio/wav"}}})
        }
        "images" => json!({"prompt": "A cat"}),
        "search" => json!({"query": "x"}),
        other => panic!("{other}"),
    }
}

/// The deployment of a row of addresses: without an address of its own.
fn unplaced(row: &str, address: &Address) -> Map<String, Value> {
    let mut params = deployment(&address.model);
    let key = ["authorization", "x-api-key", "x-goog-api-key", "xi-api-key", "x-subscription-token"]
        .iter()
        .find_map(|name| address.headers.get(*name)?.rsplit(' ').next());
    match row.split_once('.') {
        Some(("vertex_ai" | "vertex_ai_claude", place)) if params.contains_key("vertex_location") => {
            params.insert("vertex_location".to_owned(), place.into());
        }
        Some(("bedrock_eu", _)) => {
            params.insert("aws_region_name".to_owned(), "eu-central-1".into());
        }
        _ => {}
    }
    if address.model.starts_with("snowflake/") {
        return json!({"api_key": "pat/k", "account_id": "AAAA-BBBB"}).as_object().unwrap().clone();
    }
    match key {
        Some(key) if params.contains_key("api_key") => drop(params.insert("api_key".to_owned(), key.into())),
        None => drop(params.remove("api_key")),
        _ => {}
    }
    if let Some(engine) = row.strip_prefix("search_") {
        params.insert("search_provider".to_owned(), engine.into());
    }
    params
}

#[test]
fn providers_are_where_litellm_says_that_they_are() {
    let runner = Runner::new().unwrap();
    let mut explained: BTreeSet<String> =
        deviations().addresses.into_iter().flat_map(|other| other.rows).collect();
    let mut faults = Vec::new();
    for (row, address) in table::<Address>("default_urls.json") {
        let surface = if row.starts_with("search_") { "search" } else { &address.surface };
        let (origin, path) = match address.url.split_once("://") {
            Some((scheme, rest)) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap());
                (Some(format!("{scheme}://{host}")), path)
            }
            None => (None, address.url.as_str()),
        };
        let sent = json!({"expect": {
            "method": address.method, "path": path, "origin": origin, "headers": address.headers,
            "query": if surface == "search" { Map::new() } else { address.query.clone() },
        }});
        let steps = if row.starts_with("vertex") { json!([token(), sent]) } else { json!([sent]) };
        let main = format!("$.upstream[{}].expect", steps.as_array().unwrap().len() - 1);
        let params = unplaced(&row, &address);
        let case = case(surface, &address.model, params, &plain(surface), steps);
        let differs = |path: &str| {
            let part = path.strip_prefix(&main);
            let wanted = |part: &str| {
                ["", ".method", ".path", ".origin", ".headers"].contains(&part)
                    || part.starts_with(".headers.") && !part.ends_with("content-type")
                    || part.starts_with(".query") && surface != "search"
            };
            part.is_some_and(wanted)
        };
        let diffs = runner.judge(&case).diffs.into_iter();
        let diffs: Vec<String> = diffs
            .filter(|diff| diff.verdict == Verdict::Request && differs(&diff.path))
            .map(|diff| diff.to_string())
            .collect();
        match (diffs.is_empty(), explained.remove(&row)) {
            (true, true) => faults.push(format!("{row} holds: take it off")),
            (false, false) => faults.push(format!("{row}\n{}", diffs.join("\n"))),
            _ => {}
        }
    }
    faults.extend(explained.iter().map(|row| format!("{row}: no such row")));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn names_lead_where_litellm_says_that_they_lead() {
    let runner = Runner::new().unwrap();
    let mut explained: BTreeSet<String> =
        deviations().names.into_iter().flat_map(|other| other.rows).collect();
    let mut faults = Vec::new();
    for (row, place) in table::<Place>("model_routing.json") {
        // A name that leads nowhere there may well lead somewhere here.
        let (Some(provider), Some(model)) = (place.provider, place.model) else { continue };
        let (name, base) =
            row.split_once(" @ ").map_or((row.as_str(), None), |(name, base)| (name, Some(base)));
        let led = |base: Option<&str>| {
            let mut params = deployment(name);
            if let Some(base) = base {
                params.insert("api_base".to_owned(), base.into());
            }
            runner.leads_to(&case("chat", name, params, &plain("chat"), json!([])))
        };
        // Who has no address of their own gets one.
        let found = led(base).or_else(|error| led(Some("http://127.0.0.1:9")).map_err(|_| error));
        let right = found.as_ref().is_ok_and(|(id, own, at)| {
            let placed = place.api_base.as_ref().is_none_or(|wanted| {
                // One of the two may have more of the path.
                at.starts_with(wanted) || wanted.starts_with(at) || at == "http://127.0.0.1:9"
            });
            *id == provider && *own == model && placed
        });
        match (right, explained.remove(&row)) {
            (true, true) => faults.push(format!("{row} holds: take it off")),
            (false, false) => {
                let wanted = (provider, model, place.api_base);
                faults.push(format!("{row} leads to {found:?}, not {wanted:?}"));
            }
            _ => {}
        }
    }
    faults.extend(explained.iter().map(|row| format!("{row}: no such row")));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
