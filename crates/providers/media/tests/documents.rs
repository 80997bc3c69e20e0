//! Documents: how they get to the provider, and what comes back as pages.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockgate_core::{Call, Error, ErrorKind, OcrReply, Operation, Reply};
use lockgate_media::REDUCTO;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{sample, steps};

static SURFACE: OpenAiSurface = OpenAiSurface;

/// As in Reducto's documentation.
const PARSED: &str = r#"{"job_id":"7600c8c5","duration":3.89,"result":{"type":"full","chunks":[
    {"content":"all","embed":"all","blocks":[
        {"type":"Title","content":"Report","bbox":{"left":0.1,"top":0.2,"width":0.3,"height":0.4,"page":1,"original_page":1},"confidence":"high"},
        {"type":"Text","content":"","bbox":{"page":1}},
        {"type":"Text","content":"One.","bbox":{"page":1}},
        {"type":"Text","content":"Two.","bbox":{"page":2}},
        {"type":"Text","content":"nowhere"}]}]},
    "usage":{"num_pages":2,"credits":2.5},"pdf_url":"https://…","studio_link":null}"#;

fn walked(model: &str, call: &Call, answers: &[&str]) -> (Vec<String>, Result<OcrReply, Error>) {
    let answers: Vec<&[u8]> = answers.iter().map(|answer| answer.as_bytes()).collect();
    let (sent, reply) = steps::walked(&sample::target(sample::provider(&REDUCTO), model), call, &answers);
    let read = |reply| match reply {
        Reply::Ocr(reply) => *reply,
        other => panic!("{other:?}"),
    };
    (sent, reply.map(read))
}

fn call(document: &str, more: &str) -> Call {
    let body = format!(r#"{{"model":"m","document":{document}{more}}}"#);
    sample::call(&SURFACE, Operation::Ocr, &body).unwrap()
}

const PDF: &str = r#"{"type":"document_url","document_url":"https://example.com/a.pdf"}"#;

#[test]
fn addresses_go_as_they_are() {
    let more = r#","pages":[0,2],"settings":{"timeout":60},"include_image_base64":true,"retrieval":{"a":1}"#;
    let (sent, reply) = walked("parse-v3", &call(PDF, more), &[PARSED]);
    let expected = r#"POST /parse {"retrieval":{"a":1},"settings":{"timeout":60,"page_range":[1,3]},"input":"https://example.com/a.pdf"}"#;
    assert_eq!(sent, [expected]);
    let reply = reply.unwrap();
    let pages: Vec<_> = reply.pages.iter().map(|page| (page.index, page.markdown.as_str())).collect();
    assert_eq!(pages, [(0, "Report\n\nOne."), (1, "Two.")]);
    assert!(reply.pages[0].extra.get("blocks").unwrap().get().contains(r#""confidence":"high""#));
    assert_eq!(reply.usage_info.unwrap().get(), r#"{"pages_processed":2,"credits":2.5}"#);
    let measures = reply.usage.unwrap().measures.unwrap();
    assert_eq!((measures.pages, measures.millicredits), (2, 2500));
    let kept = call(r#"{"document_url":"reducto://abc.pdf"}"#, r#","enhance":{"agentic":[]},"pages":[1]"#);
    let (sent, _) = walked("parse-legacy", &kept, &[PARSED]);
    let expected = r#"POST /parse {"options":{"enhance":{"agentic":[]}},"advanced_options":{"page_range":[2]},"document_url":"reducto://abc.pdf"}"#;
    assert_eq!(sent, [expected]);
}

#[test]
fn contents_are_uploaded_first() {
    let inline = call(r#"{"type":"image_url","image_url":"data:image/png;base64,UE5H"}"#, "");
    let id = r#"{"file_id":"reducto://x.png","presigned_url":null}"#;
    let (sent, reply) = walked("parse-v3", &inline, &[id, PARSED]);
    assert!(sent[0].starts_with("POST /upload --lockgate-") && sent[0].contains("PNG"), "{}", sent[0]);
    assert!(sent[0].contains(r#"name="file"; filename="document.png""#), "{}", sent[0]);
    assert_eq!(sent[1], r#"POST /parse {"input":"reducto://x.png"}"#);
    assert_eq!(reply.unwrap().pages.len(), 2);
    let fields = r#"{"model":"m","pages":"[4]","formatting":"{\"table_output_format\":\"md\"}"}"#;
    let form = sample::form(&SURFACE, Operation::Ocr, fields, &[("file", "a.pdf", "%PDF")]).unwrap();
    let (sent, _) = walked("parse-v3", &form, &[id, PARSED]);
    assert!(sent[0].starts_with("POST /upload --b") && sent[0].contains("%PDF"), "{}", sent[0]);
    let expected = r#"POST /parse {"formatting":{"table_output_format":"md"},"settings":{"page_range":[5]},"input":"reducto://x.png"}"#;
    assert_eq!(sent[1], expected);
}

#[test]
fn long_results_are_fetched() {
    let elsewhere =
        r#"{"result":{"type":"url","url":"https://cdn.example/r.json"},"usage":{"num_pages":1,"credits":1}}"#;
    for file in [r#"[{"content":"Hello","blocks":[]}]"#, r#"{"type":"full","chunks":[{"content":"Hello"}]}"#]
    {
        let (sent, reply) = walked("parse-v3", &call(PDF, ""), &[elsewhere, file]);
        assert_eq!(sent[1], "FILE https://cdn.example/r.json");
        let reply = reply.unwrap();
        assert_eq!((reply.pages.len(), &*reply.pages[0].markdown), (1, "Hello"));
        assert_eq!(reply.usage.unwrap().measures.unwrap().millicredits, 1000);
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let encode = |call: &Call| {
        let target = sample::target(sample::provider(&REDUCTO), "parse-v3");
        let attempt =
            lockgate_core::Attempt { call, target: &target, media: &lockgate_core::Media::default() };
        attempt.dialect().encode(&attempt).err().unwrap()
    };
    for (document, more, param) in [
        (r#"{"type":"file"}"#, "", "document"),
        (r#"{"document_url":"data:application/pdf;base64,%%"}"#, "", "document"),
        (r#"{"document_url":"data:application/pdf,abc"}"#, "", "document"),
        (PDF, r#","pages":"1-3""#, "pages"),
    ] {
        let error = encode(&call(document, more));
        assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some(param)), "{document}{more}");
    }
    for answer in ["{}", r#"{"result":null}"#, "[]", "not json"] {
        let (_, reply) = walked("parse-v3", &call(PDF, ""), &[answer]);
        assert_eq!(reply.unwrap_err().kind(), ErrorKind::InvalidResponse, "{answer}");
    }
}
