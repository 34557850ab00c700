//! Each fault of a worker, once for real.

use super::setting::Setting;
use jldconv::supervisor::JobOutcome::{self, Converted, Failed, Skipped};
use jldconv::supervisor::{ExitCode, Fault, RunEvent, WorkerProgram};
use std::fs;
use std::time::Duration;

const FINE: &str = "fine";

#[test]
fn an_archive_is_converted() {
    let setting = Setting::new(&[FINE; 20]);
    let done = setting.run();
    let summary = done.summary();
    assert_eq!((summary.success, summary.failed, summary.pending), (20, 0, 0));
    assert_eq!(summary.exit_code(), ExitCode::Done);
    assert_eq!(summary.attempts, 20);
    assert_eq!(summary.bytes_read, 80);
    assert_eq!(summary.slots.iter().map(|slot| slot.jobs).sum::<u64>(), 20);
    assert!(summary.peak_rss_max > 0 && summary.memory_limit > 0);
    assert!(summary.files.iter().all(|file| file.peak_anon > 0 && file.attempts == 1));
    setting.nothing_is_half_done();
    setting.no_temporary_file_is_left();
    assert!(matches!(done.events.first(), Some(RunEvent::RunStarted(_))));
    assert!(matches!(done.events.last(), Some(RunEvent::RunFinished(_))));
    let started = done.events.iter().filter(|e| matches!(e, RunEvent::AttemptStarted { .. }));
    assert_eq!(started.count(), 20);
}

#[test]
fn again_does_nothing_again() {
    let mut setting = Setting::new(&[FINE, FINE, "bad"]);
    setting.run();
    let done = setting.run();
    assert_eq!(done.outcomes(), [Skipped, Skipped, Failed]);
    assert_eq!(done.summary().attempts, 0);
    assert!(done.file(3).message.as_deref().unwrap().contains("--resume-failed"));
    setting.settings.resume_failed = true;
    let done = setting.run();
    assert_eq!((done.summary().attempts, done.summary().failed), (1, 1));
    setting.settings.options.force = true;
    assert_eq!(setting.run().summary().success, 2);
}

#[test]
fn an_output_whose_input_changed_is_made_again_and_named() {
    let setting = Setting::new(&[FINE, FINE]);
    setting.run();
    fs::write(setting.settings.input_dir.join("output_00002.jld2"), "finer").unwrap();
    let done = setting.run();
    assert_eq!(done.outcomes(), [JobOutcome::Skipped, JobOutcome::Converted]);
    let Some(RunEvent::RunStarted(start)) = done.events.first() else { panic!() };
    assert_eq!(start.incomplete, ["output_00002.jld2"]);
    assert_eq!(start.stale[0].why, "the input changed (size 4 to 5 bytes)");
    assert_eq!(done.file(2).stale.as_deref(), Some("the input changed (size 4 to 5 bytes)"));
    setting.nothing_is_half_done();
}

#[test]
fn an_output_that_is_not_what_was_made_stays() {
    let setting = Setting::new(&[FINE, FINE]);
    setting.run();
    fs::write(setting.output(2), "fi").unwrap();
    let Err(error) = setting.run().result else { panic!() };
    assert_eq!(error.exit_code(), ExitCode::Usage);
    assert!(error.to_string().contains("output_00002.jld2: it has 2 bytes, not the 4"), "{error}");
    assert_eq!(fs::read(setting.output(2)).unwrap(), b"fi");
}

#[test]
fn without_a_journal_outputs_are_looked_at() {
    let setting = Setting::new(&[FINE, FINE]);
    setting.run();
    fs::remove_dir_all(setting.settings.output_dir.join(".jldconv")).unwrap();
    assert_eq!(setting.run().summary().skipped, 2);
}

/// A fault on the first try costs a try; one on every try costs the file, and no other.
fn fault(line: &str, cause: Fault, tries: u32) -> String {
    let once = format!("{line} first 1");
    let setting = Setting::new(&[FINE, &once, FINE, line, FINE]);
    let done = setting.run();
    assert_eq!(done.outcomes(), [Converted, Converted, Converted, Failed, Converted], "{line}");
    let (once, always) = (done.file(2), done.file(4));
    assert_eq!((once.attempts, once.faults.as_slice(), once.fault), (2, &[cause][..], None));
    assert_eq!((always.attempts, always.fault), (tries, Some(cause)));
    assert_eq!(done.summary().exit_code(), ExitCode::SomeFailed);
    assert_eq!(done.summary().faults[&cause], u64::from(tries) + 1);
    setting.nothing_is_half_done();
    setting.no_temporary_file_is_left();
    always.message.clone().unwrap()
}

#[test]
fn killed_from_outside() {
    let message = fault("kill", Fault::Killed, 3);
    assert!(message.contains("SIGKILL"), "{message}");
    let message = Setting::new(&["slow 400\nkill"]).run().file(1).message.clone().unwrap();
    assert!(message.contains("(phase copy, 6 of 13 bytes)"), "{message}");
}

#[test]
fn crashed() {
    let message = fault("segv", Fault::Crashed, 2);
    assert!(message.contains("SIGSEGV"), "{message}");
    fault("abort", Fault::Crashed, 2);
    let message = fault("exit", Fault::Crashed, 2);
    assert!(message.contains("exit code 7"), "{message}");
}

