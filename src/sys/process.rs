//! Starts child processes, and does what a process may do to itself.

#![expect(unsafe_code, reason = "the environment and signal dispositions have no safe interface")]

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, WaitId, WaitIdOptions};
use rustix::thread::CpuSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl From<ExitStatus> for Death {
    fn from(status: ExitStatus) -> Self {
        match (status.signal(), status.code()) {
            (Some(signal), _) => Self::Signal(signal),
            (None, code) => Self::Exit(code.unwrap_or(-1)),
        }
    }
}

/// Kills a child, from any thread, as long as its id is its own.
#[derive(Debug, Clone)]
pub struct Killer(Arc<Mutex<Option<Pid>>>);

impl Killer {
    /// Sends SIGKILL to the child's process group and the child. Does nothing once it was reaped.
    pub fn kill(&self) {
        let pid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pid) = *pid {
            kill_group(pid);
        }
    }
}

fn kill_group(pid: Pid) {
    // Whoever is gone already needs no signal, and there is no other reason to fail for one's own
    // children.
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    let _ = rustix::process::kill_process(pid, Signal::KILL);
}

/// A child that leads its own process group. It is killed and reaped when this is dropped, so it
/// never outlives the thread that owns it.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    pid: Pid,
    /// Readable when the child has ended; missing on kernels before 5.3.
    end: Option<OwnedFd>,
    killer: Killer,
    reaped: bool,
}

impl Child {
    /// Starts `command` in a new process group.
    ///
    /// # Errors
    /// No such program, or no process or descriptor left.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let mut child = command.process_group(0).spawn()?;
        let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::other("the child has no process id"));
        };
        let end = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok();
        let killer = Killer(Arc::new(Mutex::new(Some(pid))));
        Ok(Self { inner: child, pid, end, killer, reaped: false })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// A handle to kill it with.
    pub fn killer(&self) -> Killer {
        self.killer.clone()
    }

    /// A descriptor that becomes readable when the child ends; old kernels have none.
    pub fn end_fd(&self) -> Option<BorrowedFd<'_>> {
        self.end.as_ref().map(AsFd::as_fd)
    }

    /// Whether it ended (and was not reaped yet).
    pub fn ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.reaped
            || matches!(rustix::process::waitid(WaitId::Pid(self.pid), options), Ok(Some(_)))
    }

    /// Kills what is left of its process group, reaps it, and tells how it ended. Waits for it.
    ///
    /// # Errors
    /// Somebody else reaped it.
    pub fn reap(&mut self) -> io::Result<Death> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) =
            rustix::process::waitid(WaitId::Pid(self.pid), options)
        {}
        // From here on the id is kept only by the zombie, so that nobody else can have it.
        let mut pid = self.killer.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pid.take().is_some() {
            kill_group(self.pid);
        }
        self.reaped = true;
        Ok(self.inner.wait()?.into())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.killer.kill();
            let _ = self.reap();
        }
    }
}

/// Waits until one of `fds` can be read (or hung up) or `timeout` is over; tells which.
///
/// # Errors
/// What the kernel says; after an interruption there is nothing to read, which is not an error.
pub fn wait_readable(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let timeout = timeout.map(|time| rustix::event::Timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    });
    match rustix::event::poll(&mut polled, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(polled.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// This process dies with its parent's thread from now on. Gives `false` if `parent` is gone
/// already.
///
/// # Errors
/// What the kernel says.
pub fn die_with(parent: u32) -> io::Result<bool> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let now = rustix::process::getppid().and_then(|pid| u32::try_from(pid.as_raw_pid()).ok());
    Ok(now == Some(parent))
}

/// Makes the kernel take this process before others when memory runs out: raises the score to
/// `least`, if it is lower.
///
/// # Errors
/// `/proc` is not there or not writable.
pub fn offer_to_oom_killer(least: i32) -> io::Result<()> {
    const FILE: &str = "/proc/self/oom_score_adj";
    let now: i32 = std::fs::read_to_string(FILE)?.trim().parse().unwrap_or(0);
    if now < least {
        std::fs::write(FILE, least.to_string())?;
    }
    Ok(())
}

/// Bounds this process's private writable memory, as far as its hard limit allows.
///
/// # Errors
/// What the kernel says.
pub fn limit_data(bytes: Option<u64>) -> io::Result<()> {
    let maximum = rustix::process::getrlimit(Resource::Data).maximum;
    let current = match (bytes, maximum) {
        (Some(bytes), Some(maximum)) => Some(bytes.min(maximum)),
        (Some(bytes), None) => Some(bytes),
        (None, maximum) => maximum,
    };
    Ok(rustix::process::setrlimit(Resource::Data, Rlimit { current, maximum })?)
}

/// The cores that this process may use, by number.
pub fn cores() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// From now on this thread, and those that it starts, run on these cores only.
///
/// # Errors
/// None of them may be used.
pub fn stay_on(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores.iter().filter(|core| **core < CpuSet::MAX_CPU) {
        set.set(*core);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Takes a variable out of this process's environment, so that nothing it starts inherits it.
///
/// To be called while the process has one thread only: at the start of `main`.
pub fn take_env(name: &OsStr) -> Option<OsString> {
    let value = std::env::var_os(name)?;
    // SAFETY: no other thread runs that could read the environment at this time; the only caller
    // is the worker's `main`, before it starts its threads.
    unsafe { std::env::remove_var(name) };
    Some(value)
}

/// From now on each block of 128 KiB or more comes from the system, and goes back to it when it is
/// freed. glibc begins so, but takes ever larger blocks from its heap once one was freed, where what
/// stands between them keeps them: lists of 100,000 files that come and go took a fifth more memory.
pub fn give_large_blocks_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number that the allocator reads; no other thread runs at this time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10)
    };
}

