//! Runs one thread for each worker: starts it, hears what it says, notices its end, reaps it. The
//! thread lives exactly as long as the worker does, which the worker counts on: the kernel kills it
//! when the thread that started it ends.

mod exit;
mod handshake;
mod live;
mod load;
mod message;
mod spawn;

pub(in crate::supervisor) use load::Load;
pub(in crate::supervisor) use message::{Tell, WorkerExit, WorkerMessage};
pub(in crate::supervisor) use spawn::Birth;
pub use spawn::WorkerProgram;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Starts the thread of a worker.
///
/// # Errors
/// There is no thread left.
pub(in crate::supervisor) fn start(birth: Birth, tell: Tell) -> io::Result<()> {
    std::thread::Builder::new()
        .name(format!("worker-{}", birth.slot.0))
        .spawn(move || {
            let (slot, worker) = (birth.slot, birth.worker);
            let gone =
                catch_unwind(AssertUnwindSafe(|| live(&birth, &tell))).unwrap_or_else(|_| {
                    WorkerExit::never("internal error in the worker's thread".to_owned())
                });
            let _ = tell(slot, worker, vec![WorkerMessage::WorkerExit(gone)]);
        })
        .map(drop)
}

fn live(birth: &Birth, tell: &Tell) -> WorkerExit {
    match spawn::born(birth) {
        Ok(worker) => worker.run(|messages| tell(birth.slot, birth.worker, messages)),
        Err(error) => WorkerExit::never(error.to_string()),
    }
}
