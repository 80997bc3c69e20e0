//! NVIDIA's Triton Inference Server: `/generate`, `/generate_stream`, or `/infer` with named tensors.

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Extra, Notes, Raw, Reply, Result,
    json::{raw, read, to_raw},
    params,
    whole::lacking,
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    EMBED,
    answer::{Piece, Said, failed, parse, parse_event},
    api::Api,
    ask::{Ask, Outgoing},
};

/// What a completion may be if nobody says.
const USUAL_LIMIT: u64 = 2000;
/// The same for `/infer`.
const USUAL_INFER_LIMIT: u64 = 20;

pub(crate) struct Triton;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        text_output: Option<Raw>,
        outputs: Option<Vec<Tensor>>,
        model_name: Option<String>,
        error: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Tensor {
        name: Option<String>,
        shape: Option<Vec<u64>>,
        data: Option<Vec<Raw>>,
    }
}

impl Api for Triton {
    fn id(&self) -> &'static str {
        "triton"
    }

    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("max_completion_tokens", "max_tokens"),
            ("max_tokens", "max_tokens"),
            ("temperature", "temperature"),
            ("top_k", "top_k"),
            ("top_p", "top_p"),
        ]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut options = ask.options();
        let base = ask.base().into_owned();
        if base.ends_with("/infer") {
            if !options.contains("max_tokens") {
                options.push("max_tokens", to_raw(&USUAL_INFER_LIMIT));
            }
            ask.others(&mut options);
            let mut inputs = vec![tensor("text_input", "BYTES", &[to_raw(&ask.prompt())])];
            let values =
                options.iter().map(|(name, value)| tensor(name, datatype(value), &[value.to_owned()]));
            inputs.extend(values);
            let mut body = Extra::new();
            body.push("inputs", to_raw(&inputs));
            return Ok(Outgoing::json(base, body));
        }
        if !options.contains("max_tokens") {
            options.push("max_tokens", to_raw(&USUAL_LIMIT));
        }
        ask.others(&mut options);
        let mut body = Extra::new();
        body.push("text_input", to_raw(&ask.prompt()));
        body.push("parameters", to_raw(&options));
        if ask.stream() {
            body.push("stream", raw("true"));
        }
        let verb = if ask.stream() { "generate_stream" } else { "generate" };
        let root = base.trim_end_matches("_stream").strip_suffix("/generate");
        Ok(Outgoing::json(
            match root {
                Some(root) => format!("{root}/{verb}"),
                None => format!("{base}/v2/models/{}/{verb}", ask.model()),
            },
            body,
        ))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let answer: Answer = parse(body)?;
        if let Some(error) = &answer.error {
            return Err(failed(error.get()));
        }
        let named = |tensor: &&Tensor| tensor.name.as_deref() == Some("text_output");
        let tensors = answer.outputs.as_deref().unwrap_or_default();
        let data = tensors.iter().find(named).or(tensors.first()).and_then(|tensor| tensor.data.as_ref());
        let text = answer.text_output.as_ref().or_else(|| data?.first());
        let Some(text) = text else { return Err(lacking("`text_output`", body)) };
        Ok(Said { text: self::text(text), model: answer.model_name, ..Said::default() })
    }

    fn piece(&self, _event: &str, data: &str) -> Result<Piece> {
        let answer: Answer = parse_event(data)?;
        if let Some(error) = &answer.error {
            return Err(failed(error.get()));
        }
        Ok(Piece { text: answer.text_output.as_deref().map(text).unwrap_or_default(), ..Piece::default() })
    }

    fn ends_unmarked(&self) -> bool {
        true
    }

    fn embed(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut notes = Notes::default();
        let given = Cow::Borrowed(attempt.call.embedding()?);
        let given = params::effective(attempt, &attempt.policy(), given, &mut notes)?;
        params::settle_sizeless(attempt, &attempt.policy(), &given, &mut notes)?;
        let texts: Vec<Raw> = given.texts()?.into_iter().map(to_raw).collect();
        let mut body = Extra::new();
        body.push("inputs", to_raw(&[tensor("input_text", "BYTES", &texts)]));
        for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
            body.push(name.as_str(), value.clone());
        }
        let base = attempt.base();
        let url = match base.ends_with("/infer") {
            true => base.into_owned(),
            false => format!("{base}/v2/models/{}/infer", attempt.target.model),
        };
        Ok(Encoded { format: EMBED, ..Outgoing::json(url, body).encoded(notes)? })
    }

    fn vectors(&self, attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
        let answer: Answer = parse(body)?;
        if let Some(error) = &answer.error {
            return Err(failed(error.get()));
        }
        let asked = attempt.call.embedding()?;
        let Some(tensor) = answer.outputs.and_then(|outputs| outputs.into_iter().next()) else {
            return Err(lacking("`outputs`", body));
        };
        let numbers = tensor.data.unwrap_or_default();
        // One row for each text: the tensor's last dimension is the vectors' length.
        let length =
            tensor.shape.as_deref().and_then(<[u64]>::last).and_then(|last| usize::try_from(*last).ok());
        let rows = numbers.chunks(length.filter(|length| *length > 0).unwrap_or(numbers.len().max(1)));
        Ok(Reply::Embedding(Box::new(EmbeddingReply {
            model: answer.model_name.unwrap_or_else(|| attempt.target.model.to_string()),
            vectors: rows.map(to_raw).collect(),
            usage: asked.counted(&attempt.target.facts),
            ..EmbeddingReply::default()
        })))
    }
}

fn tensor(name: &str, datatype: &str, data: &[Raw]) -> Extra {
    let mut tensor = Extra::new();
    tensor.push("name", to_raw(name));
    tensor.push("shape", to_raw(&[data.len()]));
    tensor.push("datatype", to_raw(datatype));
    tensor.push("data", to_raw(data));
    tensor
}

/// Triton's type of a parameter.
fn datatype(value: &RawValue) -> &'static str {
    match value.get() {
        "true" | "false" => "BOOL",
        text if text.parse::<i64>().is_ok() => "INT32",
        text if text.parse::<f64>().is_ok() => "FP32",
        _ => "BYTES",
    }
}

/// A text, or a list of one.
fn text(output: &RawValue) -> String {
    read::<String>(output).or_else(|| Some(read::<Vec<String>>(output)?.concat())).unwrap_or_default()
}
