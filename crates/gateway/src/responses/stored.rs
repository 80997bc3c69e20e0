//! `/v1/responses/{id}`: reading, deleting and cancelling what is kept.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header};
use lockgate_core::{Error, ErrorKind, Origin, Payload, Result, wire::quote};
use lockgate_openai::stored as ids;
use lockgate_responses::{Record, history, items};

use super::{
    background,
    events::{self, LogBody},
    native,
    owed::{OwedBody, Owing},
};
use crate::{
    ResponseBody,
    app::{Gateway, Live},
    attempt, auth, headers,
    keepalive::Keepalive,
    stack::Response,
    surface,
    trace::Inbound,
};

/// Where kept responses are: the usual path and its aliases.
const FOLDERS: [&str; 4] = ["/v1/responses/", "/responses/", "/openai/v1/responses/", "/openai/responses/"];

/// The endpoints, for the documentation.
pub(crate) const PATHS: [(&str, &str, &str); 4] = [
    ("GET", "/v1/responses/{id}", "A kept response, or one that is worked on in the background."),
    ("DELETE", "/v1/responses/{id}", "Forgets a kept response."),
    ("POST", "/v1/responses/{id}/cancel", "Ends the work on a response in the background."),
    ("GET", "/v1/responses/{id}/input_items", "What the model was told for a response, in pages."),
];

/// What is asked of a kept response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Asked {
    id: String,
    verb: Verb,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verb {
    Get,
    Delete,
    Cancel,
    InputItems,
}

/// What the path and method ask; the methods that the path has, if the method is none of them.
pub(crate) fn find(method: &Method, path: &str) -> Option<Result<Asked, &'static str>> {
    let rest = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
    let (id, below) = rest.split_once('/').unwrap_or((rest, ""));
    let read = method == Method::GET || method == Method::HEAD;
    let (verb, allow) = match below {
        "" if read => (Some(Verb::Get), "GET"),
        "" => ((method == Method::DELETE).then_some(Verb::Delete), "GET, DELETE"),
        "cancel" => ((method == Method::POST).then_some(Verb::Cancel), "POST"),
        "input_items" => (read.then_some(Verb::InputItems), "GET"),
        _ => return None,
    };
    let id = surface::decode(id).into_owned();
    (!id.is_empty()).then(|| verb.map(|verb| Asked { id, verb }).ok_or(allow))
}

/// Answers.
///
/// # Errors
/// There is no such response, or it cannot be done.
pub(crate) async fn answer(gateway: &Gateway, asked: &Asked, inbound: &Inbound) -> Result<Response> {
    let live = gateway.live();
    auth::check(&live, &inbound.parts)?;
    if let Some((keeper, own)) = ids::unwrap(&asked.id) {
        return native(gateway, &live, asked, (&keeper, &own), inbound).await;
    }
    let record = gateway.store().get(&asked.id).await?.ok_or_else(|| missing(&asked.id))?;
    let record = background::current(gateway, record).await?;
    match asked.verb {
        Verb::Get => get(gateway, &live, record, inbound.parts.uri.query()).await,
        Verb::Delete => delete(gateway, &record).await,
        Verb::Cancel => cancel(gateway, &record).await,
        Verb::InputItems => input_items(gateway, &record, inbound.parts.uri.query()).await,
    }
}

/// Asks the deployment that keeps it.
async fn native(
    gateway: &Gateway,
    live: &Arc<Live>,
    asked: &Asked,
    kept: (&str, &str),
    inbound: &Inbound,
) -> Result<Response> {
    let query = native::query(inbound.parts.uri.query());
    let owing = Owing::new(gateway, live, &inbound.id);
    let (method, below) = match asked.verb {
        Verb::Get if value(query, "stream").as_deref() == Some("true") => {
            let (head, body) = native::stream(gateway, live, kept, query).await?.into_parts();
            let body = OwedBody::new(body, owing, Some(asked.id.clone()));
            return Ok(Response::from_parts(head, ResponseBody::owed(body)));
        }
        Verb::Get => (Method::GET, ""),
        Verb::Delete => (Method::DELETE, ""),
        Verb::Cancel => (Method::POST, "/cancel"),
        Verb::InputItems => (Method::GET, "/input_items"),
    };
    let errand = native::Errand { method, below, query };
    let (mut response, answered) = native::run(gateway, live, kept, errand).await?;
    if asked.verb == Verb::Delete {
        // Nobody can see its end any more.
        owing.settle(&asked.id, None).await?;
    }
    if answered.over {
        headers::cost(response.headers_mut(), owing.settle(&asked.id, answered.usage).await?);
    }
    if answered.over || asked.verb == Verb::Delete {
        gateway.followers().stop(&asked.id);
    }
    Ok(response)
}

