//! `environment_variables`, and `os.environ/NAME` anywhere.

use std::collections::BTreeMap;

use crate::{
    report::Report,
    yaml::{Kind, Node},
};

const MARK: &str = "os.environ/";

/// Adds the file's own `environment_variables` to the environment.
pub(crate) fn own_variables(root: &Node, env: &mut BTreeMap<String, String>, report: &mut Report) {
    let Some(section) = root.get("environment_variables").filter(|section| !section.is_null()) else {
        return;
    };
    let Some(entries) = section.map() else {
        let message = format!("This is {}, not a map of names to values.", section.what());
        report.problem(section.at, "environment_variables", message, "Write `NAME: value` lines.");
        return;
    };
    for entry in entries {
        let value = match entry.value.str().and_then(|text| text.strip_prefix(MARK)) {
            Some(name) => env.get(name).cloned(),
            None => entry.value.scalar(),
        };
        if let Some(value) = value {
            env.insert(entry.key.clone(), value);
        }
    }
}

/// Puts values in place of `os.environ/NAME`; what is not set becomes nothing, with a warning.
pub(crate) fn references(root: &mut Node, env: &BTreeMap<String, String>, report: &mut Report) {
    let Kind::Map(entries) = &mut root.kind else { return };
    for entry in entries {
        if entry.key != "environment_variables" {
            walk(&mut entry.value, &mut entry.key.clone(), env, report);
        }
    }
}

fn walk(node: &mut Node, path: &mut String, env: &BTreeMap<String, String>, report: &mut Report) {
    let length = path.len();
    match &mut node.kind {
        Kind::Text(text) => {
            let Some(name) = text.strip_prefix(MARK) else { return };
            match env.get(name) {
                Some(value) => *text = value.clone(),
                None => {
                    let message = format!("The environment variable `{name}` is not set.");
                    report.warn(node.at, path.clone(), message, "Set it, or remove the key.");
                    node.kind = Kind::Null;
                }
            }
        }
        Kind::List(list) => {
            for (index, item) in list.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(item, path, env, report);
                path.truncate(length);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                path.push('.');
                path.push_str(&entry.key);
                walk(&mut entry.value, path, env, report);
                path.truncate(length);
            }
        }
        _ => {}
    }
}
