//! Google's Programmable Search Engine: the key goes beside the engine's id, which every search needs.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::HeaderName;
use lockgate_core::{
    Attempt, CloudSettings, Error, ErrorKind, Origin, Reply, Result, Signer, oauth,
    target::HeaderSigner,
    whole::{Api, Asked},
};

use crate::{
    answer::{Shape, USUAL},
    engine::{Answer, Engine, as_it_is, put},
};

pub(crate) struct Google;

const ENGINE_ID: &str = "search_engine_id";
const VARIABLE: &str = "GOOGLE_PSE_ENGINE_ID";
/// The most that Google gives at once.
const MOST: u64 = 10;

const ENGINE: Engine = Engine {
    url: as_it_is,
    get: true,
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "google_pse",
        |search, members| {
            let (wanted, _) = search.request.domains();
            // One domain is a filter; several are words of the query.
            let query = if wanted.len() == 1 { search.query.clone() } else { search.with_sites(" ") };
            members.put("q", &query);
            put(members, "cx", search.engine_id.as_ref());
            put(members, "num", search.request.max_results.map(|most| most.min(MOST)));
            if let [domain] = wanted.as_slice() {
                put(members, "siteSearch", Some(domain));
                put(members, "siteSearchFilter", Some("i"));
            }
            put(members, "gl", search.country());
        },
        Answer::Shape(Shape {
            lists: &[&["items"]],
            signs: &["items", "kind", "searchInformation"],
            fields: USUAL,
        }),
    )
};

impl Api for Google {
    fn id(&self) -> &'static str {
        ENGINE.id
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        let (id, names) = (&settings.provider.id, settings.provider.auth.env.join(", "));
        let key = settings.api_key.as_ref();
        let key = key.ok_or_else(|| oauth::wrong(format!("`{id}` needs a key: `api_key`, or {names}.")))?;
        let name = HeaderName::from_static("x-goog-api-key");
        Ok(Arc::new(HeaderSigner::new(name, key.header_value("")?)))
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        let mut params = settings.params.clone();
        params.extend(settings.find(ENGINE_ID, &[VARIABLE]).map(|id| (ENGINE_ID.to_owned(), id)));
        params
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        if attempt.target.param(ENGINE_ID).is_none() && attempt.call.body.raw("cx").is_none() {
            let message = format!("Google's search needs the id of an engine: `{ENGINE_ID}`, or {VARIABLE}.");
            return Err(Error::new(ErrorKind::BadRequest, Origin::Gateway, message));
        }
        ENGINE.encode(attempt)
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        ENGINE.decode(attempt, body)
    }
}
