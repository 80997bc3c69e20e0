//! Running a case through the code that the gateway runs, without sockets.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use lockgate_catalog::{Catalog, Cost, Measured, Terms};
use lockgate_core::{
    Attempt, Call, Error, ErrorKind, Exchange, Media, MediaFile, Operation, Origin, ParamPolicy, Step,
    Surface, Token, TokenSource, Usage,
    surface::Asked,
    transcode::{self, Stream},
};
use lockgate_registry::{Registry, surfaces};
use lockgate_router::{
    Deployment, Params,
    target::{Builder, Defaults},
};
use serde_json::{Map, Value, json};

use crate::golden::{
    Case, Diff, Verdict, answer,
    case::fill,
    cost,
    diff::Diffs,
    form,
    request::{self, Sent},
    upstream::{Reply, Script},
};

/// When the cases were recorded: prices have dates.
const RECORDED: Duration = Duration::from_secs(1_795_348_913);

/// What the client got.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    /// Whether the connection broke off.
    pub(crate) truncated: bool,
    /// What was consumed, told or estimated.
    usage: Option<Usage>,
    /// What the answer's header says that it costs.
    pub(crate) cost: Option<f64>,
    /// Whether the bytes are the upstream's own.
    pub(crate) relayed: bool,
}

/// The three verdicts of a case.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// All differences.
    pub diffs: Vec<Diff>,
    /// Whether there was a cost to compare.
    pub priced: bool,
}

/// Runs cases. Built once: it holds the providers and the price list.
pub struct Runner {
    registry: Registry,
    catalog: Catalog,
}

impl Runner {
    /// With the built-in providers and prices.
    ///
    /// # Errors
    /// A provider's row is wrong.
    pub fn new() -> Result<Self> {
        let registry = Registry::builtin().map_err(|error| anyhow!("{error}"))?;
        Ok(Self { registry, catalog: Catalog::builtin() })
    }

    /// Whether this build has the provider of the case's model.
    pub fn knows(&self, case: &Case) -> bool {
        let prefix = case.model.split_once('/').map_or(case.provider.as_str(), |(prefix, _)| prefix);
        let prefix = case.search_provider().unwrap_or(prefix);
        case.is_local() || self.registry.get(prefix).is_some()
    }

    /// Runs a case and compares everything.
    pub fn judge(&self, case: &Case) -> Judgement {
        let mut sent = Vec::new();
        let answer = self.run(case, &mut sent);
        let mut requests = Diffs::new(Verdict::Request);
        request::check(case, &sent, &mut requests);
        let mut answers = Diffs::new(Verdict::Answer);
        answer::check(case, &answer, &mut answers);
        let mut costs = Diffs::new(Verdict::Cost);
        let priced = cost::check(case, &answer, &mut costs);
        let diffs = [requests.list, answers.list, costs.list].concat();
        Judgement { diffs, priced }
    }

