//! Makes committed types that are laid out in another way: because a rule says so, or because their
//! values hold such of a type that is.

use super::super::error::PlanError;
use super::super::fate::{Outcome, Retyped};
use super::super::objects;
use super::super::rule::{FieldSource, Way};
use super::Engine;
use crate::h5::{Class, Datatype, RelAddr, TypeRef};
use crate::julia::builder::{Build, Data, FieldStyle, NewField, ObjectRef, record};
use crate::julia::{Committed, Derived, Field, FieldValue, NewName, Node, NumberType, TypeTable};
use crate::mera::scales::Units;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// A committed type and the new one in its place.
#[derive(Debug)]
pub(super) struct Reform<'r> {
    /// The old type.
    pub(super) committed: Arc<Committed>,
    /// The new one.
    pub(super) object: ObjectRef,
    /// The rule that is the reason, for messages.
    pub(super) rule: String,
    /// The layout of new values; `None` if they have no content.
    pub(super) layout: Option<Datatype>,
    /// Where the fields of new values come from, in order.
    pub(super) parts: Vec<(String, FieldSource<'r>)>,
    /// What becomes of the values in fields that are carried over, by number of the new field, where
    /// their bytes change.
    pub(super) inner: HashMap<usize, Rc<Reform<'r>>>,
    /// Whether the bytes of values change.
    pub(super) resized: bool,
    /// Whether its values are structs of arrays which become arrays, that what held them refers to.
    pub(super) rows: bool,
}

impl<'r> Engine<'r> {
    /// Whether the committed type at `addr` is described anew: other fields, or fields of types that
    /// are. The survey has seen to it that types do not nest without end.
    pub(super) fn is_described(&mut self, addr: RelAddr) -> Result<bool, PlanError> {
        if let Some(known) = self.described.get(&addr) {
            return Ok(*known);
        }
        let c = self.types.committed(addr)?;
        if self.turns.get(addr, Way::Rows).is_some() {
            self.described.insert(addr, true);
            return Ok(true);
        }
        let mut described = self.retyped(addr).is_some_and(|to| !is_identity(&c, to));
        for child in c.fields.iter().filter_map(|f| f.committed) {
            described |= self.is_described(child)?;
        }
        self.described.insert(addr, described);
        Ok(described)
    }

    /// What a rule makes of all values of the committed type at `addr`.
    pub(super) fn retyped(&self, addr: RelAddr) -> Option<&'r Retyped<'r>> {
        match &self.groups.get(&addr)?.fate.as_ref()?.outcome {
            Outcome::Retyped(to) => Some(to),
            Outcome::Replaced(_) => None,
        }
    }

