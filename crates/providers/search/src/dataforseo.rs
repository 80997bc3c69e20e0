//! DataForSEO: a list of one task, a login with a password, and errors that come as answers.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::header;
use lockgate_core::{
    Attempt, CloudSettings, Extra, Reply, Result, SearchReply, Secret, Signer,
    json::read,
    oauth,
    refusal::Refusal,
    target::HeaderSigner,
    whole::{Api, Asked},
};

use crate::{
    answer::{Fields, USUAL, text},
    engine::{Answer, Engine, Search, as_it_is, list_at, put},
};

pub(crate) struct DataForSeo;

/// The most that it gives.
const MOST: u64 = 700;
/// The code of a task that found nothing.
const NOTHING_FOUND: u32 = 40_102;
/// Its number for the United States, where it is nowhere said otherwise.
const USUAL_PLACE: u32 = 2840;

const ENGINE: Engine = Engine {
    url: as_it_is,
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "dataforseo",
        |search, members| {
            members.put("keyword", &search.with_sites(" "));
            put(members, "depth", search.request.max_results.map(|most| most.min(MOST)));
            put(members, "location_name", search.request.country.as_ref());
            if !members.has("language_name") {
                put(members, "language_code", Some("en"));
            }
            if !members.has("location_name") {
                put(members, "location_code", Some(USUAL_PLACE));
            }
        },
        Answer::Read(found),
    )
};

impl Api for DataForSeo {
    fn id(&self) -> &'static str {
        ENGINE.id
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        let given = settings.api_key.as_ref().map(|key| key.expose().to_owned());
        let own = || {
            let login = settings.find("dataforseo_login", &["DATAFORSEO_LOGIN"])?;
            Some(format!("{login}:{}", settings.find("dataforseo_password", &["DATAFORSEO_PASSWORD"])?))
        };
        let pair = given.filter(|key| key.contains(':')).or_else(own);
        let pair = pair.ok_or_else(|| {
            oauth::wrong(
                "`dataforseo` needs a login and a password: `api_key: LOGIN:PASSWORD`, or DATAFORSEO_LOGIN and \
                 DATAFORSEO_PASSWORD.",
            )
        })?;
        let value = Secret::from(STANDARD.encode(pair)).header_value("Basic ")?;
        Ok(Arc::new(HeaderSigner::new(header::AUTHORIZATION, value)))
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let asked = ENGINE.encode(attempt)?;
        let task = asked.body.into_bytes();
        Ok(Asked { body: format!("[{}]", String::from_utf8_lossy(&task)).into(), ..asked })
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        match serde_json::from_slice::<Extra>(&body).ok().as_ref().and_then(failure) {
            Some((code, message)) => {
                let refusal = Refusal { message, code: Some(code.to_string()), ..Refusal::default() };
                Err(refusal.into_error(status(code), &http::HeaderMap::new(), &body))
            }
            None => ENGINE.decode(attempt, body),
        }
    }
}

/// The status that a code stands for.
fn status(code: u32) -> u16 {
    match code {
        40_100 | 40_104 => 401,
        40_202 | 40_209 => 429,
        40_204 | 40_207 => 403,
        40_200..=40_299 => 402,
        40_400..=40_499 => 404,
        40_103 | 50_000.. => 500,
        _ => 400,
    }
}

/// The code and message of a task, or of the whole request, that failed.
fn failure(answer: &Extra) -> Option<(u32, String)> {
    let told = |item: &Extra| {
        let code: u32 = read(item.get("status_code")?)?;
        (code >= 40_000 && code != NOTHING_FOUND)
            .then(|| (code, text(item, "status_message").unwrap_or_default()))
    };
    told(answer).or_else(|| told(&task(answer)?))
}

fn task(answer: &Extra) -> Option<Extra> {
    read(list_at(answer, &["tasks"])?.first()?)
}

fn found(_search: &Search, answer: &Extra) -> Option<SearchReply> {
    let fields = Fields { snippet: &["description"], date: &["timestamp"], ..USUAL };
    let results = list_at(&task(answer)?, &["result"]).unwrap_or_default();
    let items = results.iter().filter_map(|result| list_at(&read(result)?, &["items"])).flatten();
    let results = items.filter_map(|item| {
        let item: Extra = read(&item)?;
        if text(&item, "type").as_deref() != Some("organic") {
            return None;
        }
        fields.read(&item)
    });
    Some(SearchReply { results: results.collect(), ..SearchReply::default() })
}
