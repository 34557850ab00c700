//! Compares digests of logical values.

use crate::convert::Failure;
use crate::convert::beside::Aside;
use crate::h5::{RelAddr, Result};
use crate::julia::{Digest, Digests, Dumper, FormDigest, TypeTable};
use crate::migrate::LargeColumns;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Digest of the canonical form of one value.
pub(in super::super) fn digest(dumper: &Dumper<'_>, addr: RelAddr) -> Result<u128> {
    let mut form = FormDigest::default();
    dumper.node(addr, &mut form)?;
    Ok(form.digest())
}

/// Datasets with fewer bytes than that are done before a second thread is there.
const WORTH_A_THREAD: u64 = 4 << 20;

/// Digests of the large columns of a file, made by all `threads`: one value may hold all of them.
/// None if the dump that follows does as well without.
pub(super) fn ahead(
    types: &TypeTable<'_>,
    columns: &LargeColumns,
    threads: usize,
    tick: &(dyn Fn(u64) -> Result<()> + Sync),
) -> Option<Digests> {
    let addrs = columns.largest_first();
    let worth_it = threads > 1 && addrs.len() > 1;
    worth_it.then(|| Digests::ahead(types, Digest::Xxh3, &addrs, threads, tick))
}

/// `dumper`, with what is known of columns; `aside` ends it early.
pub(super) fn knowing<'a>(
    mut dumper: Dumper<'a>,
    ahead: Option<&'a Digests>,
    aside: Option<&'a Aside<'_>>,
) -> Dumper<'a> {
    if let Some(ahead) = ahead {
        dumper = dumper.with_digests(ahead);
    }
    match aside {
        Some(aside) => dumper.with_watch(aside),
        None => dumper,
    }
}

/// What `one` says of each of `addrs`, in their order, up to the first error. Each of up to `threads`
/// threads takes the next of them, if there are `bytes` enough.
fn of_each(
    addrs: &[RelAddr],
    threads: usize,
    bytes: u64,
    one: &(dyn Fn(RelAddr) -> Result<u128> + Sync),
) -> Vec<Result<u128>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(addrs.len()));
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(addr) = addrs.get(i) else { return };
            let told = one(*addr);
            if told.is_err() {
                // Nobody begins another one. Those before it are being worked at.
                next.store(addrs.len(), Ordering::Relaxed);
            }
            found.lock().unwrap_or_else(PoisonError::into_inner).push((i, told));
        }
    };
    let threads = if bytes < WORTH_A_THREAD { 1 } else { threads.min(addrs.len()) };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system allows no more threads, those that there are do the work.
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(i, _)| *i);
    let first_error = found.iter().position(|(_, told)| told.is_err());
    found.truncate(first_error.map_or(found.len(), |at| at + 1));
    found.into_iter().map(|(_, told)| told).collect()
}

/// Values that are digested before they are handed on.
const AT_ONCE: usize = 4096;

/// Hands what `one` says of objects to `each`, in their order and with what belongs to them; as
/// [`of_each`], some of them at a time.
///
/// # Errors
/// Those of `each`, which end it.
pub(super) fn in_order<T>(
    objects: impl Iterator<Item = (RelAddr, T)>,
    threads: usize,
    bytes: u64,
    one: &(dyn Fn(RelAddr) -> Result<u128> + Sync),
    mut each: impl FnMut(&T, Result<u128>) -> std::result::Result<(), Failure>,
) -> std::result::Result<(), Failure> {
    let mut left = objects;
    loop {
        let (addrs, some): (Vec<_>, Vec<_>) = left.by_ref().take(AT_ONCE).unzip();
        let found = of_each(&addrs, threads, bytes, one);
        some.iter().zip(found).try_for_each(|(of, told)| each(of, told))?;
        if some.len() < AT_ONCE {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::Error;
    use std::collections::HashSet;
    use std::sync::Barrier;

    #[test]
    fn values_come_in_order_from_as_many_threads_as_are_asked_for() {
        let addrs: Vec<_> = (0..50).map(RelAddr).collect();
        for threads in [1, 2, 3, 7] {
            let (seen, all) = (Mutex::new(HashSet::new()), Barrier::new(threads));
            let one = |addr: RelAddr| {
                let first = seen.lock().unwrap().insert(thread::current().id());
                if first {
                    // Passed only if so many threads come.
                    all.wait();
                }
                Ok(u128::from(addr.0))
            };
            let found = of_each(&addrs, threads, WORTH_A_THREAD, &one);
            let found: Vec<_> = found.into_iter().map(|told| told.unwrap()).collect();
            assert_eq!(found, (0..50).collect::<Vec<u128>>());
            assert_eq!(seen.into_inner().unwrap().len(), threads);
        }
    }

    #[test]
    fn the_first_error_in_order_is_the_last_answer() {
        let addrs: Vec<_> = (0..50).map(RelAddr).collect();
        for (threads, bytes) in [(1, 0), (4, 0), (2, WORTH_A_THREAD), (7, WORTH_A_THREAD)] {
            let one = |addr: RelAddr| match addr.0 {
                n if n >= 20 => Err(Error::corrupt(n, "value", "none", "one")),
                n => Ok(u128::from(n)),
            };
            let found = of_each(&addrs, threads, bytes, &one);
            assert_eq!(found.len(), 21, "{threads} threads");
            assert!(found[..20].iter().all(Result::is_ok));
            assert!(found[20].as_ref().is_err_and(|e| e.to_string().contains("20")));
        }
    }
}
