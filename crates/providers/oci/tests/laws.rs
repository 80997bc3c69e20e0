//! The laws of every dialect, for this one, and its signature.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Event, FinishReason, Media, Operation, ParamPolicy, Payload,
    Reply, StreamDecoder, Target,
};
use lockgate_oci::Oci;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{jwt::KEY, laws, sample};

static DIALECT: Oci = Oci;
static SURFACE: OpenAiSurface = OpenAiSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"developer","content":"s"},{"role":"user","content":"hi"}],
    "stream":true,"verbosity":"low","stop":"END","top_k":3,"isEcho":false}"#;

const TOOLS: &str = r#"{"model":"m","messages":[{"role":"user","content":"u"},
    {"role":"assistant","content":"","tool_calls":[{"index":0,"id":"1","function":{"name":"f","arguments":"{\"a\":1}"}}]},
    {"role":"tool","tool_call_id":"1","content":"x"}],"max_completion_tokens":9,
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object",
    "properties":{"a":{"type":"integer","description":"n"},"b":{"type":"string"}},"required":["a"]}}}]}"#;

fn target(model: &str) -> Target {
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    let params = BTreeMap::from([("oci_compartment_id".to_owned(), "c".to_owned())]);
    Target {
        policy: Arc::new(policy),
        params: Arc::new(params),
        ..sample::target(sample::provider(&DIALECT), model)
    }
}

fn with(model: &str, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let (target, media) = (target(model), Media::default());
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap());
}

fn sent(model: &str, body: &str) -> serde_json::Value {
    let out = std::cell::RefCell::default();
    with(model, body, |_, encoded| {
        *out.borrow_mut() = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
    });
    out.into_inner()
}

fn decoder(attempt: &Attempt<'_>, encoded: &Encoded) -> Box<dyn StreamDecoder> {
    DIALECT.stream(attempt, encoded, &sample::head(200, "text/event-stream"))
}

const GENERIC: &str = concat!(
    r#"data: {"index":0,"message":{"role":"ASSISTANT","content":[{"type":"TEXT","text":"Grüße 😀"}],"new":1},"pad":"a"}"#,
    "\n\n",
    r#"data: {"index":0,"message":{"role":"ASSISTANT","toolCalls":[{"type":"FUNCTION","id":"1","name":"f","arguments":"{\"a\""}]}}"#,
    "\n\n",
    r#"data: {"index":0,"message":{"toolCalls":[{"type":"FUNCTION","arguments":":1}"}]},"pad":""}"#,
    "\n\n",
    r#"data: {"index":0,"message":{"toolCalls":[{"type":"FUNCTION","id":"2","name":"g","arguments":"{}"}]}}"#,
    "\n\n",
    r#"data: {"message":{"role":"ASSISTANT","content":null},"finishReason":"tool_calls","usage":{"promptTokens":9,"completionTokens":4,"totalTokens":13}}"#,
    "\n\n",
);

const COHERE: &str = concat!(
    r#"data: {"apiFormat":"COHERE","text":"Par","pad":"a"}"#,
    "\n\n",
    r#"data: {"apiFormat":"COHERE","text":"is."}"#,
    "\n\n",
    r#"data: {"apiFormat":"COHERE","text":"Paris.","chatHistory":[],"finishReason":"MAX_TOKENS","usage":{"promptTokens":9,"completionTokens":4}}"#,
    "\n\n",
);

#[test]
fn streams_are_read_alike_however_they_are_cut() {
    with("meta.llama", BODY, |attempt, encoded| {
        let decoders = || decoder(attempt, encoded);
        let probes = || DIALECT.probe(encoded);
        for stream in [GENERIC.to_owned(), COHERE.to_owned(), GENERIC.replace('\n', "\r\n")] {
            let stream = stream.as_bytes();
            let events = laws::any_chunking_gives_the_same_events(&decoders, stream);
            laws::a_good_stream_is_well_formed(&events);
            laws::a_cut_off_stream_is_an_error(&decoders, stream);
            laws::a_relayed_stream_is_untouched(&probes, stream);
        }
        laws::garbage_never_panics(&decoders, &probes, GENERIC.as_bytes(), 1_000);
    });
}