    /// The stream that the client gets, if the case has one that the gateway writes itself.
    pub fn written_stream(&self, case: &Case) -> Option<String> {
        let answer = self.run(case, &mut Vec::new());
        let written = answer.content_type == "text/event-stream" && !answer.relayed;
        written.then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// The whole answer that the client gets: its status, and its JSON.
    pub fn answered(&self, case: &Case) -> (u16, Value) {
        let answer = self.run(case, &mut Vec::new());
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// The bodies that go upstream.
    pub fn sent(&self, case: &Case) -> Vec<Option<Value>> {
        let mut sent = Vec::new();
        self.run(case, &mut sent);
        sent.into_iter().map(|sent| sent.body).collect()
    }

    /// Where the case's model leads: the provider, the model as it knows it, the address.
    ///
    /// # Errors
    /// What is wrong with the case's model or parameters.
    pub fn leads_to(&self, case: &Case) -> Result<(String, String, String), String> {
        let target = self.deployment(case)?.target;
        Ok((target.provider.id.to_string(), target.model.to_string(), target.base.to_string()))
    }

    fn run(&self, case: &Case, sent: &mut Vec<Sent>) -> Answer {
        match case.surface.as_str() {
            "token_counter" => return count_tokens(case),
            "cost" => return self.price(case),
            _ => {}
        }
        let Some((surface, operation)) = endpoint(&case.surface) else {
            return refused(format!("no surface `{}`", case.surface));
        };
        let deployment = match self.deployment(case) {
            Ok(deployment) => deployment,
            Err(message) => return refused(message),
        };
        match call(case, surface, operation, &deployment, sent) {
            Ok(answer) => {
                let cost = answer.usage.as_ref().and_then(|usage| self.cost(&deployment, usage));
                Answer { cost: cost.map(|cost| cost.total.dollars()), ..answer }
            }
            Err(error) => {
                let error = error.with_model(case.public_model());
                let error = match error.provider() {
                    Some(_) => error,
                    None => error.with_provider(&*deployment.target.provider.id),
                };
                failed(surface, &error)
            }
        }
    }

    fn deployment(&self, case: &Case) -> Result<Deployment, String> {
        let flag = |name: &str| case.settings.get(name) == Some(&Value::Bool(true));
        let policy = ParamPolicy {
            drop_params: flag("drop_params"),
            modify_params: flag("modify_params"),
            ..ParamPolicy::default()
        };
        let defaults = Defaults { policy, ..Defaults::default() };
        let mut params = Params::new(&case.public_model(), &case.model);
        if let Value::Object(own) = case.params() {
            params.params.extend(own);
        }
        if let Some(engine) = case.search_provider() {
            // As an entry of `search_tools` is read.
            params.params.insert("custom_llm_provider".to_owned(), engine.into());
            params.params.insert("model".to_owned(), "search".into());
        }
        if let Some(tenant) = case.settings.get("predibase_tenant_id") {
            params.params.insert("predibase_tenant_id".to_owned(), tenant.clone());
        }
        let surroundings = fill(&serde_json::json!(case.env));
        let env = |name: &str| surroundings[name].as_str().map(str::to_owned);
        let builder =
            Builder { registry: &self.registry, catalog: &self.catalog, env: &env, defaults: &defaults };
        builder.build(&params).map(|(deployment, _)| deployment).map_err(|issues| {
            issues
                .iter()
                .map(|issue| format!("{}: {}", issue.key, issue.message))
                .collect::<Vec<_>>()
                .join("; ")
        })
    }

    /// What a call costs, as the gateway's meter has it.
    fn cost(&self, deployment: &Deployment, usage: &Usage) -> Option<Cost> {
        let target = &deployment.target;
        let terms = Terms {
            at: Some(SystemTime::UNIX_EPOCH + RECORDED),
            conditions: target.provider.dialect.price_conditions(target),
            measured: Measured::of(usage),
            image_size: usage.measures.as_ref().and_then(|measures| measures.image_size.clone()),
            image_quality: usage.measures.as_ref().and_then(|measures| measures.image_quality.clone()),
            ..Terms::default()
        };
        match (deployment.price_of_answer(&self.catalog, usage), usage.provider_cost) {
            (Some(price), _) if !price.is_unpriced() => price.priced(usage, &terms),
            (_, Some(reported)) => Some(Cost::reported(reported)),
            _ => None,
        }
    }

    /// `/spend/calculate` for a finished answer with this usage.
    fn price(&self, case: &Case) -> Answer {
        let mut response = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_741_570_283, "model": case.model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
        });
        for (key, value) in case.request.iter().filter(|(key, _)| *key != "model") {
            response[key] = value.clone();
        }
        let request = json!({ "completion_response": response });
        let pricing = self.catalog.spend_calculate(&request, |_, _| 0);
        match pricing.cost() {
            Some(cost) => whole(json!({"cost": cost.total.dollars()})),
            None => refused("no price".to_owned()),
        }
    }
}

fn endpoint(surface: &str) -> Option<(&'static dyn Surface, Operation)> {
    let (id, operation) = match surface {
        "chat" => ("openai", Operation::Chat),
        "completions" => ("openai", Operation::Completion),
        "embeddings" => ("openai", Operation::Embedding),
        "moderations" => ("openai", Operation::Moderation),
        "rerank" => ("openai", Operation::Rerank),
        "images" => ("openai", Operation::ImageGeneration),
        "image_edits" => ("openai", Operation::ImageEdit),
        "audio_transcription" => ("openai", Operation::Transcription),
        "audio_speech" => ("openai", Operation::Speech),
        "search" => ("openai", Operation::Search),
        "ocr" => ("openai", Operation::Ocr),
        "messages" => ("anthropic", Operation::Chat),
        "responses" => ("responses", Operation::Chat),
        "generate_content" => ("gemini", Operation::Chat),
        _ => return None,
    };
    let surface = surfaces().iter().copied().find(|surface| surface.id() == id)?;
    Some((surface, operation))
}

