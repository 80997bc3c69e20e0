//! The upstream's half of a translation.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;

use crate::{
    Alternate, Call, CloudSettings, Error, Event, Exchange, Format, ParamPolicy, Payload, Reply, Result,
    Signer, Target, Usage,
};

/// A format family that upstreams speak. Pure: it never awaits, holds no client, reads no clock.
pub trait Dialect: Send + Sync + 'static {
    /// Its name in provider rows: `openai`, `anthropic`.
    fn id(&self) -> &'static str;

    /// OpenAI parameters that the target takes, sorted; for `/utils/supported_openai_params`.
    fn supported_params(&self, _target: &Target) -> Vec<String> {
        Vec::new()
    }

    /// The answer, if it is made here and now, without an upstream (a demonstration, a mock).
    fn local(&self, _call: &Call, _target: &Target) -> Option<Result<Reply>> {
        None
    }

    /// The signer of a deployment whose row says `auth.scheme = "cloud"`.
    ///
    /// # Errors
    /// What is missing; calls to the deployment then fail with this, the start does not.
    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        Err(settings.no_signer())
    }

    /// The cloud parameters of such a deployment, completed from its surroundings: [`Target::params`].
    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        settings.params.clone()
    }

    /// Parameters of a deployment that are sent as headers with every call: parameter, header.
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Conditions of the target that have a factor on its price, by their names in the price list
    /// (`regional_endpoint`).
    fn price_conditions(&self, _target: &Target) -> Vec<String> {
        Vec::new()
    }

    /// URLs that must be fetched before [`Dialect::encode`], because the provider takes only inline data.
    ///
    /// # Errors
    /// As for `encode`.
    fn fetches(&self, _call: &Call, _target: &Target) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether the call's form is passed on as it is, so that the rest of an open [`Upload`](crate::Upload) may go to
    /// the provider while it comes. Then what [`Dialect::encode`] writes ends within the last file.
    fn streams_upload(&self, _call: &Call, _target: &Target) -> bool {
        false
    }

    /// Whether the target embeds token ids; else they are sent as text.
    fn embeds_tokens(&self, _target: &Target) -> bool {
        false
    }

    /// Whether a provider that counts tokens does so for this model.
    fn counts_tokens(&self, _target: &Target) -> bool {
        true
    }

    /// Writes the upstream request, unsigned. Same format: the client's bytes with edits spliced in.
    ///
    /// # Errors
    /// The call cannot be expressed for this target.
    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded>;

    /// Reads a whole successful answer into the hub.
    ///
    /// # Errors
    /// The answer cannot be understood, or is an error in spite of its status.
    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply>;

    /// What follows the first request, for APIs whose answers must be asked for.
    fn exchange(&self, _attempt: &Attempt<'_>, _encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        None
    }

    /// Starts reading a successful stream into the hub.
    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder>;

    /// Explains an answer with an error status.
    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error;

    /// Checks a whole answer that is about to be relayed, and reads its usage.
    ///
    /// # Errors
    /// The answer is not JSON, or is an error in spite of its status.
    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>>;

    /// Checks a whole answer like [`Dialect::inspect`] and gives what goes to the client: the same bytes, unless the
    /// memo declares an edit.
    ///
    /// # Errors
    /// As for `inspect`.
    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        let usage = self.inspect(encoded, head, &body)?;
        Ok((body.into(), usage))
    }

    /// Starts watching a stream that is relayed.
    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe>;
}

/// A call on one target: what a dialect may look at.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The client's request.
    pub call: &'a Call,
    /// Where it goes.
    pub target: &'a Target,
    /// What [`Dialect::fetches`] asked for.
    pub media: &'a Media,
}

impl Attempt<'_> {
    /// The dialect in which the target is addressed for this client.
    pub fn dialect(&self) -> &'static dyn Dialect {
        self.target.provider.dialect_of(self.call)
    }

    /// The base URL for [`Attempt::dialect`], without a slash at the end.
    pub fn base(&self) -> Cow<'_, str> {
        let own = &self.target.provider.quirks.bases;
        if let Some(base) = own.get(self.call.operation.name()).filter(|_| !self.target.custom_base) {
            return Cow::Borrowed(base);
        }
        match self.target.provider.dialect_for(self.call.surface.id()).1 {
            None => Cow::Borrowed(&*self.target.base),
            Some(Alternate { base_url: Some(base), .. }) if !self.target.custom_base => Cow::Borrowed(base),
            Some(alternate) => Cow::Owned(alternate.below(&self.target.base)),
        }
    }

    /// What authorises the target for this client.
    pub fn signer(&self) -> &Arc<dyn Signer> {
        self.target.alternate_signers.get(self.call.surface.id()).unwrap_or(&self.target.signer)
    }

    /// The operator's policy with the client's wishes added.
    pub fn policy(&self) -> Cow<'_, ParamPolicy> {
        let options = &self.call.options;
        if options.drop_params.is_none()
            && options.additional_drop_params.is_empty()
            && options.allowed_openai_params.is_empty()
        {
            return Cow::Borrowed(&self.target.policy);
        }
        let mut policy = (*self.target.policy).clone();
        policy.drop_params = options.drop_params.unwrap_or(policy.drop_params);
        policy.additional_drop_params.extend(options.additional_drop_params.iter().cloned());
        policy.allowed_openai_params.extend(options.allowed_openai_params.iter().cloned());
        Cow::Owned(policy)
    }
}

