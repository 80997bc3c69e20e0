use lockgate_core::{
    Error, Result,
    hub::{EmbeddingRequest, Prompt},
};
use serde::Serialize;
use serde_json::value::to_raw_value;

/// A request for embeddings.
#[derive(Clone, Debug, Default)]
#[must_use = "a request does nothing until a client sends it"]
pub struct Embed {
    /// The request as it is sent.
    pub request: EmbeddingRequest,
    problem: Option<Error>,
}

impl Embed {
    /// Vectors of that model, named as `provider/model` or by a deployment's public name.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            request: EmbeddingRequest { model: model.into(), ..EmbeddingRequest::default() },
            problem: None,
        }
    }

    /// Adds a text.
    pub fn input(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.request.input = Some(match self.request.input.take() {
            Some(Prompt::Texts(mut texts)) => {
                texts.push(text);
                Prompt::Texts(texts)
            }
            Some(Prompt::Text(first)) => Prompt::Texts(vec![first, text]),
            _ => Prompt::Texts(vec![text]),
        });
        self
    }

    /// Adds texts.
    pub fn inputs<S: Into<String>>(self, texts: impl IntoIterator<Item = S>) -> Self {
        texts.into_iter().fold(self, |request, text| request.input(text))
    }

    /// Wants vectors of that length.
    pub fn dimensions(mut self, length: u32) -> Self {
        self.request.dimensions = Some(length);
        self
    }

    /// Sets any other member of the request.
    pub fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        match to_raw_value(&value) {
            Ok(raw) => self.request.extra.push(name, raw),
            Err(error) => {
                let problem = Error::bad_field(name, format!("`{name}` cannot be written as JSON: {error}"));
                self.problem.get_or_insert(problem);
            }
        }
        self
    }

    pub(crate) fn checked(&self) -> Result<&EmbeddingRequest> {
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None => Ok(&self.request),
        }
    }
}
