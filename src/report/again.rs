//! Says a run's command line again, with other settings.

use crate::supervisor::RunSummary;
use crate::text::shell_word;

/// What `tune` is told as a run is.
const TUNED: [&str; 15] = [
    "prefix",
    "match",
    "recursive",
    "range",
    "mode",
    "target",
    "rules",
    "verify",
    "unchanged",
    "compress",
    "shuffle",
    "block-size",
    "chunk",
    "repack",
    "portable",
];

/// A command line that can be changed: a program, flags as `--key=value`, and directories.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Again {
    program: String,
    flags: Vec<String>,
    dirs: Vec<String>,
}

impl Again {
    /// That of a run, if it is known; not of many shards, which each have their own.
    pub(super) fn of(run: &RunSummary) -> Option<Self> {
        if run.shard.ends_with(" shards") {
            return None;
        }
        let (program, rest) = run.command.split_first()?;
        let end = rest.iter().position(|arg| arg == "--").unwrap_or(rest.len());
        let (flags, dirs) = rest.split_at(end);
        let dirs = dirs.iter().skip(1).cloned().collect();
        // A page of the run before is no place for the next one.
        let flags = flags.iter().filter(|flag| !flag.starts_with("--dashboard=")).cloned();
        Some(Self { program: program.clone(), flags: flags.collect(), dirs })
    }

    /// The same with `--key=value`.
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self = self.without(key);
        self.flags.push(format!("--{key}={value}"));
        self
    }

    /// The same with the flag `--key`.
    pub(super) fn having(mut self, key: &str) -> Self {
        self = self.without(key);
        self.flags.push(format!("--{key}"));
        self
    }

    fn without(mut self, key: &str) -> Self {
        self.flags.retain(|flag| {
            flag.strip_prefix("--")
                .and_then(|flag| flag.strip_prefix(key))
                .is_none_or(|rest| !rest.is_empty() && !rest.starts_with('='))
        });
        self
    }

    /// `tune` for the same files, converted in the same way; none where it does not take what was named.
    pub(super) fn tune(&self) -> Option<String> {
        let [input, ..] = self.dirs.as_slice() else { return None };
        // It takes a directory; files and patterns may have been named instead.
        let file = input.to_lowercase().ends_with(".jld2") || input.contains(['*', '?', '[']);
        if self.dirs.len() > 2 || file {
            return None;
        }
        let taken = |flag: &&String| {
            let key = flag.trim_start_matches('-');
            let key = key.split_once('=').map_or(key, |(key, _)| key);
            TUNED.contains(&key)
        };
        let plain = |flag: &String| match flag.as_str() {
            // It takes no value there.
            "--recursive=true" => "--recursive".to_owned(),
            flag => flag.to_owned(),
        };
        let flags = self.flags.iter().filter(|flag| *flag != "--recursive=false");
        let flags = flags.filter(taken).map(plain).collect();
        let program = format!("{} tune", self.program);
        Some(Self { program, flags, dirs: self.dirs.clone() }.line())
    }

    /// The same for the first directory alone.
    pub(super) fn first_dir(mut self) -> Self {
        self.dirs.truncate(1);
        self
    }

    /// The line as a shell reads it: directories first, but for those that look like flags.
    pub(super) fn line(&self) -> String {
        let mut words = vec![self.program.as_str()];
        let flag_like = self.dirs.iter().any(|dir| dir.starts_with('-'));
        if flag_like {
            words.extend(self.flags.iter().map(String::as_str));
            words.push("--");
            words.extend(self.dirs.iter().map(String::as_str));
        } else {
            words.extend(self.dirs.iter().map(String::as_str));
            words.extend(self.flags.iter().map(String::as_str));
        }
        let (program, rest) = words.split_first().unwrap_or((&"", &[]));
        // Of two words where it has a subcommand.
        let rest = rest.iter().map(|word| shell_word(word));
        std::iter::once((*program).to_owned()).chain(rest).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::tests::summary;

    fn again(args: &[&str]) -> Again {
        let mut run = summary();
        run.command = args.iter().map(|arg| (*arg).to_owned()).collect();
        Again::of(&run).unwrap()
    }

    #[test]
    fn a_setting_is_replaced() {
        let said = again(&["p", "--pin=true", "--workers=2", "--workers-x=1", "--", "in dir", "o"]);
        assert_eq!(said.line(), "p 'in dir' o --pin=true --workers=2 --workers-x=1");
        let other = said.clone().with("workers", "3").having("resume-failed");
        assert_eq!(
            other.line(),
            "p 'in dir' o --pin=true --workers-x=1 --workers=3 --resume-failed"
        );
        assert_eq!(said.first_dir().with("mode", "in-place").dirs, ["in dir"]);
        assert_eq!(again(&["p", "--yes=true", "--", "-a", "b"]).line(), "p --yes=true -- -a b");
        assert_eq!(Again::of(&summary()), None, "not known");
        let mut shards = summary();
        (shards.shard, shards.command) =
            ("3 shards".into(), vec!["p".into(), "--shard=3/3".into()]);
        assert_eq!(Again::of(&shards), None, "that of one shard is not that of all");
    }
}
