//! A model's name taken apart: where it is, how it is spoken to, whose it is.

use lockgate_core::{Attempt, Call, Target};

/// How a model is spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Api {
    /// One format for all models.
    Converse,
    /// The model's own format.
    Invoke,
}

/// Whose format a model has of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    Claude,
    Nova,
    Titan,
    Cohere,
    Llama,
    Mistral,
    DeepSeek,
    Qwen,
    Jurassic,
    /// OpenAI's chat completions: its own open models, imported ones, Jamba.
    OpenAi,
    Other,
}

/// A model's name taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'a> {
    /// The way in, if the name says.
    pub(crate) api: Option<Api>,
    pub(crate) family: Family,
    /// Its name without what says how and where.
    pub(crate) name: &'a str,
    /// What Bedrock knows it by: `us.amazon.nova-pro-v1:0`, an Amazon resource name.
    pub(crate) id: &'a str,
    /// The name by which its making is known, if that one tells nothing.
    pub(crate) known: &'a str,
    /// Where it is, if the name says.
    region: Option<&'a str>,
}

impl<'a> Model<'a> {
    pub(crate) fn of(target: &'a Target) -> Self {
        let (mut api, mut family, mut region) = (None, None, None);
        let mut id: &str = &target.model;
        while let Some((first, rest)) = id.split_once('/') {
            match first {
                "bedrock" => {}
                "converse" | "converse_like" => api = Some(Api::Converse),
                "invoke" => api = Some(Api::Invoke),
                _ if is_region(first) => region = Some(first),
                _ => match hint(first) {
                    Some(hinted) => {
                        family = Some(hinted);
                        // Imported models are spoken to in the format that is named.
                        api = api.or(Some(Api::Invoke));
                    }
                    None => break,
                },
            }
            id = rest;
        }
        let known = target.param("base_model").unwrap_or(id);
        let family = family.unwrap_or_else(|| family_of(known));
        Self { api, family, name: id, id: target.param("model_id").unwrap_or(id), known, region }
    }

    /// How it is spoken to for this call: Claude's clients in their own words.
    pub(crate) fn api_for(&self, call: &Call) -> Api {
        match self.api {
            None if self.family == Family::Claude && call.format == lockgate_anthropic::MESSAGES => {
                Api::Invoke
            }
            _ => self.api(),
        }
    }

    /// How it is spoken to if nobody says.
    pub(crate) fn api(&self) -> Api {
        let own_format_only = match self.family {
            Family::Jurassic => true,
            Family::Titan => self.id.contains("titan-text") || self.id.contains("titan-tg"),
            Family::Cohere => self.id.contains("command-text") || self.id.contains("command-light"),
            _ => false,
        };
        self.api.unwrap_or(if own_format_only { Api::Invoke } else { Api::Converse })
    }

    /// Where it is: what the name says, the deployment, the resource name.
    pub(crate) fn region(&self, target: &'a Target) -> &'a str {
        let resource = self.id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        self.region
            .or_else(|| target.param("aws_region_name"))
            .or(resource.filter(|region| !region.is_empty()))
            .unwrap_or_else(|| lockgate_aws::region(target))
    }
}

/// Where a path of the runtime is for this call.
pub(crate) fn address(attempt: &Attempt<'_>, region: &str) -> String {
    let target = attempt.target;
    match target.param("aws_bedrock_runtime_endpoint") {
        Some(endpoint) => endpoint.to_owned(),
        None if target.custom_base => attempt.base().trim_end_matches('/').to_owned(),
        None => format!("https://bedrock-runtime.{region}.{}", lockgate_aws::domain(region)),
    }
}

/// The family that a word before the model's name means.
fn hint(word: &str) -> Option<Family> {
    Some(match word {
        "anthropic" => Family::Claude,
        "nova" => Family::Nova,
        "llama" => Family::Llama,
        "mistral" => Family::Mistral,
        "deepseek_r1" => Family::DeepSeek,
        "qwen2" | "qwen3" => Family::Qwen,
        "openai" | "moonshot" => Family::OpenAi,
        _ => return None,
    })
}

fn family_of(name: &str) -> Family {
    let has = |part: &str| name.contains(part);
    if has("claude") {
        Family::Claude
    } else if has("amazon.nova") {
        Family::Nova
    } else if has("amazon.titan") {
        Family::Titan
    } else if has("cohere.") {
        Family::Cohere
    } else if has("meta.llama") {
        Family::Llama
    } else if has("mistral.") {
        Family::Mistral
    } else if has("deepseek.r1") {
        Family::DeepSeek
    } else if has("qwen.") {
        Family::Qwen
    } else if has("ai21.j2") {
        Family::Jurassic
    } else if has("openai.") || has("ai21.jamba") {
        Family::OpenAi
    } else {
        Family::Other
    }
}

/// `eu-central-1`, `us-gov-west-1`.
pub(crate) fn is_region(word: &str) -> bool {
    let mut parts = word.split('-');
    let start = parts.next().is_some_and(|part| part.len() == 2);
    let number = parts.next_back().is_some_and(|part| part.len() == 1 && part.as_bytes()[0].is_ascii_digit());
    let mut middle = parts.peekable();
    start
        && number
        && middle.peek().is_some()
        && middle.all(|part| part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use lockgate_testkit::sample;

    use super::*;

    #[test]
    fn names_say_how_and_where() {
        for (name, api, family, id, region) in [
            ("anthropic.claude-x-v1:0", Api::Converse, Family::Claude, "anthropic.claude-x-v1:0", None),
            ("us.amazon.nova-pro-v1:0", Api::Converse, Family::Nova, "us.amazon.nova-pro-v1:0", None),
            ("invoke/meta.llama3-8b", Api::Invoke, Family::Llama, "meta.llama3-8b", None),
            ("us-west-2/mistral.m7b", Api::Converse, Family::Mistral, "mistral.m7b", Some("us-west-2")),
            (
                "amazon.titan-text-express-v1",
                Api::Invoke,
                Family::Titan,
                "amazon.titan-text-express-v1",
                None,
            ),
            ("cohere.command-text-v14", Api::Invoke, Family::Cohere, "cohere.command-text-v14", None),
            ("deepseek_r1/arn:aws:b:r:1:m/x", Api::Invoke, Family::DeepSeek, "arn:aws:b:r:1:m/x", None),
            ("invoke/qwen3/qwen.qwen3-32b", Api::Invoke, Family::Qwen, "qwen.qwen3-32b", None),
            ("converse/arn:aws:b:r:1:p/x", Api::Converse, Family::Other, "arn:aws:b:r:1:p/x", None),
        ] {
            let target = sample::target(sample::provider(&crate::Bedrock), name);
            let model = Model::of(&target);
            assert_eq!(
                (model.api(), model.family, model.id, model.region),
                (api, family, id, region),
                "{name}"
            );
        }
        assert!(is_region("us-gov-west-1") && !is_region("qwen3") && !is_region("a-1") && !is_region("us-1"));
    }
}
