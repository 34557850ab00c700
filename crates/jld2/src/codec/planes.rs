//! Turns elements into byte planes and back, in memory.

/// Puts elements together from one column per byte; `columns` are as long as there are elements.
pub(super) fn interleave<'c>(columns: impl Iterator<Item = &'c [u8]>, size: usize, out: &mut [u8]) {
    match size {
        2 => interleave_fixed::<2>(columns, out),
        4 => interleave_fixed::<4>(columns, out),
        8 => interleave_words(columns, out),
        16 => interleave_fixed::<16>(columns, out),
        _ => {
            for (k, column) in columns.enumerate() {
                for (to, from) in out.iter_mut().skip(k).step_by(size).zip(column) {
                    *to = *from;
                }
            }
        }
    }
}

/// [`interleave`] in a way that the compiler makes quick.
fn interleave_fixed<'c, const N: usize>(columns: impl Iterator<Item = &'c [u8]>, out: &mut [u8]) {
    let (elements, _) = out.as_chunks_mut::<N>();
    let all = columns_of::<N>(columns, elements.len());
    interleave_rest(&all, 0, elements);
}

/// The elements from the `first` on.
fn interleave_rest<const N: usize>(columns: &[&[u8]; N], first: usize, out: &mut [[u8; N]]) {
    for (i, element) in out.iter_mut().enumerate().skip(first) {
        for (byte, column) in element.iter_mut().zip(columns) {
            *byte = column.get(i).copied().unwrap_or_default();
        }
    }
}

fn columns_of<'c, const N: usize>(
    columns: impl Iterator<Item = &'c [u8]>,
    length: usize,
) -> [&'c [u8]; N] {
    let mut all: [&[u8]; N] = [&[]; N];
    for (slot, column) in all.iter_mut().zip(columns) {
        *slot = column.get(..length).unwrap_or(column);
    }
    all
}

/// [`interleave`] of 8 bytes: eight elements at a time as a matrix of bytes that is turned.
fn interleave_words<'c>(columns: impl Iterator<Item = &'c [u8]>, out: &mut [u8]) {
    let (elements, _) = out.as_chunks_mut::<8>();
    let all = columns_of::<8>(columns, elements.len());
    let words = all.map(|column| column.as_chunks::<8>().0);
    let [a, b, c, d, e, f, g, h] = words;
    let rows = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f).zip(g).zip(h);
    let (blocks, _) = elements.as_chunks_mut::<8>();
    let whole = blocks.len().saturating_mul(8);
    for (block, (((((((a, b), c), d), e), f), g), h)) in blocks.iter_mut().zip(rows) {
        let turned = turn([a, b, c, d, e, f, g, h].map(|row| u64::from_le_bytes(*row)));
        *block = turned.map(u64::to_le_bytes);
    }
    interleave_rest(&all, whole, elements);
}

/// Takes elements apart: byte `first + k` of each into the `k`-th of `planes`.
pub(super) fn take_apart<'p>(
    elements: &[u8],
    size: usize,
    first: usize,
    planes: impl Iterator<Item = &'p mut [u8]>,
) {
    if size == 8 && first == 0 {
        return take_words_apart(elements, planes);
    }
    for (k, plane) in planes.enumerate() {
        take(elements, size, first.saturating_add(k), plane);
    }
}

/// The `k`-th byte of each element.
pub(super) fn take(elements: &[u8], size: usize, k: usize, plane: &mut [u8]) {
    match size {
        2 => take_fixed::<2>(elements, k, plane),
        4 => take_fixed::<4>(elements, k, plane),
        8 => take_fixed::<8>(elements, k, plane),
        _ => {
            for (to, from) in plane.iter_mut().zip(elements.iter().skip(k).step_by(size)) {
                *to = *from;
            }
        }
    }
}

/// [`take`] in a way that the compiler makes quick.
fn take_fixed<const N: usize>(elements: &[u8], k: usize, plane: &mut [u8]) {
    let (elements, _) = elements.as_chunks::<N>();
    for (to, from) in plane.iter_mut().zip(elements) {
        *to = from.get(k).copied().unwrap_or_default();
    }
}

/// [`take_apart`] of 8 bytes, which may give fewer planes than there are.
fn take_words_apart<'p>(elements: &[u8], planes: impl Iterator<Item = &'p mut [u8]>) {
    let mut all: [&mut [u8]; 8] = Default::default();
    for (slot, plane) in all.iter_mut().zip(planes) {
        *slot = plane;
    }
    let (words, _) = elements.as_chunks::<8>();
    let (blocks, _) = words.as_chunks::<8>();
    for (i, block) in blocks.iter().enumerate() {
        let turned = turn(block.map(u64::from_le_bytes));
        let at = i.saturating_mul(8);
        for (plane, row) in all.iter_mut().zip(turned) {
            if let Some(place) = plane.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                *place = row.to_le_bytes();
            }
        }
    }
    let whole = blocks.len().saturating_mul(8);
    for (k, plane) in all.iter_mut().enumerate() {
        for (to, from) in plane.iter_mut().zip(words).skip(whole) {
            *to = from.get(k).copied().unwrap_or_default();
        }
    }
}

/// Turns a matrix of 8 by 8 bytes: byte `i` of word `k` becomes byte `k` of word `i`.
#[inline]
fn turn([mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h]: [u64; 8]) -> [u64; 8] {
    // Blocks of 1, then 2, then 4 bytes change places across the diagonal.
    let swap = |shift: u32, mask: u64, above: &mut u64, below: &mut u64| {
        let both = ((*above >> shift) ^ *below) & mask;
        *below ^= both;
        *above ^= both << shift;
    };
    for (above, below) in [(&mut a, &mut b), (&mut c, &mut d), (&mut e, &mut f), (&mut g, &mut h)] {
        swap(8, 0x00ff_00ff_00ff_00ff, above, below);
    }
    for (above, below) in [(&mut a, &mut c), (&mut b, &mut d), (&mut e, &mut g), (&mut f, &mut h)] {
        swap(16, 0x0000_ffff_0000_ffff, above, below);
    }
    for (above, below) in [(&mut a, &mut e), (&mut b, &mut f), (&mut c, &mut g), (&mut d, &mut h)] {
        swap(32, 0x0000_0000_ffff_ffff, above, below);
    }
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn apart_and_together(
            bytes in proptest::collection::vec(any::<u8>(), 1..2000), size in 1_usize..20,
            first in 0_usize..20, some in 0_usize..20,
        ) {
            let size = if some % 3 == 0 { 8 } else { size };
            let count = bytes.len() / size;
            let elements = &bytes[..count * size];
            let mut planes = vec![0; count * size];
            if count > 0 {
                take_apart(elements, size, 0, planes.chunks_exact_mut(count));
            }
            for (i, byte) in planes.iter().enumerate() {
                prop_assert_eq!(*byte, elements[i % count * size + i / count]);
            }
            let mut together = vec![0; count * size];
            interleave(planes.chunks_exact(count.max(1)), size, &mut together);
            prop_assert_eq!(&together[..], elements);

            let first = first % size;
            let wanted = some.min(size - first);
            let mut group = vec![0; count * wanted];
            if count > 0 {
                take_apart(elements, size, first, group.chunks_exact_mut(count));
            }
            prop_assert_eq!(&group[..], &planes[first * count..(first + wanted) * count]);
        }
    }
}
