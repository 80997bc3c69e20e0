//! What names say about models that are too new to be listed.

use lockgate_core::ModelFacts;

/// The provider of a bare name.
pub(crate) fn provider(model: &str) -> Option<&'static str> {
    let name = model.to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if name.contains('/') {
        return None;
    }
    let dotted = name.split('.').next().unwrap_or_default();
    let geographic = ["us", "eu", "apac", "global", "jp", "au", "us-gov"].contains(&dotted);
    if name.contains("anthropic.claude-") || (geographic && name.contains('.')) || starts(&BEDROCK) {
        return Some("bedrock");
    }
    match () {
        () if starts(&OPENAI) || is_o_series(&name) => Some("openai"),
        () if starts(&["claude-"]) => Some("anthropic"),
        () if starts(&["gemini-", "imagen-", "veo-", "text-bison", "chat-bison", "codey-"]) => {
            Some("vertex_ai")
        }
        () if starts(&["command-", "c4ai-"]) => Some("cohere_chat"),
        () if starts(&[
            "embed-english",
            "embed-multilingual",
            "embed-v",
            "rerank-english",
            "rerank-multilingual",
            "rerank-v",
        ]) =>
        {
            Some("cohere")
        }
        () if starts(&["jamba-", "j2-"]) => Some("ai21"),
        () => None,
    }
}

/// What all models of a family have in common. Prices are never guessed.
pub(crate) fn facts(model: &str) -> ModelFacts {
    let name = model.to_ascii_lowercase();
    let mut facts = ModelFacts::default();
    let mut add = |flags: &[&str]| facts.supports.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let last = name.rsplit('/').next().unwrap_or(&name);
    if let Some(version) = claude_version(&name) {
        add(&CLAUDE);
        if version >= (4, 5) {
            add(&["tool_search"]);
        }
        if version >= (4, 6) {
            add(&["adaptive_thinking"]);
        }
        if version == (4, 6) {
            add(&["legacy_thinking"]);
        }
        if version >= (4, 8) {
            add(&["mid_conversation_system"]);
        }
        if name.contains("claude-fable-") || name.contains("claude-mythos-") {
            add(&["thinking_always_on"]);
        }
        facts.mode = Some("chat".into());
        facts.max_input = Some(200_000);
        facts.max_output = Some(64_000);
    } else if is_o_series(last.trim_start_matches("ft:"))
        || is_reasoning_gpt(last)
        || name.starts_with("wandb/")
    {
        add(&["reasoning"]);
    } else if is_gemini_chat(last) {
        add(&GEMINI);
        facts.mode = Some("chat".into());
    }
    facts
}

const OPENAI: [&str; 12] = [
    "gpt-",
    "chatgpt-",
    "ft:gpt-",
    "text-embedding-3",
    "text-embedding-ada",
    "dall-e-",
    "whisper-",
    "tts-1",
    "omni-moderation-",
    "codex-",
    "computer-use-preview",
    "sora-",
];

const BEDROCK: [&str; 10] = [
    "amazon.",
    "anthropic.",
    "meta.",
    "mistral.",
    "cohere.",
    "ai21.",
    "stability.",
    "deepseek.",
    "qwen.",
    "writer.",
];

const CLAUDE: [&str; 10] = [
    "function_calling",
    "parallel_function_calling",
    "vision",
    "tool_choice",
    "assistant_prefill",
    "prompt_caching",
    "response_schema",
    "reasoning",
    "pdf_input",
    "system_messages",
];

const GEMINI: [&str; 9] = [
    "reasoning",
    "function_calling",
    "tool_choice",
    "system_messages",
    "vision",
    "response_schema",
    "pdf_input",
    "prompt_caching",
    "web_search",
];

/// `o1`, `o3-mini`, `o4-mini-deep-research`.
fn is_o_series(name: &str) -> bool {
    let digits =
        name.strip_prefix('o').map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count()).unwrap_or(0);
    let after = name.as_bytes().get(1 + digits);
    digits > 0 && name.as_bytes().get(1) != Some(&b'0') && after.is_none_or(|byte| *byte == b'-')
}

/// `gpt-5` and later, except the search models.
fn is_reasoning_gpt(name: &str) -> bool {
    let major = name.trim_start_matches("ft:").strip_prefix("gpt-").and_then(|rest| rest.chars().next());
    (major.is_some_and(|major| ('5'..='9').contains(&major))
        || name.contains("codex")
        || name.contains("deep-research"))
        && !name.contains("search-api")
}

/// `gemini-2.5-pro` and later, `pro` or `flash`, that chat.
fn is_gemini_chat(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("gemini-") else { return false };
    let version: f32 = rest.split('-').next().and_then(|version| version.parse().ok()).unwrap_or(0.0);
    let special =
        ["-tts", "-image", "-live", "-audio", "-embedding", "-computer-use", "-robotics", "-transcribe"];
    version >= 2.5
        && (rest.contains("-pro") || rest.contains("-flash"))
        && !special.iter().any(|part| rest.contains(part))
}

/// Major and minor of `claude-<family>-4-5`, wherever it stands in the name.
fn claude_version(name: &str) -> Option<(u32, u32)> {
    let rest = name.get(name.find("claude-")? + 7..)?;
    let mut parts = rest.split(['-', '.', '_', '@', ':']);
    parts
        .next()
        .filter(|family| !family.is_empty() && family.bytes().all(|byte| byte.is_ascii_alphabetic()))?;
    let major = parts.next()?.parse().ok().filter(|major| *major < 10)?;
    let minor =
        parts.next().filter(|minor| minor.len() <= 2).and_then(|minor| minor.parse().ok()).unwrap_or(0);
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_models_have_a_provider() {
        for (model, expected) in [
            ("gpt-7-turbo", Some("openai")),
            ("o9-mini", Some("openai")),
            ("claude-opus-9", Some("anthropic")),
            ("eu.anthropic.claude-opus-9-v1:0", Some("bedrock")),
            ("gemini-9-pro", Some("vertex_ai")),
            ("olive", None),
            ("some/gpt-7", None),
        ] {
            assert_eq!(provider(model), expected, "{model}");
        }
    }

    #[test]
    fn new_models_have_their_family_s_abilities() {
        let facts_of = |model: &str| facts(model);
        assert!(facts_of("claude-opus-7").supports("adaptive_thinking"));
        assert!(!facts_of("claude-opus-4-20250514").supports("adaptive_thinking"));
        assert!(facts_of("gpt-8").supports("reasoning") && !facts_of("gpt-4z").supports("reasoning"));
        assert!(facts_of("gemini/gemini-4-flash").supports("vision"));
        assert!(!facts_of("gemini/gemini-4-flash").known);
    }
}
