//! Every surface over every dialect: the same conversation asked in each surface's words, the same answer given in
//! each upstream's, and what comes out held to one meaning.

mod answers;
mod clients;
mod facts;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::response::Parts;
use lockgate_catalog::Catalog;
use lockgate_core::{
    Attempt, Call, Encoded, Error, Event, Media, Operation, ParamPolicy, Payload, Result, Surface,
    surface::Asked,
    target::HeaderSigner,
    transcode::{self, Stream},
};
use lockgate_registry::{Registry, surfaces};
use lockgate_router::{
    Deployment, Params,
    target::{Builder, Defaults},
};
use serde_json::{Map, Value, json};

pub use answers::{Canned, canned};
pub use clients::{Client, Scene, clients};
pub use facts::{of_events, of_reply, of_request};

/// One deployment for each dialect: LiteLLM's name and the parameters that it needs.
const TARGETS: [(&str, &[(&str, &str)]); 12] = [
    ("openai/gpt-4o", &[]),
    ("anthropic/claude-sonnet-4-5", &[]),
    ("gemini/gemini-2.5-flash", &[]),
    (
        "vertex_ai/gemini-2.5-flash",
        &[("vertex_project", "p"), ("vertex_location", "us-central1"), ("vertex_credentials", "{}")],
    ),
    ("azure/gpt-4o", &[("api_base", "http://upstream.test"), ("api_version", "2024-10-21")]),
    ("azure_ai/gpt-4o", &[("api_base", "http://upstream.test")]),
    ("cohere_chat/command-a-03-2025", &[]),
    ("ollama_chat/llama3.1", &[]),
    (
        "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
        &[("aws_region_name", "us-east-1"), ("aws_access_key_id", "AK"), ("aws_secret_access_key", "SK")],
    ),
    ("databricks/databricks-llama", &[("api_base", "http://upstream.test")]),
    ("groq/llama-3.3-70b-versatile", &[]),
    ("hosted_vllm/llama-3.1-8b", &[("api_base", "http://upstream.test/v1")]),
];

/// Formats whose answers nobody has put down here yet, and why.
const UNJUDGED: [(&str, &str); 1] = [("bedrock.converse", "its own tests have its answers")];

/// The columns of the table.
pub const COLUMNS: [&str; 9] =
    ["text", "tools", "results", "image", "schema", "answer", "calls", "stream", "errors"];

/// A cell of the table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// The meaning survives.
    Good,
    /// It cannot be there, and why.
    Absent(String),
    /// What is lost.
    Hole(String),
}

/// One line: a surface, a target, and its cells by column.
#[derive(Clone, Debug)]
pub struct Line {
    /// The surface's name.
    pub surface: &'static str,
    /// LiteLLM's name of the model.
    pub target: &'static str,
    /// By column.
    pub cells: BTreeMap<&'static str, Cell>,
}

/// The deployments of the grid.
///
/// # Panics
/// A built-in row is wrong, or a deployment cannot be built.
#[expect(clippy::expect_used, clippy::panic, reason = "a test's own ground")]
pub fn deployments() -> Vec<(&'static str, Deployment)> {
    let registry = Registry::builtin().expect("the built-in rows");
    let catalog = Catalog::builtin();
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    let defaults = Defaults { policy, ..Defaults::default() };
    let env = |_: &str| None;
    let builder = Builder { registry: &registry, catalog: &catalog, env: &env, defaults: &defaults };
    let build = |&(model, own): &(&'static str, &[(&str, &str)])| {
        let mut params = Params::new("m", model);
        let mut members = Map::from_iter([("api_key".to_owned(), json!("sk-up"))]);
        members.extend(own.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        params.params.extend(members);
        match builder.build(&params) {
            Ok((mut deployment, _)) => {
                // No cloud is asked for a token here.
                let value = http::HeaderValue::from_static("Bearer sk-up");
                deployment.target.signer = Arc::new(HeaderSigner::new(http::header::AUTHORIZATION, value));
                (model, deployment)
            }
            Err(issues) => panic!("{model}: {:?}", issues.iter().map(|one| &one.message).collect::<Vec<_>>()),
        }
    };
    TARGETS.iter().map(build).collect()
}

/// The whole table.
pub fn table() -> Vec<Line> {
    let deployments = deployments();
    let mut lines = Vec::new();
    for client in clients() {
        for (target, deployment) in &deployments {
            let mut cells = BTreeMap::new();
            for scene in Scene::ALL {
                cells.insert(scene.name(), asked(client, scene, deployment));
            }
            cells.insert("answer", answered(client, deployment, false, false));
            cells.insert("calls", answered(client, deployment, true, false));
            cells.insert("stream", answered(client, deployment, true, true));
            cells.insert("errors", refused(client, deployment));
            lines.push(Line { surface: client.surface, target, cells });
        }
    }
    lines
}

/// The table as text, and how many holes it has.
pub fn print(lines: &[Line]) -> (String, usize) {
    let (mut text, mut remarks, mut holes) = (String::new(), String::new(), 0);
    let _ = writeln!(
        text,
        "{:10} {:50} {}",
        "surface",
        "target",
        COLUMNS.map(|name| format!("{name:8}")).join("")
    );
    for line in lines {
        let _ = write!(text, "{:10} {:50} ", line.surface, line.target);
        for name in COLUMNS {
            let mark = match line.cells.get(name) {
                Some(Cell::Good) => "ok",
                Some(Cell::Absent(_)) | None => "-",
                Some(Cell::Hole(why)) => {
                    holes += 1;
                    let _ = writeln!(remarks, "{} over {}: {name}: {why}", line.surface, line.target);
                    "HOLE"
                }
            };
            let _ = write!(text, "{mark:8}");
        }
        text.push('\n');
    }
    text.push_str(&remarks);
    (text, holes)
}

/// The surface of that name.
///
/// # Panics
/// There is none.
#[expect(clippy::expect_used, reason = "a test's own ground")]
pub fn surface(id: &str) -> &'static dyn Surface {
    surfaces().iter().copied().find(|surface| surface.id() == id).expect("a surface of this build")
}

