//! Hears Ctrl-C while something works without the interpreter.

use jldconv::julia::DEEP_STACK;
use pyo3::prelude::*;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the interpreter is asked.
const OFTEN: Duration = Duration::from_millis(50);

/// Asks the interpreter now and then whether somebody pressed Ctrl-C.
#[derive(Debug)]
pub(crate) struct Now(Instant);

impl Now {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// The exception that a signal's handler raised, if some time went by since it was asked last.
    pub(crate) fn check(&mut self) -> PyResult<()> {
        if self.0.elapsed() < OFTEN {
            return Ok(());
        }
        self.0 = Instant::now();
        // The method alone does not go for an interpreter of any lifetime.
        #[expect(clippy::redundant_closure_for_method_calls, reason = "it does not compile")]
        Python::attach(|py| py.check_signals())
    }
}

/// Runs `work` on a thread of its own with a deep stack and without the interpreter, which hears signals
/// meanwhile and is told to `tick`: after an exception from either, `work` is told to stop, and the
/// exception is given once it has.
pub(crate) fn apart<T: Send>(
    py: Python<'_>,
    mut tick: impl FnMut(Python<'_>) -> PyResult<()> + Send,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> PyResult<T> {
    let stop = &AtomicBool::new(false);
    py.detach(|| {
        thread::scope(|scope| {
            let (done, ended) = mpsc::channel::<()>();
            let worker =
                thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, move || {
                    // Dropped when the work ends, however it ends.
                    let _done = done;
                    work(stop)
                })?;
            let mut raised = None;
            while ended.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
                if raised.is_some() {
                    continue;
                }
                let asked = Python::attach(|py| py.check_signals().and_then(|()| tick(py)));
                if let Err(error) = asked {
                    stop.store(true, Ordering::Relaxed);
                    raised = Some(error);
                }
            }
            let worked = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            raised.map_or(Ok(worked), Err)
        })
    })
}
