//! Reads the memory of processes from `/proc`.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

/// Bytes of a status, which has some fifty short lines, and one that may be long.
const STATUS: usize = 4 << 10;

/// Memory of one process in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Highest resident memory since the process began, or since [`reset_peak`] (`VmHWM`).
    pub peak: u64,
    /// Anonymous pages (`RssAnon`).
    pub anon: u64,
    /// Pages of files (`RssFile`); the kernel can drop them.
    pub file: u64,
    /// Shared anonymous pages (`RssShmem`).
    pub shmem: u64,
    /// What was swapped out (`VmSwap`).
    pub swap: u64,
}

impl ProcessMemory {
    /// What only the end of the process can free.
    pub fn held(&self) -> u64 {
        self.anon.saturating_add(self.shmem).saturating_add(self.swap)
    }
}

/// Memory of a running process. A zombie has none, which is an error.
///
/// # Errors
/// The process is gone or does not show its status.
pub fn of_process(pid: u32) -> io::Result<ProcessMemory> {
    told(&fs::read(format!("/proc/{pid}/status"))?)
}

/// Memory of this process.
///
/// # Errors
/// `/proc` is not there.
pub fn of_self() -> io::Result<ProcessMemory> {
    const PATH: &str = "/proc/self/status";
    static OPEN: OnceLock<File> = OnceLock::new();
    // Asked for with every small file: opening it takes as long as reading it.
    let file = kept_open(&OPEN, || File::open(PATH))?;
    let mut buffer = [0; STATUS];
    let count = file.read_at(&mut buffer, 0)?;
    match buffer.get(..count).filter(|text| text.len() < STATUS) {
        Some(text) => told(text),
        // Who is in very many groups has them all in it.
        None => told(&fs::read(PATH)?),
    }
}

/// The file that is open, or that is opened now and stays open.
fn kept_open(kept: &OnceLock<File>, open: impl FnOnce() -> io::Result<File>) -> io::Result<&File> {
    if let Some(file) = kept.get() {
        return Ok(file);
    }
    let file = open()?;
    Ok(kept.get_or_init(|| file))
}

fn told(status: &[u8]) -> io::Result<ProcessMemory> {
    parse_status(&String::from_utf8_lossy(status))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no memory in the status"))
}

fn parse_status(text: &str) -> Option<ProcessMemory> {
    let mut memory = ProcessMemory::default();
    let mut met = false;
    for line in text.lines().filter(|line| line.starts_with(['V', 'R'])) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let field = match key {
            "VmHWM" => &mut memory.peak,
            "RssAnon" => &mut memory.anon,
            "RssFile" => &mut memory.file,
            "RssShmem" => &mut memory.shmem,
            "VmSwap" => &mut memory.swap,
            _ => continue,
        };
        *field = kilobytes(value)?;
        met = true;
    }
    met.then_some(memory)
}

/// `  123 kB` in bytes.
fn kilobytes(text: &str) -> Option<u64> {
    let number: u64 = text.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    number.checked_mul(1024)
}

/// From now on [`ProcessMemory::peak`] of this process tells the peak since now.
///
/// # Errors
/// The kernel does not let it (it was built without `/proc/self/clear_refs`).
pub fn reset_peak() -> io::Result<()> {
    static OPEN: OnceLock<File> = OnceLock::new();
    let open = || File::options().write(true).open("/proc/self/clear_refs");
    let file = kept_open(&OPEN, open)?;
    file.write_at(b"5", 0).map(|_| ())
}

/// Bytes that the threads of a process have moved so far, by system calls and to or from disks. It
/// changes as long as the process works on files. Threads named `except` do not count.
///
/// # Errors
/// The process is gone, or belongs to somebody else.
pub fn bytes_moved(pid: u32, except: &str) -> io::Result<u64> {
    let mut sum = 0_u64;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let dir = thread?.path();
        // A thread may end at any time.
        let name = fs::read_to_string(dir.join("comm")).unwrap_or_default();
        if name.trim_end() != except {
            let text = fs::read_to_string(dir.join("io"));
            sum = sum.saturating_add(text.map_or(0, |text| parse_io(&text)));
        }
    }
    Ok(sum)
}

fn parse_io(text: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| matches!(*key, "rchar" | "wchar" | "read_bytes" | "write_bytes"))
        .filter_map(|(_, value)| value.trim().parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read() {
        let text = "Name:\tx\nVmHWM:\t    2048 kB\nRssAnon:\t  100 kB\nRssFile:\t 7 kB\n\
                    RssShmem:\t 1 kB\nVmSwap:\t 2 kB\nThreads:\t1\n";
        let memory = parse_status(text).unwrap();
        assert_eq!(memory.peak, 2 << 20);
        assert_eq!(memory.held(), 103 << 10);
        assert_eq!(memory.file, 7 << 10);
        assert_eq!(parse_status("Name:\tx\nState:\tZ (zombie)\n"), None, "a zombie has no memory");
        assert_eq!(parse_status("VmHWM:\tlots\n"), None);
    }

    #[test]
    fn this_process_has_memory() {
        let own = of_self().unwrap();
        assert!(own.anon > 0 && own.peak >= own.anon);
        assert_eq!(of_process(u32::MAX).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_peak_starts_anew() {
        const BIG: usize = 64 << 20;
        let block = std::hint::black_box(vec![1_u8; BIG]);
        let high = of_self().unwrap().peak;
        assert!(high >= BIG as u64);
        drop(block);
        reset_peak().unwrap();
        // Other tests of this process may hold memory at the same time, so only the block counts.
        let now = of_self().unwrap();
        assert!(now.peak < high, "{} is not below {high}", now.peak);
    }

    #[test]
    fn moved_bytes_grow() {
        let own = std::process::id();
        // Other tests' threads come and go with what they moved; this one's counts.
        std::thread::Builder::new()
            .name("mover".into())
            .spawn(move || {
                let all = bytes_moved(own, "").unwrap();
                assert!(bytes_moved(own, "mover").unwrap() < all);
            })
            .unwrap()
            .join()
            .unwrap();
        assert!(bytes_moved(u32::MAX, "").is_err());
        assert_eq!(parse_io("rchar: 5\nsyscr: 100\nwrite_bytes: 7\nbad\n"), 12);
    }
}
