//! AgentCore's web search: what the gateway is asked, what it answers, and for whom it is signed.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::Request;
use lockgate_aws::Scope;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, ErrorKind, Media, Operation, Payload, Reply, Result, SearchReply,
    Secret, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_search::AgentCore;
use lockgate_testkit::{laws, sample};

static DIALECT: AgentCore = AgentCore;
static SURFACE: OpenAiSurface = OpenAiSurface;

const GATEWAY: &str = "https://gw-1.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp";
const ASKED: &str = r#"{"query":["a b","c"],"max_results":3,"country":"DE","own":1}"#;
const FOUND: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"isError":false,"content":[{"type":"text","text":"{\"results\":[{\"title\":\"T\",\"url\":\"https://u\",\"text\":\"S\",\"publishedDate\":\"2025-01-31\"}]}"}]}}"#;

fn target(base: &str) -> Target {
    Target { base: Arc::from(base), ..sample::target(sample::provider(&DIALECT), "search") }
}

fn with<T>(target: &Target, body: &str, test: impl FnOnce(&Attempt<'_>) -> T) -> T {
    let call = sample::call(&SURFACE, Operation::Search, body).unwrap();
    test(&Attempt { call: &call, target, media: &Media::default() })
}

fn read(answer: &str) -> Result<SearchReply> {
    with(&target(GATEWAY), ASKED, |attempt| {
        let encoded = DIALECT.encode(attempt).unwrap();
        let head = sample::head(200, "application/json");
        match DIALECT.decode(attempt, &encoded, &head, Bytes::copy_from_slice(answer.as_bytes()))? {
            Reply::Search(reply) => Ok(*reply),
            _ => panic!("another operation's answer"),
        }
    })
}

#[test]
fn a_tool_is_called() {
    with(&target(GATEWAY), ASKED, |attempt| {
        let encoded = DIALECT.encode(attempt).unwrap();
        let request = &encoded.request;
        assert_eq!(request.uri().to_string(), GATEWAY);
        assert_eq!(request.headers()["accept"], "application/json, text/event-stream");
        assert_eq!(request.headers()["mcp-protocol-version"], "2025-03-26");
        let scope = Scope { service: "bedrock-agentcore", region: "eu-west-1".to_owned() };
        assert_eq!(request.extensions().get::<Scope>(), Some(&scope));
        let expected = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"web-search-tool___WebSearch","arguments":{"query":"a b c","maxResults":3}}}"#;
        assert_eq!(String::from_utf8(request.body().to_vec()).unwrap(), expected);
        assert_eq!(encoded.notes.dropped, ["country"]);
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
    let params = BTreeMap::from([
        ("agentcore_search_tool_name".to_owned(), "mine___WebSearch".to_owned()),
        ("aws_region_name".to_owned(), "us-east-2".to_owned()),
    ]);
    let own = Target { params: Arc::new(params), ..target("https://search.example/mcp") };
    let long = format!(r#"{{"query":"{}"}}"#, "ä".repeat(300));
    with(&own, &long, |attempt| {
        let encoded = DIALECT.encode(attempt).unwrap();
        assert_eq!(encoded.request.extensions().get::<Scope>().unwrap().region, "us-east-2");
        let body = String::from_utf8(encoded.request.body().to_vec()).unwrap();
        assert!(
            body.contains(r#""name":"mine___WebSearch""#) && body.contains(r#""maxResults":10"#),
            "{body}"
        );
        assert_eq!(body.matches('ä').count(), 200);
        assert_eq!(encoded.notes.rewritten, ["query"]);
    });
    with(&own, r#"{"query":"q","tool_name":"mail___Send"}"#, |attempt| {
        let error = DIALECT.encode(attempt).err().unwrap();
        assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("tool_name")));
    });
}

#[test]
fn answers_come_as_json_or_as_events() {
    let progress = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"[{\"title\":\"T\",\"url\":\"https://u\",\"text\":\"S\",\"publishedDate\":\"2025-01-31\"}]"}]}}"#;
    for answer in [FOUND.to_owned(), list.to_owned(), format!("{progress}data: {FOUND}\n\n")] {
        let reply = read(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        let [result] = reply.results.as_slice() else { panic!("{answer}: {:?}", reply.results) };
        assert_eq!((&*result.title, &*result.url, &*result.snippet), ("T", "https://u", "S"));
        assert_eq!(result.date.as_deref(), Some("2025-01-31"));
        assert_eq!(reply.usage.unwrap().measures.unwrap().queries, 1);
    }
    let none = r#"{"result":{"content":[{"type":"text","text":"{\"results\":[]}"}]}}"#;
    assert!(read(none).unwrap().results.is_empty());
}

#[test]
fn failures_of_the_tool_are_the_provider_s() {
    for (answer, kind, said) in [
        (r#"{"error":{"code":-32602,"message":"Unknown tool"}}"#, ErrorKind::BadRequest, "Unknown tool"),
        (r#"{"error":{"code":-32603,"message":"Broken"}}"#, ErrorKind::Internal, "Broken"),
        (
            r#"{"result":{"isError":true,"content":[{"type":"text","text":"No access"}]}}"#,
            ErrorKind::Internal,
            "No access",
        ),
        ("", ErrorKind::InvalidResponse, ""),
        ("{}", ErrorKind::InvalidResponse, "no results"),
        ("not json", ErrorKind::InvalidResponse, ""),
        (
            r#"{"result":{"content":[{"type":"text","text":"prose"}]}}"#,
            ErrorKind::InvalidResponse,
            "no results",
        ),
    ] {
        let error = read(answer).unwrap_err();
        assert_eq!(error.kind(), kind, "{answer}");
        assert!(error.message().contains(said), "{answer}: {error}");
    }
}

#[test]
fn gateways_take_signatures_or_a_token() {
    let provider = sample::provider(&DIALECT);
    let authorization = |key: Option<&str>, env: &[(&str, &str)]| {
        let env = |name: &str| env.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        let settings = CloudSettings {
            provider: &provider,
            params: &BTreeMap::new(),
            api_key: key.map(|key| Secret::new(key.to_owned())),
            env: &env,
            file: &|_| None,
        };
        let scope = Scope { service: "bedrock-agentcore", region: "eu-west-1".to_owned() };
        let mut request = Request::post(GATEWAY).extension(scope).body(Payload::from("{}")).unwrap();
        DIALECT.signer(&settings).unwrap().sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
        let settled = DIALECT.settle(&settings);
        let tool = settled.get("agentcore_search_tool_name").cloned();
        (request.headers()["authorization"].to_str().unwrap().to_owned(), tool)
    };
    assert_eq!(authorization(Some("jwt"), &[]), ("Bearer jwt".to_owned(), None));
    let env = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AGENTCORE_SEARCH_TOOL_NAME", "t___WebSearch"),
    ];
    let (signed, tool) = authorization(None, &env);
    assert!(signed.contains("/eu-west-1/bedrock-agentcore/aws4_request"), "{signed}");
    assert_eq!(tool.as_deref(), Some("t___WebSearch"));
}
