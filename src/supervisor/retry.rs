//! Decides whether a job is tried again: one counter a cause, so that bad luck of one kind does not
//! use up the patience for another.

use super::fault::Fault;
use std::time::Duration;

/// Deaths for memory beside others after which a job runs alone.
const OOM_TOGETHER: u32 = 2;
/// Deaths for memory alone in the machine that end a job.
const OOM_ALONE: u32 = 2;
/// Stops for the sake of others after which a job runs alone, where nobody stops it.
const STOPS: u32 = 3;
/// Attempts for a crash or a stall.
const CRASHES: u32 = 2;
/// As many times the usual attempts has a job that somebody kills along with others.
const WEATHER: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// What is done about an attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Again, not before this delay.
    Again(Duration),
    /// Again, after all that wait now.
    Last,
    /// Again, with no other job beside it.
    Alone,
    /// Again, when the disk has space.
    WhenSpace,
    /// The job is lost.
    Fail,
}

/// What a verdict depends on beside the cause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// The attempt had the machine to itself.
    pub(super) alone: bool,
    /// Attempts for causes that may pass.
    pub(super) retries: u32,
    /// A full disk is not waited for.
    pub(super) fail_when_full: bool,
    /// Kills from outside in the run before this one, of this job too.
    pub(super) kills: u32,
    /// Varies the delay from job to job, so that they do not come back all at once.
    pub(super) spread: u32,
}

/// How often a job met each cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tries {
    oom: u32,
    oom_alone: u32,
    killed: u32,
    crashed: u32,
    stalled: u32,
    output: u32,
    read: u32,
    unfinished: u32,
    stopped: u32,
}

impl Tries {
    /// Counts `cause` and decides.
    pub(super) fn judge(&mut self, cause: Fault, around: &Circumstances) -> Verdict {
        let attempts = around.retries.max(1);
        match cause {
            Fault::Input | Fault::Unsupported | Fault::Conflict | Fault::Verify => Verdict::Fail,
            Fault::OutOfMemory => {
                self.oom = self.oom.saturating_add(1);
                if around.alone {
                    self.oom_alone = self.oom_alone.saturating_add(1);
                }
                if self.oom_alone >= OOM_ALONE {
                    Verdict::Fail
                } else if around.alone || self.oom >= OOM_TOGETHER {
                    Verdict::Alone
                } else {
                    Verdict::Again(Duration::ZERO)
                }
            }
            Fault::Killed => self.killed(attempts, around.kills),
            Fault::Crashed | Fault::Protocol | Fault::Internal | Fault::Spawn => {
                again_or_fail(&mut self.crashed, attempts.min(CRASHES), Verdict::Alone)
            }
            Fault::Stalled => {
                let again = Verdict::Again(Duration::ZERO);
                again_or_fail(&mut self.stalled, attempts.min(CRASHES), again)
            }
            Fault::Output => {
                let delay = backoff(self.output, around.spread);
                again_or_fail(&mut self.output, attempts, Verdict::Again(delay))
            }
            Fault::Read => {
                let delay = backoff(self.read, around.spread);
                again_or_fail(&mut self.read, attempts, Verdict::Again(delay))
            }
            // Who is at work may be through in a moment.
            Fault::Unfinished => {
                let delay = backoff(self.unfinished, around.spread);
                again_or_fail(&mut self.unfinished, attempts, Verdict::Again(delay))
            }
            Fault::Full => {
                if around.fail_when_full {
                    Verdict::Fail
                } else {
                    Verdict::WhenSpace
                }
            }
            Fault::Stopped => {
                self.stopped = self.stopped.saturating_add(1);
                if self.stopped >= STOPS { Verdict::Alone } else { Verdict::Again(Duration::ZERO) }
            }
        }
    }
}

impl Tries {
    /// Kills that strike other jobs as well are weather, not this job's doing: it waits behind the
    /// others until that is over. Where it alone is struck, it may well be the reason.
    fn killed(&mut self, attempts: u32, kills: u32) -> Verdict {
        let elsewhere = kills.saturating_sub(self.killed);
        self.killed = self.killed.saturating_add(1);
        // This kill may be the first of a round that strikes all.
        let weather = elsewhere > 0 && elsewhere.saturating_add(1) >= self.killed && attempts > 1;
        let bound = if weather { attempts.saturating_mul(WEATHER) } else { attempts };
        match self.killed {
            times if times >= bound => Verdict::Fail,
            1 => Verdict::Again(Duration::ZERO),
            _ => Verdict::Last,
        }
    }
}

fn again_or_fail(counter: &mut u32, attempts: u32, again: Verdict) -> Verdict {
    *counter = counter.saturating_add(1);
    if *counter < attempts { again } else { Verdict::Fail }
}