#[test]
fn a_stream_loses_nothing_and_says_nothing_twice() {
    with("m", BODY, |attempt, encoded| {
        let events = laws::decode(decoder(attempt, encoded), [GENERIC.as_bytes()]).unwrap();
        let mut arguments = [String::new(), String::new()];
        for event in &events {
            if let Event::ToolArguments { index, fragment, .. } = event {
                arguments[*index as usize].push_str(fragment);
            }
        }
        assert_eq!(arguments, ["{\"a\":1}", "{}"]);
        let events = laws::decode(decoder(attempt, encoded), [COHERE.as_bytes()]).unwrap();
        let text: String = events
            .iter()
            .filter_map(|event| match event {
                Event::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(text, "Paris.");
        assert!(
            events.iter().any(|event| matches!(event, Event::Finish { reason: FinishReason::Length, .. }))
        );
        assert!(events.iter().any(|event| matches!(event, Event::Usage(usage) if usage.output == 4)));
    });
}

#[test]
fn refusals_are_explained_and_translation_is_deterministic() {
    for model in ["meta.llama", "cohere.command"] {
        with(model, BODY, |attempt, encoded| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            let body = String::from_utf8(encoded.request.body().to_vec()).unwrap();
            assert!(!body.contains("null"), "nothing is sent as null: {body}");
            assert!(body.contains(r#""isEcho":false"#), "{body}");
            assert_eq!(encoded.notes.dropped, ["verbosity"]);
            laws::no_secret(&encoded.request, "the unsigned request");
        });
    }
}

#[test]
fn requests_are_sent_in_each_format_s_words() {
    let body = sent("meta.llama", TOOLS);
    let chat = &body["chatRequest"];
    assert_eq!((&body["compartmentId"], &chat["maxTokens"]), (&"c".into(), &9.into()));
    let call = serde_json::json!({"id": "1", "type": "FUNCTION", "name": "f", "arguments": "{\"a\":1}"});
    assert_eq!(chat["messages"][1], serde_json::json!({"role": "ASSISTANT", "toolCalls": [call]}));
    let result =
        serde_json::json!({"role": "TOOL", "content": [{"type": "TEXT", "text": "x"}], "toolCallId": "1"});
    assert_eq!(chat["messages"][2], result);
    assert_eq!(chat["tools"][0]["parameters"]["required"], serde_json::json!(["a"]));
    let chat = &sent("cohere.command", TOOLS)["chatRequest"];
    let call = serde_json::json!({"name": "f", "parameters": {"a": 1}});
    assert_eq!(
        chat["chatHistory"][1],
        serde_json::json!({"role": "CHATBOT", "message": "", "toolCalls": [call]})
    );
    assert_eq!(chat["toolResults"], serde_json::json!([{"call": call, "outputs": [{"output": "x"}]}]));
    let definition = serde_json::json!({"a": {"type": "int", "description": "n", "isRequired": true}, "b": {"type": "str", "isRequired": false}});
    assert_eq!(chat["tools"][0]["parameterDefinitions"], definition);
}

#[test]
fn whole_answers() {
    with("cohere.command", TOOLS, |attempt, encoded| {
        let read = |body: &'static str| {
            DIALECT.decode(attempt, encoded, &sample::head(200, "application/json"), body.into())
        };
        let answer = read(
            r#"{"modelId":"m","chatResponse":{"apiFormat":"COHERE","text":"","toolCalls":[{"name":"f","parameters":{"a":1}}],"finishReason":"COMPLETE","new":[]}}"#,
        );
        let Reply::Chat(reply) = answer.unwrap() else { panic!("no chat") };
        let call = &reply.choices[0].message.tool_calls.as_ref().unwrap()[0];
        assert_eq!(call.function.as_ref().unwrap().arguments.as_deref(), Some("{\"a\":1}"));
        assert_eq!(reply.choices[0].finish, Some(FinishReason::ToolCalls));
        for bad in [
            "[]",
            "{}",
            r#"{"chatResponse":{}}"#,
            r#"{"chatResponse":{"finishReason":"ERROR","errorMessage":"no","text":""}}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    });
}

#[test]
fn requests_are_signed_as_oracle_cloud_wants_it() {
    let params: BTreeMap<String, String> =
        [("oci_tenancy", "t"), ("oci_user", "u"), ("oci_fingerprint", "aa:bb"), ("oci_key", KEY)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    let provider = sample::provider(&DIALECT);
    let settings = |params| CloudSettings {
        provider: &provider,
        params,
        api_key: None,
        env: &|_| None,
        file: &|_| None,
    };
    let signer = DIALECT.signer(&settings(&params)).unwrap();
    let mut request = http::Request::post("https://host.example/20231130/actions/chat")
        .header("content-type", "application/json")
        .body(Payload::from("{}"))
        .unwrap();
    signer.sign(&mut request, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)).unwrap();
    let headers = request.headers();
    assert_eq!(headers["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(headers["x-content-sha256"], "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=");
    let value = headers["authorization"].to_str().unwrap();
    let head = "Signature version=\"1\",keyId=\"t/u/aa:bb\",algorithm=\"rsa-sha256\",headers=\"date \
                (request-target) host content-length content-type x-content-sha256\",signature=\"";
    assert!(value.starts_with(head), "{value}");
    assert!(headers["authorization"].is_sensitive());
    // Made with `openssl dgst -sha256 -sign` over the lines that the headers name.
    assert_eq!(value[head.len()..].trim_end_matches('"'), include_str!("signature.txt").trim());
    let settled = DIALECT.settle(&settings(&params));
    assert_eq!(settled.keys().collect::<Vec<_>>(), ["oci_compartment_id"]);
    let error = DIALECT.signer(&settings(&BTreeMap::new())).err().unwrap();
    assert!(error.message().contains("OCI_TENANCY"));
}

#[test]
fn texts_are_continued_in_a_chat() {
    for model in ["meta.llama", "cohere.command"] {
        let (target, media) = (target(model), Media::default());
        let body = r#"{"model":"m","prompt":"The capital is","max_tokens":4}"#;
        let call = sample::call(&SURFACE, Operation::Completion, body).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &media };
        let encoded = DIALECT.encode(&attempt).unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        assert!(sent["chatRequest"].to_string().contains("The capital is"), "{sent}");
        assert_eq!(sent["chatRequest"]["maxTokens"], 4);
    }
}

#[test]
fn files_that_another_provider_keeps_are_reported() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[
        {"type":"file","file":{"file_id":"file_1"}},{"type":"text","text":"Summarise"}]}]}"#;
    with("meta.llama", body, |_, encoded| {
        let sent: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        let content = serde_json::json!([{"type": "TEXT", "text": "Summarise"}]);
        assert_eq!(sent["chatRequest"]["messages"][0]["content"], content);
        assert_eq!(encoded.notes.dropped, ["messages.content"]);
    });
}
