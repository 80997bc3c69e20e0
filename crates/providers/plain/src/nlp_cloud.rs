//! NLP Cloud: `/generation`.

use bytes::Bytes;
use lockgate_core::{Extra, Raw, Result, json::to_raw, whole::lacking, wire::view};

use crate::{
    answer::{Said, failed, parse, usage},
    api::Api,
    ask::{Ask, Outgoing},
};

pub(crate) struct NlpCloud;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        generated_text: Option<String>,
        nb_input_tokens: Option<u64>,
        nb_generated_tokens: Option<u64>,
        detail: Option<Raw>,
    }
}

impl Api for NlpCloud {
    fn id(&self) -> &'static str {
        "nlp_cloud"
    }

    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("frequency_penalty", "frequency_penalty"),
            ("max_completion_tokens", "max_length"),
            ("max_tokens", "max_length"),
            ("n", "num_return_sequences"),
            ("presence_penalty", "presence_penalty"),
            ("stop", "stop_sequences"),
            ("temperature", "temperature"),
            ("top_k", "top_k"),
            ("top_p", "top_p"),
        ]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut body = Extra::new();
        body.push("text", to_raw(&ask.prompt()));
        ask.options().iter().for_each(|(name, value)| body.push(name, value.to_owned()));
        ask.others(&mut body);
        Ok(Outgoing::json(format!("{}/{}/generation", ask.base().trim_end_matches('/'), ask.model()), body))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let answer: Answer = parse(body)?;
        match (answer.generated_text, answer.detail) {
            (Some(text), _) => Ok(Said {
                text,
                usage: usage(answer.nb_input_tokens, answer.nb_generated_tokens),
                ..Said::default()
            }),
            (None, Some(detail)) => Err(failed(detail.get())),
            (None, None) => Err(lacking("`generated_text`", body)),
        }
    }
}
