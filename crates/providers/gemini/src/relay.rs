//! The client speaks Gemini's format: its own bytes, with the declared edits.

use http::{HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Format, Memo, Notes, Raw, Result, Target, params::without, wire::Edits,
};

use crate::{
    COUNT_TOKENS, EMBED, EMBED_ONE, GENERATE, GENERATE_ARRAY, Service,
    contents::NO_SIGNATURE,
    generation,
    request::TOP_LEVEL,
    surface::TAG,
    thinking,
    wire::{read, to_raw},
};

/// The operator's defaults and their names in `generationConfig`.
const DEFAULTS: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("max_tokens", "maxOutputTokens"),
    ("max_completion_tokens", "maxOutputTokens"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
];

/// Whether bodies of this format go to Gemini as they are.
pub(crate) fn speaks(format: Format) -> bool {
    [GENERATE, GENERATE_ARRAY, COUNT_TOKENS, EMBED, EMBED_ONE].contains(&format)
}

/// Edits and addresses the client's body.
pub(crate) fn encode(
    attempt: &Attempt<'_>,
    service: Service,
    locate: &dyn Fn(&str) -> String,
) -> Result<Encoded> {
    let Attempt { call, target, .. } = *attempt;
    let mut draft = Draft { attempt, edits: Edits::new(), notes: Notes::default(), set: Extra::new() };
    for name in &call.options.consumed {
        draft.edits.remove(*name);
    }
    let verb = match call.format {
        COUNT_TOKENS => draft.count(service),
        EMBED => draft.embeddings(),
        EMBED_ONE => {
            draft.set("model", to_raw(&resource(target)));
            "embedContent"
        }
        _ => {
            draft.edits.remove("model");
            draft.generate()
        }
    };
    draft.drop_unwanted();
    let url = match verb {
        "streamGenerateContent" => format!("{}?alt=sse", locate(verb)),
        _ => locate(verb),
    };
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(call.body.splice(&draft.edits))
        .map_err(|error| Error::bad_request(format!("The model's URL is not valid: {error}")))?;
    Ok(Encoded {
        request,
        format: call.format,
        relay: true,
        withhold_usage: false,
        memo: Memo::default(),
        notes: draft.notes,
    })
}

fn resource(target: &Target) -> String {
    format!("models/{}", target.model.trim_start_matches("models/"))
}

struct Draft<'a> {
    attempt: &'a Attempt<'a>,
    edits: Edits,
    notes: Notes,
    /// What has been set so far.
    set: Extra,
}

