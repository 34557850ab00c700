//! The way of events to the reporter. A reporter that is slow, such as a terminal that is paused,
//! holds nothing up: what it can do without is left out.

use super::event::{Reporter, RunEvent};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Events that wait before light ones are left out.
const MANY: usize = 512;

/// The sending end.
#[derive(Debug, Clone)]
pub(super) struct News {
    sender: Sender<RunEvent>,
    waiting: Arc<AtomicUsize>,
}

/// The receiving end.
#[derive(Debug)]
pub(super) struct Readers {
    receiver: Receiver<RunEvent>,
    waiting: Arc<AtomicUsize>,
}

/// Both ends.
pub(super) fn news() -> (News, Readers) {
    let (sender, receiver) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    (News { sender, waiting: Arc::clone(&waiting) }, Readers { receiver, waiting })
}

impl News {
    /// Tells `event`.
    pub(super) fn tell(&self, event: RunEvent) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Without readers nobody wants to know.
        let _ = self.sender.send(event);
    }

    /// Tells `event` unless many wait; for what will be told again soon.
    pub(super) fn mention(&self, event: RunEvent) {
        if self.waiting.load(Ordering::Relaxed) < MANY {
            self.tell(event);
        }
    }
}

impl Readers {
    /// Hands every event to `reporter` until the last sender is gone. A reporter that panics is
    /// not asked again.
    pub(super) fn read(self, reporter: &mut dyn Reporter) {
        let mut well = true;
        for event in self.receiver {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            well = well && catch_unwind(AssertUnwindSafe(|| reporter.event(&event))).is_ok();
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
        let (news, readers) = news();
        for text in ["a", "bad", "b"] {
            news.tell(warning(text));
        }
        drop(news);
        let mut reporter = Picky(Vec::new());
        readers.read(&mut reporter);
        assert_eq!(reporter.0, ["a"]);
    }

    #[test]
    fn what_can_be_left_out_is_left_out_when_many_wait() {
        let (news, readers) = news();
        for _ in 0..2000 {
            news.mention(warning("light"));
        }
        news.tell(warning("heavy"));
        drop(news);
        let mut reporter = Picky(Vec::new());
        readers.read(&mut reporter);
        assert_eq!(reporter.0.len(), MANY + 1);
        assert_eq!(reporter.0.last().unwrap(), "heavy");
    }
}
