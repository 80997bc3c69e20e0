use std::{borrow::Borrow, fmt, sync::Arc, time::SystemTime};

use http::HeaderMap;
use lockgate_catalog::{Pricing, Terms};
use lockgate_core::{Call, Error, Operation, Reply, Result, Surface, Usage};
use lockgate_router::{Health, Policy, Route, Routes};
use lockgate_tokens::{BLOCKING_BYTES, Count, count_chat};
use lockgate_transport::{Egress, Transport};
use rand::Rng;
use serde::Serialize;

use crate::{
    Answer, BuildError, Chat, ChatStream, ClientBuilder, Embed, Embeddings, Found, Ocr, OcrAnswer, Search,
    builder::{Maker, listed},
    drive::{self, Outcome},
    lookup,
};

/// Calls models of any provider. Cheap to clone; clones share connections and what is known of deployments.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) routes: Routes,
    pub(crate) policy: Policy,
    pub(crate) health: Health,
    pub(crate) transport: Transport,
    pub(crate) egress: Egress,
    pub(crate) maker: Arc<Maker>,
}

impl Client {
    /// A client with the keys, addresses and proxies of the environment (`OPENAI_API_KEY`, …).
    ///
    /// # Errors
    /// A proxy's address is wrong.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::builder().env().build()
    }

    /// Sets a client up.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Asks a model and waits for the whole answer.
    ///
    /// # Errors
    /// No deployment could answer; the last one's error says why.
    pub async fn complete(&self, chat: impl Borrow<Chat>) -> Result<Answer> {
        let call = {
            let mut request = chat.borrow().checked()?.clone();
            request.stream = None;
            request.stream_options = None;
            call(Operation::Chat, &request)?
        };
        drop(chat);
        let mut done = drive::run(&self.0, Arc::new(call)).await?;
        match done.outcome.take() {
            Some(Outcome::Whole(Reply::Chat(reply))) => {
                let meta = done.course.settle_chat(&reply).await;
                Ok(Answer { reply: *reply, meta })
            }
            _ => Err(another_answer()),
        }
    }

    /// Asks a model and gives its answer while it comes. Waits until there is first content, so that a failure before
    /// it is still answered by another deployment.
    ///
    /// # Errors
    /// No deployment could answer; the last one's error says why. A failure later on comes through the stream.
    pub async fn stream(&self, chat: impl Borrow<Chat>) -> Result<ChatStream> {
        let call = {
            let mut request = chat.borrow().checked()?.clone();
            request.stream = Some(true);
            call(Operation::Chat, &request)?
        };
        drop(chat);
        let mut done = drive::run(&self.0, Arc::new(call)).await?;
        match done.outcome.take() {
            Some(Outcome::Stream(source, events)) => {
                Ok(ChatStream::new(self.0.clone(), done.course, Some(source), events))
            }
            Some(Outcome::Whole(Reply::Chat(reply))) => {
                let events = lockgate_core::transcode::events(&reply);
                Ok(ChatStream::new(self.0.clone(), done.course, None, events))
            }
            _ => Err(another_answer()),
        }
    }

    /// Turns texts into vectors.
    ///
    /// # Errors
    /// No deployment could answer; the last one's error says why.
    pub async fn embed(&self, embed: impl Borrow<Embed>) -> Result<Embeddings> {
        let call = call(Operation::Embedding, embed.borrow().checked()?)?;
        drop(embed);
        let mut done = drive::run(&self.0, Arc::new(call)).await?;
        match done.outcome.take() {
            Some(Outcome::Whole(Reply::Embedding(reply))) => {
                let meta = done.course.settle_embedding(&reply).await;
                Embeddings::new(&reply, meta)
            }
            _ => Err(another_answer()),
        }
    }

    /// Searches the web.
    ///
    /// # Errors
    /// No deployment could answer; the last one's error says why.
    pub async fn search(&self, search: impl Borrow<Search>) -> Result<Found> {
        let call = call(Operation::Search, search.borrow().checked()?)?;
        drop(search);
        let mut done = drive::run(&self.0, Arc::new(call)).await?;
        match done.outcome.take() {
            Some(Outcome::Whole(Reply::Search(reply))) => {
                let meta = done.course.meta(reply.usage.unwrap_or_default());
                Ok(Found { results: reply.results, meta })
            }
            _ => Err(another_answer()),
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// No deployment could answer; the last one's error says why.
    pub async fn ocr(&self, ocr: impl Borrow<Ocr>) -> Result<OcrAnswer> {
        let call = call(Operation::Ocr, ocr.borrow().checked()?)?;
        drop(ocr);
        let mut done = drive::run(&self.0, Arc::new(call)).await?;
        let reply = match done.outcome.take() {
            Some(Outcome::Whole(Reply::Ocr(reply))) => *reply,
            Some(Outcome::Passed(body, usage)) => lookup::passed(&body, usage)?,
            _ => return Err(another_answer()),
        };
        let meta = done.course.meta(reply.usage.clone().unwrap_or_default());
        Ok(OcrAnswer { reply, meta })
    }

    /// How many tokens a request's prompt is. Providers that count themselves are asked; the others' models are
    /// counted here, without a call, which is exact for plain conversations with models of OpenAI and an estimate
    /// otherwise.
    ///
    /// # Errors
    /// The model is unknown, or the request cannot be written.
    pub async fn count_tokens(&self, chat: impl Borrow<Chat>) -> Result<Count> {
        let request = chat.borrow().checked()?.clone();
        drop(chat);
        let route = self.0.route(&request.model)?;
        let Some(target) = route.deployments.first().map(|deployment| &deployment.target) else {
            return Err(Error::internal("A route leads nowhere."));
        };
        if target.provider.offers(Operation::CountTokens) {
            let call = call(Operation::CountTokens, &request)?;
            if let Ok(mut done) = drive::run(&self.0, Arc::new(call)).await
                && let Some(Outcome::Whole(Reply::TokenCount { input })) = done.outcome.take()
            {
                return Ok(Count { tokens: input, exact: true, tokenizer: "provider" });
            }
        }
        let model = target.model.clone();
        off_workers(request_size(&request), move || count_chat(&model, &request)).await
    }

    /// What that consumption costs with this model.
    ///
    /// # Errors
    /// The model is unknown. One without a price is no error, but [`Pricing::Unpriced`].
    pub fn cost(&self, model: &str, usage: &Usage) -> Result<Pricing> {
        let route = self.0.route(model)?;
        let terms = Terms { at: Some(SystemTime::now()), ..Terms::default() };
        match route.deployments.first() {
            Some(deployment) => Ok(drive::pricing(deployment, self.0.maker.catalog(), usage, &terms)),
            None => Err(Error::internal("A route leads nowhere.")),
        }
    }
}

/// Without keys.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.routes.names().into_iter().map(|name| name.name).collect();
        f.debug_struct("Client").field("models", &names).finish_non_exhaustive()
    }
}

