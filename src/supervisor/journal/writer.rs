//! Runs the thread that touches the output's file system on the supervisor's behalf, so that a disk
//! that is slow, full or gone does not keep the supervisor from its work.
//!
//! Lines that arrive while an earlier batch is synced form the next batch: one sync for all.

use super::record::Line;
use crate::supervisor::task::Chore;
use crate::supervisor::trace::journal_written;
use crate::sys::dir::Dir;
use crate::sys::file::end_line;
use crate::sys::file::is_full;
use crate::sys::file_system;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A journal that could not be written to is tried again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a line may wait for others, so that one sync serves many: so many times what the last
/// sync took, within bounds. A journal's sync makes the file system write what the workers wrote,
/// too; so many small files would spend their time waiting for each other. What a crash costs is a
/// second look at the outputs of that time.
const LINGER: u32 = 50;
const SHORTEST_LINGER: Duration = Duration::from_millis(10);
const LONGEST_LINGER: Duration = Duration::from_millis(500);

/// What the journal writer is asked to do.
#[derive(Debug)]
pub(in crate::supervisor) enum Task {
    /// Write lines; of those with a number, tell when they are safe.
    Write(Vec<(Line, Option<u64>)>),
    /// Tell that all that was asked for before was taken.
    Taken(Sender<()>),
    /// Do not wait for more lines.
    Hurry,
    /// Remove the temporary file of that name, which a killed worker left.
    Remove(String),
    /// Put something right for a task.
    Do(Chore),
    /// Look whether the output's file system has so many bytes left.
    CheckSpace(u64),
    /// Look whether the output directory is still what it was.
    CheckPlace,
    /// Write what can be written and tell.
    Close,
}

/// What the journal writer tells.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::supervisor) enum Written {
    /// The lines with these numbers are safe.
    Safe(Vec<u64>),
    /// The journal cannot be written to; it is tried again.
    Trouble(String),
    /// Whether there is enough space.
    Space(bool),
    /// The output directory is not there any more, or another one is.
    PlaceGone(String),
    /// Nothing comes any more.
    Closed,
}

/// How long a line stays in the handle, so that the thread is not woken for each.
const HELD: Duration = Duration::from_millis(20);

/// A handle to the thread. The thread ends when it is dropped.
#[derive(Debug)]
pub(in crate::supervisor) struct JournalWriter {
    tasks: Sender<Task>,
    /// Lines that the thread was not told of.
    held: Vec<(Line, Option<u64>)>,
    /// When the first of them came.
    since: Instant,
}

impl JournalWriter {
    /// Starts the thread. `place` is the output directory; `journal` was opened for reading and
    /// writing and comes with the directory of temporary files; who writes nothing has neither.
    ///
    /// # Errors
    /// The directory cannot be looked at, or there is no thread left.
    pub(in crate::supervisor) fn start(
        journal: Option<(File, Dir)>,
        place: &Path,
        tell: impl Fn(Written) + Send + 'static,
    ) -> io::Result<Self> {
        let (tasks, inbox) = channel();
        let thread_state = WriterThread {
            inbox,
            journal,
            identity: identity(place)?,
            place: place.to_owned(),
            lines: Vec::new(),
            numbers: Vec::new(),
            troubled: false,
            ragged: true,
            linger: SHORTEST_LINGER,
            tell: Box::new(tell),
        };
        let span = tracing::Span::current();
        std::thread::Builder::new().name("journal_writer".into()).spawn(move || {
            let _inside = span.enter();
            let mut thread_state = thread_state;
            if catch_unwind(AssertUnwindSafe(|| thread_state.work())).is_err() {
                (thread_state.tell)(Written::Trouble(
                    "internal error in the journal's thread".into(),
                ));
            }
            (thread_state.tell)(Written::Closed);
        })?;
        Ok(Self { tasks, held: Vec::new(), since: Instant::now() })
    }

    /// Asks for something, after all that was asked for before.
    pub(in crate::supervisor) fn ask(&mut self, task: Task) {
        self.send(true);
        // A journal writer that is gone has said so.
        let _ = self.tasks.send(task);
    }

    /// Has a line written, soon ([`Self::send`]); with a number, it is told when it is safe.
    pub(in crate::supervisor) fn write(&mut self, line: Line, number: Option<u64>) {
        if self.held.is_empty() {
            self.since = Instant::now();
        }
        self.held.push((line, number));
    }

    /// How long until [`Self::send`] has something to send.
    pub(in crate::supervisor) fn due(&self) -> Option<Duration> {
        (!self.held.is_empty()).then(|| HELD.saturating_sub(self.since.elapsed()))
    }

    /// Tells the thread of all lines and waits until it has taken them, so that who has very many does
    /// not pile them up.
    pub(in crate::supervisor) fn hand_over(&mut self) {
        let (sender, taken) = channel();
        self.ask(Task::Taken(sender));
        // A thread that is gone has said so.
        let _ = taken.recv();
    }

