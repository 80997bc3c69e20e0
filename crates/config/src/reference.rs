use std::fmt::{self, Write};

use crate::keys::{Key, PLACES, Place, VARIABLES};

/// The reference of all keys and variables, as Markdown: `docs/configuration.md`.
pub fn reference_markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    for place in PLACES.iter().chain([&VARIABLES]) {
        // Writing to a string cannot fail.
        let _ = section(&mut text, place);
    }
    text
}

const INTRODUCTION: &str = "# Configuration

<!-- Generated from the declarations in `crates/config/src/keys`. Change them there. -->

Lockgate reads LiteLLM's `config.yaml` as it is. `lockgate check FILE` says everything that is wrong with one, each with
line, key and remedy. Without a file, every provider whose key is in the environment is served as `provider/*`, and
`demo/echo` answers without any key.

- Any text may be `os.environ/NAME`: the value of that environment variable.
- Later layers win: the defaults below, the file with its `include`s, the environment where a key says so, the command
  line.
- The file is read again when it changes and on SIGHUP. A file with a problem changes nothing.
- A key that is not known is a warning with a suggestion. A known key that is not active yet is listed once at start.
- YAML anchors and merge keys (`<<: *common`) work.

```yaml
model_list:
  - model_name: gpt-4o # what clients ask for
    litellm_params:
      model: openai/gpt-4o # provider/name
      api_key: os.environ/OPENAI_API_KEY
  - model_name: claude-* # a pattern: claude-sonnet-4-5, …
    litellm_params:
      model: anthropic/claude-*
  - model_name: local
    litellm_params:
      model: openai/qwen3 # any server that speaks OpenAI's format
      api_base: http://127.0.0.1:8000/v1
router_settings:
  fallbacks: [{ gpt-4o: [claude-sonnet-4-5] }]
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
```

## Time limits

A call has four limits. Each has one meaning for every provider and every operation.

| limit | default | bounds | keys |
|---|---|---|---|
| connect | 5 s | from the start of an attempt until a connection stands, TLS included | `connect_timeout` |
| first byte | 120 s | of a stream: the wait for the first byte of the answer's body | `stream_timeout`; else `timeout` where it is set |
| idle | 60 s | silence between two reads of an answer's body | `idle_timeout` |
| total | 30 min | the whole call, all attempts and waits included | `timeout`, `request_timeout` |

No part is ever longer than the whole. A request's own `timeout` and `stream_timeout` come before those of the
deployment, these before `router_settings`, and these before `litellm_settings.request_timeout`.
";

fn section(text: &mut String, place: &Place) -> fmt::Result {
    let title = match place.name {
        "" => "Sections",
        "environment" => "Environment variables",
        name => name,
    };
    let title = if title.contains('_') { format!("`{title}`") } else { title.to_owned() };
    writeln!(text, "\n## {title}\n\n{}\n", place.meaning)?;
    writeln!(text, "| name | value | default | meaning |\n|---|---|---|---|")?;
    for key in place.keys.iter().filter(|key| key.active) {
        writeln!(text, "| `{}` | {} | {} | {} |", key.name, key.kind.name(), default(key), key.meaning)?;
    }
    let moot: Vec<&Key> = place.keys.iter().filter(|key| !key.active).collect();
    if !moot.is_empty() {
        writeln!(text, "\nAccepted, with nothing to change:\n")?;
        for key in moot {
            writeln!(text, "- `{}`: {}", key.name, key.meaning)?;
        }
    }
    list(text, "Kept for the dialects of clouds", place.kept)?;
    list(text, "Known, not active yet", place.later)
}

fn list(text: &mut String, title: &str, names: &str) -> fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = names.split_whitespace().map(|name| format!("`{name}`")).collect();
    writeln!(text, "\n{title}: {}.", names.join(", "))
}

/// Plain values as code, descriptions as they are.
fn default(key: &Key) -> String {
    let plain =
        |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter));
    match key.default {
        "" => "–".to_owned(),
        text if plain(text) => format!("`{text}`"),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_well_formed_and_no_key_is_forgotten() {
        let text = reference_markdown();
        for line in text.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(line.matches('|').count(), 5, "{line}");
        }
        for place in PLACES {
            for name in place.names() {
                assert!(text.contains(&format!("`{name}`")), "{name}");
            }
        }
    }
}
