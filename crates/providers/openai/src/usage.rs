//! OpenAI's `usage` object, read and written.

use lockgate_core::{Extra, Money, Quirks, Raw, Usage, wire::view};

use crate::{
    lax::{Count, Lax, is_blank, raw, to_raw},
    path::replaced,
};

view! {
    #[derive(Clone, Debug, Default)]
    struct WireUsage {
        prompt_tokens: Lax<Count>,
        completion_tokens: Lax<Count>,
        input_tokens: Lax<Count>,
        output_tokens: Lax<Count>,
        total_tokens: Lax<Count>,
        prompt_tokens_details: Lax<PromptDetails>,
        input_tokens_details: Lax<PromptDetails>,
        completion_tokens_details: Lax<CompletionDetails>,
        output_tokens_details: Lax<CompletionDetails>,
        // Where some providers put what OpenAI has in the details.
        cached_tokens: Lax<Count>,
        prompt_cache_hit_tokens: Lax<Count>,
        cache_read_input_tokens: Lax<Count>,
        cache_creation_input_tokens: Lax<Count>,
        reasoning_tokens: Lax<Count>,
        num_search_queries: Lax<Count>,
        server_tool_use: Lax<ServerTools>,
        service_tier: Lax<String>,
        cost: Lax<f64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct PromptDetails {
        cached_tokens: Lax<Count>,
        cache_creation_tokens: Lax<Count>,
        cache_write_tokens: Lax<Count>,
        audio_tokens: Lax<Count>,
        image_tokens: Lax<Count>,
        video_tokens: Lax<Count>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct CompletionDetails {
        reasoning_tokens: Lax<Count>,
        audio_tokens: Lax<Count>,
        image_tokens: Lax<Count>,
        accepted_prediction_tokens: Lax<Count>,
        rejected_prediction_tokens: Lax<Count>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ServerTools {
        web_search_requests: Lax<Count>,
    }
}

/// Reads a usage object; `null` and what is no object give nothing.
pub(crate) fn read(text: &str, quirks: &Quirks) -> Option<Usage> {
    let wire: WireUsage = serde_json::from_str(text).ok()?;
    let prompt = wire.prompt_tokens_details.0.or(wire.input_tokens_details.0).unwrap_or_default();
    let completion = wire.completion_tokens_details.0.or(wire.output_tokens_details.0).unwrap_or_default();
    let input = wire.prompt_tokens.get().or(wire.input_tokens.get());
    let mut output = wire.completion_tokens.get().or(wire.output_tokens.get());
    let total = wire.total_tokens.get();
    if input.is_none() && output.is_none() && total.is_none() {
        return None;
    }
    let reasoning = completion.reasoning_tokens.get().or(wire.reasoning_tokens.get());
    if quirks.usage_adds_reasoning {
        output = Some(with_reasoning(input, output, total, reasoning));
    }
    // Embeddings consume nothing but the prompt.
    let input = if output.is_none() { input.or(total) } else { input };
    let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
    Some(Usage {
        input,
        output,
        total: total.filter(|total| *total != input.saturating_add(output)),
        cache_read: prompt
            .cached_tokens
            .get()
            .or(wire.prompt_cache_hit_tokens.get())
            .or(wire.cached_tokens.get())
            .or(wire.cache_read_input_tokens.get()),
        cache_write: prompt
            .cache_creation_tokens
            .get()
            .or(prompt.cache_write_tokens.get())
            .or(wire.cache_creation_input_tokens.get()),
        reasoning,
        audio_input: prompt.audio_tokens.get(),
        audio_output: completion.audio_tokens.get(),
        image_input: prompt.image_tokens.get(),
        image_output: completion.image_tokens.get(),
        video_input: prompt.video_tokens.get(),
        accepted_prediction: completion.accepted_prediction_tokens.get(),
        rejected_prediction: completion.rejected_prediction_tokens.get(),
        web_searches: wire
            .server_tool_use
            .0
            .and_then(|tools| tools.web_search_requests.get())
            .or(wire.num_search_queries.get()),
        service_tier: wire.service_tier.0,
        provider_cost: wire.cost.0.map(Money::from_dollars),
        raw: Some(raw(text)),
        ..Usage::default()
    })
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
pub(crate) fn write(usage: &Usage) -> Raw {
    if let Some(raw) = &usage.raw
        && let Ok(wire) = serde_json::from_str::<WireUsage>(raw.get())
        && wire.prompt_tokens.get() == Some(usage.input)
        && let Some(output) = wire.completion_tokens.get()
    {
        return if output == usage.output { raw.clone() } else { with_output(raw, usage.output) };
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
    raw(all.finish())
}

/// The provider's own object with another count of completion tokens (`usage_adds_reasoning`).
fn with_output(own: &Raw, output: u64) -> Raw {
    let object: Extra = serde_json::from_str(own.get()).unwrap_or_default();
    to_raw(&replaced(object, "completion_tokens", raw(output.to_string())))
}

/// Writes what embeddings consumed: nothing but the prompt.
pub(crate) fn write_embedding(usage: &Usage) -> Raw {
    let mut details = Members::default();
    details.count("character_count", usage.input_characters);
    details.count("image_count", usage.input_images);
    details.count("image_tokens", usage.image_input);
    let mut all = Members::default();
    all.count("prompt_tokens", Some(usage.input));
    all.count("total_tokens", Some(usage.total()));
    all.raw("prompt_tokens_details", &details.finish());
    raw(all.finish())
}

/// An object of numbers in the making.
#[derive(Default)]
struct Members(String);

impl Members {
    fn count(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.raw(key, &value.to_string());
        }
    }

    fn raw(&mut self, key: &str, json: &str) {
        if is_blank(&raw(json)) {
            return;
        }
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
        self.0.push_str(json);
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
        let usage = read(text, &Quirks::default()).unwrap();
        assert_eq!((usage.input, usage.output, usage.total), (2006, 300, None));
        assert_eq!((usage.cache_read, usage.reasoning, usage.audio_input), (Some(1920), Some(64), Some(0)));
        assert_eq!(write(&usage).get(), text);
    }

    #[test]
    fn odd_providers() {
        let quirks = Quirks { usage_adds_reasoning: true, ..Quirks::default() };
        let usage = read(
            r#"{"prompt_tokens":32.0,"completion_tokens":9,"total_tokens":135,
                "completion_tokens_details":{"reasoning_tokens":94}}"#,
            &quirks,
        );
        let usage = usage.unwrap();
        assert_eq!(usage.output, 103);
        assert!(write(&usage).get().contains(r#""completion_tokens":103,"total_tokens":135"#));
        let usage = read(r#"{"prompt_tokens":5,"prompt_cache_hit_tokens":3,"cost":0.5}"#, &quirks).unwrap();
        assert_eq!(usage.cache_read, Some(3));
        assert_eq!(usage.provider_cost, Some(Money::from_dollars(0.5)));
        assert!(
            read("null", &quirks).is_none() && read("{}", &quirks).is_none() && read("3", &quirks).is_none()
        );
    }

    #[test]
    fn a_total_alone_is_the_prompt() {
        let usage = read(r#"{"total_tokens":10}"#, &Quirks::default()).unwrap();
        assert_eq!((usage.input, usage.output, usage.total), (10, 0, None));
        assert_eq!(write(&usage).get(), r#"{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10}"#);
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
            write(&usage).get(),
            r#"{"prompt_tokens":189307,"completion_tokens":393,"total_tokens":189700,"prompt_tokens_details":{"cached_tokens":1200,"cache_creation_tokens":188086,"cache_creation_token_details":{"ephemeral_5m_input_tokens":456}},"cache_creation_input_tokens":188086,"cache_read_input_tokens":1200,"server_tool_use":{"web_search_requests":1}}"#
        );
    }
}
