//! Makes structs of arrays of arrays of structs, and the other way.

use super::super::error::PlanError;
use super::super::references::References;
use super::super::rule::Way;
use super::super::survey::Instance;
use super::super::turn::Turned;
use super::made::{Later, Part, Recipe, Turning};
use super::reform::Reform;
use super::values::room;
use super::{Engine, Move};
use crate::h5::{
    Class, Datatype, Edge, EdgeKind, Extent, RefPlan, RelAddr, Source, scratch_budget,
};
use crate::h5::{Made as _, encode};
use crate::julia::builder::{Build, Data, LaterPart, NewField, ObjectRef, record as record_of};
use crate::julia::{
    Column, Committed, Element, JuliaType, Lanes, Override, Param, Structs, columns_in,
};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes of arrays that are read at once.
const WINDOW: usize = 256 << 10;

/// An array in the making.
struct NewArray {
    element: Element,
    start: usize,
    size: usize,
    /// Whether its bytes lead to others.
    leads: bool,
    data: Data,
}

/// Where the data of a new array come from.
enum Bytes<'d> {
    Held(&'d Data),
    Later(LaterPart),
}

/// New arrays are put together in memory while all that is held for a file takes no more bytes than
/// this; else they are made when they are written.
const HELD: u64 = 4 << 20;
/// What takes fewer bytes is held.
const LEAST: u64 = 8 << 10;

impl<'r> Engine<'r> {
    /// The objects that are turned.
    pub(super) fn turned_moves(&self) -> Vec<(RelAddr, Move<'r>)> {
        let own = self.survey.instances.iter().filter(|instance| self.turns.is_turned(instance));
        let own = own.map(|i| (i.addr, Move::Turned(i.clone(), i.datatype)));
        let referring = self.turns.referring.iter();
        own.chain(referring.map(|(i, of)| (i.addr, Move::Turned(i.clone(), *of)))).collect()
    }

