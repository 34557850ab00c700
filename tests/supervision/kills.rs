//! Kills at random moments.

use super::setting::{Setting, name, signal};
use jldconv::supervisor::ExitCode;
use std::fs;
use std::time::Duration;

/// Milliseconds that differ from call to call without being the same in each run of the test.
pub(crate) fn sometime(most: u64) -> Duration {
    let bytes: [u8; 4] = jldconv::sys::random::bytes().unwrap();
    Duration::from_micros(u64::from(u32::from_le_bytes(bytes)) % (most * 1000))
}

#[test]
fn a_supervisor_killed_at_any_moment_loses_nothing() {
    let setting = Setting::new(&["slow 20"; 30]);
    let mut deaths = 0;
    loop {
        let mut running = setting.start();
        std::thread::sleep(sometime(250));
        signal(running.0.id(), libc::SIGKILL);
        let status = running.0.wait().unwrap();
        if setting.settings.output_dir.exists() {
            setting.nothing_is_half_done();
        }
        if let Some(code) = status.code() {
            assert_eq!(code, ExitCode::Done as i32);
            break;
        }
        deaths += 1;
        assert!(deaths < 300, "it never comes to its end");
    }
    for number in 1..=30 {
        let input = fs::read(setting.settings.input_dir.join(name(number))).unwrap();
        assert_eq!(fs::read(setting.output(number)).unwrap(), input);
    }
    // The last run sweeps what the dead left.
    setting.start().0.wait().unwrap();
    setting.no_temporary_file_is_left();
}

#[test]
fn workers_killed_at_random_cost_tries_and_no_file() {
    let setting = Setting::new(&["slow 50"; 60]);
    // With the usual three attempts a file that is hit three times would fail, and among sixty
    // files one sometimes is: here the kills are what is tested, not the number of attempts.
    fs::write(setting.path().join("settings"), "retries=60").unwrap();
    let mut running = setting.start();
    let done = || (1..=60).filter(|number| setting.output(*number).exists()).count();
    let (mut kills, mut before) = (0, 0);
    while running.0.try_wait().unwrap().is_none() {
        std::thread::sleep(sometime(150));
        // However slow the machine, something gets done between two kills.
        let now = done();
        let workers = running.workers();
        let which = usize::try_from(sometime(1000).as_micros()).unwrap();
        let worker = workers.get(which % workers.len().max(1));
        if let (Some(worker), true) = (worker, now > before || kills == 0) {
            signal(*worker, libc::SIGKILL);
            (kills, before) = (kills + 1, now);
        }
    }
    assert!(kills > 3);
    let summary = setting.summary();
    assert_eq!((summary.success, summary.failed), (60, 0), "{:?}", summary.files);
    assert!(summary.attempts > 60, "the kills cost {} attempts", summary.attempts);
    setting.nothing_is_half_done();
    setting.no_temporary_file_is_left();
}
