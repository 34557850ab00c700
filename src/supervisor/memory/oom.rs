//! Tells a kill for memory from one by an operator. Neither the exit status nor the sender shows
//! it; the kernel's counters do.

use crate::supervisor::fault::Fault;
use crate::sys::cgroup::{self, MemoryGroups};
use crate::sys::process::{Death, signal_name};

/// What the standard library writes before it aborts for memory.
const ALLOCATION: &str = "memory allocation of ";

/// Less anonymous memory than this (in bytes) brings no machine into need.
const LARGE: u64 = 16 << 20;

/// The kernel's counters of kills for memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::supervisor) struct Counters {
    /// In this process's own group.
    group: Option<u64>,
    /// In the whole machine.
    machine: Option<u64>,
}

/// Watches the counters. Each rise is put down to one death.
#[derive(Debug)]
pub(in crate::supervisor) struct OomWitness {
    groups: MemoryGroups,
    explained: Counters,
}

impl OomWitness {
    /// Everything up to now is somebody else's.
    pub(in crate::supervisor) fn new() -> Self {
        let groups = MemoryGroups::of_self();
        let explained = read(&groups);
        Self { groups, explained }
    }

    /// Why a worker died that nobody here killed. `held` is the anonymous memory last seen of it,
    /// `predicted` what was expected, in bytes.
    pub(in crate::supervisor) fn explain(
        &mut self,
        death: Death,
        last_words: &str,
        held: u64,
        predicted: u64,
    ) -> (Fault, String) {
        let now = read(&self.groups);
        explain(&mut self.explained, now, death, last_words, (held, predicted))
    }
}

fn read(groups: &MemoryGroups) -> Counters {
    Counters { group: groups.oom_kills(), machine: cgroup::machine_oom_kills() }
}

fn explain(
    explained: &mut Counters,
    now: Counters,
    death: Death,
    last_words: &str,
    (held, predicted): (u64, u64),
) -> (Fault, String) {
    let tail = match last_words.trim() {
        "" => String::new(),
        words => format!("; the end of its output: {words}"),
    };
    match death {
        Death::Signal(libc::SIGKILL) => {
            if rose(&mut explained.group, now.group) {
                return (Fault::OutOfMemory, "the kernel killed it".to_owned());
            }
            // Where the own group cannot be seen, the machine's counter may tell of it; but
            // somebody else may have made it rise, so only a large worker counts.
            let large = held >= (predicted / 2).max(LARGE);
            if now.group.is_none() && large && rose(&mut explained.machine, now.machine) {
                let message = "SIGKILL, most likely by the kernel".to_owned();
                return (Fault::OutOfMemory, message);
            }
            (Fault::Killed, "SIGKILL from outside".to_owned())
        }
        Death::Signal(libc::SIGABRT) if last_words.contains(ALLOCATION) => {
            (Fault::OutOfMemory, last_words.trim().to_owned())
        }
        Death::Signal(libc::SIGBUS) => {
            let why = "SIGBUS (a file was truncated while it was read, or is on a bad disk)";
            (Fault::Crashed, format!("{why}{tail}"))
        }
        Death::Signal(signal) => (Fault::Crashed, format!("{}{tail}", signal_name(signal))),
        Death::Exit(code) => {
            (Fault::Crashed, format!("ended in the middle of its work with exit code {code}{tail}"))
        }
    }
}

/// Whether the counter rose; one step of it is explained by that.
fn rose(explained: &mut Option<u64>, now: Option<u64>) -> bool {
    match (explained.as_mut(), now) {
        (Some(explained), Some(now)) if now > *explained => {
            *explained += 1;
            true
        }
        (Some(_), Some(_) | None) => false,
        (None, now) => {
            *explained = now;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: Death = Death::Signal(libc::SIGKILL);

    fn counters(group: u64, machine: u64) -> Counters {
        Counters { group: Some(group), machine: Some(machine) }
    }

    #[test]
    fn one_rise_explains_one_death() {
        let mut explained = counters(1, 10);
        let now = counters(2, 11);
        assert_eq!(explain(&mut explained, now, KILLED, "", (50, 100)).0, Fault::OutOfMemory);
        assert_eq!(explain(&mut explained, now, KILLED, "", (90, 100)).0, Fault::Killed);
    }

    #[test]
    fn without_a_group_the_machine_and_the_size_count() {
        const MIB: u64 = 1 << 20;
        let mut explained = Counters { group: None, machine: Some(10) };
        let now = Counters { group: None, machine: Some(12) };
        let mut cause =
            |held, predicted| explain(&mut explained, now, KILLED, "", (held, predicted)).0;
        assert_eq!(cause(30 * MIB, 100 * MIB), Fault::Killed);
        assert_eq!(cause(3 * MIB, 4 * MIB), Fault::Killed);
        assert_eq!(cause(60 * MIB, 100 * MIB), Fault::OutOfMemory);
    }

    #[test]
    fn a_kill_in_another_group_is_not_ours() {
        let mut explained = counters(1, 10);
        assert_eq!(
            explain(&mut explained, counters(1, 11), KILLED, "", (1 << 40, 1)).0,
            Fault::Killed
        );
    }

    #[test]
    fn without_counters_a_kill_is_a_kill() {
        let mut explained = Counters::default();
        assert_eq!(
            explain(&mut explained, Counters::default(), KILLED, "", (100, 100)).0,
            Fault::Killed
        );
    }

    #[test]
    fn a_failed_allocation_is_recognised_by_its_words() {
        let words = "memory allocation of 1073741824 bytes failed\n";
        let abort = Death::Signal(libc::SIGABRT);
        let mut none = Counters::default();
        let (cause, message) = explain(&mut none, Counters::default(), abort, words, (0, 1));
        assert_eq!(cause, Fault::OutOfMemory);
        assert!(message.contains("1073741824"));
        assert_eq!(explain(&mut none, Counters::default(), abort, "", (0, 1)).0, Fault::Crashed);
    }

    #[test]
    fn crashes_tell_how_and_what_was_said() {
        let mut none = Counters::default();
        let (cause, message) =
            explain(&mut none, Counters::default(), Death::Signal(libc::SIGSEGV), "ouch\n", (0, 1));
        assert_eq!(cause, Fault::Crashed);
        assert_eq!(message, "SIGSEGV; the end of its output: ouch");
        assert_eq!(
            explain(&mut none, Counters::default(), Death::Exit(7), "", (0, 1)).1,
            "ended in the middle of its work with exit code 7"
        );
    }
}
