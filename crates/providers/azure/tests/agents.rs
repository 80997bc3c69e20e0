//! Agents: the thread, the run, what was said in it; the same as events; whose token it takes.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc};

use lockgate_azure::AzureAi;
use lockgate_core::{
    Attempt, ChatReply, CloudSettings, Dialect, ErrorKind, Event, FinishReason, Media, Operation, Reply,
    Result, Secret, Step, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample, steps};

static FOUNDRY: AzureAi = AzureAi;
static SURFACE: OpenAiSurface = OpenAiSurface;

const V: &str = "?api-version=2025-05-01";
const ASKED: &str = r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"temperature":0,"max_tokens":9,"instructions":"Do."}"#;
const STREAM: &str = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true}"#;
const RUN: &str = r#"{"id":"run_1","object":"thread.run","thread_id":"thread_1","assistant_id":"asst_1","status":"STATUS","last_error":null,"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;
const SAID: &str = r#"{"object":"list","data":[
    {"id":"msg_1","role":"assistant","content":[{"type":"text","text":{"value":"Hello,","annotations":[]}},{"type":"image_file","image_file":{"file_id":"f"}},{"type":"text","text":{"value":"you."}}]},
    {"id":"msg_2","role":"assistant","content":[{"type":"text","text":{"value":"Bye."}}]}],"has_more":false}"#;

fn run(status: &str) -> String {
    RUN.replace("STATUS", status)
}

fn target() -> Target {
    sample::target(sample::provider(&FOUNDRY), "agents/asst_1")
}

fn walked(body: &str, answers: &[&str]) -> (Vec<String>, Result<ChatReply>) {
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let answers: Vec<&[u8]> = answers.iter().map(|answer| answer.as_bytes()).collect();
    let (sent, reply) = steps::walked(&target(), &call, &answers);
    let chat = |reply| match reply {
        Reply::Chat(reply) => *reply,
        other => panic!("{other:?}"),
    };
    (sent, reply.map(chat))
}

#[test]
fn a_thread_a_run_and_what_was_said() {
    let answers = [r#"{"id":"thread_1"}"#, &run("queued"), &run("in_progress"), &run("completed"), SAID];
    let (sent, reply) = walked(ASKED, &answers);
    assert_eq!(
        sent,
        [
            format!(r#"POST /threads{V} {{"messages":[{{"role":"user","content":"Hi"}}]}}"#),
            format!(
                r#"POST /threads/thread_1/runs{V} {{"assistant_id":"asst_1","additional_instructions":"Be brief.","temperature":0,"max_completion_tokens":9,"instructions":"Do."}}"#
            ),
            format!("GET /threads/thread_1/runs/run_1{V}"),
            format!("GET /threads/thread_1/runs/run_1{V}"),
            format!("GET /threads/thread_1/messages{V}&run_id=run_1&order=asc"),
        ]
    );
    let reply = reply.unwrap();
    assert_eq!(reply.choices[0].message.content.as_ref().unwrap().text(), "Hello,\nyou.\n\nBye.");
    assert_eq!(reply.choices[0].finish, Some(FinishReason::Stop));
    assert_eq!((&*reply.id, reply.extra.get("thread_id").unwrap().get()), ("run_1", "\"thread_1\""));
    let usage = reply.usage.unwrap();
    assert_eq!((usage.input, usage.output), (7, 3));
}

#[test]
fn a_thread_that_is_known_is_told_what_is_new() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"Look"},{"type":"image_url","image_url":{"url":"https://e.example/a.png"}}]}],"thread_id":"thread_1"}"#;
    let incomplete = run("incomplete")
        .replace(r#""last_error":null"#, r#""incomplete_details":{"reason":"max_completion_tokens"}"#);
    let (sent, reply) = walked(body, &[&incomplete, SAID]);
    let expected = format!(
        r#"POST /threads/thread_1/runs{V} {{"assistant_id":"asst_1","additional_messages":[{{"role":"user","content":[{{"type":"text","text":"Look"}},{{"type":"image_url","image_url":{{"url":"https://e.example/a.png"}}}}]}}]}}"#
    );
    assert_eq!(sent[0], expected);
    assert_eq!(reply.unwrap().choices[0].finish, Some(FinishReason::Length));
}

