//! Amazon Bedrock AgentCore's web search: a tool of a gateway that speaks the Model Context Protocol.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Uri, response::Parts};
use lockgate_aws::{Scope, error};
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Extra, Raw, Reply, Result,
    SearchReply, Signer, Target,
    json::{self, read, to_raw},
    refusal::Refusal,
    whole::{Api, Asked, Members, Simple},
    wire::{SseDecoder, view},
};

use crate::{
    answer::{Fields, USUAL},
    engine::{Answer, Engine, Search, as_it_is, list_at},
};

static SEARCH: Simple = Simple(&Gateway);

/// What a target for web searches ends with: a client may name another target, but no other tool.
const TOOL_END: &str = "___WebSearch";
/// The tool of a target that bears the documentation's name.
const TOOL: &str = "web-search-tool___WebSearch";
/// The version that gateways take which are not told otherwise.
const VERSION: &str = "2025-03-26";
/// Longer queries are refused.
const LONGEST_QUERY: usize = 200;
const RESULTS: u64 = 10;

const TOOL_PARAM: &str = "agentcore_search_tool_name";
const VERSION_PARAM: &str = "agentcore_mcp_protocol_version";

const FIELDS: Fields = Fields { snippet: &["text", "snippet"], date: &["publishedDate", "date"], ..USUAL };

const ENGINE: Engine = Engine {
    url: as_it_is,
    ignores: &["search_domain_filter", "country", "max_tokens_per_page"],
    ..Engine::new("agentcore", write, Answer::Read(found))
};

view! {
    #[derive(Clone, Debug, Default)]
    struct Answered {
        result: Option<Outcome>,
        error: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Outcome {
        content: Option<Vec<Piece>>,
        failed as "isError": Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Piece {
        text: Option<String>,
    }
}

/// Web searches by a gateway of AgentCore.
#[derive(Clone, Copy, Debug)]
pub struct AgentCore;

impl Carrier for AgentCore {
    fn id(&self) -> &'static str {
        ENGINE.id
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &SEARCH
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        lockgate_aws::signer(settings, &["AGENTCORE_GATEWAY_TOKEN"])
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        let mut params = lockgate_aws::settle(settings, None);
        for (param, variable) in
            [(TOOL_PARAM, "AGENTCORE_SEARCH_TOOL_NAME"), (VERSION_PARAM, "AGENTCORE_MCP_PROTOCOL_VERSION")]
        {
            params.extend(settings.find(param, &[variable]).map(|value| (param.to_owned(), value)));
        }
        params
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = SEARCH.encode(attempt)?;
        let request = &mut encoded.request;
        let version = attempt.target.param(VERSION_PARAM).unwrap_or(VERSION);
        let version = HeaderValue::from_str(version)
            .map_err(|_| Error::bad_request(format!("`{VERSION_PARAM}` cannot stand in a header.")))?;
        request.headers_mut().insert("mcp-protocol-version", version);
        let region = region(request.uri(), attempt.target).to_owned();
        request.extensions_mut().insert(Scope { service: "bedrock-agentcore", region });
        Ok(encoded)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }
}

/// Where the gateway is: its own host's name says it.
fn region<'a>(uri: &'a Uri, target: &'a Target) -> &'a str {
    let own = uri.host().and_then(|host| host.strip_suffix(".amazonaws.com")).and_then(|host| {
        let (_, region) = host.split_once(".gateway.bedrock-agentcore.")?;
        Some(region)
    });
    own.unwrap_or_else(|| lockgate_aws::region(target))
}

/// What is called, and how its answer is read.
struct Gateway;

impl Api for Gateway {
    fn id(&self) -> &'static str {
        ENGINE.id
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let search = Search::of(attempt)?;
        let own = attempt.target.param(TOOL_PARAM).unwrap_or(TOOL);
        let tool = search.own("tool_name").unwrap_or_else(|| own.to_owned());
        if !tool.ends_with(TOOL_END) {
            let message = format!("`{tool}` is no tool for web searches: their names end with `{TOOL_END}`.");
            return Err(Error::bad_field("tool_name", message));
        }
        let asked = ENGINE.encode(attempt)?;
        let arguments = String::from_utf8_lossy(&asked.body.to_vec()).into_owned();
        let mut params = Members::default();
        params.put("name", &tool);
        params.set("arguments", &arguments);
        let mut body = Members::default();
        body.put("jsonrpc", "2.0");
        body.put("id", &1);
        body.put("method", "tools/call");
        body.set("params", &params.text());
        let mut asked = Asked { body: body.text().into(), ..asked };
        if search.query.chars().count() > LONGEST_QUERY {
            asked.notes.rewritten.push("query".to_owned());
        }
        Ok(asked.with("accept", "application/json, text/event-stream"))
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answered = answered(&body)?;
        if let Some(error) = answered.error.filter(|error| error.get() != "null") {
            let refusal = Refusal::of_member(error.get());
            // What JSON-RPC calls an invalid request, method or parameter.
            let ours = matches!(refusal.code.as_deref(), Some("-32600" | "-32601" | "-32602"));
            return Err(refusal.into_error(if ours { 400 } else { 500 }, &http::HeaderMap::new(), &body));
        }
        let outcome = answered.result.unwrap_or_default();
        let texts = outcome.content.unwrap_or_default().into_iter().filter_map(|piece| piece.text);
        if outcome.failed == Some(true) {
            let message = texts.collect::<Vec<_>>().join("\n");
            let refusal = Refusal { message, ..Refusal::default() };
            return Err(refusal.into_error(500, &http::HeaderMap::new(), &body));
        }
        // Each text is JSON: a list, or an object with one.
        let lists: Vec<Raw> = texts.filter_map(|text| serde_json::from_str(&text).ok()).collect();
        let mut whole = Members::default();
        whole.maybe("found", Some(&lists).filter(|lists| !lists.is_empty()));
        ENGINE.decode(attempt, whole.text().into())
    }
}

fn write(search: &Search, members: &mut Members) {
    // A client's own words would be arguments that the tool does not know.
    *members = Members::default();
    let query: String = search.query.chars().take(LONGEST_QUERY).collect();
    members.put("query", &query);
    members.put("maxResults", &search.request.max_results.unwrap_or(RESULTS));
}

fn found(search: &Search, answer: &Extra) -> Option<SearchReply> {
    let lists: Vec<Raw> = read(answer.get("found")?)?;
    let items = lists.iter().filter_map(|list| {
        let mut own = Extra::new();
        match read::<Vec<Raw>>(list) {
            Some(items) => own.push("results", to_raw(&items)),
            None => own = read(list)?,
        }
        list_at(&own, &["results"])
    });
    let items: Vec<Vec<Raw>> = items.collect();
    if items.is_empty() {
        return None;
    }
    let results = items.iter().flatten().filter_map(|item| FIELDS.read(&read(item)?));
    Some(SearchReply { results: results.take(search.most()).collect(), ..SearchReply::default() })
}

/// The answer to the call, as JSON or as one of the events of a stream.
fn answered(body: &Bytes) -> Result<Answered> {
    if body.trim_ascii_start().starts_with(b"{") {
        return json::answer(body);
    }
    let mut answer = None;
    let mut events = SseDecoder::new();
    let mut on = |event: lockgate_core::wire::SseEvent<'_>| -> Result<()> {
        let told = serde_json::from_str::<Answered>(event.data).ok();
        answer = told.filter(|told| told.result.is_some() || told.error.is_some()).or(answer.take());
        Ok(())
    };
    events.feed(body, &mut on)?;
    events.finish(&mut on)?;
    answer.ok_or_else(|| lockgate_core::whole::lacking("results", body))
}
