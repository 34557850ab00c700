//! Killed at each system call of a change, the workers restarted by the real supervisor: the file
//! ends as the new one; with the supervisor killed, too, the next run sees to that.

use crate::setting::{World, new, old};
use crate::traced::{self, Process, Then};
use serde_json::Value;

fn is_worker(process: &Process) -> bool {
    process.line.iter().any(|word| word == "__worker")
}

/// Runs with the `nth` worker killed before its call number `at(nth)`; `None` lets it live. Gives the
/// number of calls that were reached, of each worker, and the exit code; `None` where tracing is not
/// allowed.
fn kill_workers(
    world: &World,
    then: Then,
    at: &dyn Fn(usize) -> Option<u64>,
) -> Option<(Vec<u64>, Option<i32>)> {
    let mut workers: Vec<i32> = Vec::new();
    let mut calls = Vec::new();
    let ended = traced::run(&world.upgrade_command(&[]), &world.archive(), &mut |process, call| {
        if !is_worker(process) {
            return Then::Enough;
        }
        let nth = workers.iter().position(|pid| *pid == process.pid).unwrap_or_else(|| {
            workers.push(process.pid);
            calls.push(0);
            workers.len() - 1
        });
        calls[nth] = call + 1;
        match at(nth) {
            Some(at) if at == call => then,
            Some(_) => Then::Go,
            None => Then::Enough,
        }
    });
    match ended {
        Ok(code) => Some((calls, code)),
        Err(why) => {
            eprintln!("skipped: {why}");
            assert!(why.contains("not allowed"), "{why}");
            None
        }
    }
}

fn assert_converted(report: &Value, at: u64) {
    assert_eq!(report["outcome"], "converted", "call {at}: {report}");
    let [before, after] = [old(), new()].map(|bytes| bytes.len() as u64);
    assert_eq!(report["bytes_in"], before, "call {at}");
    assert_eq!(report["bytes_out"], after, "call {at}");
}

#[test]
fn a_worker_that_dies_is_followed_by_one_that_ends_its_work() {
    let mut kills = 0;
    for at in 0.. {
        let world = World::new();
        let nth = |nth| (nth == 0).then_some(at);
        let Some((calls, code)) = kill_workers(&world, Then::Kill, &nth) else { return };
        assert_eq!(code, Some(0), "call {at}");
        assert!(world.bytes() == new(), "call {at}");
        let report = world.report();
        assert_converted(&report, at);
        // A worker that was through with its job is not missed.
        let attempts = report["attempts"].as_u64().unwrap();
        assert!(attempts == 2 || (attempts == 1 && report["faults"] == serde_json::json!([])));
        world.undo();
        if calls[0] <= at {
            break;
        }
        kills += 1;
    }
    println!("{kills} kills");
    assert!(kills > 30, "{kills} calls are too few to be all");
}

#[test]
fn recovery_may_die_too() {
    // The second worker dies in its recovery from the first one's death, the third one lives.
    for at in [18, 24, 30, 36] {
        for again in 0..8 {
            let world = World::new();
            let nth = |nth| [Some(at), Some(again)].get(nth).copied().flatten();
            let Some((_, code)) = kill_workers(&world, Then::Kill, &nth) else { return };
            assert_eq!(code, Some(0), "calls {at} and {again}");
            assert!(world.bytes() == new(), "calls {at} and {again}");
            assert_converted(&world.report(), at);
            world.undo();
        }
    }
}

#[test]
fn the_next_run_ends_what_the_last_one_left() {
    next_run(5);
}

/// `cargo test --features fault --test in_place -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn the_next_run_ends_what_the_last_one_left_at_whatever_call() {
    next_run(1);
}

fn next_run(step: usize) {
    let mut half = 0;
    for at in (0..).step_by(step) {
        let world = World::new();
        let nth = |nth| (nth == 0).then_some(at);
        let Some((calls, code)) = kill_workers(&world, Then::KillAll, &nth) else { return };
        if calls.first().is_none_or(|calls| *calls <= at) {
            assert_eq!(code, Some(0));
            break;
        }
        assert_eq!(code, None, "call {at}");
        let now = world.bytes();
        half += u32::from(now != old() && now != new());
        let (code, report) = world.upgrade(&[]);
        assert_eq!(code, Some(0), "call {at}");
        assert!(world.bytes() == new(), "call {at}");
        assert_converted(&report, at);
        // Once that is recorded, it is an old story.
        let (code, report) = world.upgrade(&[]);
        assert_eq!((code, &report["outcome"]), (Some(0), &"unchanged".into()), "call {at}");
        world.undo();
    }
    assert!(half > 2, "{half} times half changed: too few to mean anything");
}

#[test]
fn when_all_attempts_die_the_supervisor_brings_the_old_file_back() {
    for at in [20, 26, 32] {
        let world = World::new();
        let Some((calls, code)) = kill_workers(&world, Then::Kill, &|_| Some(at)) else { return };
        assert_eq!(code, Some(1), "call {at}");
        assert_eq!(calls.len(), 3, "three attempts");
        let report = world.report();
        assert_eq!(report["fault"], "killed", "{report}");
        world.assert_old();
        // What was killed may live the next time: the same command tries again.
        assert_eq!(world.upgrade(&[]).1["outcome"], "converted");
        world.undo();
    }
}

#[test]
fn a_run_that_is_stopped_leaves_no_file_half_changed() {
    let world = World::new();
    let mut half = false;
    let command = world.upgrade_command(&["--grace", "1s"]);
    let ended = traced::run(&command, &world.archive(), &mut |process, call| {
        if !is_worker(process) {
            return Then::Enough;
        }
        // In the midst of the change the worker comes to a stop, and the run is to end.
        let now = world.bytes();
        if now == old() || now == new() || call < 20 {
            return Then::Go;
        }
        half = true;
        let parent = nix::unistd::Pid::from_raw(parent(process.pid));
        nix::sys::signal::kill(parent, nix::sys::signal::Signal::SIGTERM).unwrap();
        Then::Hold
    });
    let Ok(code) = ended else { return };
    assert!(half);
    assert_eq!(code, Some(3), "interrupted");
    world.assert_old();
    assert_eq!(world.upgrade(&[]).1["outcome"], "converted");
}

fn parent(pid: i32) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn an_undo_that_dies_can_be_repeated() {
    let mut kills = 0;
    for at in 0.. {
        let world = World::new();
        assert_eq!(world.upgrade(&[]).0, Some(0));
        let mut undo = std::process::Command::new(env!("CARGO_BIN_EXE_jldconv"));
        undo.args(["undo", "archive"]).current_dir(world.at("."));
        let mut died = false;
        let ended = traced::run(&undo, &world.archive(), &mut |_, call| {
            died |= call == at;
            if call == at { Then::Kill } else { Then::Go }
        });
        let Ok(code) = ended else { return };
        if !died {
            assert_eq!(code, Some(0));
            world.assert_old();
            break;
        }
        kills += 1;
        if at % 2 == 0 {
            // It died before it had removed the undo file, or right behind that.
            let code = world.jldconv(&["undo", "archive"]).code;
            assert!(matches!(code, Some(0 | 4)), "call {at}");
            world.assert_old();
        } else {
            let (code, report) = world.upgrade(&[]);
            assert_eq!(code, Some(0), "call {at}: {report}");
            assert!(world.bytes() == new(), "call {at}");
            world.undo();
        }
    }
    assert!(kills > 10, "{kills} calls are too few to be all");
}
