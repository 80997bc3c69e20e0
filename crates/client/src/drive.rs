//! The course of one call: which deployment, what next when it fails, and one attempt on it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::{header, response::Parts};
use lockgate_catalog::{Catalog, Cost, Measured, Pricing, Terms};
use lockgate_core::{
    Attempt, Call, ChatReply, EmbeddingReply, Error, Event, Media, Operation, Reply, Result, StreamDecoder,
    Usage, embedding, transcode,
};
use lockgate_router::{Decision, Deployment, InFlight, Plan, Timeouts};
use lockgate_transport::{Limits, UpstreamBody, Walked};
use rand::Rng;

use crate::{
    Meta,
    builder::Maker,
    client::{Inner, call_of, off_workers},
};

/// Answers longer than this are refused.
const LONGEST_ANSWER: usize = 256 << 20;
/// Errors are read up to here.
const LONGEST_ERROR: usize = 1 << 20;

/// A call that was answered.
pub(crate) struct Done {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) course: Course,
}

/// What was answered.
pub(crate) enum Outcome {
    Whole(Reply),
    /// A whole answer in the words of the request, and what was consumed.
    Passed(Bytes, Option<Usage>),
    /// A stream up to its first content.
    Stream(Source, Vec<Event>),
}

/// Where the rest of a stream comes from.
pub(crate) struct Source {
    pub(crate) upstream: UpstreamBody,
    pub(crate) decoder: Box<dyn StreamDecoder>,
}

/// How the answer was come by.
pub(crate) struct Course {
    pub(crate) call: Arc<Call>,
    pub(crate) deployment: Arc<Deployment>,
    /// The deployments among which it was chosen.
    pub(crate) group: Vec<Arc<Deployment>>,
    retries: u32,
    fallbacks: u32,
    dropped: Vec<String>,
    maker: Arc<Maker>,
    /// The call counts as under way until this is dropped.
    _in_flight: InFlight,
}

/// Walks over deployments until one answers.
pub(crate) async fn run(client: &Inner, call: Arc<Call>) -> Result<Done> {
    let route = client.route(&call.model)?;
    let (now, seed) = (Instant::now(), rand::rng().random());
    let mut plan =
        Plan::new(&client.routes, &client.policy, &client.health, &route, &call.options, now, seed);
    let deadline = plan.deadline();
    let mut verdict: Option<Error> = None;
    let mut last: Option<Error> = None;
    loop {
        match plan.next(verdict.take().as_ref(), Instant::now()) {
            Decision::Try(deployment) => {
                let call = adapted(&call, &plan)?;
                let in_flight = client.health.begin(&deployment);
                let sent = Instant::now();
                match attempt(client, &call, &deployment, deadline).await {
                    Ok((outcome, dropped)) => {
                        client.health.succeeded(&deployment, sent.elapsed(), None, Instant::now());
                        let course = Course {
                            call,
                            deployment,
                            group: plan.deployments().to_vec(),
                            retries: plan.retries(),
                            fallbacks: plan.fallbacks(),
                            dropped,
                            maker: client.maker.clone(),
                            _in_flight: in_flight,
                        };
                        return Ok(Done { outcome: Some(outcome), course });
                    }
                    Err(error) => {
                        let error = named(error, &deployment);
                        last = Some(error.clone());
                        verdict = Some(error);
                    }
                }
            }
            Decision::Wait(delay) => tokio::time::sleep(delay).await,
            Decision::GiveUp => return Err(last.unwrap_or_else(|| plan.refusal())),
        }
    }
}

/// The call with what this fallback changes about it.
fn adapted(call: &Arc<Call>, plan: &Plan<'_>) -> Result<Arc<Call>> {
    let Some(params) = plan.params() else { return Ok(call.clone()) };
    let unreadable = |_| Error::internal("A request is no JSON object.");
    let mut body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(call.body.source()).map_err(unreadable)?;
    body.extend(params.iter().map(|(name, value)| (name.clone(), value.clone())));
    call_of(call.operation, serde_json::to_vec(&body).map_err(unreadable)?).map(Arc::new)
}

