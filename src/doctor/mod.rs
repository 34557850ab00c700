//! Examines the machine and the places of an archive before a run: what is there, what will be
//! slower than it could be, what will not work, and what helps.
//!
//! What a file system can do is found out by doing it, in a directory that is made for that and
//! removed again. Inputs are only listed.

mod machine;
mod places;
mod probe;
mod show;

pub use show::show;

use crate::archive::{Placement, same_place};
use serde::Serialize;
use std::path::Path;

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, with a limit that one should know.
    Note,
    /// Something will not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How it stands.
    pub verdict: Verdict,
    /// What was looked at: `memory`, `output: rename` ...
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where nothing need be done.
    pub advice: String,
}

/// All that was looked at, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// One after the other.
    pub checks: Vec<Checked>,
}

impl Checkup {
    fn ok(&mut self, what: &str, found: impl Into<String>) {
        self.add(Verdict::Ok, what, found.into(), String::new());
    }

    fn note(&mut self, what: &str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(Verdict::Note, what, found.into(), advice.into());
    }

    fn problem(&mut self, what: &str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(Verdict::Problem, what, found.into(), advice.into());
    }

    fn add(&mut self, verdict: Verdict, what: &str, found: String, advice: String) {
        self.checks.push(Checked { verdict, what: what.to_owned(), found, advice });
    }

    /// Tells of the file that settings are read from: its path, or what is wrong with it.
    pub fn settings(&mut self, file: Result<String, String>) {
        match file {
            Ok(path) => self.ok("settings", format!("{path} is read; flags go before it")),
            Err(error) => self.problem("settings", error, "mend it: each run would refuse it"),
        }
    }

    /// The worst of all; fine if nothing was looked at.
    pub fn verdict(&self) -> Verdict {
        self.checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok)
    }
}

/// Examines this machine, and the places of an archive and of its outputs if they are given. Files
/// of the archive are those named `<prefix>NNNNN.jld2`.
pub fn examine(input: Option<&Path>, output: Option<&Path>, prefix: &str) -> Checkup {
    let mut checkup = Checkup::default();
    machine::examine(&mut checkup);
    let bytes = input.and_then(|input| places::input(&mut checkup, input, prefix));
    if let Some(output) = output {
        let same = input.is_some_and(|input| {
            same_place(input, output).is_ok_and(|placement| placement == Placement::Same)
        });
        if same {
            let advice = "another directory, or --mode in-place";
            checkup.problem("output", "it is the archive itself", advice);
        }
        places::output(&mut checkup, output, bytes);
    }
    checkup
}
