//! OpenAI's `usage` object, read and written.

use std::fmt::Write as _;

use lockgate_core::{
    Extra, Measures, Money, Quirks, Usage,
    json::{raw, to_raw},
    wire::members,
};
use memchr::memmem;
use serde_json::value::RawValue;

use crate::path::replaced;

/// Reads a usage object and keeps it; `null` and what is no object give nothing.
pub(crate) fn read(wire: &RawValue, quirks: &Quirks) -> Option<Usage> {
    let mut counts = Counts::of(wire.get());
    if quirks.usage_adds_reasoning {
        counts.add_reasoning();
    }
    Some(Usage { raw: Some(wire.to_owned()), ..counts.usage()? })
}

/// Reads the counts of an answer that is relayed, where the object itself goes its own way. `text` is well-formed JSON.
pub(crate) fn count(text: &str) -> Option<Usage> {
    Counts::of(text).usage()
}

/// What a usage object says, in the first of its places for each figure. A value of another type is none: nothing that
/// an upstream puts here may fail an answer.
#[derive(Default)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    prompt: Prompt,
    completion: Completion,
    /// Where some providers put what OpenAI has in the details: by preference.
    cached: [Option<u64>; 3],
    cache_creation: Option<u64>,
    reasoning: Option<u64>,
    searches: [Option<u64>; 2],
    citations: Option<u64>,
    service_tier: Option<String>,
    cost: Option<f64>,
    /// The same in units of a ten-thousandth of a millionth of a dollar.
    ticks: Option<u64>,
}

/// Picodollars of a tick.
const TICK: i128 = 100;

#[derive(Default)]
struct Prompt {
    cached: Option<u64>,
    cache_creation: Option<u64>,
    cache_write: Option<u64>,
    audio: Option<u64>,
    image: Option<u64>,
    video: Option<u64>,
}

#[derive(Default)]
struct Completion {
    reasoning: Option<u64>,
    audio: Option<u64>,
    image: Option<u64>,
    accepted: Option<u64>,
    rejected: Option<u64>,
}

impl Counts {
    fn of(text: &str) -> Self {
        let mut counts = Self::default();
        // The newer API's names give way to the older one's.
        let (mut input, mut output, mut prompt, mut completion) = (None, None, None, None);
        for (key, value) in members(text) {
            match &*key {
                "prompt_tokens" => counts.input = number(value),
                "completion_tokens" => counts.output = number(value),
                "input_tokens" => input = number(value),
                "output_tokens" => output = number(value),
                "total_tokens" => counts.total = number(value),
                "prompt_tokens_details" => prompt = object(value).or(prompt),
                "input_tokens_details" => prompt = prompt.or(object(value)),
                "completion_tokens_details" => completion = object(value).or(completion),
                "output_tokens_details" => completion = completion.or(object(value)),
                "prompt_cache_hit_tokens" => counts.cached[0] = number(value),
                "cached_tokens" => counts.cached[1] = number(value),
                "cache_read_input_tokens" => counts.cached[2] = number(value),
                "cache_creation_input_tokens" => counts.cache_creation = number(value),
                "reasoning_tokens" => counts.reasoning = number(value),
                "server_tool_use" => counts.searches[0] = member(value, "web_search_requests"),
                "num_search_queries" => counts.searches[1] = number(value),
                "citation_tokens" => counts.citations = number(value),
                "service_tier" => counts.service_tier = serde_json::from_str(value).ok(),
                "cost" => counts.cost = cost(value),
                "cost_in_usd_ticks" => counts.ticks = number(value),
                _ => {}
            }
        }
        counts.input = counts.input.or(input);
        counts.output = counts.output.or(output);
        counts.prompt = prompt.map(Prompt::of).unwrap_or_default();
        counts.completion = completion.map(Completion::of).unwrap_or_default();
        counts.reasoning = counts.completion.reasoning.or(counts.reasoning);
        counts
    }

    fn add_reasoning(&mut self) {
        if self.input.or(self.output).or(self.total).is_some() {
            self.output = Some(with_reasoning(self.input, self.output, self.total, self.reasoning));
        }
    }

