//! Instances of one type carried over into another: the new type, the new objects, and the values
//! of fields that the old type lacked.

use super::super::objects;
use super::super::plan::{Group, PlanError, member_names};
use super::super::rule::{Formula, Plan, Retype, Rule, Source};
use super::super::survey::{Instance, References};
use super::{Engine, New, unsupported};
use crate::h5::{self, Datatype, Extent, RelAddr, TypeRef};
use crate::julia::build::{Build, Data, NewField, ObjectRef, record};
use crate::julia::{Column, Committed, FieldValue, Node, Override};
use crate::mera::scales::Units;

impl Engine<'_> {
    #[expect(
        clippy::too_many_arguments,
        reason = "the two outputs and all that is known of a group"
    )]
    pub(super) fn retype(
        &mut self,
        group: &Group<'_>,
        rule: &Rule,
        retype: &Retype,
        instances: &[&Instance],
        references: &References,
        build: &mut Build<'_>,
        new: &mut New,
    ) -> Result<(), PlanError> {
        let c = &group.committed;
        let Some(first) = instances.first() else { return Ok(()) };
        let old_name = c.julia_type.name().to_owned();
        let to = retype.to.clone().unwrap_or_else(|| old_name.clone());
        let members = member_names(c);
        let plan = retype
            .plan(&old_name, &members, self.target.type_def(&to))
            .map_err(|source| PlanError::NoValue { object: first.place.to_string(), source })?;
        let same_bytes = plan.fields.len() == members.len()
            && plan.fields.iter().enumerate().all(|(i, (_, s))| *s == Source::Stored(i));
        let same_names = plan.fields.iter().zip(&members).all(|((n, _), m)| n == m);
        if to != old_name && group.whole {
            self.renames.types.insert(old_name, to.clone());
        }
        if same_bytes && same_names && group.whole {
            new.names.push((c.addr, to));
            return Ok(());
        }
        if let Some(parent) = self.survey.embedded.get(&c.addr) {
            let parent = self.types.committed(*parent)?.julia_type.to_string();
            let problem = format!("its values are stored inside those of {parent}");
            return Err(unsupported(first, rule, problem));
        }
        if c.written_type.is_some() || c.empty {
            return Err(unsupported(first, rule, "its type has a serialization of its own"));
        }
        let mut fields = Vec::new();
        for (name, source) in &plan.fields {
            fields.push(new_field(c, name, source, build)?);
        }
        let signature = self.signature(c, &to, build)?;
        let t = build.commit(&signature, &record(&fields), &fields)?;
        if group.whole {
            new.slots.push((c.addr, t));
        } else {
            build.add_type(t);
        }
        if same_bytes && group.whole {
            let names = members.iter().zip(&plan.fields);
            let names =
                names.map(|(old, (new, _))| ((*old).to_owned(), (*new).to_owned())).collect();
            self.renames.fields.insert(c.addr, names);
            return Ok(());
        }
        for instance in instances {
            if instance.extent != Extent::Scalar {
                return Err(unsupported(instance, rule, "it is an array"));
            }
            let units = if plan.fields.iter().any(|(_, s)| needs_units(s)) {
                Some(self.units(c, instance, rule, references)?)
            } else {
                None
            };
            let object = self.retyped(c, &plan, instance, units.as_ref(), t, &to, build)?;
            new.objects.push((instance.addr, object));
        }
        Ok(())
    }

    /// The DataType value of a type with another name and the same parameters.
    fn signature(
        &self,
        c: &Committed,
        name: &str,
        build: &mut Build<'_>,
    ) -> Result<Data, PlanError> {
        let mut signature = build.text(name);
        let object = self.file().object(c.addr)?;
        let params = object.attribute("julia_type").and_then(|a| a.data.get(16..32));
        signature.push(&Data::new(params.unwrap_or(&[0; 16])));
        Ok(signature)
    }

    /// A new instance with the fields of an old one.
    #[expect(clippy::too_many_arguments, reason = "all that makes an instance")]
    fn retyped(
        &mut self,
        c: &Committed,
        plan: &Plan<'_>,
        instance: &Instance,
        units: Option<&Units>,
        t: ObjectRef,
        to: &str,
        build: &mut Build<'_>,
    ) -> Result<ObjectRef, PlanError> {
        let (bytes, at) = self.stored(instance.addr)?;
        let mut data = Data::default();
        let mut expected = Vec::new();
        for (name, source) in &plan.fields {
            let value = match source {
                Source::Stored(i) => {
                    let field = c.fields.iter().filter(|f| f.offset.is_some()).nth(*i);
                    let part = field.and_then(|f| {
                        let start = f.offset? as usize;
                        bytes.get(start..start.checked_add(f.datatype.as_ref()?.size as usize)?)
                    });
                    let (Some(part), Some(field)) = (part, field) else {
                        return Err(PlanError::Read(h5::Error::corrupt(
                            at,
                            format!("field {name}"),
                            "its bytes inside the object",
                            format!("an object of {} bytes", bytes.len()),
                        )));
                    };
                    data.push(&Data::new(part));
                    FieldValue::Stored(field.name.clone())
                }
                Source::Constant(value) => {
                    data.push(&objects::member(build, name, value)?.1);
                    FieldValue::Value(objects::node(value))
                }
                Source::Computed(formula) => {
                    let Some(value) = formula.value(name, units) else {
                        return Err(PlanError::Internal(format!("no value for field {name}")));
                    };
                    data.push(&Data::new(value.to_le_bytes()));
                    FieldValue::Value(Node::float(value))
                }
            };
            expected.push(((*name).to_owned(), value));
        }
        let params: Vec<_> = c.julia_type.params().iter().map(ToString::to_string).collect();
        let julia_type = match params.as_slice() {
            [] => to.to_owned(),
            params => format!("{to}{{{}}}", params.join(",")),
        };
        let by = Override::Retyped { julia_type, fields: expected };
        self.overrides.objects.insert(instance.addr, by);
        Ok(build.dataset(Some(t), None, &data))
    }

    /// The bytes of a scalar, with their offset.
    fn stored(&self, addr: RelAddr) -> Result<(Vec<u8>, u64), PlanError> {
        let object = self.file().object(addr)?;
        let Some(dataset) = object.dataset() else {
            return Err(PlanError::Internal(format!("no dataset at {addr}")));
        };
        let datatype = self.file().resolve(&dataset.datatype)?;
        let column = Column::new(self.file(), dataset, &datatype)?;
        let mut stream = column.open()?;
        let at = stream.offset();
        let mut bytes = vec![0; datatype.size as usize];
        stream.fill(&mut bytes)?;
        Ok((bytes, at))
    }

    /// The units that an object's scales follow from: those of the InfoType that refers to it; if
    /// there is none, what the object itself says of them.
    fn units(
        &self,
        c: &Committed,
        instance: &Instance,
        rule: &Rule,
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
            let (bytes, _) = self.stored(edge.from)?;
            let [l, d, t, m] = Formula::UNIT_FIELDS.map(|name| float(&owner_type, &bytes, name));
            if let (Some(length), Some(density), Some(time), Some(mass)) = (l, d, t, m) {
                return Ok(Units { length, density, time, mass });
            }
        }
        // One centimetre, g/cm3, second and gram in code units are the units themselves.
        let (bytes, _) = self.stored(instance.addr)?;
        let [l, d, t, m] = ["cm", "g_cm3", "s", "g"].map(|name| float(c, &bytes, name));
        match (l, d, t, m) {
            (Some(length), Some(density), Some(time), Some(mass)) => {
                Ok(Units { length, density, time, mass })
            }
            _ => Err(unsupported(
                instance,
                rule,
                format!("no {} refers to it, so its units are not known", Formula::OWNER),
            )),
        }
    }
}

/// The new type's member for a planned field.
fn new_field(
    c: &Committed,
    name: &str,
    source: &Source<'_>,
    build: &mut Build<'_>,
) -> Result<NewField, PlanError> {
    Ok(match source {
        Source::Stored(i) => {
            let field = c.fields.iter().filter(|f| f.offset.is_some()).nth(*i);
            NewField {
                name: name.to_owned(),
                datatype: field.and_then(|f| f.datatype.clone()),
                committed: field.and_then(|f| f.committed).map(ObjectRef::Existing),
            }
        }
        Source::Constant(value) => objects::member(build, name, value)?.0,
        Source::Computed(_) => {
            NewField { name: name.to_owned(), datatype: Some(Datatype::float64()), committed: None }
        }
    })
}

fn needs_units(source: &Source<'_>) -> bool {
    matches!(source, Source::Computed(f) if f.needs_units())
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