/// From now on this process does not react to `signal`.
pub fn ignore(signal: i32) {
    // SAFETY: SIG_IGN runs no code of ours.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Whether this process was started with `signal` ignored (as `nohup` does).
pub fn ignores(signal: i32) -> bool {
    // SAFETY: an all-zero sigaction is a valid value to be overwritten, and a null new action
    // changes nothing.
    let action = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, std::ptr::null(), &raw mut action) != 0 {
            return false;
        }
        action
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// Ends this process by `signal`, whatever handlers there are.
pub fn die_of(signal: i32) -> ! {
    // SAFETY: SIG_DFL runs no code of ours, and the mask is a local value.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut mask);
        libc::sigaddset(&raw mut mask, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const mask, std::ptr::null_mut());
        // To this thread, so that it is delivered before this call returns.
        libc::raise(signal);
    }
    // Only a signal whose default is not deadly gets here.
    std::process::abort()
}

/// The signal's name, for people.
pub fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

/// This machine's name.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What names this machine since it was started.
///
/// # Errors
/// `/proc` is not there.
pub fn boot_id() -> io::Result<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    #[test]
    fn deaths_are_told_apart() {
        assert_eq!(Child::spawn(&mut shell("exit 7")).unwrap().reap().unwrap(), Death::Exit(7));
        let mut child = Child::spawn(&mut shell("kill -SEGV $$")).unwrap();
        assert_eq!(child.reap().unwrap(), Death::Signal(libc::SIGSEGV));
        assert_eq!(signal_name(libc::SIGSEGV), "SIGSEGV");
        assert_eq!(signal_name(64), "signal 64");
    }

    #[test]
    fn the_whole_group_is_killed_and_the_end_is_seen() {
        let (mut read, write) = std::io::pipe().unwrap();
        let mut command = shell("sleep 1000 & sleep 1000");
        command.stderr(write);
        let mut child = Child::spawn(&mut command).unwrap();
        drop(command);
        assert!(!child.ended());
        child.killer().kill();
        if let Some(fd) = child.end_fd() {
            assert_eq!(wait_readable(&[fd], Some(Duration::from_secs(20))).unwrap(), [true]);
            assert!(child.ended());
        }
        assert_eq!(child.reap().unwrap(), Death::Signal(libc::SIGKILL));
        // The grandchild held the pipe; it comes to its end only with it.
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut read, &mut rest).unwrap();
        child.killer().kill();
    }

    #[test]
    fn a_child_does_not_outlive_its_owner() {
        let (mut read, write) = std::io::pipe().unwrap();
        let mut command = shell("sleep 1000");
        command.stderr(write);
        drop(Child::spawn(&mut command).unwrap());
        drop(command);
        std::io::Read::read_to_end(&mut read, &mut Vec::new()).unwrap();
    }

    #[test]
    fn waiting_has_an_end() {
        let (read, write) = std::io::pipe().unwrap();
        let fds = [read.as_fd()];
        assert_eq!(wait_readable(&fds, Some(Duration::from_millis(1))).unwrap(), [false]);
        drop(write);
        assert_eq!(wait_readable(&fds, None).unwrap(), [true]);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(Child::spawn(&mut Command::new("/nonexistent/program")).is_err());
    }

    #[test]
    fn signals_that_are_ignored_are_known() {
        assert!(ignores(libc::SIGPIPE), "Rust's runtime ignores it");
        assert!(!ignores(libc::SIGWINCH));
        ignore(libc::SIGWINCH);
        assert!(ignores(libc::SIGWINCH));
    }

    #[test]
    fn there_are_cores_and_a_name() {
        let cores = cores();
        assert!(!cores.is_empty());
        let here = std::thread::spawn(move || {
            stay_on(&cores[..1]).unwrap();
            super::cores()
        });
        assert_eq!(here.join().unwrap().len(), 1);
        assert!(!hostname().is_empty());
        assert!(stay_on(&[]).is_err());
    }

    #[test]
    fn a_parent_that_is_not_ours_is_noticed() {
        let parent = std::os::unix::process::parent_id();
        // In a thread of its own process the test must not die with its parent: set back at once.
        assert!(!die_with(parent.wrapping_add(1)).unwrap());
        assert!(die_with(parent).unwrap());
        rustix::process::set_parent_process_death_signal(None).unwrap();
    }
}
