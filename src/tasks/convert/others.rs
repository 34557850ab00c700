//! Takes files along that are not JLD2, so that the outputs' directory can take the archive's place.
//!
//! Each is copied, or linked, as an output is made: beside the others under a temporary name, synced,
//! then given its name in one step, with the owner, permissions and times of the original. What has
//! its name already is left as it is, unless the list of what was taken along before says that it is
//! this program's own and nobody changed it.

use crate::convert::publish::{Destination, Existing, PublishError, Sealed, TempFile};
use crate::convert::temp::{Owner, TempName};
use crate::supervisor::control::{Command, Control, unasked};
use crate::supervisor::journal::Lines;
use crate::supervisor::mirror;
use crate::supervisor::run_dir::RunDir;
use crate::supervisor::signals::{Asked, Listening};
use crate::supervisor::{
    LiveHandle, Others, OthersSummary, Reporter, RunError, RunEvent, Settings, TakingAlong,
};
use crate::sys::buffer::with_buffer;
use crate::sys::copy::{CopyError, copy_file};
use crate::sys::dir::{Dir, DirError, Missing};
use crate::sys::file::Identity;
use crate::sys::origin::Origin;
use crate::sys::stat::StatData;
use rustix::fs::{FileType, OFlags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the names of the lists begin with, one list for each shard.
const LIST: &str = "others";
/// Longest line of a list in bytes.
const LINE_MAX: u64 = 64 << 10;
/// After so many files the list is synced.
const AT_ONCE: u64 = 100;
/// Temporary files are numbered from here: those of outputs begin at 1.
const FIRST: u64 = 1 << 40;
/// So many files are named that could not be taken along.
const NAMED: u64 = 10;
/// How often whoever reads along hears of how far it is.
const TELL: Duration = Duration::from_millis(500);

/// A file that was taken along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    /// Its path below both directories.
    name: String,
    input: StatData,
    output: StatData,
}

/// What became of one file; where the list is to say so, with its line.
enum Fate {
    Copied(u64, Option<Taken>),
    Linked(Option<Taken>),
    There(Option<Taken>),
    /// It is neither a file nor a link.
    Odd,
}

/// Why a file was not taken along.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("left as it is: {0}")]
    Conflict(&'static str),
    #[error("{0}; --others copy makes a copy")]
    Link(PublishError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it changed while it was copied")]
    Changed,
}

impl From<DirError> for Trouble {
    fn from(error: DirError) -> Self {
        Self::Publish(error.into())
    }
}

/// Takes this shard's part of the files `names` along, as the settings say. A signal ends it in order, and
/// so does an order from another process; the next run goes on.
///
/// # Errors
/// It cannot begin. What cannot be taken along is counted, and told to `reporter`.
pub(super) fn take_along(
    place: &RunDir,
    settings: &Settings,
    run_id: &str,
    names: &[OsString],
    (live, reporter): (&LiveHandle, &mut dyn Reporter),
) -> Result<OthersSummary, RunError> {
    let setup = |what| move |source| RunError::Setup { what, source };
    let part: Vec<&OsString> = settings.shard.deal(names).collect();
    let mut telling = Telling::new(part.len() as u64, live, reporter);
    let asked = Arc::new(AtomicBool::new(false));
    let (heard, ending) = (Arc::clone(&asked), live.clone());
    let _listening = Listening::start(settings.drain_on_usr1, move |what| {
        if let Asked::End(signal) = what {
            ending.ends(&signal);
            heard.store(true, Ordering::Relaxed);
        }
    })
    .map_err(setup("listen to signals"))?;
    let (heard, ending) = (Arc::clone(&asked), live.clone());
    let order = move |command| {
        let (Command::Drain(why) | Command::Stop(why)) = command;
        ending.ends(&why);
        heard.store(true, Ordering::Relaxed);
    };
    let control = Control::start(place.own()?, settings.shard, run_id, live.clone(), order);
    if let Err(error) = &control {
        telling.warn(unasked(error));
    }
    let own = place.own()?;
    let name = list_name(settings);
    let mut taking = Taking {
        settings,
        temps: place.temps()?,
        temp_dir: place.temp_dir.clone(),
        known: known(&own)?,
        list: place.list(OsStr::new(&name))?,
        owner: Owner::myself().map_err(setup("know this process"))?,
        run_id,
        number: FIRST,
        asked: &asked,
    };
    let texts: Vec<_> = part.iter().map(|name| name.to_string_lossy()).collect();
    let (input, output) = (&settings.input_dir, &settings.output_dir);
    if mirror::make(input, output, texts.iter().map(AsRef::as_ref)).is_err() {
        // One directory that cannot be made costs what is in it, which is told file by file.
        for text in &texts {
            let _ = mirror::make(input, output, std::iter::once(text.as_ref()));
        }
    }
    let mut summary = OthersSummary::default();
    for (done, name) in part.iter().enumerate() {
        if asked.load(Ordering::Relaxed) {
            summary.pending = (part.len() - done) as u64;
            break;
        }
        let noted = match taking.one(name, &mut |bytes| telling.copying(bytes)) {
            Ok(Fate::Copied(bytes, taken)) => {
                summary.copied += 1;
                summary.bytes = summary.bytes.saturating_add(bytes);
                taken
            }
            Ok(Fate::Linked(taken)) => {
                summary.linked += 1;
                taken
            }
            Ok(Fate::There(taken)) => {
                summary.there += 1;
                taken
            }
            Ok(Fate::Odd) => {
                summary.odd += 1;
                None
            }
            Err(Trouble::Copy(CopyError::Stopped { .. })) => {
                summary.pending = (part.len() - done) as u64;
                break;
            }
            Err(trouble) => {
                summary.failed += 1;
                if summary.failed <= NAMED {
                    telling.warn(format!("{}: {trouble}", name.to_string_lossy()));
                }
                None
            }
        };
        if let Some(taken) = &noted {
            taking.note(taken, done as u64 + 1).map_err(setup("keep a list"))?;
        }
        telling.through(done as u64 + 1, summary.bytes);
    }
    taking.list.sync_data().map_err(setup("keep a list"))?;
    Ok(summary)
}

/// Tells how far it is: those who ask at once, those who read along now and then.
struct Telling<'a> {
    taking: TakingAlong,
    /// Bytes of files that are through.
    copied: u64,
    told: Instant,
    live: &'a LiveHandle,
    reporter: &'a mut dyn Reporter,
}

