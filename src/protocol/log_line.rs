//! Carries one line of a worker's log to its supervisor, within bounds.

use serde::{Deserialize, Serialize};

/// Longest message or details of a line in bytes; what is longer is cut.
pub const LOG_TEXT_MAX: usize = 4 << 10;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    /// Something is wrong.
    Warn,
    /// What happens.
    Info,
    /// Why.
    Debug,
    /// The rest.
    Trace,
}

/// One line of a worker's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The job that it is about.
    pub job: u32,
    /// The attempt at it.
    pub attempt: u32,
    /// How much it matters.
    pub level: LogLevel,
    /// What happened.
    pub message: String,
    /// `key=value` pairs; empty where there are none.
    pub details: String,
}

impl LogLine {
    /// The same line with texts of at most [`LOG_TEXT_MAX`] bytes.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { message: cut(self.message), details: cut(self.details), ..self }
    }
}

fn cut(mut text: String) -> String {
    const MARK: &str = " ...";
    if text.len() > LOG_TEXT_MAX {
        text.truncate(text.floor_char_boundary(LOG_TEXT_MAX - MARK.len()));
        text.push_str(MARK);
    }
    text
}
