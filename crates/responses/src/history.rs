use std::{collections::HashSet, sync::Arc};

use lockgate_core::{Error, ErrorKind, Origin, Raw, Result};

use crate::{Record, ResponseStore};

/// Conversations longer than this are refused rather than read from the store without end.
const LONGEST: usize = 2000;

/// The response of that id and all that it continues, the oldest first.
///
/// # Errors
/// One of them is not there, or the store fails.
pub async fn history(store: &dyn ResponseStore, id: &str) -> Result<Vec<Arc<Record>>> {
    let mut chain: Vec<Arc<Record>> = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some(id.to_owned());
    while let Some(id) = next.take() {
        let looped = !seen.insert(id.clone()) || chain.len() >= LONGEST;
        let record = if looped { None } else { store.get(&id).await? };
        let record = record.ok_or_else(|| missing(&id))?;
        next.clone_from(&record.previous);
        chain.push(record);
    }
    chain.reverse();
    Ok(chain)
}

/// The items of a conversation: what was said and what was answered, turn by turn.
pub fn conversation(chain: &[Arc<Record>]) -> Vec<Raw> {
    chain.iter().flat_map(|record| record.input.iter().cloned().chain(record.output())).collect()
}

fn missing(id: &str) -> Error {
    let message = format!("Previous response with id '{id}' not found.");
    Error::new(ErrorKind::BadRequest, Origin::Client, message)
        .with_param("previous_response_id")
        .with_code("previous_response_not_found")
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use lockgate_core::json::raw;

    use super::*;
    use crate::MemoryStore;

    fn now<T>(future: impl Future<Output = T>) -> T {
        let Poll::Ready(value) = Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("memory does not wait");
        };
        value
    }

    fn record(id: &str, previous: Option<&str>) -> Arc<Record> {
        Arc::new(Record {
            id: id.to_owned(),
            previous: previous.map(str::to_owned),
            input: vec![raw(format!("\"in {id}\""))],
            response: raw(format!("{{\"output\":[\"out {id}\"]}}")),
            ..Record::default()
        })
    }

    #[test]
    fn a_conversation_is_told_from_its_beginning() {
        let store = MemoryStore::new(1 << 20);
        for one in [record("1", None), record("2", Some("1")), record("loop", Some("loop"))] {
            store.insert(one);
        }
        let chain = now(history(&store, "2")).unwrap();
        let said: Vec<String> = conversation(&chain).iter().map(|item| item.get().to_owned()).collect();
        assert_eq!(said, ["\"in 1\"", "\"out 1\"", "\"in 2\"", "\"out 2\""]);
        for id in ["none", "loop"] {
            let error = now(history(&store, id)).unwrap_err();
            assert_eq!(error.code(), Some("previous_response_not_found"), "{id}");
        }
    }
}
