//! Comparing what went upstream.

use std::collections::BTreeMap;

use http::Request;
use lockgate_core::Payload;
use lockgate_testkit::jwt;
use lockgate_wire::form_boundary;
use serde_json::{Map, Value, json};

use crate::golden::{
    Case,
    case::{MOCK, Step, unfill},
    diff::{ABSENT, Diffs},
    form as forms,
    json::{Mode, Volatile, compare},
};

/// Headers that carry a credential: one that is not expected is a fault.
const CREDENTIALS: [&str; 7] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
    "xi-api-key",
    "x-subscription-token",
];

/// A request that went upstream.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    /// Scheme and host, if they are not the mock's.
    pub(crate) origin: Option<String>,
    pub(crate) path: String,
    pub(crate) query: Map<String, Value>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<Value>,
}

impl Sent {
    /// Notes down a request as its provider would see it.
    pub(crate) fn of(request: &Request<Payload>) -> Self {
        let uri = request.uri();
        let origin =
            format!("{}://{}", uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |it| it.as_str()));
        let mut headers = BTreeMap::new();
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers.insert(name.as_str().to_owned(), undated(name.as_str(), &unfilled(&value)));
        }
        let kind = request.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let body = body(kind, request.body().to_vec());
        Self {
            method: request.method().to_string(),
            origin: (origin != MOCK).then_some(origin),
            path: uri.path().to_owned(),
            query: query(uri.query().unwrap_or("")),
            headers,
            body,
        }
    }

    /// The fetch of a file.
    pub(crate) fn get(url: &str) -> Self {
        let rest = url.strip_prefix(MOCK);
        let (path, text) = rest.unwrap_or(url).split_once('?').unwrap_or((rest.unwrap_or(url), ""));
        Self {
            method: "GET".to_owned(),
            origin: rest.is_none().then(|| url.to_owned()),
            path: path.to_owned(),
            query: query(text),
            headers: BTreeMap::new(),
            body: None,
        }
    }
}

/// A body as cases write it.
fn body(kind: &str, bytes: Vec<u8>) -> Option<Value> {
    if bytes.is_empty() {
        return None;
    }
    if let Some(boundary) = form_boundary(kind) {
        return Some(forms::read(&boundary, bytes));
    }
    let text = String::from_utf8_lossy(&bytes);
    Some(match kind {
        "application/octet-stream" => forms::binary(&bytes),
        _ if kind.starts_with("audio/") => forms::binary(&bytes),
        _ if kind.starts_with("application/x-www-form-urlencoded") => json!({"$form": form(&text)}),
        _ => {
            serde_json::from_str(&text).map_or_else(|_| json!({"$text": text}), |value: Value| unfill(&value))
        }
    })
}

/// The fields of a form; what a service account has signed is opened, its times relative to when it was issued.
fn form(text: &str) -> Map<String, Value> {
    let mut fields = query(text);
    if let Some(Value::String(assertion)) = fields.get("assertion") {
        let opened = match jwt::read(assertion) {
            Ok((head, mut claims)) => {
                if let (Some(issued), Some(expires)) = (claims["iat"].as_u64(), claims["exp"].as_u64()) {
                    claims["exp"] = format!("{{{{IAT}}}}+{}", expires.saturating_sub(issued)).into();
                    claims["iat"] = "{{IAT}}".into();
                }
                json!({"$jwt": {"header": head, "claims": claims}})
            }
            Err(why) => json!({"$jwt": why}),
        };
        fields.insert("assertion".to_owned(), opened);
    }
    fields
}

fn unfilled(text: &str) -> String {
    match unfill(&Value::String(text.to_owned())) {
        Value::String(text) => text,
        _ => text.to_owned(),
    }
}

/// AWS's signatures without what changes with the time: key, region, service and signed headers stay.
fn undated(name: &str, value: &str) -> String {
    if name == "x-amz-date" {
        return "{{AMZ_DATE}}".to_owned();
    }
    let signed = value.strip_prefix("AWS4-HMAC-SHA256 Credential=").and_then(|rest| {
        let (key, rest) = rest.split_once('/')?;
        let (_, rest) = rest.split_once('/')?;
        let (rest, _) = rest.split_once("Signature=")?;
        Some(format!("AWS4-HMAC-SHA256 Credential={key}/{{{{DATE}}}}/{rest}Signature={{{{SIG}}}}"))
    });
    signed.unwrap_or_else(|| value.to_owned())
}

fn query(text: &str) -> Map<String, Value> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(&key.replace('+', " ")), Value::String(unescape(&value.replace('+', " "))))
        })
        .collect()
}

