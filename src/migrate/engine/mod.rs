//! Carries out rules on one file: new objects, and the patches that put them in place.
//!
//! 1. New committed types, those first that others are made of ([`reform`]).
//! 2. A place for each object that stands elsewhere afterwards, so that they may refer to one
//!    another in circles.
//! 3. What has to stand instead of each reference to one of those, and of each name that changes
//!    (`fixes`): patches where the bytes stay, other bytes where they are copied ([`values`]).

mod converting;
mod made;
mod reform;
mod relaid;
mod spilled;
mod turned;
mod values;

use super::additions::Addition;
use super::edit::EditList;
use super::error::PlanError;
use super::fate::{Fate, Outcome, Retyped};
use super::flat::{FlatState, FlatTable};
use super::groups::Group;
use super::literal::Literal;
use super::names::Called;
use super::objects::{self, TypeChoice};
use super::patches::Patches;
use super::portable;
use super::references::References;
use super::survey::{Instance, Survey};
use super::turn::{Turns, check_holders, shared};
use crate::h5::{Appended, AppendedPiece, Edge, EdgeKind, Extent, File, RelAddr, Source, TypeRef};
use crate::julia::builder::{Build, Data, FieldStyle, ObjectRef};
use crate::julia::{NewName, NewParam, NumberType, Override, Overrides, Renames, TypeTable};
use made::Later;
use reform::Reform;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// The carrying out of rules on one file.
pub(super) struct Engine<'r> {
    types: &'r TypeTable<'r>,
    survey: &'r Survey,
    groups: &'r BTreeMap<RelAddr, Group<'r>>,
    turns: &'r Turns<'r>,
    /// What is written for readers that are built on HDF5.
    portable: Option<&'r portable::Repairs>,
    patches: Patches,
    overrides: Overrides,
    renames: Renames,
    /// Whether a committed type is described anew.
    described: HashMap<RelAddr, bool>,
    /// New types in the place of old ones.
    reforms: HashMap<RelAddr, Rc<Reform<'r>>>,
    /// New objects and types in the place of old ones.
    now: HashMap<RelAddr, ObjectRef>,
    /// What has to stand at an absolute offset.
    fixes: BTreeMap<u64, Data>,
    /// Parameters of types that are called otherwise, by the number of the sequence that holds them.
    parameters: Vec<(usize, Vec<ObjectRef>)>,
    /// Arrays of numbers that were converted.
    converted: HashMap<(RelAddr, NumberType), ObjectRef>,
    /// Filtered arrays that are stored without filters afterwards, and the rules that are why.
    unfiltered: Vec<(Arc<str>, String)>,
    /// Arrays that are made when they are written, by their numbers in the build.
    made: Vec<Later>,
    /// What they are made of; not there yet, or cannot be read again.
    source: OnceCell<Option<Arc<Source>>>,
}

