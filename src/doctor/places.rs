//! Looks at where an archive lies and where its outputs go.

use super::Checkup;
use super::probe::Probe;
use crate::archive::{Archive, DEFAULT_PREFIX, Selection, Shard, discover, nearest_dir};
use crate::supervisor::run_dir::RunDir;
use crate::sys::file_system::FileSystem;
use crate::text;
use std::fs::File;
use std::path::Path;

/// Lists the archive; gives the bytes of its files.
pub(super) fn input(checkup: &mut Checkup, dir: &Path, prefix: &str) -> Option<u64> {
    let name = text::path(dir);
    let selection = match prefix {
        DEFAULT_PREFIX => Selection::default(),
        prefix => Selection::prefix(prefix),
    };
    let found = match discover(dir, &selection, None) {
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
    if let Some(dir) = found.unlisted.first() {
        checkup.problem(what, format!("{told}; {dir}"), "rights for all directories");
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
    if dir.is_symlink() && !dir.exists() {
        let found = format!("{} is a symbolic link to nothing", text::path(dir));
        checkup.problem("output", found, "make what it leads to, or name another place");
        return;
    }
    if dir.exists() && !dir.is_dir() {
        let found = format!("{} is a file, not a directory", text::path(dir));
        checkup.problem("output", found, "a directory, which need not exist yet");
        return;
    }
    // Not there yet: what it will be made in.
    let Some(there) = nearest_dir(dir) else {
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
    own(checkup, dir);
    match Probe::new(&there) {
        Ok(probe) => probe.run(checkup, system.shared),
        Err(error) => {
            let advice = "a directory that you may write to";
            checkup.problem("output: writing", format!("{name}: {error}"), advice);
        }
    }
}

/// Looks at what earlier runs left there, which a run has to be able to trust.
fn own(checkup: &mut Checkup, dir: &Path) {
    let what = "output: earlier runs";
    match (RunDir::peek(dir), RunDir::check_free(dir, Shard::default())) {
        (Err(error), _) => {
            checkup.problem(what, error.to_string(), "a run would be refused there");
        }
        (Ok(_), Err(error)) => {
            checkup.note(what, error.to_string(), "wait for its end, or use another directory");
        }
        (Ok(Some(_)), Ok(())) => checkup.ok(what, "a run goes on where they stopped"),
        (Ok(None), Ok(())) => checkup.ok(what, "none"),
    }
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
