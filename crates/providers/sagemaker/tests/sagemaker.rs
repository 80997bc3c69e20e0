//! The laws of every dialect, for SageMaker's.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockgate_aws::{Scope, write_frame};
use lockgate_core::{Attempt, Dialect, Encoded, Event, Media, Operation, Target};
use lockgate_openai::OpenAiSurface;
use lockgate_sagemaker::{SageMaker, SageMakerChat};
use lockgate_testkit::{laws, sample};
use serde_json::Value;

static TEXT: SageMaker = SageMaker;
static CHAT: SageMakerChat = SageMakerChat;
static OPENAI: OpenAiSurface = OpenAiSurface;

const STREAM: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0,"n":2,"stream":true}"#;

fn with(dialect: &'static dyn Dialect, test: impl FnOnce(&Attempt<'_>, &Encoded)) {
    let target = Target { custom_base: false, ..sample::target(sample::provider(dialect), "my-endpoint") };
    let call = sample::call(&OPENAI, Operation::Chat, STREAM).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    test(&attempt, &dialect.encode(&attempt).unwrap());
}

/// Text cut into parts of this size.
fn parts(text: &str, size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in text.as_bytes().chunks(size) {
        write_frame(&mut out, "event", "PayloadPart", piece.to_vec());
    }
    out
}

const TOKENS: &str = "data:{\"token\":{\"id\":1,\"text\":\"Pa\",\"special\":false}}\n\n\
    data:{\"token\":{\"id\":2,\"text\":\"ris é\",\"special\":false}}\n\n\
    data:{\"token\":{\"id\":3,\"text\":\"\",\"special\":true},\"generated_text\":\"Paris é\"}\n\n";

const CHUNKS: &str = "data: {\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Paris\"}}]}\n\n\
    data: {\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

#[test]
fn endpoints_are_addressed_and_signed_for() {
    with(&TEXT, |attempt, encoded| {
        let url = "https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/my-endpoint/invocations-response-stream";
        assert_eq!(encoded.request.uri().to_string(), url);
        assert_eq!(encoded.request.extensions().get::<Scope>().unwrap().service, "sagemaker");
        let body: Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        assert_eq!(body["inputs"], "hi");
        let settings = serde_json::json!({"temperature": 0.01, "best_of": 2, "do_sample": true});
        assert_eq!(body["parameters"], settings);
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
}

#[test]
fn streams_are_read_alike_however_they_are_cut() {
    for (dialect, text) in [(&TEXT as &'static dyn Dialect, TOKENS), (&CHAT, CHUNKS)] {
        for size in [40, 4096] {
            let stream = parts(text, size);
            with(dialect, |attempt, encoded| {
                let head = sample::head(200, "application/vnd.amazon.eventstream");
                let decoders = || dialect.stream(attempt, encoded, &head);
                let events = laws::any_chunking_gives_the_same_events(&decoders, &stream);
                laws::a_good_stream_is_well_formed(&events);
                laws::a_cut_off_stream_is_an_error(&decoders, &stream);
                assert!(
                    events.iter().any(|event| matches!(event, Event::Text { text, .. } if !text.is_empty()))
                );
                laws::garbage_never_panics(&decoders, &|| dialect.probe(encoded), &stream, 100);
            });
        }
    }
}

#[test]
fn texts_to_continue_stand_as_they_are() {
    let target = sample::target(sample::provider(&TEXT), "meta-textgeneration-llama-2-7b-chat");
    let body = r#"{"model":"m","prompt":"The capital is","max_tokens":4}"#;
    let call = sample::call(&OPENAI, Operation::Completion, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let encoded = TEXT.encode(&attempt).unwrap();
    let body: Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
    assert_eq!(body["inputs"], "The capital is");
    assert_eq!(body["parameters"]["max_new_tokens"], 4);
    let head = sample::head(200, "application/json");
    assert!(TEXT.decode(&attempt, &encoded, &head, r#"[{"generated_text":" Paris"}]"#.into()).is_ok());
}
