//! Carries out rewrite mode: all live objects are laid out again.
//!
//! The input is read through the edit list of its migration, so one pass brings both: what rules
//! change and another layout. Payloads are written first, streamed and encoded block by block; then
//! all sizes are added up, which gives every object its address; then data with addresses, heaps and
//! headers follow. Nothing that cannot be reached is kept, and `_types` holds just the
//! types that are used, numbered without gaps.
//!
//! Memory holds where objects and heap objects are and where they go, in compact tables, never data.

mod choice;
mod column_writer;
mod context;
mod front;
mod header;
mod heap_objects;
mod inventory;
mod kept_header;
mod layout;
mod naming;
mod output;
mod payload;
mod payloads;
mod pipeline;
mod progress;
mod relocate;
mod small;
mod stored_links;
mod strings;
#[cfg(test)]
mod tests;

use self::inventory::Inventory;
use self::layout::Layout;
use self::output::Output;
use self::payloads::Payloads;
use super::planned::read_failure;
use super::{Failure, FailureKind, Observer};
use crate::codec;
use crate::h5::File;
use crate::sys::file::is_full;
use crate::sys::sums::Stretch;
use std::io;
use std::path::Path;

pub(super) use self::choice::EncodeOptions;
pub(super) use self::front::{told_of_front, user_block};
pub(super) use self::payload::Counts;

/// Writes all that is alive in `input` to the empty file `out`.
pub(super) fn rewrite(
    input: &File,
    out: &std::fs::File,
    encoding: &EncodeOptions<'_>,
    observer: &dyn Observer,
) -> std::result::Result<Rewritten, RewriteError> {
    let inventory = Inventory::take(input, encoding.small_outside)?;
    let block = user_block(input)?;
    let base = block.len() as u64;
    let mut out = Output::new(out, base);
    out.zeros(base + front::SUPERBLOCK)?;
    let mut payloads = Payloads::default();
    let counts = payload::write(input, &inventory, encoding, &mut out, &mut payloads, observer)
        .map_err(|e| naming::named(input, e))?;
    let layout = Layout { input, base, inventory: &inventory, payloads: &payloads };
    let start = out.position().next_multiple_of(8);
    let named = |e: crate::h5::Error| naming::named(input, e.into());
    let settled = layout.settle(start).map_err(named)?;
    out.pad_to(start)?;
    layout.write(&settled, &mut out)?;
    let bytes = out.finish()?;
    let superblock = input.superblock();
    let root = settled.places.object(superblock.root, superblock.offset)?;
    let head = front::front(input, block, root, bytes);
    let sums = out.write_head(&head)?;
    Ok(Rewritten { counts, sums, head })
}

/// What was written.
#[derive(Debug)]
pub(super) struct Rewritten {
    /// What is to be told of the columns.
    pub(super) counts: Counts,
    /// Digests of all bytes, those of `head` as zeros.
    pub(super) sums: Vec<Stretch>,
    /// The bytes that were put over the first zeros at the end.
    pub(super) head: Vec<u8>,
}

/// Why a rewrite failed.
#[derive(Debug)]
pub(super) enum RewriteError {
    /// The input is not as it must be.
    Input(crate::h5::Error),
    /// The output cannot be written.
    Output(std::io::Error),
    /// Anything else.
    Failed(Failure),
}

impl RewriteError {
    /// The failure of a conversion from the file `input` into the file `output`.
    pub(super) fn into_failure(self, input: &Path, output: &Path) -> Failure {
        match self {
            Self::Input(e) => read_failure(input, &e),
            Self::Output(e) => {
                let fault = if is_full(&e) { FailureKind::Full } else { FailureKind::Output };
                Failure::new(fault, format!("{}: {e}", output.display()))
            }
            Self::Failed(failure) => failure,
        }
    }

    /// What a codec said of the data at offset `at` of the input.
    fn of_codec(at: u64, error: codec::Error) -> Self {
        match error {
            codec::Error::Cancelled => crate::h5::Error::cancelled().into(),
            codec::Error::Output { source, .. } => Self::Output(source),
            codec::Error::Unsupported { .. } => {
                Self::Failed(Failure::new(FailureKind::Unsupported, error.to_string()))
            }
            other => crate::h5::Error::payload(at, io::Error::other(other)).into(),
        }
    }

    /// What a stream of the data at offset `at` said; of chunks it knows more itself.
    fn of_stream(at: u64, error: io::Error) -> Self {
        match error.downcast::<crate::h5::Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::of_codec(at, error.into()),
        }
    }
}

impl From<crate::h5::Error> for RewriteError {
    fn from(e: crate::h5::Error) -> Self {
        Self::Input(e)
    }
}

impl From<std::io::Error> for RewriteError {
    fn from(e: std::io::Error) -> Self {
        Self::Output(e)
    }
}
