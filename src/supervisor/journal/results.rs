//! Reads what earlier runs of a task that makes no outputs found out.
//!
//! Of a result its reader keeps where its line stands, and reads it again when it is asked for: there
//! may be 100,000.

use super::FORMAT;
use super::lines::Lines;
use super::record::{Line, ResultLine};
use super::replay::LINE_MAX;
use super::stored::{Span, Stored, line};
use crate::supervisor::record::JobRecord;
use crate::sys::dir::{Dir, DirError};
use crate::sys::stat::StatData;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::BufReader;

/// The last result of one job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KnownResult {
    /// Its files as they were before.
    pub(crate) files: [Option<StatData>; 2],
    pub(crate) result: Value,
    pub(crate) record: JobRecord,
}

/// Where the last result of each job stands, and what was made.
#[derive(Debug, Default)]
pub(crate) struct Results {
    journal: Option<Stored>,
    known: HashMap<Box<str>, Span>,
    /// What `stat` told of the files that were made, by whatever version and with whatever options.
    made: HashSet<StatData>,
}

impl Results {
    /// The result of the job of this name, which is not asked for again; none that cannot be read any
    /// more.
    pub(crate) fn take(&mut self, name: &str) -> Option<KnownResult> {
        let span = self.known.remove(name)?;
        let ResultLine { files, result, record, .. } = self.journal.as_ref()?.result(span).ok()?;
        Some(KnownResult { files, result, record })
    }

    /// Whether a run made this file, which nobody touched since.
    pub(crate) fn made(&self, file: &StatData) -> bool {
        self.made.contains(file)
    }
}

/// The results, by job name, that runs of `task` with the same version of this program and the same
/// `options` left in the journal `name` in `dir`, and the files that any of its runs made, which `made`
/// takes from a result. A journal that is not there tells nothing.
///
/// # Errors
/// It is a link or no file, or cannot be opened.
pub(crate) fn results(
    dir: &Dir,
    name: &OsStr,
    task: &str,
    options: &Value,
    made: impl Fn(&Value) -> Option<StatData>,
) -> Result<Results, DirError> {
    if dir.entry(name)?.is_none() {
        return Ok(Results::default());
    }
    let file = dir.open_file(name, false)?;
    let mut read = Results {
        journal: Some(Stored::of(&file, dir.path().join(name), true)?),
        ..Results::default()
    };
    read.take_in(&file, task, options, made);
    Ok(read)
}

impl Results {
    fn take_in(
        &mut self,
        file: &File,
        task: &str,
        options: &Value,
        made: impl Fn(&Value) -> Option<StatData>,
    ) {
        let mut lines = Lines::new(BufReader::new(file), LINE_MAX);
        // The run whose lines follow, and whether its results count.
        let mut run = None;
        // What is known before a page that cannot be read counts.
        while let Ok(Some((span, bytes))) = lines.read() {
            // A torn line is not understood either.
            match line(bytes) {
                Ok(Line::Task(line)) => {
                    let same =
                        line.options == *options && line.head.version == env!("CARGO_PKG_VERSION");
                    let ours = line.head.journal == FORMAT && line.task == task;
                    run = ours.then_some((line.head.run_id, same));
                }
                Ok(Line::Result(line)) => {
                    let Some((_, same)) = run.as_ref().filter(|(id, _)| *id == line.run_id) else {
                        continue;
                    };
                    self.made.extend(made(&line.result));
                    if *same {
                        self.known.insert(line.record.name.into(), span);
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::journal::{HeadLine, TaskLine};
    use crate::supervisor::record::JobOutcome;
    use serde_json::json;

    fn head(run_id: &str, options: &Value) -> Line {
        Line::Task(Box::new(TaskLine {
            head: HeadLine {
                journal: FORMAT,
                run_id: run_id.into(),
                version: env!("CARGO_PKG_VERSION").into(),
                started: "t".into(),
                host: "h".into(),
                pid: 1,
                shard: "1/1".into(),
            },
            task: "count".into(),
            options: options.clone(),
            jobs: 1,
        }))
    }

    fn result(run_id: &str, name: &str, result: Value) -> Line {
        Line::Result(Box::new(ResultLine {
            run_id: run_id.into(),
            at: "t".into(),
            files: [None, None],
            result,
            record: JobRecord::bare(name, None, JobOutcome::Unchanged, 1),
        }))
    }

    #[test]
    fn only_results_of_the_same_task_and_options_count_and_the_last_one() {
        let options = json!({ "deep": true });
        let lines = [
            head("a", &options),
            result("a", "x", json!(1)),
            result("a", "x", json!(2)),
            result("b", "y", json!(3)),
            head("c", &json!({ "deep": false })),
            result("c", "z", json!(4)),
        ];
        let mut bytes: Vec<u8> = lines.iter().flat_map(|line| line.to_bytes().unwrap()).collect();
        bytes.extend(b"{\"kind\":\"result\",\"run_id\":\"a\"");
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("journal"), bytes).unwrap();
        let dir = Dir::open(temp.path()).unwrap();
        let made = |result: &Value| {
            let ino = result.as_u64()?;
            Some(StatData { ino, size: 1, mtime_ns: 2, ctime_ns: 3 })
        };
        let read = |task: &str| results(&dir, OsStr::new("journal"), task, &options, made).unwrap();
        let mut known = read("count");
        let files = (1..=4).map(|ino| StatData { ino, size: 1, mtime_ns: 2, ctime_ns: 3 });
        let ours: Vec<bool> = files.map(|file| known.made(&file)).collect();
        assert_eq!(ours, [true, true, false, true], "whatever the options were");
        assert_eq!(known.known.len(), 1);
        let last = known.take("x").unwrap();
        assert_eq!((last.result, &*last.record.name), (json!(2), "x"));
        assert_eq!(known.take("x"), None);
        assert!(read("other").known.is_empty());
    }
}
