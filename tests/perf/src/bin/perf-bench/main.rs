//! Measures Lockgate against a bare proxy, nginx and the mock itself, in one run on one machine.
//!
//! The gateway under test has one core; the mock provider and the load share the other. Rounds are interleaved,
//! so that a noisy moment hits all. See the README of this package; `cargo xtask bench` builds and starts it.

mod bodies;
mod cases;
mod pairs;
mod process;
mod report;
mod targets;

use std::collections::BTreeMap;
use std::io::{Write, stderr, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lockgate_perf::Flags;
use serde_json::json;

use cases::{CASES, Case, Figure, Sample, measure};
use process::exchange;
use report::{Bar, Report, Row};
use targets::{Kind, MASTER_KEY, Places, Target, start_upstream, time_to_ready};

const FLAGS: [&str; 7] = ["lockgate", "cache", "json", "only", "rounds", "quick!", "check!"];
/// Models in the configuration of the start-up measurement.
const START_MODELS: usize = 1000;

fn main() -> Result<()> {
    let flags = Flags::from_env(&FLAGS)?;
    let cache: PathBuf = flags.value("cache")?.unwrap_or_else(|| "target/bench".into());
    std::fs::create_dir_all(&cache)?;
    let work = tempfile::tempdir_in(&cache)?;
    let places = Places {
        programs: std::env::current_exe()?.parent().context("no folder of programs")?.to_owned(),
        lockgate: flags.value("lockgate")?.unwrap_or_else(|| "target/release/lockgate".into()),
        work: work.path().canonicalize()?,
        cache: cache.canonicalize()?,
    };
    let bench = Bench::start(&flags, places)?;
    let report = bench.run()?;
    write!(stdout(), "\n{}", report.table())?;
    let settings = json!({"rounds": bench.rounds, "seconds": bench.seconds});
    if let Some(file) = flags.text("json") {
        std::fs::write(file, serde_json::to_string_pretty(&report.to_json(&settings))?)?;
        writeln!(stdout(), "saved as {file}")?;
    }
    ensure!(!(flags.has("check") && report.missed()), "a bar is missed");
    Ok(())
}

struct Bench {
    places: Places,
    upstream: u16,
    /// Targets first, the mock last: they are stopped in this order.
    targets: Vec<Target>,
    _upstream: process::Process,
    rounds: usize,
    seconds: f64,
    only: Vec<String>,
    notes: Vec<String>,
}

impl Bench {
    fn start(flags: &Flags, places: Places) -> Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        let quick = flags.has("quick");
        let (process, upstream) =
            start_upstream(&places).context("two cores, setpriv and taskset are needed")?;
        let mut notes = Vec::new();
        if cores < 2 {
            notes.push("fewer than two cores: gateway and load disturb each other".to_owned());
        }
        let mut targets = vec![Target::direct(upstream), Target::bare(&places, upstream)?];
        for (kind, target) in [
            (Kind::Nginx, Target::nginx(&places, upstream)),
            (Kind::Lockgate, Target::lockgate(&places, upstream)),
        ] {
            match target {
                Ok(target) => targets.push(target),
                Err(error) => notes.push(format!("{} is left out: {error:#}", kind.name())),
            }
        }
        Ok(Self {
            places,
            upstream,
            targets,
            _upstream: process,
            rounds: flags.value("rounds")?.unwrap_or(if quick { 3 } else { 5 }),
            seconds: if quick { 0.5 } else { 2.0 },
            only: flags.all("only").map(str::to_owned).collect(),
            notes,
        })
    }

    fn run(&self) -> Result<Report> {
        let mut report = Report { notes: self.notes.clone(), ..Report::default() };
        if self.wanted("rss") {
            std::thread::sleep(Duration::from_secs(1));
            report.rows.push(self.memory("rss-idle", "memory, idle", Some(Bar::Value(20.0)), false)?);
        }
        self.check_setup(&mut report);
        for case in CASES.iter().filter(|case| self.wanted(case.name)) {
            writeln!(stderr(), "{} ...", case.name)?;
            self.run_case(case, &mut report);
        }
        if let Some(lockgate) = self.targets.iter().find(|target| target.kind == Kind::Lockgate)
            && self.wanted("pairs")
        {
            writeln!(stderr(), "pairs ...")?;
            report.pairs = pairs::measure(lockgate, &self.places, self.rounds, self.seconds / 2.0)?;
        }
        if self.wanted("rss") {
            report.rows.push(self.memory("rss-after", "memory, after the load", None, false)?);
            report.rows.push(self.memory("rss-peak", "memory, at its highest", None, true)?);
        }
        if self.wanted("start") {
            report.rows.push(self.start_up()?);
        }
        Ok(report)
    }

    fn wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only.as_str()))
    }

    /// Says so when what is measured would not be the whole gateway.
    fn check_setup(&self, report: &mut Report) {
        let Some(lockgate) = self.targets.iter().find(|target| target.kind == Kind::Lockgate) else { return };
        let chat = bodies::chat("bench-chat", false, 1024);
        let ask = |method, path, key, body| {
            let answer = exchange(lockgate.port, method, path, &bodies::headers(key), body);
            answer.unwrap_or_else(|error| error.to_string()).to_ascii_lowercase()
        };
        let mut check = |good: bool, note: &str| {
            if !good {
                report.notes.push(format!("lockgate {note}"));
            }
        };
        let answer = ask("POST", "/v1/chat/completions", MASTER_KEY, &chat);
        check(answer.contains("x-litellm-response-cost: 0.00"), "answers without a cost: it is not computed");
        let refused = ask("POST", "/v1/chat/completions", "sk-wrong", &chat);
        check(refused.starts_with("http/1.1 401"), "does not refuse a wrong key: authentication is off");
        let metrics = ask("GET", "/metrics", MASTER_KEY, "");
        check(metrics.starts_with("http/1.1 200"), "has no /metrics: they are off");
    }

    fn run_case(&self, case: &Case, report: &mut Report) {
        let mut targets: Vec<_> =
            self.targets.iter().filter(|target| takes_part(case, target.kind)).collect();
        targets.retain(|target| {
            let warm_up = measure(case, target, &self.places, self.seconds.min(0.3));
            warm_up.map_err(|error| report.notes.push(problem(case, target.kind, &error))).is_ok()
        });
        let mut samples: BTreeMap<Kind, Vec<Sample>> = BTreeMap::new();
        for round in 0..self.rounds {
            // Every other round goes backwards: nobody is always the first after a pause.
            let mut order = targets.clone();
            if round % 2 == 1 {
                order.reverse();
            }
            for target in order {
                let sample = match measure(case, target, &self.places, self.seconds) {
                    Ok(sample) => sample,
                    Err(error) => {
                        // An empty list: rounds of this target no longer pair with the others'.
                        targets.retain(|other| other.kind != target.kind);
                        samples.remove(&target.kind);
                        report.notes.push(problem(case, target.kind, &error));
                        continue;
                    }
                };
                report.runs.push(json!({"case": case.name, "target": target.kind.name(), "sample": sample}));
                samples.entry(target.kind).or_default().push(sample);
            }
        }
        if case.figure == Figure::Rate {
            report.notes.extend(samples.iter().filter_map(|(kind, list)| idle_core(*kind, list)));
        }
        report.rows.extend(rows(case, &samples));
    }

    fn memory(&self, name: &str, title: &str, bar: Option<Bar>, peak: bool) -> Result<Row> {
        let mut samples = BTreeMap::new();
        for target in &self.targets {
            let Some(process) = &target.process else { continue };
            let memory = process.memory()?;
            samples.insert(target.kind, vec![if peak { memory.peak } else { memory.resident }]);
        }
        Ok(Row { name: name.to_owned(), title: title.to_owned(), unit: "MiB", bar, samples })
    }

    fn start_up(&self) -> Result<Row> {
        let mut samples: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
        let kinds = [Kind::Bare, Kind::Lockgate];
        for kind in kinds.iter().cycle().take(self.rounds * kinds.len()) {
            if self.targets.iter().any(|target| target.kind == *kind) {
                let time = time_to_ready(*kind, &self.places, self.upstream, START_MODELS)?;
                samples.entry(*kind).or_default().push(time.as_secs_f64() * 1e3);
            }
        }
        let title = format!("start to ready, {START_MODELS} models");
        Ok(Row { name: "start".to_owned(), title, unit: "ms", bar: Some(Bar::Value(100.0)), samples })
    }
}

