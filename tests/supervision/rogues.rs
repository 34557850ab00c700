//! Nonsense on the socket, from both sides.

use super::setting::{Setting, alive, entry, wait_until};
use jldconv::convert::{Failure, FailureKind, Phase};
use jldconv::protocol::{
    Address, Decoder, Ended, FromWorker, Measured, SocketDir, ToWorker, Token, VERSION, encode,
};
use jldconv::supervisor::{ExitCode, Fault};
use jldconv::sys::process::{Child, Death};
use jldconv::worker::Launch;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

fn number() -> u64 {
    u64::from_le_bytes(jldconv::sys::random::bytes().unwrap())
}

/// Bytes that may be a frame, or the beginning of one.
fn random_frame() -> Vec<u8> {
    let size = usize::try_from(number() % 300).unwrap();
    let payload: Vec<u8> = (0..size).map(|_| number().to_le_bytes()[0]).collect();
    let length = match number() % 4 {
        0 => u32::MAX,
        1 => u32::try_from(size).unwrap() + 1,
        _ => u32::try_from(size).unwrap(),
    };
    [&length.to_le_bytes()[..], &payload].concat()
}

/// Something that is well said but not true.
fn lie() -> Vec<u8> {
    let failure = Failure::new(FailureKind::Input, "a lie");
    let message = match number() % 5 {
        0 => FromWorker::Progress { job: 77, attempt: 1, phase: Phase::Copy, done: 1, total: 2 },
        1 => FromWorker::Outcome(Box::new(Ended {
            job: 77,
            attempt: 9,
            result: Err(failure),
            measured: Measured::default(),
            time: (number(), number()),
            gives_back: number().is_multiple_of(2),
        })),
        2 => FromWorker::GivenBack(Vec::new()),
        3 => FromWorker::GivenBack(vec![0, 77]),
        _ => FromWorker::Hello {
            version: VERSION,
            pid: std::process::id(),
            token: Token::random().unwrap(),
        },
    };
    encode(&message).unwrap()
}

/// Says hello, waits for a job, and then talks nonsense for ever.
pub(crate) fn talk_nonsense() {
    let var = |name| std::env::var_os(name).unwrap();
    let mut stream = Address::from_text(var("JLDCONV_SOCKET")).unwrap().connect().unwrap();
    let token = Token::from_hex(var("JLDCONV_TOKEN").to_str().unwrap()).unwrap();
    let hello = FromWorker::Hello { version: VERSION, pid: std::process::id(), token };
    stream.write_all(&encode(&hello).unwrap()).unwrap();
    let mut decoder = Decoder::default();
    while decoder.take::<ToWorker>().unwrap().is_none() {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        decoder.push(&bytes[..count]);
    }
    loop {
        let frame = if number().is_multiple_of(2) { random_frame() } else { lie() };
        if stream.write_all(&frame).is_err() {
            std::thread::sleep(Duration::from_secs(1000));
        }
    }
}

#[test]
fn a_worker_that_talks_nonsense_costs_its_file_and_nothing_else() {
    let setting = Setting::new(&["fine"; 50]);
    let summary = setting.run_program(entry("rogue_entry"));
    assert_eq!((summary.failed, summary.pending), (50, 0));
    assert_eq!(summary.attempts, 100);
    assert!(summary.files.iter().all(|file| file.fault == Some(Fault::Protocol)));
    assert_eq!(summary.exit_code(), ExitCode::SomeFailed);
    setting.no_temporary_file_is_left();
}

#[test]
fn a_worker_ends_when_its_supervisor_talks_nonsense() {
    let dir = SocketDir::create(&SocketDir::parents()).unwrap();
    for round in 0..100 {
        let address = dir.address(round);
        let listener = address.listen().unwrap();
        let launch = Launch {
            address,
            token: Token::random().unwrap(),
            parent: std::process::id(),
            cores: Vec::new(),
            log: tracing::level_filters::LevelFilter::OFF,
        };
        let program = super::setting::program();
        let mut child = Child::spawn(&mut launch.command(&program.program, &program.args)).unwrap();
        let pid = child.id();
        let mut stream = wait_until("the worker", || listener.accept_from(pid).unwrap());
        for _ in 0..10 {
            if stream.write_all(&random_frame()).is_err() {
                break;
            }
        }
        // It has heard enough, or waits for the rest of a frame that never comes.
        drop(stream);
        let began = Instant::now();
        wait_until("its end", || (!alive(pid)).then_some(()));
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(child.reap().unwrap(), Death::Exit(1));
    }
}

#[test]
fn strangers_are_shown_out() {
    let dir = SocketDir::create(&SocketDir::parents()).unwrap();
    let address = dir.address(0);
    let listener = address.listen().unwrap();
    for _ in 0..1000 {
        let mut stranger = address.connect().unwrap();
        let _ = stranger.write_all(&random_frame());
        // This process is awaited by nobody.
        assert!(listener.accept_from(u32::MAX).unwrap().is_none());
    }
}
