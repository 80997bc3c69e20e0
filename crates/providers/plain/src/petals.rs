//! Petals: a form with a prompt.

use bytes::Bytes;
use http::HeaderMap;
use lockgate_core::{
    Raw, Result,
    json::{read, to_raw},
    uri::form,
    whole::lacking,
    wire::view,
};

use crate::{
    answer::{Said, failed, parse},
    api::Api,
    ask::{Ask, Body, Outgoing},
};

/// What a completion may be if nobody says: the API wants a limit.
const USUAL_LIMIT: u64 = 256;

pub(crate) struct Petals;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        ok: Option<bool>,
        outputs: Option<String>,
        traceback: Option<Raw>,
    }
}

impl Api for Petals {
    fn id(&self) -> &'static str {
        "petals"
    }

    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("max_completion_tokens", "max_new_tokens"),
            ("max_tokens", "max_new_tokens"),
            ("temperature", "temperature"),
            ("top_k", "top_k"),
            ("top_p", "top_p"),
        ]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut fields = ask.options();
        if !fields.contains("max_new_tokens") {
            fields.push("max_new_tokens", to_raw(&USUAL_LIMIT));
        }
        fields.push("model", to_raw(ask.model()));
        fields.push("inputs", to_raw(&ask.prompt()));
        ask.others(&mut fields);
        let text =
            |value: &serde_json::value::RawValue| read(value).unwrap_or_else(|| value.get().to_owned());
        let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (name, text(value))).collect();
        let form = form(fields.iter().map(|(name, value)| (*name, value.as_str())));
        let base = ask.base();
        let url = match base.ends_with("/generate") {
            true => base.into_owned(),
            false => format!("{base}/api/v1/generate"),
        };
        Ok(Outgoing { url, body: Body::Form(form.replace("%20", "+")), headers: HeaderMap::new() })
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let answer: Answer = parse(body)?;
        match answer.outputs {
            Some(text) if answer.ok != Some(false) => Ok(Said { text, ..Said::default() }),
            _ => Err(answer.traceback.map_or_else(|| lacking("`outputs`", body), |said| failed(said.get()))),
        }
    }
}