/// One call on one deployment.
async fn attempt(
    client: &Inner,
    call: &Call,
    deployment: &Deployment,
    deadline: Instant,
) -> Result<(Outcome, Vec<String>)> {
    let target = &deployment.target;
    let dialect = target.provider.dialect_of(call);
    if let Some(reply) = dialect.local(call, target) {
        return Ok((Outcome::Whole(reply?), Vec::new()));
    }
    let parts = embedding::parts(call, target)?;
    if !parts.is_empty() {
        let limits = (limits(call, deployment, deadline), &client.egress);
        let joined = Box::pin(client.transport.join(target, &parts, limits, |_, _| {})).await?;
        return Ok((Outcome::Whole(joined.reply), joined.notes.dropped));
    }
    let mut media = Media::default();
    for url in dialect.fetches(call, target)? {
        let file = client.transport.fetch(&url, &client.egress).await?;
        media.0.insert(url, Arc::new(file));
    }
    let attempt = Attempt { call, target, media: &media };
    let mut encoded = transcode::prepare(&attempt, SystemTime::now())?;
    let mut request = std::mem::take(&mut encoded.request);
    let limits = limits(call, deployment, deadline);
    client.transport.authorise(attempt.signer(), &mut request, limits).await?;
    let response = client.transport.send(request, limits).await?;
    client.transport.distrust(attempt.signer().as_ref(), response.status());
    let dropped = encoded.notes.dropped.clone();
    let response = match dialect.exchange(&attempt, &encoded) {
        None => response,
        Some(mut exchange) => {
            let signer = attempt.signer();
            let walk = client.transport.walk(exchange.as_mut(), signer, response, limits, &client.egress);
            match walk.await? {
                Walked::Open(response) => response,
                Walked::Whole(response) => {
                    let (head, body) = response.into_parts();
                    let reply = dialect.decode(&attempt, &encoded, &head, body)?;
                    return Ok((Outcome::Whole(reply), dropped));
                }
            }
        }
    };
    let (head, body) = response.into_parts();
    if !head.status.is_success() {
        let body = body.collect(LONGEST_ERROR).await.unwrap_or_default();
        return Err(dialect.reject(&attempt, &head, &body));
    }
    if call.stream && !is_json(&head) {
        let source = Source { upstream: body, decoder: dialect.stream(&attempt, &encoded, &head) };
        let (source, events) = first_content(source).await?;
        return Ok((Outcome::Stream(source, events), dropped));
    }
    let body = body.collect(LONGEST_ANSWER).await?;
    // Of documents, dialects read only what is said otherwise than it was asked.
    if encoded.relay && call.operation == Operation::Ocr {
        let (body, usage) = dialect.pass(&encoded, &head, body)?;
        return Ok((Outcome::Passed(body.into_bytes(), usage), dropped));
    }
    Ok((Outcome::Whole(dialect.decode(&attempt, &encoded, &head, body)?), dropped))
}

/// Reads a stream up to its first content: until then, another deployment may answer in its place.
async fn first_content(mut source: Source) -> Result<(Source, Vec<Event>)> {
    let mut events = Vec::new();
    loop {
        let seen = events.len();
        let more = match source.upstream.frame().await {
            Some(frame) => {
                source.decoder.feed(&frame?, &mut events)?;
                true
            }
            None => {
                source.decoder.finish(&mut events)?;
                false
            }
        };
        for event in events.iter().skip(seen) {
            match event {
                Event::Failure(error) => return Err(error.clone()),
                Event::Start { .. } | Event::Usage(_) | Event::Chunk { .. } => {}
                _ => return Ok((source, events)),
            }
        }
        if !more {
            return Ok((source, events));
        }
    }
}

