//! Finds out what a file system can do, by doing it there.

use super::Checkup;
use crate::sys::copy::{CopyMethod, copy_file};
use crate::sys::{note, random};
use rustix::fs::{FlockOperation, RenameFlags};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

type Try = fn(&Probe, &mut Checkup, &str, bool) -> io::Result<()>;

/// A directory to try things in; it is removed again.
pub(super) struct Probe(PathBuf);

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Probe {
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        let name = format!(".jldconv-doctor-{:016x}", u64::from_ne_bytes(random::bytes()?));
        let path = parent.join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn file(&self, name: &str) -> io::Result<File> {
        let mut file = File::create_new(self.0.join(name))?;
        file.write_all(&[b'j'; 8192])?;
        Ok(file)
    }

    pub(super) fn run(&self, checkup: &mut Checkup, shared: bool) {
        let tries: [(&str, Try); 6] = [
            ("output: writing", Self::write),
            ("output: rename", Self::rename),
            ("output: locks", Self::locks),
            ("output: exchange", Self::exchange),
            ("output: shared blocks", Self::clone),
            ("output: attributes", Self::attributes),
        ];
        for (what, attempt) in tries {
            if let Err(error) = attempt(self, checkup, what, shared) {
                checkup.problem(what, error.to_string(), "the run would meet the same");
            }
        }
    }

    fn write(&self, checkup: &mut Checkup, what: &str, _: bool) -> io::Result<()> {
        let file = self.file("written")?;
        file.sync_all()?;
        File::open(&self.0)?.sync_all()?;
        checkup.ok(what, "files can be made, written and synced");
        Ok(())
    }

    fn rename(&self, checkup: &mut Checkup, what: &str, _: bool) -> io::Result<()> {
        self.file("new")?;
        self.file("taken")?;
        let dir = File::open(&self.0)?;
        let free =
            |name: &str| rustix::fs::renameat_with(&dir, "new", &dir, name, RenameFlags::NOREPLACE);
        match free("taken") {
            Err(Errno::EXIST) => {
                free("free")?;
                checkup.ok(what, "in one step, and never over another file");
            }
            Ok(()) => {
                let advice =
                    "a file system that keeps its promises: a file of that name was replaced";
                checkup.problem(what, "a rename that must not replace has replaced", advice);
            }
            Err(_) if fs::hard_link(self.0.join("new"), self.0.join("linked")).is_ok() => {
                checkup.ok(what, "by a second name, and never over another file");
            }
            Err(_) => {
                let advice = "let no other program write there during a run";
                checkup.note(what, "looking for the name and taking it are two steps", advice);
            }
        }
        Ok(())
    }

    fn locks(&self, checkup: &mut Checkup, what: &str, shared: bool) -> io::Result<()> {
        let first = self.file("lock")?;
        let second = File::open(self.0.join("lock"))?;
        let lock = |file| rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive);
        match (lock(&first), lock(&second)) {
            (Ok(()), Err(Errno::WOULDBLOCK)) if shared => checkup.ok(
                what,
                "kept on this machine; between machines they hold if the file system is mounted so",
            ),
            (Ok(()), Err(Errno::WOULDBLOCK)) => {
                checkup.ok(what, "two runs keep out of each other's way");
            }
            _ => checkup.note(
                what,
                "the file system has none: two runs of the same shard are not kept apart",
                "start one run at a time, or mount with flock (Lustre: -o flock)",
            ),
        }
        Ok(())
    }

    fn exchange(&self, checkup: &mut Checkup, what: &str, _: bool) -> io::Result<()> {
        self.file("one")?;
        self.file("two")?;
        let dir = File::open(&self.0)?;
        match rustix::fs::renameat_with(&dir, "one", &dir, "two", RenameFlags::EXCHANGE) {
            Ok(()) => {
                checkup.ok(what, "an output made again takes the old one's place in one step");
            }
            Err(_) => {
                checkup.ok(what, "not here: an output made again is renamed over the old one");
            }
        }
        Ok(())
    }

    fn clone(&self, checkup: &mut Checkup, what: &str, _: bool) -> io::Result<()> {
        let (from, to) = (self.file("from")?, File::create_new(self.0.join("to"))?);
        let copied = copy_file(&from, &to, 8192, &mut |_| ControlFlow::Continue(()));
        match copied.map_err(io::Error::other)? {
            CopyMethod::Clone => {
                checkup.ok(what, "yes: a patched copy takes milliseconds and little space");
            }
            _ => checkup.ok(what, "no: a copy takes the time and space of its bytes"),
        }
        Ok(())
    }

    fn attributes(&self, checkup: &mut Checkup, what: &str, _: bool) -> io::Result<()> {
        let file = self.file("noted")?;
        if note::write(&file, &self.0)? {
            checkup.ok(what, "yes: with --backup-dir a file tells where its undo file is");
        } else {
            let advice = "in place with --backup-dir, give the same directory to each command";
            checkup.note(what, "none: a file cannot tell where its undo file is", advice);
        }
        Ok(())
    }
}
