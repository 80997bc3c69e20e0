//! Reads a file and what it includes into one tree.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    report::Report,
    yaml::{self, At, Entry, Kind, Node},
};

/// The whole configuration as one tree. A file that cannot be read is a problem.
pub(crate) fn read(path: &Path, report: &mut Report) -> Node {
    let Some(mut root) = read_one(path, None, report) else {
        return Node { at: At::default(), kind: Kind::Map(Vec::new()) };
    };
    let includes = includes(&mut root, path, report);
    for (at, include) in includes {
        include_file(&mut root, &include, at, report);
    }
    root
}

/// Adds an included file: lists at its top level are appended, everything else replaces what was there.
fn include_file(root: &mut Node, path: &Path, at: At, report: &mut Report) {
    if report.files.iter().any(|known| same(known, path)) {
        return;
    }
    let Some(mut included) = read_one(path, Some(at), report) else { return };
    let nested = includes(&mut included, path, report);
    let (Kind::Map(own), Kind::Map(theirs)) = (&mut root.kind, included.kind) else { return };
    for entry in theirs {
        merge(own, entry);
    }
    for (at, include) in nested {
        include_file(root, &include, at, report);
    }
}

fn merge(own: &mut Vec<Entry>, entry: Entry) {
    let Some(existing) = own.iter_mut().find(|existing| existing.key == entry.key) else {
        own.push(entry);
        return;
    };
    match (&mut existing.value.kind, entry.value.kind) {
        (Kind::List(list), Kind::List(more)) => list.extend(more),
        (kind, other) => {
            *kind = other;
            existing.at = entry.at;
            existing.value.at = entry.value.at;
        }
    }
}

fn read_one(path: &Path, from: Option<At>, report: &mut Report) -> Option<Node> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("`{}` cannot be read: {error}.", path.display());
            match from {
                Some(at) => report.problem(
                    at,
                    "include",
                    message,
                    "Paths are relative to the file that includes them.",
                ),
                None => report.problem(
                    At { file: u16::MAX, line: 0 },
                    "",
                    message,
                    "Check the path and its permissions.",
                ),
            }
            return None;
        }
    };
    let file = report.files.len() as u16;
    report.files.push(path.to_owned());
    let parsed = match yaml::parse(&text, file) {
        Ok(parsed) => parsed,
        Err(broken) => {
            report.problem(broken.at, "", broken.message, "");
            return None;
        }
    };
    for (at, key) in parsed.repeated {
        report.warn(at, key, "The key is here twice; this one counts.", "Remove one of them.");
    }
    match parsed.root.kind {
        Kind::Map(_) => Some(parsed.root),
        Kind::Null => Some(Node { kind: Kind::Map(Vec::new()), ..parsed.root }),
        _ => {
            let message = format!("The file is {}, not a map of sections.", parsed.root.what());
            report.problem(parsed.root.at, "", message, "Start with `model_list:`.");
            None
        }
    }
}

/// Takes `include` out of a tree and gives back the paths it names.
fn includes(root: &mut Node, path: &Path, report: &mut Report) -> Vec<(At, PathBuf)> {
    let Kind::Map(entries) = &mut root.kind else { return Vec::new() };
    let Some(index) = entries.iter().position(|entry| entry.key == "include") else { return Vec::new() };
    let include = entries.remove(index).value;
    let folder = path.parent().unwrap_or(Path::new("."));
    let items = match include.kind {
        Kind::List(list) => list,
        Kind::Null => Vec::new(),
        _ => vec![include],
    };
    let mut paths = Vec::new();
    for item in items {
        match item.str() {
            Some(name) => paths.push((item.at, folder.join(name))),
            None => report.problem(
                item.at,
                "include",
                format!("This is {}, not a path.", item.what()),
                "Write a list of files.",
            ),
        }
    }
    paths
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
