//! A provider is a value: a row of data that names its dialect.

use std::sync::Arc;

use crate::{Call, Dialect, Operation, Quirks};

/// A provider: where it is, how it is addressed, what it can do.
#[derive(Clone)]
pub struct Provider {
    /// The prefix of its models' names: `groq` in `groq/llama-3.3-70b`.
    pub id: Arc<str>,
    /// Its name for people.
    pub title: String,
    /// The format it speaks.
    pub dialect: &'static dyn Dialect,
    /// Its default base URL, without a slash at the end; see [`Provider::default_base`]. `None`: the user must give
    /// one.
    pub base_url: Option<String>,
    /// Other addresses of it, by which an operator's `api_base` is recognised.
    pub also_at: Vec<String>,
    /// Environment variables that override the base URL, the first that is set wins.
    pub base_env: Vec<String>,
    /// How calls are authorised.
    pub auth: Auth,
    /// What it offers.
    pub operations: Vec<Operation>,
    /// How it differs from its dialect.
    pub quirks: Quirks,
    /// Headers sent with every call.
    pub headers: Vec<(String, String)>,
    /// Label of its models in the price list, if not `id`.
    pub price_label: Option<String>,
    /// Its answers cost nothing: a missing price is not worth a warning.
    pub free: bool,
    /// Other dialects that it speaks, for clients of another surface.
    pub alternates: Vec<Alternate>,
    /// Operations that it offers in another dialect.
    pub dialects: Vec<(Operation, &'static dyn Dialect)>,
}

/// A second dialect of one provider: DeepSeek speaks OpenAI's and, at another path, Anthropic's.
#[derive(Clone)]
pub struct Alternate {
    /// The surface whose clients are served by it: `anthropic`.
    pub surface: String,
    /// The format it speaks there.
    pub dialect: &'static dyn Dialect,
    /// Its own default base URL, without a slash at the end.
    pub base_url: Option<String>,
    /// Appended to a base URL that the operator gave for the whole provider.
    pub path: String,
    /// Ends of such a base URL that belong to the provider's usual dialect: `/v1`.
    pub strip: Vec<String>,
    /// How calls to it are authorised, if otherwise than the provider's.
    pub auth: Option<AuthScheme>,
}

impl Alternate {
    /// Where it is for an operator who gave this base URL for the whole provider.
    pub fn below(&self, base: &str) -> String {
        if base.ends_with(&self.path) && !self.path.is_empty() {
            return base.to_owned();
        }
        let root = self.strip.iter().find_map(|end| base.strip_suffix(end.as_str())).unwrap_or(base);
        format!("{root}{}", self.path)
    }
}

impl Provider {
    /// Whether the provider offers the operation.
    pub fn offers(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    /// The default base URL, its `{VARIABLE}`s filled in by `env`.
    ///
    /// # Errors
    /// The name of a variable that is not set.
    pub fn default_base(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
        let Some(template) = &self.base_url else { return Ok(None) };
        let (mut base, mut rest) = (String::new(), template.as_str());
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else { break };
            let value = env(name).filter(|value| !value.trim().is_empty()).ok_or_else(|| name.to_owned())?;
            base.push_str(before);
            base.push_str(value.trim());
            rest = tail;
        }
        base.push_str(rest);
        Ok(Some(base))
    }

    /// The dialect in which the provider is addressed for this call.
    pub fn dialect_of(&self, call: &Call) -> &'static dyn Dialect {
        let own = self.dialects.iter().find(|(operation, _)| *operation == call.operation);
        own.map_or_else(|| self.dialect_for(call.surface.id()).0, |(_, dialect)| *dialect)
    }

    /// The dialect for clients of that surface, and its alternate if it is not the provider's usual one.
    pub fn dialect_for(&self, surface: &str) -> (&'static dyn Dialect, Option<&Alternate>) {
        match self.alternates.iter().find(|alternate| alternate.surface == surface) {
            Some(alternate) => (alternate.dialect, Some(alternate)),
            None => (self.dialect, None),
        }
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("id", &self.id)
            .field("dialect", &self.dialect.id())
            .finish_non_exhaustive()
    }
}

/// How calls to a provider are authorised.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// Where the credential goes.
    pub scheme: AuthScheme,
    /// Environment variables that hold the credential, the first that is set wins.
    pub env: Vec<String>,
    /// Whether calls without a credential make sense (local servers).
    pub optional: bool,
    /// Sent in place of a credential where there is none.
    pub placeholder: Option<String>,
}

/// Where a static credential goes. Signed and exchanged credentials are [`Signer`](crate::Signer)s of cloud crates.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum AuthScheme {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// A header with an optional word before the key: `x-api-key: KEY`, `Authorization: Token KEY`.
    Header {
        /// The header's name, in lower case.
        name: String,
        /// Put before the key, with its space.
        prefix: String,
    },
    /// The dialect makes the signer of the deployment's parameters: signatures, exchanged tokens.
    Cloud,
    /// No credential is sent.
    None,
}
