//! The carrying out of rules on one file: new objects, and the patches that put them in place.

mod retype;

use super::additions::Addition;
use super::edit::EditList;
use super::flat::{FlatState, FlatTable};
use super::literal::Literal;
use super::objects::{self, Slot};
use super::patches::Patches;
use super::plan::{Group, PlanError};
use super::rule::{Action, Rule};
use super::survey::{Instance, References, Survey};
use super::target::Target;
use crate::h5::{Edge, EdgeKind, Extent, File, RelAddr};
use crate::julia::build::{Build, Data, FieldStyle, ObjectRef};
use crate::julia::{Override, Overrides, Renames, TypeTable};
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

    /// Puts the container right where no rule asks for anything.
    pub(super) fn repair(&mut self) -> Result<EditList, PlanError> {
        self.survey.repairs.put(&mut self.patches);
        let end = self.file().superblock().end_of_file;
        std::mem::take(&mut self.patches).finish(self.file(), end, &[])
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
        self.survey.repairs.put(&mut self.patches);
        std::mem::take(&mut self.patches).finish(self.file(), start, &built.bytes)
    }

    fn redirect(&mut self, edge: &Edge, to: RelAddr) {
        let why = match edge.kind {
            EdgeKind::Link => "link",
            EdgeKind::DatasetType | EdgeKind::AttributeType => "shared datatype",
            EdgeKind::AttributeReference => "reference in an attribute",
            EdgeKind::DataReference => "reference",
            EdgeKind::FillReference => "reference in a fill value",
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
                            return Err(unsupported(instance, rule, "it is an array"));
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

/// A rule that cannot be carried out on an instance.
fn unsupported(instance: &Instance, rule: &Rule, problem: impl Into<String>) -> PlanError {
    PlanError::Unsupported {
        object: instance.place.to_string(),
        rule: rule.id.clone(),
        problem: problem.into(),
    }
}
