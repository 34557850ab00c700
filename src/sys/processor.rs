//! Reads what this process used of the processor.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Times in microseconds since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Processor time of all threads, those that ended included, and the kernel's on their behalf.
    pub cpu_micros: u64,
    /// How long the calling thread could have run and waited for a core; 0 where the kernel does not
    /// tell.
    pub queued_micros: u64,
}

/// What was used up to now.
pub fn used() -> Used {
    Used { cpu_micros: cpu_micros(), queued_micros: queued_micros().unwrap_or(0) }
}

fn cpu_micros() -> u64 {
    let micros = |time: nix::sys::time::TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(time.tv_usec()).unwrap_or(0))
    };
    match nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF) {
        Ok(usage) => micros(usage.user_time()).saturating_add(micros(usage.system_time())),
        Err(_) => 0,
    }
}

thread_local! {
    /// Asked for with every small file: opening it takes longer than reading it.
    static SCHEDSTAT: Option<File> = File::open("/proc/thread-self/schedstat").ok();
}

/// The second number of `schedstat`: nanoseconds on a run queue (Linux, `sched-stats.rst`).
fn queued_micros() -> Option<u64> {
    let mut text = [0; 128];
    let read = |file: &Option<File>| file.as_ref()?.read_at(&mut text, 0).ok();
    let count = SCHEDSTAT.try_with(read).ok()??;
    let text = std::str::from_utf8(text.get(..count)?).ok()?;
    let nanos: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(nanos / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn work_is_counted_and_sleep_is_not() {
        let before = used();
        let until = Instant::now() + Duration::from_millis(60);
        while Instant::now() < until {
            std::hint::black_box(before);
        }
        let worked = used();
        // The other tests of this process count, too: only the least is known.
        assert!(worked.cpu_micros > before.cpu_micros);
        assert!(worked.queued_micros >= before.queued_micros);
    }
}