    /// Tells the thread of lines that have waited long enough; with `now`, of all.
    pub(in crate::supervisor) fn send(&mut self, now: bool) {
        if !self.held.is_empty() && (now || self.since.elapsed() >= HELD) {
            let _ = self.tasks.send(Task::Write(std::mem::take(&mut self.held)));
        }
    }
}

/// Bytes of lines that wait for no others.
const MANY: usize = 4 << 20;

fn identity(place: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::metadata(place)?;
    Ok((meta.dev(), meta.ino()))
}

/// When lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Then {
    /// When no more come.
    Wait,
    Now,
    /// Now, and nothing comes after.
    Close,
}

struct WriterThread {
    inbox: Receiver<Task>,
    /// Without one nothing is written.
    journal: Option<(File, Dir)>,
    place: PathBuf,
    identity: (u64, u64),
    /// Bytes of lines that are not safe yet.
    lines: Vec<u8>,
    numbers: Vec<u64>,
    troubled: bool,
    /// The last line may not have its end.
    ragged: bool,
    /// How long a line waits for others.
    linger: Duration,
    tell: Box<dyn Fn(Written) + Send>,
}

impl WriterThread {
    fn work(&mut self) {
        loop {
            let first = if self.troubled {
                self.inbox.recv_timeout(AGAIN)
            } else {
                self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let mut then = match first {
                Ok(task) => self.take(task),
                Err(RecvTimeoutError::Timeout) => Then::Now,
                Err(RecvTimeoutError::Disconnected) => Then::Close,
            };
            let until = Instant::now() + self.linger;
            while then == Then::Wait && !(self.lines.is_empty() && self.numbers.is_empty()) {
                let left = until.saturating_duration_since(Instant::now());
                then = match self.inbox.recv_timeout(left) {
                    Ok(task) => self.take(task),
                    Err(RecvTimeoutError::Timeout) => Then::Now,
                    Err(RecvTimeoutError::Disconnected) => Then::Close,
                };
            }
            while then != Then::Close
                && let Ok(task) = self.inbox.try_recv()
            {
                then = then.max(self.take(task));
            }
            self.flush();
            if then == Then::Close {
                return;
            }
        }
    }

    fn take(&mut self, task: Task) -> Then {
        match task {
            Task::Write(lines) => {
                for (line, number) in lines {
                    // Where there is no journal, lines only wait for their turn.
                    if self.journal.is_some()
                        && let Some(bytes) = line.to_bytes()
                    {
                        self.lines.extend_from_slice(&bytes);
                    }
                    self.numbers.extend(number);
                }
                // What cannot be written is tried again in its own time.
                if self.lines.len() >= MANY && !self.troubled {
                    return Then::Now;
                }
            }
            // Who asked may be gone.
            Task::Taken(sender) => {
                let _ = sender.send(());
            }
            Task::Remove(name) => {
                // What is not there need not be removed, and what cannot be is swept by the next
                // run.
                if let Some((_, temps)) = &self.journal {
                    let _ = temps.remove(OsStr::new(&name));
                }
            }
            Task::Do(chore) => {
                if let Err(message) = (chore.0)() {
                    (self.tell)(Written::Trouble(message));
                }
            }
            Task::CheckSpace(needed) => (self.tell)(Written::Space(self.has_space(needed))),
            Task::CheckPlace => {
                let gone = match identity(&self.place) {
                    Ok(now) if now == self.identity => return Then::Wait,
                    Ok(_) => "another directory is in its place".to_owned(),
                    Err(error) => error.to_string(),
                };
                (self.tell)(Written::PlaceGone(format!("{}: {gone}", self.place.display())));
            }
            Task::Hurry => return Then::Now,
            Task::Close => return Then::Close,
        }
        Then::Wait
    }

    fn has_space(&self, needed: u64) -> bool {
        file_system::free(&self.place).is_ok_and(|free| free >= needed)
    }

    /// Writes and syncs what is there. What cannot be written stays.
    fn flush(&mut self) {
        if self.lines.is_empty() && self.numbers.is_empty() {
            return;
        }
        let begin = Instant::now();
        let written = self.append();
        if self.journal.is_some() {
            let (bytes, records) = (self.lines.len(), self.numbers.len());
            journal_written(bytes, records, begin.elapsed(), written.as_ref().err());
        }
        self.linger = (begin.elapsed() * LINGER).clamp(SHORTEST_LINGER, LONGEST_LINGER);
        self.ragged = written.is_err();
        match written {
            Ok(()) => {
                self.lines.clear();
                self.troubled = false;
                (self.tell)(Written::Safe(std::mem::take(&mut self.numbers)));
            }
            Err(error) => {
                if !std::mem::replace(&mut self.troubled, true) {
                    let why =
                        if is_full(&error) { "the disk is full" } else { "it is tried again" };
                    (self.tell)(Written::Trouble(format!(
                        "cannot write the journal: {error} ({why})"
                    )));
                }
            }
        }
    }

    /// Appends whole lines. What was torn of an earlier one, by a crash or a full disk, is closed
    /// first.
    fn append(&mut self) -> io::Result<()> {
        let Some((journal, _)) = &mut self.journal else { return Ok(()) };
        if self.ragged {
            end_line(journal)?;
        } else {
            journal.seek(SeekFrom::End(0))?;
        }
        journal.write_all(&self.lines)?;
        if syncs() { journal.sync_data() } else { Ok(()) }
    }
}

/// Always, but where builds with faults measure what syncs cost.
fn syncs() -> bool {
    !(cfg!(feature = "fault") && std::env::var_os("BENCH_JOURNAL").is_some_and(|v| v == "nosync"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::journal::record::{Fingerprint, JobLine};
    use crate::supervisor::record::{JobOutcome, JobRecord};

    fn line(name: &str, number: u64) -> Task {
        let line = Line::Job(Box::new(JobLine {
            run_id: "r".into(),
            at: "t".into(),
            input: Fingerprint { path: name.into(), size: 0, mtime_ns: 0, stat: None },
            claim: None,
            record: JobRecord::bare(name, None, JobOutcome::Converted, 0),
        }));
        Task::Write(vec![(line, Some(number))])
    }

    struct Fixture {
        dir: tempfile::TempDir,
        journal_writer: JournalWriter,
        told: Receiver<Written>,
    }

    fn place(text: &str) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::write(&path, text).unwrap();
        let file = File::options().read(true).write(true).open(path).unwrap();
        let (sender, told) = channel();
        let temps = Dir::open(dir.path()).unwrap();
        let journal_writer =
            JournalWriter::start(Some((file, temps)), dir.path(), move |written| {
                let _ = sender.send(written);
            });
        Fixture { dir, journal_writer: journal_writer.unwrap(), told }
    }

    #[test]
    fn every_line_is_safe_in_the_end_and_a_torn_one_is_closed() {
        let Fixture { dir, mut journal_writer, told } = place("{\"torn");
        for number in 0..500 {
            journal_writer.ask(line(&number.to_string(), number));
        }
        journal_writer.ask(Task::Close);
        let mut safe = Vec::new();
        let mut batches = 0;
        for written in told {
            match written {
                Written::Safe(numbers) => {
                    batches += 1;
                    safe.extend(numbers);
                }
                Written::Closed => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(safe, (0..500).collect::<Vec<_>>());
        assert!(batches < 500, "lines that wait are synced together");
        let text = fs::read_to_string(dir.path().join("journal")).unwrap();
        assert_eq!(text.lines().count(), 501);
        assert_eq!(text.lines().next(), Some("{\"torn"));
        assert!(text.lines().skip(1).all(|line| serde_json::from_str::<Line>(line).is_ok()));
    }

    #[test]
    fn space_and_place_are_looked_at() {
        let Fixture { dir, mut journal_writer, told } = place("");
        journal_writer.ask(Task::CheckSpace(1));
        assert_eq!(told.recv().unwrap(), Written::Space(true));
        journal_writer.ask(Task::CheckSpace(u64::MAX));
        assert_eq!(told.recv().unwrap(), Written::Space(false));
        let rest = dir.path().join("rest");
        fs::write(&rest, "x").unwrap();
        journal_writer.ask(Task::CheckPlace);
        journal_writer.ask(Task::Remove("rest".into()));
        journal_writer.ask(Task::CheckSpace(1));
        assert_eq!(told.recv().unwrap(), Written::Space(true), "the place is there");
        assert!(!rest.exists());
        drop(dir);
        journal_writer.ask(Task::CheckPlace);
        assert!(matches!(told.recv().unwrap(), Written::PlaceGone(_)));
    }

    #[test]
    fn a_full_disk_keeps_lines_until_there_is_space() {
        // /dev/full takes no byte, ever.
        let file = File::options().read(true).write(true).open("/dev/full").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (sender, told) = channel();
        let temps = Dir::open(dir.path()).unwrap();
        let journal_writer =
            JournalWriter::start(Some((file, temps)), dir.path(), move |written| {
                let _ = sender.send(written);
            });
        let mut journal_writer = journal_writer.unwrap();
        journal_writer.ask(line("x", 1));
        assert!(matches!(told.recv().unwrap(), Written::Trouble(_)));
        journal_writer.ask(Task::Close);
        assert_eq!(told.recv().unwrap(), Written::Closed, "it does not wait for ever");
    }
}