    /// The new type in the place of the one at `addr`, if it is described anew.
    pub(super) fn reform(
        &mut self,
        addr: RelAddr,
        build: &mut Build<'_>,
    ) -> Result<Option<Rc<Reform<'r>>>, PlanError> {
        if let Some(known) = self.reforms.get(&addr) {
            return Ok(Some(Rc::clone(known)));
        }
        if !self.is_described(addr)? {
            return Ok(None);
        }
        if let Some(reform) = self.reform_of_rows(addr, build)? {
            return Ok(Some(reform));
        }
        let c = self.types.committed(addr)?;
        let rule = self.groups.get(&addr).and_then(|g| g.fate.as_ref()).map(|fate| fate.id());
        let reform = self.reformed(&c, self.retyped(addr), rule, build)?;
        if let Some(to) = self.retyped(addr).filter(|to| !is_identity(&c, to))
            && let Some(fields) = expected(&c, to, None)
        {
            self.overrides.types.insert(addr, fields);
        }
        self.now.insert(addr, reform.object);
        let reform = Rc::new(reform);
        self.reforms.insert(addr, Rc::clone(&reform));
        Ok(Some(reform))
    }

    /// A new type for values of `c` with these fields, or with the same ones where only what they
    /// hold changes.
    pub(super) fn reformed(
        &mut self,
        c: &Arc<Committed>,
        to: Option<&'r Retyped<'r>>,
        rule: Option<String>,
        build: &mut Build<'_>,
    ) -> Result<Reform<'r>, PlanError> {
        let place = self.place_of(c.addr);
        let mut cause = rule.clone();
        let parts = match to {
            Some(to) => to.fields.clone(),
            None => identity(c),
        };
        if to.is_some_and(|to| !is_identity(c, to)) {
            let problem = if c.written_type.is_some() {
                Some("has a serialization of its own, whose fields are not the type's")
            } else if c.datatype.members().is_none() && !c.empty {
                Some("is not a struct, so that its values have no fields")
            } else if has_own_fields(c) {
                Some("has the fields that Julia itself gives it")
            } else {
                None
            };
            if let Some(problem) = problem {
                let problem =
                    format!("{} {problem}; let `from` or `when` leave it out", c.julia_type);
                return Err(PlanError::unsupported(&place, &rule.unwrap_or_default(), problem));
            }
        }
        let mut fields = Vec::with_capacity(parts.len());
        let mut inner = HashMap::new();
        for (number, (name, source)) in parts.iter().enumerate() {
            let field = match source {
                FieldSource::Stored(_) | FieldSource::Derived(Derived::Part { .. }) => {
                    let field = located(self.types, c, source)?.ok_or_else(|| {
                        PlanError::Internal(format!("{} has no {source:?}", c.julia_type))
                    })?;
                    let child = match field.committed {
                        Some(child) => self.reform(child, build)?,
                        None => None,
                    };
                    let mut new = NewField {
                        name: name.clone(),
                        datatype: field.datatype.clone(),
                        committed: field.committed.map(ObjectRef::Existing),
                    };
                    if let Some(child) = child {
                        cause.get_or_insert_with(|| child.rule.clone());
                        new.committed = (!child.rows).then_some(child.object);
                        match (&child.layout, field.offset) {
                            (Some(layout), Some(_)) => new.datatype = Some(layout.clone()),
                            (None, None) => {}
                            (layout, _) => {
                                let [before, after] = if layout.is_some() {
                                    ["without", "with"]
                                } else {
                                    ["with", "without"]
                                };
                                let problem = format!(
                                    "the field {} of {} would turn from one {before} content into \
                                     one {after} content, which is not supported",
                                    field.name, c.julia_type
                                );
                                return Err(PlanError::unsupported(&place, &child.rule, problem));
                            }
                        }
                        if child.resized {
                            inner.insert(number, child);
                        }
                    }
                    new
                }
                FieldSource::Derived(derived) => Self::derived_field(name, c, *derived, build)?,
                FieldSource::Constant(value) => objects::member(build, name, value)?,
                FieldSource::Computed(_) => NewField {
                    name: name.clone(),
                    datatype: Some(Datatype::float64()),
                    committed: None,
                },
            };
            fields.push(field);
        }
        let layout = fields.iter().any(|f| f.datatype.is_some()).then(|| record(&fields));
        let resized = !inner.is_empty() || !same_places(c, &parts, layout.as_ref());
        let rule = cause.unwrap_or_default();
        let to = to.map(|to| &to.to);
        let [signature, written] = self.signatures(c, to, &rule, build)?;
        let signature = signature.unwrap_or_default();
        let object = match &layout {
            Some(layout) => {
                let style = self.style_of(c.addr)?;
                build.commit_as(&signature, written.as_ref(), style, layout, &fields)?
            }
            None => build.commit_empty(&signature),
        };
        let (committed, rows) = (Arc::clone(c), false);
        Ok(Reform { committed, object, rule, layout, parts, inner, resized, rows })
    }

    /// The `DataType` values of a new type: of the type itself, under another name if there is one,
    /// and of the type whose fields are stored, if that is another.
    fn signatures(
        &mut self,
        c: &Committed,
        to: Option<&NewName>,
        rule: &str,
        build: &mut Build<'_>,
    ) -> Result<[Option<Data>; 2], PlanError> {
        let object = self.file().object(c.addr)?;
        let value = |attribute: &str| -> Result<Option<Data>, PlanError> {
            let Some(a) = object.attribute(attribute) else { return Ok(None) };
            match a.datatype {
                TypeRef::Shared { .. } => Ok(Some(self.copy(&a.data, Some(a.offset)))),
                TypeRef::Inline(_) => Err(PlanError::unsupported(
                    &self.place_of(c.addr),
                    rule,
                    format!("the type {} does not say what it is as JLD2 does", c.julia_type),
                )),
            }
        };
        let mut own = value("julia_type")?;
        let written = value("written_type")?;
        if let (Some(own), Some(to)) = (&mut own, to) {
            let at = self.julia_type_offset(c.addr, rule)?;
            for (place, data, _) in self.spelled(at, c.julia_type.name(), to, build)? {
                own.put(usize::try_from(place - at).unwrap_or(usize::MAX), &data);
            }
        }
        Ok([own, written])
    }

    /// A field whose value follows from others.
    fn derived_field(
        name: &str,
        c: &Committed,
        derived: Derived,
        build: &mut Build<'_>,
    ) -> Result<NewField, PlanError> {
        let plain = |datatype| NewField {
            name: name.to_owned(),
            datatype: Some(datatype),
            committed: None,
        };
        Ok(match derived {
            Derived::Converted { field, to } => {
                let stored = c.fields.get(field).and_then(|f| f.datatype.as_ref());
                let array = stored.is_some_and(|d| matches!(d.class, Class::Reference));
                plain(if array { Datatype::reference() } else { to.datatype() })
            }
            Derived::Length { .. } => plain(NumberType::Int64.datatype()),
            Derived::SplitState { .. } => plain(NumberType::UInt64.datatype()),
            Derived::Text { symbol: false, .. } => plain(Datatype::vlen_string()),
            Derived::Text { symbol: true, .. } => {
                NewField { committed: Some(build.symbol_type()?), ..plain(Datatype::vlen_string()) }
            }
            Derived::Indices { .. }
            | Derived::Live { .. }
            | Derived::Element { .. }
            | Derived::Part { .. } => plain(Datatype::reference()),
        })
    }

    /// How the type at `addr` states the types of its fields; where it need not, how the writer of
    /// the file does. Both ways are read by every later JLD2.
    fn style_of(&self, addr: RelAddr) -> Result<FieldStyle, PlanError> {
        let object = self.file().object(addr)?;
        Ok(if object.attribute("field_names").is_some() {
            FieldStyle::NamesAndTypes
        } else if object.attribute("field_datatypes").is_some() {
            FieldStyle::Datatypes
        } else {
            self.style()
        })
    }

    /// A dataset that holds values of the type at `addr`, for messages.
    pub(super) fn place_of(&self, addr: RelAddr) -> String {
        if let Some((_, place)) = self.survey.uses.get(&addr) {
            return place.to_string();
        }
        let link = self.survey.type_links.iter().find(|l| l.target == addr);
        link.map_or_else(|| format!("the type at {addr}"), |l| format!("/_types/{}", l.name))
    }
}