    fn usage(self) -> Option<Usage> {
        let Self { input, output, total, prompt, completion, .. } = self;
        input.or(output).or(total)?;
        // Embeddings consume nothing but the prompt.
        let input = if output.is_none() { input.or(total) } else { input };
        let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
        Some(Usage {
            input,
            output,
            total: total.filter(|total| *total != input.saturating_add(output)),
            cache_read: prompt.cached.or_else(|| self.cached.into_iter().flatten().next()),
            cache_write: prompt.cache_creation.or(prompt.cache_write).or(self.cache_creation),
            reasoning: self.reasoning,
            audio_input: prompt.audio,
            audio_output: completion.audio,
            image_input: prompt.image,
            image_output: completion.image,
            video_input: prompt.video,
            accepted_prediction: completion.accepted,
            rejected_prediction: completion.rejected,
            web_searches: self.searches.into_iter().flatten().next(),
            measures: self
                .citations
                .map(|citation_tokens| Box::new(Measures { citation_tokens, ..Measures::default() })),
            service_tier: self.service_tier,
            provider_cost: match self.ticks {
                Some(ticks) => Some(Money::from_pico(TICK * i128::from(ticks))),
                None => self.cost.map(Money::from_dollars),
            },
            ..Usage::default()
        })
    }
}

impl Prompt {
    fn of(text: &str) -> Self {
        let mut details = Self::default();
        for (key, value) in members(text) {
            let place = match &*key {
                "cached_tokens" => &mut details.cached,
                "cache_creation_tokens" => &mut details.cache_creation,
                "cache_write_tokens" => &mut details.cache_write,
                "audio_tokens" => &mut details.audio,
                "image_tokens" => &mut details.image,
                "video_tokens" => &mut details.video,
                _ => continue,
            };
            *place = number(value);
        }
        details
    }
}

impl Completion {
    fn of(text: &str) -> Self {
        let mut details = Self::default();
        for (key, value) in members(text) {
            let place = match &*key {
                "reasoning_tokens" => &mut details.reasoning,
                "audio_tokens" => &mut details.audio,
                "image_tokens" => &mut details.image,
                "accepted_prediction_tokens" => &mut details.accepted,
                "rejected_prediction_tokens" => &mut details.rejected,
                _ => continue,
            };
            *place = number(value);
        }
        details
    }
}

/// A count of tokens, also written as a float; a negative or broken one is none.
fn number(json: &str) -> Option<u64> {
    json.parse().ok().or_else(|| {
        let float: f64 = json.parse().ok()?;
        (float >= 0.0 && float.is_finite()).then_some(float as u64)
    })
}

/// Dollars: a number, or the total of an account of them.
fn cost(json: &str) -> Option<f64> {
    let total = object(json).and_then(|json| members(json).find(|(key, _)| key == "total_cost"));
    total.map_or(json, |(_, value)| value).parse().ok().filter(|dollars: &f64| *dollars >= 0.0)
}

fn object(json: &str) -> Option<&str> {
    json.starts_with('{').then_some(json)
}

fn member(json: &str, name: &str) -> Option<u64> {
    members(json).find(|(key, _)| key == name).and_then(|(_, value)| number(value))
}

/// Completion tokens of a provider that reports reasoning beside them; its total tells whether it really does.
fn with_reasoning(
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    reasoning: Option<u64>,
) -> u64 {
    let (input, output, reasoning) = (input.unwrap_or(0), output.unwrap_or(0), reasoning.unwrap_or(0));
    match total {
        Some(total) if total == input.saturating_add(output) => output,
        _ => output.saturating_add(reasoning),
    }
}

