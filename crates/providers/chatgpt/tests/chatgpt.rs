//! What the backend is asked, what clients get, whose token it is, and the laws.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, time::SystemTime};

use http::Request;
use lockgate_chatgpt::ChatGpt;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, ErrorKind, Media, Operation, Payload, Reply, Secret, Surface, Target,
    transcode,
};
use lockgate_openai::{OpenAiSurface, ResponsesSurface};
use lockgate_testkit::{laws, sample, steps};

static DIALECT: ChatGpt = ChatGpt;
static CHAT: OpenAiSurface = OpenAiSurface;
static RESPONSES: ResponsesSurface = ResponsesSurface;

const BODY: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0.5,"max_tokens":9}"#;
const STREAM: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#;
const NATIVE: &str = r#"{"model":"m","input":"hi","instructions":"Be brief.","max_output_tokens":9}"#;
const EVENTS: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"in_progress\",\"model\":\"gpt-5.2\",\"output\":[]}}\n\n",
    "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}\n\n",
    "event: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"sequence_number\":2,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hello\"}\n\n",
    "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"sequence_number\":4,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello\",\"annotations\":[]}]}}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":5,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\",\"model\":\"gpt-5.2\",\"output\":[],\"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}}}\n\n",
);

fn target() -> Target {
    let mut provider = sample::provider(&DIALECT);
    provider.operations = vec![Operation::Chat, Operation::Responses];
    provider.quirks.responses_for = ["openai", "anthropic"].map(str::to_owned).into();
    sample::target(provider, "gpt-5.2")
}

fn with<T>(surface: &'static dyn Surface, body: &str, test: impl FnOnce(&Attempt<'_>) -> T) -> T {
    let (call, target) = (sample::call(surface, Operation::Chat, body).unwrap(), target());
    test(&Attempt { call: &call, target: &target, media: &Media::default() })
}

#[test]
fn chats_become_what_the_backend_takes() {
    let call = sample::call(&CHAT, Operation::Chat, BODY).unwrap();
    let (sent, reply) = steps::walked(&target(), &call, &[EVENTS.as_bytes()]);
    let body: serde_json::Value =
        serde_json::from_str(sent[0].strip_prefix("POST /responses ").unwrap()).unwrap();
    assert_eq!((&body["store"], &body["stream"]), (&false.into(), &true.into()));
    assert!(body["instructions"].as_str().is_some_and(|told| !told.is_empty()));
    assert!(body.get("temperature").is_none() && body.get("max_output_tokens").is_none(), "{body}");
    let Ok(Reply::Chat(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!(reply.usage.as_ref().unwrap().input, 3);
    let content = reply.choices[0].message.content.as_ref();
    assert!(
        matches!(content, Some(lockgate_core::hub::Content::Text(text)) if text == "Hello"),
        "{content:?}"
    );
}

#[test]
fn clients_of_the_same_api_get_a_whole_response() {
    with(&RESPONSES, NATIVE, |attempt| {
        let encoded = DIALECT.encode(attempt).unwrap();
        let sent = String::from_utf8(encoded.request.body().to_vec()).unwrap();
        assert!(
            sent.contains(r#""instructions":"Be brief.""#) && !sent.contains("max_output_tokens"),
            "{sent}"
        );
        assert_eq!(encoded.notes.dropped, ["max_output_tokens"]);
        let head = sample::head(200, "text/event-stream");
        let answer = transcode::answer(attempt, &encoded, &head, EVENTS.into()).unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(text.starts_with('{') && text.contains(r#""text":"Hello""#), "{text}");
        assert_eq!(answer.usage.unwrap().output, 2);
        let cut = EVENTS.split_once("event: response.completed").unwrap().0;
        let error = transcode::answer(attempt, &encoded, &head, cut.into()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        let failed = "data: {\"type\":\"error\",\"error\":{\"type\":\"usage_limit_reached\",\"message\":\"no more\"}}\n\n";
        let error = transcode::answer(attempt, &encoded, &head, failed.into()).err().unwrap();
        assert!(error.message().contains("no more"), "{error:?}");
    });
}

#[test]
fn the_laws_hold() {
    for (surface, body) in [(&CHAT as &'static dyn Surface, BODY), (&CHAT, STREAM), (&RESPONSES, NATIVE)] {
        with(surface, body, |attempt| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
        });
    }
    with(&CHAT, STREAM, |attempt| {
        let encoded = DIALECT.encode(attempt).unwrap();
        let head = sample::head(200, "text/event-stream");
        let make = || DIALECT.stream(attempt, &encoded, &head);
        let events = laws::any_chunking_gives_the_same_events(&make, EVENTS.as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&make, EVENTS.as_bytes());
    });
}

fn signed(
    key: Option<&str>,
    files: &[(&str, &str)],
    env: &[(&str, &str)],
) -> Option<(String, Option<String>)> {
    let provider = sample::provider(&DIALECT);
    let find = |list: &[(&str, &str)], name: &str| {
        list.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
    };
    let settings = CloudSettings {
        provider: &provider,
        params: &BTreeMap::new(),
        api_key: key.map(|key| Secret::new(key.to_owned())),
        env: &|name| find(env, name),
        file: &|path| find(files, path),
    };
    let mut request = Request::new(Payload::new());
    DIALECT.signer(&settings).ok()?.sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Some((header("authorization").unwrap(), header("chatgpt-account-id")))
}

#[test]
fn tokens_are_where_tools_keep_them() {
    // {"https://api.openai.com/auth":{"chatgpt_account_id":"acc"}}
    let token = "h.eyJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9hY2NvdW50X2lkIjoiYWNjIn19.s";
    assert_eq!(signed(Some(token), &[], &[]), Some((format!("Bearer {token}"), Some("acc".to_owned()))));
    let flat = r#"{"access_token":"t","account_id":"a"}"#;
    let nested = r#"{"tokens":{"access_token":"t","account_id":"a"}}"#;
    let expected = Some(("Bearer t".to_owned(), Some("a".to_owned())));
    assert_eq!(signed(None, &[("/d/auth.json", flat)], &[("CHATGPT_TOKEN_DIR", "/d")]), expected);
    assert_eq!(signed(None, &[("/h/.codex/auth.json", nested)], &[("HOME", "/h")]), expected);
    assert_eq!(signed(None, &[], &[("HOME", "/h")]), None);
    assert_eq!(signed(None, &[("/d/auth.json", "{}")], &[("CHATGPT_TOKEN_DIR", "/d")]), None);
}
