//! Looks at where an archive lies and where its outputs go. What the outputs' file system can do is
//! found out by doing it there.

use super::Checkup;
use crate::archive::{Archive, discover};
use crate::sys::copy::{CopyMethod, copy_file};
use crate::sys::file_system::FileSystem;
use crate::sys::note;
use crate::sys::random;
use crate::text;
use rustix::fs::{FlockOperation, RenameFlags};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Lists the archive; gives the bytes of its files.
pub(super) fn input(checkup: &mut Checkup, dir: &Path, prefix: &str) -> Option<u64> {
    let name = text::path(dir);
    let found = match discover(dir, prefix) {
        Ok(found) => found,
        Err(error) => {
            checkup.problem("input", error.to_string(), "an existing directory that you may read");
            return None;
        }
    };
    match FileSystem::of(dir) {
        Ok(system) => checkup.ok("input: file system", format!("{} ({name})", kind(&system))),
        Err(error) => checkup.note("input: file system", format!("{name}: {error}"), ""),
    }
    files(checkup, &found, prefix);
    Some(found.files.iter().map(|file| file.bytes).sum())
}

fn files(checkup: &mut Checkup, found: &Archive, prefix: &str) {
    let what = "input: files";
    let count = found.files.len() as u64;
    let bytes: u64 = found.files.iter().map(|file| file.bytes).sum();
    let told = format!("{}, {}", text::count(count, "file"), text::bytes(bytes));
    if count == 0 {
        let found = format!("no {prefix}NNNNN.jld2");
        checkup.problem(what, found, "--prefix names files otherwise; is it another directory?");
        return;
    }
    if let Some(file) = found.files.iter().find(|file| file.obstacle.is_some()) {
        let obstacle = file.obstacle.as_ref().map_or_else(String::new, ToString::to_string);
        checkup.problem(what, format!("{told}; {}: {obstacle}", file.name), "such files will fail");
        return;
    }
    let closed = found.files.iter().find_map(|file| Some((file, File::open(&file.path).err()?)));
    if let Some((file, error)) = closed {
        let advice = "rights for all files; such files will fail";
        checkup.problem(what, format!("{told}; cannot open {}: {error}", file.name), advice);
        return;
    }
    checkup.ok(what, told);
}

/// Tries the place of the outputs, which need not exist yet. `bytes` is what will come there.
pub(super) fn output(checkup: &mut Checkup, dir: &Path, bytes: Option<u64>) {
    // Not there yet: what it will be made in.
    let Some(there) = dir.ancestors().find_map(existing) else {
        checkup.problem("output", format!("{} and all above it are missing", text::path(dir)), "");
        return;
    };
    let system = match FileSystem::of(&there) {
        Ok(system) => system,
        Err(error) => {
            let found = format!("{}: {error}", text::path(&there));
            checkup.problem("output", found, "an existing directory that you may write to");
            return;
        }
    };
    let name = text::path(&there);
    if system.memory {
        let advice = "outputs will be lost when the machine restarts, and take memory from the run";
        checkup.note("output: file system", format!("{} ({name})", kind(&system)), advice);
    } else {
        checkup.ok("output: file system", format!("{} ({name})", kind(&system)));
    }
    space(checkup, &system, bytes);
    match Probe::new(&there) {
        Ok(probe) => probe.run(checkup, system.shared),
        Err(error) => {
            let advice = "a directory that you may write to";
            checkup.problem("output: writing", format!("{name}: {error}"), advice);
        }
    }
}

fn existing(path: &Path) -> Option<PathBuf> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    fs::metadata(path).is_ok_and(|it| it.is_dir()).then(|| path.to_owned())
}

fn kind(system: &FileSystem) -> String {
    let more = match (system.shared, system.memory) {
        (true, _) => ", over a network or shared with others",
        (_, true) => ", which is memory",
        _ => "",
    };
    format!("{}{more}", system.kind)
}

fn space(checkup: &mut Checkup, system: &FileSystem, bytes: Option<u64>) {
    let what = "output: space";
    let files = system.files_free.map_or_else(String::new, |files| format!(", {files} files"));
    let free = format!("{} free{files}", text::bytes(system.free));
    match bytes {
        Some(bytes) if bytes > system.free => {
            let found = format!("{free}; copies of all files take {}", text::bytes(bytes));
            let advice = "--mode in-place needs no copy; --range converts a part";
            checkup.problem(what, found, advice);
        }
        _ if system.files_free == Some(0) => {
            checkup.problem(what, free, "no file can be made: remove some, or use another place");
        }
        _ => checkup.ok(what, free),
    }
}

/// A directory to try things in; it is removed again.
struct Probe(PathBuf);

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Probe {
    fn new(parent: &Path) -> io::Result<Self> {
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

    fn run(&self, checkup: &mut Checkup, shared: bool) {
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
            Err(_) => match fs::hard_link(self.0.join("new"), self.0.join("linked")) {
                Ok(()) => checkup.ok(what, "by a second name, and never over another file"),
                Err(_) => {
                    let advice = "let no other program write there during a run";
                    checkup.note(what, "looking for the name and taking it are two steps", advice);
                }
            },
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
                checkup.ok(what, "two runs keep out of each other's way")
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
                checkup.ok(what, "an output made again takes the old one's place in one step")
            }
            Err(_) => {
                checkup.ok(what, "not here: an output made again is renamed over the old one")
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

type Try = fn(&Probe, &mut Checkup, &str, bool) -> io::Result<()>;
