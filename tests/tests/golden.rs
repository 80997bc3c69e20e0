//! Every golden case passes, or stands with its reason in `golden/deviations.toml`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::Path;

use lockgate_testkit::grammar;
use lockgate_tests::golden::{Deviations, Filter, Report, Runner, load};

#[test]
fn golden_cases_pass_or_are_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut deviations = Deviations::load(&folder.join("deviations.toml")).unwrap();
    let cases = load(&folder, &Filter::default()).unwrap();
    let runner = Runner::new().unwrap();
    let report = Report::of(&runner, &cases);
    let mut faults = Vec::new();
    for (case, judgement) in report.judged.iter().chain(&report.questionable) {
        let known = deviations.take(&case.id);
        match known {
            Some(known) => {
                if judgement.diffs.is_empty() {
                    faults.push(format!("{} passes: take it off deviations.toml", case.id));
                }
                let unexplained = judgement.diffs.iter().filter(|diff| !known.explains(diff.verdict));
                faults.extend(unexplained.map(|diff| format!("{}\n{diff}", case.id)));
            }
            // What looks wrong as recorded need not be matched.
            None if case.questionable.is_some() => {}
            None => faults.extend(judgement.diffs.iter().map(|diff| format!("{}\n{diff}", case.id))),
        }
    }
    faults.extend(deviations.ids().map(|id| format!("{id}: no such case")));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// STR-5: every stream that the gateway writes keeps to the grammar of its surface, whatever the upstream said.
#[test]
fn streams_are_grammatical() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let runner = Runner::new().unwrap();
    let (mut faults, mut streams) = (Vec::new(), 0);
    for case in load(&folder, &Filter::default()).unwrap() {
        let surface = match case.surface.as_str() {
            "chat" => "openai",
            "messages" => "anthropic",
            _ => continue,
        };
        let Some(stream) = runner.written_stream(&case) else { continue };
        streams += 1;
        if let Err(why) = grammar::read(surface, &stream) {
            faults.push(format!("{}: {why}\n{stream}", case.id));
        }
    }
    assert!(faults.is_empty(), "{} of {streams} streams\n{}", faults.len(), faults.join("\n"));
    assert!(streams >= 40, "only {streams} streams");
}
