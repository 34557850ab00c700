//! Names temporary files, and removes those of processes that died.
//!
//! A name tells who made the file, so that a later run can remove what dead processes left and
//! never what a live one is writing: `<run>.<host>.<pid>.<start>.<number>.part`. `host` stands for
//! one boot of one machine and one namespace of process ids in it; `start` is the process's start
//! in clock ticks, so that a process id given away again does not deceive.

use crate::sys::dir::{Dir, DirError, Entry};
use crate::sys::process::boot_id;
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::str::FromStr;
use xxhash_rust::xxh3::xxh3_64;

/// What every temporary file's name ends in.
const SUFFIX: &str = "part";
/// No run id is longer.
const RUN_MAX: usize = 64;

/// A process, told from all others on all machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner {
    /// One boot of one machine, and one namespace of process ids in it.
    pub host: u64,
    /// Process id in that namespace.
    pub pid: u32,
    /// The process's start, in clock ticks since boot.
    pub start: u64,
}

/// What became of an [`Owner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerState {
    /// It runs on this machine.
    Alive,
    /// It ran on this machine and is gone.
    Dead,
    /// It runs or ran on another machine, in another container, or before a reboot; nothing here
    /// can tell.
    Elsewhere,
}

impl Owner {
    /// This process.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn myself() -> io::Result<Self> {
        let pid = std::process::id();
        let start = start_of(pid)?.ok_or_else(|| {
            io::Error::other(format!(
                "/proc/{pid}/stat tells no start time, by which runs know each other: is /proc \
                     mounted here? (mount -t proc proc /proc)"
            ))
        })?;
        Ok(Self { host: host()?, pid, start })
    }

    /// What became of this process.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn state(&self) -> io::Result<OwnerState> {
        if self.host != host()? {
            return Ok(OwnerState::Elsewhere);
        }
        let alive = start_of(self.pid)? == Some(self.start);
        Ok(if alive { OwnerState::Alive } else { OwnerState::Dead })
    }
}

/// One boot of this machine, in this namespace of process ids.
fn host() -> io::Result<u64> {
    let boot = boot_id()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid")?;
    let both = format!("{boot} {}", namespace.display());
    Ok(xxh3_64(both.as_bytes()))
}

/// Start of a live process in clock ticks since boot; `None` if there is none of that id.
fn start_of(pid: u32) -> io::Result<Option<u64>> {
    let stat = match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // The process ended between open and read.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
        Err(error) => return Err(error),
    };
    // The name in field 2 may hold blanks and parentheses; the last parenthesis ends it.
    let after = stat.rsplit(|byte| *byte == b')').next().unwrap_or_default();
    let fields = String::from_utf8_lossy(after);
    let mut fields = fields.split_ascii_whitespace();
    // A zombie holds no file any more.
    if matches!(fields.next(), Some("Z" | "X" | "x")) {
        return Ok(None);
    }
    // Field 22 of the whole, counted from the state in field 3.
    Ok(fields.nth(18).and_then(|start| start.parse().ok()))
}

/// The name of a temporary file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TempName {
    run: String,
    owner: Owner,
    number: u64,
}

/// A text that is not the name of a temporary file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the name of a temporary file")]
pub struct TempNameError {
    text: String,
}

impl TempName {
    /// The name of the `number`th file that `owner` makes in `run`. `number` must differ for each
    /// file and each attempt. `run` consists of 1 to 64 ASCII letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// When `run` is something else.
    pub fn new(run: &str, owner: Owner, number: u64) -> Result<Self, TempNameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if run.is_empty() || run.len() > RUN_MAX || !run.bytes().all(plain) {
            return Err(TempNameError { text: run.to_owned() });
        }
        Ok(Self { run: run.to_owned(), owner, number })
    }

    /// Id of the run that made the file.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The process that made the file.
    pub fn owner(&self) -> Owner {
        self.owner
    }
}

