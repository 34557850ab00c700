//! Says at the beginning of a line, or in an event, when it was and how far the run was then.

use crate::supervisor::{LiveState, RunEvent, Tracker};
use crate::text;
use serde::Serialize;
use std::time::SystemTime;

/// What stands before a line: the time (UTC), how much is through, rate, time left, memory in use.
pub(super) fn stamp(tracker: &Tracker, at: f64, now: SystemTime) -> String {
    let time = clock(now);
    if tracker.state() == LiveState::Starting {
        return format!("{time}  ");
    }
    let live = tracker.gauge(at);
    format!(
        "{time}  {:>5.1} %  {:>10}  ETA {:>7}  memory {:>9}  ",
        live.percent,
        live.rate.map_or_else(|| "-".to_owned(), text::pace),
        live.eta_seconds.map_or_else(|| "-".to_owned(), text::seconds),
        text::bytes(tracker.memory().used),
    )
}

/// `12:34:56Z`.
fn clock(now: SystemTime) -> String {
    let text = text::rfc3339(now);
    format!("{}Z", text.get(11..19).unwrap_or_default())
}

/// An event as a program reads it: with its time and how far the run was.
#[derive(Debug, Serialize)]
pub(super) struct Told<'a> {
    #[serde(flatten)]
    event: &'a RunEvent,
    /// When it was told (RFC 3339, UTC).
    time: String,
    /// Seconds since the run began.
    elapsed: f64,
    /// How much is through, 0 to 100; never less than it was.
    percent: f64,
    /// Seconds until everything is done; null too early to tell.
    eta_seconds: Option<f64>,
}

impl<'a> Told<'a> {
    pub(super) fn new(event: &'a RunEvent, tracker: &Tracker, at: f64, now: SystemTime) -> Self {
        let gauge = tracker.gauge(at);
        Self {
            event,
            time: text::rfc3339(now),
            elapsed: gauge.elapsed,
            percent: gauge.percent,
            eta_seconds: gauge.eta_seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::header::tests::start;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_line_says_when_and_how_far() {
        let mut tracker = Tracker::default();
        let noon = UNIX_EPOCH + Duration::from_hours(12);
        assert_eq!(stamp(&tracker, 0.0, noon), "12:00:00Z  ");
        tracker.note(&RunEvent::RunStarted(start()), 0.0);
        let first = stamp(&tracker, 0.1, noon);
        assert_eq!(first, "12:00:00Z    0.0 %           -  ETA       -  memory   2.0 GiB  ");
        tracker.note(&crate::report::line::tests::begun(100), 0.0);
        let record =
            crate::report::line::tests::record(100, crate::supervisor::JobOutcome::Converted);
        tracker.note(&RunEvent::JobFinished(record), 2.0);
        let later = stamp(&tracker, 2.0, noon);
        assert_eq!(later, "12:00:00Z   10.0 %  438.1 KiB/s  ETA  18.0 s  memory   2.0 GiB  ");
    }

    #[test]
    fn an_event_keeps_its_fields() {
        let event = RunEvent::Resumed { seconds: 2.5 };
        let told = Told::new(&event, &Tracker::default(), 1.5, UNIX_EPOCH);
        let text = serde_json::to_string(&told).unwrap();
        let expected = r#"{"event":"resumed","seconds":2.5,"time":"1970-01-01T00:00:00.000Z","elapsed":1.5,"percent":0.0,"eta_seconds":null}"#;
        assert_eq!(text, expected);
    }
}