/// A field that is carried over, as one of the old type.
pub(super) fn located(
    types: &TypeTable<'_>,
    c: &Committed,
    source: &FieldSource<'_>,
) -> crate::h5::Result<Option<Field>> {
    match source {
        FieldSource::Stored(i) => Ok(c.fields.get(*i).cloned()),
        FieldSource::Derived(Derived::Part { field, part }) => c.part(types, *field, *part),
        FieldSource::Derived(_) | FieldSource::Constant(_) | FieldSource::Computed(_) => Ok(None),
    }
}

/// Whether the fields of a type follow from its parameters, or from what Julia does with it.
fn has_own_fields(c: &Committed) -> bool {
    let t = &c.julia_type;
    t.tuple_elements().is_some()
        || t.is_named_tuple()
        || matches!(t.name(), "Base.IdDict" | "JLD2.InlineUnionEl" | "Core.DataType" | "Core.Union")
}

/// All fields as they are.
fn identity<'r>(c: &Committed) -> Vec<(String, FieldSource<'r>)> {
    (0..).zip(&c.fields).map(|(i, f)| (f.name.clone(), FieldSource::Stored(i))).collect()
}

/// Whether the fields stay as they are.
pub(super) fn is_identity(c: &Committed, to: &Retyped<'_>) -> bool {
    to.fields.len() == c.fields.len()
        && to.fields.iter().zip(&c.fields).enumerate().all(|(i, ((name, source), field))| {
            *name == field.name && *source == FieldSource::Stored(i)
        })
}

/// Whether all fields with content stand where they stood.
fn same_places(
    c: &Committed,
    parts: &[(String, FieldSource<'_>)],
    layout: Option<&Datatype>,
) -> bool {
    let Some(members) = layout.and_then(Datatype::members) else { return c.empty };
    let size = layout.map(|l| l.size);
    let stored = parts.iter().filter_map(|(_, source)| match source {
        FieldSource::Stored(i) => match c.fields.get(*i) {
            Some(field) => field.offset.map(Some),
            None => Some(None),
        },
        FieldSource::Constant(_) | FieldSource::Computed(_) | FieldSource::Derived(_) => Some(None),
    });
    size == Some(c.datatype.size) && stored.eq(members.iter().map(|m| Some(m.offset)))
}

/// How values read afterwards; `None` if that is another for each, and follows from units that are not
/// given.
pub(super) fn expected(
    c: &Committed,
    to: &Retyped<'_>,
    units: Option<&Units>,
) -> Option<Vec<(String, FieldValue)>> {
    let fields = to.fields.iter().map(|(name, source)| {
        let value = match source {
            FieldSource::Stored(i) => FieldValue::Stored(c.fields.get(*i)?.name.clone()),
            FieldSource::Derived(derived) => FieldValue::Derived(*derived),
            FieldSource::Constant(value) => FieldValue::Value(objects::member_node(value)),
            FieldSource::Computed(formula) => {
                FieldValue::Value(Node::float(formula.value(name, units)?))
            }
        };
        Some((name.clone(), value))
    });
    fields.collect()
}
