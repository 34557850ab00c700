//! Compares elements that lead elsewhere, byte by byte: what they have in heaps is compared at once, the
//! objects that they refer to are told.

use crate::h5::{Error, File, RefPlan, RefSlot, RelAddr, Result};
use crate::julia::Column;

/// Elements are read in windows of about this many bytes.
const WINDOW: usize = 1 << 20;

/// What is done with a pair of objects that two elements refer to.
type Follow<'f> = &'f mut dyn FnMut((RelAddr, RelAddr));

/// Whether two columns have the same elements, if the pairs of objects are the same that `follow` is
/// told of. `progress` is told how many bytes were read.
///
/// # Errors
/// If data or a heap cannot be read, or `progress` fails.
pub(super) fn elements(
    files: [&File; 2],
    [a, b]: &[Column<'_>; 2],
    plan: &RefPlan,
    follow: Follow<'_>,
    progress: &dyn Fn(u64) -> Result<()>,
) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    let size = usize::try_from(plan.size).unwrap_or(usize::MAX).max(1);
    let whole = (WINDOW / size).max(1).saturating_mul(size);
    let (mut from_a, mut from_b) = (a.open()?, b.open()?);
    let (mut in_a, mut in_b) = (Vec::new(), Vec::new());
    let mut at = a.offset();
    while from_a.left() > 0 {
        let len = usize::try_from(from_a.left()).unwrap_or(usize::MAX).min(whole);
        in_a.resize(len, 0);
        in_b.resize(len, 0);
        from_a.fill(&mut in_a)?;
        from_b.fill(&mut in_b)?;
        progress(len as u64)?;
        if !pieces(files, (&in_a, &in_b), at, plan, follow, progress)? {
            return Ok(false);
        }
        at = at.saturating_add(len as u64);
    }
    Ok(true)
}

/// The same of elements in memory, which stand at the offset `at` of the first file.
fn pieces(
    files: [&File; 2],
    (a, b): (&[u8], &[u8]),
    at: u64,
    plan: &RefPlan,
    follow: Follow<'_>,
    progress: &dyn Fn(u64) -> Result<()>,
) -> Result<bool> {
    let size = usize::try_from(plan.size).unwrap_or(usize::MAX).max(1);
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.chunks(size).zip(b.chunks(size)) {
        let mut start = 0;
        for (place, slot) in &plan.slots {
            let place = usize::try_from(*place).unwrap_or(usize::MAX);
            let len = match slot {
                RefSlot::Reference => 8,
                RefSlot::Vlen(_) => 16,
            };
            if a.get(start..place) != b.get(start..place) {
                return Ok(false);
            }
            start = place.saturating_add(len);
            let (Some(a), Some(b)) = (a.get(place..start), b.get(place..start)) else {
                return Err(Error::corrupt(at, "element", "a place for a reference", "its end"));
            };
            let same = match slot {
                RefSlot::Reference => reference(a, b, follow),
                RefSlot::Vlen(base) => sequence(files, (a, b), at, base, follow, progress)?,
            };
            if !same {
                return Ok(false);
            }
        }
        if a.get(start..) != b.get(start..) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn reference(a: &[u8], b: &[u8], follow: Follow<'_>) -> bool {
    let addr = |bytes: &[u8]| bytes.first_chunk().map(|b| RelAddr(u64::from_le_bytes(*b)));
    let (Some(a), Some(b)) = (addr(a), addr(b)) else { return false };
    let nowhere = |addr: RelAddr| addr.is_null() || addr.is_undef();
    if nowhere(a) || nowhere(b) {
        return a == b;
    }
    follow((a, b));
    true
}

fn sequence(
    files: [&File; 2],
    (a, b): (&[u8], &[u8]),
    at: u64,
    base: &RefPlan,
    follow: Follow<'_>,
    progress: &dyn Fn(u64) -> Result<()>,
) -> Result<bool> {
    let [in_a, in_b] = files;
    match (in_a.vlen(a, at, base.size)?, in_b.vlen(b, at, base.size)?) {
        (None, None) => Ok(true),
        (Some((start_a, len_a)), Some((start_b, len_b))) if len_a == len_b => {
            progress(len_a)?;
            let size = u64::from(base.size).max(1);
            let window = (WINDOW as u64 / size).max(1).saturating_mul(size);
            let mut done = 0;
            while done < len_a {
                let n = window.min(len_a - done);
                let len = usize::try_from(n).unwrap_or(usize::MAX);
                let (at_a, at_b) = (start_a.saturating_add(done), start_b.saturating_add(done));
                let a = in_a.source().read(at_a, len, "heap object")?;
                let b = in_b.source().read(at_b, len, "heap object")?;
                let same = if base.is_empty() {
                    a == b
                } else {
                    pieces(files, (&a, &b), at_a, base, follow, progress)?
                };
                if !same {
                    return Ok(false);
                }
                done += n;
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}
