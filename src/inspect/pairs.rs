//! Compares two directories: their files by name, pair by pair, on several threads.

use super::comparison::{Comparison, Verdict};
use super::explain::verify_by;
use super::model::Refusal;
use crate::archive::{ArchiveError, Selection, Unlisted, Why, discover, is_jld2, joined};
use crate::h5::{self, Checksums};
use crate::julia::on_deep_stack;
use crate::migrate::target::Target;
use crate::text::count;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::cmp::Ordering::{Greater, Less};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How often whoever watches hears of progress.
const TICK: Duration = Duration::from_millis(200);

/// Files of one name in an old and a new directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePair {
    /// The name.
    pub name: OsString,
    /// The output's number; none if the files are not named as outputs.
    pub number: Option<u64>,
    /// The old file; none if only the new directory has one of this name.
    pub old: Option<PathBuf>,
    /// The new file; none if only the old directory has one of this name.
    pub new: Option<PathBuf>,
}

/// What became of a pair.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairOutcome {
    /// Both files could be read.
    Compared(Box<Comparison>),
    /// One of them could not.
    Unreadable(Box<Refusal>),
    /// The comparison met a defect of this program.
    Crashed(String),
    /// There is no new file.
    OnlyOld,
    /// There is no old file.
    OnlyNew,
}

/// How many pairs came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PairTally {
    /// Names.
    pub pairs: u64,
    /// The same in all.
    pub equal: u64,
    /// The same but for what rules explain.
    pub explained: u64,
    /// Something differs that no rule explains.
    pub different: u64,
    /// Only the old directory has one.
    pub only_old: u64,
    /// Only the new directory has one.
    pub only_new: u64,
    /// One of the two cannot be read, or parts of both cannot, and nothing else differs.
    pub unreadable: u64,
    /// The comparison met a defect of this program.
    pub crashed: u64,
}

/// The JLD2 files of two directories by name, and of those below them if `recursive`. Outputs come
/// directory by directory, in the order of their numbers, others follow by name; hidden files are left
/// out, and where one directory lies in the other it is not part of that. Directories below that cannot
/// be listed come beside them, by their whole paths.
///
/// # Errors
/// If one of the two cannot be listed.
pub fn file_pairs(
    old: &Path,
    new: &Path,
    recursive: bool,
) -> Result<(Vec<FilePair>, Vec<String>), ArchiveError> {
    let selection = Selection { recursive, ..Selection::default() };
    let mut unlisted = Vec::new();
    let of_old = listed(old, &selection, new, &mut unlisted)?;
    let of_new = listed(new, &selection, old, &mut unlisted)?;
    Ok((paired((old, of_old), (new, of_new)), unlisted))
}

/// A file of a directory. There may be 100,000 in each of two, so that paths are made when both lists
/// are there.
struct Listed {
    /// Its path below the directory.
    name: OsString,
    /// Whether it is another file than an output.
    other: bool,
    /// The output's number.
    number: u64,
}

/// What files are sorted by: their directory, whether they are others than outputs, their number, their
/// name with the directory.
fn order(file: &Listed) -> (&Path, bool, u64, &OsStr) {
    let dir = Path::new(&file.name).parent().unwrap_or(Path::new(""));
    (dir, file.other, file.number, &file.name)
}

/// Files of one name become a pair; both lists are in order.
fn paired(
    (old, of_old): (&Path, Vec<Listed>),
    (new, of_new): (&Path, Vec<Listed>),
) -> Vec<FilePair> {
    let mut pairs = Vec::with_capacity(of_old.len().max(of_new.len()));
    let (mut of_old, mut of_new) = (of_old.into_iter().peekable(), of_new.into_iter().peekable());
    loop {
        let next = match (of_old.peek(), of_new.peek()) {
            (Some(a), Some(b)) => order(a).cmp(&order(b)),
            (Some(_), None) => Less,
            (None, Some(_)) => Greater,
            (None, None) => return pairs,
        };
        let a = if next == Greater { None } else { of_old.next() };
        let b = if next == Less { None } else { of_new.next() };
        let (is_old, is_new) = (a.is_some(), b.is_some());
        let Some(Listed { name, other, number }) = a.or(b) else { return pairs };
        pairs.push(FilePair {
            number: (!other).then_some(number),
            old: is_old.then(|| joined(old, &name)),
            new: is_new.then(|| joined(new, &name)),
            name,
        });
    }
}

