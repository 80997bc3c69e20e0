//! What each column of the table demands of a pair.

use bytes::Bytes;
use lockgate_core::{Attempt, Call, Encoded, Error, Media, Payload};
use lockgate_testkit::grammar::{self, Ending};
use serde_json::Value;

use super::{
    Cell, Client, Said, Scene, Site, answer, call, facts, head, prepare, read, stream,
    upstream::{Counts, Places, Script, Stop, Upstream},
};

type Judged<T = ()> = Result<T, String>;

/// The pair of a line.
pub(super) struct Pair<'a> {
    pub(super) client: &'a Client,
    pub(super) site: &'a Site,
    pub(super) sites: &'a [Site],
}

/// An upstream's answer on its way.
struct Exchanged {
    call: Call,
    encoded: Encoded,
    upstream: &'static Upstream,
}

impl Pair<'_> {
    /// The cell of a column, for whole answers or for streams.
    pub(super) fn cell(&self, column: &str, streamed: bool) -> Cell {
        let judged = match column {
            "text" => self.said(Scene::Text, &Said::usual(false), streamed),
            "tools" => self.said(Scene::Tools, &Said::usual(true), streamed),
            "results" => self.said(Scene::Results, &Said::usual(false), streamed),
            "image" => self.said(Scene::Image, &Said::usual(false), streamed),
            "schema" => self.schema(streamed),
            "reasoning" => self.reasoning(streamed),
            "usage" => self.usage(streamed),
            "stop" => self.stops(streamed),
            "errors" if streamed => self.breaks(),
            _ => self.refusals(),
        };
        match (judged, self.site.lacks(column)) {
            (Ok(()), _) => Cell::Good,
            (Err(_), Some(why)) => match self.is_told(column, streamed) {
                Ok(()) => Cell::Absent(why),
                Err(why) => Cell::Hole(why),
            },
            (Err(why), None) => Cell::Hole(why),
        }
    }

    /// What cannot be offered is refused, or reported as dropped.
    fn is_told(&self, column: &str, streamed: bool) -> Judged {
        let Some(scene) = Scene::ALL.into_iter().find(|scene| scene.name() == column) else { return Ok(()) };
        let call = call(self.client, &self.client.request(scene), streamed).map_err(words)?;
        let names: &[&str] = match scene {
            Scene::Text => &["stop", "temperature", "max_tokens"],
            Scene::Tools => &["tools"],
            Scene::Results | Scene::Image => &["messages"],
            Scene::Schema => &["response_format"],
            Scene::Thoughts => &["reasoning_effort", "thinking", "tools"],
        };
        match prepare(&call, &self.site.deployment) {
            Err(error) if error.kind().status() == 400 => Ok(()),
            Err(error) => Err(format!("refused with {}: {}", error.kind().status(), error.message())),
            Ok((encoded, body)) => {
                let dropped = &encoded.notes.dropped;
                let told = dropped.iter().any(|own| names.iter().any(|name| own.starts_with(name)));
                if told { Ok(()) } else { Err(format!("dropped in silence: {body}; told is {dropped:?}")) }
            }
        }
    }

    /// The request reaches the upstream whole; the way back is open.
    fn ask(&self, scene: Scene, body: &Value, streamed: bool) -> Judged<Exchanged> {
        let call = call(self.client, body, streamed).map_err(words)?;
        let (encoded, sent) = prepare(&call, &self.site.deployment).map_err(words)?;
        let judge = if self.site.is_worded() { "" } else { encoded.format.0 };
        let mut missing = facts::missing(scene, judge, &sent)?;
        let told = |names: &[&str]| encoded.notes.dropped.iter().any(|own| names.contains(&own.as_str()));
        // What the API cannot be told is reported; the Responses API's clients have no word for where to stop.
        missing.retain(|fact| match fact.split_once(": ").map_or(fact.as_str(), |(kind, _)| kind) {
            "stop" => !told(&["stop"]) && self.client.surface != "responses",
            "temperature" | "0.5" => !told(&["temperature"]),
            "limit" | "100" => !told(&["max_tokens", "max_completion_tokens"]),
            "system" | "Be terse." => !told(&["messages"]),
            _ => true,
        });
        if !missing.is_empty() {
            return Err(format!("{missing:?} is not in {sent}"));
        }
        let format = encoded.format.0;
        let upstream = self.site.upstream(format).ok_or_else(|| format!("no answer in {format} is known"))?;
        Ok(Exchanged { call, encoded, upstream })
    }

    /// What the client reads when the upstream says that; streams keep their grammar.
    fn hear(&self, exchanged: &Exchanged, said: &Said, places: Places) -> Judged<(Vec<String>, Value)> {
        let Exchanged { call, encoded, upstream } = exchanged;
        let (bytes, whole) = if call.stream {
            let script = Script { usage: places, ..Script::default() };
            let sent = self.site.framed(encoded.format.0, &upstream.frames(said, &script));
            let (bytes, failed) = stream(call, self.site, encoded, &[&sent]);
            let shown = String::from_utf8_lossy(&bytes);
            if let Some(error) = failed {
                return Err(format!("{} in {shown}", error.message()));
            }
            let ending = self
                .ending(encoded.relay && places != super::LAST, &bytes)
                .map_err(|why| format!("{why} in {shown}"))?;
            (bytes, ending.answer)
        } else {
            let bytes = answer(call, self.site, encoded, &upstream.whole(said)).map_err(words)?;
            let whole = serde_json::from_slice(&bytes).map_err(|why| why.to_string())?;
            (bytes, whole)
        };
        let read = read(self.client, self.sites, call, &bytes)
            .map_err(|error| format!("{} in {}", error.message(), String::from_utf8_lossy(&bytes)))?;
        Ok((read, whole))
    }

    /// The state machine of the client's protocol. Some relayed upstreams tell their usage more than once.
    fn ending(&self, lenient: bool, bytes: &[u8]) -> Judged<Ending> {
        match grammar::read(self.client.surface, bytes) {
            Err(why) if lenient => Ok(Ending { finished: true, text: why, ..Ending::default() }),
            ending => ending,
        }
    }

    fn said(&self, scene: Scene, said: &Said, streamed: bool) -> Judged {
        let exchanged = self.ask(scene, &self.client.request(scene), streamed)?;
        let upstream = exchanged.upstream;
        let mut said = said.clone();
        if upstream.name == "gigachat" {
            // It calls one function at a time.
            said.calls.truncate(1);
        }
        let (read, _) =
            self.hear(&exchanged, &said, upstream.words.places.first().copied().unwrap_or_default())?;
        let mut wanted = Vec::new();
        for call in &said.calls {
            wanted.push(format!("calls: {} {}", call.name, call.arguments));
            if upstream.words.ids && self.client.words.ids {
                wanted.push(format!("id: {}", call.id));
            }
        }
        let ids: Vec<&String> =
            read.iter().filter(|fact| fact.starts_with("id: ") && fact.len() > 4).collect();
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        if self.client.words.ids && (distinct.len() != said.calls.len() || ids.len() != said.calls.len()) {
            return Err(format!("the calls' ids are {ids:?}"));
        }
        if !said.text.is_empty() {
            wanted.push(format!("text: {}", said.text));
        }
        lost(&wanted, &read)
    }

    /// An answer by schema is JSON, and no call of a tool.
    fn schema(&self, streamed: bool) -> Judged {
        const JSON: &str = r#"{"population":5}"#;
        let exchanged = self.ask(Scene::Schema, &self.client.request(Scene::Schema), streamed)?;
        let mut said = Said { text: JSON.to_owned(), ..Said::usual(false) };
        if let Some(tool) = &exchanged.encoded.memo.json_tool {
            let called =
                super::Called { id: "call_1".to_owned(), name: tool.clone(), arguments: JSON.to_owned() };
            said = Said { text: String::new(), calls: vec![called], stop: Stop::Calls, ..said };
        }
        let (read, _) = self.hear(&exchanged, &said, super::LAST)?;
        let text = read.iter().find_map(|fact| fact.strip_prefix("text: ")).unwrap_or_default();
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        if parse(text) != parse(JSON) || read.iter().any(|fact| fact.starts_with("calls")) {
            return Err(format!("the client reads {read:?}"));
        }
        lost(&["finish: stop".to_owned()], &read)
    }

    /// Thoughts reach the client; what signs them comes back with the next request as it was.
    fn reasoning(&self, streamed: bool) -> Judged {
        let mut body = self.client.request(Scene::Thoughts);
        let exchanged = self.ask(Scene::Thoughts, &body, streamed)?;
        let words = exchanged.upstream.words;
        let mut said = Said { signature: words.signs.map(str::to_owned), ..Said::usual(true) };
        if exchanged.upstream.name == "gigachat" {
            said.calls.truncate(1);
        }
        let (read, whole) = self.hear(&exchanged, &said, super::LAST)?;
        if words.thinks {
            lost(&["reasoning: Let me think.".to_owned()], &read)?;
        }
        // Cohere's format has no place for signatures but the id of a call, in which Gemini's travel.
        let carried = self.client.words.signs.is_some() || words.signs == Some("CqAB+/x=");
        let Some(signature) = words.signs.filter(|_| carried) else { return Ok(()) };
        self.client.continue_with(&mut body, &whole);
        let call = call(self.client, &body, streamed).map_err(self::words)?;
        let (encoded, sent) = prepare(&call, &self.site.deployment).map_err(self::words)?;
        let count = sent.matches(signature).count();
        if count == 1 && !encoded.notes.dropped.iter().any(|name| name.contains("thinking_blocks")) {
            return Ok(());
        }
        Err(format!("{count} times {signature} in {sent}; dropped {:?}", encoded.notes.dropped))
    }

    fn usage(&self, streamed: bool) -> Judged {
        let exchanged = self.ask(Scene::Text, &self.client.request(Scene::Text), streamed)?;
        let (theirs, ours) = (exchanged.upstream.words, self.client.words);
        let said = Said::usual(false);
        let places = if streamed { theirs.places } else { &[super::LAST] };
        for place in places {
            let (read, _) = self.hear(&exchanged, &said, *place)?;
            let Counts { input, output, cached, written, reasoning } = said.usage;
            let counted = theirs.counts && (!streamed || place.first || place.every || place.last);
            if !counted {
                continue;
            }
            let mut wanted = vec![format!("usage: {input} {output}")];
            wanted.extend((theirs.cached && ours.cached).then(|| format!("cached: {cached}")));
            wanted.extend((theirs.written && ours.written).then(|| format!("written: {written}")));
            wanted.extend((theirs.reasoning && ours.reasoning).then(|| format!("thought: {reasoning}")));
            lost(&wanted, &read).map_err(|why| format!("{place:?}: {why}"))?;
            if read.iter().filter(|fact| fact.starts_with("usage")).count() != 1 {
                return Err(format!("{place:?}: not one usage in {read:?}"));
            }
        }
        Ok(())
    }

    fn stops(&self, streamed: bool) -> Judged {
        let exchanged = self.ask(Scene::Text, &self.client.request(Scene::Text), streamed)?;
        let words = exchanged.upstream.words;
        for (stop, word, told) in [
            (Stop::End, "stop", true),
            (Stop::Limit, "length", words.limit),
            (Stop::Calls, "tool_calls", words.calls),
            (Stop::Filter, "content_filter", words.filter),
        ] {
            if told {
                let mut said = Said { stop, ..Said::usual(stop == Stop::Calls) };
                said.calls.truncate(1);
                let (read, _) = self.hear(&exchanged, &said, super::LAST)?;
                lost(&[format!("finish: {word}")], &read).map_err(|why| format!("{stop:?}: {why}"))?;
            }
        }
        Ok(())
    }

    /// A refusal reaches the client with its status and words.
    fn refusals(&self) -> Judged {
        let call = call(self.client, &self.client.request(Scene::Text), false).map_err(words)?;
        let media = Media::default();
        let attempt = Attempt { call: &call, target: &self.site.deployment.target, media: &media };
        let body = Bytes::from_static(
            b"{\"error\":{\"message\":\"It broke.\",\"code\":\"x\"},\"message\":\"It broke.\"}",
        );
        for (status, told) in [(400, 400), (401, 401), (404, 404), (429, 429), (500, 500), (503, 503)] {
            let error = attempt.dialect().reject(&attempt, &head(status, "application/json"), &body);
            let (parts, payload): (_, Payload) = call.surface.error(&error).into_parts();
            let text = String::from_utf8_lossy(&payload.into_bytes()).into_owned();
            if parts.status != told || !text.contains("It broke.") {
                return Err(format!("{status} is told as {} {text}", parts.status));
            }
        }
        Ok(())
    }

    /// A stream that breaks ends with an error in the client's protocol, never as if all was said.
    fn breaks(&self) -> Judged {
        let exchanged = self.ask(Scene::Text, &self.client.request(Scene::Text), true)?;
        let Exchanged { call, encoded, upstream } = &exchanged;
        let frames = upstream.frames(&Said::usual(false), &Script::default());
        let half = &frames[..frames.len().div_ceil(2).min(frames.len() - 1)];
        let mut broken = half.to_vec();
        broken.push(upstream.failure());
        for (what, events) in [("a failure in the stream", broken), ("a cut", half.to_vec())] {
            if !upstream.words.ends && what == "a cut" || half.is_empty() {
                continue;
            }
            let sent = self.site.framed(encoded.format.0, &events);
            let (bytes, failed) = stream(call, self.site, encoded, &[&sent]);
            let shown = String::from_utf8_lossy(&bytes);
            let ending = grammar::read(self.client.surface, &bytes);
            let told = match (&ending, failed) {
                (Ok(ending), Some(_)) => !ending.finished && ending.error.is_some(),
                (Err(_), Some(_)) => encoded.relay && read(self.client, self.sites, call, &bytes).is_err(),
                (_, None) => false,
            };
            if !told || what.starts_with("a failure") && !shown.contains("It broke.") {
                return Err(format!("{what} is told as {ending:?} in {shown}"));
            }
        }
        Ok(())
    }
}

fn words(error: Error) -> String {
    error.message().to_owned()
}

fn lost(wanted: &[String], read: &[String]) -> Judged {
    let lost: Vec<_> = wanted.iter().filter(|fact| !read.contains(fact)).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?} lost; the client reads {read:?}")) }
}
