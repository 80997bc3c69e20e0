//! Every surface over every dialect: the same conversation asked in each surface's words, the same answer given in
//! each upstream's, and what comes out held to one meaning.

mod cells;
mod clients;
mod drive;
mod facts;
mod targets;
pub mod upstream;

use std::{collections::BTreeMap, fmt::Write as _};

pub use clients::{Client, Scene, clients};
pub use drive::{answer, call, head, prepare, read, stream, stream_until, surface};
pub use facts::{of_events, of_reply, of_request};
pub use targets::{Site, sites};
pub use upstream::{Called, Counts, LAST, Places, Said, Script, Stop, Upstream};

/// The columns of the table; each for whole answers and for streams.
pub const COLUMNS: [&str; 9] =
    ["text", "tools", "results", "image", "schema", "reasoning", "usage", "stop", "errors"];

/// A cell of the table.
#[derive(Clone, Debug)]
pub enum Cell {
    /// The meaning survives.
    Good,
    /// The provider's API cannot offer it, and why; who asks for it is told.
    Absent(&'static str),
    /// What is lost.
    Hole(String),
}

/// One line: a surface, a target, and its cells by column, whole and streamed.
#[derive(Clone, Debug)]
pub struct Line {
    /// The surface's name.
    pub surface: &'static str,
    /// LiteLLM's name of the model.
    pub target: &'static str,
    /// By column.
    pub cells: BTreeMap<&'static str, [Cell; 2]>,
}

/// The whole table.
pub fn table() -> Vec<Line> {
    let sites = sites();
    let mut lines = Vec::new();
    for client in clients() {
        for site in &sites {
            let pair = cells::Pair { client, site, sites: &sites };
            let cells = COLUMNS.map(|name| (name, [pair.cell(name, false), pair.cell(name, true)]));
            lines.push(Line { surface: client.surface, target: site.name, cells: cells.into() });
        }
    }
    lines
}

/// The table as text, and how many holes it has.
pub fn print(lines: &[Line]) -> (String, usize) {
    let (mut text, mut remarks, mut holes) = (String::new(), String::new(), 0);
    let mut reasons: Vec<&'static str> = Vec::new();
    let _ = writeln!(
        text,
        "{:10} {:62} {}",
        "surface",
        "target",
        COLUMNS.map(|name| format!("{name:11}")).join("")
    );
    for line in lines {
        let _ = write!(text, "{:10} {:62} ", line.surface, line.target);
        for name in COLUMNS {
            let mut marks = Vec::new();
            for (cell, mode) in line.cells.get(name).into_iter().flatten().zip(["whole", "streamed"]) {
                marks.push(match cell {
                    Cell::Good => "ok".to_owned(),
                    Cell::Absent(why) => {
                        let known = reasons.iter().position(|own| own == why);
                        let at = known.unwrap_or_else(|| {
                            reasons.push(why);
                            reasons.len() - 1
                        });
                        format!("n/a{}", at + 1)
                    }
                    Cell::Hole(why) => {
                        holes += 1;
                        let _ =
                            writeln!(remarks, "{} over {}: {name}, {mode}: {why}", line.surface, line.target);
                        "HOLE".to_owned()
                    }
                });
            }
            marks.dedup();
            let _ = write!(text, "{:11}", marks.join(" "));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push_str("\nEach cell holds for whole answers and for streams.\n");
    for (at, why) in reasons.iter().enumerate() {
        let _ = writeln!(text, "n/a{}: {why}. Who asks for it is refused, or told what was dropped.", at + 1);
    }
    text.push_str(&remarks);
    (text, holes)
}
