//! A worker's conversation with its supervisor.

use super::fault::Faults;
use super::watch::{Shared, WATCHER};
use crate::convert::publish::{Destination, Existing};
use crate::convert::{
    Claim, Examined, Failure, FailureKind, FileReport, Job, Observer, Options, Recheck, Wanted,
};
use crate::protocol::{
    Assignment, Decoder, Ended, FromWorker, Product, Task, ToWorker, Token, VERSION,
};
use crate::sys::dir::Missing;
use crate::sys::process;
use crate::sys::stat::StatData;
use interprocess::TryClone;
use interprocess::local_socket::Stream;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::warn;

/// How long a conversion may take to stop when the supervisor is gone.
const ORPHAN_GRACE: Duration = Duration::from_secs(1);
/// Longest message of a failure in bytes, so that it fits into a frame.
const MESSAGE_MAX: usize = 16 << 10;
/// Bytes of findings that are reported; more help nobody.
const FINDINGS_MAX: usize = 256 << 10;

/// What a worker does with files.
pub trait Convert: Sync {
    /// See [`Converter::convert_over`](crate::convert::Converter::convert_over).
    ///
    /// # Errors
    /// See there.
    fn convert(
        &self,
        job: &Job,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<FileReport, Failure>;

    /// See [`Converter::examine`](crate::convert::Converter::examine).
    ///
    /// # Errors
    /// See there.
    fn examine(
        &self,
        job: &Job,
        wanted: &Wanted,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Examined, Failure>;

    /// See [`Converter::recheck`](crate::convert::Converter::recheck).
    ///
    /// # Errors
    /// See there.
    fn recheck(
        &self,
        job: &Job,
        claim: &Claim,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Recheck, Failure>;
}

/// Says hello and converts until it is sent home (fine) or the supervisor is gone (an error).
pub(super) fn run(
    mut stream: Stream,
    token: Token,
    log: LevelFilter,
    convert: &dyn Convert,
    faults: &Faults,
) -> io::Result<()> {
    let shared = Arc::new(Shared::new(Box::new(stream.try_clone()?)));
    let hello = FromWorker::Hello { version: VERSION, pid: std::process::id(), token };
    faults.shake_hands();
    shared.say(&hello)?;
    keep_panics();
    super::log::start(log, &shared);
    let (sender, jobs) = channel();
    let listening = Arc::clone(&shared);
    std::thread::Builder::new().name("listen".into()).spawn(move || {
        let end = listen(&mut stream, &listening, &sender);
        let lost = end.is_err();
        let _ = sender.send(Order::End(end));
        if lost {
            // Nothing may be published any more: what does not stop is stopped.
            listening.cancel();
            std::thread::sleep(ORPHAN_GRACE);
            std::process::exit(1);
        }
    })?;
    let watching = Arc::clone(&shared);
    let watcher =
        std::thread::Builder::new().name(WATCHER.into()).spawn(move || watching.watch())?;
    let end = work(&jobs, &shared, watcher.thread(), convert, faults);
    shared.close(watcher.thread());
    end
}

enum Order {
    Job(Box<Assignment>),
    End(io::Result<()>),
}

/// Hears what the supervisor says until it sends the worker home or is gone.
fn listen(reader: &mut dyn Read, shared: &Shared, jobs: &Sender<Order>) -> io::Result<()> {
    let mut decoder = Decoder::default();
    let mut bytes = [0; 16 << 10];
    loop {
        while let Some(message) = decoder.take().map_err(io::Error::other)? {
            match message {
                ToWorker::Assign(assignment) => {
                    shared.assigned(assignment.threads());
                    if jobs.send(Order::Job(assignment)).is_err() {
                        return Ok(());
                    }
                }
                ToWorker::SetThreads(threads) => shared.set_threads(threads),
                ToWorker::Cancel => shared.cancel(),
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

/// Converts what comes.
fn work(
    jobs: &Receiver<Order>,
    shared: &Shared,
    watcher: &std::thread::Thread,
    convert: &dyn Convert,
    faults: &Faults,
) -> io::Result<()> {
    for order in jobs {
        let assignment = match order {
            Order::Job(assignment) => *assignment,
            Order::End(end) => return end,
        };
        let (job, attempt, limit) = (assignment.job, assignment.attempt, assignment.data_limit);
        let (files, task, options) = assignment.into_job();
        shared.begin(job, attempt, watcher);
        // A limit that cannot be set is a protection less, no reason to refuse work.
        if let Err(error) = process::limit_data(limit) {
            warn!(error = %error, limit, "memory of the worker is not limited");
        }
        let (result, measured) = {
            let mischief = faults.begin(&files, attempt);
            let result = catch_unwind(AssertUnwindSafe(|| {
                mischief
                    .around(shared, |observer| perform(convert, &files, task, &options, observer))
            }));
            let result = result.unwrap_or_else(|_| {
                let panic = last_panic();
                warn!(panic = panic.as_str(), "conversion panicked");
                Err(Failure::new(FailureKind::Internal, panic))
            });
            if result.is_err() {
                // A panic leaves it behind; whoever failed in order has removed it.
                remove_rest(&files);
            }
            // What misbehaves is there until the memory was measured.
            (result, shared.meter.end())
        };
        shared.end();
        let result = result.map(trim_product).map_err(trim_failure);
        let ended = Ended { job, attempt, result, measured };
        shared.say(&FromWorker::Outcome(Box::new(ended)))?;
    }
    Ok(())
}

/// Does what was asked for.
fn perform(
    convert: &dyn Convert,
    job: &Job,
    task: Task,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Product, Failure> {
    let (existing, leftover, recheck) = match task {
        Task::Examine(wanted) => {
            let examined = convert.examine(job, &wanted, options, observer)?;
            return Ok(Product::Examined(Box::new(examined)));
        }
        Task::Convert { existing, leftover, recheck } => (existing, leftover, recheck),
    };
    let existing = after(leftover, existing.into(), job);
    match recheck {
        None => convert.convert(job, &existing, options, observer).map(Product::Made),
        Some(claim) => match convert.recheck(job, &claim, &existing, options, observer)? {
            Recheck::Held(claim) => Ok(Product::Held(Box::new(claim))),
            Recheck::Remade(report, why) => Ok(Product::Remade(report, why)),
        },
    }
}

/// What may be replaced after an attempt that died while it published `leftover`: that, if it is
/// there.
fn after(leftover: Option<StatData>, existing: Existing, job: &Job) -> Existing {
    let Some(leftover) = leftover else { return existing };
    match StatData::entry(&job.output) {
        Ok(Some((now, rustix::fs::FileType::RegularFile))) if now.same_but_for_ctime(&leftover) => {
            Existing::Replace(now)
        }
        _ => existing,
    }
}

/// Removes the temporary file of a job that panicked; what cannot be removed is swept by the next
/// run.
fn remove_rest(job: &Job) {
    let dir = Destination::open(&job.output).and_then(|to| to.own(&job.temp_dir, Missing::Fail));
    if let Ok(dir) = dir {
        let _ = dir.remove(std::ffi::OsStr::new(&job.temp_name));
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
    words.unwrap_or_else(|| "a panic without words".to_owned())
}

/// A panic on one line: where it was, and what was said.
fn panic_words(info: &PanicHookInfo<'_>) -> String {
    let at = info.location().map_or_else(String::new, |location| format!(" at {location}"));
    let said = info.payload_as_str().unwrap_or("without words");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("a panic{at}: {said}")
}

fn trim_product(product: Product) -> Product {
    match product {
        Product::Made(report) => Product::Made(trim_report(report)),
        Product::Remade(report, why) => Product::Remade(trim_report(report), shortened(why)),
        Product::Held(claim) => Product::Held(claim),
        Product::Examined(mut examined) => {
            examined.compared = examined.compared.map(|compared| compared.map_err(shortened));
            Product::Examined(examined)
        }
    }
}

fn trim_report(mut report: FileReport) -> FileReport {
    let mut room = FINDINGS_MAX;
    let mut kept = 0;
    for finding in &report.findings {
        // Beside its text each line takes a few bytes of the frame.
        let Some(rest) = room.checked_sub(finding.len() + 16) else { break };
        room = rest;
        kept += 1;
    }
    let dropped = report.findings.len() - kept;
    if dropped > 0 {
        report.findings.truncate(kept);
        report.findings.push(format!("and {dropped} more"));
    }
    report
}

fn trim_failure(mut failure: Failure) -> Failure {
    failure.message = shortened(failure.message);
    failure
}

fn shortened(mut message: String) -> String {
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
    use crate::convert::{Mode, Outcome, VerifyLevel};

    fn report(findings: Vec<String>) -> FileReport {
        FileReport {
            outcome: Outcome::Converted,
            mode: Mode::Patch,
            findings,
            bytes_in: 1,
            bytes_out: 1,
            bytes_appended: 0,
            bytes_replaced: 0,
            verify: VerifyLevel::Structure,
            digest: None,
            claim: None,
            changed_before: None,
        }
    }

    #[test]
    fn whatever_comes_out_fits_into_a_frame() {
        for findings in [vec!["x".repeat(5 << 20)], vec!["y".repeat(9); 1 << 20], vec!["z".into()]]
        {
            let count = findings.len();
            let trimmed = trim_report(report(findings));
            assert!(count == 1 || trimmed.findings.len() > 1000);
            assert!(trimmed.findings.len() <= count);
            let failure = trim_failure(Failure::new(FailureKind::Input, "ä".repeat(1 << 20)));
            for result in [Ok(trimmed), Err(failure)] {
                let ended = Ended {
                    job: u32::MAX,
                    attempt: u32::MAX,
                    result: result.map(Product::Made),
                    measured: crate::protocol::Measured::default(),
                };
                crate::protocol::encode(&FromWorker::Outcome(Box::new(ended))).unwrap();
            }
        }
        assert_eq!(trim_report(report(vec!["z".into()])).findings, ["z"]);
    }
}
