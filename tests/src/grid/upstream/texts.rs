//! Those who continue a text: nothing but words comes back.

use lockgate_testkit::event_stream::frame;
use serde_json::{Value, json};

use super::{LAST, NOWHERE, Said, Script, Stop, Upstream, Words, bedrock, data, event, pieces};

const WORDS: Words = Words {
    calls: false,
    interleaves: false,
    ids: false,
    thinks: false,
    signs: None,
    counts: false,
    cached: false,
    written: false,
    reasoning: false,
    places: &[NOWHERE],
    limit: false,
    filter: false,
    ends: true,
};

const COUNTED: Words = Words { counts: true, places: &[LAST], ..WORDS };

pub(super) const ALL: &[Upstream] = &[
    Upstream {
        name: "replicate",
        words: Words { places: &[NOWHERE], ..COUNTED },
        whole: replicate,
        stream: replicate_stream,
        failure: replicate_failure,
    },
    Upstream {
        name: "predibase",
        words: Words { limit: true, ..COUNTED },
        whole: tgi,
        stream: tgi_stream,
        failure,
    },
    Upstream {
        name: "sagemaker.text",
        words: Words { limit: true, ..WORDS },
        whole: |said| json!([tgi(said)]),
        stream: tgi_stream,
        failure,
    },
    Upstream {
        name: "triton",
        words: Words { ends: false, ..WORDS },
        whole: triton,
        stream: triton_stream,
        failure,
    },
    Upstream {
        name: "nlp_cloud",
        words: COUNTED,
        whole: nlp_cloud,
        stream: |said, _| alone(&nlp_cloud(said)),
        failure,
    },
    Upstream { name: "petals", words: WORDS, whole: petals, stream: |said, _| alone(&petals(said)), failure },
    Upstream {
        name: "anthropic_text",
        words: Words { limit: true, ..WORDS },
        whole: completion,
        stream: completion_stream,
        failure,
    },
    Upstream {
        name: "watsonx.generation",
        words: Words { limit: true, ..COUNTED },
        whole: watsonx,
        stream: watsonx_stream,
        failure: watsonx_failure,
    },
    Upstream {
        name: "bedrock.text",
        words: Words { limit: true, ..COUNTED },
        whole: llama,
        stream: llama_stream,
        failure: || frame("exception", "internalServerException", "{\"message\":\"It broke.\"}"),
    },
    Upstream {
        name: "langgraph",
        words: Words { ends: false, ..COUNTED },
        whole: langgraph,
        stream: langgraph_stream,
        failure: || event("error", &json!({"message": "It broke."})),
    },
    Upstream {
        name: "langflow",
        words: WORDS,
        whole: langflow,
        stream: langflow_stream,
        failure: langflow_failure,
    },
    Upstream {
        name: "a2a",
        words: WORDS,
        whole: a2a,
        stream: a2a_stream,
        failure: || {
            data(&json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "It broke."}}))
        },
    },
];

/// A whole answer where a stream was asked for: the API has none.
fn alone(answer: &Value) -> Vec<Vec<u8>> {
    vec![answer.to_string().into_bytes()]
}

fn failure() -> Vec<u8> {
    data(&json!({"error": "It broke."}))
}

fn replicate(said: &Said) -> Value {
    json!({"id": "p1", "status": "succeeded", "output": pieces(&said.text).collect::<Vec<_>>(),
        "metrics": {"input_token_count": said.usage.input, "output_token_count": said.usage.output}})
}

fn replicate_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let output =
        pieces(&said.text).map(|text| format!("event: output\nid: 1\ndata: {text}\n\n").into_bytes());
    output.chain([b"event: done\ndata: {}\n\n".to_vec()]).collect()
}

fn replicate_failure() -> Vec<u8> {
    b"event: error\ndata: It broke.\n\n".to_vec()
}

fn tgi(said: &Said) -> Value {
    let finish = if said.stop == Stop::Limit { "length" } else { "eos_token" };
    let details = json!({"finish_reason": finish, "prompt_tokens": said.usage.input, "generated_tokens": said.usage.output});
    json!({"generated_text": said.text, "details": details})
}

fn tgi_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let token = |text: &str| json!({"token": {"id": 1, "text": text, "special": false}, "generated_text": null, "details": null});
    let mut out: Vec<Vec<u8>> = pieces(&said.text).map(|text| data(&token(text))).collect();
    let mut last = tgi(said);
    last["token"] = json!({"id": 2, "text": "</s>", "special": true});
    out.push(data(&last));
    out
}

fn triton(said: &Said) -> Value {
    json!({"model_name": "x", "model_version": "1", "text_output": said.text})
}

fn triton_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    pieces(&said.text).map(|text| data(&json!({"model_name": "x", "text_output": text}))).collect()
}

