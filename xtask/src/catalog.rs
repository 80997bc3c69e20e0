//! `cargo xtask catalog import FILE [--since YYYY-MM-DD]`: converts LiteLLM's price map to the catalogue's data.
//!
//! With `--since`, prices that changed hold from that day on, and the old ones are kept for the days before.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use lockgate_catalog::{Catalog, Day};

/// Runs the command with what stands behind `cargo xtask catalog`.
pub fn run(args: &[String]) -> Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (file, since) = match args[..] {
        ["import", file] => (file, None),
        ["import", file, "--since", day] => {
            (file, Some(Day::parse(day).context("--since needs a day like 2026-12-31")?))
        }
        _ => bail!("usage: cargo xtask catalog import FILE [--since YYYY-MM-DD]"),
    };
    import(Path::new(file), since)
}

fn import(file: &Path, since: Option<Day>) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = Catalog::builtin().import(&bytes, since)?;
    let models = text.models.lines().count();
    let before = Catalog::builtin().len();
    ensure!(
        models * 2 >= before,
        "only {models} models where there were {before}: the file is cut off or the wrong one"
    );

    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/catalog/data");
    for (name, content) in
        [("models.tsv", &text.models), ("keys.txt", &text.keys), ("values.txt", &text.values)]
    {
        fs::write(data.join(name), content).with_context(|| format!("cannot write {name}"))?;
    }
    println!("{models} models, {before} before");
    Ok(())
}
