use std::fmt;

use serde_json::Value;

/// Which of the three verdicts a difference belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// What went upstream.
    Request,
    /// What the client got.
    Answer,
    /// What it cost.
    Cost,
}

/// One difference.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Where it counts.
    pub verdict: Verdict,
    /// Where it is: `$.upstream[0].expect.body.tools`.
    pub path: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub got: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "REQUEST",
            Self::Answer => "ANSWER",
            Self::Cost => "COST",
        })
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    {:8}{}", self.verdict.to_string(), self.path)?;
        writeln!(f, "            expected {}", self.expected)?;
        write!(f, "            got      {}", self.got)
    }
}

/// What stands for a value that is not there.
pub(crate) const ABSENT: &str = "<absent>";

/// Differences of one verdict, collected.
pub(crate) struct Diffs {
    verdict: Verdict,
    pub(crate) list: Vec<Diff>,
}

impl Diffs {
    pub(crate) fn new(verdict: Verdict) -> Self {
        Self { verdict, list: Vec::new() }
    }

    pub(crate) fn add(
        &mut self,
        path: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) {
        let (path, expected, got) = (path.into(), short(&expected.into()), short(&got.into()));
        self.list.push(Diff { verdict: self.verdict, path, expected, got });
    }

    pub(crate) fn values(&mut self, path: impl Into<String>, expected: Option<&Value>, got: Option<&Value>) {
        let text = |value: Option<&Value>| value.map_or_else(|| ABSENT.to_owned(), Value::to_string);
        self.add(path, text(expected), text(got));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// The start of a long text, and how long it is.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 300;
    let count = text.chars().count();
    if count <= MOST {
        return text.to_owned();
    }
    let start: String = text.chars().take(MOST).collect();
    format!("{start}… ({count} characters)")
}
