//! Under which names of the price map a model may stand.

/// A name to look up.
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// The entry must be labelled with the provider, because the name does not say it.
    pub(crate) check: bool,
}

/// Names in the order of trust.
pub(crate) fn candidates(provider: &str, model: &str) -> Vec<Candidate> {
    let provider = provider_of_label(provider);
    let mut found = Vec::new();
    let mut models = vec![model];
    models.extend(model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')));
    let mut shortened: Vec<String> = models.iter().flat_map(|model| shortened(provider, model)).collect();
    shortened.dedup();
    models.extend(shortened.iter().map(String::as_str));
    for model in models {
        for prefix in prefixes(provider) {
            found.push(Candidate { name: format!("{prefix}/{model}"), check: false });
        }
        // Another gateway sells other providers' models.
        found.push(Candidate { name: model.to_owned(), check: provider != "litellm_proxy" });
    }
    if let Some(class) = size_class(provider, model) {
        found.push(Candidate { name: class.to_owned(), check: true });
    }
    found
}

/// The provider that a label of the price map means.
pub(crate) fn provider_of_label(label: &str) -> &str {
    match label {
        "bedrock_converse" => "bedrock",
        "fireworks_ai-embedding-models" => "fireworks_ai",
        "vertex_ai_beta" => "vertex_ai",
        _ if label.starts_with("vertex_ai-") => "vertex_ai",
        _ => label,
    }
}

/// Whether an entry with this label describes models of the provider.
pub(crate) fn same_provider(label: &str, provider: &str) -> bool {
    home(provider_of_label(label)) == home(provider_of_label(provider))
}

/// One provider under several names, by the API or the way to it.
fn home(provider: &str) -> &str {
    match provider {
        "cohere_chat" => "cohere",
        "text-completion-openai" | "aiohttp_openai" | "chatgpt" => "openai",
        "text-completion-codestral" => "codestral",
        "text-completion-inception" => "inception",
        "azure_text" => "azure",
        "ai21_chat" => "ai21",
        "ollama_chat" => "ollama",
        "anthropic_text" => "anthropic",
        "watsonx_text" => "watsonx",
        "sagemaker_chat" | "sagemaker_nova" => "sagemaker",
        other => other,
    }
}

/// What may stand in front of the model's name.
fn prefixes(provider: &str) -> Vec<&str> {
    let home = home(provider);
    let mut prefixes = vec![provider];
    match provider {
        "amazon_nova" => prefixes.push("amazon-nova"),
        _ if home != provider => prefixes.push(home),
        _ => {}
    }
    prefixes
}

/// The name with less and less of what does not change the price.
fn shortened(provider: &str, model: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &str| {
        if name != model && !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    let mut base = model;
    for route in ROUTES {
        base = base.strip_prefix(route).unwrap_or(base);
    }
    add(base);
    match home(provider) {
        "bedrock" => bedrock(base, &mut add),
        "vertex_ai" | "gemini" => {
            let unversioned = base.rsplit_once('@').map_or(base, |(name, _)| name);
            add(unversioned);
            add(without_digits(unversioned, 3));
            add(unversioned.rsplit('/').next().unwrap_or(unversioned));
        }
        "openai" | "azure" => {
            // `ft:gpt-4o-2024-08-06:organisation::id` costs as `ft:gpt-4o-2024-08-06`.
            if let Some(tuned) = base.strip_prefix("ft:").and_then(|rest| rest.split(':').next()) {
                add(&format!("ft:{tuned}"));
                add(&format!("ft:{}", without_date(tuned)));
                return names;
            }
            for region in ["eu/", "us/", "global/", "global-standard/"] {
                add(base.strip_prefix(region).unwrap_or(base));
            }
            add(without_date(base));
        }
        "anthropic" | "azure_ai" | "databricks" => add(without_date(base)),
        "cohere" => {
            for version in ["v1/", "v2/"] {
                add(base.strip_prefix(version).unwrap_or(base));
            }
        }
        "fireworks_ai" => {
            let short = base.rsplit('/').next().unwrap_or(base);
            add(&format!("accounts/fireworks/models/{short}"));
            add(short);
        }
        _ => {}
    }
    names
}

/// Parts of a model's name that choose a way to the model.
const ROUTES: [&str; 14] = [
    "responses/",
    "converse/",
    "converse_like/",
    "invoke/",
    "bedrock/",
    "gpt5_series/",
    "o_series/",
    "chat/",
    "deepseek_r1/",
    "llama/",
    "openai/responses/",
    "nova/",
    "publishers/google/models/",
    "models/",
];

/// `us-east-1/` and `us.` in front say where the model runs.
fn bedrock(model: &str, add: &mut impl FnMut(&str)) {
    let mut base = model;
    if let Some((region, rest)) = model.split_once('/')
        && region.ends_with(|end: char| end.is_ascii_digit())
        && region.contains('-')
    {
        base = rest;
        add(rest);
    }
    for geography in ["us.", "eu.", "apac.", "global.", "jp.", "au.", "ca.", "us-gov."] {
        if let Some(rest) = base.strip_prefix(geography) {
            add(rest);
            base = rest;
            break;
        }
    }
    // Foundation models and inference profiles by their Amazon resource name.
    if base.starts_with("arn:") {
        if let Some((_, name)) = base.rsplit_once('/') {
            add(name);
            bedrock(name, add);
        }
        return;
    }
    // `:28k` or `:0:200k` names a context variant.
    if let Some((short, _)) = base.rsplit_once(':')
        && short.contains(':')
    {
        add(short);
    }
}

/// Without `-2025-04-14` or `-20250414`.
fn without_date(name: &str) -> &str {
    let bytes = name.as_bytes();
    let digits = |range: &[u8]| range.iter().all(u8::is_ascii_digit);
    if let Some((rest, b"-", tail)) = split_tail(bytes, 8)
        && digits(tail)
    {
        return name.get(..rest).unwrap_or(name);
    }
    if let Some((rest, b"-", tail)) = split_tail(bytes, 10) {
        let dashed = tail.get(4) == Some(&b'-') && tail.get(7) == Some(&b'-');
        if dashed && tail.iter().filter(|byte| byte.is_ascii_digit()).count() == 8 {
            return name.get(..rest).unwrap_or(name);
        }
    }
    name
}

/// Without `-001`.
fn without_digits(name: &str, count: usize) -> &str {
    match split_tail(name.as_bytes(), count) {
        Some((rest, b"-", tail)) if tail.iter().all(u8::is_ascii_digit) => name.get(..rest).unwrap_or(name),
        _ => name,
    }
}

/// Length of the head, the byte between, and the last `count` bytes.
fn split_tail(bytes: &[u8], count: usize) -> Option<(usize, &[u8], &[u8])> {
    let rest = bytes.len().checked_sub(count + 1).filter(|rest| *rest > 0)?;
    Some((rest, bytes.get(rest..=rest)?, bytes.get(rest + 1..)?))
}

/// The price class of a model that has no price of its own, at providers that charge by size.
fn size_class(provider: &str, model: &str) -> Option<&'static str> {
    let lower = model.to_ascii_lowercase();
    match provider {
        "together_ai" => Some(match billions(&lower)? {
            size if lower.contains("embed") || lower.contains("bert") => match size {
                size if size <= 0.150 => "together-ai-embedding-up-to-150m",
                _ => "together-ai-embedding-151m-to-350m",
            },
            size if size <= 4.0 => "together-ai-up-to-4b",
            size if size <= 8.0 => "together-ai-4.1b-8b",
            size if size <= 21.0 => "together-ai-8.1b-21b",
            size if size <= 41.0 => "together-ai-21.1b-41b",
            size if size <= 80.0 => "together-ai-41.1b-80b",
            size if size <= 110.0 => "together-ai-81.1b-110b",
            _ => return None,
        }),
        "fireworks_ai" => Some(match billions(&lower) {
            Some(size) if experts(&lower) => match size {
                size if size <= 56.0 => "fireworks-ai-moe-up-to-56b",
                size if size <= 176.0 => "fireworks-ai-56b-to-176b",
                _ => return None,
            },
            Some(size) if size <= 4.0 => "fireworks-ai-up-to-4b",
            Some(size) if size <= 16.0 => "fireworks-ai-4.1b-to-16b",
            Some(_) => "fireworks-ai-above-16b",
            None => return None,
        }),
        _ => None,
    }
}

/// `8x7b`.
fn experts(name: &str) -> bool {
    name.split(['-', '/', '_']).any(|part| {
        part.split_once('x').is_some_and(|(count, size)| {
            !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) && size.ends_with('b')
        })
    })
}

