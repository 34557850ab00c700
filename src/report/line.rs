//! Prints one event as one line of text; most events are not worth one.

use super::color::{Paint, Tone};
use crate::convert::{Mode, Phase};
use crate::supervisor::{
    Fault, JobOutcome, JobRecord, LiveState, RunEvent, SafetyStep, SlotStatus, Status, TakingAlong,
    Tracker,
};
use crate::text;
use std::fmt::Write as _;

/// Most characters of a message on a line.
const MESSAGE: usize = 400;

/// A slot that shows nothing new for so many seconds is worth a word.
pub(super) const STILL: f64 = 3.0;

/// How much of a run deserves a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Every file.
    Files,
    /// What did not go as it should; files are shown by bars.
    Troubles,
}

/// The line for `event`, if it deserves one; `tracker` has taken note of it already.
pub(super) fn line(event: &RunEvent, tracker: &Tracker, detail: Detail) -> Option<String> {
    Some(match event {
        RunEvent::JobFinished(record) => {
            if record.outcome != JobOutcome::Failed && detail == Detail::Troubles {
                return None;
            }
            let ended = ended(record);
            if tracker.counted() { format!("{} {ended}", place(tracker)) } else { ended }
        }
        RunEvent::AttemptFailed { name, cause: Fault::Stopped, .. } if tracker.stops() => {
            let name = text::tame(name);
            format!("{} stopped    {name}: it comes again in the next run", place(tracker))
        }
        RunEvent::AttemptFailed { name, attempt, cause, message, will_retry: true, .. } => {
            let (name, message) = (text::tame(name), short(message));
            format!("{} retry      {name}: {cause} in attempt {attempt}: {message}", place(tracker))
        }
        RunEvent::Concurrency { allowed, slots, reason } => {
            let why = reason.why();
            format!("workers: {allowed} of {slots} from now on: {why}")
        }
        RunEvent::SafetyViolation { used, budget, limit, count, step } => {
            let what = match step {
                SafetyStep::Hold => "no new file starts",
                SafetyStep::Ask => "the youngest worker is asked to stop; its file comes again",
                SafetyStep::Kill => "the youngest worker is killed; its file comes again",
            };
            let [used, budget, limit] = [used, budget, limit].map(|value| text::bytes(*value));
            format!(
                "memory: {used} in use, above the margin of {budget} of {limit} \
                 (violation {count}): {what}"
            )
        }
        RunEvent::Paused { message } => {
            format!("paused: {}; goes on when there is space", short(message))
        }
        RunEvent::Resumed { seconds } => format!("goes on after {}", text::seconds(*seconds)),
        RunEvent::Draining { reason, grace_seconds, running } => {
            let files = text::count(u64::from(*running), "running file");
            let grace = text::seconds(*grace_seconds);
            format!("{reason}: finishing {files} (at most {grace}), no new ones; again: stop now")
        }
        RunEvent::Stopping { reason } => format!("{reason}: running files are stopped"),
        RunEvent::Warning { message } => format!("warning: {}", short(message)),
        RunEvent::Status(status) => status_block(status),
        RunEvent::Examining { done, total } => {
            format!("outputs that are there are looked at: {done} of {total}")
        }
        RunEvent::TakingAlong(taking) => taking_along(taking),
        RunEvent::RunStarted(_)
        | RunEvent::AttemptStarted { .. }
        | RunEvent::Progress { .. }
        | RunEvent::AttemptFailed { .. }
        | RunEvent::Memory(_)
        | RunEvent::RunFinished(_) => return None,
    })
}

/// How far a run is with files that are not JLD2.
pub(super) fn taking_along(taking: &TakingAlong) -> String {
    let files = text::count(taking.files, "other file");
    if taking.done == 0 {
        return format!("{files} to be taken along");
    }
    format!("{} of {files} taken along, {} copied", taking.done, text::bytes(taking.bytes))
}

/// A line that shows that the run goes on, where there is nothing else to tell.
pub(super) fn heartbeat(tracker: &Tracker, at: f64) -> String {
    let busy: Vec<String> = tracker
        .busy()
        .values()
        .map(|busy| {
            let phase = busy.phase.map_or("start", Phase::name);
            let mut text =
                format!("{} {phase} {:.0} %", text::tame(&busy.name), busy.share * 100.0);
            if at - busy.moved >= STILL {
                let _ = write!(text, ", nothing new for {}", text::seconds(at - busy.moved));
            }
            text
        })
        .collect();
    let state = match tracker.state() {
        LiveState::Paused => "paused, no space; ",
        LiveState::Draining => "finishing; ",
        LiveState::Stopping => "stopping; ",
        LiveState::Starting | LiveState::Running | LiveState::TakingAlong | LiveState::Finished => {
            ""
        }
    };
    let files = text::count(busy.len() as u64, "file");
    let which = if busy.is_empty() { String::new() } else { format!(": {}", text::few(&busy, 3)) };
    format!("{} {state}{files} at work{which}", place(tracker))
}

