//! Runs a command under the kernel's tracing (ptrace) and ends processes at system calls that concern
//! a directory: whatever makes the call, a library or the program itself.

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// `PTRACE_SYSCALL_INFO_ENTRY` of Linux's `ptrace.h`.
const ENTRY: u8 = 1;
/// Longer than any of these runs should take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A process that began to run a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) line: Vec<String>,
}

/// What is done at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It goes on.
    Go,
    /// The process dies.
    Kill,
    /// All processes die.
    KillAll,
    /// It stands still at this call until somebody kills it.
    Hold,
    /// Nothing more of this process is asked.
    Enough,
}

/// Runs `command` to its end. `judge` is asked at each call by which a process changes, locks or
/// opens for writing what is in `dir`, with the process, and the number of such calls before it.
/// Gives the exit code, or `None` if it was killed; an error if this machine does not allow tracing.
pub(crate) fn run(
    command: &Command,
    dir: &Path,
    judge: &mut dyn FnMut(&Process, u64) -> Then,
) -> Result<Option<i32>, String> {
    // A shell that waits for a word first: it must be traced before it starts anything.
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "read word; exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[expect(clippy::zombie_processes, reason = "`follow` waits for it and all that it starts")]
    let mut child = shell.spawn().unwrap();
    let root = Pid::from_raw(child.id().try_into().unwrap());
    let follow = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    if let Err(error) = ptrace::seize(root, follow) {
        child.kill().unwrap();
        child.wait().unwrap();
        return Err(format!("tracing is not allowed here: {error}"));
    }
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    Trace { root, dir: fs::canonicalize(dir).unwrap(), known: HashMap::new() }.follow(judge)
}

struct Trace {
    root: Pid,
    dir: PathBuf,
    /// Processes that are looked at, and how many calls they have made.
    known: HashMap<i32, (Process, u64)>,
}

impl Trace {
    fn follow(
        mut self,
        judge: &mut dyn FnMut(&Process, u64) -> Then,
    ) -> Result<Option<i32>, String> {
        let until = Instant::now() + PATIENCE;
        // Other tests' children are theirs.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD | WaitPidFlag::WNOHANG;
        let mut code = None;
        loop {
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::StillAlive) => {
                    if Instant::now() > until {
                        let _ = kill(self.root, Signal::SIGKILL);
                        return Err("it never ends".into());
                    }
                    std::thread::sleep(Duration::from_micros(100));
                }
                Ok(WaitStatus::Exited(pid, status)) if pid == self.root => code = Some(status),
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {}
                Ok(WaitStatus::PtraceSyscall(tid)) => self.call(tid, judge),
                Ok(WaitStatus::PtraceEvent(tid, _, event)) => {
                    if event == nix::libc::PTRACE_EVENT_EXEC {
                        self.began(tid);
                    }
                    self.go_on(tid, None);
                }
                Ok(WaitStatus::Stopped(tid, signal)) => self.go_on(tid, Some(signal)),
                Ok(other) => {
                    if let Some(tid) = other.pid() {
                        self.go_on(tid, None);
                    }
                }
                Err(nix::errno::Errno::ECHILD) => return Ok(code),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn began(&mut self, pid: Pid) {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = line.split(|byte| *byte == 0);
        let line = line.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        self.known.insert(pid.as_raw(), (Process { pid: pid.as_raw(), line }, 0));
    }

    fn go_on(&self, tid: Pid, signal: Option<Signal>) {
        let signal = signal.filter(|signal| !matches!(signal, Signal::SIGSTOP | Signal::SIGTRAP));
        // One that was killed meanwhile cannot go on.
        let _ = if self.known.contains_key(&leader(tid)) {
            ptrace::syscall(tid, signal)
        } else {
            ptrace::cont(tid, signal)
        };
    }

    fn call(&mut self, tid: Pid, judge: &mut dyn FnMut(&Process, u64) -> Then) {
        let entry = ptrace::syscall_info(tid).is_ok_and(|info| info.op == ENTRY);
        let pid = leader(tid);
        if entry
            && concerns(tid, &self.dir)
            && let Some((process, calls)) = self.known.get_mut(&pid)
        {
            let before = *calls;
            *calls += 1;
            match judge(process, before) {
                Then::Go => {}
                Then::Kill => {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
                Then::KillAll => {
                    // The one that works first: the other would see it off.
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                    let _ = kill(self.root, Signal::SIGKILL);
                }
                Then::Hold => return,
                Then::Enough => {
                    self.known.remove(&pid);
                }
            }
        }
        self.go_on(tid, None);
    }
}

/// The process of a thread.
fn leader(tid: Pid) -> i32 {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    line.and_then(|id| id.trim().parse().ok()).unwrap_or(tid.as_raw())
}

/// Whether the call at whose entry a thread stands may change something in `dir`.
fn concerns(tid: Pid, dir: &Path) -> bool {
    use nix::libc;
    let call = fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default();
    let mut words = call.split_whitespace();
    let Some(number) = words.next().and_then(|word| word.parse::<i64>().ok()) else { return false };
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap_or(0);
    let args: Vec<u64> = words.map(hex).collect();
    let writes = (libc::O_ACCMODE | libc::O_CREAT) as u64;
    let flag = match number {
        libc::SYS_openat => args[2] & writes != 0,
        libc::SYS_pwrite64
        | libc::SYS_write
        | libc::SYS_fsync
        | libc::SYS_fdatasync
        | libc::SYS_ftruncate
        | libc::SYS_renameat
        | libc::SYS_renameat2
        | libc::SYS_linkat
        | libc::SYS_unlinkat
        | libc::SYS_utimensat
        | libc::SYS_fchmod
        | libc::SYS_fchown
        | libc::SYS_fsetxattr
        | libc::SYS_fremovexattr
        | libc::SYS_flock => true,
        _ => false,
    };
    flag && fs::read_link(format!("/proc/{tid}/fd/{}", args[0]))
        .is_ok_and(|path| path.starts_with(dir) && !path.starts_with(dir.join(".jldconv")))
}
