//! What the tests share.

use std::{sync::OnceLock, time::Duration};

use lockgate_catalog::Catalog;
use lockgate_core::{Error, ErrorKind, Origin};
use lockgate_registry::Registry;

use crate::{Deployment, Params, target};

pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::builtin().expect("the built-in rows are right"))
}

pub(crate) fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(Catalog::builtin)
}

/// A deployment of the group with that id.
pub(crate) fn deployment(group: &str, id: &str) -> Deployment {
    let mut params = Params::new(group, "openai/gpt-4o").with("api_key", "sk-test");
    params.info.insert("id".to_owned(), id.into());
    target::build(registry(), catalog(), &params, &|_| None).expect("a working deployment")
}

pub(crate) fn upstream(kind: ErrorKind) -> Error {
    Error::new(kind, Origin::Upstream, "no")
}

pub(crate) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
