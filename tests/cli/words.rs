//! How each fault of a worker is told: the cause once, then words, on one line.

use super::world::{Ended, World};
use std::fs;

/// Runs with the fault on each attempt; gives the record and all that was printed.
fn told(fault: &str, more: &[&str]) -> (serde_json::Value, String) {
    let world = World::new(&[1]);
    let mut args = vec!["old", "new", "--yes", "--report", "report.json", "--retries", "2", "-v"];
    args.extend(more);
    for backtrace in ["0", "1"] {
        let mut command = world.program("jldconv-supervisor", &args);
        command.env("JLDCONV_FAULT", format!("{fault}@*")).env("RUST_BACKTRACE", backtrace);
        let ended = Ended::of(&mut command, &world).ends(1);
        let file = world.json("report.json")["files"][0].clone();
        let (cause, message) = (file["fault"].as_str().unwrap(), file["message"].as_str().unwrap());
        assert!(!message.contains('\n') && !message.contains("backtrace"), "{fault}: {message}");
        assert!(!message.to_lowercase().starts_with(cause), "{fault}: {cause}: {message}");
        for line in ended.out.lines().filter(|line| line.contains("output_00001.jld2")) {
            assert!(!line.contains("\\n"), "{line}");
            assert!(!line.contains(&format!("{cause}: {cause}")), "{line}");
        }
        if backtrace == "1" {
            return (file, ended.out);
        }
        fs::remove_dir_all(world.at("new")).unwrap();
    }
    unreachable!()
}

#[test]
fn the_cause_once_then_words() {
    let message = |fault: &str, more: &[&str]| {
        let (file, _) = told(fault, more);
        format!("{}: {}", file["fault"].as_str().unwrap(), file["message"].as_str().unwrap())
    };
    let without_phase = |text: String| text.split(" (phase ").next().unwrap().to_owned();
    assert_eq!(without_phase(message("abort", &[])), "crashed: SIGABRT");
    assert_eq!(without_phase(message("segv", &[])), "crashed: SIGSEGV");
    let bus = "crashed: SIGBUS (a file was truncated while it was read, or is on a bad disk)";
    assert_eq!(without_phase(message("bus", &[])), bus);
    let exit = "crashed: ended in the middle of its work with exit code 7";
    assert_eq!(without_phase(message("exit=7", &[])), exit);
    assert_eq!(without_phase(message("kill", &[])), "killed: SIGKILL from outside");
    let hang = message("hang", &["--stall-timeout", "300ms"]);
    assert_eq!(hang, "stalled: made no progress and was killed");
    let panic = message("panic", &[]);
    assert!(panic.starts_with("internal: a panic at src/worker/fault.rs:"), "{panic}");
    assert!(panic.ends_with(": a panic on command"), "{panic}");
    let memory = message("alloc=3GiB", &["--memory-limit", "1GiB"]);
    let words = "out of memory: alone in the machine: memory allocation of 3221225472 bytes failed";
    assert!(memory.starts_with(words), "{memory}");
}
