//! What a start says: what is served, where, and how to try it.

use std::{
    io::{IsTerminal, stderr},
    net::SocketAddr,
};

use lockgate_config::Snapshot;

use crate::{list::complain, master_key::Kept};

const BLUE: &str = "\x1b[34m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Says it on standard error; colours and the picture only on a terminal.
pub(crate) fn say(address: SocketAddr, snapshot: &Snapshot, kept: Option<&Kept>) {
    let terminal = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (blue, bold, plain) = if terminal { (BLUE, BOLD, PLAIN) } else { ("", "", "") };
    if terminal {
        complain(&format!(
            "{blue}  ┃▕▔▔▔▏┃\n ~┃▕ ⛵ ▏┃~~~{plain}  {bold}lockgate{plain} {}",
            env!("CARGO_PKG_VERSION")
        ));
    }
    complain(&format!(
        "Lockgate listens on {bold}http://{address}{plain} (OpenAI: /v1, Anthropic: /, docs: /docs)"
    ));
    complain(&format!("Models: {}", models(snapshot)));
    match kept {
        Some(Kept { key, file, new: true }) => {
            complain(&format!("Master key, shown this once and kept in {}:", file.display()));
            complain(&format!("  {bold}{}{plain}", key.expose()));
            complain("Try it:");
            complain(&curl(address, key.expose(), snapshot));
        }
        Some(Kept { file, .. }) => complain(&format!("Master key: in {}", file.display())),
        None => complain("Master key: from the configuration"),
    }
}

fn models(snapshot: &Snapshot) -> String {
    let names = snapshot.routes.names();
    let mut shown: Vec<&str> = names.iter().take(8).map(|name| name.name).collect();
    let more = format!("and {} more", names.len().saturating_sub(shown.len()));
    if names.len() > shown.len() {
        shown.push(&more);
    }
    shown.join(", ")
}

fn curl(address: SocketAddr, key: &str, snapshot: &Snapshot) -> String {
    let names = snapshot.routes.names();
    let model = names.iter().find(|name| !name.wildcard).map_or("demo/echo", |name| name.name);
    format!(
        "  curl http://{address}/v1/chat/completions -H 'Authorization: Bearer {key}' \\\n    \
         -H 'Content-Type: application/json' \\\n    \
         -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    )
}
