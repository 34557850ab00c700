//! Keeps what happened lately; it is put into words when somebody asks.

use super::{Happened, What};
use crate::text;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Noted {
    /// Seconds since the run began.
    pub(super) at: f64,
    pub(super) what: What,
    /// The file that it happened to.
    pub(super) name: Option<String>,
    pub(super) message: Message,
}

/// More about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    Text(String),
    /// Of most files there is nothing else to say, and nobody asks.
    Through(Through),
}

/// How a file went through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Through {
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) seconds: f64,
}

impl Noted {
    /// The same in words.
    pub(super) fn told(&self) -> Happened {
        let message = match &self.message {
            Message::Text(text) => text.clone(),
            Message::Through(Through { bytes_in, bytes_out, seconds }) => {
                let [before, after] = [*bytes_in, *bytes_out].map(text::bytes);
                format!("{before} to {after} in {}", text::seconds(*seconds))
            }
        };
        Happened { at: self.at, what: self.what, name: self.name.clone(), message }
    }
}
