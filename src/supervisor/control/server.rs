//! The run's side: listens, answers, hands orders on.

use super::{Answer, Ask, FORMAT, Notice, boot_id, notice_name, socket_name};
use crate::archive::Shard;
use crate::protocol::{Address, SocketDir};
use crate::supervisor::live::LiveHandle;
use crate::sys::dir::Dir;
use crate::sys::process::hostname;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, getsockopt, listen, socket,
    sockopt::PeerCredentials,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, Mode, OFlags};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

/// Connections at a time; one more ends the oldest.
const GUESTS: usize = 16;
/// Longest question in bytes.
const QUESTION: usize = 256;
/// How long a connection may last.
const PATIENCE: Duration = Duration::from_secs(3);
/// After so many connections at once the thread sleeps so long: who floods it gets no core.
const BURST: usize = 16;
const NAP: Duration = Duration::from_millis(20);

/// What somebody wants the run to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Finish what runs, take no more; who says so.
    Drain(String),
    /// Stop what runs; who says so.
    Stop(String),
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Control {
    own: Dir,
    shard: Shard,
    /// The inode of the socket in `own`, if it is there.
    socket: Option<u64>,
    /// Keeps another place of the socket.
    _elsewhere: Option<SocketDir>,
    /// The thread ends when this is closed.
    _end: UnixStream,
}

impl Control {
    /// Listens for a run on `shard` whose directory is `own`; `tell` hands orders on.
    ///
    /// # Errors
    /// No place can be had for a socket, or no thread. A run can do without.
    pub(crate) fn start(
        own: Dir,
        shard: Shard,
        run_id: &str,
        live: LiveHandle,
        tell: impl Fn(Command) + Send + 'static,
    ) -> io::Result<Self> {
        let (listener, socket, elsewhere, address) = match beside(&own, shard) {
            Ok((listener, inode)) => (listener, Some(inode), None, None),
            // This file system has no sockets.
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                let dir = SocketDir::create(&SocketDir::parents())?;
                let address = dir.address(0);
                let text = address.to_text().to_string_lossy().into_owned();
                (UnixListener::bind_addr(&of(&address)?)?, None, Some(dir), Some(text))
            }
            Err(error) => return Err(error),
        };
        listener.set_nonblocking(true)?;
        let notice = Notice {
            control: FORMAT,
            run_id: run_id.to_owned(),
            host: hostname(),
            boot: boot_id(),
            pid: std::process::id(),
            elsewhere: address,
        };
        publish(&own, shard, &notice)?;
        let (end, ended) = UnixStream::pair()?;
        let desk = Desk { listener, ended, live, tell, guests: Vec::new() };
        std::thread::Builder::new().name("control".into()).spawn(move || desk.serve())?;
        Ok(Self { own, shard, socket, _elsewhere: elsewhere, _end: end })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let name = socket_name(self.shard);
        let name = OsStr::new(&name);
        let entry = self.own.entry(name).ok().flatten();
        if self.socket.is_some() && entry.map(|entry| entry.ino) == self.socket {
            let _ = rustix::fs::unlinkat(&self.own, name, AtFlags::empty());
        }
        let _ = rustix::fs::unlinkat(&self.own, notice_name(self.shard), AtFlags::empty());
    }
}

/// The address in the form that the standard library takes.
pub(super) fn of(address: &Address) -> io::Result<SocketAddr> {
    match address {
        Address::Path(path) => SocketAddr::from_pathname(path),
        Address::Abstract(name) => SocketAddr::from_abstract_name(name),
    }
}

/// A path of `name` in `own` that is short enough for a socket, however long the directory's is.
pub(super) fn short_path(own: &Dir, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", own.as_fd().as_raw_fd())
}

/// Listens in `own`; tells the socket's inode, too. A socket that nobody listens at any more is
/// replaced.
fn beside(own: &Dir, shard: Shard) -> io::Result<(UnixListener, u64)> {
    let name = socket_name(shard);
    let path = short_path(own, &name);
    match UnixStream::connect(&path) {
        // Where there are no locks, somebody may be at work.
        Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A dead run's, or something else that has its name.
        Err(_) => rustix::fs::unlinkat(own, &name, AtFlags::empty())?,
    }
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    // Bound, it has this mode from its first moment on.
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(0o600))?;
    bind(fd.as_raw_fd(), &UnixAddr::new(path.as_str())?)?;
    listen(&fd, Backlog::new(16)?)?;
    let entry = own.entry(OsStr::new(&name)).map_err(io::Error::other)?;
    let inode = entry.ok_or(io::ErrorKind::NotFound)?.ino;
    Ok((UnixListener::from(fd), inode))
}

