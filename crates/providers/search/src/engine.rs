//! What an engine has to say for itself, and the `Api` around it.

use std::time::SystemTime;

use bytes::Bytes;
use lockgate_core::{
    Attempt, Error, Extra, Measures, Raw, Reply, Result, SearchReply, Usage,
    hub::SearchRequest,
    json,
    whole::{Api, Asked, Members, foreign, lacking},
    wire::Edits,
};

use crate::answer::Shape;

/// One search engine.
pub(crate) struct Engine {
    /// The dialect's name in provider rows.
    pub(crate) id: &'static str,
    /// Where it is asked, given the base URL.
    pub(crate) url: fn(&str, &Search) -> String,
    /// Whether it is asked by the URL's query, and not by a body.
    pub(crate) get: bool,
    /// Writes the request's members. Those that only the engine knows are there already.
    pub(crate) write: fn(&Search, &mut Members),
    /// Perplexity's words that it has none for.
    pub(crate) ignores: &'static [&'static str],
    /// How its answer is read.
    pub(crate) answer: Answer,
    /// The price list's name of a search that has a price of its own.
    pub(crate) priced_as: fn(&Search) -> Option<&'static str>,
}

/// How an answer is read.
pub(crate) enum Answer {
    /// By where things are.
    Shape(Shape),
    /// By code; none if it is no answer.
    Read(fn(&Search, &Extra) -> Option<SearchReply>),
}

/// What is searched.
pub(crate) struct Search {
    /// The client's request with the operator's wishes.
    pub(crate) request: SearchRequest,
    /// Its queries as one.
    pub(crate) query: String,
    /// When it was asked.
    pub(crate) received: SystemTime,
    /// The engine's parameters of the deployment.
    pub(crate) engine_id: Option<String>,
}

impl Engine {
    /// An engine that is asked by a JSON body at `/search` below its base.
    pub(crate) const fn new(id: &'static str, write: fn(&Search, &mut Members), answer: Answer) -> Self {
        Self { id, url: below_search, get: false, write, ignores: &[], answer, priced_as: |_| None }
    }
}

impl Search {
    /// Reads the call.
    ///
    /// # Errors
    /// There is nothing to search for.
    pub(crate) fn of(attempt: &Attempt<'_>) -> Result<Self> {
        let request = request(attempt)?;
        let query = request.queries().join(" ");
        if query.trim().is_empty() {
            return Err(Error::bad_field("query", "`query` must be a text, or a list of texts."));
        }
        let engine_id = attempt.target.param("search_engine_id").map(str::to_owned);
        Ok(Self { request, query, received: attempt.call.received, engine_id })
    }

    /// The query for engines that know no list of domains, but words for them.
    pub(crate) fn with_sites(&self, and: &str) -> String {
        let (wanted, unwanted) = self.request.domains();
        let mut query = self.query.clone();
        if !wanted.is_empty() {
            let sites: Vec<String> = wanted.iter().map(|domain| format!("site:{domain}")).collect();
            query = format!("({query}){and}({})", sites.join(" OR "));
        }
        unwanted.iter().fold(query, |query, domain| format!("{query} -site:{domain}"))
    }

    /// The country in small letters.
    pub(crate) fn country(&self) -> Option<String> {
        self.request.country.as_ref().map(|country| country.to_lowercase())
    }

    /// A member that only the engine knows, if it is a text.
    pub(crate) fn own(&self, name: &str) -> Option<String> {
        lockgate_core::json::read(self.request.extra.get(name)?)
    }

    /// How many results are wanted, at most.
    pub(crate) fn most(&self) -> usize {
        self.request.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
    }

    /// One search, and what the price may depend on.
    pub(crate) fn usage(&self, model: Option<&str>) -> Usage {
        let results = self.request.max_results.unwrap_or(0);
        Usage {
            model: model.map(str::to_owned),
            ..Usage::measured(Measures { queries: 1, results, ..Measures::default() })
        }
    }
}