/// An object that stands elsewhere afterwards.
enum Move<'r> {
    /// A rule's value is in its place.
    Replaced(&'r Literal, TypeChoice),
    /// It is turned: an array of structs of this type, or a struct of arrays.
    Turned(Instance, RelAddr),
    /// It is of another type; the fields are its own and not those of all of its old type.
    Own(Instance, Rc<Reform<'r>>, &'r Retyped<'r>),
    /// Values of its type are laid out in another way.
    Moved(Instance, Rc<Reform<'r>>),
}

/// Bytes of the file that give way to others.
struct Text {
    owner: RelAddr,
    at: u64,
    data: Data,
    why: String,
}

impl<'r> Engine<'r> {
    pub(super) fn new(
        types: &'r TypeTable<'r>,
        survey: &'r Survey,
        groups: &'r BTreeMap<RelAddr, Group<'r>>,
        turns: &'r Turns<'r>,
        portable: Option<&'r portable::Repairs>,
    ) -> Self {
        Self {
            types,
            survey,
            groups,
            turns,
            portable,
            patches: Patches::default(),
            overrides: Overrides::default(),
            renames: Renames::default(),
            described: HashMap::new(),
            reforms: HashMap::new(),
            now: HashMap::new(),
            fixes: BTreeMap::new(),
            parameters: Vec::new(),
            converted: HashMap::new(),
            unfiltered: Vec::new(),
            made: Vec::new(),
            source: OnceCell::new(),
        }
    }

    /// What changed objects must read as afterwards.
    pub(super) fn expectations(self) -> (Overrides, Renames) {
        (self.overrides, self.renames)
    }

    /// Filtered arrays that are stored without filters afterwards, and the rules that are why.
    pub(super) fn unfiltered(&self) -> &[(Arc<str>, String)] {
        &self.unfiltered
    }

    fn file(&self) -> &'r File {
        self.types.file()
    }

    /// Puts the container right where no rule asks for anything.
    pub(super) fn repair(&mut self) -> Result<EditList, PlanError> {
        self.survey.repairs.put(&mut self.patches);
        self.survey.client_values.put(&mut self.patches);
        let end = self.file().superblock().end_of_file;
        let start = end.next_multiple_of(8);
        let appended = self.port(start, &|_| false)?;
        let at = if appended.is_empty() { end } else { start };
        std::mem::take(&mut self.patches).finish(self.file(), at, appended.into())
    }

    /// Serves readers that are built on HDF5. Gives what is to be appended at the offset `at`.
    fn port(&mut self, at: u64, gone: &dyn Fn(RelAddr) -> bool) -> Result<Vec<u8>, PlanError> {
        let file = self.types.file();
        self.portable.map_or(Ok(Vec::new()), |p| p.put(file, at, gone, &mut self.patches))
    }

    /// Carries out the rules, puts values in the place of the objects in `flags`, lets stored types
    /// go by the new `names`, and makes the groups that `tables` lack.
    pub(super) fn run(
        &mut self,
        flags: &[(RelAddr, &'r Literal)],
        names: &[Called],
        tables: &[FlatTable],
    ) -> Result<EditList, PlanError> {
        let committed: Vec<_> = self.survey.type_links.iter().map(|l| l.target).collect();
        let mut build = Build::new(self.types, &committed, self.style())?;
        for &addr in &self.survey.committed {
            if self.is_described(addr)? || self.retyped(addr).is_some() {
                build.retire(addr);
            }
        }
        let texts = self.names(names, &mut build)?;
        for &addr in &self.survey.committed {
            self.reform(addr, &mut build)?;
        }
        self.name_alone(&mut build)?;
        let moves = self.moves(flags, &mut build)?;
        let references = self.references(tables)?;
        self.fix_references(&references)?;
        for (sequence, params) in std::mem::take(&mut self.parameters) {
            let now = |r: &ObjectRef| match r {
                ObjectRef::Existing(addr) => self.now.get(addr).copied().unwrap_or(*r),
                ObjectRef::New(_) => *r,
            };
            build.fill(sequence, &params.iter().map(now).collect::<Vec<_>>());
        }
        for (addr, place, to) in moves {
            let made = match to {
                Move::Replaced(value, slot) => {
                    let by = Override::Value(objects::node(value));
                    self.overrides.objects.insert(addr, by);
                    objects::replacement(&mut build, value, slot)?
                }
                Move::Turned(instance, addr) => self.turned(&instance, addr, &mut build)?,
                Move::Own(instance, reform, to) => {
                    self.moved(&instance, &reform, Some(to), &references, &mut build)?
                }
                Move::Moved(instance, reform) => {
                    self.moved(&instance, &reform, None, &references, &mut build)?
                }
            };
            build.stand_in(place, made);
        }
        let mut additions = self.flatten(tables, &mut build)?;
        additions.extend(self.number(&mut build)?);
        // Appended objects start at a multiple of eight behind the old end, as JLD2's data do.
        let start = self.file().superblock().end_of_file.next_multiple_of(8);
        let mut extra: Vec<_> = texts.iter().map(|text| text.data.clone()).collect();
        if self.made.iter().any(Later::leads) {
            extra.extend(self.fixes.values().cloned());
        }
        let built = build.finish(start, &extra);
        let fixes = self.fixes.keys().copied().zip(built.extra.iter().skip(texts.len()).cloned());
        let fixes = Arc::new(fixes.collect());
        self.made.iter().for_each(|made| made.fix(&fixes));
        let address = |r: ObjectRef| match r {
            ObjectRef::Existing(addr) => addr,
            ObjectRef::New(n) => built.addresses.get(n).copied().unwrap_or(RelAddr::NULL),
        };
        for (text, bytes) in texts.into_iter().zip(&built.extra) {
            self.patches.put(text.owner, text.at, bytes.clone(), text.why);
        }
        let now = std::mem::take(&mut self.now);
        for (old, by) in &now {
            let offset = self.file().offset(*old, "object")?;
            for edge in self.leading(&references, *old, offset)? {
                // Nothing leads to these any more; what they have in heaps lives on.
                let dead = now.contains_key(&edge.from) && edge.kind != EdgeKind::HeapReference;
                if !dead {
                    self.redirect(edge, address(*by));
                }
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
        self.survey.client_values.put(&mut self.patches);
        let mut appended = Appended::from(built.bytes);
        for (made, at) in std::mem::take(&mut self.made).into_iter().zip(built.later) {
            appended.pad(at.saturating_sub(start));
            appended.push(AppendedPiece::Made(made.made()));
        }
        let behind = appended.len().next_multiple_of(8);
        let trees = self.port(start.saturating_add(behind), &|a| now.contains_key(&a))?;
        if !trees.is_empty() {
            appended.pad(behind);
            appended.hold(&trees);
        }
        std::mem::take(&mut self.patches).finish(self.file(), start, appended)
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

    /// The names that change: those that are patched.
    fn names(&mut self, names: &[Called], build: &mut Build<'_>) -> Result<Vec<Text>, PlanError> {
        let mut out = Vec::new();
        for Called { value, to, .. } in names {
            self.renames.names.insert(value.at, to.clone());
            for (at, data, why) in self.spelled(value.at, &value.name, to, build)? {
                self.fixes.insert(at, data.clone());
                out.push(Text { owner: value.addr, at, data, why });
            }
        }
        for (addr, group) in self.groups {
            let Some(fate) = &group.fate else { continue };
            let name = group.committed.julia_type.name();
            let Some(to) = fate.name().filter(|to| to.name != name || to.params.is_some()) else {
                continue;
            };
            let at = self.julia_type_offset(*addr, &fate.id())?;
            self.renames.names.insert(at, to.clone());
            if !self.is_described(*addr)? {
                for (at, data, why) in self.spelled(at, name, to, build)? {
                    out.push(Text { owner: *addr, at, data, why });
                }
            }
        }
        Ok(out)
    }

    /// What has to stand where in the place of the `DataType` value at `at`, which has the name
    /// `name`, and why.
    fn spelled(
        &mut self,
        at: u64,
        name: &str,
        to: &NewName,
        build: &mut Build<'_>,
    ) -> Result<Vec<(u64, Data, String)>, PlanError> {
        let mut out = Vec::new();
        if to.name != name {
            out.push((at, build.text(&to.name), format!("type {name} is called {}", to.name)));
        }
        if let Some(params) = &to.params {
            let data = self.parameters(at + 16, params, build)?;
            out.push((at + 16, data, format!("parameters of the type {}", to.name)));
        }
        Ok(out)
    }

    /// The sixteen bytes of other parameters, in the place of those that stand at `at`.
    fn parameters(
        &mut self,
        at: u64,
        params: &[NewParam],
        build: &mut Build<'_>,
    ) -> Result<Data, PlanError> {
        let file = self.file();
        let id = file.source().read(at, 16, "type parameters")?;
        let (start, len) = file.vlen(&id, at, 8)?.unwrap_or((at, 0));
        let len = usize::try_from(len).unwrap_or(0);
        let stored =
            if len == 0 { Vec::new() } else { file.source().read(start, len, "parameters")? };
        let mut refs = Vec::with_capacity(params.len());
        for param in params {
            refs.push(match param {
                NewParam::Stored(i) => {
                    let bytes = stored.chunks_exact(8).nth(*i).and_then(|b| b.first_chunk::<8>());
                    let Some(bytes) = bytes else { continue };
                    ObjectRef::Existing(RelAddr(u64::from_le_bytes(*bytes)))
                }
                NewParam::Value(value) => build.param(value)?,
            });
        }
        if refs.is_empty() {
            return Ok(Data::new([0; 16]));
        }
        let (data, sequence) = build.references_later(refs.len());
        self.parameters.push((sequence, refs));
        Ok(data)
    }

    fn julia_type_offset(&self, addr: RelAddr, rule: &str) -> Result<u64, PlanError> {
        let object = self.file().object(addr)?;
        let shared = |a: &&crate::h5::Attribute| matches!(a.datatype, TypeRef::Shared { .. });
        match object.attribute("julia_type").filter(shared) {
            Some(a) => Ok(a.offset),
            None => Err(PlanError::unsupported(
                &self.place_of(addr),
                rule,
                "the type does not say its name as JLD2 does".to_owned(),
            )),
        }
    }

    /// The objects that stand elsewhere afterwards, with the places that they get.
    fn moves(
        &mut self,
        flags: &[(RelAddr, &'r Literal)],
        build: &mut Build<'_>,
    ) -> Result<Vec<(RelAddr, ObjectRef, Move<'r>)>, PlanError> {
        let groups = self.groups;
        let fates: HashMap<RelAddr, &'r Rc<Fate<'r>>> =
            groups.values().flat_map(|g| g.ruled.iter().map(|(i, f)| (i.addr, f))).collect();
        let mut own: BTreeMap<(RelAddr, Vec<&str>), Rc<Reform<'r>>> = BTreeMap::new();
        let mut slots: HashMap<RelAddr, ObjectRef> = HashMap::new();
        let mut out = self.turned_moves();
        for instance in &self.survey.instances {
            if self.turns.is_turned(instance) {
                continue;
            }
            let whole = groups.get(&instance.datatype).and_then(|g| g.fate.as_ref());
            let fate = fates.get(&instance.addr).copied();
            let to = match fate.map(|fate| (fate, &fate.outcome)) {
                Some((fate, Outcome::Replaced(value))) => {
                    if instance.extent == Extent::Simple {
                        let problem =
                            "it is an array, and `replace` puts one value in an object's place";
                        return Err(PlanError::unsupported(
                            &instance.place,
                            &fate.id(),
                            problem.to_owned(),
                        ));
                    }
                    let slot = self.slot(instance, value, whole, &mut slots, build)?;
                    Some(Move::Replaced(value, slot))
                }
                Some((fate, Outcome::Retyped(to)))
                    if !whole.is_some_and(|whole| whole.is_same(fate)) =>
                {
                    let ids = fate.rules.iter().map(|r| r.id.as_str()).collect();
                    let key = (instance.datatype, ids);
                    let reform = if let Some(known) = own.get(&key) {
                        Rc::clone(known)
                    } else {
                        let c = self.types.committed(instance.datatype)?;
                        let made = self.reformed(&c, Some(to), Some(fate.id()), build)?;
                        build.add_type(made.object);
                        let made = Rc::new(made);
                        own.insert(key, Rc::clone(&made));
                        made
                    };
                    Some(Move::Own(instance.clone(), reform, to))
                }
                _ => {
                    let reform = self.reform(instance.datatype, build)?;
                    let reform = reform.filter(|reform| reform.resized);
                    reform.map(|reform| Move::Moved(instance.clone(), reform))
                }
            };
            if let Some(to) = to {
                out.push((instance.addr, to));
            }
        }
        out.extend(flags.iter().map(|&(addr, v)| (addr, Move::Replaced(v, TypeChoice::Find))));
        let mut placed = Vec::with_capacity(out.len());
        for (addr, to) in out {
            let place = build.reserve();
            self.now.insert(addr, place);
            placed.push((addr, place, to));
        }
        Ok(placed)
    }

    /// Which type a value is of that stands in the place of an object: one in the slot of the old
    /// type, if no value of that stays.
    fn slot(
        &mut self,
        instance: &Instance,
        value: &Literal,
        whole: Option<&Rc<Fate<'r>>>,
        slots: &mut HashMap<RelAddr, ObjectRef>,
        build: &mut Build<'_>,
    ) -> Result<TypeChoice, PlanError> {
        let whole = whole.is_some_and(|w| matches!(w.outcome, Outcome::Replaced(_)))
            && !self.survey.embedded.contains_key(&instance.datatype);
        if !whole || !objects::has_record_type(value) {
            return Ok(TypeChoice::Find);
        }
        if let Some(known) = slots.get(&instance.datatype) {
            return Ok(TypeChoice::Use(*known));
        }
        let made = objects::make_type(build, value)?;
        slots.insert(instance.datatype, made);
        self.now.insert(instance.datatype, made);
        Ok(TypeChoice::Use(made))
    }

    /// All references to what stands elsewhere afterwards.
    fn references(&self, tables: &[FlatTable]) -> Result<References, PlanError> {
        let mut wanted: BTreeSet<_> = self.now.keys().copied().collect();
        wanted.extend(self.survey.types_group);
        wanted.extend(tables.iter().map(|t| t.parent));
        wanted.extend(self.turns.taken.keys());
        let found = References::find(self.types, self.survey, wanted)?;
        for (addr, (place, rule)) in &self.turns.taken {
            let offset = self.file().offset(*addr, "object")?;
            if found.to(*addr, offset)?.len() > 1 {
                return Err(shared(place, rule, *addr));
            }
        }
        check_holders(self.types, self.survey, self.groups, self.turns, &found)?;
        Ok(found)
    }

    fn fix_references(&mut self, references: &References) -> Result<(), PlanError> {
        for (old, by) in &self.now {
            let offset = self.file().offset(*old, "object")?;
            for edge in self.leading(references, *old, offset)? {
                if edge.kind == EdgeKind::AttributeType
                    && let Some(reform) = self.reforms.get(old).filter(|r| r.resized)
                {
                    let problem = format!(
                        "values of {} are stored in an attribute, where rules do not reach them",
                        reform.committed.julia_type
                    );
                    return Err(PlanError::unsupported(
                        &self.place_of(edge.from),
                        &reform.rule,
                        problem,
                    ));
                }
                self.fixes.insert(edge.at, Data::reference(*by));
            }
        }
        Ok(())
    }

    /// Gives new types that took nobody's slot a name in `_types`.
    fn number(&self, build: &mut Build<'_>) -> Result<Option<Addition>, PlanError> {
        let added = build.added().to_vec();
        let (Some(group), false) = (self.survey.types_group, added.is_empty()) else {
            return Ok(None);
        };
        let numbers = self.survey.type_links.iter().filter_map(|l| l.name.parse::<u64>().ok());
        let highest = numbers.max().unwrap_or(0).max(self.survey.type_links.len() as u64);
        let links = (highest + 1..).zip(added).map(|(n, t)| (format!("{n:08}"), t)).collect();
        Ok(Some(Addition::plan(self.file(), build, group, links, &self.now)?))
    }

    /// Makes a group for each table that lacks it, and links it into the table's group.
    fn flatten(
        &self,
        tables: &[FlatTable],
        build: &mut Build<'_>,
    ) -> Result<Vec<Addition>, PlanError> {
        let mut out = Vec::new();
        let lacking = |t: &&FlatTable| t.state == FlatState::Missing && !t.columns.is_empty();
        for table in tables.iter().filter(lacking) {
            let now =
                |addr: RelAddr| self.now.get(&addr).copied().unwrap_or(ObjectRef::Existing(addr));
            let links: Vec<_> =
                table.columns.iter().map(|(name, addr)| (name.clone(), now(*addr))).collect();
            let group = build.group(&links);
            let link = vec![(FlatTable::NAME.to_owned(), group)];
            out.push(Addition::plan(self.file(), build, table.parent, link, &self.now)?);
        }
        Ok(out)
    }
}
