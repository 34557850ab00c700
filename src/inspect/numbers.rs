//! Finds where two arrays of numbers begin to differ.

use super::view::Node;
use crate::h5::{Class, Object, ObjectKind, RelAddr, Result};
use crate::julia::{Column, Element, Record, TypeTable, half};
use std::sync::Arc;

/// Bytes that are compared at once.
const WINDOW: usize = 64 << 10;

/// An array of numbers.
struct Numbers<'a> {
    types: &'a TypeTable<'a>,
    object: Arc<Object>,
    element: Element,
}

/// The place of the first element in which two arrays of numbers differ, and what stands there. The
/// arrays are those that the fields `at` lead to; none if the way there is not only through fields,
/// or cannot be gone.
pub(super) fn first_unequal(a: Node<'_>, b: Node<'_>, at: &str) -> Option<(String, [String; 2])> {
    let (a, b) = (Numbers::find(a, at).ok()??, Numbers::find(b, at).ok()??);
    let (index, sides) = a.first_unequal(&b).ok()??;
    // Julia counts from one.
    Some((format!("{at}[{}]", index + 1), sides))
}

impl<'a> Numbers<'a> {
    fn find((types, addr): Node<'a>, at: &str) -> Result<Option<Self>> {
        let Some(addr) = target(types, addr, at)? else { return Ok(None) };
        let object = types.file().object(addr)?;
        let Some(dataset) = object.dataset() else { return Ok(None) };
        let element = types.element(&dataset.datatype)?;
        let number = element.is_number() && (1..=16).contains(&element.size());
        Ok(number.then_some(Self { types, object, element }))
    }

    fn column(&self) -> Result<Option<Column<'_>>> {
        let ObjectKind::Dataset(dataset) = &self.object.kind else { return Ok(None) };
        Column::new(self.types.file(), dataset, self.element.datatype()).map(Some)
    }

    fn first_unequal(&self, other: &Self) -> Result<Option<(u64, [String; 2])>> {
        let (Some(mine), Some(others)) = (self.column()?, other.column()?) else { return Ok(None) };
        let size = self.element.size();
        if other.element.size() != size || mine.len() != others.len() {
            return Ok(None);
        }
        let (mut mine, mut others) = (mine.open()?, others.open()?);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let mut before = 0_u64;
        while mine.left() > 0 {
            let n = usize::try_from(mine.left()).unwrap_or(usize::MAX).min(WINDOW / size * size);
            x.resize(n, 0);
            y.resize(n, 0);
            mine.fill(&mut x)?;
            others.fill(&mut y)?;
            let mut elements = x.chunks(size).zip(y.chunks(size)).zip(before..);
            if let Some(((x, y), index)) = elements.find(|((x, y), _)| x != y) {
                return Ok(Some((index, [self.text(x), other.text(y)])));
            }
            before += (n / size) as u64;
        }
        Ok(None)
    }

    fn text(&self, bytes: &[u8]) -> String {
        let last = bytes.last().copied().unwrap_or(0);
        let signed =
            matches!(self.element.datatype().class, Class::FixedPoint { signed: true, .. });
        let fill = if signed && last >= 0x80 { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let bits = u128::from_le_bytes(wide);
        let low = |n: u32| u64::try_from(bits & ((1 << n) - 1)).unwrap_or(0);
        match (&self.element.datatype().class, bytes.len()) {
            (Class::Bitfield, _) => (bits != 0).to_string(),
            (Class::Float { .. }, 8) => format!("{:?}", f64::from_bits(low(64))),
            (Class::Float { .. }, 4) => {
                format!("{:?}", f32::from_bits(u32::try_from(low(32)).unwrap_or(0)))
            }
            (Class::Float { .. }, 2) => format!("{:?}", half(u16::try_from(low(16)).unwrap_or(0))),
            _ if signed => i128::from_le_bytes(wide).to_string(),
            _ => bits.to_string(),
        }
    }
}

/// What the fields `at` (`.data.columns.rho`) of the value at `addr` refer to.
fn target(types: &TypeTable<'_>, addr: RelAddr, at: &str) -> Result<Option<RelAddr>> {
    let mut steps = at.split('.').skip(1).peekable();
    if steps.peek().is_none() {
        return Ok(at.is_empty().then_some(addr));
    }
    let Some(mut record) = Record::at(types, addr)? else { return Ok(None) };
    while let Some(step) = steps.next() {
        if steps.peek().is_none() {
            return record.reference(step);
        }
        let Some(inner) = record.record(step)? else { return Ok(None) };
        record = inner;
    }
    Ok(None)
}
