//! A stack for values that nest deeply.

use std::io;
use std::panic::resume_unwind;
use std::thread;

/// Virtual bytes; only what the deepest value needs is ever touched. A test holds that a chain of
/// references as long as a dump follows one fits.
const STACK: usize = 512 << 20;

/// Runs `work` on a thread of its own, whose stack suffices for the deepest value that a
/// [`Dumper`](super::Dumper) follows.
///
/// # Errors
/// If no thread can be started.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?;
        worker.join().map_or_else(|panic| resume_unwind(panic), Ok)
    })
}
