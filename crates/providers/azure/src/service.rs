//! Azure OpenAI: OpenAI's formats at deployments' addresses.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Probe, Reply, Result, Signer,
    StreamDecoder, Target, Usage, transcode::model_in,
};
use lockgate_openai::{CHAT, OpenAi};

use crate::{address, answered, credentials, heard, pictures, schema, voices};

/// Models deployed on Azure OpenAI.
#[derive(Clone, Copy, Debug)]
pub struct Azure;

impl Carrier for Azure {
    fn id(&self) -> &'static str {
        "azure"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        let mut params = credentials::without_secrets(settings);
        let version = settings.find("api_version", &["AZURE_API_VERSION", "OPENAI_API_VERSION"]);
        params.extend(version.map(|version| ("api_version".to_owned(), version)));
        params
    }

    fn streams_upload(&self, call: &lockgate_core::Call, target: &Target) -> bool {
        !heard::hears(call, target) && OpenAi.streams_upload(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if voices::speaks(attempt) {
            return voices::encode(attempt);
        }
        if heard::hears(attempt.call, attempt.target) {
            return heard::encode(attempt);
        }
        let mut encoded = OpenAi.encode(attempt)?;
        let (url, place) = address::deployment(attempt, encoded.format)?;
        *encoded.request.uri_mut() = url;
        encoded.request.extensions_mut().insert(place);
        if encoded.format == CHAT {
            schema::as_tool(&mut encoded, address::version(attempt.target))?;
        }
        pictures::note_defaults(attempt, &mut encoded);
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        if encoded.format == heard::HEARD {
            return heard::decode(&body);
        }
        let mut reply = OpenAi.decode(attempt, encoded, head, body)?;
        if let (Reply::Chat(chat), Some(_)) = (&mut reply, &encoded.memo.json_tool) {
            schema::as_content(chat);
        }
        Ok(reply)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        let shown = attempt.call.surface.shows_asked_model().then(|| attempt.target.model.to_string());
        answered::decoder(OpenAi.stream(attempt, encoded, head), shown, encoded.memo.json_tool.is_some())
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        let error = OpenAi.reject(attempt, head, body);
        match (error.retry_after(), pause(error.message())) {
            (None, Some(pause)) => error.with_retry_after(pause),
            _ => error,
        }
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        let mut usage = OpenAi.inspect(encoded, head, body)?;
        if let Some(usage) = &mut usage {
            usage.model = model_in(body).map(str::to_owned);
        }
        Ok(usage)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        answered::probe(OpenAi.probe(encoded))
    }
}

/// How long a message says to wait (`Please retry after 3 seconds.`): Azure does not always send the header.
fn pause(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("retry after ")?;
    let (count, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
    rest.starts_with(" second").then(|| count.parse().ok().map(Duration::from_secs)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_in_words() {
        assert_eq!(pause("Please retry after 3 seconds."), Some(Duration::from_secs(3)));
        assert_eq!(pause("Please retry after 1 second"), Some(Duration::from_secs(1)));
        for none in ["", "retry after", "retry after 3", "retry after x seconds", "retry after 3 days"] {
            assert_eq!(pause(none), None, "{none}");
        }
    }
}
