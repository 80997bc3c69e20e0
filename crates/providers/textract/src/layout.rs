//! A page's Markdown: by its layout, where that was asked for, else its lines.

use std::collections::BTreeSet;

use crate::blocks::{Block, Index};

/// What a page says.
pub(crate) fn markdown(blocks: &[&Block], index: &Index<'_>) -> String {
    let layouts: Vec<&Block> = blocks.iter().copied().filter(|block| block.layout().is_some()).collect();
    if layouts.is_empty() {
        let lines = blocks.iter().filter(|block| block.kind() == "LINE");
        return lines.filter_map(|line| line.text.as_deref()).collect::<Vec<_>>().join("\n");
    }
    let tables: Vec<&Block> = blocks.iter().copied().filter(|block| block.kind() == "TABLE").collect();
    // The items of a list are layouts themselves.
    let inner: BTreeSet<&str> = layouts.iter().flat_map(|block| block.children()).collect();
    let outer = layouts.iter().filter(|block| block.id.as_deref().is_none_or(|id| !inner.contains(id)));
    let parts = outer.map(|block| part(block, &tables, index)).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

fn part(block: &Block, tables: &[&Block], index: &Index<'_>) -> String {
    match block.layout().unwrap_or_default() {
        "TITLE" => headed("# ", &index.text(block, " ")),
        "SECTION_HEADER" => headed("## ", &index.text(block, " ")),
        "LIST" => {
            let items = index.children(block).into_iter().map(|item| match &item.text {
                Some(line) => headed("- ", line),
                None => headed("- ", &index.text(item, " ")),
            });
            items.filter(|item| !item.is_empty()).collect::<Vec<_>>().join("\n")
        }
        "TABLE" => {
            let own = words(block, index);
            let found = tables.iter().find(|table| !words(table, index).is_disjoint(&own));
            found.map_or_else(|| index.text(block, "\n"), |table| rows(table, index))
        }
        _ => index.text(block, "\n"),
    }
}

fn headed(mark: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{mark}{text}") }
}

/// The words of a table, which has cells, or of its layout, which has lines.
fn words<'a>(block: &Block, index: &Index<'a>) -> BTreeSet<&'a str> {
    index.children(block).into_iter().flat_map(|child| child.children()).collect()
}

/// A table's cells between bars. The first row is the head, as Markdown wants one.
fn rows(table: &Block, index: &Index<'_>) -> String {
    /// More than a page can show; the numbers are another's.
    const MOST: u64 = 1000;
    let cells: Vec<(u64, u64, String)> = index
        .children(table)
        .into_iter()
        .filter(|cell| cell.kind() == "CELL")
        .filter_map(|cell| Some((cell.row?, cell.column?, index.text(cell, " ").replace('|', "\\|"))))
        .filter(|(row, column, _)| (1..=MOST).contains(row) && (1..=MOST).contains(column))
        .collect();
    let (height, width) = (cells.iter().map(|cell| cell.0).max(), cells.iter().map(|cell| cell.1).max());
    let (Some(height), Some(width)) = (height, width) else { return String::new() };
    let mut lines = Vec::new();
    for row in 1..=height {
        let mut line = vec![""; usize::try_from(width).unwrap_or_default()];
        for (_, column, text) in cells.iter().filter(|cell| cell.0 == row) {
            let place = usize::try_from(column - 1).ok().and_then(|at| line.get_mut(at));
            if let Some(place) = place {
                *place = text;
            }
        }
        lines.push(format!("| {} |", line.join(" | ")));
        if row == 1 {
            lines.push(format!("|{}", " --- |".repeat(line.len())));
        }
    }
    lines.join("\n")
}
