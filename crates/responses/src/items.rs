//! Lists of items, as the API writes them.

use lockgate_core::{
    Extra, Raw,
    json::{raw, read, to_raw},
};
use lockgate_wire::quote;

/// A request's `input` as items: a text is a user's message, and every item has an id, made of `seed` where the client
/// gave none.
pub fn normalised(input: &str, seed: &str) -> Vec<Raw> {
    if input.starts_with('"') {
        return vec![message("user", &part("input_text", input), &format!("msg_{seed}_in0"))];
    }
    let items: Vec<Raw> = serde_json::from_str(input).unwrap_or_default();
    items.iter().enumerate().map(|(at, item)| item_of(item, &format!("{seed}_in{at}"))).collect()
}

fn item_of(item: &Raw, seed: &str) -> Raw {
    let Some(mut members) = read::<Extra>(item) else { return item.clone() };
    let text = |name: &str| members.get(name).and_then(read::<String>);
    let (kind, role, id) = (text("type"), text("role"), text("id"));
    let id = id.unwrap_or_else(|| format!("{}_{seed}", prefix(kind.as_deref())));
    if let (None | Some("message"), Some(role), Some(content)) =
        (kind.as_deref(), role, members.get("content"))
        && content.get().starts_with('"')
    {
        let own = if role == "assistant" { "output_text" } else { "input_text" };
        return message(&role, &part(own, content.get()), &id);
    }
    let mut whole = Extra::new();
    whole.push("id", to_raw(&id));
    if kind.is_none() {
        whole.push("type", raw("\"message\""));
    }
    members.remove("id");
    for (key, value) in members.iter() {
        whole.push(key, value.to_owned());
    }
    to_raw(&whole)
}

fn part(kind: &str, text: &str) -> String {
    let annotations = if kind == "output_text" { ",\"annotations\":[]" } else { "" };
    format!("{{\"type\":\"{kind}\",\"text\":{text}{annotations}}}")
}

fn message(role: &str, part: &str, id: &str) -> Raw {
    raw(format!(
        "{{\"id\":{},\"type\":\"message\",\"status\":\"completed\",\"role\":{},\"content\":[{part}]}}",
        quote(id),
        quote(role)
    ))
}

/// What the ids of items of this type begin with.
fn prefix(kind: Option<&str>) -> &'static str {
    match kind {
        None | Some("message") => "msg",
        Some("reasoning") => "rs",
        Some("function_call") => "fc",
        Some("function_call_output") => "fco",
        Some("custom_tool_call") => "ctc",
        _ => "item",
    }
}

/// What a client asks of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// At most so many items, 20 if it does not say.
    pub limit: Option<usize>,
    /// Those after the item of this id.
    pub after: Option<String>,
    /// Those before the item of this id.
    pub before: Option<String>,
    /// The oldest first.
    pub ascending: bool,
}

/// A page of a list of items.
pub fn page(mut items: Vec<Raw>, page: &Page) -> Raw {
    if !page.ascending {
        items.reverse();
    }
    let ids: Vec<String> = items.iter().map(id).collect();
    let place = |wanted: &Option<String>| ids.iter().position(|own| Some(own) == wanted.as_ref());
    let start = place(&page.after).map_or(0, |at| at + 1);
    let end = place(&page.before).unwrap_or(items.len()).max(start);
    let limit = page.limit.unwrap_or(20).clamp(1, 100);
    let shown: Vec<&Raw> = items.iter().take(end).skip(start).take(limit).collect();
    let more = end - start > shown.len();
    let named = |item: Option<&&Raw>| item.map_or_else(|| "null".to_owned(), |item| quote(&id(item)));
    raw(format!(
        "{{\"object\":\"list\",\"data\":{},\"first_id\":{},\"last_id\":{},\"has_more\":{more}}}",
        to_raw(&shown).get(),
        named(shown.first()),
        named(shown.last())
    ))
}

fn id(item: &Raw) -> String {
    read::<Extra>(item).and_then(|members| read(members.get("id")?)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_gets_an_id_and_a_type() {
        let items = normalised(
            r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"type":"function_call_output","call_id":"c","output":"d"},{"id":"own","role":"user","content":[]}]"#,
            "1",
        );
        let texts: Vec<&str> = items.iter().map(|item| item.get()).collect();
        assert_eq!(
            texts,
            [
                r#"{"id":"msg_1_in0","type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":"a"}]}"#,
                r#"{"id":"msg_1_in1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[]}]}"#,
                r#"{"id":"fco_1_in2","type":"function_call_output","call_id":"c","output":"d"}"#,
                r#"{"id":"own","type":"message","role":"user","content":[]}"#,
            ]
        );
        assert_eq!(normalised("\"a\"", "1")[0].get(), texts[0]);
        assert!(normalised("5", "1").is_empty());
    }

    #[test]
    fn pages() {
        let items = || (0..5).map(|at| raw(format!("{{\"id\":\"{at}\"}}"))).collect::<Vec<_>>();
        let shown = |page: Page| {
            let page: Extra = serde_json::from_str(super::page(items(), &page).get()).unwrap();
            let ids: String = read::<Vec<Raw>>(page.get("data").unwrap()).unwrap().iter().map(id).collect();
            (ids, page.get("has_more").unwrap().get() == "true")
        };
        let after = |id: &str| Some(id.to_owned());
        assert_eq!(shown(Page::default()), ("43210".to_owned(), false));
        assert_eq!(shown(Page { limit: Some(2), ..Page::default() }), ("43".to_owned(), true));
        assert_eq!(
            shown(Page { limit: Some(2), after: after("3"), ..Page::default() }),
            ("21".to_owned(), true)
        );
        assert_eq!(
            shown(Page { ascending: true, after: after("3"), ..Page::default() }),
            ("4".to_owned(), false)
        );
        assert_eq!(
            shown(Page { ascending: true, before: after("2"), ..Page::default() }),
            ("01".to_owned(), false)
        );
        assert_eq!(shown(Page { after: after("0"), ..Page::default() }), (String::new(), false));
    }
}
