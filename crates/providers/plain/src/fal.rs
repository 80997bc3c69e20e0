//! fal's language models: each model is a path, whose answer is one text.

use bytes::Bytes;
use lockgate_core::{Extra, Raw, Result, hub::Content, json::to_raw, prompt, whole::lacking, wire::view};

use crate::{
    answer::{Said, failed, parse, usage},
    api::Api,
    ask::{Ask, Outgoing},
};

/// The model that stands for those of other makers, which are named after it.
const ANY: &str = "fal-ai/any-llm";

pub(crate) struct Fal;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        output: Option<String>,
        error: Option<Raw>,
        finish_reason: Option<String>,
        usage_info: Option<Counted>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Counted {
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
    }
}

impl Api for Fal {
    fn id(&self) -> &'static str {
        "fal_chat"
    }

    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("max_completion_tokens", "max_tokens"),
            ("max_tokens", "max_tokens"),
            ("temperature", "temperature"),
            ("top_p", "top_p"),
        ]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let messages = &ask.request.messages;
        let (told, said): (Vec<_>, Vec<_>) = messages
            .iter()
            .cloned()
            .partition(|message| matches!(message.role.as_str(), "system" | "developer"));
        let told: Vec<String> =
            told.iter().filter_map(|message| Some(message.content.as_ref()?.text())).collect();
        let text = match said.as_slice() {
            [one] => one.content.as_ref().map(Content::text).unwrap_or_default(),
            several => prompt::render("", several),
        };
        let image = said.iter().rev().find_map(|message| match message.content.as_ref()? {
            Content::Parts(parts) => {
                parts.iter().find_map(|part| Some(part.image_url.as_ref()?.url().to_owned()))
            }
            Content::Text(_) => None,
        });
        let mut body = Extra::new();
        body.push("prompt", to_raw(&text));
        if !told.is_empty() {
            body.push("system_prompt", to_raw(&told.join("\n\n")));
        }
        if let Some(image) = image {
            body.push("image_url", to_raw(&image));
        }
        let path = match any(ask.model()) {
            Some((path, model)) => {
                body.push("model", to_raw(model));
                path
            }
            None => ask.model(),
        };
        ask.options().iter().for_each(|(name, value)| body.push(name, value.to_owned()));
        ask.others(&mut body);
        Ok(Outgoing::json(format!("{}/{path}", ask.base()), body))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let answer: Answer = parse(body)?;
        if let Some(error) = answer.error.filter(|error| error.get() != "null") {
            return Err(failed(error.get()));
        }
        let Some(text) = answer.output else { return Err(lacking("`output`", body)) };
        let counted = answer.usage_info.unwrap_or_default();
        Ok(Said { text, usage: usage(counted.input_tokens, counted.output_tokens), ..Said::default() })
    }
}

/// `fal-ai/any-llm/MAKER/MODEL`, and the same with `/vision` before the maker.
fn any(model: &str) -> Option<(&str, &str)> {
    let rest = model.strip_prefix(ANY)?.strip_prefix('/')?;
    let (path, own) = match rest.strip_prefix("vision/") {
        Some(own) => (model.get(..ANY.len() + "/vision".len())?, own),
        None => (ANY, rest),
    };
    own.contains('/').then_some((path, own))
}