    /// The references to an object that lead elsewhere afterwards. A type whose values all become
    /// arrays keeps its name in `_types`, which are numbered without gaps.
    pub(super) fn leading<'e>(
        &self,
        references: &'e References,
        old: RelAddr,
        offset: u64,
    ) -> crate::h5::Result<impl Iterator<Item = &'e Edge> + use<'e>> {
        let stays = self.turns.keeps_link(old);
        // Of a type without values that others hold, these are described as they were.
        let alone = stays && self.turns.get(old, Way::Rows).is_none();
        let edges = references.to(old, offset)?.iter();
        Ok(edges.filter(move |edge| match edge.kind {
            EdgeKind::Link => !stays,
            EdgeKind::HeapReference => true,
            _ => !alone,
        }))
    }

    /// Lets types without values that rules turn go by their new names where they are parameters.
    pub(super) fn name_alone(&mut self, build: &mut Build<'_>) -> Result<(), PlanError> {
        for (addr, turned) in self.turns.named() {
            let object = build.param(&Param::Type(turned.array()))?;
            let at = self.julia_type_offset(addr, &turned.rule.id)?;
            self.renames.names.insert(at, turned.new_name());
            self.now.insert(addr, object);
        }
        Ok(())
    }

    /// What stands in the place of the committed type at `addr`, if its values become arrays: the type
    /// of these, which what held them refers to.
    pub(super) fn reform_of_rows(
        &mut self,
        addr: RelAddr,
        build: &mut Build<'_>,
    ) -> Result<Option<Rc<Reform<'r>>>, PlanError> {
        let Some(turned) = self.turns.get(addr, Way::Rows) else { return Ok(None) };
        let rule = turned.rule.id.clone();
        row_type(turned, build)?;
        let object = build.param(&Param::Type(turned.array()))?;
        let at = self.julia_type_offset(addr, &rule)?;
        self.renames.names.insert(at, turned.new_name());
        self.overrides.rows.insert(addr, turned.row());
        self.now.insert(addr, object);
        let reform = Rc::new(Reform {
            committed: Arc::clone(&turned.committed),
            object,
            rule,
            layout: Some(Datatype::reference()),
            parts: Vec::new(),
            inner: HashMap::new(),
            resized: true,
            rows: true,
        });
        self.reforms.insert(addr, Rc::clone(&reform));
        Ok(Some(reform))
    }

    /// The new object in the place of `instance`, whose type, or that of its elements, is at `of`.
    pub(super) fn turned(
        &mut self,
        instance: &Instance,
        of: RelAddr,
        build: &mut Build<'_>,
    ) -> Result<ObjectRef, PlanError> {
        let Some(turned) = self.turns.types.get(&of) else {
            return Err(PlanError::Internal(format!("nothing is turned at {}", instance.addr)));
        };
        let object = self.file().object(instance.addr)?;
        let c = Arc::clone(&turned.committed);
        if turned.way() == Way::Rows {
            self.overrides.objects.insert(instance.addr, Override::Rows);
            let Some(dataset) = object.dataset() else {
                return Err(PlanError::Internal(format!("no dataset at {}", instance.addr)));
            };
            let column = Column::new(self.file(), dataset, &c.datatype)?;
            let mut stream = column.open()?;
            let at = stream.offset();
            let mut bytes = vec![0; c.datatype.size as usize];
            stream.fill(&mut bytes)?;
            return self.rows(&c, &bytes, Some(at), &instance.place, build);
        }
        let Some(structs) = Structs::of(self.types, &object, &c)? else {
            return Err(PlanError::Internal(format!("no array at {}", instance.addr)));
        };
        let to = turned.struct_of(self.types, structs.dims().len())?;
        let by = Override::Columns { of: c, to: to.clone() };
        self.overrides.objects.insert(instance.addr, by);
        self.columns(turned, (&structs, instance.addr), &to, &instance.place, build)
    }

    /// A struct `to` of arrays, one for each field of the elements of an array.
    fn columns(
        &mut self,
        turned: &Turned<'_>,
        (structs, addr): (&Structs<'_>, RelAddr),
        to: &JuliaType,
        place: &Arc<str>,
        build: &mut Build<'_>,
    ) -> Result<ObjectRef, PlanError> {
        let rule = turned.rule.id.as_str();
        let refuse = |problem: String| PlanError::unsupported(place, rule, problem);
        let c = structs.committed();
        let mut arrays = Vec::with_capacity(c.fields.len());
        for field in &c.fields {
            let (Some(element), Some(start)) = (field.element(self.types)?, field.offset) else {
                return Err(PlanError::Internal(format!("{} has no content", field.name)));
            };
            let leads = !RefPlan::new(element.datatype())?.is_empty();
            let (start, size) = (start as usize, element.size());
            arrays.push(NewArray { element, start, size, leads, data: Data::default() });
        }
        let len = structs.count().saturating_mul(u64::from(c.datatype.size));
        if !structs.dataset().filters.is_empty() {
            self.unfiltered.push((Arc::clone(place), rule.to_owned()));
        }
        if is_made_later(len, build)
            && let Some(source) = self.source()?
        {
            let count = structs.count();
            let mut at = 0_u64;
            let mut parts = Vec::with_capacity(arrays.len());
            for NewArray { start, size, leads, .. } in &arrays {
                let (start, size, leads, step) = (*start, *size, *leads, *size as u64);
                parts.push(Part { at, step, start, size, leads });
                at = at.saturating_add(count.saturating_mul(step)).next_multiple_of(8);
            }
            let recipe = Recipe::Columns(addr);
            let number = self.make_later(source, (recipe, c.addr), parts.clone(), count, build);
            let later = |part: &Part| {
                let len = count.saturating_mul(part.step);
                Bytes::Later(LaterPart { number, at: part.at, len })
            };
            let bytes: Vec<_> = parts.iter().map(later).collect();
            return struct_of_arrays(structs, to, &arrays, &bytes, build);
        }
        room(build, len, "turned").map_err(refuse)?;
        structs
            .each(None, WINDOW, &mut |_, bytes, at| {
                for array in &mut arrays {
                    let part = bytes.get(array.start..).and_then(|b| b.get(..array.size));
                    let part = part.unwrap_or_default();
                    if array.leads {
                        let at = at.saturating_add(array.start as u64);
                        array.data.push(&self.copy(part, Some(at)));
                    } else {
                        array.data.extend(part);
                    }
                }
                Ok(())
            })
            .map_err(|e| refuse(e.to_string()))?;
        let bytes: Vec<_> = arrays.iter().map(|array| Bytes::Held(&array.data)).collect();
        struct_of_arrays(structs, to, &arrays, &bytes, build)
    }

    /// What arrays are made of later; none if it cannot be read again.
    pub(super) fn source(&mut self) -> crate::h5::Result<Option<Arc<Source>>> {
        if let Some(known) = self.source.get() {
            return Ok(known.clone());
        }
        let source = self.file().source().same()?.map(Arc::new);
        let _ = self.source.set(source.clone());
        Ok(source)
    }

    /// Lets arrays be made when they are written. Gives their number in the build.
    pub(super) fn make_later(
        &mut self,
        source: Arc<Source>,
        recipe: (Recipe, RelAddr),
        parts: Vec<Part>,
        count: u64,
        build: &mut Build<'_>,
    ) -> usize {
        let turning = Turning::new(source, self.file().checksums(), recipe, parts, count);
        let number = build.later(turning.len());
        self.made.push(Later::Turned(Arc::new(turning)));
        number
    }

    /// An array of structs: the rows of the arrays that the fields of the value `bytes` refer to, which
    /// stands at `at`.
    pub(super) fn rows(
        &mut self,
        c: &Arc<Committed>,
        bytes: &[u8],
        at: Option<u64>,
        place: &str,
        build: &mut Build<'_>,
    ) -> Result<ObjectRef, PlanError> {
        let Some(turned) = self.turns.get(c.addr, Way::Rows) else {
            return Err(PlanError::Internal(format!("{} is not turned", c.julia_type)));
        };
        let rule = turned.rule.id.as_str();
        let refuse = |problem: String| PlanError::unsupported(place, rule, problem);
        let at_or_zero = at.unwrap_or(0);
        let lanes =
            Lanes::of(self.types, c, bytes, at_or_zero).map_err(|e| refuse(e.to_string()))?;
        if lanes.is_filtered() {
            self.unfiltered.push((Arc::from(place), rule.to_owned()));
        }
        let mut leads = Vec::with_capacity(lanes.lanes.len());
        for lane in &lanes.lanes {
            leads.push(!RefPlan::new(lane.element.datatype())?.is_empty());
        }
        let dims: Vec<u64> = lanes.dims.iter().rev().copied().collect();
        let len = lanes.count().saturating_mul(lanes.row_len());
        if is_made_later(len, build)
            && let Some(source) = self.source()?
        {
            let mut at = 0;
            let mut parts = Vec::with_capacity(lanes.lanes.len());
            for (lane, leads) in lanes.lanes.iter().zip(leads) {
                let size = lane.element.size();
                parts.push(Part { at, step: lanes.row_len(), start: 0, size, leads });
                at = at.saturating_add(size as u64);
            }
            let t = row_type(turned, build)?;
            let recipe = Recipe::Rows(bytes.to_vec(), at_or_zero);
            let number = self.make_later(source, (recipe, c.addr), parts, lanes.count(), build);
            let part = LaterPart { number, at: 0, len };
            return Ok(build.dataset_later(Some(t), None, &dims, &[], part));
        }
        room(build, len, "turned").map_err(refuse)?;
        let mut data = Data::default();
        lanes
            .each(self.file(), None, WINDOW, &mut |_, lane, bytes, at| {
                if leads.get(lane).is_some_and(|leads| *leads) {
                    data.push(&self.copy(bytes, Some(at)));
                } else {
                    data.extend(bytes);
                }
                Ok(())
            })
            .map_err(|e| refuse(e.to_string()))?;
        let t = row_type(turned, build)?;
        Ok(build.any_dataset(Some(t), None, Extent::Simple, &dims, &data))
    }
}

