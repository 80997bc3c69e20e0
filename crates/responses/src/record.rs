use lockgate_core::{Raw, json::raw};
use serde::{Deserialize, Serialize};

/// What is kept of one response.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    /// The response's id.
    pub id: String,
    /// The response that it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Its own input as items, each with an id.
    #[serde(default)]
    pub input: Vec<Raw>,
    /// The response object, as far as it is.
    pub response: Raw,
    /// The process that is still at work on it. A record of a process that is gone will never be completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The events that told of it, each with its place, where a client may ask for them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Raw>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            id: String::new(),
            previous: None,
            input: Vec::new(),
            response: raw("{}"),
            worker: None,
            events: Vec::new(),
        }
    }
}

impl Record {
    /// The items of the answer.
    pub fn output(&self) -> Vec<Raw> {
        #[derive(Deserialize)]
        struct Response {
            #[serde(default)]
            output: Option<Vec<Raw>>,
        }
        let response: Option<Response> = serde_json::from_str(self.response.get()).ok();
        response.and_then(|response| response.output).unwrap_or_default()
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let input: usize = self.input.iter().map(|item| item.get().len()).sum();
        let events: usize = self.events.iter().map(|event| event.get().len()).sum();
        256 + self.id.len() + input + events + self.response.get().len()
    }
}
