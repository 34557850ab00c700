//! Makes objects that stand elsewhere afterwards, since the bytes of their values change.

use super::super::error::PlanError;
use super::super::fate::Retyped;
use super::super::objects;
use super::super::references::References;
use super::super::rule::{FieldSource, Formula};
use super::super::survey::Instance;
use super::Engine;
use super::reform::{Reform, expected, located};
use crate::h5::{self, Datatype, Extent, Object, RelAddr, TypeRef, kind};
use crate::julia::builder::{Build, Data, ObjectRef};
use crate::julia::{Column, Committed, Derived, NumberType, Numbers, Override, Worked};
use crate::mera::scales::Units;
use std::sync::Arc;

/// New objects are put together in memory: no more bytes of them than this.
const MAX_BYTES: u64 = 1 << 30;

/// What is needed to make a new value.
pub(super) struct Making<'m> {
    pub(super) units: Option<Units>,
    /// The object, for messages.
    pub(super) place: &'m str,
}

impl<'r> Engine<'r> {
    /// Builds the object `instance` anew, with values as `reform` says. `own` holds if the reform
    /// is for this object and not for all of its type.
    pub(super) fn moved(
        &mut self,
        instance: &Instance,
        reform: &Reform<'r>,
        own: Option<&Retyped<'r>>,
        references: &References,
        build: &mut Build<'_>,
    ) -> Result<ObjectRef, PlanError> {
        let object = self.file().object(instance.addr)?;
        let Some(dataset) = object.dataset() else {
            return Err(PlanError::Internal(format!("no dataset at {}", instance.addr)));
        };
        let refuse =
            |problem: String| Err(PlanError::unsupported(&instance.place, &reform.rule, problem));
        let c = &reform.committed;
        let array = self.types.julia_dims(&object, dataset)?.is_some();
        let computed = reform.parts.iter().any(|(_, s)| needs_units(s));
        if array && computed {
            return refuse("it is an array, and each element would need units of its own".into());
        }
        if array && (instance.extent == Extent::Null || reform.layout.is_none()) {
            return refuse(format!("it is an array of {}, which has no content", c.julia_type));
        }
        if array && let Some(made) = self.relaid_later(instance, &object, reform, build)? {
            if !dataset.filters.is_empty() {
                self.unfiltered.push((Arc::clone(&instance.place), reform.rule.clone()));
            }
            self.expect(instance, c, own, None)?;
            return Ok(made);
        }
        let units = if computed { Some(self.units(reform, instance, references)?) } else { None };
        let making = Making { units, place: &instance.place };
        let mut data = Data::default();
        if instance.extent == Extent::Null {
            self.value(reform, &[], None, &making, build, &mut data)?;
        } else {
            let column = Column::new(self.file(), dataset, &c.datatype)?;
            if let Err(problem) = room(build, column.len(), "laid out again") {
                return refuse(problem);
            }
            let mut stream = column.open()?;
            let plain = dataset.layout.chunked().is_none();
            if !dataset.filters.is_empty() {
                self.unfiltered.push((Arc::clone(&instance.place), reform.rule.clone()));
            }
            let mut at = stream.offset();
            let mut bytes = vec![0; c.datatype.size as usize];
            while stream.left() > 0 && !bytes.is_empty() {
                stream.fill(&mut bytes)?;
                // Filtered data hold no references, and their offsets say nothing.
                self.value(reform, &bytes, plain.then_some(at), &making, build, &mut data)?;
                at += bytes.len() as u64;
                if data.len() as u64 > MAX_BYTES {
                    return refuse(format!(
                        "it would grow beyond {} MiB, which are put together in memory",
                        MAX_BYTES >> 20
                    ));
                }
            }
            stream.finish()?;
        }
        self.expect(instance, c, own, making.units.as_ref())?;
        let attributes = self.attributes(&object);
        let shape = match (&reform.layout, instance.extent) {
            (None, _) => (Extent::Null, &[][..]),
            (Some(_), Extent::Simple) => (Extent::Simple, dataset.dataspace.dims.as_slice()),
            (Some(_), Extent::Scalar | Extent::Null) => (Extent::Scalar, &[][..]),
        };
        Ok(build.dataset_with(Some(reform.object), None, shape, &attributes, &data))
    }

    /// Takes down how `instance` reads afterwards.
    fn expect(
        &mut self,
        instance: &Instance,
        c: &Committed,
        own: Option<&Retyped<'r>>,
        units: Option<&Units>,
    ) -> Result<(), PlanError> {
        let by = match (own.or_else(|| self.retyped(c.addr)), units) {
            (Some(to), Some(units)) => Some((to, expected(c, to, Some(units)))),
            _ => own.map(|to| (to, expected(c, to, None))),
        };
        let by = match by {
            Some((to, Some(fields))) => Override::Retyped { to: to.to.clone(), fields },
            Some((to, None)) => {
                return Err(PlanError::Internal(format!("no values for fields of {}", to.to.name)));
            }
            None => Override::Moved,
        };
        self.overrides.objects.insert(instance.addr, by);
        Ok(())
    }

