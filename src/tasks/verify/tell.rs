//! Prints what becomes of pairs of files.

use crate::archive::Shard;
use crate::inspect::{FilePair, PairListener, PairOutcome, PairTally};
use crate::report::unfinished::{noted, warn};
use crate::text;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Warns of pairs one of whose files is in the middle of a change in place; gives the first undo file
/// by the pair's name. `backup_dir` is where undo files are looked for, beside the file's own
/// directory.
pub fn undo_files(pairs: &[FilePair], backup_dir: Option<&Path>) -> HashMap<OsString, String> {
    let undo_of = |pair: &FilePair| {
        let files = [&pair.old, &pair.new].into_iter().flatten().map(PathBuf::as_path);
        files.map(|path| warn(path, backup_dir)).fold(None, Option::or)
    };
    pairs.iter().filter_map(|pair| Some((pair.name.clone(), undo_of(pair)?))).collect()
}

/// What to say where there is nothing that could be compared. An archive that is not mounted, say,
/// must not pass for one that is all equal.
pub fn nothing_to_compare(pairs: &[FilePair], old: &Path, new: &Path) -> Option<String> {
    if pairs.iter().any(|pair| pair.old.is_some()) {
        return None;
    }
    let (old, new) = (old.display(), new.display());
    Some(match pairs.len() {
        0 => format!("neither {old} nor {new} has files whose names end in .jld2"),
        _ => format!("{old} has no files whose names end in .jld2: nothing can be compared"),
    })
}

/// What is said of a directory below that cannot be listed.
pub fn unlisted_told(unlisted: &str) -> String {
    format!("{unlisted}: what is in it is not compared")
}

/// Prints what becomes of pairs, below a bar where there is a terminal.
pub struct Teller {
    bar: ProgressBar,
    json: bool,
    verbose: bool,
    /// Undo files of changes that are not complete, by the pair's name.
    undo_of: HashMap<OsString, String>,
    /// The shard whose pairs these are, and how many all shards have.
    part: Option<(Shard, usize)>,
}

impl Teller {
    /// For so many pairs: as JSON or as text; with `verbose`, equal pairs are told, too. `undo_of` is
    /// what [`undo_files`] found.
    pub fn new(pairs: u64, json: bool, verbose: bool, undo_of: HashMap<OsString, String>) -> Self {
        // Nothing is drawn where standard error is not a terminal.
        let bar = ProgressBar::with_draw_target(Some(pairs), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("[{bar:24}] {pos} of {len} files{msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("##."));
        Self { bar, json, verbose, undo_of, part: None }
    }

    /// Also says in the end that the pairs are the part of `shard`, if they are not all `pairs`.
    #[must_use]
    pub fn of_shard(mut self, shard: Shard, pairs: usize) -> Self {
        self.part = (!shard.is_whole()).then_some((shard, pairs));
        self
    }

    fn say(&self, line: &str) -> io::Result<()> {
        self.bar.suspend(|| {
            let mut out = io::stdout();
            out.write_all(line.as_bytes())?;
            out.write_all(b"\n")?;
            out.flush()
        })
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints the counts.
    ///
    /// # Errors
    /// Standard output's own.
    pub fn end(&self, tally: &PairTally) -> io::Result<()> {
        if self.json {
            let mut line = json!({ "summary": tally });
            if let (Value::Object(line), Some((shard, all))) = (&mut line, self.part) {
                line.insert("shard".to_owned(), shard.to_string().into());
                line.insert("pairs_of_all_shards".to_owned(), all.into());
            }
            return self.say(&line.to_string());
        }
        if let Some((shard, all)) = self.part {
            self.say(&format!(
                "shard {shard} has {} of {}",
                tally.pairs,
                text::count(all as u64, "pair")
            ))?;
        }
        self.say(&tally.to_string())
    }
}

impl PairListener for Teller {
    fn ended(&mut self, pair: &FilePair, outcome: &PairOutcome) -> io::Result<()> {
        let name = pair.name.to_string_lossy();
        if self.json {
            let undo = self.undo_of.get(&pair.name).cloned();
            return self.say(&noted(object(&name, outcome), undo).to_string());
        }
        let fine = matches!(outcome, PairOutcome::Compared(compared) if compared.equal);
        if fine && !self.verbose {
            return Ok(());
        }
        self.say(&format!("{}: {}", text::tame(&name), text::tame(&outcome.line())))
    }

    fn progress(&mut self, through: u64, bytes: u64) {
        self.bar.set_position(through);
        self.bar.set_message(format!(", {} of data compared", text::bytes(bytes)));
        self.bar.tick();
    }

    fn warning(&mut self, message: &str) {
        self.bar.suspend(|| {
            // Nobody else could be told.
            let _ = writeln!(io::stderr(), "warning: {}", text::tame_lines(message));
        });
    }
}

/// One pair as JSON: its name, the result in a word, and all that is known of it.
fn object(name: &str, outcome: &PairOutcome) -> Value {
    let mut out = json!({ "name": name, "result": outcome.word() });
    let more = match outcome {
        PairOutcome::Compared(compared) => serde_json::to_value(compared),
        PairOutcome::Unreadable(refusal) => serde_json::to_value(refusal),
        PairOutcome::Crashed(why) => Ok(json!({ "error": why })),
        PairOutcome::OnlyOld | PairOutcome::OnlyNew => Ok(Value::Null),
    };
    if let (Value::Object(out), Ok(Value::Object(more))) = (&mut out, more) {
        out.extend(more);
    }
    out
}
