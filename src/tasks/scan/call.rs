//! Says what a scan was asked, as another command has it.

use crate::archive::{Glob, Ranges};
use crate::text::{shell_path, shell_word};
use std::path::{Path, PathBuf};

/// Most paths that a command line names.
const FEW: usize = 10;

/// What a scan was asked, as far as a conversion of the same files is told the same.
#[derive(Debug, Clone, Default)]
pub struct ScanCall {
    /// Directories and files that were named.
    pub paths: Vec<PathBuf>,
    /// Whether directories below were entered.
    pub recursive: bool,
    /// Patterns of the files' names; none where all JLD2 files were looked into.
    pub globs: Vec<Glob>,
    /// The output numbers that were asked for.
    pub range: Option<Ranges>,
    /// The target, where one was named.
    pub target: Option<String>,
    /// Further rules.
    pub rules: Vec<PathBuf>,
}

impl ScanCall {
    /// `jldconv-supervisor` with a command in front, paths, `more`, and what was asked. `all` says that
    /// there are files that a run does not take without being asked to.
    pub(super) fn command(&self, command: &str, more: &str, all: bool) -> String {
        let mut words = vec!["jldconv-supervisor".to_owned()];
        words.extend((!command.is_empty()).then(|| command.to_owned()));
        words.extend(self.paths.iter().take(FEW).map(|path| shell_path(path)));
        words.extend((self.paths.len() > FEW).then(|| "...".to_owned()));
        words.push(more.to_owned());
        words.extend(self.recursive.then(|| "--recursive".to_owned()));
        let all = (all && self.globs.is_empty()).then(|| "'*.jld2'".to_owned());
        let globs = self.globs.iter().map(|glob| shell_word(&glob.to_string())).chain(all);
        words.extend(globs.map(|glob| format!("--match {glob}")));
        words.extend(self.range.as_ref().map(|range| format!("--range {range}")));
        let target = self.target.as_ref().map(|it| shell_path(Path::new(it)));
        words.extend(target.map(|target| format!("--target {target}")));
        words.extend(self.rules.iter().map(|path| format!("--rules {}", shell_path(path))));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversion_is_told_what_a_scan_was() {
        let plain = ScanCall { paths: vec!["old dir".into()], ..ScanCall::default() };
        assert_eq!(plain.command("", "OUT", false), "jldconv-supervisor 'old dir' OUT");
        assert_eq!(
            plain.command("", "OUT", true),
            "jldconv-supervisor 'old dir' OUT --match '*.jld2'"
        );
        let all = ScanCall {
            paths: vec!["a".into(), "b".into()],
            recursive: true,
            globs: vec!["m*.jld2".parse().unwrap()],
            range: Some("1-5,9-".parse().unwrap()),
            target: Some("mera-1.8".into()),
            rules: vec!["my rules.toml".into()],
        };
        assert_eq!(
            all.command("tune", "OUT", true),
            "jldconv-supervisor tune a b OUT --recursive --match 'm*.jld2' --range 1-5,9- --target \
             mera-1.8 --rules 'my rules.toml'"
        );
    }
}
