//! Token counts where no provider gives them. Counting is work for the processor: large texts leave the worker, or
//! are estimated by their length.

use lockgate_core::{Call, Error, Operation, Reply, Result, Usage, hub::Content};
use lockgate_tokens::{BLOCKING_BYTES, count_chat, count_prompt, count_text};

/// Runs `count` here, or, for a text of that many bytes that would hold up others, on a thread of its own.
///
/// # Errors
/// As `count`.
pub(crate) async fn off_the_worker<T: Send + 'static>(
    bytes: usize,
    count: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if bytes <= BLOCKING_BYTES {
        return count();
    }
    let counted = tokio::task::spawn_blocking(count).await;
    counted.unwrap_or_else(|_| Err(Error::internal("Tokens could not be counted.")))
}

/// Usage of a call whose provider did not say, marked as estimated.
pub(crate) fn usage(call: &Call, model: &str, output: u64) -> Option<Usage> {
    let source = call.body.source();
    let input = if source.len() > BLOCKING_BYTES {
        lockgate_tokens::estimate(&String::from_utf8_lossy(source))
    } else {
        match call.operation {
            Operation::Chat => count_chat(model, call.chat().ok()?).tokens,
            Operation::Completion => count_prompt(model, call.completion().ok()?.prompt.as_ref()?).tokens,
            Operation::Embedding => count_prompt(model, call.embedding().ok()?.input.as_ref()?).tokens,
            _ => return None,
        }
    };
    Some(Usage { input, output, estimated: true, ..Usage::default() })
}

/// Output tokens of an answer whose provider did not count them.
pub(crate) fn output(reply: &Reply) -> u64 {
    let text: String = match reply {
        Reply::Chat(reply) => {
            let contents = reply.choices.iter().filter_map(|choice| choice.message.content.as_ref());
            contents.map(Content::text).collect()
        }
        Reply::Completion(reply) => reply.choices.iter().map(|choice| choice.text.as_str()).collect(),
        _ => return 0,
    };
    if text.len() > BLOCKING_BYTES { lockgate_tokens::estimate(&text) } else { count_text("", &text) }
}
