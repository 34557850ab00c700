//! Tells what an earlier run made a directory of outputs from.

use crate::sys::dir::OWN;
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Longest first line of a journal that is read, in bytes.
const LINE_MAX: u64 = 4 << 20;
/// Most entries of a run's own directory that are looked at.
const ENTRIES: usize = 10_000;

/// What is wanted of a journal's first line.
#[derive(Deserialize)]
struct Head {
    kind: String,
    input_dir: PathBuf,
    output_dir: PathBuf,
}

/// The directory, as the system knows it, whose files a run made those of `directory` from, as a journal
/// there tells; none where there is none that says that this is its place. A directory whose files were
/// changed in place was made from itself.
pub(super) fn made_from(directory: &Path) -> Option<PathBuf> {
    let own = directory.join(OWN);
    // Most directories have none.
    fs::symlink_metadata(&own).ok().filter(fs::Metadata::is_dir)?;
    let journals = fs::read_dir(&own).ok()?.flatten().take(ENTRIES).filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("journal-") && name.ends_with(".jsonl")
    });
    journals.filter_map(|entry| head(&entry.path())).find_map(|head| {
        // One that was moved here with its directory tells of another place.
        let here = fs::canonicalize(&head.output_dir).is_ok_and(|made| made == directory);
        here.then(|| fs::canonicalize(&head.input_dir).ok())?
    })
}

fn head(path: &Path) -> Option<Head> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(flags.cast_signed()).open(path).ok()?;
    file.metadata().ok().filter(fs::Metadata::is_file)?;
    let mut line = Vec::new();
    BufReader::new(file.take(LINE_MAX)).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice::<Head>(&line).ok().filter(|head| head.kind == "run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_tells_where_a_directorys_files_come_from() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let (old, new) = (root.join("old"), root.join("new"));
        for path in [&old, &new, &new.join(OWN)] {
            fs::create_dir(path).unwrap();
        }
        assert_eq!((made_from(&old), made_from(&new)), (None, None));
        let journal = new.join(OWN).join("journal-2-of-3.jsonl");
        let line = |kind: &str, to: &Path| {
            serde_json::json!({ "kind": kind, "input_dir": old, "output_dir": to }).to_string()
        };
        fs::write(&journal, line("task", &new)).unwrap();
        assert_eq!(made_from(&new), None);
        fs::write(&journal, line("run", &root.join("elsewhere"))).unwrap();
        assert_eq!(made_from(&new), None, "it was moved here");
        fs::write(&journal, line("run", &new) + "\nmore").unwrap();
        assert_eq!(made_from(&new), Some(old.clone()));
        fs::remove_file(&journal).unwrap();
        std::os::unix::fs::symlink(old.join("x"), &journal).unwrap();
        assert_eq!(made_from(&new), None);
    }
}
