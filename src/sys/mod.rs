//! Talks to the operating system; the only home of `unsafe`.

pub mod bounded;
pub mod buffer;
pub mod cgroup;
pub mod clock;
pub mod copy;
pub mod dir;
pub mod failpoint;
pub mod file;
pub mod file_system;
pub mod flip;
#[cfg(feature = "hdf5")]
pub mod hdf5;
pub mod holes;
#[cfg(test)]
pub(crate) mod io_recorder;
pub mod lock;
pub mod machine;
pub mod memory;
pub mod note;
pub mod origin;
pub mod process;
pub mod processor;
pub mod random;
pub mod readback;
pub mod scratch;
pub mod stat;
pub mod stream;
pub mod sums;
pub mod terminal;
mod writeback;
