//! Where in an element of some datatype references and heap ids stand.

use super::{Class, Datatype, Error, Result};

/// More places in one element than any real type has; bounds what forged types can allocate.
const MAX_SLOTS: usize = 1 << 18;

/// The places of one element that lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefPlan {
    /// Bytes of an element.
    pub size: u32,
    /// The places, by byte offset inside the element.
    pub slots: Vec<(u32, Slot)>,
}

/// What stands at such a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
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
        let mut plan = Self { size: datatype.size, slots: Vec::new() };
        plan.add(datatype, 0)?;
        Ok(plan)
    }

    fn add(&mut self, datatype: &Datatype, at: u32) -> Result<()> {
        if self.slots.len() > MAX_SLOTS {
            return Err(Error::foreign(datatype.offset, "a type with over 2^18 references"));
        }
        match &datatype.class {
            Class::Reference => self.slots.push((at, Slot::Reference)),
            Class::Vlen { base, .. } => self.slots.push((at, Slot::Vlen(Self::new(base)?))),
            Class::Compound(members) => {
                for m in members {
                    self.add(&m.datatype, at.saturating_add(m.offset))?;
                }
            }
            Class::Array { dims, base } => {
                let probe = Self::new(base)?;
                if probe.slots.is_empty() {
                    return Ok(());
                }
                let count = dims.iter().try_fold(1_u32, |n, &d| n.checked_mul(d));
                let Some(count) = count.filter(|&n| (n as usize) < MAX_SLOTS) else {
                    return Err(Error::foreign(
                        datatype.offset,
                        "a type with over 2^18 references",
                    ));
                };
                for i in 0..count {
                    self.add(base, at.saturating_add(i.saturating_mul(base.size)))?;
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

    /// Whether elements lead nowhere.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}
