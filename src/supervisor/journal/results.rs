//! Reads what earlier runs of a task that makes no outputs found out.

use super::replay::LINE_MAX;
use super::{FORMAT, Line};
use crate::supervisor::record::JobRecord;
use crate::sys::dir::{Dir, DirError};
use crate::sys::stat::StatData;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};

/// The last result of one job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KnownResult {
    /// Its files as they were before.
    pub(crate) files: [Option<StatData>; 2],
    pub(crate) result: Value,
    pub(crate) record: JobRecord,
}

/// The results, by job name, that runs of `task` with the same version of this program and the same
/// `options` left in the journal `name` in `dir`. One that is not there tells nothing.
///
/// # Errors
/// It is a link or no file, or cannot be opened.
pub(crate) fn results(
    dir: &Dir,
    name: &OsStr,
    task: &str,
    options: &Value,
) -> Result<BTreeMap<String, KnownResult>, DirError> {
    if dir.entry(name)?.is_none() {
        return Ok(BTreeMap::new());
    }
    Ok(take_in(BufReader::new(dir.open_file(name, false)?), task, options))
}

fn take_in(mut reader: impl BufRead, task: &str, options: &Value) -> BTreeMap<String, KnownResult> {
    let mut known = BTreeMap::new();
    let mut run = None;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes) {
            Ok(1..) => {}
            // What is known so far counts.
            Ok(0) | Err(_) => return known,
        }
        // A torn line is not understood either.
        match serde_json::from_slice::<Line>(&bytes) {
            Ok(Line::Task(line)) => {
                let same = line.head.journal == FORMAT
                    && line.task == task
                    && line.options == *options
                    && line.head.version == env!("CARGO_PKG_VERSION");
                run = same.then_some(line.head.run_id);
            }
            Ok(Line::Result(line)) if Some(&line.run_id) == run.as_ref() => {
                let line = *line;
                let (files, result, record) = (line.files, line.result, line.record);
                known.insert(record.name.clone(), KnownResult { files, result, record });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::journal::{HeadLine, ResultLine, TaskLine};
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
        let known = take_in(&*bytes, "count", &options);
        assert_eq!(known.keys().collect::<Vec<_>>(), ["x"]);
        assert_eq!(known["x"].result, json!(2));
        assert!(take_in(&*bytes, "other", &options).is_empty());
    }
}
