//! The table, its verdicts and the JSON file.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::pairs::{self, Pair};
use crate::targets::Kind;

/// What Lockgate promises.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bar {
    /// At most this many times the bare proxy.
    Ratio(f64),
    /// At most this value.
    Value(f64),
}

/// One line of the table: a value per target and round.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) bar: Option<Bar>,
    pub(crate) samples: BTreeMap<Kind, Vec<f64>>,
}

/// Everything a run has found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// Each measurement as it was taken.
    pub(crate) runs: Vec<Value>,
    pub(crate) notes: Vec<String>,
    /// What translating costs.
    pub(crate) pairs: Vec<Pair>,
}

impl Row {
    pub(crate) fn median(&self, kind: Kind) -> Option<f64> {
        median(self.samples.get(&kind)?)
    }

    /// Lockgate to bare, round by round, so that noise of a moment hits both: median, least, most.
    fn ratio(&self) -> Option<(f64, f64, f64)> {
        let pairs = self.samples.get(&Kind::Lockgate)?.iter().zip(self.samples.get(&Kind::Bare)?);
        let ratios: Vec<f64> =
            pairs.filter(|(_, bare)| **bare > 0.0).map(|(ours, bare)| ours / bare).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        Some((median(&ratios)?, least, most))
    }

    /// Whether the bar is met; none without a bar or without a value.
    pub(crate) fn pass(&self) -> Option<bool> {
        match self.bar? {
            Bar::Ratio(bar) => Some(self.ratio()?.0 <= bar),
            Bar::Value(bar) => Some(self.median(Kind::Lockgate)? <= bar),
        }
    }

    fn to_json(&self) -> Value {
        let by_name = |of: &dyn Fn(Kind) -> Value| -> BTreeMap<&str, Value> {
            self.samples.keys().map(|&kind| (kind.name(), of(kind))).collect()
        };
        json!({
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "median": by_name(&|kind| json!(self.median(kind))),
            "rounds": by_name(&|kind| json!(self.samples.get(&kind))),
            "ratio": self.ratio().map(|(median, least, most)| json!({"median": median, "least": least, "most": most})),
            "bar": self.bar,
            "pass": self.pass(),
        })
    }
}

impl Report {
    /// Whether some bar is missed.
    pub(crate) fn missed(&self) -> bool {
        self.rows.iter().any(|row| row.pass() == Some(false)) || self.pairs.iter().any(Pair::missed)
    }

    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        let [direct, nginx, bare, lockgate] = Kind::ALL.map(Kind::name);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{:<30} {:<14} {direct:>9} {nginx:>9} {bare:>9} {lockgate:>9}  {:<21} {:<8}",
            "", "", "ratio to bare", "bar"
        );
        for row in &self.rows {
            let _ = write!(out, "{:<30} {:<14}", row.title, row.unit);
            for kind in Kind::ALL {
                let _ = write!(out, " {:>9}", row.median(kind).map_or_else(|| "-".to_owned(), figure));
            }
            let ratio = row.ratio().map_or_else(String::new, |(m, a, b)| format!("{m:.2}x ({a:.2}-{b:.2})"));
            let bar = match row.bar {
                Some(Bar::Ratio(bar)) => format!("<= {bar}x"),
                Some(Bar::Value(bar)) => format!("<= {bar}"),
                None => String::new(),
            };
            let verdict = match row.pass() {
                Some(true) => "pass",
                Some(false) => "MISSED",
                None => "",
            };
            let _ = writeln!(out, "{}", format!("  {ratio:<21} {bar:<8} {verdict}").trim_end());
        }
        if !self.pairs.is_empty() {
            let _ = write!(out, "\n{}", pairs::table(&self.pairs));
        }
        for note in &self.notes {
            let _ = writeln!(out, "note: {note}");
        }
        out
    }

    pub(crate) fn to_json(&self, settings: &Value) -> Value {
        json!({
            "settings": settings,
            "machine": machine(),
            "rows": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
            "pairs": self.pairs,
            "runs": self.runs,
        })
    }
}

fn machine() -> Value {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo").lines().find_map(|line| {
        line.strip_prefix("model name").map(|name| name.trim_start_matches([' ', '\t', ':']).to_owned())
    });
    let load: Vec<_> = read("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
    json!({"cpu": cpu, "kernel": read("/proc/sys/kernel/osrelease").trim(), "load_average": load})
}

pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Three digits that matter.
fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bare: &[f64], lockgate: &[f64], bar: Bar) -> Row {
        let samples = [(Kind::Bare, bare.to_vec()), (Kind::Lockgate, lockgate.to_vec())].into();
        Row { name: "chat".into(), title: "chat".into(), unit: "us", bar: Some(bar), samples }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let row = row(&[10.0, 20.0, 10.0], &[12.0, 24.0, 20.0], Bar::Ratio(1.5));
        assert_eq!(row.ratio(), Some((1.2, 1.2, 2.0)));
        assert_eq!(row.pass(), Some(true));
    }

    #[test]
    fn values_are_judged_by_their_median() {
        assert_eq!(row(&[], &[19.0, 21.0, 22.0], Bar::Value(20.0)).pass(), Some(false));
        assert_eq!(row(&[], &[], Bar::Value(20.0)).pass(), None);
    }

    #[test]
    fn the_median_of_an_even_number_is_between() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