/// Fetched files by URL.
#[derive(Clone, Debug, Default)]
pub struct Media(pub BTreeMap<String, Arc<MediaFile>>);

/// A fetched file.
#[derive(Debug)]
pub struct MediaFile {
    /// Its type, from the answer's header or its first bytes: `image/png`.
    pub mime: String,
    /// Its content.
    pub bytes: Bytes,
}

/// A request ready to be signed and sent, and what is needed to read its answer.
pub struct Encoded {
    /// Method, URL, headers, body.
    pub request: http::Request<Payload>,
    /// The format of the answer.
    pub format: Format,
    /// Whether the answer goes to the client as it comes. Only if `format` is the client's.
    pub relay: bool,
    /// The usage chunk of the stream was asked for by the gateway, not by the client, and is withheld from it.
    pub withhold_usage: bool,
    /// What the decoder must remember.
    pub memo: Memo,
    /// What was dropped or rewritten, for the client to know.
    pub notes: Notes,
}

/// What an encoder tells its decoder.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    /// The answer's JSON comes as the arguments of this forced tool.
    pub json_tool: Option<String>,
    /// Shortened or cleaned tool names and the client's own.
    pub tool_names: BTreeMap<String, String>,
    /// The request was built for the legacy `functions` parameter.
    pub legacy_functions: bool,
    /// The name under which the client knows the model: a relayed answer shows it instead of the provider's own.
    pub client_model: Option<String>,
    /// The deployment's id, for relayed answers whose own ids must lead back to it (responses that the provider keeps).
    pub deployment: Option<Arc<str>>,
    /// The account whose name goes to the client with encrypted reasoning: there are others that cannot read it.
    pub account: Option<Arc<str>>,
    /// The id that a relayed answer gets instead of its own (responses that the gateway keeps).
    pub answer_id: Option<String>,
    /// Top-level members that a relayed answer loses.
    pub reply_drop: Vec<String>,
    /// Top-level members that a relayed answer gets where it lacks them: member, JSON text.
    pub reply_defaults: Vec<(String, String)>,
    /// Top-level members of a relayed answer whose values are given in other words: member, value, other value
    /// (JSON texts).
    pub reply_values: Vec<(String, String, String)>,
}

/// Reported in `x-litellm-dropped-params`-like headers and counted (PRM-2).
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Members of the request that were not sent.
    pub dropped: Vec<String>,
    /// Members whose meaning was sent in another form than the client's.
    pub rewritten: Vec<String>,
}

/// Pushed bytes in, hub events out.
pub trait StreamDecoder: Send {
    /// Reads the next bytes, however they are cut.
    ///
    /// # Errors
    /// The bytes break the protocol.
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()>;

    /// The upstream closed the connection in good order.
    ///
    /// # Errors
    /// The stream is not complete: what came is not a whole answer.
    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()>;
}

/// Watches relayed bytes: passes them on and reads usage off them.
pub trait Probe: Send {
    /// Looks at the next frame and gives back what goes to the client: the same bytes, unless the usage chunk is
    /// withheld.
    ///
    /// # Errors
    /// The upstream reported a failure before any content; nothing of the frame is to be sent.
    fn pass(&mut self, frame: Bytes) -> Result<Bytes>;

    /// The upstream closed the connection in good order.
    fn finish(&mut self) -> StreamEnd;

    /// What has been seen so far, for a stream that is cut off.
    fn usage(&self) -> Option<Usage>;

    /// Chunks of content seen so far: the estimate of output tokens when no usage comes.
    fn chunks(&self) -> u64;
}

/// How a relayed stream ended.
#[derive(Debug, Default)]
pub struct StreamEnd {
    /// Bytes that still go to the client (a missing terminator).
    pub rest: Bytes,
    /// Why this is not a whole answer.
    pub error: Option<Error>,
    /// Whether the upstream itself already told the client of `error` in its protocol.
    pub told: bool,
}
