//! Several small files in a worker's hand: whatever happens in their midst concerns the file that it
//! happens to, and no other.

use super::kills::sometime;
use super::setting::{Done, Setting, name, signal, wait_until};
use jldconv::supervisor::{Count, ExitCode, Fault, RunEvent};
use std::fs;
use std::time::Duration;

/// So small that a worker has many of them in hand.
const SMALL: &str = "slow 2";

fn tries(setting: &Setting, number: usize) -> u64 {
    let path = setting.settings.input_dir.join(name(number)).with_extension("tries");
    fs::metadata(path).map_or(0, |meta| meta.len())
}

fn outputs(setting: &Setting) -> usize {
    let Ok(entries) = fs::read_dir(&setting.settings.output_dir) else { return 0 };
    entries.flatten().filter(|entry| entry.path().extension().is_some()).count()
}

/// One worker, many small files, and one in their midst.
fn among_small_ones(script: &str) -> (Setting, Done) {
    let mut scripts = [SMALL; 120];
    scripts[60] = script;
    let mut setting = Setting::new(&scripts);
    // The script's length is the file's size, by which they are ordered: all have the same.
    for number in 1..=scripts.len() {
        let path = setting.settings.input_dir.join(name(number));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{text}\n{}", "#".repeat(60 - text.len()))).unwrap();
    }
    setting.settings.workers = Count::Exactly(1);
    setting.settings.stall_timeout = Duration::from_secs(3);
    let done = setting.run();
    (setting, done)
}

#[test]
fn a_worker_has_more_than_one_small_file_in_hand() {
    let setting = Setting::new(&vec![SMALL; 3000]);
    fs::write(setting.path().join("settings"), "workers=1").unwrap();
    let running = setting.start();
    wait_until("a hundred outputs", || (outputs(&setting) >= 100).then_some(()));
    // Nobody gives it anything any more.
    signal(running.0.id(), libc::SIGSTOP);
    let before = outputs(&setting);
    wait_until("more outputs", || (outputs(&setting) >= before + 3).then_some(()));
    signal(running.0.id(), libc::SIGCONT);
}

/// A file that a worker dies of on its first try costs that try, and nothing is tried twice beside.
#[test]
fn what_happens_to_one_file_of_a_hand_costs_that_file_only() {
    for (script, cause) in [
        ("kill first 1", Fault::Killed),
        ("segv first 1", Fault::Crashed),
        ("hang first 1", Fault::Stalled),
        ("panic first 1", Fault::Internal),
        ("denied first 1", Fault::Output),
        ("full first 1", Fault::Full),
        ("grab 4000000 first 1", Fault::OutOfMemory),
    ] {
        let (setting, done) = among_small_ones(script);
        let summary = done.summary();
        assert_eq!((summary.success, summary.failed), (120, 0), "{script}");
        let hit = done.file(61);
        assert_eq!((hit.attempts, hit.faults.as_slice()), (2, &[cause][..]), "{script}");
        assert_eq!(summary.attempts, 121, "{script}");
        for number in (1..=120).filter(|number| *number != 61) {
            let file = done.file(number);
            assert_eq!((file.attempts, tries(&setting, number)), (1, 1), "{script}: {number}");
            assert!(file.seconds >= 0.002 && file.peak_anon > 0, "{file:?}");
        }
        assert_eq!(tries(&setting, 61), 2, "{script}");
        setting.nothing_is_half_done();
        setting.no_temporary_file_is_left();
    }
}

/// Times are each file's own, though a supervisor hears of many together.
#[test]
fn every_file_has_its_own_time() {
    let (_, done) = among_small_ones("slow 200");
    let slow = done.file(61);
    assert!(slow.seconds >= 0.2, "{slow:?}");
    let mut ends = Vec::new();
    for file in &done.summary().files {
        let ended = file.ended.unwrap();
        ends.push((ended - file.seconds, ended));
    }
    // One after the other in the one slot there is, as they went through it.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in ends.windows(2) {
        assert!(pair[1].0 >= pair[0].1 - 1e-5, "{pair:?}");
    }
    let busy: f64 = done.summary().files.iter().map(|file| file.seconds).sum();
    assert!((done.summary().slots[0].busy_seconds - busy).abs() < 0.01);
    let started = done.events.iter().filter(|e| matches!(e, RunEvent::AttemptStarted { .. }));
    assert_eq!(started.count(), 120);
}