/// A client's call.
///
/// # Errors
/// The surface refuses it.
pub fn call(client: &Client, body: &Value, stream: bool) -> Result<Call> {
    let asked = Asked::of(Operation::Chat).model("m");
    let asked = match client.surface {
        "gemini" if stream => Asked { query: Some("alt=sse"), ..asked.streamed(true) },
        _ => asked,
    };
    let mut body = body.clone();
    if stream && client.surface != "gemini" {
        body["stream"] = json!(true);
    }
    if stream && client.surface == "openai" {
        body["stream_options"] = json!({"include_usage": true});
    }
    if client.surface != "gemini" {
        body["model"] = json!("m");
    }
    let mut call = surface(client.surface).read(asked, http::HeaderMap::new(), body.to_string().into())?;
    call.id = "00000000-0000-4000-8000-000000000001".to_owned();
    Ok(call)
}

/// The upstream request of a call and its body.
///
/// # Errors
/// The call cannot be expressed.
pub fn prepare(call: &Call, deployment: &Deployment) -> Result<(Encoded, String)> {
    let media = Media::default();
    let attempt = Attempt { call, target: &deployment.target, media: &media };
    let mut encoded = transcode::prepare(&attempt, SystemTime::UNIX_EPOCH)?;
    let payload = std::mem::take(encoded.request.body_mut());
    let body = String::from_utf8_lossy(&payload.into_bytes()).into_owned();
    Ok((encoded, body))
}

