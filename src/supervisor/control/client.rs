//! The asking side.

use super::server::{of, short_path};
use super::{Answer, Ask, Notice, boot_id, notice_name, socket_name};
use crate::archive::Shard;
use crate::protocol::Address;
use crate::supervisor::live::Live;
use crate::sys::dir::Dir;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Longest answer in bytes; each slot takes a few hundred.
const ANSWER: u64 = 16 << 20;
/// Longest notice in bytes.
const NOTICE: u64 = 4096;
/// How long a run may take to answer: it does at once, unless it is stopped or swapped out.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// It says nothing of where it is reached.
    Unsaid,
    /// On another machine, of this name.
    Elsewhere(String),
    /// On this one.
    Here(Address),
}

/// Why a run did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nobody listens.
    #[error("its socket is dead")]
    Dead,
    /// Another user's.
    #[error("it belongs to another user")]
    Foreign,
    /// It takes too long.
    #[error("it does not answer within {} s; is it stopped, or the machine out of memory?", .0.as_secs())]
    Late(Duration),
    /// It said something else than an answer.
    #[error("it answers what is not understood: {0}")]
    Nonsense(String),
    /// What the system says.
    #[error("its socket cannot be used: {0}")]
    Io(io::Error),
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::Dead,
            io::ErrorKind::PermissionDenied => Self::Foreign,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Late(PATIENCE),
            _ => Self::Io(error),
        }
    }
}

/// Where the run on `shard` is whose directory is `own`.
pub(crate) fn place(own: &Dir, shard: Shard) -> Place {
    let Some(notice) = notice(own, shard) else { return Place::Unsaid };
    if notice.boot != boot_id() {
        return Place::Elsewhere(notice.host);
    }
    let beside = || Address::Path(short_path(own, &socket_name(shard)).into());
    match notice.elsewhere {
        None => Place::Here(beside()),
        Some(text) => Address::from_text(text.into()).map_or(Place::Unsaid, Place::Here),
    }
}

fn notice(own: &Dir, shard: Shard) -> Option<Notice> {
    let file = own.open_file(OsStr::new(&notice_name(shard)), false).ok()?;
    let mut bytes = Vec::new();
    file.take(NOTICE).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Asks the run that listens at `address`.
///
/// # Errors
/// It does not answer, or not with what is understood.
pub(crate) fn ask(address: &Address, what: Ask) -> Result<Live, AskError> {
    let until = Instant::now() + PATIENCE;
    let mut stream = connect(of(address)?)?;
    let mut question = serde_json::to_vec(&what).map_err(io::Error::other)?;
    question.push(b'\n');
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&question)?;
    let mut answer = Vec::new();
    let mut piece = vec![0; 1 << 16];
    while !answer.ends_with(b"\n") && (answer.len() as u64) < ANSWER {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AskError::Late(PATIENCE));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => break,
            count => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    match serde_json::from_slice(&answer) {
        Ok(Answer::Live(live)) => Ok(*live),
        Ok(Answer::Refused { why }) => Err(AskError::Nonsense(why)),
        Err(error) if answer.is_empty() => Err(AskError::Nonsense(format!("nothing ({error})"))),
        Err(error) => Err(AskError::Nonsense(error.to_string())),
    }
}

/// Connects within the time. Where too many wait before, the kernel would let this one wait for
/// ever, so another thread does.
fn connect(address: SocketAddr) -> Result<UnixStream, AskError> {
    let (done, connected) = channel();
    std::thread::Builder::new().name("connect".into()).spawn(move || {
        let _ = done.send(UnixStream::connect_addr(&address));
    })?;
    match connected.recv_timeout(PATIENCE) {
        Ok(stream) => Ok(stream?),
        Err(_) => Err(AskError::Late(PATIENCE)),
    }
}