/// CPU time of nobody is nothing to measure; nginx cannot translate.
fn takes_part(case: &Case, kind: Kind) -> bool {
    match kind {
        Kind::Direct => case.figure != Figure::Cpu,
        Kind::Nginx => !case.model.anthropic,
        Kind::Bare | Kind::Lockgate => true,
    }
}

fn problem(case: &Case, kind: Kind, error: &anyhow::Error) -> String {
    format!("{} is left out of {}: {error:#}", kind.name(), case.name)
}

/// A rate is the gateway's own limit only when its core was busy all the time.
fn idle_core(kind: Kind, samples: &[Sample]) -> Option<String> {
    let busy = samples.iter().filter_map(|sample| sample.busy).fold(0.0, f64::max) * 100.0;
    let limited = (1.0..90.0).contains(&busy);
    let name = kind.name();
    limited.then(|| format!("{name} used {busy:.0} % of its core at its highest rate: others set the limit"))
}

fn rows(case: &Case, samples: &BTreeMap<Kind, Vec<Sample>>) -> Vec<Row> {
    let row = |suffix: &str, unit, of: &dyn Fn(usize, &Sample) -> Option<f64>| Row {
        name: format!("{}{suffix}", case.name),
        title: format!("{}{}", case.title, suffix.replace('-', ", ")),
        unit,
        bar: case.bar,
        samples: samples
            .iter()
            .map(|(kind, list)| {
                (*kind, list.iter().enumerate().filter_map(|(n, sample)| of(n, sample)).collect())
            })
            .filter(|(_, values): &(_, Vec<f64>)| !values.is_empty())
            .collect(),
    };
    let direct = |round: usize| samples.get(&Kind::Direct).and_then(|list| list.get(round)).map(|s| &s.load);
    match case.figure {
        Figure::Cpu if case.chunks > 0 => vec![row("", "us CPU/chunk", &|_, sample| sample.cpu_us)],
        Figure::Cpu => vec![row("", "us CPU/request", &|_, sample| sample.cpu_us)],
        Figure::Rate => vec![row("", "requests/s", &|_, sample| Some(sample.load.rps))],
        Figure::Added => vec![
            row("-p50", "us", &|round, sample| Some(sample.load.p50_us - direct(round)?.p50_us)),
            row("-p99", "us", &|round, sample| Some(sample.load.p99_us - direct(round)?.p99_us)),
        ],
    }
}