impl Draft<'_> {
    fn get(&self, name: &str) -> Option<Raw> {
        let set = self.set.get(name).map(ToOwned::to_owned);
        set.or_else(|| self.attempt.call.body.raw(name).map(crate::wire::raw))
    }

    fn set(&mut self, name: &str, value: Raw) {
        self.edits.set(name.to_owned(), value.get().to_owned());
        self.set.remove(name);
        self.set.push(name, value);
    }

    fn generate(&mut self) -> &'static str {
        self.config();
        self.foreign_signatures();
        if self.attempt.call.stream { "streamGenerateContent" } else { "generateContent" }
    }

    /// The operator's defaults and members that are merged into the body.
    fn config(&mut self) {
        let Attempt { call, target, .. } = *self.attempt;
        let name =
            if call.body.contains("generation_config") { "generation_config" } else { "generationConfig" };
        let before: Extra = self.get(name).and_then(|config| read(&config)).unwrap_or_default();
        let mut config = before.clone();
        for (key, value) in target.defaults.iter() {
            let own = DEFAULTS.iter().find(|(default, _)| default == key);
            match own {
                Some((snake, own)) if !config.contains(own) && !config.contains(snake) => {
                    config.push(*own, value.clone());
                }
                Some(_) => {}
                None => self.top_level_default(key, value),
            }
        }
        for (key, value) in target.extra_body.iter().chain(&call.options.extra_body) {
            if generation::owns(key) {
                config.remove(key);
                config.push(key.as_str(), value.clone());
            } else {
                self.set(key, value.clone());
            }
        }
        if config.len() != before.len() || to_raw(&config).get() != to_raw(&before).get() {
            self.set(name, to_raw(&config));
        }
    }

    fn top_level_default(&mut self, key: &str, value: &Raw) {
        if let Some((_, own)) = TOP_LEVEL.iter().find(|(name, _)| *name == key)
            && self.get(own).is_none()
            && self.get(key).is_none()
        {
            self.set(own, value.clone());
        }
    }

    /// Signed thinking of other providers, which only they understand, stays out.
    fn foreign_signatures(&mut self) {
        let Some(contents) = self.get("contents").filter(|contents| contents.get().contains(TAG)) else {
            return;
        };
        let Some(mut turns) = read::<Vec<Extra>>(&contents) else { return };
        let newest = thinking::has_levels(&self.attempt.target.model);
        for turn in &mut turns {
            let Some(mut parts) = turn.get("parts").and_then(read::<Vec<Extra>>) else { continue };
            parts.retain_mut(|part| without_foreign_signature(part, newest));
            turn.remove("parts");
            turn.push("parts", to_raw(&parts));
        }
        self.set("contents", to_raw(&turns));
        self.notes.dropped.push("contents.parts.thoughtSignature".to_owned());
    }

    /// Counting: Vertex takes the request's members, Studio the request, with the model's name.
    fn count(&mut self, service: Service) -> &'static str {
        self.edits.remove("model");
        let Some(whole) = self.get("generateContentRequest").and_then(|whole| read::<Extra>(&whole)) else {
            return "countTokens";
        };
        match service {
            Service::Vertex => {
                self.edits.remove("generateContentRequest");
                let members = whole.iter().filter(|(key, _)| *key != "model");
                members.for_each(|(key, value)| self.set(key, value.to_owned()));
            }
            Service::Studio => {
                let mut named = Extra::new();
                named.push("model", to_raw(&resource(self.attempt.target)));
                let members = whole.iter().filter(|(key, _)| *key != "model");
                members.for_each(|(key, value)| named.push(key, value.to_owned()));
                self.set("generateContentRequest", to_raw(&named));
            }
        }
        "countTokens"
    }

    fn embeddings(&mut self) -> &'static str {
        if let Some(mut requests) = self.get("requests").and_then(|list| read::<Vec<Extra>>(&list)) {
            for request in &mut requests {
                request.remove("model");
                request.push("model", to_raw(&resource(self.attempt.target)));
            }
            self.set("requests", to_raw(&requests));
        }
        "batchEmbedContents"
    }

    /// Takes out what operator or client never want sent, inside members as well.
    fn drop_unwanted(&mut self) {
        for path in &self.attempt.policy().additional_drop_params {
            let steps: Vec<&str> = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
            let Some((name, rest)) = steps.split_first() else { continue };
            let Some(before) = self.get(name) else { continue };
            if rest.is_empty() {
                self.edits.remove((*name).to_owned());
                self.notes.dropped.push(path.clone());
                continue;
            }
            let after = without(&before, rest);
            if after.get() != before.get() {
                self.set(name, after);
                self.notes.dropped.push(path.clone());
            }
        }
    }
}

/// Takes such a signature off a part; tells whether anything is left. Gemini 3 wants one with each first call.
fn without_foreign_signature(part: &mut Extra, newest: bool) -> bool {
    for name in ["thoughtSignature", "thought_signature"] {
        let foreign =
            part.get(name).and_then(read::<String>).is_some_and(|signature| signature.starts_with(TAG));
        if !foreign {
            continue;
        }
        part.remove(name);
        let calls = part.contains("functionCall") || part.contains("function_call");
        if calls && newest {
            part.push(name, to_raw(NO_SIGNATURE));
        }
        let empty = part.get("text").is_some_and(|text| text.get() == "\"\"");
        return calls || !empty;
    }
    true
}
