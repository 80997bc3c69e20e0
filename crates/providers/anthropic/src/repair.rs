//! Repairs of conversations that Anthropic would refuse, if the operator wants them (`modify_params`).

use std::borrow::Cow;

use crate::wire::{Block, ResultContent, Turn};

const CONTINUE: &str = "Please continue.";

/// Makes the conversation one that Anthropic takes: begun by the user, each tool call with a result, no result
/// without a call.
pub(crate) fn repair(turns: &mut Vec<Turn<'_>>) {
    if turns.first().is_none_or(|turn| turn.role != "user") {
        let block = Block::Text { text: Cow::Borrowed(CONTINUE), cache_control: None };
        turns.insert(0, Turn { role: "user", content: vec![block] });
    }
    let mut at = 0;
    while at < turns.len() {
        let calls = turns.get(at).map(calls).unwrap_or_default();
        let answered = turns.get_mut(at + 1).is_some_and(|turn| turn.role == "user");
        if !calls.is_empty() && !answered {
            turns.insert(at + 1, Turn { role: "user", content: Vec::new() });
        }
        if let Some(next) = turns.get_mut(at + 1).filter(|turn| turn.role == "user") {
            fill(next, &calls);
        }
        at += 1;
    }
    if let Some(first) = turns.first_mut() {
        fill(first, &[]);
    }
    turns.retain(|turn| !turn.content.is_empty());
}

/// The calls of a turn: id and name.
fn calls(turn: &Turn<'_>) -> Vec<(String, String)> {
    let calls = turn.content.iter().filter_map(|block| match block {
        Block::ToolUse { id, name, .. } => Some((id.to_string(), name.to_string())),
        _ => None,
    });
    calls.collect()
}

/// Drops results that belong to no call and puts a stand-in for each missing one behind those that are there.
fn fill(turn: &mut Turn<'_>, calls: &[(String, String)]) {
    turn.content.retain(|block| match block {
        Block::ToolResult { tool_use_id, .. } => calls.iter().any(|(id, _)| id == tool_use_id),
        _ => true,
    });
    for (id, name) in calls {
        let results = turn.content.iter().filter_map(|block| match block {
            Block::ToolResult { tool_use_id, .. } => Some(tool_use_id.as_ref()),
            _ => None,
        });
        let (mut count, mut found) = (0, false);
        for result in results {
            count += 1;
            found |= result == id;
        }
        if !found {
            let text = format!(
                "[System: Tool execution skipped/interrupted by user. No result provided for tool '{name}'.]"
            );
            let content = ResultContent::Text(Cow::Owned(text));
            let block =
                Block::ToolResult { tool_use_id: Cow::Owned(id.clone()), content, cache_control: None };
            turn.content.insert(count.min(turn.content.len()), block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Block<'_> {
        Block::Text { text: Cow::Borrowed(text), cache_control: None }
    }

    #[test]
    fn every_call_gets_its_result_and_orphans_go() {
        let call = Block::ToolUse {
            id: "a".into(),
            name: "f".into(),
            input: Cow::Owned(crate::wire::raw("{}")),
            cache_control: None,
        };
        let orphan = Block::ToolResult {
            tool_use_id: "x".into(),
            content: ResultContent::Text("?".into()),
            cache_control: None,
        };
        let mut turns = vec![
            Turn { role: "assistant", content: vec![call] },
            Turn { role: "user", content: vec![orphan, text("go on")] },
        ];
        repair(&mut turns);
        let roles: Vec<_> = turns.iter().map(|turn| turn.role).collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
        let last = serde_json::to_string(&turns[2]).unwrap();
        assert!(
            last.starts_with(r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a""#),
            "{last}"
        );
        assert!(!last.contains(r#""x""#));
    }
}
