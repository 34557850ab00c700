//! The carrying out of rules on one file: new objects, and the patches that put them in place.

use super::additions::Addition;
use super::edit::EditList;
use super::flat::{FlatState, FlatTable};
use super::literal::Literal;
use super::objects::{self, Slot};
use super::patches::Patches;
use super::plan::{Group, PlanError, member_names};
use super::rule::{Action, Formula, Plan, Retype, Rule, Source};
use super::survey::{Instance, References, Survey};
use super::target::Target;
use crate::h5::{self, Datatype, Edge, EdgeKind, Extent, File, RelAddr, TypeRef};
use crate::julia::build::{Build, Data, FieldStyle, NewField, ObjectRef, record};
use crate::julia::{Column, Committed, FieldValue, Node, Override, Overrides, Renames, TypeTable};
use crate::mera::scales::Units;
use std::collections::{BTreeMap, BTreeSet};

/// The carrying out of rules on one file.
pub(super) struct Engine<'a> {
    types: &'a TypeTable<'a>,
    target: &'a Target,
    survey: &'a Survey,
    patches: Patches,
    overrides: Overrides,
    renames: Renames,
}

/// What is new once all groups are built.
#[derive(Default)]
struct New {
    /// New objects in the place of old ones.
    objects: Vec<(RelAddr, ObjectRef)>,
    /// New types in the slots of old ones.
    slots: Vec<(RelAddr, ObjectRef)>,
    /// New names of types that keep their layout.
    names: Vec<(RelAddr, String)>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(types: &'a TypeTable<'a>, target: &'a Target, survey: &'a Survey) -> Self {
        Self {
            types,
            target,
            survey,
            patches: Patches::default(),
            overrides: Overrides::default(),
            renames: Renames::default(),
        }
    }

    /// What changed objects must read as afterwards.
    pub(super) fn expectations(self) -> (Overrides, Renames) {
        (self.overrides, self.renames)
    }

