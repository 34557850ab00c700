//! Whether a job is tried again: one counter a cause, so that bad luck of one kind does not use up
//! the patience for another.

use super::cause::Cause;
use std::time::Duration;

/// Deaths for memory beside others after which a job runs alone.
const OOM_TOGETHER: u32 = 2;
/// Deaths for memory alone in the machine that end a job.
const OOM_ALONE: u32 = 2;
/// Stops for the sake of others after which a job runs alone, where nobody stops it.
const STOPS: u32 = 3;
/// Attempts for a crash or a stall.
const CRASHES: u32 = 2;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// What is done about an attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Again, not before this delay.
    Again(Duration),
    /// Again, with no other job beside it.
    Alone,
    /// Again, when the disk has space.
    WhenSpace,
    /// The job is lost.
    Fail,
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
    stopped: u32,
}

impl Tries {
    /// Counts `cause` and decides. `alone` tells whether the attempt had the machine to itself,
    /// `retries` bounds the attempts for causes that may pass, `spread` varies the delay from job
    /// to job so that they do not come back all at once.
    pub(super) fn judge(
        &mut self,
        cause: Cause,
        alone: bool,
        retries: u32,
        fail_when_full: bool,
        spread: u32,
    ) -> Verdict {
        let attempts = retries.max(1);
        match cause {
            Cause::Input | Cause::Unsupported | Cause::Verify => Verdict::Fail,
            Cause::OutOfMemory => {
                self.oom = self.oom.saturating_add(1);
                if alone {
                    self.oom_alone = self.oom_alone.saturating_add(1);
                }
                if self.oom_alone >= OOM_ALONE {
                    Verdict::Fail
                } else if alone || self.oom >= OOM_TOGETHER {
                    Verdict::Alone
                } else {
                    Verdict::Again(Duration::ZERO)
                }
            }
            Cause::Killed => {
                again_or_fail(&mut self.killed, attempts, Verdict::Again(Duration::ZERO))
            }
            Cause::Crashed | Cause::Protocol | Cause::Internal | Cause::Spawn => {
                again_or_fail(&mut self.crashed, attempts.min(CRASHES), Verdict::Alone)
            }
            Cause::Stalled => {
                let again = Verdict::Again(Duration::ZERO);
                again_or_fail(&mut self.stalled, attempts.min(CRASHES), again)
            }
            Cause::Output => {
                let delay = backoff(self.output, spread);
                again_or_fail(&mut self.output, attempts, Verdict::Again(delay))
            }
            Cause::Full => {
                if fail_when_full {
                    Verdict::Fail
                } else {
                    Verdict::WhenSpace
                }
            }
            Cause::Stopped => {
                self.stopped = self.stopped.saturating_add(1);
                if self.stopped >= STOPS { Verdict::Alone } else { Verdict::Again(Duration::ZERO) }
            }
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

    fn run(cause: Cause, alone: impl Fn(Option<Verdict>) -> bool) -> Vec<Verdict> {
        let mut tries = Tries::default();
        let mut verdicts = Vec::new();
        while verdicts.last() != Some(&Verdict::Fail) && verdicts.len() < 20 {
            let alone = alone(verdicts.last().copied());
            verdicts.push(tries.judge(cause, alone, 3, false, 7));
        }
        verdicts
    }

    const AT_ONCE: Verdict = Verdict::Again(Duration::ZERO);

    #[test]
    fn memory_gets_two_tries_together_and_two_alone() {
        let obedient = |last| last == Some(Verdict::Alone);
        assert_eq!(
            run(Cause::OutOfMemory, obedient),
            [AT_ONCE, Verdict::Alone, Verdict::Alone, Verdict::Fail]
        );
        assert_eq!(run(Cause::OutOfMemory, |_| true), [Verdict::Alone, Verdict::Fail]);
    }

    #[test]
    fn each_cause_has_its_own_patience() {
        assert_eq!(run(Cause::Killed, |_| false), [AT_ONCE, AT_ONCE, Verdict::Fail]);
        assert_eq!(run(Cause::Crashed, |_| false), [Verdict::Alone, Verdict::Fail]);
        assert_eq!(run(Cause::Stalled, |_| false), [AT_ONCE, Verdict::Fail]);
        assert_eq!(run(Cause::Input, |_| false), [Verdict::Fail]);
        assert_eq!(run(Cause::Verify, |_| false), [Verdict::Fail]);
        assert_eq!(run(Cause::Output, |_| false).len(), 3);
        let mut mixed = Tries::default();
        for cause in [Cause::Killed, Cause::Crashed, Cause::Stalled, Cause::Output, Cause::Killed] {
            assert_ne!(mixed.judge(cause, false, 3, false, 0), Verdict::Fail);
        }
    }

    #[test]
    fn one_attempt_means_one_attempt() {
        for cause in [Cause::Killed, Cause::Crashed, Cause::Stalled, Cause::Output] {
            assert_eq!(Tries::default().judge(cause, false, 0, false, 0), Verdict::Fail);
            assert_eq!(Tries::default().judge(cause, false, 1, false, 0), Verdict::Fail);
        }
    }

    #[test]
    fn stops_are_not_the_jobs_fault_but_end_alone() {
        let verdicts = run(Cause::Stopped, |_| false);
        assert_eq!(verdicts.get(..3), Some(&[AT_ONCE, AT_ONCE, Verdict::Alone][..]));
    }

    #[test]
    fn a_full_disk_waits_or_fails() {
        assert_eq!(Tries::default().judge(Cause::Full, false, 3, false, 0), Verdict::WhenSpace);
        assert_eq!(Tries::default().judge(Cause::Full, false, 3, true, 0), Verdict::Fail);
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