/// The answer for the client, whole or as a stream, to these bytes from upstream.
///
/// # Errors
/// The answer cannot be read or written.
pub fn answer(call: &Call, deployment: &Deployment, encoded: &Encoded, bytes: &str) -> Result<String> {
    let media = Media::default();
    let attempt = Attempt { call, target: &deployment.target, media: &media };
    let out = if call.stream {
        let head =
            head(200, if bytes.starts_with('{') { "application/x-ndjson" } else { "text/event-stream" });
        let mut stream = Stream::new(&attempt, encoded, &head);
        let mut out = stream.push(Bytes::copy_from_slice(bytes.as_bytes()))?.to_vec();
        out.extend_from_slice(&stream.finish()?);
        out
    } else {
        let body = Bytes::copy_from_slice(bytes.as_bytes());
        let answer = transcode::answer(&attempt, encoded, &head(200, "application/json"), body)?;
        answer.body.into_bytes().to_vec()
    };
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// What a client reads in such an answer.
///
/// # Errors
/// It cannot be read.
pub fn read(
    client: &Client,
    deployments: &[(&'static str, Deployment)],
    call: &Call,
    bytes: &str,
) -> Result<Vec<String>> {
    let reader = deployments.iter().find(|(name, _)| *name == client.reader);
    let Some((_, reader)) = reader else { return Err(Error::internal("no reader")) };
    let media = Media::default();
    let attempt = Attempt { call, target: &reader.target, media: &media };
    let (encoded, _) = prepare(call, reader)?;
    let dialect = attempt.dialect();
    if call.stream {
        let mut decoder = dialect.stream(&attempt, &encoded, &head(200, "text/event-stream"));
        let mut events: Vec<Event> = Vec::new();
        decoder.feed(bytes.as_bytes(), &mut events)?;
        decoder.finish(&mut events)?;
        return of_events(&events);
    }
    let body = Bytes::copy_from_slice(bytes.as_bytes());
    Ok(of_reply(&dialect.decode(&attempt, &encoded, &head(200, "application/json"), body)?))
}

/// A response's head.
pub fn head(status: u16, kind: &str) -> Parts {
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    response.into_parts().0
}

fn asked(client: &Client, scene: Scene, deployment: &Deployment) -> Cell {
    let Some(body) = client.request(scene) else {
        return Cell::Absent("the surface has no word for it".to_owned());
    };
    let check = |stream: bool| -> std::result::Result<(), String> {
        let call = call(client, &body, stream).map_err(|error| error.message().to_owned())?;
        let (encoded, body) = prepare(&call, deployment).map_err(|error| error.message().to_owned())?;
        let missing = facts::missing(scene, encoded.format.0, &body)?;
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} is not in {body}")) }
    };
    match check(false).and_then(|()| check(true)) {
        Ok(()) => Cell::Good,
        Err(why) => Cell::Hole(why),
    }
}

fn answered(client: &Client, deployment: &Deployment, calls: bool, stream: bool) -> Cell {
    let scene = if calls { Scene::Tools } else { Scene::Text };
    let Some(body) = client.request(scene) else { return Cell::Absent(String::new()) };
    if stream && &*deployment.target.provider.id == "bedrock" {
        return Cell::Absent("its streams are binary frames".to_owned());
    }
    let deployments = deployments();
    let check = || -> std::result::Result<Option<String>, String> {
        let words = |error: Error| error.message().to_owned();
        let call = call(client, &body, stream).map_err(words)?;
        let (encoded, _) = prepare(&call, deployment).map_err(words)?;
        let Some(canned) = canned(encoded.format.0) else {
            let known = UNJUDGED.iter().find(|(format, _)| *format == encoded.format.0);
            return known
                .map(|(_, why)| Some((*why).to_owned()))
                .ok_or(format!("no answer in {} is known", encoded.format));
        };
        let bytes = answer(&call, deployment, &encoded, canned.bytes(calls, stream)).map_err(words)?;
        let read = read(client, &deployments, &call, &bytes)
            .map_err(|error| format!("{} in {bytes}", error.message()))?;
        let lost: Vec<_> = canned.facts(calls).into_iter().filter(|fact| !read.contains(fact)).collect();
        if lost.is_empty() {
            Ok(None)
        } else {
            Err(format!("{lost:?} lost; the client reads {read:?} in {bytes}"))
        }
    };
    match check() {
        Ok(None) => Cell::Good,
        Ok(Some(why)) => Cell::Absent(why),
        Err(why) => Cell::Hole(why),
    }
}

/// A refusal reaches the client with its status and words; a break in mid-stream in its protocol.
fn refused(client: &Client, deployment: &Deployment) -> Cell {
    let Some(body) = client.request(Scene::Text) else { return Cell::Absent(String::new()) };
    let check = || -> std::result::Result<(), String> {
        let words = |error: Error| error.message().to_owned();
        let call = call(client, &body, true).map_err(words)?;
        let media = Media::default();
        let attempt = Attempt { call: &call, target: &deployment.target, media: &media };
        let (encoded, _) = prepare(&call, deployment).map_err(words)?;
        let body = Bytes::from_static(
            b"{\"error\":{\"message\":\"Slow down.\",\"code\":429},\"message\":\"Slow down.\"}",
        );
        let error = attempt.dialect().reject(&attempt, &head(429, "application/json"), &body);
        let response = call.surface.error(&error);
        let (parts, payload): (_, Payload) = response.into_parts();
        let text = String::from_utf8_lossy(&payload.into_bytes()).into_owned();
        if parts.status != 429 || !text.contains("Slow down.") {
            return Err(format!("{} {text}", parts.status));
        }
        let mut stream = Stream::new(&attempt, &encoded, &head(200, "text/event-stream"));
        let told = stream.fail(&Error::invalid_response("It broke."));
        let told = String::from_utf8_lossy(&told).into_owned();
        if told.contains("It broke.") { Ok(()) } else { Err(format!("a break is told as {told}")) }
    };
    check().map_or_else(Cell::Hole, |()| Cell::Good)
}
