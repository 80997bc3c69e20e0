//! What Textract is asked, what its blocks say, and the laws.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use lockgate_aws::{Keys, Scope};
use lockgate_core::{
    Attempt, Call, Dialect, ErrorKind, Media, MediaFile, OcrReply, Operation, Reply, Result, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};
use lockgate_textract::Textract;

static DIALECT: Textract = Textract;
static SURFACE: OpenAiSurface = OpenAiSurface;

const DETECT: &str = "detect-document-text";
const ANALYZE: &str = "analyze-document";
const INLINE: &str =
    r#"{"model":"m","document":{"type":"image_url","image_url":"data:image/png;base64,UE5H"}}"#;

fn target(model: &str) -> Target {
    let params = BTreeMap::from([("aws_region_name".to_owned(), "eu-west-1".to_owned())]);
    let target = sample::target(sample::provider(&DIALECT), model);
    Target { custom_base: false, params: Arc::new(params), ..target }
}

fn call(body: &str) -> Call {
    sample::call(&SURFACE, Operation::Ocr, body).unwrap()
}

/// What operation is asked for, and the body.
fn asked(model: &str, call: &Call, media: &Media) -> Result<(String, String, Vec<String>)> {
    let target = target(model);
    let encoded = DIALECT.encode(&Attempt { call, target: &target, media })?;
    let request = encoded.request;
    assert_eq!(request.uri().to_string(), "https://textract.eu-west-1.amazonaws.com/");
    assert_eq!(request.headers()["content-type"], "application/x-amz-json-1.1");
    let scope = Scope { service: "textract", region: "eu-west-1".to_owned() };
    assert_eq!(request.extensions().get::<Scope>(), Some(&scope));
    let operation = request.headers()["x-amz-target"].to_str().unwrap().to_owned();
    Ok((operation, String::from_utf8(request.body().to_vec()).unwrap(), encoded.notes.dropped))
}

fn read(model: &str, answer: &str) -> Result<OcrReply> {
    let (target, call) = (target(model), call(INLINE));
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let encoded = DIALECT.encode(&attempt).unwrap();
    let head = sample::head(200, "application/x-amz-json-1.1");
    match DIALECT.decode(&attempt, &encoded, &head, Bytes::copy_from_slice(answer.as_bytes()))? {
        Reply::Ocr(reply) => Ok(*reply),
        _ => panic!("another operation's answer"),
    }
}

