#![doc = include_str!("../README.md")]

use std::time::Duration;

use bytes::Bytes;
use http::{Request, response::Parts};
use lockgate_core::{
    Attempt, Carried, Carrier, Dialect, Encoded, Error, ErrorKind, Exchange, Extra, Origin, Payload, Raw,
    Reply, Result, Retry, Step,
    json::{self, read, to_raw},
    refusal,
    wire::{Edits, Object, quote, view},
};
use lockgate_openai::OpenAi;

/// How long the first wait for a task is; each is half as long again as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Agents of Manus.
#[derive(Clone, Copy, Debug)]
pub struct Manus;

view! {
    #[derive(Clone, Debug, Default)]
    struct Task {
        id: Option<String>,
        status: Option<String>,
        error: Option<Raw>,
        output: Option<Vec<Raw>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Said {
        role: Option<String>,
    }
}

impl Carrier for Manus {
    fn id(&self) -> &'static str {
        "manus"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = OpenAi.encode(attempt)?;
        let body = Bytes::from(std::mem::take(encoded.request.body_mut()).to_vec());
        let body =
            Object::scan(body).map_err(|why| Error::internal(format!("The request is no object: {why}")))?;
        let mut edits = Edits::new();
        if !body.contains("task_mode") {
            edits.set("task_mode", "\"agent\"");
        }
        if !body.contains("agent_profile") {
            edits.set("agent_profile", quote(&attempt.target.model));
        }
        if body.contains("stream") {
            edits.remove("stream");
        }
        *encoded.request.body_mut() = body.splice(&edits);
        encoded.relay &= !attempt.call.stream;
        Ok(encoded)
    }

    fn exchange(&self, attempt: &Attempt<'_>, encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        let base = attempt.base().into_owned();
        (!encoded.relay).then(|| Box::new(Watching { base, wait: FIRST_WAIT }) as Box<dyn Exchange>)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        OpenAi.decode(attempt, encoded, head, agents_words(body)?)
    }
}

/// The response without what the client said itself, which a task repeats.
fn agents_words(body: Bytes) -> Result<Bytes> {
    let mut response: Extra = json::answer(&body)?;
    let Some(items) = response.get("output").and_then(read::<Vec<Raw>>) else { return Ok(body) };
    let said = |item: &Raw| read::<Said>(item).and_then(|said| said.role);
    let items: Vec<Raw> = items.into_iter().filter(|item| said(item).as_deref() != Some("user")).collect();
    response.remove("output");
    response.push("output", to_raw(&items));
    Ok(to_raw(&response).get().to_owned().into())
}

/// A task that is watched until it is over.
struct Watching {
    base: String,
    wait: Duration,
}

impl Exchange for Watching {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step> {
        let task: Task = json::answer(body)?;
        match task.status.as_deref() {
            Some("error" | "failed" | "cancelled") => Err(failed(&task).with_body(body.clone())),
            // `pending`: it asks the client something.
            Some("completed" | "incomplete" | "pending") => Ok(Step::Done),
            None if task.output.is_some() => Ok(Step::Done),
            _ => {
                let id = task.id.filter(|id| is_id(id));
                let lacking =
                    || Error::invalid_response("The provider's answer has no `id`.").with_body(body.clone());
                let url = format!("{}/responses/{}", self.base, id.ok_or_else(lacking)?);
                let invalid = |_| Error::bad_request("The provider's address is not valid.");
                let request = Request::get(url).body(Payload::new()).map_err(invalid)?;
                let after = self.wait;
                self.wait = (self.wait * 3 / 2).min(LONGEST_WAIT);
                Ok(Step::Send { request, after })
            }
        }
    }
}

fn failed(task: &Task) -> Error {
    let said = task.error.as_deref().map(|error| refusal::Refusal::of_member(error.get()).message);
    let said = said.filter(|said| !said.is_empty()).unwrap_or_else(|| "no reason was given".to_owned());
    let message = format!("The task failed: {said}");
    Error::new(ErrorKind::Unprocessable, Origin::Upstream, message).with_retry(Retry::Other)
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