/// What may be a JLD2 file, in order.
fn listed(
    directory: &Path,
    selection: &Selection,
    other: &Path,
    unlisted: &mut Vec<String>,
) -> Result<Vec<Listed>, ArchiveError> {
    let found = discover(directory, selection, Some(other))?;
    let whole = |it: &Unlisted| format!("{}: {}", directory.join(&it.name).display(), it.error);
    unlisted.extend(found.unlisted.iter().map(whole));
    let outputs = found.files.into_iter().map(|f| {
        let number = f.number.unwrap_or(u64::MAX);
        Listed { name: f.name.into(), other: false, number }
    });
    let others = found
        .ignored
        .into_iter()
        .filter(|other| match other.why {
            Why::Foreign | Why::TooLarge => true,
            Why::NotText => is_jld2(other.name.as_bytes()),
            Why::DirNotText | Why::DirLink | Why::DirTwice | Why::Outputs | Why::EarlierOutputs => {
                false
            }
        })
        .filter(|other| !directory.join(&other.name).is_dir())
        .map(|other| Listed { name: other.name, other: true, number: 0 });
    let mut listed = Vec::new();
    listed.extend(outputs.chain(others));
    listed.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(listed)
}

impl FilePair {
    /// Compares the two files, as [`verify_by`] does. Whatever happens, it costs this pair only. Needs
    /// no deep stack.
    pub fn verify(
        &self,
        threads: usize,
        target: Option<&Target>,
        checksums: Checksums,
        progress: &(dyn Fn(u64) -> h5::Result<()> + Sync),
    ) -> PairOutcome {
        let (old, new) = match (&self.old, &self.new) {
            (Some(old), Some(new)) => (old, new),
            (Some(_), None) => return PairOutcome::OnlyOld,
            (None, _) => return PairOutcome::OnlyNew,
        };
        let work = || on_deep_stack(|| verify_by(threads, old, new, target, checksums, progress));
        // Nothing that a panic leaves half done is looked at again.
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(Ok(comparison))) => PairOutcome::Compared(Box::new(comparison)),
            Ok(Ok(Err(refusal))) => PairOutcome::Unreadable(refusal),
            Ok(Err(error)) => PairOutcome::Crashed(format!("no thread could be started: {error}")),
            Err(panic) => PairOutcome::Crashed(said(&*panic)),
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a defect of this program: {}", text.unwrap_or("a panic"))
}

/// Whoever hears of pairs.
pub trait PairListener {
    /// A pair is through. Pairs come in their order, whichever was through first.
    ///
    /// # Errors
    /// The listener's own, which end the run.
    fn ended(&mut self, pair: &FilePair, outcome: &PairOutcome) -> std::io::Result<()>;

    /// So many pairs are through, and so many bytes of data were read so far.
    fn progress(&mut self, through: u64, bytes: u64);

    /// Something is odd, but the run goes on.
    fn warning(&mut self, message: &str) {
        let _ = message;
    }
}

/// Compares all pairs on so many `cores`: as many at once, or fewer with two threads each where there
/// are fewer pairs.
///
/// # Errors
/// The listener's.
pub fn verify_pairs(
    pairs: &[FilePair],
    target: Option<&Target>,
    checksums: Checksums,
    cores: usize,
    listener: &mut dyn PairListener,
) -> std::io::Result<PairTally> {
    let at_once = cores.clamp(1, pairs.len().max(1));
    let threads = (cores / at_once).max(1);
    let (next, bytes, stop) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let progress = |more: u64| {
        bytes.fetch_add(more, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) { Err(h5::Error::cancelled()) } else { Ok(()) }
    };
    let (send, receive) = channel();
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..at_once {
            let send = send.clone();
            let (next, stop, progress) = (&next, &stop, &progress);
            let work = move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(pair) = pairs.get(index) else { break };
                    if send
                        .send((index, pair.verify(threads, target, checksums, progress)))
                        .is_err()
                    {
                        break;
                    }
                }
            };
            // Where the system gives no more threads, fewer do.
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(_) => started += 1,
                Err(error) if started == 0 => return Err(error),
                Err(_) => break,
            }
        }
        drop(send);
        let mut waiting = HashMap::new();
        let mut told = 0;
        let mut tally = PairTally::default();
        loop {
            match receive.recv_timeout(TICK) {
                Ok((index, outcome)) => {
                    waiting.insert(index, outcome);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(tally),
            }
            while let (Some(outcome), Some(pair)) = (waiting.remove(&told), pairs.get(told)) {
                told += 1;
                tally.add(&outcome);
                if let Err(error) = listener.ended(pair, &outcome) {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            let through = (told + waiting.len()) as u64;
            listener.progress(through, bytes.load(Ordering::Relaxed));
        }
    })
}

