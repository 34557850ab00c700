//! Digests columns on several threads before a dump comes to them.
//!
//! A dump is one stream of text, in which the digest of a column stands where the column is; so
//! values that one object holds, such as the columns of a table, would be read one after the other.

use super::{Digest, Digests};
use crate::h5::{Extent, RelAddr, Result};
use crate::julia::{Numbers, TypeTable};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

impl Digests {
    /// Digests those of the datasets at `addrs` that are arrays of numbers. Each of up to `threads`
    /// threads takes the next of them: the largest should come first.
    ///
    /// `progress` is told of each window of logical bytes; its error ends the column, and the next
    /// ones as soon as they ask it. A column that cannot be read is left out: the dump comes to it,
    /// and says where it is. What is kept is for dumps of the file of `types` only.
    pub fn ahead(
        types: &TypeTable<'_>,
        digest: Digest,
        addrs: &[RelAddr],
        threads: usize,
        progress: &(dyn Fn(u64) -> Result<()> + Sync),
    ) -> Self {
        let made = Self::of_one_file();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(addr) = addrs.get(next.fetch_add(1, Ordering::Relaxed)) {
                // See above: whoever dumps it meets the same error.
                let _ = made.make(types, digest, *addr, progress);
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads.min(addrs.len()) {
                // Where the system allows no more threads, those that there are do the work.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        made
    }

    fn make(
        &self,
        types: &TypeTable<'_>,
        digest: Digest,
        addr: RelAddr,
        progress: &(dyn Fn(u64) -> Result<()> + Sync),
    ) -> Result<()> {
        let file = types.file();
        let object = file.object(addr)?;
        let Some(dataset) = object.dataset().filter(|d| d.dataspace.extent == Extent::Simple)
        else {
            return Ok(());
        };
        let element = types.element(&dataset.datatype)?;
        let told = |bytes| progress(bytes);
        let Some(numbers) = Numbers::of(file, dataset, &element, &told) else { return Ok(()) };
        if let Some(stored) = self.place(&numbers)?
            && self.get(&stored).is_none()
        {
            self.keep(stored, &digest.of(&numbers, None)?);
        }
        Ok(())
    }
}