impl Inner {
    /// The deployments behind a name.
    pub(crate) fn route(&self, model: &str) -> Result<Route> {
        if let Some(route) = self.routes.resolve(model) {
            return Ok(route);
        }
        let why = match self.maker.of_name(model) {
            Err(issues) => listed(&issues),
            Ok(_) => format!("`{model}` is unknown."),
        };
        Err(Error::new(lockgate_core::ErrorKind::NotFound, lockgate_core::Origin::Client, why)
            .with_model(model))
    }
}

/// Runs counting where it disturbs nobody.
pub(crate) async fn off_workers<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    if bytes <= BLOCKING_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::internal("Counting was interrupted."))
}

fn request_size(request: &lockgate_core::hub::ChatRequest) -> usize {
    request
        .messages
        .iter()
        .filter_map(|message| message.content.as_ref())
        .map(|content| content.text().len())
        .sum()
}

/// The call that the gateway would read off the same request.
pub(crate) fn call(operation: Operation, request: &impl Serialize) -> Result<Call> {
    let body = serde_json::to_vec(request)
        .map_err(|error| Error::bad_request(format!("The request cannot be written as JSON: {error}")))?;
    call_of(operation, body)
}

pub(crate) fn call_of(operation: Operation, body: Vec<u8>) -> Result<Call> {
    let mut call = surface()?.read(operation.into(), HeaderMap::new(), body.into())?;
    if call.model.is_empty() {
        return Err(Error::bad_field("model", "The request names no model."));
    }
    call.received = SystemTime::now();
    call.id = format!("{:032x}", rand::rng().random::<u128>());
    Ok(call)
}

/// Requests of this library are OpenAI's.
fn surface() -> Result<&'static dyn Surface> {
    let found = lockgate_registry::surfaces().iter().copied().find(|surface| surface.id() == "openai");
    found.ok_or_else(|| Error::internal("This build has no OpenAI surface."))
}

fn another_answer() -> Error {
    Error::invalid_response("The provider answered another question than was asked.")
}