#[test]
fn a_drain_begins_nothing_of_what_is_in_hand() {
    let setting = Setting::new(&vec![SMALL; 2000]);
    fs::write(setting.path().join("settings"), "workers=2").unwrap();
    let mut running = setting.start();
    wait_until("some outputs", || (outputs(&setting) >= 100).then_some(()));
    signal(running.0.id(), libc::SIGTERM);
    assert_eq!(running.0.wait().unwrap().code(), Some(ExitCode::Interrupted as i32));
    let summary = setting.summary();
    assert_eq!(summary.faults.len(), 0, "nobody was stopped");
    assert_eq!(summary.success + summary.pending, 2000);
    assert!(summary.pending > 0);
    let tried = (1..=2000).filter(|number| tries(&setting, *number) > 0).count() as u64;
    assert_eq!((tried, summary.attempts), (summary.success, summary.success));
    setting.nothing_is_half_done();
    setting.no_temporary_file_is_left();
}

#[test]
fn a_stop_charges_nobody_but_what_runs() {
    let setting = Setting::new(&["slow 20"; 400]);
    fs::write(setting.path().join("settings"), "workers=2").unwrap();
    let mut running = setting.start();
    wait_until("some outputs", || (outputs(&setting) >= 20).then_some(()));
    for _ in 0..2 {
        signal(running.0.id(), libc::SIGTERM);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(running.0.wait().unwrap().code(), Some(ExitCode::Interrupted as i32));
    let summary = setting.summary();
    let tried = (1..=400).filter(|number| tries(&setting, *number) > 0).count() as u64;
    assert_eq!(tried, summary.attempts);
    assert!(tried <= summary.success + 2, "{tried} were tried, {} ended", summary.success);
    assert_eq!(summary.success + summary.pending, 400);
    setting.nothing_is_half_done();
    setting.no_temporary_file_is_left();
}

/// Workers die at random moments, of which most are between or amid the files of a hand.
fn under_kills(files: usize, kills: usize) {
    let setting = Setting::new(&vec!["slow 3"; files]);
    fs::write(setting.path().join("settings"), "retries=60").unwrap();
    let mut running = setting.start();
    let (mut killed, mut before) = (0, 0);
    while killed < kills && running.0.try_wait().unwrap().is_none() {
        std::thread::sleep(sometime(60));
        // However slow the machine, something gets done between two kills.
        let now = outputs(&setting);
        let workers = running.workers();
        let which = usize::try_from(sometime(1000).as_micros()).unwrap();
        if let (Some(worker), true) = (workers.get(which % workers.len().max(1)), now > before) {
            signal(*worker, libc::SIGKILL);
            (killed, before) = (killed + 1, now);
        }
    }
    assert_eq!(running.0.wait().unwrap().code(), Some(ExitCode::Done as i32));
    let summary = setting.summary();
    assert_eq!((summary.success, summary.failed), (files as u64, 0), "{:?}", summary.files);
    // A kill costs an attempt at most, and what it does not cost is not begun a second time.
    let faults: u64 = summary.faults.values().sum();
    assert_eq!(summary.attempts, files as u64 + faults);
    assert!(faults <= killed as u64, "{killed} kills cost {faults} attempts");
    let tried: u64 = (1..=files).map(|number| tries(&setting, number)).sum();
    assert!(tried <= summary.attempts, "{tried} tries, {} attempts", summary.attempts);
    assert_eq!(outputs(&setting), files);
    setting.nothing_is_half_done();
    setting.no_temporary_file_is_left();
}

#[test]
fn kills_in_the_midst_of_hands_lose_nothing() {
    under_kills(600, 15);
}

#[test]
#[ignore = "minutes; hundreds of kills"]
fn hundreds_of_kills_in_the_midst_of_hands_lose_nothing() {
    for _ in 0..10 {
        under_kills(4000, 100);
    }
}
