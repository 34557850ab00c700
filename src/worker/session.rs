//! Holds a worker's conversation with its supervisor.

use super::fault::Faults;
use super::task::Runner;
use super::watch::{Order, Shared, WATCHER};
use crate::convert::{Failure, FailureKind, Observer};
use crate::julia::on_deep_stack;
use crate::protocol::{
    Assignment, Decoder, Ended, FromWorker, ToWorker, Token, VERSION, WireBytes,
};
use crate::sys::clock::monotonic_micros;
use crate::sys::process;
use interprocess::TryClone;
use interprocess::local_socket::Stream;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::warn;

/// How long a conversion may take to stop when the supervisor is gone.
const ORPHAN_GRACE: Duration = Duration::from_secs(1);
/// Longest message of a failure in bytes, so that it fits into a frame.
const MESSAGE_MAX: usize = 16 << 10;

/// Says hello and works until it is sent home (fine) or the supervisor is gone (an error).
pub(super) fn run(
    mut stream: Stream,
    token: Token,
    log: LevelFilter,
    tasks: &[&dyn Runner],
    faults: &Faults,
) -> io::Result<()> {
    let shared = Arc::new(Shared::new(Box::new(stream.try_clone()?)));
    let hello = FromWorker::Hello { version: VERSION, pid: std::process::id(), token };
    faults.shake_hands();
    shared.say(&hello)?;
    keep_panics();
    super::log::start(log, &shared);
    let listening = Arc::clone(&shared);
    std::thread::Builder::new().name("listen".into()).spawn(move || {
        let end = listen(&mut stream, &listening);
        let lost = end.is_err();
        // Without a supervisor nothing may be published any more: what does not stop is stopped.
        listening.no_more(end);
        if lost {
            std::thread::sleep(ORPHAN_GRACE);
            std::process::exit(1);
        }
    })?;
    let watching = Arc::clone(&shared);
    let watcher =
        std::thread::Builder::new().name(WATCHER.into()).spawn(move || watching.watch())?;
    let end = work(&shared, watcher.thread(), tasks, faults);
    shared.close(watcher.thread());
    end
}

/// Hears what the supervisor says until it sends the worker home or is gone.
fn listen(reader: &mut dyn Read, shared: &Shared) -> io::Result<()> {
    let mut decoder = Decoder::default();
    let mut bytes = [0; 16 << 10];
    loop {
        while let Some(message) = decoder.take().map_err(io::Error::other)? {
            match message {
                ToWorker::Assign { round, jobs } => shared.take_in_hand(round, jobs),
                ToWorker::SetThreads(threads) => shared.set_threads(threads),
                ToWorker::Recall => shared.give_back(false)?,
                ToWorker::Cancel => shared.give_back(true)?,
                ToWorker::Drain => return Ok(()),
            }
        }
        match reader.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => decoder.push(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Carries out what comes.
fn work(
    shared: &Shared,
    watcher: &std::thread::Thread,
    tasks: &[&dyn Runner],
    faults: &Faults,
) -> io::Result<()> {
    let first = match shared.next(watcher) {
        Order::Job(assignment) => assignment,
        Order::End(end) => return end,
    };
    // All jobs of a worker are of one task.
    let deep = tasks.iter().any(|task| task.deep() && task.name() == first.task);
    let all = || work_from(*first, shared, watcher, tasks, faults);
    if deep { on_deep_stack(all)? } else { all() }
}

fn work_from(
    first: Assignment,
    shared: &Shared,
    watcher: &std::thread::Thread,
    tasks: &[&dyn Runner],
    faults: &Faults,
) -> io::Result<()> {
    let mut next = Some(first);
    loop {
        let assignment = match next.take().map_or_else(|| shared.next(watcher), Order::of) {
            Order::Job(assignment) => *assignment,
            Order::End(end) => return end,
        };
        let began = monotonic_micros();
        shared.meter.begin();
        let Assignment { job, attempt, data_limit, rest_limit, .. } = assignment;
        let files = assignment.files();
        let task = tasks.iter().find(|task| task.name() == assignment.task);
        // A limit that cannot be set is a protection less, no reason to refuse work.
        if let Err(error) = process::limit_data(data_limit) {
            warn!(error = %error, limit = data_limit, "memory of the worker is not limited");
        }
        let (result, measured) = {
            let mischief = faults.begin(&files, attempt);
            let perform = |observer: &dyn Observer| match task {
                Some(task) => task.run(&files, &assignment.options.0, observer),
                None => Err(Failure::new(
                    FailureKind::Internal,
                    format!("no task is called {}", assignment.task),
                )),
            };
            let result = catch_unwind(AssertUnwindSafe(|| mischief.around(shared, perform)));
            let result = result.unwrap_or_else(|_| {
                let panic = last_panic();
                warn!(panic = panic.as_str(), "task panicked");
                Err(Failure::new(FailureKind::Internal, panic))
            });
            if let (Err(_), Some(task)) = (&result, task) {
                // A panic leaves it behind; whoever failed in order has removed it.
                task.clean(&files);
            }
            // What misbehaves is there until the memory was measured.
            (result, shared.meter.end())
        };
        // After a failure the supervisor decides anew what is done next, and by whom.
        let gives_back = result.is_err() || measured.rest > rest_limit;
        let result = result.map(WireBytes).map_err(trim_failure);
        let time = (began, monotonic_micros());
        shared.over(Ended { job, attempt, result, measured, time, gives_back })?;
    }
}

static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps the words of a panic for the report, and writes them to stderr as usual.
fn keep_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic_words(info));
        usual(info);
    }));
}

fn last_panic() -> String {
    let words = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    words.unwrap_or_else(|| "a panic without a message".to_owned())
}

/// A panic on one line: where it was, and what was said.
fn panic_words(info: &PanicHookInfo<'_>) -> String {
    let at = info.location().map_or_else(String::new, |location| format!(" at {location}"));
    let said = info.payload_as_str().unwrap_or("without words");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("a panic{at}: {said}")
}

fn trim_failure(mut failure: Failure) -> Failure {
    failure.message = shortened(failure.message);
    failure
}

/// A message that fits into a frame with much else.
pub fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE_MAX {
        let end = message.floor_char_boundary(MESSAGE_MAX);
        message.truncate(end);
        message.push_str(" ...");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_fits_into_a_frame() {
        let ended = Ended {
            job: u32::MAX,
            attempt: u32::MAX,
            result: Err(trim_failure(Failure::new(FailureKind::Input, "ä".repeat(1 << 20)))),
            measured: crate::protocol::Measured::default(),
            time: (0, u64::MAX),
            gives_back: true,
        };
        crate::protocol::encode(&FromWorker::Outcome(Box::new(ended))).unwrap();
    }
}
