//! What has been found so far.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
};

use crate::{Problem, yaml::At};

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) inactive: BTreeSet<String>,
    /// Names that were compared with the declared ones: a thousand entries have the same few.
    pub(crate) suggested: HashMap<(&'static str, String), Option<&'static str>>,
}

impl Report {
    pub(crate) fn problem(
        &mut self,
        at: At,
        key: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let problem = self.place(at, Problem::new(key, message, remedy));
        self.problems.push(problem);
    }

    pub(crate) fn warn(
        &mut self,
        at: At,
        key: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let warning = self.place(at, Problem::new(key, message, remedy));
        self.warnings.push(warning);
    }

    /// Whether there is a warning about that key.
    pub(crate) fn has_warned(&self, key: &str) -> bool {
        self.warnings.iter().any(|warning| warning.key == key)
    }

    fn place(&self, at: At, problem: Problem) -> Problem {
        let file = self.files.get(usize::from(at.file)).cloned();
        let line = file.as_ref().map(|_| at.line).filter(|line| *line > 0);
        Problem { file, line, ..problem }
    }
}
