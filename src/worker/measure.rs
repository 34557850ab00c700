//! Measures a worker's own memory and use of the processor, job by job.

use crate::convert::scratch;
use crate::protocol::Measured;
use crate::sys::{memory, processor};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What was seen since [`Self::begin`]. Only the thread that works on jobs begins and ends them.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The highest anonymous memory.
    peak_anon: AtomicU64,
    /// Processor time, and time in which the thread waited for a core, up to the last job's end, in
    /// microseconds.
    used: AtomicU64,
    queued: AtomicU64,
    /// There was a job before: what is used between two of them is the second's.
    known: AtomicBool,
}

impl Meter {
    /// A job begins: peaks start anew.
    pub(super) fn begin(&self) {
        // Without it (a kernel built so) the peak is that of all jobs so far: too high, never too
        // low.
        let _ = memory::reset_peak();
        self.peak_anon.store(0, Ordering::Relaxed);
        if !self.known.swap(true, Ordering::Relaxed) {
            let now = processor::used();
            self.used.store(now.cpu_micros, Ordering::Relaxed);
            self.queued.store(now.queued_micros, Ordering::Relaxed);
        }
    }

    /// Looks at the memory now.
    pub(super) fn sample(&self) -> Option<memory::ProcessMemory> {
        let now = memory::of_self().ok()?;
        self.peak_anon.fetch_max(now.held(), Ordering::Relaxed);
        Some(now)
    }

    /// The highest anonymous memory since the job began, in bytes.
    pub(super) fn peak(&self) -> u64 {
        self.sample();
        self.peak_anon.load(Ordering::Relaxed)
    }

    /// A job ends: what it took.
    pub(super) fn end(&self) -> Measured {
        let now = self.sample().unwrap_or_default();
        let used = processor::used();
        let since =
            |now: u64, then: &AtomicU64| now.saturating_sub(then.swap(now, Ordering::Relaxed));
        Measured {
            peak_rss: now.peak,
            peak_anon: self.peak_anon.load(Ordering::Relaxed),
            rest: now.held(),
            cpu_micros: since(used.cpu_micros, &self.used),
            queued_micros: since(used.queued_micros, &self.queued),
            lists_in_memory: scratch::in_memory().map_or(0, |(_, bytes)| bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory is the process's, so other tests beside would count: this one has a process of its own.
    #[test]
    fn what_was_held_in_between_counts() {
        let program = std::env::current_exe().unwrap();
        let alone = "worker::measure::tests::alone_in_its_process";
        let output = std::process::Command::new(program)
            .args([alone, "--exact", "--ignored", "--test-threads=1"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    #[ignore = "run by the test above, in a process of its own"]
    fn alone_in_its_process() {
        const BIG: usize = 48 << 20;
        let meter = Meter::default();
        meter.begin();
        let block = std::hint::black_box(vec![1_u8; BIG]);
        meter.sample();
        drop(block);
        let measured = meter.end();
        assert!(measured.peak_anon >= BIG as u64);
        assert!(measured.rest < measured.peak_anon);
        meter.begin();
        assert!(meter.end().peak_anon < measured.peak_anon);
    }
}