    fn file(&self) -> &'a File {
        self.types.file()
    }

    /// Carries out the rules of `groups`, puts values in the place of the objects in `flags`, and
    /// makes the groups that `tables` lack.
    pub(super) fn run(
        &mut self,
        groups: &BTreeMap<RelAddr, Group<'_>>,
        flags: &[(RelAddr, &Literal)],
        tables: &[FlatTable],
    ) -> Result<EditList, PlanError> {
        let mut wanted: BTreeSet<_> = groups.keys().copied().collect();
        wanted.extend(groups.values().flat_map(|g| g.ruled.iter().map(|(i, _)| i.addr)));
        wanted.extend(flags.iter().map(|(addr, _)| *addr));
        wanted.extend(self.survey.types_group);
        wanted.extend(tables.iter().map(|t| t.parent));
        wanted.extend(self.survey.type_values.iter().map(|v| v.addr));
        let references = References::find(self.types, self.survey, wanted)?;
        let committed: Vec<_> = self.survey.type_links.iter().map(|l| l.target).collect();
        let mut build = Build::new(self.types, &committed, self.style())?;
        let mut new = New::default();
        for group in groups.values() {
            self.group(group, &references, &mut build, &mut new)?;
        }
        for &(addr, value) in flags {
            let made = objects::replacement(&mut build, value, Slot::Find)?;
            new.objects.push((addr, made.object));
            self.overrides.objects.insert(addr, Override::Value(objects::node(value)));
        }
        let mut texts = self.renamed_values(&references, &mut build);
        for (addr, name) in std::mem::take(&mut new.names) {
            let at = self.julia_type_offset(addr)?;
            texts.push((addr, at, build.text(&name), format!("type is called {name}")));
        }
        let replaced = [new.objects.as_slice(), new.slots.as_slice()].concat();
        let mut additions = self.flatten(tables, &mut build, &replaced)?;
        additions.extend(self.number(&mut build, &replaced)?);
        // Appended objects start at a multiple of eight behind the old end, as JLD2's data do.
        let start = self.file().superblock().end_of_file.next_multiple_of(8);
        let extra: Vec<_> = texts.iter().map(|(_, _, text, _)| text.clone()).collect();
        let built = build.finish(start, &extra);
        let address = |r: ObjectRef| match r {
            ObjectRef::Existing(addr) => addr,
            ObjectRef::New(n) => built.addresses.get(n).copied().unwrap_or(RelAddr::NULL),
        };
        for ((owner, at, _, why), bytes) in texts.into_iter().zip(&built.extra) {
            self.patches.put(owner, at, bytes.clone(), why);
        }
        for &(old, by) in new.objects.iter().chain(&new.slots) {
            let offset = self.file().offset(old, "object")?;
            for edge in references.to(old, offset)? {
                self.redirect(edge, address(by));
            }
        }
        for addition in additions {
            if let Some(by) = addition.put(&mut self.patches, &address) {
                let offset = self.file().offset(addition.group, "group")?;
                for edge in references.to(addition.group, offset)? {
                    self.redirect(edge, by);
                }
            }
        }
        std::mem::take(&mut self.patches).finish(self.file(), start, &built.bytes)
    }

    fn redirect(&mut self, edge: &Edge, to: RelAddr) {
        let why = match edge.kind {
            EdgeKind::Link => "link",
            EdgeKind::DatasetType | EdgeKind::AttributeType => "shared datatype",
            EdgeKind::AttributeReference => "reference in an attribute",
            EdgeKind::DataReference => "reference",
            EdgeKind::HeapReference | EdgeKind::Heap => "type parameter",
        };
        let bytes = to.0.to_le_bytes().to_vec();
        self.patches.put(edge.from, edge.at, bytes, format!("{why}: {} -> {to}", edge.target));
    }

    /// How this file's writer stated field types; both ways are read by every later JLD2.
    fn style(&self) -> FieldStyle {
        match &self.file().superblock().text {
            Some(t) if !t.legacy && !t.version.starts_with("0.1") => FieldStyle::NamesAndTypes,
            _ => FieldStyle::Datatypes,
        }
    }

    fn unsupported(
        &self,
        instance: &Instance,
        rule: &Rule,
        problem: impl Into<String>,
    ) -> PlanError {
        PlanError::Unsupported {
            object: instance.place.to_string(),
            rule: rule.id.clone(),
            problem: problem.into(),
        }
    }

    fn group(
        &mut self,
        group: &Group<'_>,
        references: &References,
        build: &mut Build<'_>,
        new: &mut New,
    ) -> Result<(), PlanError> {
        let mut rules: Vec<&Rule> = Vec::new();
        for (_, rule) in &group.ruled {
            if !rules.iter().any(|r| r.id == rule.id) {
                rules.push(rule);
            }
        }
        for rule in rules {
            let instances: Vec<_> =
                group.ruled.iter().filter(|(_, r)| r.id == rule.id).map(|(i, _)| i).collect();
            match &rule.action {
                Action::Retype(retype) => {
                    self.retype(group, rule, retype, &instances, references, build, new)?;
                }
                Action::Replace(value) => {
                    let mut slot = if group.whole { Slot::Make } else { Slot::Find };
                    for instance in instances {
                        if instance.extent == Extent::Simple {
                            return Err(self.unsupported(instance, rule, "it is an array"));
                        }
                        let made = objects::replacement(build, value, slot)?;
                        if let (Slot::Make, Some(t)) = (slot, made.slot) {
                            new.slots.push((group.committed.addr, t));
                            slot = Slot::Use(t);
                        }
                        new.objects.push((instance.addr, made.object));
                        let by = Override::Value(objects::node(value));
                        self.overrides.objects.insert(instance.addr, by);
                    }
                }
            }
        }
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the two outputs and all that is known of a group"
    )]
    fn retype(
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
            return Err(self.unsupported(first, rule, problem));
        }
        if c.written_type.is_some() || c.empty {
            return Err(self.unsupported(first, rule, "its type has a serialization of its own"));
        }
        let mut fields = Vec::new();
        for (name, source) in &plan.fields {
            fields.push(self.new_field(c, name, source, build)?);
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
                return Err(self.unsupported(instance, rule, "it is an array"));
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

    /// The new type's member for a planned field.
    fn new_field(
        &self,
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
            Source::Computed(_) => NewField {
                name: name.to_owned(),
                datatype: Some(Datatype::float64()),
                committed: None,
            },
        })
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
            _ => Err(self.unsupported(
                instance,
                rule,
                format!("no {} refers to it, so its units are not known", Formula::OWNER),
            )),
        }
    }

    fn julia_type_offset(&self, addr: RelAddr) -> Result<u64, PlanError> {
        let object = self.file().object(addr)?;
        match object.attribute("julia_type") {
            Some(a) => Ok(a.offset),
            None => Err(PlanError::Internal(format!("the type at {addr} has no julia_type"))),
        }
    }

    /// Types that stand somewhere as values, as element types or parameters, under an old name.
    fn renamed_values(
        &self,
        references: &References,
        build: &mut Build<'_>,
    ) -> Vec<(RelAddr, u64, Data, String)> {
        let mut out = Vec::new();
        for value in &self.survey.type_values {
            let Some(to) = self.renames.types.get(&value.name) else { continue };
            let names_a_type = references.edges.get(&value.addr).is_some_and(|edges| {
                edges.iter().any(|e| {
                    matches!(e.kind, EdgeKind::AttributeReference | EdgeKind::HeapReference)
                })
            });
            if names_a_type {
                let why = format!("type parameter {} is called {to}", value.name);
                out.push((value.addr, value.at, build.text(to), why));
            }
        }
        out
    }

    /// Gives new types that took nobody's slot a name in `_types`.
    fn number(
        &self,
        build: &mut Build<'_>,
        replaced: &[(RelAddr, ObjectRef)],
    ) -> Result<Option<Addition>, PlanError> {
        let added = build.added().to_vec();
        let (Some(group), false) = (self.survey.types_group, added.is_empty()) else {
            return Ok(None);
        };
        let numbers = self.survey.type_links.iter().filter_map(|l| l.name.parse::<u64>().ok());
        let highest = numbers.max().unwrap_or(0).max(self.survey.type_links.len() as u64);
        let links = (highest + 1..).zip(added).map(|(n, t)| (format!("{n:08}"), t)).collect();
        Ok(Some(Addition::plan(self.file(), build, group, links, replaced)?))
    }

    /// Makes a group for each table that lacks it, and links it into the table's group.
    fn flatten(
        &self,
        tables: &[FlatTable],
        build: &mut Build<'_>,
        replaced: &[(RelAddr, ObjectRef)],
    ) -> Result<Vec<Addition>, PlanError> {
        let mut out = Vec::new();
        let lacking = |t: &&FlatTable| t.state == FlatState::Missing && !t.columns.is_empty();
        for table in tables.iter().filter(lacking) {
            let now = |addr: RelAddr| {
                let by = replaced.iter().find(|(old, _)| *old == addr).map(|(_, by)| *by);
                by.unwrap_or(ObjectRef::Existing(addr))
            };
            let links: Vec<_> =
                table.columns.iter().map(|(name, addr)| (name.clone(), now(*addr))).collect();
            let group = build.group(&links);
            let link = vec![(FlatTable::NAME.to_owned(), group)];
            out.push(Addition::plan(self.file(), build, table.parent, link, replaced)?);
        }
        Ok(out)
    }
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