/// Says where the run is reached; whole or not at all.
fn publish(own: &Dir, shard: Shard, notice: &Notice) -> io::Result<()> {
    let name = notice_name(shard);
    let fresh = format!("{name}.{}", std::process::id());
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(own, &fresh, flags, Mode::from_raw_mode(0o644))?;
    File::from(file).write_all(&serde_json::to_vec(notice)?)?;
    rustix::fs::renameat(own, &fresh, own, &name)?;
    Ok(())
}

/// Somebody who connected.
struct Guest {
    stream: UnixStream,
    pid: i32,
    heard: Vec<u8>,
    answer: Vec<u8>,
    sent: usize,
    until: Instant,
}

struct Desk<T> {
    listener: UnixListener,
    ended: UnixStream,
    live: LiveHandle,
    tell: T,
    guests: Vec<Guest>,
}

impl<T: Fn(Command)> Desk<T> {
    fn serve(mut self) {
        loop {
            let now = Instant::now();
            self.guests.retain(|guest| guest.until > now);
            let wait = self.guests.iter().map(|guest| guest.until.duration_since(now)).min();
            let Ok((end, knock)) = self.wait(wait) else { return };
            if end {
                return;
            }
            if knock {
                self.let_in();
            }
            let mut guests = std::mem::take(&mut self.guests);
            guests.retain_mut(|guest| self.attend(guest));
            self.guests = guests;
        }
    }

    /// Waits for anybody; tells whether it is the end, and whether somebody new is there.
    fn wait(&self, time: Option<Duration>) -> io::Result<(bool, bool)> {
        let mut fds = vec![
            PollFd::new(&self.ended, PollFlags::IN),
            PollFd::new(&self.listener, PollFlags::IN),
        ];
        for guest in &self.guests {
            let for_what = if guest.answer.is_empty() { PollFlags::IN } else { PollFlags::OUT };
            fds.push(PollFd::new(&guest.stream, for_what));
        }
        let time = time.map(|time| Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            // Not a moment too early, or the loop would spin.
            tv_nsec: i64::from(time.subsec_nanos()).saturating_add(1_000_000).min(999_999_999),
        });
        match poll(&mut fds, time.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let there = |place: usize| fds.get(place).is_some_and(|fd| !fd.revents().is_empty());
        Ok((there(0), there(1)))
    }

    fn let_in(&mut self) {
        for _ in 0..BURST {
            match self.listener.accept() {
                Ok((stream, _)) => self.seat(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Out of descriptors, say: later there may be some.
                Err(_) => break,
            }
        }
        std::thread::sleep(NAP);
    }

    fn seat(&mut self, stream: UnixStream) {
        let me = rustix::process::geteuid().as_raw();
        let Ok(peer) = getsockopt(&stream, PeerCredentials) else { return };
        if ![me, 0].contains(&peer.uid()) || stream.set_nonblocking(true).is_err() {
            return;
        }
        if self.guests.len() >= GUESTS {
            self.guests.remove(0);
        }
        self.guests.push(Guest {
            stream,
            pid: peer.pid(),
            heard: Vec::new(),
            answer: Vec::new(),
            sent: 0,
            until: Instant::now() + PATIENCE,
        });
    }

    /// Reads and writes what can be without waiting; tells whether the guest stays.
    fn attend(&self, guest: &mut Guest) -> bool {
        if guest.answer.is_empty() && !self.listen(guest) {
            return false;
        }
        while let Some(rest) = guest.answer.get(guest.sent..).filter(|rest| !rest.is_empty()) {
            match guest.stream.write(rest) {
                Ok(count @ 1..) => guest.sent = guest.sent.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Ok(_) | Err(_) => return false,
            }
        }
        guest.answer.is_empty()
    }

    fn listen(&self, guest: &mut Guest) -> bool {
        let mut piece = [0; QUESTION];
        match guest.stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(count) => guest.heard.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
        let end = guest.heard.iter().position(|byte| *byte == b'\n');
        if end.is_none() && guest.heard.len() < QUESTION {
            return true;
        }
        let question = guest.heard.get(..end.unwrap_or(QUESTION)).unwrap_or_default();
        let answer = self.answer(question, guest.pid);
        let Ok(mut answer) = serde_json::to_vec(&answer) else { return false };
        answer.push(b'\n');
        guest.answer = answer;
        true
    }

    fn answer(&self, question: &[u8], pid: i32) -> Answer {
        let ask = match serde_json::from_slice::<Ask>(question) {
            Ok(ask) => ask,
            Err(error) => return Answer::Refused { why: format!("not a question: {error}") },
        };
        let live = Answer::Live(Box::new(self.live.now()));
        match ask {
            Ask::Live => {}
            Ask::Drain => (self.tell)(Command::Drain(format!("drain, asked by process {pid}"))),
            Ask::Stop => (self.tell)(Command::Stop(format!("stop, asked by process {pid}"))),
        }
        live
    }
}