#[test]
fn documents_come_with_the_request_or_are_in_a_bucket() {
    let none = Media::default();
    let (operation, body, _) = asked(DETECT, &call(INLINE), &none).unwrap();
    assert_eq!(operation, "Textract.DetectDocumentText");
    assert_eq!(body, r#"{"Document":{"Bytes":"UE5H"}}"#);
    let form =
        sample::form(&SURFACE, Operation::Ocr, r#"{"model":"m"}"#, &[("file", "a.pdf", "PNG")]).unwrap();
    assert_eq!(asked(DETECT, &form, &none).unwrap().1, body);
    let by_address = call(r#"{"model":"m","document":{"document_url":"https://example.com/a.png"}}"#);
    assert_eq!(DIALECT.fetches(&by_address, &target(DETECT)).unwrap(), ["https://example.com/a.png"]);
    let mut media = Media::default();
    let file = MediaFile { mime: "image/png".to_owned(), bytes: Bytes::from_static(b"PNG") };
    media.0.insert("https://example.com/a.png".to_owned(), Arc::new(file));
    assert_eq!(asked(DETECT, &by_address, &media).unwrap().1, body);
    let bucket = r#"{"model":"m","document":{"document_url":"s3://docs/a/b.pdf"},"pages":[0],"image_limit":1,"FeatureTypes":["FORMS"]}"#;
    assert!(DIALECT.fetches(&call(bucket), &target(DETECT)).unwrap().is_empty());
    let (operation, body, dropped) = asked("Analyze-Document", &call(bucket), &none).unwrap();
    assert_eq!(operation, "Textract.AnalyzeDocument");
    let expected = r#"{"Document":{"S3Object":{"Bucket":"docs","Name":"a/b.pdf"}},"FeatureTypes":["FORMS"]}"#;
    assert_eq!(body, expected);
    assert_eq!(dropped, ["image_limit", "pages"]);
    let (_, body, _) = asked(ANALYZE, &call(INLINE), &none).unwrap();
    assert_eq!(body, r#"{"Document":{"Bytes":"UE5H"},"FeatureTypes":["LAYOUT","TABLES"]}"#);
    for (model, document, param) in [
        ("analyse-document", r#"{"document_url":"data:image/png;base64,UE5H"}"#, "model"),
        (DETECT, r#"{"document_url":"s3://docs"}"#, "document"),
        (DETECT, r#"{"document_url":"data:image/png,UE5H"}"#, "document"),
        (DETECT, r#"{"type":"file"}"#, "document"),
    ] {
        let body = format!(r#"{{"model":"m","document":{document}}}"#);
        let error = asked(model, &call(&body), &none).unwrap_err();
        assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some(param)), "{document}");
    }
}

#[test]
fn the_operation_is_signed() {
    let (target, call) = (target(DETECT), call(INLINE));
    let encoded =
        DIALECT.encode(&Attempt { call: &call, target: &target, media: &Media::default() }).unwrap();
    let mut request = encoded.request;
    let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
    Keys::new("AKIDEXAMPLE", "secret", None).sign(&mut request, now).unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    assert!(authorization.contains("/20150830/eu-west-1/textract/aws4_request"), "{authorization}");
    assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target"));
}

#[test]
fn lines_are_text() {
    let answer = r#"{"DetectDocumentTextModelVersion":"1.0","DocumentMetadata":{"Pages":1},"Blocks":[
        {"BlockType":"PAGE","Id":"p","Relationships":[{"Type":"CHILD","Ids":["l1","l2"]}]},
        {"BlockType":"LINE","Id":"l1","Text":"Hello, world.","Confidence":99.6,"Geometry":{}},
        {"BlockType":"LINE","Id":"l2","Text":"How are you?"},
        {"BlockType":"WORD","Id":"w","Text":"Hello,","TextType":"PRINTED"},{"BlockType":"NEW"}]}"#;
    let reply = read(DETECT, answer).unwrap();
    assert_eq!((reply.pages.len(), &*reply.pages[0].markdown), (1, "Hello, world.\nHow are you?"));
    assert_eq!(reply.usage_info.unwrap().get(), r#"{"pages_processed":1}"#);
    assert_eq!(reply.usage.unwrap().measures.unwrap().pages, 1);
    let two =
        r#"{"Blocks":[{"BlockType":"LINE","Text":"b","Page":2},{"BlockType":"LINE","Text":"a","Page":1}]}"#;
    let pages = read(DETECT, two).unwrap().pages;
    let pages: Vec<_> = pages.iter().map(|page| (page.index, page.markdown.as_str())).collect();
    assert_eq!(pages, [(0, "a"), (1, "b")]);
    for bad in ["", "{}", "not json", r#"{"Blocks":null}"#] {
        assert_eq!(read(DETECT, bad).unwrap_err().kind(), ErrorKind::InvalidResponse, "{bad}");
    }
}

#[test]
fn a_layout_is_markdown() {
    let child = |ids: &str| format!(r#""Relationships":[{{"Type":"CHILD","Ids":[{ids}]}}]"#);
    let block = |kind: &str, id: &str, more: &str| format!(r#"{{"BlockType":"{kind}","Id":"{id}",{more}}}"#);
    let line = |id: &str, text: &str, words: &str| {
        block("LINE", id, &format!(r#""Text":"{text}",{}"#, child(words)))
    };
    let word = |id: &str, text: &str| block("WORD", id, &format!(r#""Text":"{text}""#));
    let cell = |id: &str, row: u64, column: u64, words: &str| {
        block("CELL", id, &format!(r#""RowIndex":{row},"ColumnIndex":{column},{}"#, child(words)))
    };
    let blocks = [
        line("l1", "Quarterly", ""),
        line("l2", "Report", ""),
        line("l3", "Results", ""),
        line("l4", "Apples", ""),
        line("l5", "Item Price", r#""w1","w2""#),
        line("l6", "a|b 1", r#""w3","w4""#),
        word("w1", "Item"),
        word("w2", "Price"),
        word("w3", "a|b"),
        word("w4", "1"),
        block("TABLE", "t", &child(r#""c1","c2","c3","c4""#)),
        cell("c1", 1, 1, r#""w1""#),
        cell("c2", 1, 2, r#""w2""#),
        cell("c3", 2, 1, r#""w3""#),
        cell("c4", 2, 2, r#""w4""#),
        cell("c5", u64::MAX, 0, ""),
        block("LAYOUT_TITLE", "y1", &child(r#""l1","l2""#)),
        block("LAYOUT_SECTION_HEADER", "y2", &child(r#""l3""#)),
        block("LAYOUT_LIST", "y3", &child(r#""y4""#)),
        block("LAYOUT_TEXT", "y4", &child(r#""l4""#)),
        block("LAYOUT_TABLE", "y5", &child(r#""l5","l6""#)),
        block("LAYOUT_FIGURE", "y6", &child(r#""gone""#)),
        block("LAYOUT_NEW", "y7", &child(r#""l3","l4""#)),
    ];
    let reply = read(ANALYZE, &format!(r#"{{"Blocks":[{}]}}"#, blocks.join(","))).unwrap();
    let table = "| Item | Price |\n| --- | --- |\n| a\\|b | 1 |";
    let expected = format!("# Quarterly Report\n\n## Results\n\n- Apples\n\n{table}\n\nResults\nApples");
    assert_eq!(reply.pages[0].markdown, expected);
}

#[test]
fn refusals_say_what_they_are() {
    let (target, call) = (target(DETECT), call(INLINE));
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    for (name, kind) in [
        ("ProvisionedThroughputExceededException", ErrorKind::RateLimit),
        ("com.amazon.coral.service#ThrottlingException", ErrorKind::RateLimit),
        ("UnrecognizedClientException", ErrorKind::Authentication),
        ("AccessDeniedException", ErrorKind::PermissionDenied),
        ("DocumentTooLargeException", ErrorKind::TooLarge),
        ("UnsupportedDocumentException", ErrorKind::BadRequest),
    ] {
        let body = Bytes::from(format!(r#"{{"__type":"{name}","Message":"No."}}"#));
        let error = DIALECT.reject(&attempt, &sample::head(400, "application/x-amz-json-1.1"), &body);
        assert_eq!((error.kind(), error.status(), error.message()), (kind, Some(400), "No."), "{name}");
        assert_eq!(error.type_(), name.rsplit('#').next());
    }
    laws::encoding_is_deterministic(&attempt);
    laws::every_refusal_is_explained(&attempt, "the provider's very words");
}
