//! Deepgram: the file is the body, all else is in the query.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Measures, Raw, Reply, Result, TranscriptionReply, Usage, json, json::to_raw, refusal::Refusal,
    uri::escaped, wire::view,
};

use crate::{
    api::{Api, Asked, foreign, lacking, plain},
    word::Word,
};

pub(crate) struct Deepgram;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        metadata: Metadata,
        results: Option<Results>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Metadata {
        duration: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Results {
        channels: Vec<Channel>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Channel {
        alternatives: Vec<Alternative>,
        detected_language: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Alternative {
        transcript: String,
        words: Option<Vec<Heard>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Heard {
        word: String,
        start: Option<Raw>,
        end: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Said {
        err_code: Option<String>,
        err_msg: Option<String>,
        request_id: Option<String>,
    }
}

impl Api for Deepgram {
    fn id(&self) -> &'static str {
        "deepgram"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let (request, file) = (attempt.call.transcription()?, attempt.call.file("file")?);
        let mut query = format!("model={}", escaped(&attempt.target.model));
        if let Some(language) = &request.language {
            query.push_str(&format!("&language={}", escaped(language)));
        }
        for (name, value) in foreign(attempt, &request.extra) {
            query.push_str(&format!("&{}={}", escaped(name), escaped(&plain(value))));
        }
        let url = format!("{}/listen?{query}", attempt.base());
        // Deepgram looks at the file itself.
        Ok(Asked::post(url, "application/octet-stream".to_owned(), file.content.clone()))
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let channel = answer.results.and_then(|results| results.channels.into_iter().next());
        let channel = channel.ok_or_else(|| lacking("transcript", &body))?;
        let first = channel.alternatives.into_iter().next().unwrap_or_default();
        let words = first.words.map(|words| {
            let words =
                words.into_iter().map(|heard| Word { word: heard.word, start: heard.start, end: heard.end });
            to_raw(&words.collect::<Vec<_>>())
        });
        let seconds = answer.metadata.duration.as_ref().and_then(|raw| raw.get().parse::<f64>().ok());
        let input_millis = (seconds.unwrap_or(0.0) * 1000.0).round() as u64;
        Ok(Reply::Transcription(Box::new(TranscriptionReply {
            text: first.transcript,
            task: Some("transcribe".to_owned()),
            language: Some(channel.detected_language.unwrap_or_else(|| "english".to_owned())),
            duration: answer.metadata.duration,
            words,
            usage: Some(Usage::measured(Measures { input_millis, ..Measures::default() })),
            ..TranscriptionReply::default()
        })))
    }

    fn refusal(&self, body: &Bytes) -> Option<Refusal> {
        let said: Said = serde_json::from_slice(body).ok()?;
        Some(Refusal {
            message: said.err_msg?,
            code: said.err_code,
            request_id: said.request_id,
            ..Refusal::default()
        })
    }
}
