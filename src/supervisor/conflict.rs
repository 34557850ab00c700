//! Lists files in the way: they have the names of outputs but are not this program's own.

use crate::text;
use std::fmt;
use std::path::PathBuf;

/// Most conflicts that are named.
const FEW: usize = 10;

/// A file in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The output's name.
    pub name: String,
    /// Why it is held to be none of ours.
    pub why: String,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// The output directory.
    pub dir: PathBuf,
    /// In the plan's order; not empty.
    pub all: Vec<Conflict>,
}

impl std::error::Error for Conflicts {}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.all.len();
        let number = count as u64;
        let have = if count == 1 { "has an output's name" } else { "have outputs' names" };
        writeln!(
            f,
            "{} in {} {have} but {} not what this run would leave there; nothing was done:",
            text::count(number, "file"),
            self.dir.display(),
            text::is_are(number)
        )?;
        for Conflict { name, why } in self.all.iter().take(FEW) {
            writeln!(f, "  {name}: {why}")?;
        }
        if let more @ 1.. = count.saturating_sub(FEW) {
            writeln!(f, "  and {more} more")?;
        }
        write!(
            f,
            "Name another output directory, or say what to do with them:\n  \
             --on-conflict skip       leave them as they are and do the rest\n  \
             --on-conflict keep-both  move them to .jldconv/replaced/ in the output directory and go \
             on\n  \
             --force                  the same, and make all other outputs again, too"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_named_and_what_helps() {
        let conflict =
            |n: u32| Conflict { name: format!("output_{n:05}.jld2"), why: "is a directory".into() };
        let conflicts = Conflicts { dir: "/out".into(), all: (1..=12).map(conflict).collect() };
        let text = conflicts.to_string();
        assert!(text.starts_with("12 files in /out have outputs' names but are not"), "{text}");
        assert_eq!(text.matches(": is a directory").count(), 10);
        for part in ["and 2 more", "--on-conflict skip", "keep-both", "--force"] {
            assert!(text.contains(part), "{text}");
        }
        let one = Conflicts { dir: "/out".into(), all: vec![conflict(1)] }.to_string();
        assert!(one.starts_with("1 file in /out has an output's name but is not"), "{one}");
        assert!(!one.contains("more\n"), "{one}");
    }
}
