//! Grounding with Bing: a model of a Foundry project is asked to search, and what it cites is what was found.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use lockgate_core::{
    Attempt, CloudSettings, Error, ErrorKind, Measures, Notes, Origin, Raw, Reply, Result, SearchReply,
    SearchResult, Signer, Usage,
    hub::SearchRequest,
    json, params,
    refusal::Refusal,
    whole::{Api, Asked, Members, lacking},
    wire::view,
};

use crate::credentials;

/// The deployment that searches.
const MODEL: &str = "bing_grounding_model";
/// The connection to a resource of Bing's, which has a price; without one the model's own search is used.
const CONNECTION: &str = "bing_grounding_connection_id";

const INSTRUCTIONS: &str = "Search the web for what the user writes. For each page that helps, write one short \
    paragraph with what it says, and cite the page. Write nothing else.";

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        output: Option<Vec<Item>>,
        status: Option<String>,
        error: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Item {
        content: Option<Vec<Said>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Said {
        text: Option<String>,
        annotations: Option<Vec<Cited>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Cited {
        url: Option<String>,
        title: Option<String>,
        start_index: Option<usize>,
    }
}

pub(crate) struct Bing;

impl Api for Bing {
    fn id(&self) -> &'static str {
        "bing_grounding"
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::grounding(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        let mut params = credentials::without_secrets(settings);
        for (param, variable) in
            [(MODEL, "BING_GROUNDING_MODEL"), (CONNECTION, "BING_GROUNDING_CONNECTION_ID")]
        {
            params.extend(settings.find(param, &[variable]).map(|value| (param.to_owned(), value)));
        }
        params
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let mut notes = Notes::default();
        let request = wanted(attempt, &mut notes)?;
        let query = request.queries().join(" ");
        if query.trim().is_empty() {
            return Err(Error::bad_field("query", "`query` must be a text, or a list of texts."));
        }
        let Some(model) = attempt.target.param(MODEL) else {
            let message = format!("Grounding with Bing needs a model: `{MODEL}`, or BING_GROUNDING_MODEL.");
            return Err(Error::new(ErrorKind::BadRequest, Origin::Gateway, message));
        };
        let connection = attempt.target.param(CONNECTION);
        for (name, given) in [
            ("search_domain_filter", request.search_domain_filter.is_some()),
            ("max_tokens_per_page", request.max_tokens_per_page.is_some()),
            ("country", request.country.is_some() && connection.is_some()),
        ] {
            if given {
                notes.dropped.push(name.to_owned());
            }
        }
        let tool = match connection {
            Some(connection) => connected(connection, &request),
            None => own(&request),
        };
        let mut body = Members::default();
        body.put("model", model);
        body.put("instructions", INSTRUCTIONS);
        body.put("input", &query);
        body.set("tools", &format!("[{}]", tool.text()));
        body.put("tool_choice", "required");
        body.put("store", &false);
        body.extra(attempt, &request.extra);
        Ok(Asked { notes, ..Asked::json(attempt, url(attempt), &body)? })
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let request = wanted(attempt, &mut Notes::default())?;
        let most = request.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let said = answer.output.iter().flatten().flat_map(|item| item.content.iter().flatten());
        let mut results: Vec<SearchResult> = Vec::new();
        for said in said {
            for result in said.annotations.iter().flatten().filter_map(|cited| cited.read(said)) {
                if !results.iter().any(|known| known.url == result.url) {
                    results.push(result);
                }
            }
        }
        let ended = answer.status.as_deref().unwrap_or("completed");
        if results.is_empty() && (answer.output.is_none() || ended != "completed") {
            return Err(failed(&answer, ended, &body));
        }
        results.truncate(most);
        let queries = u64::from(attempt.target.param(CONNECTION).is_some());
        let measures = Measures { queries, results: request.max_results.unwrap_or(0), ..Measures::default() };
        let usage = Some(Usage::measured(measures));
        Ok(Reply::Search(Box::new(SearchReply { results, usage, ..SearchReply::default() })))
    }
}

/// The client's request, with the operator's parameters where it is silent.
fn wanted<'a>(attempt: &Attempt<'a>, notes: &mut Notes) -> Result<Cow<'a, SearchRequest>> {
    params::effective(attempt, &attempt.policy(), Cow::Borrowed(attempt.call.search()?), notes)
}

/// A search of Bing's by the project's connection.
fn connected(connection: &str, request: &SearchRequest) -> Members {
    let mut search = Members::default();
    search.put("project_connection_id", connection);
    search.maybe("count", request.max_results.as_ref());
    let mut tool = Members::default();
    tool.put("type", "bing_grounding");
    tool.set("bing_grounding", &format!("{{\"search_configurations\":[{}]}}", search.text()));
    tool
}

/// The model's own search.
fn own(request: &SearchRequest) -> Members {
    let mut tool = Members::default();
    tool.put("type", "web_search");
    if let Some(country) = &request.country {
        let mut place = Members::default();
        place.put("type", "approximate");
        place.put("country", &country.to_uppercase());
        tool.set("user_location", &place.text());
    }
    tool
}

fn url(attempt: &Attempt<'_>) -> String {
    let base = attempt.base();
    let base = base.trim_end_matches('/');
    let root =
        ["/responses", "/openai/v1"].iter().fold(base, |path, end| path.strip_suffix(end).unwrap_or(path));
    format!("{root}/openai/v1/responses")
}

impl Cited {
    /// A page, and the paragraph that cites it.
    fn read(&self, said: &Said) -> Option<SearchResult> {
        let url = self.url.clone().filter(|url| !url.is_empty())?;
        let text = said.text.as_deref().unwrap_or_default();
        // Places count characters.
        let at = text.char_indices().nth(self.start_index.unwrap_or(0)).map_or(text.len(), |(at, _)| at);
        let (before, after) = text.split_at(at);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = after.find('\n').map_or(text.len(), |end| at + end);
        let snippet = text.get(start..end).unwrap_or_default().trim().to_owned();
        let title = self.title.clone().unwrap_or_default();
        Some(SearchResult { title, url, snippet, ..SearchResult::default() })
    }
}

/// Why nothing was found where something should have been.
fn failed(answer: &Answer, ended: &str, body: &Bytes) -> Error {
    match answer.error.as_ref().filter(|error| error.get() != "null") {
        Some(error) => Refusal::of_member(error.get()).into_error(500, &http::HeaderMap::new(), body),
        None if answer.output.is_none() => lacking("results", body),
        None => Error::invalid_response(format!("The search was {ended}.")).with_body(body.clone()),
    }
}
