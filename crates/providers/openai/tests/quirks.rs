//! One vector for each quirk: what the row says, what the client sent, what the provider gets.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use lockgate_core::{
    Attempt, Dialect, Encoded, Error, Media, Operation, ParamPolicy, Quirks, Reply, Result, Target,
};
use lockgate_openai::{OpenAi, OpenAiSurface};
use lockgate_testkit::sample;
use serde_json::Value;

static DIALECT: OpenAi = OpenAi;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn target(quirks: &str, model: &str) -> Target {
    let mut provider = sample::provider(&DIALECT);
    provider.quirks = serde_json::from_str::<Quirks>(quirks).unwrap();
    sample::target(provider, model)
}

fn encode(target: &Target, operation: Operation, body: &str) -> Result<Encoded> {
    let call = sample::call(&SURFACE, operation, body).unwrap();
    let media = Media::default();
    DIALECT.encode(&Attempt { call: &call, target, media: &media })
}

fn sent(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.request.body().to_vec()).unwrap()
}

fn check(operation: Operation, quirks: &str, model: &str, body: &str, expected: &str) {
    let encoded = encode(&target(quirks, model), operation, body).unwrap();
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(sent(&encoded), expected, "{quirks} on {body}");
}

#[test]
fn chat_members() {
    for (quirks, model, body, expected) in [
        (
            "{}",
            "m",
            r#"{"model":"x/m","min_p":0.1,"extra_body":{"a":1}}"#,
            r#"{"model":"m","min_p":0.1,"a":1}"#,
        ),
        (r#"{"drop":["seed"]}"#, "m", r#"{"model":"m","seed":1,"n":2}"#, r#"{"model":"m","n":2}"#),
        (
            r#"{"rename":{"max_completion_tokens":"max_tokens"}}"#,
            "m",
            r#"{"max_completion_tokens":7}"#,
            r#"{"max_tokens":7,"model":"m"}"#,
        ),
        (
            r#"{"default":{"a":{"b":1},"n":3}}"#,
            "m",
            r#"{"model":"m","n":1}"#,
            r#"{"model":"m","n":1,"a":{"b":1}}"#,
        ),
        (
            r#"{"force":{"store":false}}"#,
            "m",
            r#"{"model":"m","store":true}"#,
            r#"{"model":"m","store":false}"#,
        ),
        (
            r#"{"clamp":{"temperature":[0,1]}}"#,
            "m",
            r#"{"model":"m","temperature":1.7}"#,
            r#"{"model":"m","temperature":1}"#,
        ),
        (
            r#"{"drop_values":{"tool_choice":["auto"]}}"#,
            "m",
            r#"{"model":"m","tool_choice":"auto"}"#,
            r#"{"model":"m"}"#,
        ),
        (
            r#"{"drop_values":{"response_format":[{"type":"json_object"}]}}"#,
            "m",
            r#"{"model":"m","response_format":{"type": "json_object"}}"#,
            r#"{"model":"m"}"#,
        ),
        (
            r#"{"replace_values":{"tool_choice":{"required":"any"}}}"#,
            "m",
            r#"{"model":"m","tool_choice":"required"}"#,
            r#"{"model":"m","tool_choice":"any"}"#,
        ),
        (
            r#"{"drop_for":{"k2":["temperature"]}}"#,
            "kimi-k2",
            r#"{"model":"m","temperature":1}"#,
            r#"{"model":"kimi-k2"}"#,
        ),
        (
            r#"{"also_for":{"gpt-oss":["reasoning_effort"]}}"#,
            "openai/gpt-oss-120b",
            r#"{"model":"m","reasoning_effort":"low"}"#,
            r#"{"model":"openai/gpt-oss-120b","reasoning_effort":"low"}"#,
        ),
        (
            r#"{"effort_as_thinking":true,"also":["reasoning_effort"]}"#,
            "m",
            r#"{"model":"m","reasoning_effort":"high"}"#,
            r#"{"model":"m","thinking":{"type":"enabled"}}"#,
        ),
        (
            r#"{"effort_as_thinking":true,"also":["reasoning_effort"]}"#,
            "m",
            r#"{"model":"m","reasoning_effort":"none"}"#,
            r#"{"model":"m","thinking":{"type":"disabled"}}"#,
        ),
        (
            r#"{"effort_as_thinking":true,"also":["thinking"]}"#,
            "m",
            r#"{"model":"m","thinking":{"type":"enabled","budget_tokens":9}}"#,
            r#"{"model":"m","thinking":{"type":"enabled"}}"#,
        ),
        (
            r#"{"required_as_prompt":"Call!"}"#,
            "m",
            r#"{"model":"m","messages":[],"tool_choice":"required"}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"Call!"}]}"#,
        ),
        (
            r#"{"drop_in_tools":["additionalProperties"]}"#,
            "m",
            r#"{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"additionalProperties":false}}}]}"#,
            r#"{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}"#,
        ),
        (r#"{"model_prefix":"p/"}"#, "m", r#"{"model":"m"}"#, r#"{"model":"p/m"}"#),
        (r#"{"paths":{"chat":"/{0}s/{1}/chat"}}"#, "agent/7/a/b", r#"{"model":"m"}"#, r#"{"model":"a/b"}"#),
        (r#"{"bare_model_prefix":"a/models/"}"#, "m", r#"{"model":"m"}"#, r#"{"model":"a/models/m"}"#),
        (r#"{"bare_model_prefix":"a/models/"}"#, "x/m", r#"{"model":"m"}"#, r#"{"model":"x/m"}"#),
        (
            r#"{"model_template":"u/{0}/{1}/models/{2}"}"#,
            "a.b.c",
            r#"{"model":"m"}"#,
            r#"{"model":"u/a/b/models/c"}"#,
        ),
        (r#"{"model_template":"u/{0}/{1}/models/{2}"}"#, "a.b", r#"{"model":"m"}"#, r#"{"model":"a.b"}"#),
        (
            r#"{"stream_usage":false}"#,
            "m",
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"model":"m","stream":true}"#,
        ),
        (
            "{}",
            "m",
            r#"{"model":"m","stream":true}"#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            "{}",
            "m",
            r#"{"model":"m","stream":true,"stream_options":{"x":1}}"#,
            r#"{"model":"m","stream":true,"stream_options":{"x":1,"include_usage":true}}"#,
        ),
        ("{}", "m", r#"{"model":"m","user":"u","metadata":{"a":1},"n":1}"#, r#"{"model":"m","n":1}"#),
        (
            r#"{"also":["user","metadata"]}"#,
            "m",
            r#"{"model":"m","user":"u","metadata":{"a":1}}"#,
            r#"{"model":"m","user":"u","metadata":{"a":1}}"#,
        ),
    ] {
        check(Operation::Chat, quirks, model, body, expected);
    }
}

#[test]
fn messages() {
    let wrap = |messages: &str| format!(r#"{{"model":"m","messages":{messages}}}"#);
    for (quirks, before, after) in [
        ("{}", r#"[{"role":"developer","content":"a"}]"#, r#"[{"role":"system","content":"a"}]"#),
        (
            r#"{"keep_developer_role":true}"#,
            r#"[{"role":"developer","content":"a"}]"#,
            r#"[{"role":"developer","content":"a"}]"#,
        ),
        (
            "{}",
            r#"[{"role":"user","content":[{"type":"text","text":"a","cache_control":{}}]}]"#,
            r#"[{"role":"user","content":[{"type":"text","text":"a"}]}]"#,
        ),
        (
            r#"{"cache_control_models":[""]}"#,
            r#"[{"role":"user","content":"a","cache_control":{}}]"#,
            r#"[{"role":"user","content":"a","cache_control":{}}]"#,
        ),
        (
            r#"{"flatten_content":true}"#,
            r#"[{"role":"tool","content":[{"type":"text","text":"a"}]}]"#,
            r#"[{"role":"tool","content":"a"}]"#,
        ),
        (
            "{}",
            r#"[{"role":"assistant","content":null,"tool_calls":[]}]"#,
            r#"[{"role":"assistant","tool_calls":[]}]"#,
        ),
        (
            r#"{"openai_families":true}"#,
            r#"[{"role":"assistant","content":null}]"#,
            r#"[{"role":"assistant","content":null}]"#,
        ),
        (
            r#"{"openai_families":true,"omit_null_content":true}"#,
            r#"[{"role":"assistant","content":null}]"#,
            r#"[{"role":"assistant"}]"#,
        ),
        (
            r#"{"drop_in_messages":["name"]}"#,
            r#"[{"role":"user","name":"n","content":"a"}]"#,
            r#"[{"role":"user","content":"a"}]"#,
        ),
    ] {
        check(Operation::Chat, quirks, "m", &wrap(before), &wrap(after));
    }
}

#[test]
fn embeddings() {
    let list = r#"{"embedding_input_list":true,"rename":{"embedding.dimensions":"output_dimension"}}"#;
    check(
        Operation::Embedding,
        list,
        "m",
        r#"{"model":"m","input":"a","dimensions":3}"#,
        r#"{"model":"m","input":["a"],"output_dimension":3}"#,
    );
    check(
        Operation::Embedding,
        r#"{"drop":["user"]}"#,
        "m",
        r#"{"model":"m","user":"u"}"#,
        r#"{"model":"m","user":"u"}"#,
    );
}

#[test]
fn the_middle_is_filled_in() {
    let quirks = r#"{"paths":{"completion":"/fim/completions"},"completion_in_messages":true}"#;
    let mut target = target(quirks, "m");
    let mut provider = (*target.provider).clone();
    provider.operations = vec![Operation::Completion];
    target.provider = provider.into();
    let body = r#"{"model":"m","prompt":"a","suffix":"c"}"#;
    let call = sample::call(&SURFACE, Operation::Completion, body).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let encoded = DIALECT.encode(&attempt).unwrap();
    assert_eq!(encoded.request.uri(), "http://upstream.test/v1/fim/completions");
    assert!(!encoded.relay);
    for answer in [
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"b"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"index":0,"text":"b","finish_reason":"stop"}]}"#,
    ] {
        let reply = DIALECT.decode(&attempt, &encoded, &sample::head(200, "application/json"), answer.into());
        let Reply::Completion(reply) = reply.unwrap() else { unreachable!("a completion was asked for") };
        assert_eq!(reply.choices[0].text, "b");
    }
}

/// A chat provider with an API for gaps: only texts with a `suffix` go there, and what a chat cannot say is reported.
#[test]
fn only_gaps_are_filled_in() {
    let fim = r#"{"paths":{"completion":"/fim/completions"},"completion_in_messages":true,"completion_fills_in":true,"params":["max_tokens","seed"],"rename":{"seed":"random_seed"}}"#;
    let asked = |quirks: &str, body: &str| {
        let target = target(quirks, "m");
        let mut provider = (*target.provider).clone();
        provider.operations = vec![Operation::Chat];
        let target = Target { provider: provider.into(), ..target };
        let call = sample::call(&SURFACE, Operation::Completion, body).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        let encoded = lockgate_core::transcode::prepare(&attempt, std::time::SystemTime::UNIX_EPOCH).unwrap();
        let sent = String::from_utf8(encoded.request.body().to_vec()).unwrap();
        (encoded.request.uri().path().to_owned(), sent, encoded.notes.dropped)
    };
    let gap = r#"{"model":"m","prompt":"a","suffix":"c","seed":1,"stream":true}"#;
    let (path, sent, dropped) = asked(fim, gap);
    assert_eq!(path, "/v1/fim/completions");
    assert!(
        sent.contains(r#""suffix":"c""#) && sent.contains(r#""random_seed":1"#) && dropped.is_empty(),
        "{sent}"
    );
    let (path, _, dropped) = asked(fim, r#"{"model":"m","prompt":"a","suffix":""}"#);
    assert_eq!((path.as_str(), dropped.len()), ("/v1/chat/completions", 0));
    let (path, sent, dropped) =
        asked("{}", r#"{"model":"m","prompt":"a","suffix":"c","echo":true,"best_of":2}"#);
    assert_eq!(
        (path.as_str(), &dropped[..]),
        ("/v1/chat/completions", &["best_of", "echo", "suffix"].map(String::from)[..])
    );
    assert!(!sent.contains("suffix"), "{sent}");
}

#[test]
fn openai_s_families() {
    let families = r#"{"openai_families":true}"#;
    let body = r#"{"model":"m","max_tokens":5,"reasoning_effort":"low"}"#;
    for (model, expected) in [
        ("gpt-5", r#"{"model":"gpt-5","max_completion_tokens":5,"reasoning_effort":"low"}"#),
        ("o3", r#"{"model":"o3","max_completion_tokens":5,"reasoning_effort":"low"}"#),
        ("my-own", r#"{"model":"my-own","max_tokens":5,"reasoning_effort":"low"}"#),
    ] {
        check(Operation::Chat, families, model, body, expected);
    }
}

fn refused(target: &Target, body: &str) -> Error {
    encode(target, Operation::Chat, body).err().unwrap()
}

#[test]
fn unsupported_parameters_are_named_or_dropped_or_allowed() {
    let mut target = target(r#"{"params":["temperature"]}"#, "m");
    let body = r#"{"model":"m","temperature":1,"logprobs":true,"seed":3,"n":1,"min_p":0.5}"#;
    let error = refused(&target, body);
    assert!(error.message().contains("`logprobs`, `seed`"), "{error}");
    assert_eq!((error.kind().status(), error.param()), (400, Some("logprobs")));
    let allowed = r#"{"model":"m","seed":3,"allowed_openai_params":["seed"]}"#;
    assert_eq!(sent(&encode(&target, Operation::Chat, allowed).unwrap())["seed"], 3);
    target.policy = ParamPolicy {
        drop_params: true,
        additional_drop_params: vec!["min_p".to_owned(), "tools[*].function.strict".to_owned()],
        ..ParamPolicy::default()
    }
    .into();
    let encoded = encode(&target, Operation::Chat, body).unwrap();
    assert_eq!(sent(&encoded).to_string(), r#"{"model":"m","temperature":1}"#);
    assert_eq!(encoded.notes.dropped, ["min_p", "logprobs", "seed", "n"]);
}

#[test]
fn the_operator_s_parameters_fill_gaps_and_extra_body_wins() {
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
    let mut target = target("{}", "m");
    target.defaults =
        vec![("temperature".to_owned(), raw("0.5")), ("max_tokens".to_owned(), raw("9"))].into();
    target.extra_body = vec![("x".to_owned(), raw("1"))].into();
    let encoded =
        encode(&target, Operation::Chat, r#"{"model":"m","max_completion_tokens":3,"x":0}"#).unwrap();
    let expected: Value =
        serde_json::from_str(r#"{"model":"m","max_completion_tokens":3,"x":1,"temperature":0.5}"#).unwrap();
    assert_eq!(sent(&encoded), expected);
}

#[test]
fn urls() {
    let url = |quirks: &str, base: &str| {
        let mut target = target(quirks, "m");
        target.base = base.into();
        encode(&target, Operation::Chat, r#"{"model":"m"}"#).unwrap().request.uri().to_string()
    };
    assert_eq!(url("{}", "http://h/v1"), "http://h/v1/chat/completions");
    assert_eq!(url("{}", "http://h/v1/chat/completions"), "http://h/v1/chat/completions");
    assert_eq!(url("{}", "http://h/v1?a=b"), "http://h/v1/chat/completions?a=b");
    assert_eq!(url(r#"{"base_suffix":"/v1"}"#, "http://h"), "http://h/v1/chat/completions");
    assert_eq!(url(r#"{"base_suffix":"/v1"}"#, "http://h/v1"), "http://h/v1/chat/completions");
    assert_eq!(url(r#"{"paths":{"chat":"/chat/completions/"}}"#, "http://h"), "http://h/chat/completions/");
}
