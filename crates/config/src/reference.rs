/// The reference of all keys and variables, as Markdown.
pub fn reference_markdown() -> String {
    String::new()
}
