//! The memory that a program takes: a real process, and what the system says of it.

use jldconv::sys::memory::of_process;
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::Duration;

/// Runs a program to its end; how it ended, and the most KiB that were its own at any time, 0 if that
/// was never seen.
pub(crate) fn watched(command: &mut Command) -> (ExitStatus, u64) {
    let mut child = command.spawn().unwrap();
    let mut most = 0;
    loop {
        // It can end at any moment.
        most = most.max(of_process(child.id()).map_or(0, |memory| memory.anon >> 10));
        if let Some(ended) = child.try_wait().unwrap() {
            return (ended, most);
        }
        sleep(Duration::from_millis(1));
    }
}
