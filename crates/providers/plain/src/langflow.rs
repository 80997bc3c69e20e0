//! Langflow: runs of a flow.

use bytes::Bytes;
use lockgate_core::{
    Extra, Raw, Result,
    hub::Content,
    json::{raw, to_raw},
    whole::lacking,
    wire::view,
};

use crate::{
    answer::{Piece, Said, failed, parse, parse_event},
    api::{Api, Framing},
    ask::{Ask, Outgoing},
};

pub(crate) struct Langflow;

view! {
    #[derive(Clone, Debug, Default)]
    struct Run {
        session_id: Option<String>,
        outputs: Option<Vec<Outputs>>,
        detail: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Outputs {
        outputs: Option<Vec<Output>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Output {
        results: Option<Results>,
        messages: Option<Vec<Shown>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Results {
        message: Option<Text>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Text {
        text: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Shown {
        message: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Line {
        event: Option<String>,
        data: Option<Data>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Data {
        chunk: Option<String>,
        error: Option<Raw>,
        text: Option<Raw>,
    }
}

impl Api for Langflow {
    fn id(&self) -> &'static str {
        "langflow"
    }

    /// The flow is set up on its server.
    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        // A flow keeps its own memory by session: it is told what is new.
        let last = ask.request.messages.iter().rev().find(|message| message.role == "user");
        let said = last.and_then(|message| message.content.as_ref()).map(Content::text).unwrap_or_default();
        lockgate_core::prompt::report_left_out(&ask.request.messages, &mut ask.notes);
        if ask.request.messages.len() > 1 {
            ask.notes.dropped.push("messages".to_owned());
        }
        let mut body = Extra::new();
        body.push("input_value", to_raw(&said));
        body.push("input_type", raw("\"chat\""));
        body.push("output_type", raw("\"chat\""));
        ask.others(&mut body);
        let stream = ask.stream();
        Ok(Outgoing::json(format!("{}/api/v1/run/{}?stream={stream}", ask.base(), ask.model()), body))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let run: Run = parse(body)?;
        if let Some(detail) = &run.detail {
            return Err(failed(detail.get()));
        }
        let outputs =
            run.outputs.unwrap_or_default().into_iter().flat_map(|one| one.outputs.unwrap_or_default());
        let text = |output: Output| {
            let message = output.results.and_then(|results| results.message?.text);
            message.or_else(|| output.messages?.into_iter().find_map(|shown| shown.message))
        };
        match outputs.filter_map(text).next() {
            Some(text) => Ok(Said { id: run.session_id, text, ..Said::default() }),
            None => Err(lacking("`outputs`", body)),
        }
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn piece(&self, _event: &str, data: &str) -> Result<Piece> {
        let line: Line = parse_event(data)?;
        let data = line.data.unwrap_or_default();
        match line.event.as_deref() {
            Some("token") => Ok(Piece { text: data.chunk.unwrap_or_default(), ..Piece::default() }),
            Some("end") => Ok(Piece { done: true, ..Piece::default() }),
            Some("error") => {
                let said = data.error.or(data.text);
                Err(failed(said.as_deref().map_or("\"\"", |said| said.get())))
            }
            _ => Ok(Piece::default()),
        }
    }
}
