//! From rules to an edit list.

use super::edit::{EditError, EditList};
use super::finding::{Finding, Findings, Severity};
use super::literal::Literal;
use super::objects;
use super::patches::Patches;
use super::rule::{Action, Formula, NoValue, Plan as FieldPlan, Retype, Rule, Seen, Source};
use super::survey::{Instance, References, Survey};
use super::target::{Resolution, Target};
use crate::h5::{self, Datatype, Edge, EdgeKind, Extent, File, RelAddr, kind};
use crate::julia::build::{Build, Data, FieldStyle, NewField, ObjectRef, record};
use crate::julia::{Column, Committed, FieldValue, Node, Override, Overrides, TypeTable};
use crate::mera::scales::Units;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What a migration to a target does to a file.
#[derive(Debug)]
pub struct Migration {
    /// What a reader of the target would meet in the file as it is.
    pub findings: Vec<Finding>,
    /// The bytes to append and replace; `None` if no rule concerns the file.
    pub edits: Option<EditList>,
    /// What changed objects must read as afterwards, by their old addresses.
    pub overrides: Overrides,
    /// Full names of types that go by others afterwards.
    pub renames: HashMap<String, String>,
    /// Why the payloads have to be encoded anew, if they have.
    pub rewrite: Option<String>,
    /// What there is in the file.
    pub survey: Survey,
}

/// Why a migration cannot be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] h5::Error),
    /// A rule asks for what cannot be done without laying the file out afresh.
    #[error("{object}: rule {rule}: {problem}")]
    Unsupported {
        /// The dataset that is, or leads to, the object.
        object: String,
        /// The rule.
        rule: String,
        /// What stands in its way.
        problem: String,
    },
    /// A field has no value.
    #[error("{object}: {source}")]
    NoValue {
        /// The dataset that is, or leads to, the object.
        object: String,
        /// Which field.
        source: NoValue,
    },
    /// The edits contradict each other: a defect.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A defect.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Instances of one committed type and what becomes of each.
struct Group<'r> {
    committed: Arc<Committed>,
    /// The instances that a rule changes.
    ruled: Vec<(Instance, &'r Rule)>,
    /// Whether these are all there are, under one rule: then the type's slot goes to the new type.
    whole: bool,
}

/// Plans the migration of a file to a target. With `rewriting`, columns are encoded anew, and rules
/// that are for this case only apply too.
///
/// # Errors
/// If the file cannot be read, or a rule cannot be carried out.
pub fn plan(file: &File, target: &Target, rewriting: bool) -> Result<Migration, PlanError> {
    let types = TypeTable::new(file);
    let survey = Survey::run(&types, target)?;
    let mut findings = Findings::default();
    let rewrite = filter_findings(&survey, target, &mut findings);
    structure_findings(&survey, &mut findings);
    let groups = groups(&types, target, &survey, rewriting || rewrite.is_some())?;
    type_findings(&types, target, &survey, &groups, &mut findings)?;
    for (instance, rule) in groups.values().flat_map(|g| &g.ruled) {
        let t = types.committed(instance.datatype)?.julia_type.to_string();
        findings.add(Finding {
            severity: Severity::Warning,
            object: instance.place.to_string(),
            text: if rule.why.is_empty() { format!("{t} is changed") } else { rule.why.clone() },
            julia_type: Some(t),
            rule: Some(rule.id.clone()),
            count: 1,
        });
    }
    let mut engine = Engine {
        types: &types,
        target,
        survey: &survey,
        patches: Patches::default(),
        overrides: Overrides::default(),
        renames: HashMap::new(),
    };
    let edits = if groups.is_empty() { None } else { Some(engine.run(&groups)?) };
    let Engine { overrides, renames, .. } = engine;
    let findings = findings.into_sorted();
    Ok(Migration { findings, edits, overrides, renames, rewrite, survey })
}