/// Compares the requests that came with those that were expected.
pub(crate) fn check(case: &Case, sent: &[Sent], out: &mut Diffs) {
    let volatile = Volatile::new(&case.volatile);
    let mut left: Vec<&Sent> = sent.iter().collect();
    for (index, step) in case.upstream.iter().enumerate() {
        let path = format!("$.upstream[{index}].expect");
        let expect = &step.expect;
        let same =
            |sent: &&Sent| sent.method == expect.method && meaning(&sent.path) == meaning(&expect.path);
        let foreign =
            |sent: &&Sent| case.upstream.iter().all(|step| meaning(&step.expect.path) != meaning(&sent.path));
        let Some(at) = left.iter().position(same).or_else(|| left.iter().position(foreign)) else {
            out.add(path, format!("{} {}", expect.method, expect.path), ABSENT);
            continue;
        };
        one(step, left.remove(at), &path, &volatile, out);
    }
    for extra in left {
        out.add("$.upstream", ABSENT, format!("unexpected request {} {}", extra.method, extra.path));
    }
}

fn one(step: &Step, sent: &Sent, path: &str, volatile: &Volatile, out: &mut Diffs) {
    let expect = &step.expect;
    if expect.method != sent.method {
        out.add(format!("{path}.method"), &expect.method, &sent.method);
    }
    if meaning(&expect.path) != meaning(&sent.path) {
        out.add(format!("{path}.path"), &expect.path, &sent.path);
    }
    if expect.origin != sent.origin {
        let text = |origin: &Option<String>| origin.clone().unwrap_or_else(|| "{{MOCK}}".to_owned());
        out.add(format!("{path}.origin"), text(&expect.origin), text(&sent.origin));
    }
    let (a, b) = (Value::Object(expect.query.clone()), Value::Object(sent.query.clone()));
    compare(&a, &b, &format!("{path}.query"), Mode::Request, volatile, out);
    headers(step, sent, &format!("{path}.headers"), volatile, out);
    let expected = expect.body.clone().unwrap_or(Value::Null);
    let mut got = sent.body.clone().unwrap_or(Value::Null);
    allow_stream_usage(&expected, &mut got);
    let expected = forms::sorted(&expected).unwrap_or(expected);
    let got = forms::sorted(&got).unwrap_or(got);
    compare(&expected, &got, &format!("{path}.body"), Mode::Request, volatile, out);
}

/// A gateway that counts spend asks for a stream's usage even if its client does not.
fn allow_stream_usage(expected: &Value, got: &mut Value) {
    let asked = got.get("stream_options") == Some(&json!({"include_usage": true}));
    if expected["stream"] == Value::Bool(true)
        && expected.get("stream_options").is_none()
        && asked
        && let Some(members) = got.as_object_mut()
    {
        members.remove("stream_options");
    }
}

fn headers(step: &Step, sent: &Sent, path: &str, volatile: &Volatile, out: &mut Diffs) {
    let is_json = step.expect.body.as_ref().is_some_and(|body| match body {
        Value::Array(_) => true,
        Value::Object(members) => !members.keys().any(|key| key.starts_with('$')),
        _ => false,
    });
    for (name, value) in &step.expect.headers {
        let name = name.to_lowercase();
        let path = format!("{path}.{name}");
        let got = sent.headers.get(&name);
        if got.is_some() && volatile.covers(&path) {
            continue;
        }
        // A header that names the program which recorded the case.
        if value.to_lowercase().contains("litellm") && !CREDENTIALS.contains(&name.as_str()) {
            continue;
        }
        let accident = name == "content-type" && value == "application/octet-stream" && is_json;
        let Some(got) = got else {
            let repeats = name == "x-api-key"
                && step.expect.headers.get("authorization") == Some(&format!("Bearer {value}"));
            if !repeats && name != "accept" && !accident {
                out.add(path, value, ABSENT);
            }
            continue;
        };
        let equal = match name.as_str() {
            "content-type" => {
                media_type(value) == media_type(got) || accident && media_type(got) == "application/json"
            }
            "anthropic-beta" => set(value) == set(got),
            "accept" => value == got || got == "*/*",
            _ => matches(value, got),
        };
        if !equal {
            out.add(path, value, got);
        }
    }
    for name in CREDENTIALS {
        let expected = step.expect.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
        if let Some(got) = sent.headers.get(name).filter(|_| !expected) {
            out.add(format!("{path}.{name}"), ABSENT, got);
        }
    }
}

/// Whether a header is as expected: dates, digests and signatures differ from run to run.
fn matches(expected: &str, got: &str) -> bool {
    let varying = ["{{BOUNDARY}}", "{{DATE}}", "{{SHA256}}", "{{SIG}}"];
    let Some(found) = varying.iter().find(|found| expected.contains(**found)) else { return expected == got };
    let (before, after) = expected.split_once(found).unwrap_or((expected, ""));
    let inner = got.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    inner.is_some_and(|inner| !inner.is_empty())
}

fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or("").trim().to_lowercase()
}

fn set(value: &str) -> std::collections::BTreeSet<&str> {
    value.split(',').map(str::trim).collect()
}

/// A path with its percent-encoding read, except that an encoded slash is not a slash.
fn meaning(path: &str) -> String {
    unescape(&path.replace("%2F", "%252F").replace("%2f", "%252F"))
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_by_meaning() {
        assert_eq!(meaning("/a%3Ab"), meaning("/a:b"));
        assert_ne!(meaning("/a%2Fb"), meaning("/a/b"));
        assert_eq!(unescape("100%"), "100%");
    }
}
