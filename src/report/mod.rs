//! Events become progress, summary and JSON.
//!
//! A [`Screen`] is the [`Reporter`](crate::supervisor::Reporter) of a run: it draws bars, prints
//! lines or JSON, as [`Progress`] says. Every block of text is made by a pure function, so that
//! what a person sees is tested letter by letter.

mod progress;

pub use progress::Progress;
