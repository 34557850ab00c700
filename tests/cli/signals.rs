//! Signals to a conversion of one file.

use super::flaky::Flaky;
use super::world::{World, binary};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A conversion whose reads take so many milliseconds each, in its midst.
fn start(world: &World, flaky: &Flaky, millis: i32, prefix: &[&str]) -> Child {
    flaky.fail("read", -millis, 10_000, "old/output_00001.jld2");
    let convert = binary("jldconv").to_str().unwrap().to_owned();
    let args = ["convert", "old/output_00001.jld2", "new.jld2", "--verify", "content"];
    let mut line: Vec<&str> = prefix.to_vec();
    line.push(&convert);
    line.extend(args);
    let child = Command::new(line[0])
        .args(&line[1..])
        .current_dir(world.at(""))
        .env("LD_PRELOAD", &flaky.library)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_mins(1);
    while !world.at(".jldconv/tmp").exists() {
        assert!(Instant::now() < end, "it does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    // Handlers are set behind that; a read takes longer.
    while ![Signal::SIGINT, Signal::SIGTERM].into_iter().all(|it| catches(&child, it)) {
        assert!(Instant::now() < end, "it sets no handlers");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(50));
    child
}

/// Whether a process has a handler of its own for a signal.
fn catches(child: &Child, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() >> (signal as i32 - 1) & 1 == 1
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn ended(world: &World, mut child: Child) -> ExitStatus {
    let ended = child.wait().unwrap();
    assert_eq!(world.names("."), ["old"], "nothing is left");
    ended
}

#[test]
fn the_first_signal_lets_it_clean_up() {
    let flaky = Flaky::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let world = World::new(&[1]);
        let child = start(&world, &flaky, 100, &[]);
        send(&child, signal);
        assert_eq!(ended(&world, child).code(), Some(3), "{signal}");
        assert!(!world.at(".jldconv").exists(), "{signal}");
    }
}

#[test]
fn the_second_signal_ends_it() {
    let flaky = Flaky::new();
    let world = World::new(&[1]);
    let child = start(&world, &flaky, 60_000, &[]);
    let began = Instant::now();
    send(&child, Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(100));
    send(&child, Signal::SIGTERM);
    let ended = ended(&world, child);
    assert_eq!((ended.code(), ended.signal()), (Some(3), None));
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn nohup_outlives_the_terminal() {
    let flaky = Flaky::new();
    let world = World::new(&[1]);
    let mut child = start(&world, &flaky, 100, &["nohup"]);
    send(&child, Signal::SIGHUP);
    send(&child, Signal::SIGHUP);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(world.at("new.jld2").exists());
}