fn nlp_cloud(said: &Said) -> Value {
    json!({"generated_text": said.text, "nb_input_tokens": said.usage.input, "nb_generated_tokens": said.usage.output})
}

fn petals(said: &Said) -> Value {
    json!({"ok": true, "outputs": said.text})
}

fn completion(said: &Said) -> Value {
    let stop = if said.stop == Stop::Limit { "max_tokens" } else { "stop_sequence" };
    json!({"type": "completion", "id": "compl_1", "completion": said.text, "stop_reason": stop, "model": "x"})
}

fn completion_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let piece =
        |text: &str| json!({"type": "completion", "completion": text, "stop_reason": null, "model": "x"});
    let mut events: Vec<Value> = pieces(&said.text).map(piece).collect();
    let mut last = completion(said);
    last["completion"] = json!("");
    events.push(last);
    events.iter().map(|one| event("completion", one)).collect()
}

fn watsonx(said: &Said) -> Value {
    let stop = if said.stop == Stop::Limit { "max_tokens" } else { "eos_token" };
    json!({"model_id": "x", "created_at": "2026-01-01T00:00:00Z", "results": [{"generated_text": said.text,
        "generated_token_count": said.usage.output, "input_token_count": said.usage.input, "stop_reason": stop}]})
}

fn watsonx_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let piece = |text: &str| json!({"model_id": "x", "results": [{"generated_text": text, "generated_token_count": 1, "input_token_count": said.usage.input, "stop_reason": "not_finished"}]});
    let mut events: Vec<Value> = pieces(&said.text).map(piece).collect();
    let mut last = watsonx(said);
    last["results"][0]["generated_text"] = json!("");
    events.push(last);
    events.iter().map(|one| event("message", one)).collect()
}

fn watsonx_failure() -> Vec<u8> {
    data(&json!({"errors": [{"code": "downstream_error", "message": "It broke."}], "status_code": 500}))
}

/// Llama on Bedrock, in its own format.
fn llama(said: &Said) -> Value {
    let stop = if said.stop == Stop::Limit { "length" } else { "stop" };
    json!({"generation": said.text, "prompt_token_count": said.usage.input, "generation_token_count": said.usage.output, "stop_reason": stop,
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": said.usage.input, "outputTokenCount": said.usage.output}})
}

fn llama_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Value> =
        pieces(&said.text).map(|text| json!({"generation": text, "stop_reason": null})).collect();
    let mut last = llama(said);
    last["generation"] = json!("");
    pieces.push(last);
    pieces.iter().map(|one| bedrock::chunk(&one.to_string())).collect()
}

fn langgraph(said: &Said) -> Value {
    let usage = json!({"input_tokens": said.usage.input, "output_tokens": said.usage.output});
    json!({"messages": [{"type": "human", "content": "Weather?"}, {"type": "ai", "id": "r1", "content": said.text, "usage_metadata": usage}]})
}

fn langgraph_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let mut out = vec![event("metadata", &json!({"run_id": "r"}))];
    out.extend(
        pieces(&said.text)
            .map(|text| event("messages", &json!([{"type": "AIMessageChunk", "content": text}, {}]))),
    );
    let usage = json!({"input_tokens": said.usage.input, "output_tokens": said.usage.output});
    out.push(event(
        "messages",
        &json!([{"type": "AIMessageChunk", "content": "", "usage_metadata": usage}, {}]),
    ));
    out
}

fn langflow(said: &Said) -> Value {
    json!({"session_id": "s", "outputs": [{"outputs": [{"results": {"message": {"text": said.text}}}]}]})
}

fn langflow_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let line = |json: Value| format!("{json}\n\n").into_bytes();
    let tokens = pieces(&said.text).map(|text| line(json!({"event": "token", "data": {"chunk": text}})));
    tokens.chain([line(json!({"event": "end", "data": {"result": {}}}))]).collect()
}

fn langflow_failure() -> Vec<u8> {
    b"{\"event\":\"error\",\"data\":{\"error\":\"It broke.\"}}\n\n".to_vec()
}

fn a2a(said: &Said) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": {"kind": "message", "messageId": "m", "parts": [{"kind": "text", "text": said.text}]}})
}

fn a2a_stream(said: &Said, _script: &Script) -> Vec<Vec<u8>> {
    let result = |result: Value| data(&json!({"jsonrpc": "2.0", "id": 1, "result": result}));
    let artifact = |text: &str| {
        result(json!({"kind": "artifact-update", "artifact": {"parts": [{"kind": "text", "text": text}]}}))
    };
    let mut out = vec![result(json!({"kind": "task", "id": "t", "status": {"state": "working"}}))];
    out.extend(pieces(&said.text).map(artifact));
    out.push(result(json!({"kind": "status-update", "status": {"state": "completed"}, "final": true})));
    out
}
