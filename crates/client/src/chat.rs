use std::time::Duration;

use lockgate_core::{
    Error, Extra, Raw, Result,
    hub::{ChatRequest, Message, Stop, Tool, ToolChoice},
};
use serde::Serialize;
use serde_json::{Number, Value, json, value::to_raw_value};

use crate::message;

/// A chat request. Every parameter of the API that has no method here is set by [`Chat::extra`], or on `request`.
#[derive(Clone, Debug, Default)]
#[must_use = "a request does nothing until a client sends it"]
pub struct Chat {
    /// The request as it is sent.
    pub request: ChatRequest,
    problem: Option<Error>,
}

impl Chat {
    /// A conversation with that model, named as `provider/model` or by a deployment's public name.
    pub fn new(model: impl Into<String>) -> Self {
        Self { request: ChatRequest { model: model.into(), ..ChatRequest::default() }, problem: None }
    }

    /// Adds what the model is to be.
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(message::system(text))
    }

    /// Adds what the user says.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(message::user(text))
    }

    /// Adds what the model said before.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(message::assistant(text))
    }

    /// Adds what came of a tool call.
    pub fn tool_result(self, id: impl Into<String>, text: impl Into<String>) -> Self {
        self.message(message::tool_result(id, text))
    }

    /// Adds any message; see [`message`] for makers and [`Answer::message`](crate::Answer::message) for the model's own.
    pub fn message(mut self, message: Message) -> Self {
        self.request.messages.push(message);
        self
    }

    /// Adds a whole history.
    pub fn messages(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.request.messages.extend(messages);
        self
    }

    /// Lets the model call this; see [`message::tool`].
    pub fn tool(mut self, tool: Tool) -> Self {
        self.request.tools.get_or_insert_default().push(tool);
        self
    }

    /// Says which tool the model must, may or must not call.
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.request.tool_choice = Some(choice);
        self
    }

    /// Limits the answer, in tokens.
    pub fn max_tokens(mut self, tokens: u64) -> Self {
        self.request.max_tokens = Some(tokens);
        self
    }

    /// Sets how adventurous the model is.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.request.temperature = self.number("temperature", temperature);
        self
    }

    /// Sets the share of likely tokens to choose from.
    pub fn top_p(mut self, share: f64) -> Self {
        self.request.top_p = self.number("top_p", share);
        self
    }

    /// Makes answers repeatable where the provider can.
    pub fn seed(mut self, seed: i64) -> Self {
        self.request.seed = Some(seed.into());
        self
    }

    /// Sets where to stop.
    pub fn stop<S: Into<String>>(mut self, sequences: impl IntoIterator<Item = S>) -> Self {
        self.request.stop = Some(Stop::Many(sequences.into_iter().map(Into::into).collect()));
        self
    }

    /// Sets how hard the model thinks: `minimal`, `low`, `medium`, `high`.
    pub fn reasoning_effort(self, effort: &str) -> Self {
        self.extra("reasoning_effort", effort)
    }

    /// Wants a JSON object.
    pub fn json(self) -> Self {
        self.extra("response_format", json!({"type": "json_object"}))
    }

    /// Wants JSON of this schema; read it with [`Answer::json`](crate::Answer::json).
    pub fn json_schema(self, name: &str, schema: Value) -> Self {
        let format =
            json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": true}});
        self.extra("response_format", format)
    }

    /// Limits the time of the whole call, all attempts included.
    pub fn timeout(self, limit: Duration) -> Self {
        self.extra("timeout", limit.as_secs_f64())
    }

    /// Sets how often a failed call is tried again.
    pub fn retries(self, count: u32) -> Self {
        self.extra("num_retries", count)
    }

    /// Names models to go on with when this one fails, in place of the client's.
    pub fn fallbacks<S: Into<String>>(self, models: impl IntoIterator<Item = S>) -> Self {
        let models: Vec<String> = models.into_iter().map(Into::into).collect();
        self.extra("fallbacks", models)
    }

    /// Adds a header to the provider's request.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let known = self.request.extra.remove("extra_headers");
        let mut headers: std::collections::BTreeMap<String, String> =
            known.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        headers.insert(name.to_owned(), value.to_owned());
        self.extra("extra_headers", headers)
    }

    /// Sets any member of the request, known to this library or not. It replaces one of that name.
    pub fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        if let Err(error) = self.set(name, &value) {
            self.problem.get_or_insert(error);
        }
        self
    }

    /// The request, unless a member could not be written.
    pub(crate) fn checked(&self) -> Result<&ChatRequest> {
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None => Ok(&self.request),
        }
    }

    fn number(&mut self, name: &'static str, value: f64) -> Option<Number> {
        let number = Number::from_f64(value);
        if number.is_none() {
            self.problem.get_or_insert_with(|| Error::bad_field(name, format!("`{name}` must be a number.")));
        }
        number
    }

    /// Members that have a field of their own go there, so that none is written twice.
    fn set(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        let raw = to_raw_value(value).map_err(|error| {
            Error::bad_field(name, format!("`{name}` cannot be written as JSON: {error}"))
        })?;
        // A long history need not be read again for each member.
        let messages = std::mem::take(&mut self.request.messages);
        let replaced = replaced(&self.request, name, raw);
        let own = replaced.as_ref().map_or(&[][..], |request| &request.messages);
        let messages = if own.is_empty() { messages } else { own.to_vec() };
        let result = replaced.map(|request| self.request = request);
        self.request.messages = messages;
        result
    }
}

fn replaced(request: &ChatRequest, name: &str, raw: Raw) -> Result<ChatRequest> {
    let no_json = |_| Error::internal("A request is no JSON object.");
    let whole = serde_json::to_string(request).map_err(no_json)?;
    let mut members: Extra = serde_json::from_str(&whole).map_err(no_json)?;
    members.push(name, raw);
    let whole = serde_json::to_string(&members).map_err(no_json)?;
    serde_json::from_str(&whole)
        .map_err(|error| Error::bad_field(name, format!("`{name}` has the wrong type: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_hold_what_was_set_and_nothing_else() {
        let chat =
            Chat::new("demo/echo").system("Be terse.").user("Hi").max_tokens(9).temperature(0.5).stop(["\n"]);
        let expected = r#"{"model":"demo/echo","messages":[{"role":"system","content":"Be terse."},{"role":"user","content":"Hi"}],"temperature":0.5,"max_tokens":9,"stop":["\n"]}"#;
        assert_eq!(serde_json::to_string(chat.checked().unwrap()).unwrap(), expected);
    }

    #[test]
    fn extras_reach_fields_and_the_unknown_alike() {
        let chat = Chat::new("m").extra("top_k", 4).extra("frobnicate", json!([1])).extra("max_tokens", 7);
        assert_eq!(chat.request.max_tokens, Some(7));
        assert_eq!(
            serde_json::to_string(&chat.request).unwrap(),
            r#"{"model":"m","messages":[],"top_k":4,"max_tokens":7,"frobnicate":[1]}"#
        );
        let chat = Chat::new("m").header("a", "1").header("b", "2");
        assert!(
            serde_json::to_string(&chat.request).unwrap().contains(r#""extra_headers":{"a":"1","b":"2"}"#)
        );
    }

    #[test]
    fn what_cannot_be_sent_is_told_when_it_is_sent() {
        assert!(Chat::new("m").temperature(f64::NAN).checked().is_err());
        assert!(Chat::new("m").extra("max_tokens", "many").checked().is_err());
        assert!(Chat::new("m").extra("x", "y").checked().is_ok());
    }
}
