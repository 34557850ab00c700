//! Makes the place where supervisor and worker meet: a socket in a directory of mode 0700, one for
//! each worker, there only until the worker has come.

use crate::sys::random;
use interprocess::local_socket::{
    GenericFilePath, GenericNamespaced, Listener as Socket, ListenerNonblockingMode,
    ListenerOptions, Name, Stream, ToFsName, ToNsName, prelude::*,
};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest path of a socket in bytes: `sun_path` less its final zero.
const PATH_MAX: usize = 107;
/// What all directories' names begin with.
const PREFIX: &str = "jldconv-";
/// The file by whose lock a directory is known to be in use.
const LOCK: &str = "lock";
/// A directory may stand without its lock so long, right after it was made.
const YOUNG: Duration = Duration::from_mins(5);

/// The name of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In the file system.
    Path(PathBuf),
    /// In Linux' abstract namespace; open to everybody, so the token and the peer's id count.
    Abstract(String),
}

/// A text that is not an [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address of a socket")]
pub struct AddressError(OsString);

impl Address {
    /// The form in which it is handed over.
    pub fn to_text(&self) -> OsString {
        match self {
            Self::Path(path) => [OsStr::new("path:"), path.as_os_str()].into_iter().collect(),
            Self::Abstract(name) => format!("abstract:{name}").into(),
        }
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_text(text: OsString) -> Result<Self, AddressError> {
        let bytes = text.as_bytes();
        if let Some(path) = bytes.strip_prefix(b"path:") {
            return Ok(Self::Path(OsString::from_vec(path.to_vec()).into()));
        }
        let name = bytes.strip_prefix(b"abstract:").and_then(|name| str::from_utf8(name).ok());
        name.map(|name| Self::Abstract(name.to_owned())).ok_or(AddressError(text))
    }

    fn name(&self) -> io::Result<Name<'_>> {
        match self {
            Self::Path(path) => path.as_path().to_fs_name::<GenericFilePath>(),
            Self::Abstract(name) => name.as_str().to_ns_name::<GenericNamespaced>(),
        }
    }

    /// Connects to whoever listens there.
    ///
    /// # Errors
    /// Nobody does.
    pub fn connect(&self) -> io::Result<Stream> {
        Stream::connect(self.name()?)
    }

    /// Listens there.
    ///
    /// # Errors
    /// The name cannot be taken.
    pub fn listen(&self) -> io::Result<Listener> {
        let options = ListenerOptions::new().name(self.name()?);
        options.nonblocking(ListenerNonblockingMode::Both).create_sync().map(Listener)
    }
}

/// Waits for one worker. Its name goes away with it.
#[derive(Debug)]
pub struct Listener(Socket);

impl Listener {
    /// Takes one connection and keeps it only if process `pid` of this user made it. Gives nothing
    /// if nobody is there or somebody else was.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn accept_from(&self, pid: u32) -> io::Result<Option<Stream>> {
        let stream = match self.0.accept() {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let peer = stream.peer_creds()?;
        let own = rustix::process::geteuid().as_raw();
        let known = peer.pid().and_then(|peer| u32::try_from(peer).ok()) == Some(pid)
            && peer.euid() == Some(own);
        Ok(known.then_some(stream))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let Socket::UdSocket(socket) = &self.0;
        socket.as_fd()
    }
}

/// A private directory for sockets, removed in the end.
#[derive(Debug)]
pub struct SocketDir {
    place: SocketHome,
}

#[derive(Debug)]
enum SocketHome {
    Dir { path: PathBuf, _lock: Option<File> },
    Abstract(String),
}

impl SocketDir {
    /// Makes a directory in the first of `parents` that has room for it: a socket's path must fit
    /// into 107 bytes, which SLURM's own temporary directories may not leave. Falls back to the
    /// abstract namespace. Removes what dead runs of this user left there.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn create(parents: &[PathBuf]) -> io::Result<Self> {
        let name = format!("{PREFIX}{:016x}", u64::from_le_bytes(random::bytes()?));
        for parent in parents {
            if !parent.is_absolute() {
                continue;
            }
            sweep(parent);
            let path = parent.join(&name);
            let longest = path.join(socket_name(u64::MAX));
            if longest.as_os_str().len() > PATH_MAX {
                continue;
            }
            if DirBuilder::new().mode(0o700).create(&path).is_ok() {
                let lock = File::options()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path.join(LOCK))
                    .ok()
                    .filter(|file| file.try_lock().is_ok());
                return Ok(Self { place: SocketHome::Dir { path, _lock: lock } });
            }
        }
        Ok(Self { place: SocketHome::Abstract(name) })
    }

    /// The usual parents: the user's runtime directory, the temporary directory, `/tmp`,
    /// `/dev/shm`.
    pub fn parents() -> Vec<PathBuf> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let rest = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/dev/shm")];
        runtime.into_iter().chain(rest).collect()
    }

    /// The name of a worker's socket.
    pub fn address(&self, worker: u64) -> Address {
        match &self.place {
            SocketHome::Dir { path, .. } => Address::Path(path.join(socket_name(worker))),
            SocketHome::Abstract(name) => Address::Abstract(format!("{name}-{worker}")),
        }
    }
}

