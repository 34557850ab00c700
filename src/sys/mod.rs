//! The operating system; the only home of `unsafe`.

pub mod copy;
pub mod crash;
pub mod dir;
pub mod file;
pub mod lock;
pub mod origin;
#[cfg(test)]
pub(crate) mod tape;
mod writeback;
