//! Pictures made of pictures, speech and its writing down, as contents that are generated.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockgate_core::{Attempt, Call, ErrorKind, Media, Operation, Reply};
use lockgate_gemini::Gemini;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample, steps};

static DIALECT: Gemini = Gemini;
static SURFACE: OpenAiSurface = OpenAiSurface;

const EDIT: &str = r#"{"model":"m","prompt":"p","n":"1"}"#;
const HEARD: &str = r#"{"model":"m","language":"de","temperature":"0.5"}"#;
const SPEECH: &str = r#"{"model":"m","input":"hi","voice":"alloy","instructions":"Be glad."}"#;

fn call(operation: Operation, body: &str) -> Call {
    let file = match operation {
        Operation::ImageEdit => ("image", "a.png", "PNG"),
        Operation::Speech => return sample::call(&SURFACE, operation, body).unwrap(),
        _ => ("file", "a.wav", "RIFF"),
    };
    sample::form(&SURFACE, operation, body, &[file]).unwrap()
}

fn one(
    model: &str,
    operation: Operation,
    body: &str,
    answer: &str,
) -> (String, lockgate_core::Result<Reply>) {
    let target = sample::target(sample::provider(&DIALECT), model);
    let (sent, reply) = steps::walked(&target, &call(operation, body), &[answer.as_bytes()]);
    (sent[0].clone(), reply)
}

fn content(part: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{part}]}}}}],"usageMetadata":{{"promptTokenCount":3,"candidatesTokenCount":4}}}}"#
    )
}

#[test]
fn pictures_are_edited() {
    let picture = content(r#"{"inlineData":{"mimeType":"image/png","data":"AA=="}}"#);
    let (sent, reply) = one("gemini-2.5-flash-image", Operation::ImageEdit, EDIT, &picture);
    let parts = r#"[{"inlineData":{"mimeType":"image/png","data":"UE5H"}},{"text":"p"}]"#;
    assert!(
        sent.starts_with("POST /models/gemini-2.5-flash-image:generateContent ") && sent.contains(parts),
        "{sent}"
    );
    let Ok(Reply::Images(images)) = reply else { panic!("{reply:?}") };
    assert_eq!(images.images[0].base64.as_deref(), Some("AA=="));
    let predicted = r#"{"predictions":[{"bytesBase64Encoded":"AA=="}]}"#;
    let (sent, reply) = one("imagen-3.0-capability-001", Operation::ImageEdit, EDIT, predicted);
    let reference = r#""referenceImages":[{"referenceType":"REFERENCE_TYPE_RAW","referenceId":1,"referenceImage":{"bytesBase64Encoded":"UE5H"}}]"#;
    assert!(sent.contains(reference) && sent.contains(r#""editMode":"EDIT_MODE_DEFAULT""#), "{sent}");
    assert!(reply.is_ok());
}

#[test]
fn texts_are_spoken() {
    let sound = content(r#"{"inlineData":{"mimeType":"audio/L16;codec=pcm;rate=24000","data":"AQIDBA=="}}"#);
    let (sent, reply) = one("gemini-2.5-flash-preview-tts", Operation::Speech, SPEECH, &sound);
    assert_eq!(
        sent,
        concat!(
            r#"POST /models/gemini-2.5-flash-preview-tts:generateContent "#,
            r#"{"contents":[{"role":"user","parts":[{"text":"Be glad.\n\nhi"}]}],"generationConfig":"#,
            r#"{"responseModalities":["AUDIO"],"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}}}}}"#
        )
    );
    let Ok(Reply::Audio(audio)) = reply else { panic!("{reply:?}") };
    assert_eq!((audio.mime.as_str(), audio.bytes.len(), &audio.bytes[..4]), ("audio/wav", 48, &b"RIFF"[..]));
    assert_eq!(audio.usage.unwrap().output, 4);
    let plain =
        r#"{"model":"m","input":"hi","voice":{"multiSpeakerVoiceConfig":{}},"response_format":"pcm"}"#;
    let (sent, reply) = one("gemini-2.5-flash-preview-tts", Operation::Speech, plain, &sound);
    assert!(sent.contains(r#""speechConfig":{"multiSpeakerVoiceConfig":{}}"#), "{sent}");
    let Ok(Reply::Audio(audio)) = reply else { panic!("{reply:?}") };
    assert_eq!((audio.mime.as_str(), &audio.bytes[..]), ("audio/pcm", &[1, 2, 3, 4][..]));
}

#[test]
fn speech_is_written_down() {
    let text = content(r#"{"text":"hm","thought":true},{"text":"Guten Tag.\n"}"#);
    for (operation, wish) in
        [(Operation::Transcription, "word by word"), (Operation::Translation, "into English")]
    {
        let (sent, reply) = one("gemini-2.5-flash", operation, HEARD, &text);
        assert!(sent.contains(wish) && sent.contains("`de`"), "{sent}");
        assert!(sent.contains(r#"{"inlineData":{"mimeType":"audio/wav","data":"UklGRg=="}}"#), "{sent}");
        assert!(sent.ends_with(r#""generationConfig":{"temperature":0.5}}"#), "{sent}");
        let Ok(Reply::Transcription(reply)) = reply else { panic!("{reply:?}") };
        assert_eq!((reply.text.as_str(), reply.usage.unwrap().input), ("Guten Tag.", 3));
    }
    let subtitles = call(Operation::Transcription, r#"{"model":"m","response_format":"srt"}"#);
    let target = sample::target(sample::provider(&DIALECT), "gemini-2.5-flash");
    let attempt = Attempt { call: &subtitles, target: &target, media: &Media::default() };
    let refused = attempt.dialect().encode(&attempt).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::UnsupportedParams);
}

#[test]
fn the_laws_hold() {
    for (operation, body) in [
        (Operation::ImageEdit, EDIT),
        (Operation::Speech, SPEECH),
        (Operation::Transcription, HEARD),
        (Operation::Translation, HEARD),
    ] {
        let (target, call) = (sample::target(sample::provider(&DIALECT), "gemini-x"), call(operation, body));
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        laws::encoding_is_deterministic(&attempt);
        laws::every_refusal_is_explained(&attempt, "the provider's very words");
        for bad in ["", "not json", "<html></html>", "{\"cut", "{}", "1"] {
            let (_, reply) = one("gemini-x", operation, body, bad);
            assert_eq!(
                reply.err().map(|error| error.kind()),
                Some(ErrorKind::InvalidResponse),
                "{operation}: {bad}"
            );
        }
    }
}

#[test]
fn videos_are_files_by_their_address() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"?"},
        {"type":"video_url","video_url":{"url":"https://youtu.be/x"}},
        {"type":"video_url","video_url":{"url":"https://e.com/v.mp4"}}]}]}"#;
    let (target, call) = (
        sample::target(sample::provider(&DIALECT), "gemini-2.5-flash"),
        sample::call(&SURFACE, Operation::Chat, body).unwrap(),
    );
    let mut media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    assert_eq!(attempt.dialect().fetches(&call, &target).unwrap(), ["https://e.com/v.mp4"]);
    let clip = lockgate_core::MediaFile { mime: "video/mp4".to_owned(), bytes: "clip".into() };
    media.0.insert("https://e.com/v.mp4".to_owned(), clip.into());
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let sent = attempt.dialect().encode(&attempt).unwrap().request.body().to_vec();
    let sent = String::from_utf8(sent).unwrap();
    assert!(sent.contains("https://youtu.be/x") && sent.contains("Y2xpcA=="), "{sent}");
}
