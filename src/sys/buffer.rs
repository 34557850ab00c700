//! Lends each thread a buffer on pages of its own: making a new one for each file costs small files
//! more than what is done with it.

use memmap2::MmapMut;
use std::cell::Cell;
use std::io;

/// Its size in bytes. More is slower where much goes through it: it must stay in the cores' cache.
pub const SIZE: usize = 1 << 20;

thread_local! {
    static LAST: Cell<Option<MmapMut>> = const { Cell::new(None) };
}

/// Runs `work` with a buffer of [`SIZE`] bytes that hold anything.
///
/// # Errors
/// There is no memory for it.
pub fn with_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> io::Result<T> {
    let mut buffer = match LAST.take() {
        Some(buffer) => buffer,
        None => MmapMut::map_anon(SIZE)?,
    };
    let result = work(&mut buffer);
    LAST.set(Some(buffer));
    Ok(result)
}
