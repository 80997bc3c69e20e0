//! `generationConfig`: sampling, limits, formats, thinking.

use lockgate_core::{
    Error, Notes, Raw, Result,
    hub::{ChatRequest, Stop},
    wire::view,
};

use crate::{
    Service, thinking,
    wire::{Body, read, to_raw},
};

/// Gemini's limit on stop sequences.
const MOST_STOPS: usize = 5;

/// Members of `generationConfig` that clients and operators may name by themselves, in both spellings.
const OWN: [&str; 34] = [
    "audioTimestamp",
    "audio_timestamp",
    "candidateCount",
    "candidate_count",
    "frequencyPenalty",
    "imageConfig",
    "image_config",
    "maxOutputTokens",
    "max_output_tokens",
    "mediaResolution",
    "media_resolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "response_json_schema",
    "response_logprobs",
    "response_mime_type",
    "response_modalities",
    "response_schema",
    "routingConfig",
    "routing_config",
    "speechConfig",
    "speech_config",
    "stopSequences",
    "stop_sequences",
    "thinkingConfig",
    "thinking_config",
    "topK",
    "topP",
    "top_k",
    "enableEnhancedCivicAnswers",
];

view! {
    #[derive(Clone, Debug, Default)]
    struct Format {
        kind as "type": Option<String>,
        json_schema: Option<Schema>,
        response_schema: Option<Raw>,
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Schema {
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Audio {
        voice: Option<String>,
        format: Option<String>,
    }
}

/// Whether this is a member of `generationConfig`.
pub(crate) fn owns(name: &str) -> bool {
    OWN.contains(&name)
}

/// Whether the model may answer in speech. On Vertex AI there are models of the user's own, of which one cannot tell.
pub(crate) fn speaks(model: &str, service: Service) -> bool {
    service == Service::Vertex || model.contains("-tts") || model.contains("native-audio")
}

/// Writes the member.
pub(crate) fn config(
    request: &ChatRequest,
    model: &str,
    service: Service,
    notes: &mut Notes,
) -> Result<Body> {
    let mut out = Body::default();
    out.some("temperature", request.temperature.as_ref());
    out.some("top_p", request.top_p.as_ref());
    out.some("top_k", request.top_k.as_ref());
    out.some("candidate_count", request.n.filter(|n| *n != 1).as_ref());
    out.some("max_output_tokens", request.max_output().as_ref());
    out.some("seed", request.seed.as_ref());
    out.some("presence_penalty", request.presence_penalty.as_ref());
    out.some("frequency_penalty", request.frequency_penalty.as_ref());
    let stop = request.stop.as_ref().map(Stop::as_slice).unwrap_or_default();
    if !stop.is_empty() {
        let kept = stop.get(..MOST_STOPS).unwrap_or(stop);
        out.set("stop_sequences", kept);
        if kept.len() < stop.len() {
            notes.dropped.push("stop".to_owned());
        }
    }
    if request.logprobs == Some(true) {
        out.set("responseLogprobs", &true);
    }
    if service == Service::Vertex {
        out.some("logprobs", request.top_logprobs.as_ref());
    }
    format(request, &mut out)?;
    modalities(request, speaks(model, service), &mut out)?;
    if let Some(thinking) = thinking::config(request, model)? {
        out.raw("thinkingConfig", thinking.into_json());
    }
    if thinking::has_levels(model) && !out.has("temperature") {
        // Google advises against any other value, and its default for these models has changed before.
        out.raw("temperature", "1.0");
    }
    Ok(out)
}

fn format(request: &ChatRequest, out: &mut Body) -> Result<()> {
    let Some(given) = &request.response_format else { return Ok(()) };
    let format: Format = read(given).ok_or_else(|| {
        Error::bad_field("response_format", "`response_format` must be an object with a `type`.")
    })?;
    let schema =
        format.json_schema.and_then(|named| named.schema).or(format.response_schema).or(format.schema);
    match format.kind.as_deref() {
        Some("json_schema" | "json_object") => {
            out.set("response_mime_type", "application/json");
            out.some("response_json_schema", schema.as_ref());
        }
        Some("text") => out.set("response_mime_type", "text/plain"),
        _ => {}
    }
    Ok(())
}

fn modalities(request: &ChatRequest, speaks: bool, out: &mut Body) -> Result<()> {
    if let Some(names) = request.modalities.as_deref().and_then(read::<Vec<String>>) {
        let names: Vec<String> = names.iter().map(|name| name.to_ascii_uppercase()).collect();
        out.set("responseModalities", &names);
    }
    let Some(audio) = request.audio.as_ref().filter(|_| speaks) else { return Ok(()) };
    let audio: Audio =
        read(audio).ok_or_else(|| Error::bad_field("audio", "`audio` must be an object with a `voice`."))?;
    if audio.format.as_deref().is_some_and(|format| format != "pcm16") {
        return Err(Error::bad_field("audio", "Gemini speaks only in the format `pcm16`."));
    }
    if let Some(voice) = audio.voice {
        let name = Body::default().with("voiceName", &voice).into_raw();
        let voice = Body::default().with("prebuiltVoiceConfig", &name).into_raw();
        out.set("speechConfig", &to_raw(&Body::default().with("voiceConfig", &voice).into_raw()));
    }
    Ok(())
}
