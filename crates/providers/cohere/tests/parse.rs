//! Pictures of documents: what is asked, and what comes back as pages.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use lockgate_cohere::Cohere;
use lockgate_core::{
    Attempt, Call, Dialect, ErrorKind, Media, MediaFile, OcrReply, Operation, Reply, Result,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static DIALECT: Cohere = Cohere;
static SURFACE: OpenAiSurface = OpenAiSurface;

const RECEIPT: &str =
    r#"{"model":"m","document":{"type":"image_url","image_url":"https://example.com/receipt.png"}}"#;

fn sent(call: &Call, media: &Media) -> Result<(String, Vec<String>)> {
    let target = sample::target(sample::provider(&DIALECT), "parse-v5.0");
    let encoded = DIALECT.encode(&Attempt { call, target: &target, media })?;
    let request = encoded.request;
    let text = String::from_utf8(request.body().to_vec()).unwrap();
    Ok((format!("{} {text}", request.uri().path()), encoded.notes.dropped))
}

fn read(answer: &str) -> Result<OcrReply> {
    let target = sample::target(sample::provider(&DIALECT), "parse-v5.0");
    let call = sample::call(&SURFACE, Operation::Ocr, RECEIPT).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let encoded = DIALECT.encode(&attempt).unwrap();
    let head = sample::head(200, "application/json");
    match DIALECT.decode(&attempt, &encoded, &head, Bytes::copy_from_slice(answer.as_bytes()))? {
        Reply::Ocr(reply) => Ok(*reply),
        _ => panic!("another operation's answer"),
    }
}

#[test]
fn pictures_by_address_and_by_content() {
    let call = |body: &str| sample::call(&SURFACE, Operation::Ocr, body).unwrap();
    let asked = |url: &str, more: &str| {
        let document = format!(r#"{{"type":"image_url","image_url":"{url}"}}"#);
        format!(r#"/v2/parse {{"model":"parse-v5.0","document":{document}{more}}}"#)
    };
    let none = Media::default();
    let url = "https://example.com/receipt.png";
    assert_eq!(sent(&call(RECEIPT), &none).unwrap(), (asked(url, ""), Vec::new()));
    let body = format!(
        r#"{{"model":"m","document":{{"type":"image_url","image_url":{{"url":"{url}"}}}},"output_format":"blocks","pages":[0],"image_limit":3}}"#
    );
    let (text, dropped) = sent(&call(&body), &none).unwrap();
    assert_eq!(text, asked(url, r#","output_format":"blocks""#));
    assert_eq!(dropped, ["image_limit", "pages"]);
    let mut media = Media::default();
    let file = MediaFile { mime: "image/png".to_owned(), bytes: Bytes::from_static(b"PNG") };
    media.0.insert(url.to_owned(), Arc::new(file));
    assert_eq!(sent(&call(RECEIPT), &media).unwrap().0, asked("data:image/png;base64,UE5H", ""));
    let form =
        sample::form(&SURFACE, Operation::Ocr, r#"{"model":"m"}"#, &[("file", "a.jpg", "PNG")]).unwrap();
    assert_eq!(sent(&form, &none).unwrap().0, asked("data:image/jpeg;base64,UE5H", ""));
    let error = sent(&call(r#"{"model":"m","document":{"type":"file"}}"#), &none).unwrap_err();
    assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("document")));
}

#[test]
fn markdown_and_blocks_are_pages() {
    let markdown = r##"{"id":"8","pages":[{"index":0,"type":"markdown","markdown":{"content":"# Receipt\n\nTotal: $4.00","images":[]}}],"meta":{"api_version":{"version":"2"},"billed_units":{"pages":1}}}"##;
    let reply = read(markdown).unwrap();
    assert_eq!((reply.pages[0].index, &*reply.pages[0].markdown), (0, "# Receipt\n\nTotal: $4.00"));
    assert_eq!(reply.usage_info.unwrap().get(), r#"{"pages_processed":1}"#);
    assert_eq!(reply.usage.unwrap().measures.unwrap().pages, 1);
    let blocks = r#"{"pages":[{"type":"blocks","index":0,"blocks":[{"type":"text","text":{"content":"Hello"}},{"type":"table","table":{"html":"<table></table>","title":null}},{"type":"image","image":{"description":"A cat"}},{"type":"new"}]}]}"#;
    let reply = read(blocks).unwrap();
    assert_eq!(reply.pages[0].markdown, "Hello\n\n<table></table>\n\nA cat");
    assert!(reply.pages[0].extra.get("blocks").unwrap().get().contains(r#"{"type":"new"}"#));
    for bad in ["{}", "", "not json", r#"{"pages":null}"#] {
        assert_eq!(read(bad).unwrap_err().kind(), ErrorKind::InvalidResponse, "{bad}");
    }
}

#[test]
fn the_laws_hold() {
    let target = sample::target(sample::provider(&DIALECT), "parse-v5.0");
    let call = sample::call(&SURFACE, Operation::Ocr, RECEIPT).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    laws::encoding_is_deterministic(&attempt);
    laws::every_refusal_is_explained(&attempt, "the provider's very words");
}
