//! The provider's side of a case, played without sockets.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::response::Parts;
use serde_json::Value;

use crate::golden::{
    Case,
    case::{Respond, fill},
};

/// The answers of a case that have not been given yet.
pub(crate) struct Script<'a> {
    left: Vec<&'a Respond>,
}

/// One answer.
pub(crate) struct Reply {
    pub(crate) head: Parts,
    /// The body in the pieces in which it arrives.
    pub(crate) pieces: Vec<Bytes>,
    /// Whether the connection breaks after the last piece.
    pub(crate) truncated: bool,
}

impl<'a> Script<'a> {
    pub(crate) fn new(case: &'a Case) -> Self {
        Self { left: case.upstream.iter().filter_map(|step| step.respond.as_ref()).collect() }
    }

    /// The answer to a request: the first that is meant for it, else the first that is meant for all.
    pub(crate) fn answer(&mut self, method: &str, path: &str) -> Reply {
        let meant = |respond: &&Respond| {
            respond.only.as_ref().is_some_and(|only| {
                only.method.as_deref().is_none_or(|wanted| wanted == method)
                    && path.starts_with(&only.path_prefix)
            })
        };
        let at = self.left.iter().position(meant);
        match at.or_else(|| self.left.iter().position(|respond| respond.only.is_none())) {
            Some(at) => Reply::of(self.left.remove(at)),
            None => Reply::of(&Respond {
                status: 500,
                body: Some(serde_json::json!({"error": {"message": "mock: unexpected extra request"}})),
                ..Respond::default()
            }),
        }
    }
}

impl Reply {
    fn of(respond: &Respond) -> Self {
        let mut response = http::Response::builder().status(respond.status);
        for (name, value) in &respond.headers {
            response = response.header(name, text(&Value::String(value.clone())));
        }
        let json = matches!(respond.body, Some(Value::Object(_) | Value::Array(_)));
        if json && !respond.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
            response = response.header("content-type", "application/json");
        }
        let (head, ()) = response.body(()).unwrap_or_default().into_parts();
        let pieces = match (&respond.chunks, &respond.body) {
            (Some(chunks), _) => chunks.iter().map(piece).collect(),
            (None, Some(body)) => vec![piece(body)],
            (None, None) => Vec::new(),
        };
        Self { head, pieces, truncated: respond.truncate }
    }

    /// The whole body.
    pub(crate) fn body(&self) -> Bytes {
        self.pieces.concat().into()
    }
}

fn piece(value: &Value) -> Bytes {
    let binary = value.get("$base64").or_else(|| value.get("base64")).and_then(Value::as_str);
    match (binary, value) {
        (Some(binary), Value::Object(map)) if map.len() == 1 => {
            STANDARD.decode(binary).unwrap_or_default().into()
        }
        (_, Value::String(_)) => text(value).into(),
        _ => fill(value).to_string().into(),
    }
}

fn text(value: &Value) -> String {
    fill(value).as_str().unwrap_or("").to_owned()
}