/// Doubles with every try; half to all of it, by `spread`.
fn backoff(tries: u32, spread: u32) -> Duration {
    let full = FIRST_DELAY.saturating_mul(1_u32 << tries.min(10)).min(LONGEST_DELAY);
    let share = 128 + spread.wrapping_mul(0x9e37_79b9) % 129;
    full * share / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Circumstances =
        Circumstances { alone: false, retries: 3, fail_when_full: false, kills: 0, spread: 7 };

    fn run(cause: Fault, alone: impl Fn(Option<Verdict>) -> bool) -> Vec<Verdict> {
        let mut tries = Tries::default();
        let mut verdicts = Vec::new();
        while verdicts.last() != Some(&Verdict::Fail) && verdicts.len() < 20 {
            let alone = alone(verdicts.last().copied());
            verdicts.push(tries.judge(cause, &Circumstances { alone, ..CALM }));
        }
        verdicts
    }

    const AT_ONCE: Verdict = Verdict::Again(Duration::ZERO);

    #[test]
    fn memory_gets_two_tries_together_and_two_alone() {
        let obedient = |last| last == Some(Verdict::Alone);
        assert_eq!(
            run(Fault::OutOfMemory, obedient),
            [AT_ONCE, Verdict::Alone, Verdict::Alone, Verdict::Fail]
        );
        assert_eq!(run(Fault::OutOfMemory, |_| true), [Verdict::Alone, Verdict::Fail]);
    }

    #[test]
    fn each_cause_has_its_own_patience() {
        assert_eq!(run(Fault::Killed, |_| false), [AT_ONCE, Verdict::Last, Verdict::Fail]);
        assert_eq!(run(Fault::Crashed, |_| false), [Verdict::Alone, Verdict::Fail]);
        assert_eq!(run(Fault::Stalled, |_| false), [AT_ONCE, Verdict::Fail]);
        assert_eq!(run(Fault::Input, |_| false), [Verdict::Fail]);
        assert_eq!(run(Fault::Verify, |_| false), [Verdict::Fail]);
        assert_eq!(run(Fault::Output, |_| false).len(), 3);
        assert_eq!(run(Fault::Read, |_| false).len(), 3);
        assert_eq!(run(Fault::Unfinished, |_| false).len(), 3);
        let mut mixed = Tries::default();
        let causes = [
            Fault::Killed,
            Fault::Crashed,
            Fault::Stalled,
            Fault::Output,
            Fault::Read,
            Fault::Read,
            Fault::Killed,
        ];
        for cause in causes {
            assert_ne!(mixed.judge(cause, &CALM), Verdict::Fail);
        }
    }

    #[test]
    fn one_attempt_means_one_attempt() {
        for cause in [Fault::Killed, Fault::Crashed, Fault::Stalled, Fault::Output, Fault::Read] {
            for retries in [0, 1] {
                let around = Circumstances { retries, kills: 100, ..CALM };
                assert_eq!(Tries::default().judge(cause, &around), Verdict::Fail);
            }
        }
    }

    #[test]
    fn stops_are_not_the_jobs_fault_but_end_alone() {
        let verdicts = run(Fault::Stopped, |_| false);
        assert_eq!(verdicts.get(..3), Some(&[AT_ONCE, AT_ONCE, Verdict::Alone][..]));
    }

    #[test]
    fn kills_that_strike_all_are_nobodys_fault() {
        let mut tries = Tries::default();
        // Its own kills are among those of the run.
        let stormy = |own: u32| Circumstances { kills: 50 + own, ..CALM };
        let verdicts: Vec<_> =
            (0..12).map(|own| tries.judge(Fault::Killed, &stormy(own))).collect();
        assert_eq!(verdicts[0], AT_ONCE);
        assert_eq!(verdicts[1..11], [Verdict::Last; 10]);
        assert_eq!(verdicts[11], Verdict::Fail);
        // As soon as it is struck more often than the others together, it is the reason.
        let mut tries = Tries::default();
        let drizzle = |own: u32| Circumstances { kills: 3 + own, ..CALM };
        let verdicts: Vec<_> =
            (0..5).map(|own| tries.judge(Fault::Killed, &drizzle(own))).collect();
        assert_eq!(verdicts[3..], [Verdict::Last, Verdict::Fail]);
    }

    #[test]
    fn a_full_disk_waits_or_fails() {
        assert_eq!(Tries::default().judge(Fault::Full, &CALM), Verdict::WhenSpace);
        let around = Circumstances { fail_when_full: true, ..CALM };
        assert_eq!(Tries::default().judge(Fault::Full, &around), Verdict::Fail);
    }

    #[test]
    fn delays_double_and_spread() {
        for spread in 0..1000 {
            let first = backoff(0, spread);
            assert!(first >= FIRST_DELAY / 2 && first <= FIRST_DELAY);
            assert!(backoff(40, spread) <= LONGEST_DELAY);
        }
        assert!(backoff(3, 5) > backoff(1, 5));
        assert_ne!(backoff(2, 1), backoff(2, 2));
    }
}