#[test]
fn runs_that_come_to_nothing_say_why() {
    let limited = run("failed").replace(
        r#""last_error":null"#,
        r#""last_error":{"code":"rate_limit_exceeded","message":"Rate limit is exceeded."}"#,
    );
    for (answer, kind, said) in [
        (limited, ErrorKind::RateLimit, "Rate limit is exceeded."),
        (run("expired"), ErrorKind::ServiceUnavailable, "The agent's run was expired."),
        (run("requires_action"), ErrorKind::Unprocessable, "The agent waits for what functions"),
    ] {
        let (_, reply) = walked(ASKED, &[r#"{"id":"thread_1"}"#, &answer]);
        let error = reply.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer}");
        assert!(error.message().starts_with(said), "{error}");
    }
    for bad in ["", "{}", "not json", r#"{"id":null}"#] {
        let (_, reply) = walked(ASKED, &[bad]);
        assert_eq!(reply.unwrap_err().kind(), ErrorKind::InvalidResponse, "{bad}");
    }
    let (_, reply) = walked(ASKED, &[r#"{"id":"t"}"#, &run("completed"), r#"{"data":[]}"#]);
    assert!(reply.unwrap_err().message().contains("no text"));
}

fn events() -> String {
    let delta = |text: &str| {
        format!(
            r#"{{"id":"msg_1","object":"thread.message.delta","delta":{{"content":[{{"index":0,"type":"text","text":{{"value":"{text}"}}}}]}}}}"#
        )
    };
    let message = r#"{"id":"msg_1","object":"thread.message"}"#.to_owned();
    [
        ("thread.run.created", run("queued")),
        ("thread.run.step.created", r#"{"id":"step_1"}"#.to_owned()),
        ("thread.run.in_progress", run("in_progress")),
        ("thread.message.created", message.clone()),
        ("thread.message.delta", delta("Grüße ")),
        ("thread.message.delta", delta("😀")),
        ("thread.message.completed", message.clone()),
        ("thread.message.created", message),
        ("thread.message.delta", delta("Bye.")),
        ("brand.new", "{}".to_owned()),
        ("thread.run.completed", run("completed")),
        ("done", "[DONE]".to_owned()),
    ]
    .map(|(name, data)| format!("event: {name}\ndata: {data}\n\n"))
    .concat()
}

#[test]
fn the_laws_hold_for_streams() {
    let (target, call) = (target(), sample::call(&SURFACE, Operation::Chat, STREAM).unwrap());
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let encoded = FOUNDRY.encode(&attempt).unwrap();
    let mut exchange = FOUNDRY.exchange(&attempt, &encoded).unwrap();
    let head = sample::head(200, "application/json");
    let step = exchange.next(&head, &r#"{"id":"thread_1"}"#.into()).unwrap();
    let Step::Last(request) = step else { panic!("{step:?}") };
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    assert_eq!(body, r#"{"assistant_id":"asst_1","stream":true}"#);
    let make = || FOUNDRY.stream(&attempt, &encoded, &sample::head(200, "text/event-stream"));
    let stream = events();
    let events = laws::any_chunking_gives_the_same_events(&make, stream.as_bytes());
    laws::a_good_stream_is_well_formed(&events);
    let cut = stream.find("event: thread.run.completed").unwrap();
    laws::a_cut_off_stream_is_an_error(&make, &stream.as_bytes()[..cut]);
    let mut text = String::new();
    for event in &events {
        if let Event::Text { text: piece, .. } = event {
            text.push_str(piece);
        }
    }
    assert_eq!(text, "Grüße 😀\n\nBye.");
    assert!(events.iter().any(|event| matches!(event, Event::Chunk { key, .. } if key == "thread_id")));
    assert!(events.iter().any(|event| matches!(event, Event::Usage(usage) if usage.output == 3)));
    let failing = format!("event: error\ndata: {}\n\n", r#"{"error":{"message":"No.","code":"x"}}"#);
    let events = laws::decode(make(), [failing.as_bytes()]).unwrap();
    assert!(matches!(&events[..], [Event::Failure(error)] if error.message() == "No."), "{events:?}");
    laws::encoding_is_deterministic(&attempt);
    laws::every_refusal_is_explained(&attempt, "the provider's very words");
}

#[test]
fn parameters_that_a_run_does_not_take_are_refused() {
    let body = STREAM.replace(r#""stream":true"#, r#""seed":1"#);
    let (target, call) = (target(), sample::call(&SURFACE, Operation::Chat, &body).unwrap());
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let error = FOUNDRY.encode(&attempt).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::UnsupportedParams);
    assert!(FOUNDRY.supported_params(&target).contains(&"temperature".to_owned()));
}

/// What the token of a deployment is asked for; none where it is not exchanged.
fn asked_for(model: &str, key: Option<&str>, account: bool) -> Option<String> {
    let mut provider = sample::provider(&FOUNDRY);
    provider.auth.env = vec!["AZURE_AI_API_KEY".to_owned()];
    let params = BTreeMap::from([("model".to_owned(), model.to_owned())]);
    let env = |name: &str| {
        let value = match name {
            "AZURE_AI_API_KEY" => Some("env-key"),
            "AZURE_TENANT_ID" | "AZURE_CLIENT_ID" | "AZURE_CLIENT_SECRET" if account => Some("x"),
            _ => None,
        };
        value.map(str::to_owned)
    };
    let api_key = key.map(|key| Secret::new(key.to_owned()));
    let settings =
        CloudSettings { provider: &provider, params: &params, api_key, env: &env, file: &|_| None };
    let signer: Arc<dyn lockgate_core::Signer> = FOUNDRY.signer(&settings).unwrap();
    let request = signer.token_source()?.request(std::time::SystemTime::UNIX_EPOCH).unwrap();
    Some(String::from_utf8(request.body().to_vec()).unwrap())
}

#[test]
fn agents_take_tokens_of_the_project() {
    let asked = asked_for("azure_ai/agents/asst_1", Some("env-key"), true).unwrap();
    assert!(asked.contains("scope=https%3A%2F%2Fai.azure.com%2F.default"), "{asked}");
    assert_eq!(asked_for("azure_ai/agents/asst_1", Some("a-token"), true), None, "one's own token");
    assert_eq!(asked_for("azure_ai/agents/asst_1", Some("env-key"), false), None);
    assert_eq!(asked_for("azure_ai/gpt-4o", Some("env-key"), true), None, "models take keys");
    let asked = asked_for("azure_ai/gpt-4o", None, true).unwrap();
    assert!(asked.contains("cognitiveservices"), "{asked}");
}
