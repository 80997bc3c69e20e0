//! What the examples have in common: which model, and where.

use lockgate_client::{BuildError, Client, ClientBuilder};

/// The model: the first argument, else the built-in one that needs no key.
pub(crate) fn model() -> String {
    std::env::args().nth(1).unwrap_or_else(|| "demo/echo".to_owned())
}

/// A client with the keys of the environment. `LOCKGATE_BASE` redirects the models of `openai/` to another address.
pub(crate) fn builder() -> ClientBuilder {
    let builder = Client::builder().env();
    match std::env::var("LOCKGATE_BASE") {
        Ok(base) => builder.base_url("openai", base),
        Err(_) => builder,
    }
}

/// As [`builder`], with nothing else set.
#[allow(dead_code, reason = "one example sets more")]
pub(crate) fn client() -> Result<Client, BuildError> {
    builder().build()
}