/// What the target cannot decode; the reason for a rewrite, if there is one.
fn filter_findings(survey: &Survey, target: &Target, findings: &mut Findings) -> Option<String> {
    let mut rewrite = None;
    for (filter, count, place) in &survey.filters {
        let known = target.filter(filter.id);
        let shown = known.map_or_else(
            || filter.name.clone().unwrap_or_else(|| "unknown".into()),
            |k| k.name.clone(),
        );
        let problem = match known {
            None => Some("the target does not know this filter".to_owned()),
            Some(k) if !k.reads => Some(k.why.clone().unwrap_or_else(|| "the target cannot decode it".into())),
            Some(k) => k
                .client_values
                .filter(|(least, most)| !(*least..=*most).contains(&filter.client.len()))
                .map(|_| format!("the target fails on {} client values", filter.client.len())),
        };
        let Some(problem) = problem else { continue };
        let text = format!("data filtered with {shown} (id {}): {problem}", filter.id);
        rewrite.get_or_insert_with(|| format!("{place}: {text}"));
        findings.add(Finding {
            severity: Severity::Failure,
            object: place.to_string(),
            julia_type: None,
            rule: None,
            text,
            count: *count,
        });
    }
    rewrite
}

fn structure_findings(survey: &Survey, findings: &mut Findings) {
    if let Some(name) = survey.misnumbered() {
        findings.add(Finding {
            severity: Severity::Failure,
            object: format!("/_types/{name}"),
            julia_type: None,
            rule: None,
            text: "committed types are not numbered without gaps: the next append by JLD2 would \
                   give a number away twice and lose data"
                .into(),
            count: 1,
        });
    }
}

/// Types that are used but that the target cannot resolve, or has with other fields.
fn type_findings(
    types: &TypeTable<'_>,
    target: &Target,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for (addr, (count, place)) in &survey.uses {
        if groups.get(addr).is_some_and(|g| g.whole) {
            continue;
        }
        let c = types.committed(*addr)?;
        let name = c.julia_type.name();
        let (severity, text) = match target.resolve(name) {
            Resolution::Gone => {
                (Severity::Warning, format!("type {name} does not exist in {}: reconstructed", target.title))
            }
            Resolution::Foreign => (
                Severity::Note,
                format!("type {name} is none of {}: load its package first, or it is reconstructed", target.title),
            ),
            Resolution::Loaded => continue,
            Resolution::Defined(def) => {
                let stored = |n: &str| c.fields.iter().any(|f| f.name == n && f.offset.is_some());
                let missing: Vec<_> = def
                    .fields
                    .iter()
                    .filter(|f| f.is_stored() && !stored(&f.name))
                    .map(|f| f.name.as_str())
                    .collect();
                if missing.is_empty() || c.written_type.is_some() {
                    continue;
                }
                (
                    Severity::Warning,
                    format!("type {name} lacks the fields {}: reconstructed", missing.join(", ")),
                )
            }
        };
        findings.add(Finding {
            severity,
            object: place.to_string(),
            julia_type: Some(c.julia_type.to_string()),
            rule: None,
            text,
            count: *count,
        });
    }
    Ok(())
}

/// Which instances change, by their committed type.
fn groups<'r>(
    types: &TypeTable<'_>,
    target: &'r Target,
    survey: &Survey,
    rewriting: bool,
) -> h5::Result<BTreeMap<RelAddr, Group<'r>>> {
    let mut out = BTreeMap::<RelAddr, Group<'r>>::new();
    let mut kept = BTreeSet::new();
    for instance in &survey.instances {
        let committed = types.committed(instance.datatype)?;
        let params: Vec<_> = committed.julia_type.params().iter().map(ToString::to_string).collect();
        let params: Vec<_> = params.iter().map(String::as_str).collect();
        let members = member_names(&committed);
        let seen = Seen {
            type_name: committed.julia_type.name(),
            parameters: &params,
            members: &members,
            places: &[&instance.place],
            rewriting,
        };
        match target.rule_for(&seen) {
            Some(rule) => {
                let group = out.entry(instance.datatype).or_insert_with(|| Group {
                    committed: Arc::clone(&committed),
                    ruled: Vec::new(),
                    whole: true,
                });
                group.whole &= group.ruled.first().is_none_or(|(_, first)| first.id == rule.id);
                group.ruled.push((instance.clone(), rule));
            }
            None => {
                kept.insert(instance.datatype);
            }
        }
    }
    for (addr, group) in &mut out {
        group.whole &= !kept.contains(addr);
    }
    Ok(out)
}