/// Writes a usage object for a client: the provider's own if it is of this shape, so that nothing of it is lost.
pub(crate) fn write(usage: &Usage) -> String {
    if let Some(raw) = &usage.raw
        && member(raw.get(), "prompt_tokens") == Some(usage.input)
        && let Some(output) = member(raw.get(), "completion_tokens")
    {
        let own = if output == usage.output { raw.get().to_owned() } else { with_output(raw, usage.output) };
        return detailed(&own).unwrap_or(own);
    }
    let mut prompt = Members::default();
    prompt.count("cached_tokens", usage.cache_read);
    prompt.count("cache_creation_tokens", usage.cache_write);
    if usage.cache_write_5m.is_some() || usage.cache_write_1h.is_some() {
        let mut split = Members::default();
        split.count("ephemeral_5m_input_tokens", usage.cache_write_5m);
        split.count("ephemeral_1h_input_tokens", usage.cache_write_1h);
        prompt.raw("cache_creation_token_details", &split.finish());
    }
    prompt.count("audio_tokens", usage.audio_input);
    prompt.count("image_tokens", usage.image_input);
    prompt.count("video_tokens", usage.video_input);
    // Google counts searches with the prompt, Anthropic as a use of a hosted tool.
    let hosted = usage.raw.as_ref().is_none_or(|raw| raw.get().contains("server_tool_use"));
    prompt.count("web_search_requests", usage.web_searches.filter(|_| !hosted));
    let mut completion = Members::default();
    completion.count("reasoning_tokens", usage.reasoning);
    completion.count("audio_tokens", usage.audio_output);
    completion.count("image_tokens", usage.image_output);
    completion.count("accepted_prediction_tokens", usage.accepted_prediction);
    completion.count("rejected_prediction_tokens", usage.rejected_prediction);

    let mut all = Members::default();
    all.count("prompt_tokens", Some(usage.input));
    all.count("completion_tokens", Some(usage.output));
    all.count("total_tokens", Some(usage.total()));
    all.raw("prompt_tokens_details", &prompt.finish());
    all.raw("completion_tokens_details", &completion.finish());
    // LiteLLM's names for the cache, for clients that read those; OpenAI's own usage has them in the details only.
    let details = usage.raw.as_ref().is_some_and(|raw| raw.get().contains("\"input_tokens_details\""));
    if usage.cache_write.is_some() || (usage.cache_read.is_some_and(|read| read > 0) && !details) {
        all.count("cache_creation_input_tokens", usage.cache_write);
        all.count("cache_read_input_tokens", usage.cache_read);
    }
    if let Some(searches) = usage.web_searches.filter(|_| hosted) {
        all.raw("server_tool_use", &format!("{{\"web_search_requests\":{searches}}}"));
    }
    all.finish()
}

/// The object with its reasoning tokens also where OpenAI has them, if the provider counts them at the top alone.
/// `text` is well-formed JSON.
pub(crate) fn detailed(text: &str) -> Option<String> {
    // Most answers have the details: a look at the bytes tells, without a walk.
    let says = |name: &str| memmem::find(text.as_bytes(), name.as_bytes()).is_some();
    if says("\"completion_tokens_details\"") || says("\"output_tokens_details\"") {
        return None;
    }
    let reasoning =
        member(text, "reasoning_tokens").filter(|_| member(text, "completion_tokens").is_some())?;
    let object = text.trim_end().strip_suffix('}')?;
    Some(format!("{object},\"completion_tokens_details\":{{\"reasoning_tokens\":{reasoning}}}}}"))
}

/// The provider's own object with another count of completion tokens (`usage_adds_reasoning`).
fn with_output(own: &RawValue, output: u64) -> String {
    let object: Extra = serde_json::from_str(own.get()).unwrap_or_default();
    to_raw(&replaced(object, "completion_tokens", raw(output.to_string()))).get().to_owned()
}

/// Writes what embeddings consumed: nothing but the prompt.
pub(crate) fn write_embedding(usage: &Usage) -> String {
    let mut details = Members::default();
    details.count("character_count", usage.input_characters);
    details.count("image_count", usage.input_images);
    details.count("image_tokens", usage.image_input);
    let mut all = Members::default();
    all.count("prompt_tokens", Some(usage.input));
    all.count("total_tokens", Some(usage.total()));
    all.raw("prompt_tokens_details", &details.finish());
    all.finish()
}

/// An object of numbers in the making; empty objects are left out.
#[derive(Default)]
struct Members(String);