/// A struct `to` of arrays, whose data are `bytes`.
fn struct_of_arrays(
    structs: &Structs<'_>,
    to: &JuliaType,
    arrays: &[NewArray],
    bytes: &[Bytes<'_>],
    build: &mut Build<'_>,
) -> Result<ObjectRef, PlanError> {
    let c = structs.committed();
    let dims = &structs.dataset().dataspace.dims;
    let mut record = Data::default();
    let mut fields = Vec::with_capacity(arrays.len());
    for ((array, bytes), field) in arrays.iter().zip(bytes).zip(&c.fields) {
        let made = array_of(&array.element, dims, bytes, build)?;
        record.push(&Data::reference(made));
        fields.push(NewField {
            name: field.name.clone(),
            datatype: Some(Datatype::reference()),
            committed: None,
        });
    }
    let columns = columns_in(to).unwrap_or(to);
    if let Some(Param::Type(tuple)) = columns.params().get(1).filter(|_| columns.is_named_tuple()) {
        let elements: Vec<_> = (1..)
            .zip(&fields)
            .map(|(i, field)| NewField { name: format!("{i}"), ..field.clone() })
            .collect();
        build.find_or_commit_record(tuple, &elements)?;
    }
    let mut t = build.find_or_commit_record(columns, &fields)?;
    if columns != to {
        let (name, datatype) = ("components".to_owned(), Some(record_of(&fields)));
        let inside = NewField { name, datatype, committed: Some(t) };
        t = build.find_or_commit_record(to, &[inside])?;
    }
    Ok(build.dataset(Some(t), None, &record))
}

/// Whether new arrays of so many bytes are made when they are written.
pub(super) fn is_made_later(len: u64, build: &Build<'_>) -> bool {
    let most = scratch_budget().min(HELD);
    len >= LEAST.min(most) && build.weight().saturating_add(len) > most
}

/// The committed type of the elements of arrays that structs of arrays become.
fn row_type(turned: &Turned<'_>, build: &mut Build<'_>) -> Result<ObjectRef, PlanError> {
    let fields: Vec<_> = turned
        .lanes()
        .iter()
        .map(|(name, element)| NewField {
            name: name.clone(),
            datatype: Some(element.datatype().clone()),
            committed: match element {
                Element::Committed(c) => Some(ObjectRef::Existing(c.addr)),
                Element::Plain(_) => None,
            },
        })
        .collect();
    Ok(build.find_or_commit_record(&turned.row(), &fields)?)
}

/// An array of such elements, its dimensions in HDF5's order.
fn array_of(
    element: &Element,
    dims: &[u64],
    bytes: &Bytes<'_>,
    build: &mut Build<'_>,
) -> Result<ObjectRef, PlanError> {
    let any = match element {
        Element::Plain(d) if matches!(d.class, Class::Reference) => {
            Some(build.param(&Param::Type(JuliaType::any()))?)
        }
        Element::Plain(_) | Element::Committed(_) => None,
    };
    let mut array = |committed, plain, attributes: &[Data]| match bytes {
        Bytes::Held(data) => {
            let shape = (Extent::Simple, dims);
            build.dataset_with(committed, plain, shape, attributes, data)
        }
        Bytes::Later(part) => build.dataset_later(committed, plain, dims, attributes, *part),
    };
    Ok(match element {
        Element::Committed(c) => array(Some(ObjectRef::Existing(c.addr)), None, &[]),
        Element::Plain(d) if let Some(any) = any => {
            // An array of references tells the type of what it refers to.
            let mut body = Data::new(encode::attribute(
                "julia_type",
                false,
                &encode::datatype(d),
                &encode::dataspace(Extent::Scalar, &[]),
                &[],
            ));
            body.push(&Data::reference(any));
            array(None, Some(d), &[body])
        }
        Element::Plain(d) => array(None, Some(d), &[]),
    })
}
