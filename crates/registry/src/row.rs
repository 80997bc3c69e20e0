use std::{collections::BTreeMap, sync::Arc};

use lockgate_core::{Alternate, Auth, AuthScheme, Dialect, Operation, Provider, Quirks};
use serde::Deserialize;

/// A provider as data: one table of `providers.toml`, or of a user's own configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Row {
    /// Its name for people.
    pub title: String,
    /// The format it speaks: `openai`, `anthropic`.
    pub dialect: String,
    /// Where it is. None: the user must give `api_base`.
    pub base_url: Option<String>,
    /// Other addresses of it: a model without a prefix whose `api_base` is there is this provider's.
    pub also_at: Vec<String>,
    /// Environment variables that override `base_url`.
    pub base_env: Vec<String>,
    /// How calls are authorised.
    pub auth: AuthRow,
    /// What it offers, by operation name. Empty: chat.
    pub operations: Vec<String>,
    /// How it differs from its dialect.
    pub quirks: Quirks,
    /// Headers sent with every call.
    pub headers: BTreeMap<String, String>,
    /// Other names for it as a prefix.
    pub aliases: Vec<String>,
    /// Label of its models in the price list, if not the row's name.
    pub price_label: Option<String>,
    /// Whether its answers cost nothing.
    pub free: bool,
    /// Other dialects that it speaks, by the surface whose clients they serve.
    pub alternates: BTreeMap<String, AlternateRow>,
    /// Operations that it offers in another dialect than its usual one: `rerank = "cohere"`.
    pub dialects: BTreeMap<String, String>,
    /// Where its documentation is.
    pub docs: Option<String>,
}

/// The `auth` of a row.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthRow {
    /// `bearer` (the default), `header`, `cloud` (the dialect knows) or `none`.
    pub scheme: String,
    /// The header's name for `header`.
    pub header: String,
    /// Put before the key in the header.
    pub prefix: String,
    /// Environment variables that hold the key, the first that is set wins.
    pub env: Vec<String>,
    /// Whether calls without a key make sense.
    pub optional: bool,
    /// Sent in place of a key where there is none, as servers that check none are used to.
    pub placeholder: Option<String>,
}

/// A second dialect of a row.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlternateRow {
    /// The format it speaks there.
    pub dialect: String,
    /// Its own default base URL.
    pub base_url: Option<String>,
    /// Appended to an `api_base` of the user.
    pub path: String,
    /// Ends of such an `api_base` that are cut off before: `/v1`.
    pub strip: Vec<String>,
    /// How calls to it are authorised, if otherwise.
    pub auth: Option<AuthRow>,
}

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The file is not TOML of the right shape.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// No such dialect in this build.
    #[error("provider `{provider}`: `dialect` is `{dialect}`, but this build has {known}")]
    Dialect {
        /// The row.
        provider: String,
        /// What it asks for.
        dialect: String,
        /// What there is.
        known: String,
    },
    /// No such operation.
    #[error("provider `{provider}`: `operations` names `{operation}`, which is none")]
    Operation {
        /// The row.
        provider: String,
        /// What it asks for.
        operation: String,
    },
    /// No such scheme.
    #[error("provider `{provider}`: `auth.scheme` is `{scheme}`; use `bearer`, `header`, `cloud` or `none`")]
    Scheme {
        /// The row.
        provider: String,
        /// What it asks for.
        scheme: String,
    },
}

impl Row {
    /// Makes the provider that the row describes.
    ///
    /// # Errors
    /// The row names a dialect, operation or scheme that does not exist.
    pub fn provider(
        &self,
        id: &str,
        dialect: impl Fn(&str) -> Option<&'static dyn Dialect>,
        known: &str,
    ) -> Result<Provider, RowError> {
        let find = |name: &str| {
            dialect(name).ok_or_else(|| RowError::Dialect {
                provider: id.to_owned(),
                dialect: name.to_owned(),
                known: known.to_owned(),
            })
        };
        let operation = |name: &String| {
            Operation::from_name(name)
                .ok_or_else(|| RowError::Operation { provider: id.to_owned(), operation: name.clone() })
        };
        let mut operations = self.operations.iter().map(operation).collect::<Result<Vec<_>, _>>()?;
        let mut dialects = Vec::new();
        for (name, dialect) in &self.dialects {
            dialects.push((operation(name)?, find(dialect)?));
        }
        if operations.is_empty() {
            operations.push(Operation::Chat);
        }
        let mut alternates = Vec::new();
        for (surface, row) in &self.alternates {
            alternates.push(Alternate {
                surface: surface.clone(),
                dialect: find(&row.dialect)?,
                base_url: row.base_url.clone(),
                path: row.path.clone(),
                strip: row.strip.clone(),
                auth: row.auth.as_ref().map(|auth| auth.scheme(id)).transpose()?,
            });
        }
        Ok(Provider {
            id: Arc::from(id),
            title: if self.title.is_empty() { id.to_owned() } else { self.title.clone() },
            dialect: find(&self.dialect)?,
            base_url: self.base_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
            also_at: self.also_at.clone(),
            base_env: self.base_env.clone(),
            auth: Auth {
                scheme: self.auth.scheme(id)?,
                env: self.auth.env.clone(),
                optional: self.auth.optional,
                placeholder: self.auth.placeholder.clone(),
            },
            operations,
            quirks: self.quirks.clone(),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            price_label: self.price_label.clone(),
            free: self.free,
            alternates,
            dialects,
        })
    }
}

impl AuthRow {
    fn scheme(&self, provider: &str) -> Result<AuthScheme, RowError> {
        match self.scheme.as_str() {
            "" | "bearer" => Ok(AuthScheme::Bearer),
            "header" => {
                Ok(AuthScheme::Header { name: self.header.to_lowercase(), prefix: self.prefix.clone() })
            }
            "cloud" => Ok(AuthScheme::Cloud),
            "none" => Ok(AuthScheme::None),
            other => Err(RowError::Scheme { provider: provider.to_owned(), scheme: other.to_owned() }),
        }
    }
}
