//! The same answers in each upstream's words, as their documentation has them: written without the dialects.

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod oci;
mod ollama;
mod openai;
mod responses;
mod texts;

use serde_json::{Value, json};

/// What a model says, in no format yet.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Its thoughts.
    pub thoughts: Option<String>,
    /// What signs them.
    pub signature: Option<String>,
    /// Its words.
    pub text: String,
    /// The tools that it calls.
    pub calls: Vec<Called>,
    /// Why it stops.
    pub stop: Stop,
    /// What it consumed.
    pub usage: Counts,
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct Called {
    /// The provider's id of it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON.
    pub arguments: String,
}

/// Why a model stops.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stop {
    /// All is said.
    #[default]
    End,
    /// The limit on its words.
    Limit,
    /// It waits for results of tools.
    Calls,
    /// A filter stopped it.
    Filter,
}

/// Tokens; those of the cache are part of `input`, those of thoughts of `output`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
    /// Read from the cache.
    pub cached: u64,
    /// Written to the cache.
    pub written: u64,
    /// Of thoughts.
    pub reasoning: u64,
}

/// How a stream says it.
#[derive(Clone, Debug)]
pub struct Script {
    /// The pieces of the calls' arguments: of which call, and the piece. Empty: call after call, each in two pieces.
    pub order: Vec<(usize, String)>,
    /// Where usage stands.
    pub usage: Places,
}

/// Where a stream tells its usage.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Places {
    pub first: bool,
    pub every: bool,
    pub last: bool,
}

/// What a format has words for.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a table of what there is")]
pub struct Words {
    /// Calls of tools.
    pub calls: bool,
    /// The pieces of several calls may alternate.
    pub interleaves: bool,
    /// Ids of calls.
    pub ids: bool,
    /// Thoughts.
    pub thinks: bool,
    /// Signatures of thoughts; the one that the canned answers bear.
    pub signs: Option<&'static str>,
    /// It tells of tokens.
    pub counts: bool,
    /// Those read from the cache.
    pub cached: bool,
    /// Those written to it.
    pub written: bool,
    /// Those of thoughts.
    pub reasoning: bool,
    /// Where a stream may tell its usage.
    pub places: &'static [Places],
    /// It says that the limit was met.
    pub limit: bool,
    /// It says that a filter stopped it.
    pub filter: bool,
    /// The end of a stream is marked.
    pub ends: bool,
}

/// At the end.
pub const LAST: Places = Places { first: false, every: false, last: true };
/// In the first event.
pub const FIRST: Places = Places { first: true, every: false, last: false };
/// In the first and in the last.
pub const BOTH: Places = Places { first: true, every: false, last: true };
/// In all.
pub const EVERY: Places = Places { first: true, every: true, last: true };
/// Nowhere.
pub const NOWHERE: Places = Places { first: false, every: false, last: false };

/// A format that upstreams answer in.
pub struct Upstream {
    /// Its name: the format's, or a provider's whose answers differ.
    pub name: &'static str,
    /// What it has words for.
    pub words: Words,
    whole: fn(&Said) -> Value,
    stream: fn(&Said, &Script) -> Vec<Vec<u8>>,
    failure: fn() -> Vec<u8>,
}

impl Upstream {
    /// A whole answer.
    pub fn whole(&self, said: &Said) -> Vec<u8> {
        (self.whole)(said).to_string().into_bytes()
    }

    /// A stream, event by event.
    pub fn frames(&self, said: &Said, script: &Script) -> Vec<Vec<u8>> {
        let mut script = script.clone();
        if script.order.is_empty() {
            script.order = in_turn(&said.calls);
        }
        (self.stream)(said, &script)
    }

    /// The event that says in mid-stream that it broke.
    pub fn failure(&self) -> Vec<u8> {
        (self.failure)()
    }
}

/// All formats of the grid.
pub fn upstreams() -> impl Iterator<Item = &'static Upstream> {
    static GROUPS: [&[Upstream]; 9] = [
        openai::ALL,
        responses::ALL,
        anthropic::ALL,
        gemini::ALL,
        cohere::ALL,
        ollama::ALL,
        bedrock::ALL,
        oci::ALL,
        texts::ALL,
    ];
    GROUPS.iter().flat_map(|group| group.iter())
}

/// The format of that name.
pub fn upstream(name: &str) -> Option<&'static Upstream> {
    upstreams().find(|upstream| upstream.name == name)
}

impl Default for Script {
    fn default() -> Self {
        Self { order: Vec::new(), usage: LAST }
    }
}

impl Said {
    /// What the columns of the grid hear: words, or calls with the thoughts before them.
    pub fn usual(calls: bool) -> Self {
        let usage = Counts { input: 100, output: 20, cached: 40, written: 10, reasoning: 5 };
        if !calls {
            return Self { text: "Hello there.".to_owned(), usage, ..Self::default() };
        }
        let call = |id: &str, city: &str| Called {
            id: id.to_owned(),
            name: "get_weather".to_owned(),
            arguments: json!({"city": city}).to_string(),
        };
        Self {
            thoughts: Some("Let me think.".to_owned()),
            calls: vec![call("call_1", "Paris"), call("call_2", "Rome")],
            stop: Stop::Calls,
            usage,
            ..Self::default()
        }
    }
}

/// Call after call, each in two pieces.
fn in_turn(calls: &[Called]) -> Vec<(usize, String)> {
    let pieces = calls.iter().enumerate().flat_map(|(at, call)| {
        let (head, tail) = halves(&call.arguments);
        [(at, head.to_owned()), (at, tail.to_owned())]
    });
    pieces.filter(|(_, piece)| !piece.is_empty()).collect()
}

/// A text in two pieces.
fn halves(text: &str) -> (&str, &str) {
    let middle = (text.len() / 2..text.len()).find(|at| text.is_char_boundary(*at));
    text.split_at(middle.unwrap_or(text.len()))
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let (head, tail) = halves(text);
    [head, tail].into_iter().filter(|piece| !piece.is_empty())
}

/// An event without a name.
fn data(json: &Value) -> Vec<u8> {
    format!("data: {json}\n\n").into_bytes()
}

/// An event with a name.
fn event(name: &str, json: &Value) -> Vec<u8> {
    format!("event: {name}\ndata: {json}\n\n").into_bytes()
}

/// JSON, out of its text.
fn parsed(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_default()
}