impl<'a> Telling<'a> {
    fn new(files: u64, live: &'a LiveHandle, reporter: &'a mut dyn Reporter) -> Self {
        let taking = TakingAlong { files, ..TakingAlong::default() };
        let mut telling = Self { taking, copied: 0, told: Instant::now(), live, reporter };
        if files > 0 {
            telling.tell();
        }
        telling
    }

    fn through(&mut self, done: u64, bytes: u64) {
        (self.taking.done, self.copied) = (done, bytes);
        self.copying(0);
    }

    /// So many bytes of the next file are copied.
    fn copying(&mut self, bytes: u64) {
        // What an attempt at a file copied that failed counts no more, but is not taken from sight.
        let copied = self.copied.saturating_add(bytes);
        self.taking.bytes = self.taking.bytes.max(copied);
        self.live.note(&RunEvent::TakingAlong(self.taking));
        if self.told.elapsed() >= TELL {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.told = Instant::now();
        let event = RunEvent::TakingAlong(self.taking);
        self.live.note(&event);
        self.reporter.event(&event);
    }

    fn warn(&mut self, message: String) {
        self.reporter.event(&RunEvent::Warning { message });
    }
}

fn list_name(settings: &Settings) -> String {
    let shard = settings.shard;
    if shard.is_whole() {
        format!("{LIST}.jsonl")
    } else {
        format!("{LIST}-{}-of-{}.jsonl", shard.index, shard.count)
    }
}

/// What was taken along before, by name. Lines that are torn or not understood do not count.
fn known(own: &Dir) -> Result<BTreeMap<String, Taken>, RunError> {
    let mut known = BTreeMap::new();
    for name in own.names()? {
        let text = name.to_string_lossy();
        if !text.starts_with(LIST) || !text.ends_with(".jsonl") {
            continue;
        }
        let mut lines = Lines::new(BufReader::new(own.open_file(&name, false)?), LINE_MAX);
        while let Ok(Some((_, line))) = lines.read() {
            if let Ok(taken) = serde_json::from_slice::<Taken>(line) {
                known.insert(taken.name.clone(), taken);
            }
        }
    }
    Ok(known)
}

struct Taking<'a> {
    settings: &'a Settings,
    temps: Dir,
    temp_dir: PathBuf,
    known: BTreeMap<String, Taken>,
    list: File,
    owner: Owner,
    run_id: &'a str,
    number: u64,
    /// Whether the run is to end.
    asked: &'a AtomicBool,
}