#[test]
fn crashed_by_a_file_cut_under_its_map() {
    let message = fault("bus", Fault::Crashed, 2);
    assert!(message.contains("SIGBUS") && message.contains("truncated"), "{message}");
}

#[test]
fn panicked() {
    let message = fault("panic", Fault::Internal, 2);
    assert!(message.contains("as the script says"), "{message}");
}

#[test]
fn failed_to_write() {
    let message = fault("denied", Fault::Output, 3);
    assert!(message.contains("permission denied"), "{message}");
}

#[test]
fn bad_inputs_and_outputs_are_lost_at_once() {
    for (line, cause) in [("bad", Fault::Input), ("verify", Fault::Verify)] {
        let done = Setting::new(&[FINE, line]).run();
        let file = done.file(2);
        assert_eq!((file.attempts, file.fault, file.outcome), (1, Some(cause), JobOutcome::Failed));
    }
}

#[test]
fn stalled() {
    let mut setting = Setting::new(&[FINE, "hang first 1", "hang", FINE]);
    setting.settings.stall_timeout = Duration::from_secs(2);
    let done = setting.run();
    assert_eq!((done.file(2).attempts, done.file(2).fault), (2, None));
    assert_eq!((done.file(3).attempts, done.file(3).fault), (2, Some(Fault::Stalled)));
    assert_eq!(done.summary().success, 3);
    setting.no_temporary_file_is_left();
}

#[test]
fn a_full_disk_pauses_the_run_or_fails_the_file() {
    let mut setting = Setting::new(&[FINE, "full first 1", FINE]);
    let done = setting.run();
    assert_eq!(done.summary().success, 3);
    let position = |wanted: fn(&RunEvent) -> bool| done.events.iter().position(wanted).unwrap();
    let paused = position(|event| matches!(event, RunEvent::Paused { .. }));
    let resumed = position(|event| matches!(event, RunEvent::Resumed { .. }));
    assert!(paused < resumed);
    assert!(done.summary().paused_seconds > 0.0);
    setting = Setting::new(&[FINE, "full", FINE]);
    setting.settings.on_full = jldconv::supervisor::OnFull::Fail;
    let done = setting.run();
    assert_eq!((done.summary().success, done.summary().failed), (2, 1));
    assert_eq!(done.file(2).fault, Some(Fault::Output));
}

#[test]
fn a_worker_that_writes_without_end_is_no_harm() {
    let done = Setting::new(&["wide\nsegv", FINE]).run();
    let message = done.file(1).message.clone().unwrap();
    assert!(message.contains("words words") && message.len() < 10_000);
    assert_eq!(done.summary().success, 1);
}

#[test]
fn idle_threads_go_to_the_last_file() {
    // With one worker left, all the machine's cores are its own.
    let cores = std::thread::available_parallelism().unwrap().get();
    let line = format!("threads {cores}");
    let mut setting = Setting::new(&[&line, "slow 300", "slow 300"]);
    setting.settings.threads_per_worker = jldconv::supervisor::Count::Auto;
    setting.settings.slurm.cpus_per_task = None;
    assert_eq!(setting.run().summary().success, 3);
}

#[test]
fn a_worker_that_cannot_be_started_ends_the_run_but_loses_nothing() {
    for (program, args, words) in [
        ("/nonexistent/program", vec![], "cannot start a worker"),
        ("/bin/sh", vec!["-c", "echo not a worker >&2; exit 3"], "not a worker"),
        ("/bin/sh", vec!["-c", "exec sleep 1000"], "did not say hello"),
    ] {
        let mut setting = Setting::new(&[FINE]);
        setting.settings.handshake_timeout = Duration::from_millis(200);
        let program =
            WorkerProgram { program: program.into(), args: args.iter().map(Into::into).collect() };
        let summary = setting.run_program(program);
        assert_eq!((summary.pending, summary.files.len()), (1, 0));
        assert_eq!(summary.exit_code(), ExitCode::Internal);
        let error = summary.error.unwrap();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_output_directory_that_vanishes_ends_the_run() {
    let setting = Setting::new(&["slow 400", "slow 400", FINE, FINE, FINE, FINE]);
    let mut first = true;
    let done = setting.run_with(&mut |event| {
        if matches!(event, RunEvent::AttemptStarted { .. }) && std::mem::take(&mut first) {
            fs::remove_dir_all(&setting.settings.output_dir).unwrap();
        }
    });
    let summary = done.summary();
    assert!(summary.error.as_deref().unwrap().contains("out"), "{:?}", summary.error);
    assert!(summary.pending > 0);
    assert!(!setting.settings.output_dir.exists(), "it is not made anew in the wrong place");
}

#[test]
fn where_descriptors_are_few_there_are_few_workers() {
    let setting = Setting::new(&["slow 50"; 40]);
    fs::write(setting.path().join("settings"), "workers=16\nnofile=40").unwrap();
    let mut running = setting.start();
    let code = running.0.wait().unwrap().code();
    assert_eq!(code, Some(ExitCode::Done as i32));
    let summary = setting.summary();
    assert_eq!((summary.success, summary.attempts), (40, 40));
    // How many get started depends on who is first; all sixteen never do.
    assert!(summary.workers_used < 16, "{}", summary.workers_used);
    let events = fs::read_to_string(setting.path().join("events")).unwrap();
    assert!(events.contains("a worker could not be used"), "{events}");
}
