//! What is asked, step by step, and what comes of it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockgate_core::{Call, Error, Operation, Reply};
use lockgate_media::{
    ASSEMBLYAI, BLACK_FOREST_LABS, CHAT_IMAGES, DASHSCOPE, FAL_AI, MISTRAL_SPEECH, RECRAFT_EDITS, RUNWAYML,
    SONIOX, STABILITY, TOPAZ, api::Simple,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{sample, steps};

static SURFACE: OpenAiSurface = OpenAiSurface;

fn call(operation: Operation, body: &str, files: &[(&str, &str, &str)]) -> Call {
    if files.is_empty() {
        return sample::call(&SURFACE, operation, body).unwrap();
    }
    sample::form(&SURFACE, operation, body, files).unwrap()
}

/// What is sent when these are the answers, and what the client gets.
fn walked(
    dialect: &'static Simple,
    model: &str,
    call: &Call,
    answers: &[&str],
) -> (Vec<String>, Result<Reply, Error>) {
    let answers: Vec<&[u8]> = answers.iter().map(|answer| answer.as_bytes()).collect();
    steps::walked(&sample::target(sample::provider(dialect), model), call, &answers)
}

fn urls(reply: Result<Reply, Error>) -> Vec<String> {
    let Ok(Reply::Images(images)) = reply else { panic!("no pictures: {reply:?}") };
    let image = |image: lockgate_core::Image| image.url.or(image.base64).unwrap();
    images.images.into_iter().map(image).collect()
}

#[test]
fn black_forest_labs() {
    let image =
        call(Operation::ImageGeneration, r#"{"model":"m","prompt":"p","size":"1024x768","seed":4}"#, &[]);
    let ready = r#"{"status":"Ready","result":{"sample":"https://cdn.example/a.png"}}"#;
    let answers =
        [r#"{"id":"1","polling_url":"https://evil.example/x"}"#, r#"{"id":"1","status":"Pending"}"#, ready];
    let (sent, reply) = walked(&BLACK_FOREST_LABS, "flux-pro-1.1", &image, &answers);
    assert_eq!(
        sent,
        [
            r#"POST /flux-pro-1.1 {"prompt":"p","width":1024,"height":768,"seed":4}"#,
            "GET /get_result?id=1",
            "GET /get_result?id=1"
        ]
    );
    assert_eq!(urls(reply), ["https://cdn.example/a.png"]);
    let body =
        r#"{"model":"m","prompt":"p","size":"1792x1024","quality":"hd","n":2,"response_format":"b64_json"}"#;
    let inline = call(Operation::ImageGeneration, body, &[]);
    let answers = [r#"{"id":"1","polling_url":"http://upstream.test/poll?id=1"}"#, ready, "\u{89}PNG"];
    let (sent, reply) = walked(&BLACK_FOREST_LABS, "flux-pro-1.1-ultra", &inline, &answers);
    assert_eq!(
        sent,
        [
            r#"POST /flux-pro-1.1-ultra {"prompt":"p","aspect_ratio":"16:9","num_images":2,"raw":true}"#,
            "GET /poll?id=1",
            "FILE https://cdn.example/a.png"
        ]
    );
    assert_eq!(urls(reply), ["wolQTkc="]);
    let edit = call(Operation::ImageEdit, r#"{"model":"m","prompt":"p"}"#, &[("image", "a.png", "PNG")]);
    let moderated = [r#"{"id":"1"}"#, r#"{"status":"Content Moderated"}"#];
    let (sent, reply) = walked(&BLACK_FOREST_LABS, "flux-kontext-pro", &edit, &moderated);
    assert_eq!(sent[0], r#"POST /flux-kontext-pro {"prompt":"p","input_image":"UE5H"}"#);
    assert_eq!(reply.unwrap_err().kind(), lockgate_core::ErrorKind::ContentPolicy);
    let files = [("image", "a.png", "PNG"), ("mask", "m.png", "MASK")];
    let fill = call(Operation::ImageEdit, r#"{"model":"m","prompt":"p","steps":5}"#, &files);
    let (sent, reply) =
        walked(&BLACK_FOREST_LABS, "flux-pro-1.0-fill", &fill, &[r#"{"id":"1","status":"Error"}"#]);
    assert_eq!(
        sent[0],
        r#"POST /flux-pro-1.0-fill {"prompt":"p","image":"UE5H","mask":"TUFTSw==","steps":5}"#
    );
    assert!(reply.unwrap_err().message().contains("failed: Error"));
}

#[test]
fn runway() {
    let image = call(Operation::ImageGeneration, r#"{"model":"m","prompt":"p","size":"1024x1024"}"#, &[]);
    let done = r#"{"id":"t-1","status":"SUCCEEDED","output":["https://cdn.example/a.png"]}"#;
    let (sent, reply) = walked(
        &RUNWAYML,
        "gen4_image",
        &image,
        &[r#"{"id":"t-1"}"#, r#"{"id":"t-1","status":"RUNNING"}"#, done],
    );
    assert_eq!(
        sent,
        [
            r#"POST /text_to_image {"model":"gen4_image","promptText":"p","ratio":"1024:1024"}"#,
            "GET /tasks/t-1",
            "GET /tasks/t-1"
        ]
    );
    assert_eq!(urls(reply), ["https://cdn.example/a.png"]);
    let speech = call(Operation::Speech, r#"{"model":"m","input":"hi","voice":"alloy"}"#, &[]);
    let (sent, reply) =
        walked(&RUNWAYML, "eleven_multilingual_v2", &speech, &[r#"{"id":"t-1"}"#, done, "ID3\u{0}sound"]);
    assert_eq!(sent[2], "FILE https://cdn.example/a.png");
    let voice = r#""voice":{"type":"runway-preset","presetId":"Maya"}"#;
    assert!(sent[0].starts_with("POST /text_to_speech ") && sent[0].contains(voice), "{}", sent[0]);
    assert!(reply.is_err(), "text is no sound");
    let failed = r#"{"id":"t-1","status":"FAILED","failure":"no","failureCode":"SAFETY.INPUT.TEXT"}"#;
    let (_, reply) = walked(&RUNWAYML, "gen4_image", &image, &[r#"{"id":"t-1"}"#, failed]);
    assert_eq!(reply.unwrap_err().kind(), lockgate_core::ErrorKind::ContentPolicy);
}

#[test]
fn soniox() {
    let body = r#"{"model":"m","language":"de","enable_speaker_diarization":"true"}"#;
    let heard = call(Operation::Transcription, body, &[("file", "a.wav", "RIFF")]);
    let transcript = r#"{"id":"j-1","text":"Guten Tag","tokens":[
        {"text":"Gut","start_ms":0,"end_ms":200,"language":"de"},{"text":"en","start_ms":200,"end_ms":300},
        {"text":" Tag","start_ms":400,"end_ms":900}]}"#;
    let answers = [
        r#"{"id":"f-1"}"#,
        r#"{"id":"j-1","status":"queued"}"#,
        r#"{"id":"j-1","status":"completed","audio_duration_ms":1000}"#,
        transcript,
        "",
        r#"{"message":"gone"}"#,
    ];
    let (sent, reply) = walked(&SONIOX, "stt-async-v4", &heard, &answers);
    assert!(sent[0].starts_with("POST /files --b\r\n"), "{}", sent[0]);
    let job = r#"{"model":"stt-async-v4","language_hints":["de"],"enable_speaker_diarization":true,"file_id":"f-1"}"#;
    assert_eq!(
        sent[1..],
        [
            format!("POST /transcriptions {job}"),
            "GET /transcriptions/j-1".to_owned(),
            "GET /transcriptions/j-1/transcript".to_owned(),
            "DELETE /transcriptions/j-1".to_owned(),
            "DELETE /files/f-1".to_owned(),
        ]
    );
    let Ok(Reply::Transcription(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!((reply.text.as_str(), reply.language.as_deref()), ("Guten Tag", Some("de")));
    let words = r#"[{"word":"Guten","start":0.0,"end":0.3},{"word":"Tag","start":0.4,"end":0.9}]"#;
    assert_eq!(reply.words.unwrap().get(), words);
    assert_eq!(reply.usage.unwrap().measures.unwrap().input_millis, 1000);
    let failed = [r#"{"id":"f-1"}"#, r#"{"id":"j-1","status":"error","error_message":"no sound"}"#];
    let (_, reply) = walked(&SONIOX, "stt-async-v4", &heard, &failed);
    assert!(reply.unwrap_err().message().ends_with("no sound"));
}

#[test]
fn dashscope() {
    let image = call(
        Operation::ImageGeneration,
        r#"{"model":"m","prompt":"p","size":"1664x928","n":1,"seed":4}"#,
        &[],
    );
    let made = r#"{"output":{"choices":[{"message":{"content":[{"image":"https://cdn.example/a.png"}]}}]}}"#;
    let (sent, reply) = walked(&DASHSCOPE, "qwen-image-2.0", &image, &[made]);
    let body = r#"{"model":"qwen-image-2.0","input":{"messages":[{"role":"user","content":[{"text":"p"}]}]},"parameters":{"size":"1664*928","n":1,"seed":4}}"#;
    assert_eq!(sent, [format!("POST /api/v1/services/aigc/multimodal-generation/generation {body}")]);
    assert_eq!(urls(reply), ["https://cdn.example/a.png"]);
    let answers = [
        r#"{"output":{"task_id":"t-1","task_status":"PENDING"}}"#,
        r#"{"output":{"task_id":"t-1","task_status":"SUCCEEDED","results":[{"url":"https://cdn.example/b.png"}]}}"#,
    ];
    let (sent, reply) = walked(&DASHSCOPE, "wan2.2-t2i-flash", &image, &answers);
    assert_eq!(sent[1], "GET /api/v1/tasks/t-1");
    assert_eq!(urls(reply), ["https://cdn.example/b.png"]);
    let rerank = call(Operation::Rerank, r#"{"model":"m","query":"q","documents":["a","b"],"top_n":1}"#, &[]);
    let nested = r#"{"output":{"results":[{"index":1,"relevance_score":0.9}]},"usage":{"total_tokens":7}}"#;
    for (model, answer) in
        [("gte-rerank-v2", nested), ("qwen3-rerank", r#"{"results":[{"index":1,"relevance_score":0.9}]}"#)]
    {
        let (sent, reply) = walked(&DASHSCOPE, model, &rerank, &[answer]);
        assert!(sent[0].contains("rerank"), "{}", sent[0]);
        let Ok(Reply::Rerank(reply)) = reply else { panic!("{reply:?}") };
        assert_eq!((reply.results[0].index, reply.results[0].score.get()), (1, "0.9"));
    }
}

#[test]
fn edits_of_pictures() {
    let files = [("image", "a.png", "PNG"), ("image[]", "b.png", "GNP")];
    let edit = call(Operation::ImageEdit, r#"{"model":"m","prompt":"p"}"#, &files);
    let listed = r#"{"images":[{"url":"https://cdn.example/a.png"}]}"#;
    let (one, two) = ("data:image/png;base64,UE5H", "data:image/png;base64,R05Q");
    for (model, expected) in [
        ("fal-ai/nano-banana/edit", format!(r#"{{"prompt":"p","image_urls":["{one}","{two}"]}}"#)),
        ("fal-ai/flux-pro/kontext", format!(r#"{{"prompt":"p","image_url":"{one}"}}"#)),
    ] {
        let (sent, reply) = walked(&FAL_AI, model, &edit, &[listed]);
        assert_eq!(sent, [format!("POST /{model} {expected}")]);
        assert_eq!(urls(reply), ["https://cdn.example/a.png"]);
    }
    let said = r#"{"choices":[{"message":{"images":[{"image_url":{"url":"data:image/png;base64,AA=="}}]}}]}"#;
    let (sent, reply) = walked(&CHAT_IMAGES, "google/gemini-image", &edit, &[said]);
    let part = |url| format!(r#"{{"type":"image_url","image_url":{{"url":"{url}"}}}}"#);
    let content = format!(r#"[{{"type":"text","text":"p"}},{},{}]"#, part(one), part(two));
    assert!(sent[0].contains(&content), "{}", sent[0]);
    assert_eq!(urls(reply), ["AA=="]);
    let (sent, reply) =
        walked(&STABILITY, "search-and-replace", &edit, &[r#"{"image":"AA==","finish_reason":"SUCCESS"}"#]);
    assert!(sent[0].starts_with("POST /v2beta/stable-image/edit/search-and-replace "), "{}", sent[0]);
    assert_eq!(urls(reply), ["AA=="]);
    let (sent, reply) = walked(
        &STABILITY,
        "creative",
        &edit,
        &[r#"{"id":"x1"}"#, r#"{"id":"x1","status":"in-progress"}"#, r#"{"image":"AA=="}"#],
    );
    assert_eq!(sent[1..], ["GET /v2beta/results/x1", "GET /v2beta/results/x1"]);
    assert_eq!(urls(reply), ["AA=="]);
    let (sent, _) = walked(&STABILITY, "style-transfer", &edit, &[r#"{"image":"AA=="}"#]);
    assert!(
        sent[0].contains("name=\"init_image\"") && sent[0].contains("name=\"style_image\""),
        "{}",
        sent[0]
    );
    let (sent, _) = walked(&RECRAFT_EDITS, "recraftv3", &edit, &[r#"{"data":[{"url":"u"}]}"#]);
    assert!(
        sent[0].starts_with("POST /images/imageToImage ")
            && sent[0].contains("name=\"strength\"\r\n\r\n0.2\r\n")
    );
    let vary =
        call(Operation::ImageVariation, r#"{"model":"m","size":"2048x2048"}"#, &[("image", "a.png", "PNG")]);
    let (sent, reply) = walked(&TOPAZ, "Standard V2", &vary, &["II*\0rest"]);
    assert!(
        sent[0].starts_with("POST /image/v1/enhance ")
            && sent[0].contains("name=\"output_width\"\r\n\r\n2048\r\n")
    );
    assert_eq!(urls(reply), ["SUkqAHJlc3Q="]);
}

#[test]
fn mistral_speaks() {
    let speech =
        call(Operation::Speech, r#"{"model":"m","input":"hi","voice":"v","response_format":"wav"}"#, &[]);
    let (sent, reply) =
        walked(&MISTRAL_SPEECH, "voxtral-mini-tts-latest", &speech, &[r#"{"audio_data":"UklGRg=="}"#]);
    let body = r#"{"model":"voxtral-mini-tts-latest","input":"hi","voice_id":"v","response_format":"wav","stream":false}"#;
    assert_eq!(sent, [format!("POST /audio/speech {body}")]);
    let Ok(Reply::Audio(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!((&reply.bytes[..], reply.mime.as_str()), (&b"RIFF"[..], "audio/wav"));
}

#[test]
fn assemblyai() {
    let heard = call(
        Operation::Transcription,
        r#"{"model":"m","speaker_labels":"true"}"#,
        &[("file", "a.wav", "RIFF")],
    );
    let done = r#"{"id":"t-1","status":"completed","text":"Hi you","language_code":"en","audio_duration":2,"words":[{"text":"Hi","start":100,"end":300}]}"#;
    let answers = [r#"{"upload_url":"https://cdn.example/u"}"#, r#"{"id":"t-1","status":"queued"}"#, done];
    let (sent, reply) = walked(&ASSEMBLYAI, "best", &heard, &answers);
    assert_eq!(
        sent,
        [
            "POST /v2/upload RIFF",
            r#"POST /v2/transcript {"speech_model":"best","language_detection":true,"speaker_labels":true,"audio_url":"https://cdn.example/u"}"#,
            "GET /v2/transcript/t-1"
        ]
    );
    let Ok(Reply::Transcription(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!(
        (reply.text.as_str(), reply.words.unwrap().get()),
        ("Hi you", r#"[{"word":"Hi","start":0.1,"end":0.3}]"#)
    );
    assert_eq!(reply.usage.unwrap().measures.unwrap().input_millis, 2000);
    let (_, reply) = walked(
        &ASSEMBLYAI,
        "best",
        &heard,
        &[answers[0], r#"{"id":"t-1","status":"error","error":"no sound"}"#],
    );
    assert!(reply.unwrap_err().message().ends_with("no sound"));
}
