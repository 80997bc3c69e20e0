//! Tasks: begun, watched, read; and the laws.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockgate_core::{Attempt, Dialect, Media, Operation, Reply, Surface, Target};
use lockgate_manus::Manus;
use lockgate_openai::{OpenAiSurface, ResponsesSurface};
use lockgate_testkit::{laws, sample, steps};

static DIALECT: Manus = Manus;
static CHAT: OpenAiSurface = OpenAiSurface;
static RESPONSES: ResponsesSurface = ResponsesSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const NATIVE: &str = r#"{"model":"m","input":"hi","task_mode":"chat"}"#;
const DONE: &str = r#"{"id":"task_1","status":"completed","output":[{"type":"message","role":"user","content":[{"type":"output_text","text":"hi"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Paris"}]}]}"#;

fn target() -> Target {
    let mut provider = sample::provider(&DIALECT);
    provider.quirks.responses_for = ["openai".to_owned()].into();
    sample::target(provider, "manus-1.6")
}

#[test]
fn chats_wait_for_their_task() {
    let call = sample::call(&CHAT, Operation::Chat, BODY).unwrap();
    let running = br#"{"id":"task_1","status":"running","output":[]}"#;
    let (sent, reply) = steps::walked(&target(), &call, &[running, running, DONE.as_bytes()]);
    assert!(
        sent[0].starts_with("POST /responses ") && sent[0].contains(r#""agent_profile":"manus-1.6""#),
        "{}",
        sent[0]
    );
    assert_eq!(sent[1..], ["GET /responses/task_1", "GET /responses/task_1"]);
    let Ok(Reply::Chat(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!(reply.choices[0].message.content.as_ref().unwrap().text(), "Paris");
    let failed = br#"{"id":"task_1","status":"error","error":{"message":"no credits"}}"#;
    let (_, reply) = steps::walked(&target(), &call, &[running, failed]);
    assert!(reply.unwrap_err().message().ends_with("no credits"));
    let (_, reply) = steps::walked(&target(), &call, &[br#"{"id":"../x","status":"running"}"#]);
    assert!(reply.is_err());
}

#[test]
fn clients_of_the_same_api_watch_it_themselves() {
    let call = sample::call(&RESPONSES, Operation::Chat, NATIVE).unwrap();
    let target = target();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let encoded = DIALECT.encode(&attempt).unwrap();
    let sent = String::from_utf8(encoded.request.body().to_vec()).unwrap();
    assert!(
        encoded.relay && sent.contains(r#""task_mode":"chat""#) && sent.contains("agent_profile"),
        "{sent}"
    );
    assert!(DIALECT.exchange(&attempt, &encoded).is_none());
}

#[test]
fn the_laws_hold() {
    for (surface, body) in [(&CHAT as &'static dyn Surface, BODY), (&RESPONSES, NATIVE)] {
        let (call, target) = (sample::call(surface, Operation::Chat, body).unwrap(), target());
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        laws::encoding_is_deterministic(&attempt);
        laws::every_refusal_is_explained(&attempt, "the provider's very words");
    }
}