impl Members {
    fn count(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(key);
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{value}");
        }
    }

    fn raw(&mut self, key: &str, json: &str) {
        if json != "{}" {
            self.key(key);
            self.0.push_str(json);
        }
    }

    /// Keys are our own and need no escapes.
    fn key(&mut self, key: &str) {
        self.0.push_str(if self.0.is_empty() { "{\"" } else { ",\"" });
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_detail_and_writes_the_provider_s_own_object_back() {
        let text = r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":
            {"cached_tokens":1920,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":64},"x":1}"#;
        let usage = read(&raw(text), &Quirks::default()).unwrap();
        assert_eq!(count(text).map(|usage| (usage.input, usage.raw.is_some())), Some((2006, false)));
        assert_eq!((usage.input, usage.output, usage.total), (2006, 300, None));
        assert_eq!((usage.cache_read, usage.reasoning, usage.audio_input), (Some(1920), Some(64), Some(0)));
        assert_eq!(write(&usage), text);
    }

    #[test]
    fn odd_providers() {
        let quirks = Quirks { usage_adds_reasoning: true, ..Quirks::default() };
        let usage = read(
            &raw(r#"{"prompt_tokens":32.0,"completion_tokens":9,"total_tokens":135,
                "completion_tokens_details":{"reasoning_tokens":94}}"#),
            &quirks,
        );
        let usage = usage.unwrap();
        assert_eq!(usage.output, 103);
        assert!(write(&usage).contains(r#""completion_tokens":103,"total_tokens":135"#));
        let usage =
            read(&raw(r#"{"prompt_tokens":5,"prompt_cache_hit_tokens":3,"cost":0.5}"#), &quirks).unwrap();
        assert_eq!(usage.cache_read, Some(3));
        assert_eq!(usage.provider_cost, Some(Money::from_dollars(0.5)));
        for cost in
            [r#""cost":{"input_tokens_cost":0.3,"total_cost":0.5}"#, r#""cost_in_usd_ticks":5000000000"#]
        {
            let usage = read(&raw(format!(r#"{{"prompt_tokens":5,{cost}}}"#)), &quirks).unwrap();
            assert_eq!(usage.provider_cost, Some(Money::from_dollars(0.5)), "{cost}");
        }
        for nothing in ["null", "{}", "3", "[1]", r#"{"prompt_tokens":"7","prompt_tokens_details":[]}"#] {
            assert!(read(&raw(nothing), &quirks).is_none() && count(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn reasoning_at_the_top_is_told_in_openai_s_place_too() {
        let text =
            r#"{"prompt_tokens":30,"completion_tokens":1000,"reasoning_tokens":2000,"citation_tokens":500}"#;
        let usage = read(&raw(text), &Quirks::default()).unwrap();
        assert_eq!(usage.reasoning, Some(2000));
        assert_eq!(usage.measures.as_ref().map(|measures| measures.citation_tokens), Some(500));
        let more = format!(
            "{},\"completion_tokens_details\":{{\"reasoning_tokens\":2000}}}}",
            text.strip_suffix('}').unwrap()
        );
        assert_eq!(write(&usage), more);
        assert_eq!((detailed(text), detailed(&more)), (Some(more.clone()), None));
        assert_eq!(detailed(r#"{"prompt_tokens":30,"completion_tokens":1000}"#), None);
    }

    #[test]
    fn a_total_alone_is_the_prompt() {
        let usage = read(&raw(r#"{"total_tokens":10}"#), &Quirks::default()).unwrap();
        assert_eq!((usage.input, usage.output, usage.total), (10, 0, None));
        assert_eq!(write(&usage), r#"{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10}"#);
    }

    #[test]
    fn writes_another_dialect_s_usage_in_openai_s_words() {
        let usage = Usage {
            input: 189_307,
            output: 393,
            cache_read: Some(1200),
            cache_write: Some(188_086),
            cache_write_5m: Some(456),
            web_searches: Some(1),
            ..Usage::default()
        };
        assert_eq!(
            write(&usage),
            r#"{"prompt_tokens":189307,"completion_tokens":393,"total_tokens":189700,"prompt_tokens_details":{"cached_tokens":1200,"cache_creation_tokens":188086,"cache_creation_token_details":{"ephemeral_5m_input_tokens":456}},"cache_creation_input_tokens":188086,"cache_read_input_tokens":1200,"server_tool_use":{"web_search_requests":1}}"#
        );
    }
}
