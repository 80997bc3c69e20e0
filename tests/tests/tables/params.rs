//! Which parameters models take.

use std::collections::BTreeSet;

use lockgate_tests::golden::Runner;
use serde_json::{Map, Value, json};

use crate::{NOWHERE, case, deployment, deviations, table, token};

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
