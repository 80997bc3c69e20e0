use std::net::IpAddr;

use crate::{Problem, Snapshot};

/// Shorter keys can be guessed.
const SHORTEST: usize = 16;
/// Keys that stand in documentation everywhere.
const KNOWN: &[&str] =
    &["sk-1234", "sk-12345", "sk-123456", "sk-1234567890", "sk-master", "sk-litellm-master-key"];

/// Whether this configuration may listen on `host`: where others can reach it, the master key must be one that
/// cannot be guessed. Empty if it may.
pub fn check_exposure(snapshot: &Snapshot, host: &str) -> Vec<Problem> {
    let general = &snapshot.general;
    if general.allow_weak_master_key || is_loopback(host) {
        return Vec::new();
    }
    let key = general.master_key.as_ref().map(|key| key.expose().trim()).unwrap_or_default();
    let lower = key.to_ascii_lowercase();
    let message = if general.blank_master_key {
        "The master key is set, but it is empty.".to_owned()
    } else if key.is_empty() {
        "No master key is set, so everybody who can reach the address may use it.".to_owned()
    } else if KNOWN.contains(&lower.as_str()) {
        "The master key is an example from documentation.".to_owned()
    } else if key.chars().count() < SHORTEST {
        format!("The master key has fewer than {SHORTEST} characters.")
    } else if key.chars().collect::<std::collections::BTreeSet<_>>().len() < 5 {
        "The master key repeats a few characters.".to_owned()
    } else {
        return Vec::new();
    };
    let remedy = format!(
        "Set `LITELLM_MASTER_KEY` to a long random text (`openssl rand -hex 24`), listen on 127.0.0.1 instead of {host}, \
         or accept the risk with `general_settings.dangerously_permit_weak_or_unset_master_key: true`."
    );
    vec![Problem::new("general_settings.master_key", message, remedy)]
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}
