//! Memory that runs out, for real.

use super::setting::{Setting, signal};
use jldconv::supervisor::{ConcurrencyReason, Count, Fault, RunEvent, SafetyStep};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn an_allocation_beyond_all_bounds_is_an_error_of_that_file_only() {
    // Workers are bounded by their prediction; alone, by the budget.
    let mut setting = Setting::new(&["fine", "grab 4000", "alloc 4000", "fine"]);
    setting.settings.memory_limit = Some(1 << 30);
    let done = setting.run();
    for number in [2, 3] {
        let file = done.file(number);
        assert_eq!(file.fault, Some(Fault::OutOfMemory), "{file:?}");
        assert!(file.attempts <= 4);
        let message = file.message.as_deref().unwrap();
        assert!(message.contains("1.0 GiB") && message.contains("--memory-limit"), "{message}");
    }
    assert_eq!(done.summary().success, 2);
    assert!(done.summary().oom_restarts >= 2);
    let halved = |event: &RunEvent| {
        matches!(event, RunEvent::Concurrency { reason: ConcurrencyReason::OutOfMemory, .. })
    };
    assert!(done.events.iter().any(halved));
}

#[test]
fn what_needs_more_than_predicted_gets_it_alone() {
    let mut setting = Setting::new(&["fine", "alloc 700\nslow 200", "fine"]);
    setting.settings.memory_limit = Some(2 << 30);
    let done = setting.run();
    assert_eq!(done.summary().success, 3);
    assert!(done.file(2).attempts > 1);
    assert!(done.file(2).peak_anon > 700 << 20);
}

#[test]
fn use_above_the_margin_is_counted_and_acted_upon() {
    // Nobody but this run counts against a limit that is given.
    let mut setting = Setting::new(&["alloc 150\nslow 4000", "alloc 150\nslow 4000", "fine"]);
    setting.settings.memory_limit = Some(300 << 20);
    let done = setting.run();
    let summary = done.summary();
    assert_eq!((summary.success, summary.failed), (3, 0));
    assert!(summary.safety_violations >= 1);
    assert!(summary.faults.contains_key(&Fault::Stopped), "{:?}", summary.faults);
    assert!(done.events.iter().any(|event| matches!(event, RunEvent::SafetyViolation { .. })));
}

#[test]
fn who_does_not_stop_for_memory_when_asked_is_killed() {
    // The larger one comes first, so that the other is the younger.
    let larger = format!("alloc 150\nslow 5000\n{}", "and more ".repeat(9));
    let mut setting = Setting::new(&[&larger, "alloc 150\nhang first 1"]);
    setting.settings.memory_limit = Some(300 << 20);
    let done = setting.run();
    assert_eq!(done.summary().success, 2);
    let killed = |event: &RunEvent| {
        matches!(event, RunEvent::SafetyViolation { step: SafetyStep::Kill, .. })
    };
    assert!(done.events.iter().any(killed), "{:?}", done.events);
    assert_eq!(done.file(2).faults, [Fault::Stopped]);
    setting.no_temporary_file_is_left();
}

/// A memory group below this process's own, if this machine lets us.
struct Group(PathBuf);

impl Group {
    fn new(limit: u64) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("jldconv-test-{}-{limit}", std::process::id());
        let old = groups.lines().find_map(|line| line.split_once(":memory:")).map(|(_, path)| {
            (
                Path::new("/sys/fs/cgroup/memory").join(path.trim_start_matches('/')),
                "memory.limit_in_bytes",
            )
        });
        let new = groups.lines().find_map(|line| line.strip_prefix("0::")).map(|path| {
            (Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/')), "memory.max")
        });
        let (parent, file) = old.or(new)?;
        let dir = parent.join(name);
        fs::create_dir(&dir).ok()?;
        let group = Self(dir);
        fs::write(group.0.join(file), limit.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn in_a_group_of_300_mb_workers_that_need_120_mb_each_all_succeed() {
    let Some(group) = Group::new(300 << 20) else {
        eprintln!("skipped: this process may not make memory groups");
        return;
    };
    let setting = Setting::new(&["alloc 120\nslow 300"; 12]);
    fs::write(setting.path().join("settings"), "workers=4").unwrap();
    let mut running = setting.start_in(Some(&group.0));
    let status = running.0.wait().unwrap();
    let summary = setting.summary();
    assert_eq!(status.code(), Some(0), "{summary:?}");
    assert_eq!((summary.success, summary.failed), (12, 0));
    assert!(summary.workers_used <= 4);
    setting.no_temporary_file_is_left();
}

#[test]
fn a_kill_by_the_kernel_is_told_from_one_by_a_person() {
    let Some(group) = Group::new(200 << 20) else {
        eprintln!("skipped: this process may not make memory groups");
        return;
    };
    // The first asks for more than there is, whatever the concurrency.
    let setting = Setting::new(&["grab 260\nslow 100", "slow 1500"]);
    fs::write(setting.path().join("settings"), "workers=1\nlimit=100000").unwrap();
    let mut running = setting.start_in(Some(&group.0));
    running.0.wait().unwrap();
    let summary = setting.summary();
    let file = summary.files.iter().find(|file| file.name.contains("00001")).unwrap();
    assert_eq!(file.fault, Some(Fault::OutOfMemory), "{file:?}");
    assert!(file.faults.iter().all(|cause| *cause == Fault::OutOfMemory));

    let setting = Setting::new(&["slow 1500"]);
    let mut running = setting.start();
    let worker = running.wait_for_workers(1)[0];
    std::thread::sleep(Duration::from_millis(300));
    signal(worker, libc::SIGKILL);
    running.0.wait().unwrap();
    let summary = setting.summary();
    assert_eq!(summary.faults.keys().collect::<Vec<_>>(), [&Fault::Killed]);
    assert_eq!(summary.success, 1);
}

#[test]
fn automatic_workers_fit_into_memory() {
    let mut setting = Setting::new(&["fine"; 3]);
    setting.settings.workers = Count::Auto;
    setting.settings.memory_limit = Some(50 << 20);
    let done = setting.run();
    let Some(RunEvent::RunStarted(start)) = done.events.first() else { panic!() };
    assert_eq!(start.slots, 1);
    assert!(start.slots_reason.contains("memory"), "{}", start.slots_reason);
    assert_eq!(done.summary().success, 3);
}
