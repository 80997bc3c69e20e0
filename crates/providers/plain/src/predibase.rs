//! Predibase: LoRAX servers, whose API is that of text-generation-inference.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_core::{
    CloudSettings, Extra, FinishReason, Raw, Result,
    json::{raw, to_raw},
    whole::lacking,
    wire::view,
};

use crate::{
    answer::{Piece, Said, failed, parse, parse_event, usage},
    api::Api,
    ask::{Ask, Outgoing},
};

/// What a completion may be if nobody says: the server's own default cuts answers short.
const USUAL_LIMIT: u64 = 4096;

/// The least temperature that the server takes.
const COLDEST: &str = "0.01";

/// Whose deployments they are.
const TENANT: &str = "predibase_tenant_id";

pub(crate) struct Predibase;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        generated_text: Option<String>,
        token: Option<Token>,
        details: Option<Details>,
        error: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Token {
        text: Option<String>,
        special: Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Details {
        finish_reason: Option<String>,
        prompt_tokens: Option<u64>,
        generated_tokens: Option<u64>,
    }
}

impl Api for Predibase {
    fn id(&self) -> &'static str {
        "predibase"
    }

    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("max_completion_tokens", "max_new_tokens"),
            ("max_tokens", "max_new_tokens"),
            ("response_format", "response_format"),
            ("seed", "seed"),
            ("stop", "stop"),
            ("temperature", "temperature"),
            ("top_k", "top_k"),
            ("top_p", "top_p"),
        ]
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        let mut params = settings.params.clone();
        if let Some(tenant) = settings.find(TENANT, &["PREDIBASE_TENANT_ID"]) {
            params.insert(TENANT.to_owned(), tenant);
        }
        params
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut options = ask.options();
        if options.get("temperature").is_some_and(|value| value.get().parse() == Ok(0.0_f64)) {
            options.push("temperature", raw(COLDEST));
        }
        if !options.contains("max_new_tokens") {
            options.push("max_new_tokens", to_raw(&USUAL_LIMIT));
        }
        options.push("details", raw("true"));
        options.push("return_full_text", raw("false"));
        ask.others(&mut options);
        let mut body = Extra::new();
        body.push("inputs", to_raw(&ask.prompt()));
        body.push("parameters", to_raw(&options));
        if ask.stream() {
            body.push("stream", raw("true"));
        }
        let verb = if ask.stream() { "generate_stream" } else { "generate" };
        let (base, model) = (ask.base(), ask.model());
        let target = ask.attempt.target;
        // An address may have the tenant in it.
        let tenant = target.param(TENANT).or_else(|| target.param("tenant_id"));
        let tenant = tenant.map(|tenant| format!("/{tenant}")).filter(|tenant| !base.ends_with(tenant));
        let tenant = tenant.unwrap_or_default();
        Ok(Outgoing::json(format!("{base}{tenant}/deployments/v2/llms/{model}/{verb}"), body))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let answer: Answer = match body.first() {
            Some(b'[') => parse::<Vec<Answer>>(body)?.into_iter().next().unwrap_or_default(),
            _ => parse(body)?,
        };
        if let Some(error) = &answer.error {
            return Err(failed(error.get()));
        }
        let Some(text) = answer.generated_text else { return Err(lacking("`generated_text`", body)) };
        let details = answer.details.unwrap_or_default();
        Ok(Said {
            text,
            finish: details.finish_reason.as_deref().map(finish),
            usage: usage(details.prompt_tokens, details.generated_tokens),
            native: details.finish_reason,
            ..Said::default()
        })
    }

    fn piece(&self, _event: &str, data: &str) -> Result<Piece> {
        let answer: Answer = parse_event(data)?;
        if let Some(error) = &answer.error {
            return Err(failed(error.get()));
        }
        let token = answer.token.unwrap_or_default();
        let details = answer.details;
        let done = details.is_some() || answer.generated_text.is_some();
        let details = details.unwrap_or_default();
        Ok(Piece {
            text: token.text.filter(|_| token.special != Some(true)).unwrap_or_default(),
            done,
            finish: details.finish_reason.as_deref().map(finish),
            usage: usage(details.prompt_tokens, details.generated_tokens),
            native: details.finish_reason,
        })
    }
}

fn finish(word: &str) -> FinishReason {
    if word == "length" { FinishReason::Length } else { FinishReason::Stop }
}