fn member_names(c: &Committed) -> Vec<&str> {
    c.fields.iter().filter(|f| f.offset.is_some()).map(|f| f.name.as_str()).collect()
}

/// The carrying out of rules on one file.
struct Engine<'a> {
    types: &'a TypeTable<'a>,
    target: &'a Target,
    survey: &'a Survey,
    patches: Patches,
    overrides: Overrides,
    renames: HashMap<String, String>,
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

impl Engine<'_> {
    fn file(&self) -> &File {
        self.types.file()
    }

    fn run(&mut self, groups: &BTreeMap<RelAddr, Group<'_>>) -> Result<EditList, PlanError> {
        let mut wanted: BTreeSet<_> = groups.keys().copied().collect();
        wanted.extend(groups.values().flat_map(|g| g.ruled.iter().map(|(i, _)| i.addr)));
        wanted.extend(self.survey.types_group);
        wanted.extend(self.survey.type_values.iter().map(|v| v.addr));
        let references = References::find(self.types, wanted)?;
        let committed: Vec<_> = self.survey.type_links.iter().map(|l| l.target).collect();
        let mut build = Build::new(self.types, &committed, self.style())?;
        let mut new = New::default();
        for group in groups.values() {
            self.group(group, &references, &mut build, &mut new)?;
        }
        let names = self.rename_values(&references, &mut build);
        let group = self.name_types(&mut build, &new);
        // Appended objects start at a multiple of eight behind the old end, as JLD2's data do.
        let start = self.file().superblock().end_of_file.next_multiple_of(8);
        let in_place: Vec<_> =
            new.names.iter().map(|(addr, name)| (*addr, build.text(name), name.clone())).collect();
        let mut texts = names;
        for (addr, text, name) in in_place {
            let at = self.julia_type_offset(addr)?;
            texts.push((addr, at, text, format!("type is called {name}")));
        }
        let resolver = build.finish_with(start, texts.iter().map(|(_, _, text, _)| text));
        let address = |r: ObjectRef| match r {
            ObjectRef::Existing(addr) => addr,
            ObjectRef::New(n) => resolver.addresses.get(n).copied().unwrap_or(RelAddr::NULL),
        };
        for ((owner, at, _, why), bytes) in texts.iter().zip(&resolver.extra) {
            self.patches.put(*owner, *at, bytes.clone(), why.as_str());
        }
        let moved = new.objects.iter().chain(&new.slots);
        for &(old, by) in moved {
            let offset = self.file().offset(old, "object")?;
            for edge in references.to(old, offset)? {
                self.redirect(edge, address(by));
            }
        }
        match group {
            Some(Numbering::Regrouped { old, new }) => {
                let offset = self.file().offset(old, "_types")?;
                for edge in references.to(old, offset)? {
                    self.redirect(edge, address(new));
                }
            }
            Some(Numbering::Spare { owner, at, room, links }) => {
                let mut bytes = Vec::new();
                for (name, to) in links {
                    let body = h5::encode::link(&name, address(to));
                    push_message(&mut bytes, kind::LINK, &body);
                }
                if bytes.len() < room {
                    let rest = vec![0; (room - bytes.len()).saturating_sub(4)];
                    push_message(&mut bytes, kind::NIL, &rest);
                }
                self.patches.put(owner, at, bytes, "new links in _types");
            }
            None => {}
        }
        std::mem::take(&mut self.patches).finish(self.types.file(), start, &resolver.bytes)
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
}