    /// The bodies of an object's attribute messages, leading where they have to.
    pub(super) fn attributes(&self, object: &Object) -> Vec<Data> {
        let messages = object.header.of_kind(kind::ATTRIBUTE);
        messages.map(|m| self.copy(object.header.body(m), Some(m.body))).collect()
    }

    /// Bytes that stand at `at` in the file, leading where they have to afterwards.
    pub(super) fn copy(&self, bytes: &[u8], at: Option<u64>) -> Data {
        let mut out = Data::new(bytes);
        if let Some(at) = at {
            for (place, fix) in self.fixes.range(at..at.saturating_add(bytes.len() as u64)) {
                out.put(usize::try_from(place - at).unwrap_or(usize::MAX), fix);
            }
        }
        out
    }

    /// The new value in the place of `bytes`, which stand at `at`.
    fn value(
        &mut self,
        reform: &Reform<'r>,
        bytes: &[u8],
        at: Option<u64>,
        making: &Making<'_>,
        build: &mut Build<'_>,
        out: &mut Data,
    ) -> Result<(), PlanError> {
        for (number, (name, source)) in reform.parts.iter().enumerate() {
            match source {
                FieldSource::Stored(_) | FieldSource::Derived(Derived::Part { .. }) => {
                    let field = located(self.types, &reform.committed, source)?;
                    let Some((start, layout)) =
                        field.as_ref().and_then(|f| Some((f.offset?, f.datatype.as_ref()?)))
                    else {
                        continue;
                    };
                    let part = bytes
                        .get(start as usize..)
                        .and_then(|rest| rest.get(..layout.size as usize))
                        .ok_or_else(|| {
                            h5::Error::corrupt(
                                at.unwrap_or(0),
                                format!("field {name}"),
                                "its bytes inside the object",
                                format!("an object of {} bytes", bytes.len()),
                            )
                            .in_object(making.place)
                        })?;
                    let at = at.map(|at| at + u64::from(start));
                    match reform.inner.get(&number) {
                        Some(inner) if inner.rows => {
                            let c = Arc::clone(&inner.committed);
                            let made = self.rows(&c, part, at, making.place, build)?;
                            out.push(&Data::reference(made));
                        }
                        Some(inner) => self.value(inner, part, at, making, build, out)?,
                        None => out.push(&self.copy(part, at)),
                    }
                }
                FieldSource::Derived(derived) => {
                    out.push(&self.worked_out(reform, *derived, bytes, at, making, build)?);
                }
                FieldSource::Constant(value) => out.push(&objects::member_data(build, value)?),
                FieldSource::Computed(formula) => {
                    let Some(value) = formula.value(name, making.units.as_ref()) else {
                        let problem = format!(
                            "values of {} are stored inside others here, where the units that the \
                             field {name} follows from are not known",
                            reform.committed.julia_type
                        );
                        return Err(PlanError::unsupported(making.place, &reform.rule, problem));
                    };
                    out.push(&Data::new(value.to_le_bytes()));
                }
            }
        }
        Ok(())
    }

    /// The bytes of a value that follows from fields of the value `bytes`, which stands at `at`.
    fn worked_out(
        &mut self,
        reform: &Reform<'r>,
        derived: Derived,
        bytes: &[u8],
        at: Option<u64>,
        making: &Making<'_>,
        build: &mut Build<'_>,
    ) -> Result<Data, PlanError> {
        let c = &reform.committed;
        if let Derived::Text { field, .. } = derived {
            let start = c.fields.get(field).and_then(|f| f.offset).unwrap_or(0);
            let text = bytes.get(start as usize..).and_then(|b| b.get(..16)).unwrap_or_default();
            return Ok(self.copy(text, at.map(|at| at + u64::from(start))));
        }
        let refuse = |problem| PlanError::unsupported(making.place, &reform.rule, problem);
        let worked = derived.work_out(self.types, c, bytes, at.unwrap_or(0));
        Ok(match worked.map_err(|e| refuse(e.to_string()))? {
            Worked::Undefined => Data::reference(ObjectRef::Existing(RelAddr::NULL)),
            Worked::Number(t, bytes) => Data::new(bytes.get(..t.size()).unwrap_or_default()),
            Worked::Object(addr) => {
                let existing = ObjectRef::Existing(addr);
                Data::reference(self.now.get(&addr).copied().unwrap_or(existing))
            }
            Worked::Reference(addr, place) => self.copy(&addr.0.to_le_bytes(), Some(place)),
            Worked::Made(t, made) => {
                let count = (made.len() / t.size()) as u64;
                room(build, made.len() as u64, "made").map_err(refuse)?;
                Data::reference(array(build, t, &[count], made))
            }
            Worked::Converted(addr, object, to) => {
                if let Some(known) = self.converted.get(&(addr, to)) {
                    return Ok(Data::reference(*known));
                }
                let made = self.converted(&object, to, making, reform, build)?;
                self.converted.insert((addr, to), made);
                Data::reference(made)
            }
        })
    }

