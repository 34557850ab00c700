//! Lets large arrays whose elements are laid out in another way be made when they are written.

use super::super::error::PlanError;
use super::super::objects;
use super::super::rule::FieldSource;
use super::super::survey::Instance;
use super::Engine;
use super::converting::Converting;
use super::made::{Later, Part, Recipe, Same};
use super::reform::{Reform, located};
use super::turned::is_made_later;
use crate::h5::{Object, RefPlan};
use crate::julia::builder::{Build, LaterPart, ObjectRef};
use crate::julia::{Derived, NumberType, Numbers, Structs};
use std::sync::Arc;

/// How values are laid out again: fields that are carried over as they are, and bytes that are the same in
/// all values, by where they stand.
#[derive(Default)]
struct Flat {
    parts: Vec<Part>,
    constants: Vec<(usize, Vec<u8>)>,
    /// Bytes of a new value so far.
    size: usize,
}

impl<'r> Engine<'r> {
    /// The array in the place of `instance`, if it is too large to be held and can be made when it is
    /// written.
    pub(super) fn relaid_later(
        &mut self,
        instance: &Instance,
        object: &Object,
        reform: &Reform<'r>,
        build: &mut Build<'_>,
    ) -> Result<Option<ObjectRef>, PlanError> {
        let Some(layout) = &reform.layout else { return Ok(None) };
        let Some(dataset) = object.dataset() else { return Ok(None) };
        let step = u64::from(layout.size);
        let count = dataset.dataspace.elements().unwrap_or(0);
        let len = count.saturating_mul(step);
        if !is_made_later(len, build) {
            return Ok(None);
        }
        let mut flat = Flat::default();
        if !self.flat(reform, 0, &mut flat)? || flat.size as u64 != step {
            return Ok(None);
        }
        let Some(source) = self.source()? else { return Ok(None) };
        // One whose bytes lead to others and that does not stand in the file as it is, is not one that
        // JLD2 writes.
        if !matches!(Structs::of(self.types, object, &reform.committed), Ok(Some(_))) {
            return Ok(None);
        }
        flat.parts.iter_mut().for_each(|part| part.step = step);
        let same = Same { size: step, constants: flat.constants };
        let recipe = Recipe::Relaid(instance.addr, same);
        let of = reform.committed.addr;
        let number = self.make_later(source, (recipe, of), flat.parts, count, build);
        let part = LaterPart { number, at: 0, len };
        let dims = &dataset.dataspace.dims;
        let attributes = self.attributes(object);
        Ok(Some(build.dataset_later(Some(reform.object), None, dims, &attributes, part)))
    }

    /// Adds what a reform says of values that stand at `start` in larger ones; whether it does no more than
    /// carry fields over and add numbers.
    fn flat(&self, reform: &Reform<'r>, start: usize, out: &mut Flat) -> Result<bool, PlanError> {
        for (number, (_, source)) in reform.parts.iter().enumerate() {
            match source {
                FieldSource::Stored(_) | FieldSource::Derived(Derived::Part { .. }) => {
                    let field = located(self.types, &reform.committed, source)?;
                    let Some((offset, layout)) =
                        field.as_ref().and_then(|f| Some((f.offset?, f.datatype.as_ref()?)))
                    else {
                        continue;
                    };
                    let start = start.saturating_add(offset as usize);
                    match reform.inner.get(&number) {
                        Some(inner) if inner.rows => return Ok(false),
                        Some(inner) => {
                            if !self.flat(inner, start, out)? {
                                return Ok(false);
                            }
                        }
                        None => {
                            let (at, size) = (out.size as u64, layout.size as usize);
                            let leads = !RefPlan::new(layout)?.is_empty();
                            out.parts.push(Part { at, step: 0, start, size, leads });
                            out.size = out.size.saturating_add(size);
                        }
                    }
                }
                FieldSource::Constant(value) => match objects::number_bytes(value) {
                    Some(bytes) => {
                        let at = out.size;
                        out.size = out.size.saturating_add(bytes.len());
                        out.constants.push((at, bytes));
                    }
                    None => return Ok(false),
                },
                FieldSource::Derived(_) | FieldSource::Computed(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The array of numbers of another type in the place of `object`, if it is too large to be held.
    pub(super) fn converted_later(
        &mut self,
        object: &Object,
        numbers: &Numbers<'_>,
        to: NumberType,
        build: &mut Build<'_>,
    ) -> crate::h5::Result<Option<ObjectRef>> {
        let len = numbers.len()?;
        if !is_made_later(len, build) {
            return Ok(None);
        }
        let Some(source) = self.source()? else { return Ok(None) };
        // What does not fit has to be known before anything is written.
        numbers.read(&mut |_| Ok(()))?;
        let converting = Converting::new(source, self.file().checksums(), object.addr(), to, len);
        let number = build.later(len);
        self.made.push(Later::Converted(Arc::new(converting)));
        let part = LaterPart { number, at: 0, len };
        let dims = &numbers.dataset().dataspace.dims;
        Ok(Some(build.dataset_later(None, Some(&to.datatype()), dims, &[], part)))
    }
}