fn call(
    case: &Case,
    surface: &'static dyn Surface,
    operation: Operation,
    deployment: &Deployment,
    sent: &mut Vec<Sent>,
) -> Result<Answer, Error> {
    let mut body = Map::new();
    body.insert("model".to_owned(), Value::String(case.public_model()));
    if let Value::Object(request) = fill(&Value::Object(case.request.clone())) {
        body.extend(request.into_iter().filter(|(key, _)| key != "model"));
    }
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("golden"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    if case.surface == "messages" {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    let model = case.public_model();
    let mut asked = Asked::of(operation);
    if case.surface == "generate_content" {
        // The path names the model.
        body.remove("model");
        if let Some(config) = body.remove("config") {
            body.insert("generationConfig".to_owned(), config);
        }
        asked = asked.model(&model);
    }
    if operation == Operation::Search {
        asked = asked.model(&model);
    }
    let mut call = if matches!(operation, Operation::ImageEdit | Operation::Transcription) {
        let (fields, upload) = form::of_client(&body);
        Call::from_form(surface, asked, headers, (&fields, upload))?
    } else {
        surface.read(asked, headers, Value::Object(body).to_string().into())?
    };
    call.received = SystemTime::UNIX_EPOCH + RECORDED;
    call.id = "5f0f4b1e-0000-4000-8000-000000000000".to_owned();
    let mut script = Script::new(case);
    let dialect = deployment.target.provider.dialect_of(&call);
    let mut media = Media::default();
    for url in dialect.fetches(&call, &deployment.target)? {
        let file = fetch(case, &url, &mut script, sent)?;
        media.0.insert(url, Arc::new(file));
    }
    let attempt = Attempt { call: &call, target: &deployment.target, media: &media };
    exchange(&attempt, &mut script, sent)
}

/// Fetches a file, as the gateway's transport would with its guard against private addresses switched off, unless
/// the case is about that guard.
fn fetch(case: &Case, url: &str, script: &mut Script<'_>, sent: &mut Vec<Sent>) -> Result<MediaFile, Error> {
    let refuse = |why: &str| Error::new(ErrorKind::ImageFetch, Origin::Client, format!("{url} {why}"));
    if case.settings.get("user_url_validation") == Some(&Value::Bool(true)) {
        return Err(refuse("is at a private address"));
    }
    let request = Sent::get(url);
    let reply = script.answer("GET", &request.path);
    sent.push(request);
    if !reply.head.status.is_success() {
        return Err(refuse("cannot be fetched"));
    }
    let mime = reply.head.headers.get("content-type").and_then(|value| value.to_str().ok());
    let mime =
        mime.and_then(|value| value.split(';').next()).unwrap_or("application/octet-stream").to_owned();
    Ok(MediaFile { mime, bytes: reply.body() })
}

fn exchange(attempt: &Attempt<'_>, script: &mut Script<'_>, sent: &mut Vec<Sent>) -> Result<Answer, Error> {
    let mut encoded = transcode::prepare(attempt, SystemTime::UNIX_EPOCH + RECORDED)?;
    if let Some(source) = attempt.signer().token_source() {
        token(source, script, sent)?.put_on(&mut encoded.request);
    }
    let request = Sent::of(&encoded.request);
    let mut reply = script.answer(&request.method, &request.path);
    sent.push(request);
    if let Some(steps) = attempt.dialect().exchange(attempt, &encoded) {
        reply = walk(steps, attempt, reply, script, sent)?;
    }
    if !reply.head.status.is_success() {
        return Err(attempt.dialect().reject(attempt, &reply.head, &reply.body()));
    }
    let is_json = reply
        .head
        .headers
        .get("content-type")
        .is_some_and(|it| it.as_bytes().starts_with(b"application/json"));
    if attempt.call.stream && !is_json {
        let stream = Stream::new(attempt, &encoded, &reply.head);
        let answer = pour(stream, std::mem::take(&mut reply.pieces), reply.truncated)?;
        return Ok(Answer { relayed: encoded.relay, ..answer });
    }
    if reply.truncated {
        return Err(broken());
    }
    if attempt.call.stream {
        let hub = attempt.dialect().decode(attempt, &encoded, &reply.head, reply.body())?;
        let answer = transcode::local(attempt.call, hub)?;
        return Ok(event_stream(answer.body.to_vec()));
    }
    let answer = transcode::answer(attempt, &encoded, &reply.head, reply.body())?;
    let usage = answer.usage.or_else(|| estimate(attempt.call, answer.reply.as_ref()));
    let usage = lockgate_tokens::complete_usage(attempt.call, usage);
    Ok(Answer {
        status: 200,
        content_type: "application/json".to_owned(),
        body: answer.body.to_vec(),
        truncated: false,
        relayed: encoded.relay,
        usage,
        cost: None,
    })
}

/// Walks through a call of several requests to its answer, as the gateway's transport would.
fn walk(
    mut steps: Box<dyn Exchange>,
    attempt: &Attempt<'_>,
    mut reply: Reply,
    script: &mut Script<'_>,
    sent: &mut Vec<Sent>,
) -> Result<Reply, Error> {
    while reply.head.status.is_success() {
        let mut step = steps.next(&reply.head, &reply.body())?;
        while let Step::File(url) = &step {
            let request = http::Request::get(url).body(lockgate_core::Payload::new());
            let request = request.map_err(|_| Error::invalid_response("The file's URL is not valid."))?;
            let request = Sent::of(&request);
            reply = script.answer(&request.method, &request.path);
            sent.push(request);
            step = steps.next(&reply.head, &reply.body())?;
        }
        let (mut request, last) = match step {
            Step::File(_) => continue,
            Step::Done => return Ok(reply),
            Step::Answer(body) => return Ok(Reply { pieces: vec![body], ..reply }),
            Step::Last(request) => (request, true),
            Step::Send { request, .. } => (request, false),
        };
        attempt.signer().sign(&mut request, SystemTime::UNIX_EPOCH + RECORDED)?;
        let request = Sent::of(&request);
        reply = script.answer(&request.method, &request.path);
        sent.push(request);
        if last {
            break;
        }
    }
    Ok(reply)
}

/// Fetches a token, as the gateway's transport would.
fn token(source: &dyn TokenSource, script: &mut Script<'_>, sent: &mut Vec<Sent>) -> Result<Token, Error> {
    let now = SystemTime::UNIX_EPOCH + RECORDED;
    let request = Sent::of(&source.request(now)?);
    let reply = script.answer(&request.method, &request.path);
    sent.push(request);
    source.read(&reply.head, &reply.body(), now)
}

/// Lets a stream run through the gateway's translation, chunk by chunk.
fn pour(mut stream: Stream, pieces: Vec<Bytes>, truncated: bool) -> Result<Answer, Error> {
    let mut body = Vec::new();
    for piece in pieces {
        match stream.push(piece) {
            Ok(bytes) => body.extend_from_slice(&bytes),
            Err(error) if body.is_empty() => return Err(error),
            Err(error) => {
                body.extend_from_slice(&stream.fail(&error));
                return Ok(event_stream(body));
            }
        }
        if stream.ended() && stream.report().error.is_some() {
            return Ok(event_stream(body));
        }
    }
    let end = if truncated { Err(broken()) } else { stream.finish() };
    match end {
        Ok(bytes) => body.extend_from_slice(&bytes),
        Err(error) if body.is_empty() => return Err(error),
        Err(error) => body.extend_from_slice(&stream.fail(&error)),
    }
    Ok(event_stream(body))
}

fn broken() -> Error {
    Error::new(ErrorKind::Connection, Origin::Upstream, "The upstream closed the connection before the end.")
}

/// Usage for a provider that did not say, as the gateway's meter counts it.
fn estimate(call: &Call, reply: Option<&lockgate_core::Reply>) -> Option<Usage> {
    let input = lockgate_tokens::count_chat(&call.model, call.chat().ok()?).tokens;
    let Some(lockgate_core::Reply::Chat(reply)) = reply else { return None };
    let contents = reply.choices.iter().filter_map(|choice| choice.message.content.as_ref());
    let text: String = contents.map(lockgate_core::hub::Content::text).collect();
    Some(Usage { input, output: lockgate_tokens::count_text("", &text), estimated: true, ..Usage::default() })
}

/// `/utils/token_counter`.
fn count_tokens(case: &Case) -> Answer {
    let mut body = case.request.clone();
    body.insert("model".to_owned(), Value::String(case.model.clone()));
    match lockgate_tokens::count_tokens_request(None, &Value::Object(body).to_string()) {
        Ok(count) => whole(json!({"total_tokens": count.tokens})),
        Err(error) => refused(error.message().to_owned()),
    }
}

fn whole(body: Value) -> Answer {
    Answer {
        status: 200,
        content_type: "application/json".to_owned(),
        body: body.to_string().into_bytes(),
        ..Answer::default()
    }
}

fn event_stream(body: Vec<u8>) -> Answer {
    Answer { status: 200, content_type: "text/event-stream".to_owned(), body, ..Answer::default() }
}

fn refused(message: String) -> Answer {
    let body = json!({"error": {"message": message, "type": "not_run", "code": "400"}});
    Answer { status: 400, ..whole(body) }
}

fn failed(surface: &dyn Surface, error: &Error) -> Answer {
    if let Some(events) = error.stream() {
        return Answer {
            status: 200,
            content_type: "text/event-stream".to_owned(),
            body: events.to_vec(),
            relayed: true,
            ..Answer::default()
        };
    }
    let response = surface.error(error);
    Answer {
        status: response.status().as_u16(),
        content_type: "application/json".to_owned(),
        body: response.body().to_vec(),
        ..Answer::default()
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