impl Api for Engine {
    fn id(&self) -> &'static str {
        self.id
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let search = Search::of(attempt)?;
        let mut members = Members::default();
        for (name, value) in foreign(attempt, &search.request.extra) {
            members.set(name, value);
        }
        (self.write)(&search, &mut members);
        let url = (self.url)(&attempt.base(), &search);
        let mut asked = if self.get {
            let own = attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body);
            own.for_each(|(name, value)| members.set(name, value.get()));
            let joint = if url.contains('?') { '&' } else { '?' };
            Asked::get(format!("{url}{joint}{}", members.query()))
        } else {
            Asked::json(attempt, url, &members)?
        };
        let said = |name: &&&str| attempt.call.body.raw(name).is_some_and(|value| value != "null");
        asked.notes.dropped = self.ignores.iter().filter(said).map(|name| (*name).to_owned()).collect();
        Ok(asked)
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let search = Search::of(attempt)?;
        let answer: Extra = json::answer(&body)?;
        let found = match &self.answer {
            Answer::Shape(shape) => shape.read(&answer),
            Answer::Read(read) => read(&search, &answer),
        };
        // Some say in a good answer that there is none.
        let found = found.filter(|reply| !reply.results.is_empty() || !failed(&answer));
        let mut reply = found.ok_or_else(|| lacking("results", &body))?;
        reply.usage = Some(search.usage((self.priced_as)(&search)));
        Ok(Reply::Search(Box::new(reply)))
    }
}

/// `/search` below the base, unless the operator's address ends with it.
pub(crate) fn below_search(base: &str, _search: &Search) -> String {
    if base.ends_with("/search") { base.to_owned() } else { format!("{base}/search") }
}

/// The base itself.
pub(crate) fn as_it_is(base: &str, _search: &Search) -> String {
    base.to_owned()
}

/// A member under the engine's own name for it, unless the client used that.
pub(crate) fn put<T: serde::Serialize>(members: &mut Members, name: &str, value: Option<T>) {
    if let Some(value) = value.filter(|_| !members.has(name)) {
        members.put(name, &value);
    }
}

/// A list that is not sent if it is empty.
pub(crate) fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The client's request, with the operator's parameters where it is silent, and without what the operator drops.
fn request(attempt: &Attempt<'_>) -> Result<SearchRequest> {
    let (call, target) = (attempt.call, attempt.target);
    let policy = attempt.policy();
    let silent = |name: &str| call.body.raw(name).is_none_or(|value| value == "null");
    let mut edits = Edits::new();
    for (name, value) in target.defaults.iter().filter(|(name, _)| silent(name)) {
        edits.set(name.clone(), value.get().to_owned());
    }
    for name in policy.additional_drop_params.iter().filter(|name| call.body.contains(name)) {
        edits.remove(name.clone());
    }
    if edits.is_empty() {
        return call.search().cloned();
    }
    let body = call.body.splice(&edits).into_bytes();
    serde_json::from_slice(&body)
        .map_err(|error| Error::bad_request(format!("The request body is not understood: {error}")))
}

/// Whether an answer tells of an error.
fn failed(answer: &Extra) -> bool {
    let told = answer.get("error").map_or("null", |error| error.get());
    !matches!(told, "null" | "false" | "\"\"" | "{}" | "[]")
}

/// A list of raw values at that path of members; null is a list of none.
pub(crate) fn list_at(answer: &Extra, path: &[&str]) -> Option<Vec<Raw>> {
    let (last, before) = path.split_last()?;
    if before.is_empty() {
        return lockgate_core::json::read::<Option<_>>(answer.get(last)?).map(Option::unwrap_or_default);
    }
    let (first, rest) = path.split_first()?;
    let inner: Extra = lockgate_core::json::read(answer.get(first)?)?;
    list_at(&inner, rest)
}
