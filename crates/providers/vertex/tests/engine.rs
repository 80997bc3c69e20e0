//! Agents of Agent Engine: where they are, what they are asked, what they do.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc};

use lockgate_core::{
    Attempt, ChatReply, Dialect, Encoded, ErrorKind, Event, FinishReason, Media, Operation, Reply, Result,
    Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};
use lockgate_vertex::Vertex;

static DIALECT: Vertex = Vertex;
static SURFACE: OpenAiSurface = OpenAiSurface;

const FULL: &str = "agent_engine/projects/106/locations/europe-west1/reasoningEngines/826";
const ASKED: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"user":"u1"}"#;
const STREAM: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true}"#;
/// Of an agent of the Agent Development Kit: a call of a tool, an answer in pieces, the answer.
const STEPS: &str = concat!(
    r#"{"content":{"parts":[{"function_call":{"name":"f","args":{}}}],"role":"model"},"author":"a","usage_metadata":{"prompt_token_count":5,"candidates_token_count":2,"total_token_count":7}}"#,
    "\n",
    r#"{"content":{"parts":[{"text":"Hm. ","thought":true},{"text":"Grüße "}]},"partial":true,"usage_metadata":{"prompt_token_count":9}}"#,
    "\n",
    r#"{"content":{"parts":[{"text":"😀"}]},"partial":true,"new":1}"#,
    "\n",
    r#"{"content":{"parts":[{"text":"Hm. ","thought":true},{"text":"Grüße 😀"}]},"partial":false,"finish_reason":"STOP","usage_metadata":{"prompt_token_count":9,"candidates_token_count":4,"thoughts_token_count":1}}"#,
    "\n",
    r#"{"content":{"parts":[{"text":" Bye."}]}}"#,
    "\n"
);

fn target(model: &str) -> Target {
    let params = [("vertex_project", "p"), ("vertex_location", "us-central1")];
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Target {
        custom_base: false,
        params: Arc::new(BTreeMap::from(params)),
        ..sample::target(sample::provider(&DIALECT), model)
    }
}

fn with<T>(target: &Target, body: &str, test: impl FnOnce(&Attempt<'_>, &Encoded) -> T) -> T {
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let attempt = Attempt { call: &call, target, media: &Media::default() };
    test(&attempt, &DIALECT.encode(&attempt).unwrap())
}

fn sent(target: &Target, body: &str) -> String {
    with(target, body, |_, encoded| {
        let request = &encoded.request;
        format!("{} {}", request.uri(), String::from_utf8(request.body().to_vec()).unwrap())
    })
}

fn read(body: &str) -> Result<ChatReply> {
    with(&target(FULL), ASKED, |attempt, encoded| {
        let head = sample::head(200, "text/event-stream");
        match DIALECT.decode(attempt, encoded, &head, body.to_owned().into())? {
            Reply::Chat(reply) => Ok(*reply),
            _ => panic!("no chat"),
        }
    })
}

#[test]
fn engines_are_where_their_names_say() {
    let root = "https://europe-west1-aiplatform.googleapis.com/v1beta1";
    let place = "projects/106/locations/europe-west1/reasoningEngines/826";
    let expected = format!(
        r#"{root}/{place}:streamQuery?alt=sse {{"class_method":"stream_query","input":{{"message":"Hi","user_id":"u1"}}}}"#
    );
    assert_eq!(sent(&target(FULL), ASKED), expected);
    let short = sent(&target("agent_engine/826"), STREAM);
    let start = "https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p/locations/us-central1/reasoningEngines/826:streamQuery?alt=sse ";
    assert!(short.starts_with(start), "{short}");
    let own = Target { base: Arc::from("http://proxy.test"), custom_base: true, ..target(FULL) };
    assert!(sent(&own, ASKED).starts_with(&format!("http://proxy.test/v1beta1/{place}:streamQuery")));
}

#[test]
fn sessions_and_methods_are_the_client_s_choice() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":"Go on"}],"session_id":"s1","user_id":"u2","class_method":"query","depth":2}"#;
    let text = sent(&target(FULL), body);
    let expected = r#":query {"class_method":"query","input":{"message":"Go on","user_id":"u2","session_id":"s1","depth":2}}"#;
    assert!(text.ends_with(expected), "{text}");
    let without = body.replace(r#""session_id":"s1","#, "");
    assert!(sent(&target(FULL), &without).contains(r#""message":"Hi Yes? Go on""#));
    let call =
        sample::call(&SURFACE, Operation::Chat, &ASKED.replace(r#""user":"u1""#, r#""temperature":1"#));
    let (call, target) = (call.unwrap(), target(FULL));
    let refused = DIALECT.encode(&Attempt { call: &call, target: &target, media: &Media::default() });
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::UnsupportedParams);
    assert_eq!(DIALECT.supported_params(&target), ["stream", "user"]);
}

#[test]
fn what_is_said_in_pieces_is_said_once() {
    let lines: String = STEPS.lines().map(|line| format!("data: {line}\n\n")).collect();
    for body in [STEPS, &lines] {
        let reply = read(body).unwrap();
        let message = &reply.choices[0].message;
        assert_eq!(message.content.as_ref().unwrap().text(), "Grüße 😀 Bye.");
        assert_eq!(message.reasoning_content.as_deref(), Some("Hm. "));
        let usage = reply.usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.reasoning), (14, 7, Some(1)));
    }
}

#[test]
fn other_frameworks_speak_otherwise() {
    for (body, text) in [
        (r#"{"output":"Hello"}"#, "Hello"),
        (r#"{"output":{"input":"Hi","output":"Hello"}}"#, "Hello"),
        ("{\n  \"output\": {\n    \"message\": {\"content\": \"Hello\"}\n  }\n}", "Hello"),
        ("\"Hel\"\n\"lo\"\n", "Hello"),
    ] {
        let reply = read(body).unwrap();
        assert_eq!(reply.choices[0].message.content.as_ref().unwrap().text(), text, "{body}");
    }
    let long = r#"{"content":{"parts":[{"text":"a"}]},"finish_reason":"MAX_TOKENS"}"#;
    assert_eq!(read(long).unwrap().choices[0].finish, Some(FinishReason::Length));
}

#[test]
fn failures_say_why() {
    for (body, kind, said) in [
        (r#"{"code":429,"message":"Quota."}"#, ErrorKind::RateLimit, "Quota."),
        (r#"{"error":{"code":500,"message":"Broken."}}"#, ErrorKind::Internal, "Broken."),
        (r#"{"error_code":"MALFORMED","error_message":"Bad call."}"#, ErrorKind::Internal, "Bad call."),
        ("", ErrorKind::InvalidResponse, "ended before"),
        ("{\"cut", ErrorKind::InvalidResponse, "not valid JSON"),
    ] {
        let error = read(body).unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
        assert!(error.message().contains(said), "{error}");
    }
}

#[test]
fn the_laws_hold() {
    with(&target(FULL), STREAM, |attempt, encoded| {
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
        let head = sample::head(200, "text/event-stream");
        let make = || DIALECT.stream(attempt, encoded, &head);
        let events = laws::any_chunking_gives_the_same_events(&make, STEPS.as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        assert!(events.iter().any(|event| matches!(event, Event::Usage(usage) if usage.input == 14)));
        assert!(laws::decode(make(), [&b""[..]]).is_err());
        assert!(laws::decode(make(), [&STEPS.as_bytes()[..STEPS.len() - 9]]).is_err(), "cut in a line");
    });
}
