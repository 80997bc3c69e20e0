//! Addresses, credentials, prices' names and laws of Azure.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::Request;
use lockgate_azure::{Azure, AzureAi};
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Event, Media, Operation, Payload, Secret, Signer, Surface,
    Target, transcode,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample, steps};

static AZURE: Azure = Azure;
static FOUNDRY: AzureAi = AzureAi;
static OPENAI: OpenAiSurface = OpenAiSurface;
static ANTHROPIC: lockgate_anthropic::AnthropicSurface = lockgate_anthropic::AnthropicSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
const STREAM: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}"#;
const CHUNKS: &str = concat!(
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":null,\"content_filter_results\":{}}]}\n\n",
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
    "data: [DONE]\n\n",
);
const OPENING: &str = "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n";

fn target(dialect: &'static dyn Dialect, model: &str, base: &str, params: &[(&str, &str)]) -> Target {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut provider = sample::provider(dialect);
    provider.quirks.openai_families = dialect.id() == "azure";
    Target { base: Arc::from(base), params: Arc::new(params.collect()), ..sample::target(provider, model) }
}

fn with(
    surface: &'static dyn Surface,
    operation: Operation,
    target: &Target,
    body: &str,
    test: impl Fn(&Attempt<'_>, &Encoded),
) {
    let call = sample::call(surface, operation, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    let encoded = target.provider.dialect.encode(&attempt).unwrap();
    test(&attempt, &encoded);
}

fn settings<T>(
    params: &[(&str, &str)],
    key: Option<&str>,
    env: &[(&str, &str)],
    test: impl FnOnce(&CloudSettings<'_>) -> T,
) -> T {
    let provider = sample::provider(&AZURE);
    let params: BTreeMap<_, _> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let env = |name: &str| env.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    test(&CloudSettings {
        provider: &provider,
        params: &params,
        api_key: key.map(|key| Secret::new(key.to_owned())),
        env: &env,
        file: &|_| None,
    })
}

fn key() -> Arc<dyn Signer> {
    settings(&[], Some("k"), &[], |settings| AZURE.signer(settings)).unwrap()
}

/// The headers that carry the key on a request.
fn credentials(encoded: &Encoded) -> Vec<String> {
    let mut request = Request::new(Payload::new());
    *request.extensions_mut() = encoded.request.extensions().clone();
    key().sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
    assert!(request.headers().values().all(http::HeaderValue::is_sensitive));
    let mut names: Vec<String> = request.headers().keys().map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

#[test]
fn deployments_are_where_their_operators_say() {
    let (home, old) = ("https://r.openai.azure.com", "2024-10-21");
    let dated = "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21";
    for (base, model, version, expected) in [
        (home, "d", old, dated),
        ("https://r.openai.azure.com/openai", "d", old, dated),
        (
            "https://r.openai.azure.com/openai/v1",
            "d",
            old,
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        ("https://r.openai.azure.com/openai/deployments/d", "other", old, dated),
        (
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
            "x",
            "2023-05-15",
            dated,
        ),
        (home, "o_series/d", old, dated),
        (home, "gpt5_series/d", old, dated),
        (home, "d", "v1", "https://r.openai.azure.com/openai/v1/chat/completions"),
        (home, "d", "latest", "https://r.openai.azure.com/openai/v1/chat/completions"),
        (
            home,
            "../x?y",
            old,
            "https://r.openai.azure.com/openai/deployments/..%2Fx%3Fy/chat/completions?api-version=2024-10-21",
        ),
        (home, "responses/d", old, "https://r.openai.azure.com/openai/responses?api-version=2024-10-21"),
        (
            "https://gw.test/a?sub=1",
            "d",
            old,
            "https://gw.test/a/openai/deployments/d/chat/completions?api-version=2024-10-21&sub=1",
        ),
    ] {
        let target = target(&AZURE, model, base, &[("api_version", version)]);
        with(&OPENAI, Operation::Chat, &target, BODY, |_, encoded| {
            assert_eq!(encoded.request.uri().to_string(), expected, "{base} {model} {version}");
            let place = if expected.contains("/v1/") { "authorization" } else { "api-key" };
            assert_eq!(credentials(encoded), [place], "{base} {version}");
        });
    }
    let target = target(&AZURE, "d", home, &[]);
    let input = r#"{"model":"m","input":"x"}"#;
    with(&OPENAI, Operation::Embedding, &target, input, |_, encoded| {
        let url = "https://r.openai.azure.com/openai/deployments/d/embeddings?api-version=2025-02-01-preview";
        assert_eq!(encoded.request.uri().to_string(), url);
    });
}

#[test]
fn foundry_s_models_are_beside_claude() {
    for (base, model, params, expected, places) in [
        ("http://h.test", "gpt-oss", &[][..], "http://h.test/chat/completions", &["authorization"][..]),
        (
            "http://h.test/models",
            "m",
            &[("api_version", "v")],
            "http://h.test/models/chat/completions?api-version=v",
            &["authorization"],
        ),
        (
            "https://r.services.ai.azure.com",
            "m",
            &[],
            "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            &["api-key"],
        ),
        (
            "https://r.services.ai.azure.com/openai/v1",
            "m",
            &[],
            "https://r.services.ai.azure.com/openai/v1/chat/completions",
            &["api-key"],
        ),
        (
            "http://h.test/anthropic",
            "claude-x",
            &[],
            "http://h.test/anthropic/v1/messages",
            &["api-key", "x-api-key"],
        ),
        (
            "http://h.test/models",
            "claude-x",
            &[],
            "http://h.test/anthropic/v1/messages",
            &["api-key", "x-api-key"],
        ),
    ] {
        let target = target(&FOUNDRY, model, base, params);
        with(&OPENAI, Operation::Chat, &target, BODY, |attempt, encoded| {
            assert_eq!(encoded.request.uri().to_string(), expected, "{base} {model}");
            assert_eq!(credentials(encoded), places, "{base} {model}");
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
        });
    }
    let claude = target(&FOUNDRY, "claude-x", "http://h.test/anthropic", &[]);
    with(&ANTHROPIC, Operation::Chat, &claude, BODY, |_, encoded| {
        assert!(encoded.relay);
        assert_eq!(credentials(encoded), ["x-api-key"]);
    });
}

#[test]
fn the_family_follows_the_route_and_the_base_model() {
    let base = "https://r.openai.azure.com";
    for (model, params) in
        [("o_series/d", &[][..]), ("gpt5_series/d", &[]), ("d", &[("base_model", "azure/gpt-5")])]
    {
        with(&OPENAI, Operation::Chat, &target(&AZURE, model, base, params), BODY, |_, encoded| {
            let body: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
            assert_eq!((&body["model"], &body["max_completion_tokens"]), (&"d".into(), &9.into()), "{model}");
        });
    }
}

#[test]
fn laws_of_streams() {
    let target = target(&AZURE, "d", "https://r.openai.azure.com", &[]);
    with(&OPENAI, Operation::Chat, &target, STREAM, |attempt, encoded| {
        let decoders = || AZURE.stream(attempt, encoded, &sample::head(200, "text/event-stream"));
        let probes = || AZURE.probe(encoded);
        let whole = format!("{OPENING}{CHUNKS}");
        let events = laws::any_chunking_gives_the_same_events(&decoders, whole.as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, whole.as_bytes());
        laws::garbage_never_panics(&decoders, &probes, whole.as_bytes(), 1_000);
        let named = |event: &Event| matches!(event, Event::Usage(usage) if usage.model.as_deref() == Some("gpt-4o-2024-08-06"));
        assert!(events.iter().any(named));
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
}

#[test]
fn a_relayed_stream_starts_with_its_first_real_chunk() {
    let target = target(&AZURE, "d", "https://r.openai.azure.com", &[]);
    with(&OPENAI, Operation::Chat, &target, STREAM, |_, encoded| {
        let expected = CHUNKS.replace("gpt-4o-2024-08-06", "m");
        for text in [format!("{OPENING}{CHUNKS}"), CHUNKS.to_owned()] {
            for cut in [1, 2, 7, 100, 5_000] {
                let (mut probe, mut out) = (AZURE.probe(encoded), Vec::new());
                for piece in text.as_bytes().chunks(cut) {
                    out.extend_from_slice(&probe.pass(Bytes::copy_from_slice(piece)).unwrap());
                }
                let end = probe.finish();
                out.extend_from_slice(&end.rest);
                assert!(end.error.is_none(), "{cut}");
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{cut}");
                assert_eq!(probe.usage().unwrap().input, 3);
                if cut > 50 {
                    assert_eq!(probe.usage().unwrap().model.as_deref(), Some("gpt-4o-2024-08-06"));
                }
            }
        }
        let mut probe = AZURE.probe(encoded);
        assert!(probe.pass(Bytes::from_static(b"data: {\"choi")).unwrap().is_empty());
        assert!(probe.finish().error.is_some());
    });
}

#[test]
fn whole_answers_name_the_model_that_is_billed() {
    let target = target(&AZURE, "d", "https://r.openai.azure.com", &[]);
    let answer = Bytes::from_static(br#"{"id":"1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#);
    let call = sample::call(&OPENAI, Operation::Chat, BODY).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let mut encoded = AZURE.encode(&attempt).unwrap();
    let head = sample::head(200, "application/json");
    for relay in [true, false] {
        encoded.relay = relay;
        let answer = transcode::answer(&attempt, &encoded, &head, answer.clone()).unwrap();
        assert_eq!(answer.usage.unwrap().model.as_deref(), Some("gpt-4o-2024-08-06"));
    }
}

#[test]
fn the_filter_s_refusal_and_the_pause_in_words() {
    let target = target(&AZURE, "d", "https://r.openai.azure.com", &[]);
    with(&OPENAI, Operation::Chat, &target, BODY, |attempt, _| {
        let filtered = Bytes::from_static(br#"{"error":{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#);
        let error = AZURE.reject(attempt, &sample::head(400, "application/json"), &filtered);
        assert_eq!(error.kind(), lockgate_core::ErrorKind::ContentPolicy);
        let busy = Bytes::from_static(
            br#"{"error":{"code":"429","message":"Rate limit. Please retry after 3 seconds."}}"#,
        );
        let error = AZURE.reject(attempt, &sample::head(429, "application/json"), &busy);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    });
}

#[test]
fn tokens_come_before_keys_and_the_deployment_before_the_environment() {
    let header = |signer: &Arc<dyn Signer>| {
        let mut request = Request::new(Payload::new());
        signer.sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
        let first = request.headers().iter().next().map(|(name, value)| (name.to_string(), value.clone()));
        first.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).unwrap_or_default()
    };
    let application = [("tenant_id", "t"), ("client_id", "c"), ("client_secret", "s")];
    for (params, key, env, expected) in [
        (&[("azure_ad_token", "own")][..], Some("k"), &[][..], "authorization: Bearer own"),
        (&[], Some("k"), &[("AZURE_AD_TOKEN", "env")], "api-key: k"),
        (&[], None, &[("AZURE_AD_TOKEN", "env")], "authorization: Bearer env"),
        (&application, Some("k"), &[], ""),
    ] {
        settings(params, key, env, |settings| {
            assert_eq!(header(&AZURE.signer(settings).unwrap()), expected);
            let kept = AZURE.settle(settings);
            assert!(!kept.contains_key("azure_ad_token") && !kept.contains_key("client_secret"));
        });
    }
    let missing = settings(&[], None, &[], |settings| AZURE.signer(settings).err().unwrap());
    assert!(missing.message().contains("AZURE_AD_TOKEN"));
    let version = settings(&[], None, &[("AZURE_API_VERSION", "v1")], |settings| AZURE.settle(settings));
    assert_eq!(version.get("api_version").map(String::as_str), Some("v1"));
}

#[test]
fn an_application_s_secret_is_exchanged() {
    let env = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s&s")];
    settings(&[], None, &env, |settings| {
        let signer = AZURE.signer(settings).unwrap();
        let source = signer.token_source().unwrap();
        let now = SystemTime::UNIX_EPOCH;
        let request = source.request(now).unwrap();
        assert_eq!(request.uri(), "https://login.microsoftonline.com/t/oauth2/v2.0/token");
        let form = String::from_utf8(request.body().to_vec()).unwrap();
        let scope = "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default";
        assert_eq!(form, format!("client_id=c&{scope}&grant_type=client_credentials&client_secret=s%26s"));
        assert!(!source.key().contains("s&s"));
        for granted in
            [r#"{"access_token":"x","expires_in":60}"#, r#"{"access_token":"x","expires_in":"60"}"#]
        {
            let granted = Bytes::from_static(granted.as_bytes());
            let token = source.read(&sample::head(200, "application/json"), &granted, now).unwrap();
            assert_eq!(
                (token.value.to_str().unwrap(), token.expires_at),
                ("Bearer x", now + Duration::from_secs(60))
            );
        }
        let refused =
            Bytes::from_static(br#"{"error":"invalid_client","error_description":"AADSTS7000215"}"#);
        let error = source.read(&sample::head(401, "application/json"), &refused, now).unwrap_err();
        assert!(error.message().contains("AADSTS7000215") && error.kind().status() == 401);
    });
    let user = [("tenant_id", "t"), ("client_id", "c"), ("azure_username", "u"), ("azure_password", "p")];
    settings(&user, Some("k"), &[("AZURE_AUTHORITY_HOST", "http://login.test/")], |settings| {
        let signer = AZURE.signer(settings).unwrap();
        let request = signer.token_source().unwrap().request(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.uri(), "http://login.test/t/oauth2/v2.0/token");
        let form = String::from_utf8(request.body().to_vec()).unwrap();
        assert!(form.ends_with("grant_type=password&username=u&password=p"), "{form}");
    });
}

#[test]
fn old_versions_get_the_schema_as_a_tool() {
    const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}"#;
    let called = |name: &str| {
        let start = format!(
            r#"{{"tool_calls":[{{"index":0,"id":"c","type":"function","function":{{"name":"{name}","arguments":""}}}}]}}"#
        );
        let more = r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}"#;
        let chunk = |delta: &str, finish: &str| {
            format!(
                "data: {{\"id\":\"1\",\"model\":\"g\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
            )
        };
        [
            chunk(&start, "null"),
            chunk(more, "null"),
            chunk("{}", "\"tool_calls\""),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat()
    };
    let old = target(&AZURE, "d", "https://r.openai.azure.com", &[("api_version", "2023-05-15")]);
    with(&OPENAI, Operation::Chat, &old, ASKED, |attempt, encoded| {
        let body: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        assert_eq!(body["tools"][0]["function"]["parameters"]["type"], "object");
        assert_eq!(body["tool_choice"]["function"]["name"], "json_tool_call");
        assert!(body.get("response_format").is_none() && !encoded.relay);

        let decoders = || AZURE.stream(attempt, encoded, &sample::head(200, "text/event-stream"));
        let events = laws::any_chunking_gives_the_same_events(&decoders, called("json_tool_call").as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        let text: String = events
            .iter()
            .filter_map(|event| match event {
                Event::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(text, r#"{"a":1}"#);
        assert!(!events.iter().any(|event| matches!(event, Event::ToolStart { .. })));
        let other = laws::decode(decoders(), [called("mine").as_bytes()]).unwrap();
        assert!(other.iter().any(|event| matches!(event, Event::ToolStart { .. })));

        let whole = Bytes::from_static(br#"{"id":"1","model":"g","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"json_tool_call","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#);
        let lockgate_core::Reply::Chat(reply) =
            AZURE.decode(attempt, encoded, &sample::head(200, "application/json"), whole).unwrap()
        else {
            panic!()
        };
        let choice = &reply.choices[0];
        assert_eq!(choice.message.content.as_ref().unwrap().text(), "{}");
        assert!(
            choice.message.tool_calls.is_none() && choice.finish == Some(lockgate_core::FinishReason::Stop)
        );
    });
    for (version, body) in [("2024-10-21", ASKED), ("2023-05-15", STREAM), ("v1", ASKED)] {
        let target = target(&AZURE, "d", "https://r.openai.azure.com", &[("api_version", version)]);
        with(&OPENAI, Operation::Chat, &target, body, |attempt, encoded| {
            assert!(encoded.relay && encoded.memo.json_tool.is_none());
            laws::encoding_is_deterministic(attempt);
            laws::a_relayed_request_is_untouched(body.as_bytes(), encoded, &["model", "stream_options"]);
        });
    }
}

#[test]
fn the_speech_service_hears_and_speaks() {
    let base = "https://westus.api.cognitive.microsoft.com";
    let body = r#"{"model":"m","language":"de-DE","diarization":"{\"enabled\":true}"}"#;
    let heard = sample::form(&OPENAI, Operation::Transcription, body, &[("file", "a.wav", "RIFF")]).unwrap();
    let answer = br#"{"durationMilliseconds":2000,"combinedPhrases":[{"text":"Guten Tag."}],"phrases":[
        {"offsetMilliseconds":40,"durationMilliseconds":1000,"text":"Guten Tag.","locale":"de-DE",
         "words":[{"text":"Guten","offsetMilliseconds":40,"durationMilliseconds":400}]}]}"#;
    let (sent, reply) = steps::walked(&target(&AZURE, "speech/stt", base, &[]), &heard, &[answer]);
    assert!(
        sent[0].starts_with(&format!("POST {base}/speechtotext/transcriptions:transcribe?api-version=")),
        "{}",
        sent[0]
    );
    assert!(sent[0].contains(r#"{"locales":["de-DE"],"diarization":{"enabled":true}}"#), "{}", sent[0]);
    let Ok(lockgate_core::Reply::Transcription(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!((reply.text.as_str(), reply.language.as_deref()), ("Guten Tag.", Some("de-DE")));
    assert_eq!(reply.words.unwrap().get(), r#"[{"word":"Guten","start":0.04,"end":0.44}]"#);
    assert_eq!(reply.usage.unwrap().measures.unwrap().input_millis, 2000);
    let (_, reply) = steps::walked(&target(&AZURE, "speech/stt", base, &[]), &heard, &[b"{}"]);
    assert!(reply.is_err());

    let mut service = target(&AZURE, "neural", base, &[]);
    let mut provider = sample::provider(&AZURE);
    provider.quirks.model_prefix = Some("speech/".to_owned());
    service.provider = Arc::new(provider);
    let speech = r#"{"model":"m","input":"hi","voice":"alloy"}"#;
    with(&OPENAI, Operation::Speech, &service, speech, |_, encoded| {
        let url = "https://westus.tts.speech.microsoft.com/cognitiveservices/v1";
        assert_eq!(encoded.request.uri().to_string(), url);
    });
}