fn socket_name(worker: u64) -> String {
    format!("{worker}.sock")
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        if let SocketHome::Dir { path, .. } = &self.place {
            // Nobody but this process writes there, and a leftover is swept by a later run.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Removes this user's directories that no live process has locked.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let own = rustix::process::geteuid().as_raw();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).unwrap_or("");
        let ours = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(meta) = ours.then(|| entry.metadata().ok()).flatten() else { continue };
        let old = meta.modified().ok().and_then(|time| time.elapsed().ok()) > Some(YOUNG);
        if !meta.is_dir() || meta.uid() != own || meta.mode() & 0o077 != 0 || !old {
            continue;
        }
        let dead = match File::open(entry.path().join(LOCK)) {
            Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if dead {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn meet(address: &Address) {
        let listener = address.listen().unwrap();
        assert!(listener.accept_from(std::process::id()).unwrap().is_none(), "nobody came yet");
        let mut there = Address::from_text(address.to_text()).unwrap().connect().unwrap();
        let mut here = listener.accept_from(std::process::id()).unwrap().unwrap();
        there.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        here.set_nonblocking(false).unwrap();
        here.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
        let _stranger = address.connect().unwrap();
        assert!(listener.accept_from(1).unwrap().is_none(), "not the process that is awaited");
    }

    #[test]
    fn they_meet_in_a_private_directory_that_goes_away() {
        let parent = tempfile::tempdir().unwrap();
        let dir = SocketDir::create(&[parent.path().to_owned()]).unwrap();
        let Address::Path(path) = dir.address(7) else { panic!("not in {parent:?}") };
        let home = path.parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o700);
        meet(&dir.address(7));
        assert!(!path.exists(), "the socket goes with its listener");
        drop(dir);
        assert!(!home.exists());
    }

    #[test]
    fn a_long_or_missing_parent_is_passed_over() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("x".repeat(100));
        fs::create_dir(&long).unwrap();
        let parents = [PathBuf::from("relative"), long.clone(), "/nonexistent".into()];
        let dir = SocketDir::create(&parents).unwrap();
        assert!(matches!(dir.address(1), Address::Abstract(_)));
        assert_eq!(fs::read_dir(long).unwrap().count(), 0);
        meet(&dir.address(1));
        let [first, second, third] = parents;
        let parents = [first, second, third, parent.path().to_owned()];
        assert!(matches!(SocketDir::create(&parents).unwrap().address(1), Address::Path(_)));
    }

    #[test]
    fn what_the_dead_left_is_swept_and_what_the_living_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let parents = [parent.path().to_owned()];
        let live = SocketDir::create(&parents).unwrap();
        let dead = SocketDir::create(&parents).unwrap();
        let path = |dir: &SocketDir| match dir.address(1) {
            Address::Path(path) => path.parent().unwrap().to_owned(),
            Address::Abstract(_) => panic!(),
        };
        let (live_path, dead_path) = (path(&live), path(&dead));
        // As a kill would: the lock is gone, the directory is not.
        let SocketHome::Dir { _lock: lock, .. } = &dead.place else { panic!() };
        lock.as_ref().unwrap().unlock().unwrap();
        let other = parent.path().join("jldconv-notes");
        fs::create_dir(&other).unwrap();
        let long_ago = std::time::SystemTime::now() - 2 * YOUNG;
        for path in [&live_path, &dead_path, &other] {
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        sweep(parent.path());
        assert!(live_path.exists() && other.exists());
        assert!(!dead_path.exists());
    }

    #[test]
    fn other_texts_are_no_address() {
        for bad in ["", "/tmp/x", "paths:/x"] {
            assert!(Address::from_text(bad.into()).is_err());
        }
    }
}
