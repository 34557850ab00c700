//! Brings events to the reporter. A reporter that is slow, such as a terminal that is paused, holds
//! nothing up: what it can do without is left out.

use super::event::{Reporter, RunEvent};
use super::live::LiveHandle;
use super::trace::RunTrace;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Events that wait before light ones are left out.
const MANY: usize = 512;
/// How long an event may wait for others, so that the reporter is not woken for each.
const LINGER: Duration = Duration::from_millis(20);

/// The sending end.
#[derive(Debug)]
pub(in crate::supervisor) struct EventSender {
    sender: Sender<Vec<RunEvent>>,
    /// Events that were sent and not read.
    waiting: Arc<AtomicUsize>,
    /// Events that were not sent.
    bundle: Vec<RunEvent>,
    /// When the first of them came.
    since: Instant,
    /// What is known of the run, which every event reaches, too.
    pub(in crate::supervisor) live: LiveHandle,
    /// The log, which every event reaches, too.
    pub(in crate::supervisor) trace: RunTrace,
}

/// The receiving end.
#[derive(Debug)]
pub(in crate::supervisor) struct Readers {
    receiver: Receiver<Vec<RunEvent>>,
    waiting: Arc<AtomicUsize>,
    /// The reporter has not panicked.
    well: bool,
}

/// Both ends.
pub(in crate::supervisor) fn events_out(live: LiveHandle) -> (EventSender, Readers) {
    let (sender, receiver) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let readers = Readers { receiver, waiting: Arc::clone(&waiting), well: true };
    let sender = EventSender {
        sender,
        waiting,
        bundle: Vec::new(),
        since: Instant::now(),
        live,
        trace: RunTrace::default(),
    };
    (sender, readers)
}

impl EventSender {
    /// Tells `event`.
    pub(in crate::supervisor) fn tell(&mut self, event: RunEvent) {
        self.trace.event(&event);
        self.live.note(&event);
        if self.bundle.is_empty() {
            self.since = Instant::now();
        }
        self.bundle.push(event);
    }

    /// Tells `event` unless many wait; for what will be told again soon.
    pub(in crate::supervisor) fn mention(&mut self, event: RunEvent) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting.saturating_add(self.bundle.len()) < MANY {
            self.tell(event);
        } else {
            self.live.note(&event);
        }
    }

    /// How long until [`Self::send`] has something to send.
    pub(in crate::supervisor) fn due(&self) -> Option<Duration> {
        (!self.bundle.is_empty()).then(|| LINGER.saturating_sub(self.since.elapsed()))
    }

    /// Sends what has waited long enough; with `now`, everything.
    pub(in crate::supervisor) fn send(&mut self, now: bool) {
        if self.bundle.is_empty() || !(now || self.since.elapsed() >= LINGER) {
            return;
        }
        let bundle = std::mem::take(&mut self.bundle);
        self.waiting.fetch_add(bundle.len(), Ordering::Relaxed);
        // Without readers nobody wants to know.
        let _ = self.sender.send(bundle);
    }
}

impl Drop for EventSender {
    fn drop(&mut self) {
        self.send(true);
    }
}

impl Readers {
    /// Hands every event to `reporter` until the last sender is gone. A reporter that panics is
    /// not asked again.
    pub(in crate::supervisor) fn read(mut self, reporter: &mut dyn Reporter) {
        while let Ok(bundle) = self.receiver.recv() {
            self.hand_over(bundle, reporter);
        }
    }

    /// Hands over what was sent by now.
    pub(in crate::supervisor) fn drain(&mut self, reporter: &mut dyn Reporter) {
        while let Ok(bundle) = self.receiver.try_recv() {
            self.hand_over(bundle, reporter);
        }
    }

    fn hand_over(&mut self, bundle: Vec<RunEvent>, reporter: &mut dyn Reporter) {
        for event in bundle {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.well =
                self.well && catch_unwind(AssertUnwindSafe(|| reporter.event(&event))).is_ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Picky(Vec<String>);

    impl Reporter for Picky {
        fn event(&mut self, event: &RunEvent) {
            let RunEvent::Warning { message } = event else { return };
            assert_ne!(message, "bad");
            self.0.push(message.clone());
        }
    }

    fn warning(text: &str) -> RunEvent {
        RunEvent::Warning { message: text.into() }
    }

    #[test]
    fn a_reporter_that_panics_is_left_alone() {
        let (mut events_out, readers) = events_out(LiveHandle::default());
        for text in ["a", "bad", "b"] {
            events_out.tell(warning(text));
        }
        drop(events_out);
        let mut reporter = Picky(Vec::new());
        readers.read(&mut reporter);
        assert_eq!(reporter.0, ["a"]);
    }

    #[test]
    fn what_can_be_left_out_is_left_out_when_many_wait() {
        let (mut events_out, readers) = events_out(LiveHandle::default());
        for _ in 0..2000 {
            events_out.mention(warning("light"));
        }
        events_out.tell(warning("heavy"));
        drop(events_out);
        let mut reporter = Picky(Vec::new());
        readers.read(&mut reporter);
        assert_eq!(reporter.0.len(), MANY + 1);
        assert_eq!(reporter.0.last().unwrap(), "heavy");
    }
}
