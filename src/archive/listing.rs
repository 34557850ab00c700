//! Records what an archive's files were when somebody divided them.
//!
//! Tasks of a job array list the same directory one after the other, and nobody keeps the archive
//! from growing in between. Each leaves the [`Listing`] that its part was taken from; where two
//! differ, so do the parts, and a file may be in none of them.

use super::{ArchiveError, Found, Ranges, Selection, Weigh, discover};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;
use std::time::UNIX_EPOCH;
use xxhash_rust::xxh3::Xxh3;

/// The files that an archive held, told from any others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Of names, sizes and times of modification; of names only where the run itself changes the
    /// files ([`Weigh::Files`]). 128 bits of XXH3 in hexadecimal digits.
    pub digest: String,
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
    /// Beginning of the files' names; of several, the first.
    pub prefix: String,
    /// Which files were looked for; earlier versions looked for those named exactly
    /// `<prefix>NNNNN.jld2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// The output numbers that were looked for, as `--range` takes them; all of them if empty.
    pub range: String,
    /// Whether parts were made equal in bytes, not in number of files.
    pub weighed: bool,
}

impl Listing {
    /// The listing of `files`, which are those that `range` takes of the files of `selection`, in the
    /// order of [`discover`].
    pub fn of(files: &[Found], selection: &Selection, range: &Ranges, weigh: Weigh) -> Self {
        let weighed = weigh == Weigh::Bytes;
        let mut hash = Xxh3::new();
        let mut text = String::new();
        for file in files {
            hash.update(file.name.as_bytes());
            // No path holds a zero byte, and no number a slash: no two lists give the same bytes.
            hash.update(b"\0");
            if weighed {
                let time = file.modified.map(|time| match time.duration_since(UNIX_EPOCH) {
                    Ok(since) => (true, since.as_nanos()),
                    Err(before) => (false, before.duration().as_nanos()),
                });
                text.clear();
                // Into a text nothing fails.
                let _ = write!(text, "{} {time:?}/", file.bytes);
                hash.update(text.as_bytes());
            }
        }
        Self {
            digest: format!("{:032x}", hash.digest128()),
            files: files.len() as u64,
            bytes: files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes)),
            prefix: selection.prefixes.first().cloned().unwrap_or_default(),
            selection: Some(selection.clone()),
            range: if range.is_all() { String::new() } else { range.to_string() },
            weighed,
        }
    }

    /// What makes the parts of this listing equal.
    pub fn weigh(&self) -> Weigh {
        if self.weighed { Weigh::Bytes } else { Weigh::Files }
    }

    /// Lists `directory` in the same way once more, without the directory of the `outputs`: the files,
    /// and their listing.
    ///
    /// # Errors
    /// Where the directory cannot be listed.
    pub fn again(
        &self,
        directory: &Path,
        outputs: &Path,
    ) -> Result<(Vec<Found>, Self), ArchiveError> {
        let range: Ranges = self.range.parse().unwrap_or_default();
        let known = self.selection.clone();
        let selection = known.unwrap_or_else(|| Selection::prefix(&self.prefix));
        let mut files = discover(directory, &selection, Some(outputs))?.files;
        files.retain(|file| range.takes(file.number));
        let listing = Self::of(&files, &selection, &range, self.weigh());
        Ok((files, listing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn listed(dir: &Path, range: &str, weigh: Weigh) -> Listing {
        let range: Ranges = if range.is_empty() { Ranges::all() } else { range.parse().unwrap() };
        let selection = Selection::default();
        let mut files = discover(dir, &selection, None).unwrap().files;
        files.retain(|file| range.takes(file.number));
        Listing::of(&files, &selection, &range, weigh)
    }

    #[test]
    fn what_is_added_removed_or_changed_gives_another() {
        let dir = tempfile::tempdir().unwrap();
        let at = |number: u64| dir.path().join(format!("output_{number:05}.jld2"));
        for number in 1..=3 {
            fs::write(at(number), "x").unwrap();
        }
        let first = listed(dir.path(), "", Weigh::Bytes);
        let names = listed(dir.path(), "", Weigh::Files);
        let some = listed(dir.path(), "1-2", Weigh::Bytes);
        assert_eq!((first.files, first.bytes, some.files), (3, 3, 2));
        for listing in [&first, &names, &some] {
            let (files, again) = listing.again(dir.path(), Path::new("/nowhere")).unwrap();
            assert_eq!((&again, files.len() as u64), (listing, listing.files));
        }
        let later = UNIX_EPOCH + std::time::Duration::from_secs(5);
        fs::File::options().write(true).open(at(3)).unwrap().set_modified(later).unwrap();
        assert_ne!(
            first.again(dir.path(), Path::new("/nowhere")).unwrap().1.digest,
            first.digest,
            "another time"
        );
        assert_eq!(
            names.again(dir.path(), Path::new("/nowhere")).unwrap().1,
            names,
            "only names count"
        );
        assert_eq!(
            some.again(dir.path(), Path::new("/nowhere")).unwrap().1,
            some,
            "not in the range"
        );
        fs::write(at(4), "x").unwrap();
        assert_ne!(
            names.again(dir.path(), Path::new("/nowhere")).unwrap().1.digest,
            names.digest,
            "one more"
        );
        fs::remove_file(at(4)).unwrap();
        fs::rename(at(1), at(7)).unwrap();
        assert_ne!(
            names.again(dir.path(), Path::new("/nowhere")).unwrap().1.digest,
            names.digest,
            "another name"
        );
        assert!(first.again(Path::new("/nowhere/at/all"), Path::new("/nowhere")).is_err());
    }
}