/// The response as far as it is, or what has happened and will happen of it as events.
async fn get(
    gateway: &Gateway,
    live: &Live,
    mut record: Arc<Record>,
    query: Option<&str>,
) -> Result<Response> {
    let mut log = None;
    if record.worker.is_some() {
        log = gateway.jobs().log(&record.id);
        if log.is_none() {
            // It was completed just now.
            record = gateway.store().get(&record.id).await?.ok_or_else(|| missing(&record.id))?;
        }
    }
    if value(query, "stream").as_deref() != Some("true") {
        let response = log.map(|log| log.so_far(&record.response));
        return Ok(json(response.as_ref().unwrap_or(&record.response).get()));
    }
    let after = value(query, "starting_after").map(|text| {
        let message = "`starting_after` must be the sequence number of an event.";
        text.parse().map_err(|_| Error::bad_field("starting_after", message))
    });
    let after: Option<usize> = after.transpose()?;
    let body = match log {
        Some(log) => ResponseBody::log(LogBody::new(log, after, Keepalive::comments(live.keepalive()))),
        None if record.events.is_empty() => {
            let events = events::retold(&record.response);
            Payload::from(events::framed(events::behind(&events, after))).into()
        }
        None => Payload::from(events::framed(events::behind(&record.events, after))).into(),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

async fn delete(gateway: &Gateway, record: &Record) -> Result<Response> {
    if let Some(log) = gateway.jobs().cancel(&record.id) {
        log.state("response.failed", &background::with_status(&record.response, "cancelled", None));
        log.close();
    }
    if !gateway.store().delete(&record.id).await? {
        return Err(missing(&record.id));
    }
    Ok(json(&format!("{{\"id\":{},\"object\":\"response\",\"deleted\":true}}", quote(&record.id))))
}

async fn cancel(gateway: &Gateway, record: &Arc<Record>) -> Result<Response> {
    if record.worker.is_none() {
        let ended = background::is_background(&record.response);
        return if ended { Ok(json(record.response.get())) } else { Err(not_cancellable()) };
    }
    let Some(log) = gateway.jobs().cancel(&record.id) else {
        // It was completed just now.
        let record = gateway.store().get(&record.id).await?.ok_or_else(|| missing(&record.id))?;
        return Ok(json(record.response.get()));
    };
    let mut ended = (**record).clone();
    ended.response = background::with_status(&log.so_far(&record.response), "cancelled", None);
    ended.worker = None;
    let text = json(ended.response.get());
    // This API has no event of its own for it.
    log.state("response.failed", &ended.response);
    let kept = gateway.store().put(Arc::new(ended)).await;
    log.close();
    kept.map(|()| text)
}

/// All that the model was told for this response.
async fn input_items(gateway: &Gateway, record: &Record, query: Option<&str>) -> Result<Response> {
    let mut list = match &record.previous {
        Some(previous) => lockgate_responses::conversation(&history(&*gateway.store(), previous).await?),
        None => Vec::new(),
    };
    list.extend(record.input.iter().cloned());
    let limit = value(query, "limit").map(|text| {
        let sane = text.parse().ok().filter(|limit| (1..=100).contains(limit));
        sane.ok_or_else(|| Error::bad_field("limit", "`limit` must be a whole number from 1 to 100."))
    });
    let page = items::Page {
        limit: limit.transpose()?,
        after: value(query, "after"),
        before: value(query, "before"),
        ascending: value(query, "order").as_deref() == Some("asc"),
    };
    Ok(json(items::page(list, &page).get()))
}

/// What a query says under that name.
fn value(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| surface::decode(value).into_owned())
}

fn json(text: &str) -> Response {
    attempt::json_response(Payload::from(text.to_owned()), HeaderMap::new())
}

fn missing(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, Origin::Client, format!("Response with id '{id}' not found."))
}

fn not_cancellable() -> Error {
    Error::bad_request("Cannot cancel a synchronous response.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let found =
            |method: Method, path: &str| find(&method, path).map(|asked| asked.map(|own| (own.id, own.verb)));
        let asked = |verb| Some(Ok(("a=".to_owned(), verb)));
        for folder in FOLDERS {
            assert_eq!(found(Method::GET, &format!("{folder}a%3D")), asked(Verb::Get));
            assert_eq!(found(Method::DELETE, &format!("{folder}a=")), asked(Verb::Delete));
            assert_eq!(found(Method::POST, &format!("{folder}a=/cancel")), asked(Verb::Cancel));
            assert_eq!(found(Method::GET, &format!("{folder}a=/input_items")), asked(Verb::InputItems));
        }
        assert_eq!(found(Method::POST, "/v1/responses/a"), Some(Err("GET, DELETE")));
        assert_eq!(found(Method::GET, "/v1/responses/a/cancel"), Some(Err("POST")));
        for path in ["/v1/responses", "/v1/responses/", "/v1/responses/a/b", "/v1/chat/completions"] {
            assert_eq!(found(Method::GET, path), None, "{path}");
        }
    }
}
