//! The supervisor with real processes and a conversion that does what its input says.
//!
//! This executable starts itself again: as a worker (`worker_entry`) and as a supervisor that can be
//! killed (`supervisor_entry`).

#[cfg(test)]
mod counting;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hands;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod rogues;
#[cfg(test)]
mod script;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod stopping;

use jldconv::{tasks, worker};
use std::ffi::OsString;

/// The test in which a worker lives; without a supervisor's word it does nothing.
#[test]
fn worker_entry() {
    if std::env::var_os("JLDCONV_SOCKET").is_none() {
        return;
    }
    let args: Vec<OsString> = std::env::args_os().collect();
    let own = args.len().saturating_sub(2);
    let code = tasks::worker_main_with(args.into_iter().skip(own), &script::Script);
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

/// The test in which a worker lives that counts objects.
#[test]
fn counting_entry() {
    if std::env::var_os("JLDCONV_SOCKET").is_some() {
        let args: Vec<OsString> = std::env::args_os().collect();
        let own = args.len().saturating_sub(2);
        let code = worker::main(args.into_iter().skip(own), &[&counting::CountObjects]);
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

/// The test in which a worker lives that talks nonsense.
#[test]
fn rogue_entry() {
    if std::env::var_os("JLDCONV_SOCKET").is_some() {
        rogues::talk_nonsense();
    }
}

/// The test in which a supervisor lives that others kill.
#[test]
fn supervisor_entry() {
    if let Some(dir) = std::env::var_os("SUPERVISION_DIR") {
        setting::supervise(dir.as_ref());
    }
}