impl fmt::Display for TempName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, owner: Owner { host, pid, start }, number } = self;
        write!(f, "{run}.{host:016x}.{pid}.{start}.{number}.{SUFFIX}")
    }
}

impl FromStr for TempName {
    type Err = TempNameError;

    fn from_str(text: &str) -> Result<Self, TempNameError> {
        let parse = || {
            let mut parts = text.split('.');
            let run = parts.next()?;
            let host = u64::from_str_radix(parts.next()?, 16).ok()?;
            let pid = parts.next()?.parse().ok()?;
            let start = parts.next()?.parse().ok()?;
            let number = parts.next()?.parse().ok()?;
            let name = Self::new(run, Owner { host, pid, start }, number).ok()?;
            // Only what we would have written ourselves is ours.
            (name.to_string() == text).then_some(name)
        };
        parse().ok_or_else(|| TempNameError { text: text.to_owned() })
    }
}

/// What follows a temporary file's name while it changes places with the file that it replaces.
const STAGED: &str = "replaced";

/// The name from which the file `name`, with this inode, changes places with the one that it may
/// replace.
pub(super) fn staged(name: &OsStr, ino: u64, old: &StatData) -> OsString {
    let mut staged = name.to_owned();
    staged.push(format!(".{ino}.{}_{}_{}.{STAGED}", old.ino, old.size, old.mtime_ns));
    staged
}

/// The file that may be replaced, as a [`staged`] name tells it: all but the time of change.
fn replaceable(text: &str) -> Option<StatData> {
    let mut parts = text.split('_');
    let ino = parts.next()?.parse().ok()?;
    let size = parts.next()?.parse().ok()?;
    let mtime_ns = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(StatData { ino, size, mtime_ns, ctime_ns: 0 })
}

/// Whether the process that made `file` in `dir` may still work on it. `elsewhere` is asked about
/// those that are not of this machine.
fn may_live(
    dir: &Dir,
    file: &OsStr,
    name: &TempName,
    elsewhere: &mut dyn FnMut(&TempName) -> bool,
) -> Result<bool, DirError> {
    let life = name.owner.state().map_err(|source| DirError::Io {
        what: "look for the owner of",
        path: dir.path().join(file),
        source,
    })?;
    Ok(match life {
        OwnerState::Alive => true,
        OwnerState::Dead => false,
        OwnerState::Elsewhere => elsewhere(name),
    })
}

/// Removes what the dead left under names from which files change places: the file that was
/// to get an output's name, and one that had it, if `is_ours` knows it. Any other stays.
///
/// # Errors
/// When the directory or /proc cannot be read or a file not be removed.
pub fn clean_staged(
    dir: &Dir,
    is_live: &mut dyn FnMut(&TempName) -> bool,
    is_ours: &mut dyn FnMut(&Entry) -> bool,
) -> Result<Vec<OsString>, DirError> {
    let parsed = |file: OsString| {
        let text = file.to_str()?.strip_suffix(STAGED)?.strip_suffix('.')?;
        let (text, old) = text.rsplit_once('.')?;
        let (name, ino) = text.rsplit_once('.')?;
        let (name, ino) = (name.parse::<TempName>().ok()?, ino.parse::<u64>().ok()?);
        let old = replaceable(old)?;
        Some((file, name, ino, old))
    };
    let staged: Vec<_> = dir.names()?.into_iter().filter_map(parsed).collect();
    let new: BTreeSet<u64> = staged.iter().map(|(_, _, ino, _)| *ino).collect();
    let mut removed = Vec::new();
    for (file, name, _, old) in staged {
        let live = may_live(dir, &file, &name, is_live)?;
        let ours = dir.entry(&file)?.is_some_and(|entry| {
            // An attempt may have replaced what an earlier one had published, of which no journal
            // tells.
            let replaceable = entry.stat.same_but_for_ctime(&old);
            entry.kind == FileType::RegularFile
                && (new.contains(&entry.ino) || replaceable || is_ours(&entry))
        });
        if ours && !live {
            dir.remove(&file)?;
            removed.push(file);
        }
    }
    Ok(removed)
}

