//! Finds where references and heap ids stand in an element of some datatype.

use super::{Class, Datatype, Error, Result};
use crate::h5::budget::REFERENCE_SLOTS;

/// The places of one element that lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefPlan {
    /// Bytes of an element.
    pub size: u32,
    /// The places, by byte offset inside the element.
    pub slots: Vec<(u32, RefSlot)>,
}

/// What stands at such a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefSlot {
    /// Eight bytes: an object reference.
    Reference,
    /// Sixteen bytes: a sequence in a global heap, whose elements may lead on.
    Vlen(RefPlan),
}

impl RefPlan {
    /// The plan of a datatype.
    ///
    /// # Errors
    /// If it has absurdly many places.
    pub fn new(datatype: &Datatype) -> Result<Self> {
        Self::within(datatype, &mut { REFERENCE_SLOTS })
    }

    /// A plan with at most `left` slots, those of sequences counted in.
    fn within(datatype: &Datatype, left: &mut usize) -> Result<Self> {
        let mut plan = Self { size: datatype.size, slots: Vec::new() };
        plan.add(datatype, 0, left)?;
        Ok(plan)
    }

    fn add(&mut self, datatype: &Datatype, at: u32, left: &mut usize) -> Result<()> {
        let too_many = || Error::foreign(datatype.offset, "a type with over 2^16 references");
        let mut take = |n: Option<usize>| -> Result<()> {
            *left = n.and_then(|n| left.checked_sub(n)).ok_or_else(too_many)?;
            Ok(())
        };
        match &datatype.class {
            Class::Reference => {
                take(Some(1))?;
                self.slots.push((at, RefSlot::Reference));
            }
            Class::Vlen { base, .. } => {
                take(Some(1))?;
                self.slots.push((at, RefSlot::Vlen(Self::within(base, left)?)));
            }
            Class::Compound(members) => {
                for m in members {
                    self.add(&m.datatype, at.saturating_add(m.offset), left)?;
                }
            }
            Class::Array { dims, base } => {
                let one = Self::within(base, left)?;
                if one.slots.is_empty() {
                    return Ok(());
                }
                let count = dims.iter().try_fold(1_u32, |n, &d| n.checked_mul(d));
                let copies = count.and_then(|n| one.weight().checked_mul(n as usize));
                *left = copies.and_then(|n| left.checked_sub(n)).ok_or_else(too_many)?;
                for i in 0..count.unwrap_or(0) {
                    let start = at.saturating_add(i.saturating_mul(base.size));
                    let copies = one.slots.iter();
                    self.slots.extend(copies.map(|(o, s)| (start.saturating_add(*o), s.clone())));
                }
            }
            Class::FixedPoint { .. }
            | Class::Float { .. }
            | Class::Time
            | Class::String
            | Class::Bitfield
            | Class::Opaque
            | Class::Enum(_) => {}
        }
        Ok(())
    }

    /// Slots, those of sequences counted in.
    fn weight(&self) -> usize {
        self.slots
            .iter()
            .map(|(_, slot)| match slot {
                RefSlot::Reference => 1,
                RefSlot::Vlen(base) => 1 + base.weight(),
            })
            .sum()
    }

    /// Whether elements lead nowhere.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::Member;

    fn array(dims: &[u32], base: Datatype) -> Datatype {
        let size = dims.iter().product::<u32>() * base.size;
        Datatype::new(Class::Array { dims: dims.to_vec(), base: Box::new(base) }, size)
    }

    #[test]
    fn finds_the_places_in_records_and_arrays() {
        let inner = Datatype::record([
            ("a".into(), Datatype::integer(4, true)),
            ("b".into(), Datatype::reference()),
            ("c".into(), Datatype::vlen_references()),
        ]);
        let outer = Datatype::record([
            ("x".into(), Datatype::float64()),
            ("y".into(), array(&[2, 1], inner)),
            ("z".into(), Datatype::vlen_string()),
        ]);
        let plan = RefPlan::new(&outer).unwrap();
        let offsets: Vec<_> = plan.slots.iter().map(|(o, _)| *o).collect();
        assert_eq!(offsets, [12, 20, 40, 48, 64]);
        assert_eq!(plan.slots[0].1, RefSlot::Reference);
        let RefSlot::Vlen(base) = &plan.slots[1].1 else { panic!("not a sequence") };
        assert_eq!((base.size, base.slots.len()), (8, 1));
        assert!(RefPlan::new(&Datatype::float64()).unwrap().is_empty());
    }

    #[test]
    fn nested_arrays_cannot_multiply_without_end() {
        // 2^20 references in four levels, then 2^40 in sequences of sequences.
        let flat = (0..4).fold(Datatype::reference(), |t, _| array(&[32], t));
        assert!(RefPlan::new(&flat).is_err());
        let nested = (0..8).fold(Datatype::reference(), |t, _| {
            let vlen = Datatype::new(Class::Vlen { string: false, base: Box::new(t) }, 16);
            array(&[32], vlen)
        });
        assert!(RefPlan::new(&nested).is_err());
        // Each level read twice would take 2^60 steps.
        let deep = (0..60).fold(Datatype::reference(), |t, _| array(&[1], t));
        assert_eq!(RefPlan::new(&deep).unwrap().slots, [(0, RefSlot::Reference)]);
    }

    #[test]
    fn wide_records_are_refused_in_time() {
        let members = (0..70_000_u32).map(|i| Member {
            name: i.to_string(),
            offset: 8 * i,
            datatype: Datatype::reference(),
        });
        let wide = Datatype::new(Class::Compound(members.collect()), 8 * 70_000);
        assert!(RefPlan::new(&wide).unwrap_err().to_string().contains("2^16"));
    }
}
