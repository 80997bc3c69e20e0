//! The paths that a surface answers, as data.

use http::Method;

use crate::Operation;

/// One thing that a surface offers, and the paths at which clients ask for it.
///
/// `{model}` in a path stands for a model's name, which may be percent-encoded and may contain slashes; at most one
/// stands in a path.
#[derive(Debug)]
pub struct Endpoint {
    /// How it is asked.
    pub method: Method,
    /// The usual path, which names the endpoint in metrics: `/v1/chat/completions`.
    pub path: &'static str,
    /// Other paths of the same.
    pub aliases: &'static [&'static str],
    /// What is asked.
    pub operation: Operation,
    /// Whether the answer is streamed, where the path alone says so.
    pub stream: Option<bool>,
    /// A header of the surface's clients, for a path that another surface has, too: with it, it is this one's.
    pub header: Option<&'static str>,
}

impl Endpoint {
    /// An endpoint that takes a body.
    pub const fn post(operation: Operation, path: &'static str, aliases: &'static [&'static str]) -> Self {
        Self { method: Method::POST, path, aliases, operation, stream: None, header: None }
    }

    /// An endpoint that is only read.
    pub const fn get(operation: Operation, path: &'static str, aliases: &'static [&'static str]) -> Self {
        Self { method: Method::GET, path, aliases, operation, stream: None, header: None }
    }

    /// The same, its path saying whether the answer is streamed.
    pub const fn streamed(mut self, stream: bool) -> Self {
        self.stream = Some(stream);
        self
    }

    /// The same, for requests with that header alone.
    pub const fn with_header(mut self, header: &'static str) -> Self {
        self.header = Some(header);
        self
    }

    /// Its paths, the usual one first.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.path).chain(self.aliases.iter().copied())
    }
}

/// What is said of a request outside of its body: by its path and query.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What is asked.
    pub operation: Operation,
    /// The endpoint's usual path; empty where nobody asked by path.
    pub path: &'static str,
    /// The model that the path names, decoded.
    pub model: Option<&'a str>,
    /// Whether the answer is streamed, if the path says so.
    pub stream: Option<bool>,
    /// The query as it came, without the question mark.
    pub query: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// The operation at its usual path.
    pub const fn of(operation: Operation) -> Self {
        Self { operation, path: "", model: None, stream: None, query: None }
    }

    /// The same for a model that the path names.
    pub const fn model(self, model: &'a str) -> Self {
        Self { model: Some(model), ..self }
    }

    /// The same, the path saying whether the answer is streamed.
    pub const fn streamed(self, stream: bool) -> Self {
        Self { stream: Some(stream), ..self }
    }

    /// The first value of a parameter of the query, as it came.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        self.query?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

impl From<Operation> for Asked<'_> {
    fn from(operation: Operation) -> Self {
        Self::of(operation)
    }
}

/// A model as the list of models shows it.
#[derive(Clone, Copy, Debug)]
pub struct ListedModel<'a> {
    /// Its public name.
    pub name: &'a str,
    /// Its context window for the prompt, in tokens, if known.
    pub max_input: Option<u64>,
    /// Its longest completion, in tokens, if known.
    pub max_output: Option<u64>,
    /// `chat`, `embedding`, … if known.
    pub mode: Option<&'a str>,
}