/// `line`, which is that of `event`, with the word coloured that says how it is to be taken.
pub(super) fn colored(line: &str, event: &RunEvent, paint: Paint) -> String {
    let (word, tone) = match event {
        RunEvent::JobFinished(record) => match record.outcome {
            JobOutcome::Converted => ("converted", Tone::Good),
            JobOutcome::Failed => ("failed", Tone::Bad),
            JobOutcome::Unchanged | JobOutcome::Skipped => return line.to_owned(),
        },
        RunEvent::AttemptFailed { .. } => ("retry", Tone::Odd),
        RunEvent::SafetyViolation { .. } => ("memory", Tone::Odd),
        RunEvent::Warning { .. } => ("warning", Tone::Odd),
        RunEvent::Paused { .. } => ("paused", Tone::Odd),
        _ => return line.to_owned(),
    };
    paint.word(line, word, tone)
}

fn place(tracker: &Tracker) -> String {
    let width = tracker.jobs().to_string().len();
    format!("[{:>width$}/{}]", tracker.ended(), tracker.jobs())
}

fn ended(record: &JobRecord) -> String {
    let name = text::tame(&record.name);
    match record.outcome {
        JobOutcome::Converted => {
            let [before, after] = [record.bytes_in, record.bytes_out].map(text::bytes);
            let [appended, replaced, peak] =
                [record.bytes_appended, record.bytes_replaced, record.peak_anon].map(text::bytes);
            let how = match record.mode {
                Some(Mode::Rewrite) => "rewrite".to_owned(),
                mode => {
                    let mode = if mode == Some(Mode::InPlace) { "in place" } else { "patch" };
                    format!("{mode}, {appended} appended, {replaced} replaced")
                }
            };
            let seconds = text::seconds(record.seconds);
            format!(
                "converted  {name}  {before} to {after} in {seconds}, {how}, memory {peak}{}",
                besides(record)
            )
        }
        JobOutcome::Unchanged => {
            format!("unchanged  {name}  {}{}", text::bytes(record.bytes_in), besides(record))
        }
        JobOutcome::Skipped => format!("skipped    {name}  {}", said(record)),
        JobOutcome::Failed => {
            let cause = record.fault.map_or_else(String::new, |cause| format!("{cause}: "));
            format!("failed     {name}  {cause}{}", said(record))
        }
    }
}

/// What is to be told of a file that went well: the check that it passed, and whatever else there is.
fn besides(record: &JobRecord) -> String {
    let changed = record.outcome == JobOutcome::Converted;
    let mut said =
        record.verify.map_or_else(String::new, |level| format!(", {}", level.told(changed)));
    if let Some(message) = &record.message {
        said.push_str("; ");
        said.push_str(&short(message));
    }
    let mut failures = record.failures();
    if let Some(first) = failures.next() {
        let more = text::and_more(failures.count() as u64);
        let _ = write!(said, "; failure{more}: {}", short(first));
    }
    said
}

/// What a record says; the path is left out that it begins with, for the name stands before it.
pub(super) fn said(record: &JobRecord) -> String {
    short(text::after_path(record.message.as_deref().unwrap_or("no message"), &record.name))
}

/// A message on one line, cut where it is very long.
pub(super) fn short(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let tame = text::tame(&lines.collect::<Vec<_>>().join(" "));
    match tame.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{} ...", tame.get(..end).unwrap_or_default()),
        None => tame,
    }
}

