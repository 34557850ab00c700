//! Follows what one busy slot does.

use super::LiveSlot;
use crate::convert::Phase;
use crate::supervisor::event::SlotId;
use crate::text::float;

/// A busy slot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Busy {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) attempt: u32,
    pub(crate) pid: u32,
    pub(crate) phase: Option<Phase>,
    /// Bytes of the phase that are through, and of the phase.
    pub(crate) at: (u64, u64),
    /// Share of the file that is through, from 0 to 1.
    pub(crate) share: f64,
    /// When the attempt began and when something moved last, in the tracker's seconds.
    pub(crate) began: f64,
    pub(crate) moved: f64,
    /// Anonymous memory in bytes.
    pub(crate) anon: u64,
}

impl Busy {
    /// It came to `done` of `total` bytes of `phase`.
    pub(super) fn progress(&mut self, phase: Phase, done: u64, total: u64, now: f64) {
        if (self.phase, self.at) != (Some(phase), (done, total)) {
            self.moved = now;
        }
        self.phase = Some(phase);
        self.at = (done.min(total), total);
        self.share = self.share.max(share(phase, done, total));
    }

    /// Bytes of the file that are through.
    pub(super) fn through(&self) -> u64 {
        part(self.bytes, self.share)
    }

    pub(super) fn live(&self, slot: SlotId, now: f64) -> LiveSlot {
        LiveSlot {
            slot,
            pid: Some(self.pid),
            name: Some(self.name.clone()),
            bytes: self.bytes,
            attempt: self.attempt,
            phase: self.phase,
            done: self.at.0,
            total: self.at.1,
            percent: self.share * 100.0,
            seconds: (now - self.began).max(0.0),
            still: (now - self.moved).max(0.0),
            anon: self.anon,
        }
    }
}

/// The share of a file's work that is through in a phase: copying and editing carry the bytes, the
/// other phases some of the time.
pub(crate) fn share(phase: Phase, done: u64, total: u64) -> f64 {
    let (from, to) = match phase {
        Phase::Plan => (0.0, 0.02),
        Phase::Copy => (0.02, 0.6),
        Phase::Edit => (0.6, 0.8),
        Phase::Rewrite => (0.02, 0.8),
        Phase::Sync => (0.8, 0.9),
        Phase::Verify => (0.9, 1.0),
        Phase::Publish => (1.0, 1.0),
    };
    let within = if total > 0 { float(done.min(total)) / float(total) } else { 0.0 };
    from + (to - from) * within
}

/// A share, from 0 to 1, of a number of bytes.
pub(crate) fn part(bytes: u64, share: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of bytes is one"
    )]
    let part = (float(bytes) * share) as u64;
    part.min(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_go_forward() {
        for carries in [&[Phase::Copy, Phase::Edit][..], &[Phase::Rewrite]] {
            let after = [Phase::Sync, Phase::Verify, Phase::Publish];
            let phases = [&[Phase::Plan][..], carries, &after].concat();
            let shares: Vec<f64> = phases
                .iter()
                .flat_map(|phase| [share(*phase, 0, 9), share(*phase, 9, 9)])
                .collect();
            assert!(shares.is_sorted());
        }
        assert!(share(Phase::Copy, 5, 0) <= 0.02);
        assert!((0.999..=1.0).contains(&share(Phase::Verify, 99, 9)));
    }
}
