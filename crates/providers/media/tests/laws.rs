//! The laws of every dialect for each of these; answers that are no answers.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockgate_core::{Attempt, Call, ErrorKind, Media, Operation};
use lockgate_media::{
    AIML_IMAGES, ASSEMBLYAI, BLACK_FOREST_LABS, CHAT_IMAGES, DASHSCOPE, DEEPGRAM, DEEPINFRA_RERANK,
    ELEVENLABS, FAL_AI, MINIMAX_SPEECH, MISTRAL_SPEECH, NIM_RERANK, RECRAFT_EDITS, REDUCTO, RUNWAYML, SONIOX,
    STABILITY, TEI_RERANK, TOPAZ, api::Simple,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static SURFACE: OpenAiSurface = OpenAiSurface;

const RERANK: &str = r#"{"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":1,"own":null}"#;
const IMAGE: &str = r#"{"model":"m","prompt":"p","n":1,"size":"1024x1024"}"#;
const SPEECH: &str = r#"{"model":"m","input":"hi","voice":"alloy"}"#;
const DOCUMENT: &str =
    r#"{"model":"m","document":{"type":"document_url","document_url":"https://example.com/a.pdf"}}"#;
const HEARD: &str = r#"{"model":"m","language":"en"}"#;

static SUBJECTS: [(&Simple, Operation, &str); 28] = [
    (&AIML_IMAGES, Operation::ImageGeneration, IMAGE),
    (&CHAT_IMAGES, Operation::ImageGeneration, IMAGE),
    (&DEEPGRAM, Operation::Transcription, HEARD),
    (&DEEPINFRA_RERANK, Operation::Rerank, RERANK),
    (&ELEVENLABS, Operation::Speech, SPEECH),
    (&ELEVENLABS, Operation::Transcription, HEARD),
    (&FAL_AI, Operation::ImageGeneration, IMAGE),
    (&MINIMAX_SPEECH, Operation::Speech, SPEECH),
    (&NIM_RERANK, Operation::Rerank, RERANK),
    (&STABILITY, Operation::ImageGeneration, IMAGE),
    (&TEI_RERANK, Operation::Rerank, RERANK),
    (&ASSEMBLYAI, Operation::Transcription, HEARD),
    (&BLACK_FOREST_LABS, Operation::ImageGeneration, IMAGE),
    (&BLACK_FOREST_LABS, Operation::ImageEdit, IMAGE),
    (&CHAT_IMAGES, Operation::ImageEdit, IMAGE),
    (&DASHSCOPE, Operation::ImageGeneration, IMAGE),
    (&DASHSCOPE, Operation::ImageEdit, IMAGE),
    (&DASHSCOPE, Operation::Rerank, RERANK),
    (&FAL_AI, Operation::ImageEdit, IMAGE),
    (&MISTRAL_SPEECH, Operation::Speech, SPEECH),
    (&RECRAFT_EDITS, Operation::ImageEdit, IMAGE),
    (&REDUCTO, Operation::Ocr, DOCUMENT),
    (&RUNWAYML, Operation::ImageGeneration, IMAGE),
    (&RUNWAYML, Operation::Speech, SPEECH),
    (&SONIOX, Operation::Transcription, HEARD),
    (&STABILITY, Operation::ImageEdit, IMAGE),
    (&TOPAZ, Operation::ImageVariation, IMAGE),
    (&ELEVENLABS, Operation::Speech, r#"{"model":"m","input":"hi","voice":"x","response_format":"pcm"}"#),
];

fn call(operation: Operation, body: &str) -> Call {
    let file = match operation {
        Operation::Transcription => ("file", "a.wav", "RIFF"),
        Operation::ImageEdit | Operation::ImageVariation => ("image", "a.png", "PNG"),
        _ => return sample::call(&SURFACE, operation, body).unwrap(),
    };
    sample::form(&SURFACE, operation, body, &[file]).unwrap()
}

#[test]
fn the_laws_hold_for_all() {
    for (dialect, operation, body) in SUBJECTS {
        let (target, call) = (sample::target(sample::provider(dialect), "m"), call(operation, body));
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        laws::encoding_is_deterministic(&attempt);
        laws::every_refusal_is_explained(&attempt, "the provider's very words");
    }
}

#[test]
fn what_is_no_answer_is_the_providers_failure() {
    for (dialect, operation, body) in SUBJECTS {
        let (target, call) = (sample::target(sample::provider(dialect), "m"), call(operation, body));
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        let encoded = attempt.dialect().encode(&attempt).unwrap();
        if encoded.relay {
            continue;
        }
        let head = sample::head(200, "application/json");
        for bad in ["", "not json", "<html></html>", "{\"cut", "{}", "1"] {
            let error = attempt.dialect().decode(&attempt, &encoded, &head, bad.into()).err();
            let place = format!("{} {operation}: {bad:?}", attempt.dialect().id());
            let error = error.unwrap_or_else(|| panic!("{place}: taken for an answer"));
            assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{place}");
            laws::no_secret(&error, &place);
        }
    }
}
