//! The words of the domain and the contracts: operations, call, hub types, events, usage, error, secret.
