//! Sends what a conversion tells the log to the supervisor, which has the log.

use super::watch::Shared;
use crate::protocol::{LogLevel, LogLine};
use std::fmt::{Debug, Write as _};
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts the log of this process: what is told at `level` or above while an attempt runs goes to
/// the supervisor.
pub(super) fn start(level: LevelFilter, shared: &Arc<Shared>) {
    if level != LevelFilter::OFF {
        // A log that somebody else started stays.
        let _ = subscriber(level, shared).try_init();
    }
}

fn subscriber(level: LevelFilter, shared: &Arc<Shared>) -> impl Subscriber + Send + Sync + use<> {
    tracing_subscriber::registry().with(ToSupervisor(Arc::clone(shared)).with_filter(level))
}

struct ToSupervisor(Arc<Shared>);

impl<S: Subscriber> Layer<S> for ToSupervisor {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut texts = Texts::default();
        event.record(&mut texts);
        let level = match *event.metadata().level() {
            Level::ERROR | Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        };
        self.0.log(|job, attempt| {
            let Texts { message, details } = texts;
            LogLine { job, attempt, level, message, details }.bounded()
        });
    }
}

/// An event's message, and its other fields as `key=value`.
#[derive(Default)]
struct Texts {
    message: String,
    details: String,
}

impl Visit for Texts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            let gap = if self.details.is_empty() { "" } else { " " };
            let _ = write!(self.details, "{gap}{}={value:?}", field.name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::watch::LINES_MAX;
    use super::super::watch::tests::{Wire, assignment, ended};
    use super::*;
    use crate::protocol::{FromWorker, LOG_TEXT_MAX};

    #[test]
    fn lines_of_an_attempt_arrive_within_bounds() {
        let wire = Wire::default();
        let shared = Arc::new(Shared::new(Box::new(wire.clone())));
        tracing::subscriber::with_default(subscriber(LevelFilter::INFO, &shared), || {
            tracing::info!("before any attempt");
            for attempt in [1, 2] {
                shared.take_in_hand(0, vec![assignment(7, attempt)]);
                shared.next(&std::thread::current());
                tracing::warn!(path = "a\nb", bytes = 3, "first");
                tracing::debug!("too fine");
                for _ in 0..2 * LINES_MAX {
                    tracing::info!(text = "ä".repeat(LOG_TEXT_MAX), "long");
                }
                shared.over(ended(7, attempt, false)).unwrap();
                tracing::info!("after the attempt");
            }
        });
        let lines = wire.said().into_iter().filter_map(|message| match message {
            FromWorker::Log(line) => Some(*line),
            _ => None,
        });
        let lines: Vec<LogLine> = lines.collect();
        assert_eq!(lines.len(), 2 * (LINES_MAX as usize + 1));
        let (first, second) = lines.split_at(LINES_MAX as usize + 1);
        for (attempt, lines) in [(1, first), (2, second)] {
            let told = LogLine {
                job: 7,
                attempt,
                level: LogLevel::Warn,
                message: "first".into(),
                details: r#"path="a\nb" bytes=3"#.into(),
            };
            assert_eq!(lines[0], told);
            assert!(lines[1].details.len() <= LOG_TEXT_MAX && lines[1].details.ends_with(" ..."));
            assert_eq!(lines.last().unwrap().level, LogLevel::Warn);
            assert!(lines.last().unwrap().message.contains("left out"));
        }
    }
}