impl Taking<'_> {
    /// Takes one file along; `copied` hears how many bytes of it are there.
    fn one(&mut self, name: &OsStr, copied: &mut dyn FnMut(u64)) -> Result<Fate, Trouble> {
        let input = self.settings.input_dir.join(name);
        let output = self.settings.output_dir.join(name);
        let to = Destination::of(&output, &self.temp_dir, Missing::Fail)?;
        let kind = fs::symlink_metadata(&input)?.file_type();
        self.number += 1;
        let temp = TempName::new(self.run_id, self.owner, self.number);
        let temp = temp.map_or_else(|_| format!("{}.part", self.number), |name| name.to_string());
        if kind.is_symlink() {
            return self.link_again(name, &input, &to, temp.as_ref());
        }
        if !kind.is_file() {
            return Ok(Fate::Odd);
        }
        // What was put in its place since must neither be followed nor hold us up.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(&input)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Ok(Fate::Odd);
        }
        let (identity, stat) = (Identity::of(&file)?, StatData::of(&file)?);
        let existing = match to.entry()? {
            None => Existing::Keep,
            Some(entry) if (entry.dev, entry.ino) == (meta.dev(), meta.ino()) => {
                let known = self.known_of(name).is_some_and(|known| known.output == entry.stat);
                return Ok(Fate::There(taken(name, stat, entry.stat).filter(|_| !known)));
            }
            Some(entry) if entry.kind != FileType::RegularFile => {
                return Err(Trouble::Conflict("something else has its name there"));
            }
            Some(entry) => match self.known_of(name).filter(|known| known.is_still(&entry.stat)) {
                Some(known) if known.input == stat => return Ok(Fate::There(None)),
                Some(_) => Existing::Replace(entry.stat),
                None if same_bytes(&file, &to.open_there()?)? => return Ok(Fate::There(None)),
                None => return Err(Trouble::Conflict("another file has its name there")),
            },
        };
        if self.settings.others == Others::Link {
            let sealed = Sealed::link(&self.temps, temp.as_ref(), &input, &file);
            let output = sealed.map_err(Trouble::Link)?.publish(&to, &identity, &existing)?;
            // One more name: what the file is now.
            return Ok(Fate::Linked(taken(name, StatData::of(&file)?, output)));
        }
        let made = TempFile::create(&self.temps, temp.as_ref())?;
        let mut go_on = |bytes| {
            copied(bytes);
            let ends = self.asked.load(Ordering::Relaxed);
            if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        copy_file(&file, made.file(), identity.len, &mut go_on)?;
        let sealed = made.seal(&Origin::of(&file)?)?;
        if Identity::of(&file)? != identity || sealed.file().metadata()?.len() != identity.len {
            return Err(Trouble::Changed);
        }
        let output = sealed.publish(&to, &identity, &existing)?;
        Ok(Fate::Copied(identity.len, taken(name, stat, output)))
    }

    fn known_of(&self, name: &OsStr) -> Option<&Taken> {
        self.known.get(name.to_str()?)
    }

    /// Makes a symbolic link to the same text.
    fn link_again(
        &self,
        name: &OsStr,
        input: &Path,
        to: &Destination,
        temp: &OsStr,
    ) -> Result<Fate, Trouble> {
        let target = fs::read_link(input)?;
        match to.entry()? {
            None => to.make_link(&target)?,
            Some(entry) if entry.kind != FileType::Symlink => {
                return Err(Trouble::Conflict("something else has its name there"));
            }
            Some(_) if fs::read_link(to.path())? == target => return Ok(Fate::There(None)),
            Some(entry) if self.known_of(name).is_some_and(|known| known.output == entry.stat) => {
                to.replace_link(&target, &entry.stat, (&self.temps, temp))?;
            }
            Some(_) => return Err(Trouble::Conflict("another link has its name there")),
        }
        let looked = |path: &Path| Ok::<_, io::Error>(StatData::entry(path)?.map(|it| it.0));
        let both = looked(input)?.zip(looked(&to.path())?);
        Ok(Fate::Linked(both.and_then(|(input, output)| taken(name, input, output))))
    }

    /// Notes what was taken along, the `count`th file.
    fn note(&mut self, taken: &Taken, count: u64) -> io::Result<()> {
        let mut line = serde_json::to_vec(taken)?;
        line.push(b'\n');
        self.list.write_all(&line)?;
        if count.is_multiple_of(AT_ONCE) { self.list.sync_data() } else { Ok(()) }
    }
}

impl Taken {
    /// Whether what is there, of which `stat` tells this, is what was made, and nobody changed it.
    fn is_still(&self, stat: &StatData) -> bool {
        // Of a file with two names the other one may have gone to another file since.
        let linked = self.input.ino == self.output.ino;
        self.output == *stat || linked && self.output.same_but_for_ctime(stat)
    }
}

/// The line for a file of a name that is text.
fn taken(name: &OsStr, input: StatData, output: StatData) -> Option<Taken> {
    Some(Taken { name: name.to_str()?.to_owned(), input, output })
}

fn same_bytes(a: &File, b: &File) -> io::Result<bool> {
    let len = a.metadata()?.len();
    if b.metadata()?.len() != len {
        return Ok(false);
    }
    with_buffer(|buffer| {
        let half = buffer.len() / 2;
        let (left, right) = buffer.split_at_mut(half);
        let mut at = 0;
        while at < len {
            let count = usize::try_from(len - at).unwrap_or(half).min(half);
            let ((left, _), (right, _)) = (left.split_at_mut(count), right.split_at_mut(count));
            a.read_exact_at(left, at)?;
            b.read_exact_at(right, at)?;
            if left != right {
                return Ok(false);
            }
            at += count as u64;
        }
        Ok(true)
    })?
}