/// The number of parameters in the name: `70b`, `v0.1-8x7b`, `3p8b`.
fn billions(name: &str) -> Option<f64> {
    name.split(['-', '/', '_', ':']).find_map(|part| {
        let size = part.strip_suffix('b')?;
        if let Some((count, size)) = size.split_once('x') {
            return Some(count.parse::<f64>().ok()? * size.parse::<f64>().ok()?);
        }
        size.replace('p', ".").parse::<f64>().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(provider: &str, model: &str) -> Vec<String> {
        candidates(provider, model).into_iter().map(|candidate| candidate.name).collect()
    }

    #[test]
    fn what_does_not_change_the_price_is_left_out() {
        assert!(
            names("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc")
                .contains(&"ft:gpt-4o-mini-2024-07-18".into())
        );
        assert!(
            names("bedrock", "converse/us.amazon.nova-pro-v1:0").contains(&"amazon.nova-pro-v1:0".into())
        );
        assert!(
            names("bedrock", "us-east-1/anthropic.claude-v2:1").contains(&"anthropic.claude-v2:1".into())
        );
        assert!(names("azure", "gpt5_series/gpt-5").contains(&"azure/gpt-5".into()));
        assert!(names("gemini", "gemini-2.5-pro-001").contains(&"gemini/gemini-2.5-pro".into()));
        assert!(
            names("vertex_ai", "claude-sonnet-4-5@20250929").contains(&"vertex_ai/claude-sonnet-4-5".into())
        );
        assert_eq!(names("openai", "gpt-4o").first().map(String::as_str), Some("openai/gpt-4o"));
    }

    #[test]
    fn sizes_are_read_from_names() {
        assert_eq!(billions("mixtral-8x7b-instruct"), Some(56.0));
        assert_eq!(billions("llama-3.3-70b"), Some(70.0));
        assert_eq!(billions("gpt-4o"), None);
        assert!(experts("mixtral-8x22b"));
    }

    #[test]
    fn dates_are_recognised() {
        assert_eq!(without_date("gpt-4o-2024-08-06"), "gpt-4o");
        assert_eq!(without_date("claude-haiku-4-5-20251001"), "claude-haiku-4-5");
        assert_eq!(without_date("gpt-4o"), "gpt-4o");
        assert_eq!(without_date("gpt-3.5-turbo-0125"), "gpt-3.5-turbo-0125");
    }
}
