//! Puts numbers, lists, times and foreign texts into words for people. It uses no other room.

mod amount;
mod base64;
mod list;
mod quote;
mod tame;
mod time;

pub use amount::{bytes, count, float, is_are, pace, percent, rate, seconds, times};
pub(crate) use base64::base64;
pub use list::{and_more, few, ranges};
#[cfg(test)]
pub(crate) use quote::tests::bash;
pub use quote::{quote, shell_path, shell_word};
pub use tame::{after_path, path, shortened, shortened_inside, tame, tame_lines};
pub use time::rfc3339;
