//! Signals, resuming, and the death of the supervisor.

use super::setting::{Setting, alive, signal, wait_until};
use jldconv::supervisor::{ExitCode, RunEvent};
use std::fs;
use std::time::{Duration, Instant};

fn events(setting: &Setting) -> Vec<RunEvent> {
    let text = fs::read_to_string(setting.path().join("events")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn exit_code(running: &mut super::setting::Running) -> i32 {
    running.0.wait().unwrap().code().unwrap()
}

#[test]
fn the_first_signal_lets_running_files_finish() {
    let setting = Setting::new(&["slow 500"; 12]);
    let mut running = setting.start();
    running.wait_for_workers(3);
    wait_until("attempts", || {
        let started = |e: &&RunEvent| matches!(e, RunEvent::AttemptStarted { .. });
        (events(&setting).iter().filter(started).count() >= 3).then_some(())
    });
    signal(running.0.id(), libc::SIGTERM);
    assert_eq!(exit_code(&mut running), ExitCode::Interrupted as i32);
    let summary = setting.summary();
    assert!(summary.interrupted && summary.success >= 3 && summary.pending > 0);
    assert_eq!(summary.success + summary.pending, 12);
    assert_eq!(summary.faults.len(), 0, "nobody was stopped");
    setting.no_temporary_file_is_left();
    setting.nothing_is_half_done();
    // The next run ends what this one began.
    let mut running = setting.start();
    assert_eq!(exit_code(&mut running), ExitCode::Done as i32);
}

#[test]
fn the_second_signal_stops_at_once() {
    let setting = Setting::new(&["slow 60000"; 6]);
    let mut running = setting.start();
    wait_until("attempts", || (events(&setting).len() > 3).then_some(()));
    let began = Instant::now();
    signal(running.0.id(), libc::SIGINT);
    wait_until("the drain", || {
        events(&setting).iter().any(|e| matches!(e, RunEvent::Draining { .. })).then_some(())
    });
    signal(running.0.id(), libc::SIGINT);
    assert_eq!(exit_code(&mut running), ExitCode::Interrupted as i32);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(setting.summary().pending, 6);
    setting.no_temporary_file_is_left();
}

#[test]
fn who_does_not_stop_is_killed_after_the_grace() {
    let setting = Setting::new(&["hang"; 3]);
    fs::write(setting.path().join("settings"), "grace=300").unwrap();
    let mut running = setting.start();
    let workers = running.wait_for_workers(3);
    wait_until("attempts", || {
        let started = |e: &&RunEvent| matches!(e, RunEvent::AttemptStarted { .. });
        (events(&setting).iter().filter(started).count() >= 3).then_some(())
    });
    signal(running.0.id(), libc::SIGTERM);
    assert_eq!(exit_code(&mut running), ExitCode::Interrupted as i32);
    assert!(workers.iter().all(|pid| !alive(*pid)));
    setting.no_temporary_file_is_left();
}

#[test]
fn sigusr1_asks_for_the_status_or_drains() {
    let setting = Setting::new(&["slow 700"; 4]);
    let mut running = setting.start();
    wait_until("attempts", || (events(&setting).len() > 4).then_some(()));
    signal(running.0.id(), libc::SIGUSR1);
    wait_until("a status", || {
        events(&setting).iter().find_map(|event| match event {
            RunEvent::Status(status) => Some(status.slots.len() == 3 && status.allowed == 3),
            _ => None,
        })
    });
    assert_eq!(exit_code(&mut running), ExitCode::Done as i32);

    let setting = Setting::new(&["slow 700"; 9]);
    fs::write(setting.path().join("settings"), "usr1=").unwrap();
    let mut running = setting.start();
    wait_until("attempts", || (events(&setting).len() > 4).then_some(()));
    signal(running.0.id(), libc::SIGUSR1);
    signal(running.0.id(), libc::SIGUSR1);
    assert_eq!(exit_code(&mut running), ExitCode::Interrupted as i32);
    assert_eq!(setting.summary().faults.len(), 0, "the second one did not stop anybody");
}

#[test]
fn workers_do_not_outlive_their_supervisor() {
    for _ in 0..5 {
        let setting = Setting::new(&["hang", "slow 60000", "slow 60000"]);
        let running = setting.start();
        let workers = running.wait_for_workers(3);
        signal(running.0.id(), libc::SIGKILL);
        let killed = Instant::now();
        wait_until("the workers' end", || workers.iter().all(|pid| !alive(*pid)).then_some(()));
        assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
        setting.nothing_is_half_done();
    }
}

#[test]
fn workers_are_deaf_to_the_signals_of_groups() {
    let setting = Setting::new(&["slow 800"; 3]);
    let mut running = setting.start();
    let workers = running.wait_for_workers(3);
    wait_until("attempts", || {
        let started = |e: &&RunEvent| matches!(e, RunEvent::AttemptStarted { .. });
        (events(&setting).iter().filter(started).count() >= 3).then_some(())
    });
    for worker in workers {
        for number in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGHUP] {
            signal(worker, number);
        }
    }
    assert_eq!(exit_code(&mut running), ExitCode::Done as i32);
    assert_eq!(setting.summary().attempts, 3);
}

#[test]
fn a_second_supervisor_is_refused() {
    let setting = Setting::new(&["slow 3000"; 2]);
    let mut running = setting.start();
    running.wait_for_workers(1);
    let error = setting.run().result.unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Usage);
    assert!(error.to_string().contains(&format!("process {} ", running.0.id())), "{error}");
    assert_eq!(exit_code(&mut running), ExitCode::Done as i32);
}