/// The block that SIGUSR1 asks for.
fn status_block(status: &Status) -> String {
    let mut block = String::new();
    let state = match (status.paused, status.draining) {
        (true, _) => ", paused: the disk is full",
        (false, true) => ", takes no new files",
        (false, false) => "",
    };
    let Status { done, failed, skipped, waiting, allowed, .. } = status;
    let busy: Vec<&SlotStatus> = status.slots.iter().filter(|it| it.name.is_some()).collect();
    let _ = writeln!(
        block,
        "status after {}{state}: {done} done, {failed} failed, {skipped} skipped, {} running, \
         {waiting} waiting",
        text::seconds(status.seconds),
        busy.len(),
    );
    let memory = &status.memory;
    let _ = write!(
        block,
        "  memory  {} of {} in use, margin {}, violations {}; workers allowed: {allowed}",
        text::bytes(memory.used),
        text::bytes(memory.limit),
        text::bytes(memory.budget),
        status.safety_violations,
    );
    for slot in busy {
        let phase = slot.phase.map_or_else(|| "starts".to_owned(), |phase| phase.name().into());
        let _ = write!(
            block,
            "\n  slot {:<2} pid {} {} {phase} {} of {}, attempt {}, {}, memory {}",
            slot.slot.shown(),
            slot.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            text::tame(slot.name.as_deref().unwrap_or_default()),
            text::bytes(slot.done),
            text::bytes(slot.total),
            slot.attempt,
            text::seconds(slot.seconds),
            text::bytes(slot.anon),
        );
    }
    block
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::convert::VerifyLevel;
    use crate::report::header::tests::start;
    use crate::supervisor::{ConcurrencyReason, JobId, MemoryStatus, SlotId};

    pub(in crate::report) fn record(number: u64, outcome: JobOutcome) -> JobRecord {
        let name = format!("output_{number:05}.jld2");
        let mut record = JobRecord::bare(&name, Some(number), outcome, 897_294);
        record.attempts = 1;
        record.seconds = 0.123;
        record.peak_rss = 12 << 20;
        record.peak_anon = 9 << 20;
        match outcome {
            JobOutcome::Converted => {
                record.mode = Some(Mode::Patch);
                record.bytes_out = 921_000;
                record.bytes_appended = 23_706;
                record.bytes_replaced = 312;
                record.verify = Some(VerifyLevel::Structure);
            }
            JobOutcome::Failed => {
                record.fault = Some(Fault::Input);
                record.message =
                    Some(format!("/data/old/{name}: not a JLD2 file: no signature at byte 0\n"));
            }
            JobOutcome::Skipped => {
                record.attempts = 0;
                record.message = Some("complete output there".into());
            }
            JobOutcome::Unchanged => record.bytes_out = 897_294,
        }
        record
    }

    /// An attempt at a file begins.
    pub(in crate::report) fn begun(number: u64) -> RunEvent {
        RunEvent::AttemptStarted {
            slot: SlotId(0),
            job: JobId(0),
            name: format!("output_{number:05}.jld2"),
            bytes: 897_294,
            attempt: 1,
            pid: 7,
        }
    }

    fn lines(events: &[RunEvent], detail: Detail) -> String {
        let mut tracker = Tracker::default();
        let mut text = String::new();
        for event in events {
            tracker.note(event, 0.0);
            if let Some(line) = line(event, &tracker, detail) {
                writeln!(text, "{line}").unwrap();
            }
        }
        text
    }

    fn events() -> Vec<RunEvent> {
        let failed = |will_retry| RunEvent::AttemptFailed {
            slot: SlotId(0),
            job: JobId(3),
            name: "output_00103.jld2".into(),
            attempt: 1,
            cause: Fault::OutOfMemory,
            message: "killed by the kernel; it needed 120.0 MiB".into(),
            will_retry,
        };
        let violation = |step, count| RunEvent::SafetyViolation {
            used: 21 << 30,
            budget: 19 << 30,
            limit: 24 << 30,
            count,
            step,
        };
        vec![
            RunEvent::RunStarted(start()),
            RunEvent::JobFinished(record(100, JobOutcome::Skipped)),
            begun(101),
            RunEvent::JobFinished(record(101, JobOutcome::Converted)),
            begun(102),
            RunEvent::JobFinished(record(102, JobOutcome::Unchanged)),
            begun(103),
            failed(true),
            RunEvent::Concurrency { allowed: 1, slots: 2, reason: ConcurrencyReason::OutOfMemory },
            failed(false),
            RunEvent::JobFinished(record(103, JobOutcome::Failed)),
            violation(SafetyStep::Hold, 1),
            violation(SafetyStep::Ask, 1),
            violation(SafetyStep::Kill, 1),
            RunEvent::Concurrency { allowed: 2, slots: 2, reason: ConcurrencyReason::Quiet },
            RunEvent::Paused { message: "/data/new: no space left".into() },
            RunEvent::Resumed { seconds: 75.0 },
            RunEvent::Warning { message: "the journal has a torn last line; ignored".into() },
            RunEvent::Draining { reason: "SIGTERM".into(), grace_seconds: 60.0, running: 1 },
            RunEvent::Stopping { reason: "SIGTERM again".into() },
        ]
    }

    #[test]
    fn every_file_has_a_line() {
        insta::assert_snapshot!(lines(&events(), Detail::Files), @r"
        skipped    output_00100.jld2  complete output there
        [ 1/10] converted  output_00101.jld2  876.3 KiB to 899.4 KiB in 0.1 s, patch, 23.2 KiB appended, 312 B replaced, memory 9.0 MiB, checked by structure
        [ 2/10] unchanged  output_00102.jld2  876.3 KiB
        [ 2/10] retry      output_00103.jld2: out of memory in attempt 1: killed by the kernel; it needed 120.0 MiB
        workers: 1 of 2 from now on: a worker ran out of memory
        [ 3/10] failed     output_00103.jld2  input: not a JLD2 file: no signature at byte 0
        memory: 21.0 GiB in use, above the margin of 19.0 GiB of 24.0 GiB (violation 1): no new file starts
        memory: 21.0 GiB in use, above the margin of 19.0 GiB of 24.0 GiB (violation 1): the youngest worker is asked to stop; its file comes again
        memory: 21.0 GiB in use, above the margin of 19.0 GiB of 24.0 GiB (violation 1): the youngest worker is killed; its file comes again
        workers: 2 of 2 from now on: no trouble for a while
        paused: /data/new: no space left; goes on when there is space
        goes on after 1:15
        warning: the journal has a torn last line; ignored
        SIGTERM: finishing 1 running file (at most 1:00), no new ones; again: stop now
        SIGTERM again: running files are stopped
        ");
    }

    #[test]
    fn beside_bars_only_troubles_have_one() {
        insta::assert_snapshot!(lines(&events(), Detail::Troubles), @r"
        [ 2/10] retry      output_00103.jld2: out of memory in attempt 1: killed by the kernel; it needed 120.0 MiB
        workers: 1 of 2 from now on: a worker ran out of memory
        [ 3/10] failed     output_00103.jld2  input: not a JLD2 file: no signature at byte 0
        memory: 21.0 GiB in use, above the margin of 19.0 GiB of 24.0 GiB (violation 1): no new file starts
        memory: 21.0 GiB in use, above the margin of 19.0 GiB of 24.0 GiB (violation 1): the youngest worker is asked to stop; its file comes again
        memory: 21.0 GiB in use, above the margin of 19.0 GiB of 24.0 GiB (violation 1): the youngest worker is killed; its file comes again
        workers: 2 of 2 from now on: no trouble for a while
        paused: /data/new: no space left; goes on when there is space
        goes on after 1:15
        warning: the journal has a torn last line; ignored
        SIGTERM: finishing 1 running file (at most 1:00), no new ones; again: stop now
        SIGTERM again: running files are stopped
        ");
    }

    #[test]
    fn lines_of_a_message_become_one() {
        assert_eq!(short("TOML parse error\n  |\n1 | x\r\n\n"), "TOML parse error | 1 | x");
    }

    #[test]
    fn messages_are_cut_and_tamed() {
        let mut wild = record(104, JobOutcome::Failed);
        wild.name = "output_\u{1b}[31m.jld2".into();
        wild.message = Some("é\u{7}".repeat(1000));
        let text = lines(&[RunEvent::JobFinished(wild)], Detail::Files);
        assert!(text.trim_end().chars().count() < 500 && text.ends_with(" ...\n"));
        assert!(!text.trim_end().chars().any(char::is_control), "{text}");
    }

    #[test]
    fn the_status_that_usr1_asks_for() {
        let slot = |slot, name: Option<&str>, phase| SlotStatus {
            slot: SlotId(slot),
            pid: name.map(|_| 4711 + slot),
            name: name.map(str::to_owned),
            attempt: 1,
            phase,
            done: 512 << 20,
            total: 2 << 30,
            seconds: 3.4,
            anon: 9 << 20,
        };
        let status = Status {
            seconds: 754.0,
            waiting: 5,
            done: 3,
            failed: 1,
            skipped: 2,
            allowed: 2,
            paused: false,
            draining: true,
            memory: MemoryStatus {
                limit: 24 << 30,
                limit_source: "physical memory".into(),
                budget: 19 << 30,
                used: 2 << 30,
            },
            safety_violations: 0,
            slots: vec![
                slot(0, Some("output_00104.jld2"), Some(Phase::Copy)),
                slot(1, None, None),
                slot(2, Some("output_00105.jld2"), None),
            ],
        };
        insta::assert_snapshot!(lines(&[RunEvent::Status(status)], Detail::Troubles), @r"
        status after 12:34, takes no new files: 3 done, 1 failed, 2 skipped, 2 running, 5 waiting
          memory  2.0 GiB of 24.0 GiB in use, margin 19.0 GiB, violations 0; workers allowed: 2
          slot 1  pid 4711 output_00104.jld2 copy 512.0 MiB of 2.0 GiB, attempt 1, 3.4 s, memory 9.0 MiB
          slot 3  pid 4713 output_00105.jld2 starts 512.0 MiB of 2.0 GiB, attempt 1, 3.4 s, memory 9.0 MiB
        ");
    }
}