impl PairOutcome {
    /// One word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Compared(c) => match c.verdict {
                Verdict::Equal => "equal",
                Verdict::Explained => "explained",
                Verdict::Different => "different",
                Verdict::NotCompared => "not-compared",
            },
            Self::Unreadable(_) => "unreadable",
            Self::Crashed(_) => "crashed",
            Self::OnlyOld => "only-old",
            Self::OnlyNew => "only-new",
        }
    }

    /// What there is to say of it, on one line.
    pub fn line(&self) -> String {
        match self {
            Self::Compared(comparison) => comparison.line(),
            Self::Unreadable(refusal) => format!("unreadable: {}: {}", refusal.path, refusal.error),
            Self::Crashed(why) => format!("crashed: {why}"),
            Self::OnlyOld => "only in OLD".to_owned(),
            Self::OnlyNew => "only in NEW".to_owned(),
        }
    }
}

impl PairTally {
    /// Counts one more.
    pub fn add(&mut self, outcome: &PairOutcome) {
        self.pairs += 1;
        *match outcome {
            PairOutcome::Compared(c) => match c.verdict {
                Verdict::Equal => &mut self.equal,
                Verdict::Explained => &mut self.explained,
                Verdict::Different => &mut self.different,
                Verdict::NotCompared => &mut self.unreadable,
            },
            PairOutcome::Unreadable(_) => &mut self.unreadable,
            PairOutcome::Crashed(_) => &mut self.crashed,
            PairOutcome::OnlyOld => &mut self.only_old,
            PairOutcome::OnlyNew => &mut self.only_new,
        } += 1;
    }

    /// Whether the new directory holds all of the old one. A file that only the new one has does no
    /// harm; one that only the old one has may have been left out on purpose.
    pub fn is_fine(&self, missing_is_fine: bool) -> bool {
        self.different + self.unreadable + self.crashed == 0
            && (missing_is_fine || self.only_old == 0)
    }
}

impl std::fmt::Display for PairTally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = [
            (self.equal, "equal"),
            (self.explained, "equal but for what rules explain"),
            (self.different, "different"),
            (self.only_old, "only in OLD"),
            (self.only_new, "only in NEW"),
            (self.unreadable, "unreadable"),
            (self.crashed, "crashed"),
        ];
        let parts: Vec<_> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        write!(f, "{}: {}", count(self.pairs, "file"), parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_meet_whatever_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| dir.path().join(name));
        let make = |dir: &Path, names: &[&[u8]]| {
            std::fs::create_dir(dir).unwrap();
            for name in names {
                std::fs::write(dir.join(OsStr::from_bytes(name)), "x").unwrap();
            }
        };
        let strange = b"output_\xff.jld2".as_slice();
        make(&old, &[b"output_00010.jld2", b"output_9.jld2", b"a.jld2", b"notes.txt", strange]);
        make(&new, &[b"output_00010.jld2", b"A.JLD2", b"a.jld2", b".hidden.jld2", strange]);
        std::fs::create_dir(new.join("directory.jld2")).unwrap();
        let (found, unlisted) = file_pairs(&old, &new, false).unwrap();
        assert_eq!(unlisted, Vec::<String>::new());
        let shown: Vec<_> =
            found.iter().map(|p| (p.name.as_bytes(), p.old.is_some(), p.new.is_some())).collect();
        let expected: [(&[u8], bool, bool); 5] = [
            (b"output_9.jld2", true, false),
            (b"output_00010.jld2", true, true),
            (b"A.JLD2", false, true),
            (b"a.jld2", true, true),
            (strange, true, true),
        ];
        assert_eq!(shown, expected);
        assert!(file_pairs(&old, &dir.path().join("none"), false).is_err());
    }

    #[test]
    fn a_panic_costs_its_pair_only() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/mera/real-mera-1.9/output_00001.jld2");
        let pair =
            FilePair { name: "x".into(), number: None, old: Some(file.clone()), new: Some(file) };
        let outcome = pair.verify(1, None, Checksums::Trusted, &|_| panic!("a bad day"));
        assert!(matches!(&outcome, PairOutcome::Crashed(why) if why.contains("a bad day")));
        assert_eq!((outcome.word(), outcome.line().contains("a bad day")), ("crashed", true));
        let mut tally = PairTally::default();
        tally.add(&outcome);
        assert!(!tally.is_fine(true));
    }

    struct Quitter;

    impl PairListener for Quitter {
        fn ended(&mut self, _: &FilePair, _: &PairOutcome) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn progress(&mut self, _: u64, _: u64) {}
    }

    #[test]
    fn a_listener_that_goes_away_ends_the_run() {
        let pair = |n: usize| FilePair {
            number: None,
            name: format!("{n}").into(),
            old: Some(format!("/nowhere/{n}").into()),
            new: None,
        };
        let pairs: Vec<_> = (0..100).map(pair).collect();
        let error = verify_pairs(&pairs, None, Checksums::Trusted, 3, &mut Quitter).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    }
}