/// What [`clean_temps`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// Files of dead processes, removed.
    pub removed: Vec<OsString>,
    /// Files of live processes, left alone.
    pub live: Vec<OsString>,
    /// Names that are not those of temporary files, left alone.
    pub foreign: Vec<OsString>,
}

/// Removes the temporary files in `dir` that no live process owns.
///
/// Those of this machine are judged here. `is_live` is asked about the rest, owned by processes
/// that run or ran [elsewhere](OwnerState::Elsewhere): the caller knows from its locks and journals which
/// runs are still going on. In doubt it must say `true`.
///
/// # Errors
/// When the directory or /proc cannot be read or a file not be removed.
pub fn clean_temps(
    dir: &Dir,
    is_live: &mut dyn FnMut(&TempName) -> bool,
) -> Result<Cleaned, DirError> {
    let mut cleaned = Cleaned::default();
    for file in dir.names()? {
        let Some(name) = file.to_str().and_then(|text| text.parse::<TempName>().ok()) else {
            cleaned.foreign.push(file);
            continue;
        };
        let live = may_live(dir, &file, &name, is_live)?;
        if live {
            cleaned.live.push(file);
        } else if dir.entry(&file)?.is_some_and(|entry| entry.kind == FileType::RegularFile) {
            dir.remove(&file)?;
            cleaned.removed.push(file);
        } else {
            cleaned.foreign.push(file);
        }
    }
    Ok(cleaned)
}

