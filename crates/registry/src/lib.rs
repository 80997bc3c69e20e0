//! Dialect crates by feature, and the rows of providers.toml as Provider values.