/// The deployment's limits, tightened by the call's wishes and by the time that is left.
fn limits(call: &Call, deployment: &Deployment, deadline: Instant) -> Limits {
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let own = &deployment.timeouts;
    let timeouts = Timeouts { total: own.total.min(left), ..*own };
    let first_byte = match call.options.stream_timeout {
        Some(limit) if call.stream => limit,
        _ if call.stream => own.first_byte,
        // A whole answer's first byte may take as long as the answer.
        _ => timeouts.total,
    };
    let timeouts = Timeouts { first_byte, ..timeouts }.clamped();
    Limits {
        connect: timeouts.connect,
        first_byte: timeouts.first_byte,
        idle: if call.stream { timeouts.idle } else { timeouts.total },
        total: timeouts.total,
    }
}

pub(crate) fn named(error: Error, deployment: &Deployment) -> Error {
    let error = error.with_model(&*deployment.group);
    if error.provider().is_some() { error } else { error.with_provider(&*deployment.target.provider.id) }
}

fn is_json(head: &Parts) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// What that costs on that deployment.
pub(crate) fn pricing(deployment: &Deployment, catalog: &Catalog, usage: &Usage, terms: &Terms) -> Pricing {
    match (deployment.price_of_answer(catalog, usage), usage.provider_cost) {
        (Some(price), _) => Pricing::Priced(price.cost(usage, terms)),
        (None, Some(amount)) => Pricing::Priced(Cost::reported(amount)),
        (None, None) => {
            let target = &deployment.target;
            let model = format!("{}/{}", target.provider.id, target.model);
            Pricing::Unpriced { model, known: target.facts.known }
        }
    }
}

impl Course {
    /// The account of a whole chat answer.
    pub(crate) async fn settle_chat(&self, reply: &ChatReply) -> Meta {
        if let Some(usage) = &reply.usage {
            return self.meta(usage.clone());
        }
        let contents = reply.choices.iter().filter_map(|choice| choice.message.content.as_ref());
        let said: String = contents.map(|content| content.text()).collect();
        self.meta(self.estimate(said).await)
    }

    /// The account of embeddings.
    pub(crate) async fn settle_embedding(&self, reply: &EmbeddingReply) -> Meta {
        match &reply.usage {
            Some(usage) => self.meta(usage.clone()),
            None => self.meta(self.estimate(String::new()).await),
        }
    }

    /// Consumption by our own count, for providers that do not say.
    async fn estimate(&self, said: String) -> Usage {
        let (call, model) = (self.call.clone(), self.deployment.target.model.clone());
        let bytes = call.body.source().len() + said.len();
        off_workers(bytes, move || estimate(&call, &model, &said)).await.unwrap_or_default()
    }

    pub(crate) fn meta(&self, usage: Usage) -> Meta {
        let target = &self.deployment.target;
        let asked = || self.call.chat().ok().and_then(|request| request.service_tier.clone());
        let service_tier = if usage.service_tier.is_none() { asked() } else { None };
        let terms = Terms {
            at: Some(self.call.received),
            service_tier,
            conditions: target.provider.dialect.price_conditions(target),
            measured: Measured::of(&usage),
            ..Terms::default()
        };
        Meta {
            provider: target.provider.id.clone(),
            model: target.model.clone(),
            deployment: self.deployment.id.clone(),
            retries: self.retries,
            fallbacks: self.fallbacks,
            dropped: self.dropped.clone(),
            pricing: pricing(&self.deployment, self.maker.catalog(), &usage, &terms),
            usage,
        }
    }
}

/// Tokens of the prompt and of what was said.
pub(crate) fn estimate(call: &Call, model: &str, said: &str) -> Usage {
    let input = match call.operation {
        Operation::Embedding => call
            .embedding()
            .ok()
            .and_then(|request| request.input.as_ref())
            .map(|input| lockgate_tokens::count_prompt(model, input).tokens),
        _ => call.chat().ok().map(|request| lockgate_tokens::count_chat(model, request).tokens),
    };
    let output = lockgate_tokens::count_text(model, said);
    Usage { input: input.unwrap_or(0), output, estimated: true, ..Usage::default() }
}
