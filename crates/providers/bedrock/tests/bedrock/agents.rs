//! Agents: what they are asked, and what they say.

use super::*;

const CORE: &str = "agentcore/arn:aws:bedrock-agentcore:us-west-2:1:runtime/r";
const OWN: &str = "agent/AGENT1/ALIAS1";
const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const STREAM: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#;
const EVENTS: &str = concat!(
    "data: {\"init_event_loop\": true}\n\n",
    "data: {\"event\": {\"contentBlockDelta\": {\"delta\": {\"text\": \"Hel\"}}}}\n\n",
    "data: \"{'data': 'Hel'}\"\n\n",
    "data: {\"event\": {\"contentBlockDelta\": {\"delta\": {\"text\": \"lo\"}}}}\n\n",
    "data: {\"event\": {\"metadata\": {\"usage\": {\"inputTokens\": 3, \"outputTokens\": 2}}}}\n\n",
);

fn said(reply: lockgate_core::Result<Reply>) -> String {
    let Ok(Reply::Chat(reply)) = reply else { panic!("{reply:?}") };
    reply.choices[0].message.content.as_ref().unwrap().text()
}

fn frames() -> Vec<u8> {
    let mut out = Vec::new();
    for text in ["Hel", "lo"] {
        write_frame(&mut out, "event", "chunk", format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(text)));
        write_frame(&mut out, "event", "trace", "{}");
    }
    out
}

#[test]
fn runtimes_of_agent_core_are_prompted() {
    let call = sample::call(&OPENAI, Operation::Chat, BODY).unwrap();
    for answer in [
        r#"{"result":{"role":"assistant","content":[{"text":"Hello"}]}}"#,
        r#"{"response":"Hello"}"#,
        r#"{"output":{"message":{"content":[{"text":"Hel"},{"text":"lo"}]}}}"#,
        EVENTS,
    ] {
        let (sent, reply) = steps::walked(&target(CORE), &call, &[answer.as_bytes()]);
        let url = "https://bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-west-2%3A1%3Aruntime%2Fr/invocations";
        assert_eq!(sent, [format!(r#"POST {url} {{"prompt":"hi"}}"#)]);
        assert_eq!(said(reply), "Hello", "{answer}");
    }
    let known = r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"qualifier":"prod","runtimeSessionId":"0123456789012345678901234567890123"}"#;
    with_call(&target(CORE), &OPENAI, Operation::Chat, known, |_, encoded| {
        let request = &encoded.request;
        assert_eq!(
            request.headers()["x-amzn-bedrock-agentcore-runtime-session-id"],
            "0123456789012345678901234567890123"
        );
        assert_eq!(request.uri().query(), Some("qualifier=prod"));
        assert_eq!(request.body().to_vec(), br#"{"prompt":"c"}"#);
        assert_eq!(request.extensions().get::<Scope>().unwrap().service, "bedrock-agentcore");
    });
    let (_, reply) = steps::walked(&target(CORE), &call, &[br#"{"error":"the agent crashed"}"#]);
    assert_eq!(reply.unwrap_err().message(), "the agent crashed");
    for bad in ["", "{}", "<html></html>", "{\"cut"] {
        let (_, reply) = steps::walked(&target(CORE), &call, &[bad.as_bytes()]);
        assert!(reply.is_err(), "{bad}");
    }
}

#[test]
fn agents_of_bedrock_are_invoked() {
    let call = sample::call(&OPENAI, Operation::Chat, BODY).unwrap();
    let (sent, reply) = steps::walked(&target(OWN), &call, &[&frames()]);
    let url = "https://bedrock-agent-runtime.eu-west-1.amazonaws.com/agents/AGENT1/agentAliases/ALIAS1/sessions/00000000-0000-4000-8000-000000000001/text";
    assert_eq!(sent, [format!(r#"POST {url} {{"inputText":"hi"}}"#)]);
    assert_eq!(said(reply), "Hello");
    let mut failing = frames();
    write_frame(&mut failing, "exception", "throttlingException", "{\"message\":\"slow down\"}");
    let (_, reply) = steps::walked(&target(OWN), &call, &[&failing]);
    assert_eq!(reply.unwrap_err().kind(), ErrorKind::RateLimit);
}

#[test]
fn the_laws_hold_for_agents() {
    for model in [CORE, OWN] {
        with_call(&target(model), &OPENAI, Operation::Chat, STREAM, |attempt, encoded| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            let head = sample::head(200, "text/event-stream");
            let make = || DIALECT.stream(attempt, encoded, &head);
            let stream = if model == CORE { EVENTS.as_bytes().to_vec() } else { frames() };
            let events = laws::any_chunking_gives_the_same_events(&make, &stream);
            laws::a_good_stream_is_well_formed(&events);
            assert!(laws::decode(make(), [&b""[..]]).is_err());
        });
    }
}