    /// An array of numbers of another type.
    fn converted(
        &mut self,
        object: &Object,
        to: NumberType,
        making: &Making<'_>,
        reform: &Reform<'_>,
        build: &mut Build<'_>,
    ) -> Result<ObjectRef, PlanError> {
        let refuse = |problem| PlanError::unsupported(making.place, &reform.rule, problem);
        let Some(dataset) = object.dataset() else {
            return Err(PlanError::Internal("an array that is no dataset".to_owned()));
        };
        let element = self.types.element(&dataset.datatype)?;
        let Some(numbers) = Numbers::of(self.file(), dataset, &element, &|_| Ok(())) else {
            return Err(PlanError::Internal("an array of no numbers".to_owned()));
        };
        let numbers = numbers.converted_to(to);
        let len = numbers.len()?;
        if !dataset.filters.is_empty() {
            self.unfiltered.push((Arc::from(making.place), reform.rule.clone()));
        }
        let later = self.converted_later(object, &numbers, to, build);
        if let Some(later) = later.map_err(|e| refuse(e.to_string()))? {
            return Ok(later);
        }
        room(build, len, "made").map_err(refuse)?;
        let mut made = Vec::new();
        let read = numbers.read(&mut |window| {
            made.extend(window);
            Ok(())
        });
        read.map_err(|e| refuse(e.to_string()))?;
        Ok(array(build, to, &dataset.dataspace.dims, made))
    }

    /// The bytes of a scalar.
    fn stored(&self, addr: RelAddr) -> Result<Vec<u8>, PlanError> {
        let object = self.file().object(addr)?;
        let Some(dataset) = object.dataset() else {
            return Err(PlanError::Internal(format!("no dataset at {addr}")));
        };
        let datatype = self.file().resolve(&dataset.datatype)?;
        let column = Column::new(self.file(), dataset, &datatype)?;
        let mut bytes = vec![0; datatype.size as usize];
        column.open()?.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The units that an object's scales follow from: those of the InfoType that refers to it; if
    /// there is none, what the object itself says of them.
    fn units(
        &self,
        reform: &Reform<'_>,
        instance: &Instance,
        references: &References,
    ) -> Result<Units, PlanError> {
        let offset = self.file().offset(instance.addr, "object")?;
        for edge in references.to(instance.addr, offset)? {
            let owner = self.file().object(edge.from)?;
            let Some(TypeRef::Shared { addr, .. }) = owner.dataset().map(|d| &d.datatype) else {
                continue;
            };
            let owner_type = self.types.committed(*addr)?;
            if owner_type.julia_type.name() != Formula::OWNER {
                continue;
            }
            let bytes = self.stored(edge.from)?;
            let [l, d, t, m] = Formula::UNIT_FIELDS.map(|name| float(&owner_type, &bytes, name));
            if let (Some(length), Some(density), Some(time), Some(mass)) = (l, d, t, m) {
                return Ok(Units { length, density, time, mass });
            }
        }
        // One centimetre, g/cm3, second and gram in code units are the units themselves.
        let bytes = self.stored(instance.addr)?;
        let [l, d, t, m] =
            ["cm", "g_cm3", "s", "g"].map(|name| float(&reform.committed, &bytes, name));
        match (l, d, t, m) {
            (Some(length), Some(density), Some(time), Some(mass)) => {
                Ok(Units { length, density, time, mass })
            }
            _ => Err(PlanError::unsupported(
                &instance.place,
                &reform.rule,
                format!("no {} refers to it, so its units are not known", Formula::OWNER),
            )),
        }
    }
}

/// Whether so many more bytes can be put together in memory, which have to be `how`.
pub(super) fn room(build: &Build<'_>, len: u64, how: &str) -> Result<(), String> {
    if build.weight().saturating_add(len) <= MAX_BYTES {
        return Ok(());
    }
    let most = MAX_BYTES >> 20;
    Err(format!(
        "over {most} MiB of values would have to be {how}, which are put together in memory; of any size are \
         arrays that are turned, arrays of numbers that are converted, and arrays of structs whose fields are \
         carried over as they are, renamed, dropped, put into another order, or joined by constant numbers"
    ))
}

/// A new array of numbers, its dimensions in HDF5's order.
fn array(build: &mut Build<'_>, t: NumberType, dims: &[u64], bytes: Vec<u8>) -> ObjectRef {
    build.any_dataset(None, Some(&t.datatype()), Extent::Simple, dims, &Data::new(bytes))
}

fn needs_units(source: &FieldSource<'_>) -> bool {
    matches!(source, FieldSource::Computed(f) if f.needs_units())
}

/// The Float64 in the field of this name.
fn float(c: &Committed, bytes: &[u8], name: &str) -> Option<f64> {
    let field = c.fields.iter().find(|f| f.name == name)?;
    let layout = field.datatype.as_ref()?;
    if !layout.same_layout(&Datatype::float64()) {
        return None;
    }
    let (value, _) = bytes.get(field.offset? as usize..)?.split_first_chunk::<8>()?;
    Some(f64::from_le_bytes(*value))
}
