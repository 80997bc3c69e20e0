//! The table of a run and its readable differences.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::golden::{Case, Judgement, Runner, Verdict};

/// Judged cases.
#[derive(Default)]
pub struct Report<'a> {
    /// Cases that count.
    pub judged: Vec<(&'a Case, Judgement)>,
    /// Cases whose recorded behaviour looks wrong.
    pub questionable: Vec<(&'a Case, Judgement)>,
    /// Cases that cannot be run, by reason.
    pub skipped: BTreeMap<String, usize>,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    cases: usize,
    request: usize,
    answer: usize,
    cost: usize,
    priced: usize,
    all: usize,
}

impl<'a> Report<'a> {
    /// Runs all cases.
    pub fn of(runner: &Runner, cases: &'a [Case]) -> Self {
        let mut report = Self::default();
        for case in cases {
            let why = case
                .skip()
                .map(str::to_owned)
                .or_else(|| (!runner.knows(case)).then(|| "no such provider in this build".to_owned()));
            if let Some(why) = why {
                *report.skipped.entry(why).or_default() += 1;
                continue;
            }
            let judged = (case, runner.judge(case));
            let list =
                if case.questionable.is_some() { &mut report.questionable } else { &mut report.judged };
            list.push(judged);
        }
        report
    }

    /// Whether every case that counts passes.
    pub fn is_clean(&self) -> bool {
        self.judged.iter().all(|(_, judgement)| judgement.diffs.is_empty())
    }

    /// The tables, and the differences of the first `limit` failing cases.
    pub fn render(&self, limit: usize) -> String {
        let mut text = String::new();
        if !self.questionable.is_empty() {
            table(&mut text, "questionable (not counted)", &self.questionable, |case| case.provider.clone());
        }
        for (reason, count) in &self.skipped {
            let _ = writeln!(text, "skipped {count}: {reason}");
        }
        let failing = self.judged.iter().filter(|(_, judgement)| !judgement.diffs.is_empty());
        let count = failing.clone().count();
        for (case, judgement) in failing.take(limit) {
            let _ = writeln!(text, "\n✗ {}  [{}, {}]", case.id, case.surface, case.kind);
            for diff in judgement.diffs.iter().take(8) {
                let _ = writeln!(text, "{diff}");
            }
            if judgement.diffs.len() > 8 {
                let _ = writeln!(text, "    … and {} more", judgement.diffs.len() - 8);
            }
        }
        if count > limit {
            let _ = writeln!(text, "… {} more failing cases (--diff N shows more)", count - limit);
        }
        text.push('\n');
        self.kinds(&mut text);
        table(&mut text, "surface", &self.judged, |case| case.surface.clone());
        table(&mut text, "provider", &self.judged, |case| case.provider.clone());
        let total = tally(self.judged.iter());
        let percent = 100.0 * total.all as f64 / (total.cases.max(1)) as f64;
        let _ = writeln!(
            text,
            "cases {}, request {}, answer {}, cost {}, all {} ({percent:.1}%)",
            total.cases,
            total.request,
            total.answer,
            total.cases - (total.priced - total.cost),
            total.all
        );
        text
    }

    /// One line for each provider: the kinds in which not all cases pass.
    fn kinds(&self, text: &mut String) {
        let mut kinds: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
        for (case, judgement) in &self.judged {
            let (passed, cases) = kinds.entry((&case.provider, &case.kind)).or_default();
            *passed += usize::from(judgement.diffs.is_empty());
            *cases += 1;
        }
        let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((provider, kind), (passed, cases)) in
            kinds.into_iter().filter(|(_, (passed, cases))| passed < cases)
        {
            lines.entry(provider).or_default().push(format!("{kind} {passed}/{cases}"));
        }
        for (provider, kinds) in &lines {
            let _ = writeln!(text, "{provider} × {}", kinds.join(", "));
        }
        if !lines.is_empty() {
            text.push('\n');
        }
    }
}

fn tally<'a, 'b: 'a>(judged: impl Iterator<Item = &'a (&'b Case, Judgement)>) -> Tally {
    let mut tally = Tally::default();
    for (_, judgement) in judged {
        let ok = |verdict: Verdict| usize::from(judgement.diffs.iter().all(|diff| diff.verdict != verdict));
        tally.cases += 1;
        tally.request += ok(Verdict::Request);
        tally.answer += ok(Verdict::Answer);
        tally.priced += usize::from(judgement.priced);
        tally.cost += if judgement.priced { ok(Verdict::Cost) } else { 0 };
        tally.all += usize::from(judgement.diffs.is_empty());
    }
    tally
}

fn table(text: &mut String, title: &str, judged: &[(&Case, Judgement)], name: impl Fn(&Case) -> String) {
    let mut groups: BTreeMap<String, Vec<&(&Case, Judgement)>> = BTreeMap::new();
    for one in judged {
        groups.entry(name(one.0)).or_default().push(one);
    }
    if groups.is_empty() {
        return;
    }
    let width = groups.keys().chain([&title.to_owned()]).map(|name| name.chars().count()).max().unwrap_or(0);
    let _ = writeln!(text, "{title:width$}  cases  request  answer     cost  all");
    for (name, group) in groups {
        let it = tally(group.into_iter());
        let cost = format!("{}/{}", it.cost, it.priced);
        let _ = writeln!(
            text,
            "{name:width$}  {:5}  {:7}  {:6}  {cost:>7}  {:3}  {:3.0}%",
            it.cases,
            it.request,
            it.answer,
            it.all,
            100.0 * it.all as f64 / it.cases as f64
        );
    }
    text.push('\n');
}