/// Removes the temporary files of `run` in `dir` that dead processes of this machine made.
///
/// # Errors
/// As [`clean_temps`].
pub fn clean_run(dir: &Dir, run: &str) -> Result<Vec<OsString>, DirError> {
    let mut removed = Vec::new();
    for file in dir.names()? {
        let name = file.to_str().and_then(|text| text.parse::<TempName>().ok());
        let Some(name) = name.filter(|name| name.run() == run) else { continue };
        let ours = |entry: Entry| entry.kind == FileType::RegularFile;
        if !may_live(dir, &file, &name, &mut |_| true)? && dir.entry(&file)?.is_some_and(ours) {
            dir.remove(&file)?;
            removed.push(file);
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    proptest! {
        #[test]
        fn names_come_back(
            run in "[A-Za-z0-9_-]{1,64}",
            host in any::<u64>(),
            pid in any::<u32>(),
            start in any::<u64>(),
            number in any::<u64>(),
        ) {
            let name = TempName::new(&run, Owner { host, pid, start }, number).unwrap();
            prop_assert_eq!(name.to_string().parse::<TempName>().unwrap(), name);
        }

        #[test]
        fn other_names_do_not_parse(text in ".{0,60}") {
            if let Ok(name) = text.parse::<TempName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }

    #[test]
    fn runs_with_odd_names_are_refused() {
        let owner = Owner::myself().unwrap();
        for run in ["", "a.b", "a/b", "ä", &"x".repeat(65)] {
            assert!(TempName::new(run, owner, 1).is_err(), "{run}");
        }
        assert!("run.00.1.1.1.part".parse::<TempName>().is_err());
        assert!("output_00001.jld2".parse::<TempName>().is_err());
    }

    #[test]
    fn the_living_are_told_from_the_dead() {
        let me = Owner::myself().unwrap();
        assert_eq!(me.state().unwrap(), OwnerState::Alive);
        assert_eq!(Owner { start: me.start + 1, ..me }.state().unwrap(), OwnerState::Dead);
        assert_eq!(Owner { host: me.host ^ 1, ..me }.state().unwrap(), OwnerState::Elsewhere);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let start = start_of(pid).unwrap();
        child.wait().unwrap();
        let gone = Owner { pid, start: start.unwrap_or(1), ..me };
        assert_eq!(gone.state().unwrap(), OwnerState::Dead);
    }

    #[test]
    fn of_what_changed_places_only_our_own_is_removed() {
        use std::os::unix::fs::MetadataExt as _;
        let temp = tempfile::tempdir().unwrap();
        let me = Owner::myself().unwrap();
        let dead = Owner { start: me.start + 1, ..me };
        let place = Dir::open(temp.path()).unwrap();
        let put = |owner, n, own: bool, text: &str| {
            let name = TempName::new("run", owner, n).unwrap().to_string();
            fs::write(temp.path().join("x"), text).unwrap();
            let ino = fs::metadata(temp.path().join("x")).unwrap().ino();
            let old = StatData { ino: 1, size: 2, mtime_ns: -3, ctime_ns: 4 };
            let name = staged(OsStr::new(&name), if own { ino } else { 1 }, &old);
            fs::rename(temp.path().join("x"), temp.path().join(&name)).unwrap();
            name
        };
        let new = put(dead, 1, true, "what was to be published");
        let old = put(dead, 2, false, "an output of ours");
        let foreign = put(dead, 3, false, "theirs");
        let live = put(me, 4, true, "being published");
        // What was named as what may be replaced, and nobody touched since.
        let name = TempName::new("run", dead, 5).unwrap().to_string();
        fs::write(temp.path().join("x"), "published by an earlier attempt").unwrap();
        let stat = StatData::of(&fs::File::open(temp.path().join("x")).unwrap()).unwrap();
        let replaced = staged(OsStr::new(&name), 1, &stat);
        fs::rename(temp.path().join("x"), temp.path().join(&replaced)).unwrap();
        let touched = staged(OsStr::new(&name), 2, &stat);
        fs::write(temp.path().join(&touched), "another under its name").unwrap();
        let other = OsString::from("notes.1.replaced");
        fs::write(temp.path().join(&other), "x").unwrap();
        let mut is_ours = |entry: &Entry| entry.len == "an output of ours".len() as u64;
        let removed = clean_staged(&place, &mut |_| true, &mut is_ours).unwrap();
        let mut removed = removed;
        removed.sort();
        let mut ours = vec![new, old, replaced];
        ours.sort();
        assert_eq!(removed, ours);
        let mut left = vec![foreign, live, other, touched];
        left.sort();
        assert_eq!(place.names().unwrap(), left);
        // Nor does the usual cleaning touch it.
        assert_eq!(clean_temps(&place, &mut |_| false).unwrap().removed, [""; 0]);
    }

    #[test]
    fn only_what_the_dead_left_is_removed() {
        let temp = tempfile::tempdir().unwrap();
        let me = Owner::myself().unwrap();
        let dead = Owner { start: me.start + 1, ..me };
        let afar = Owner { host: me.host ^ 1, ..me };
        let name = |run: &str, owner, n| TempName::new(run, owner, n).unwrap().to_string();
        let [mine, left, going, over, dir] = [
            name("run", me, 1),
            name("run", dead, 2),
            name("going", afar, 3),
            name("over", afar, 4),
            name("run", dead, 5),
        ];
        for file in [&mine, &left, &going, &over, &"notes.txt".to_owned()] {
            fs::write(temp.path().join(file), b"x").unwrap();
        }
        fs::create_dir(temp.path().join(&dir)).unwrap();

        let place = Dir::open(temp.path()).unwrap();
        let mut cleaned = clean_temps(&place, &mut |name| name.run() == "going").unwrap();
        cleaned.removed.sort();
        cleaned.live.sort();
        let sorted = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.into_iter().map(OsString::from).collect::<Vec<_>>()
        };
        assert_eq!(cleaned.removed, sorted(vec![&left, &over]));
        assert_eq!(cleaned.live, sorted(vec![&mine, &going]));
        cleaned.foreign.sort();
        assert_eq!(cleaned.foreign, sorted(vec!["notes.txt", &dir]));
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 4);
    }
}
