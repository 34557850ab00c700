//! Links the columns of tables, which stand behind references, by name: for `/hydro/data` a group
//! `/hydro/columns` with one hard link for each column.

use super::finding::{Finding, Findings, Remedy, Severity, When};
use crate::h5::{File, Group, ObjectKind, RelAddr, Result};
use crate::julia::{Columns, Listed, Record, TableKind, TypeTable, readable};
use std::collections::{BTreeSet, HashSet};

/// Longer names are left out: a link has to fit into a header message.
const MAX_NAME: usize = 4096;

/// A table, and the group that leads to its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlatTable {
    /// The linked dataset that is, or holds, the table.
    pub table: String,
    /// Path of the group of links.
    pub group: String,
    /// The columns by name, in order.
    pub columns: Vec<(String, RelAddr)>,
    /// Names that cannot be those of links.
    pub unfit: Vec<String>,
    /// What stands at the group's path.
    pub state: FlatState,
    /// The group that the table is in.
    pub(super) parent: RelAddr,
}

/// What stands where a group of links goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlatState {
    /// Nothing.
    Missing,
    /// The group, with these links and no others.
    Present,
    /// Something else.
    Taken,
}

/// All tables in the groups of a file, by path. Those that stand in the root group have no group of
/// their own, so they are left out.
///
/// # Errors
/// If a group, or an object that may be a table, is damaged.
pub fn flat_tables(types: &TypeTable<'_>) -> Result<Vec<FlatTable>> {
    let file = types.file();
    let allowance = file.allowance();
    let mut parents = HashSet::new();
    let mut out = Vec::new();
    for listed in &readable(file)? {
        let Listed { path, addr, .. } = listed?;
        let Some((group, _)) = path.rsplit_once('/').filter(|(group, _)| !group.is_empty()) else {
            continue;
        };
        let columns = columns(types, addr).map_err(|e| e.in_object(&path))?;
        if columns.is_empty() {
            continue;
        }
        allowance.check(file, file.offset(addr, "table")?).map_err(|e| e.in_object(&path))?;
        let Some((parent, links)) = group_at(file, group)? else { continue };
        let (columns, unfit): (Vec<_>, Vec<_>) =
            columns.into_iter().partition(|(name, _)| is_fit(name));
        let first = parents.insert(parent);
        let state = if first { state(file, &links, &columns)? } else { FlatState::Taken };
        out.push(FlatTable {
            group: format!("{group}/{}", FlatTable::NAME),
            table: path,
            columns,
            unfit: unfit.into_iter().map(|(name, _)| name).collect(),
            state,
            parent,
        });
    }
    Ok(out)
}

/// The groups of links that a file has, by path: what they lead to can be reached through their
/// tables, too.
///
/// # Errors
/// As [`flat_tables`].
pub fn flat_groups(types: &TypeTable<'_>) -> Result<Vec<String>> {
    let tables = flat_tables(types)?.into_iter();
    Ok(tables.filter(|t| t.state == FlatState::Present).map(|t| t.group).collect())
}

impl FlatTable {
    /// What the group is called.
    pub const NAME: &'static str = "columns";

    /// Paths of the links that are to be added.
    pub(super) fn added(&self) -> impl Iterator<Item = String> {
        let columns = if self.state == FlatState::Missing { self.columns.as_slice() } else { &[] };
        columns.iter().map(|(name, _)| format!("{}/{name}", self.group))
    }

    /// What there is to say of it.
    pub(super) fn tell(&self, findings: &mut Findings) {
        let mut say = |severity, object: &str, text: String| {
            findings.add(Finding {
                severity,
                object: object.to_owned(),
                julia_type: None,
                rule: Some("flat-links".to_owned()),
                text,
                said: None,
                printed: 0,
                count: 1,
                remedy: Remedy::None,
                when: When::Load,
            });
        };
        match self.state {
            FlatState::Missing if self.columns.is_empty() => {}
            FlatState::Missing => {
                let text =
                    format!("{} columns of {} get links by name", self.columns.len(), self.table);
                say(Severity::Note, &self.group, text);
            }
            FlatState::Present => return,
            FlatState::Taken => {
                let text = format!(
                    "this name is taken by something else, which is left alone: the columns of {} \
                     get no links",
                    self.table
                );
                say(Severity::Warning, &self.group, text);
            }
        }
        for name in &self.unfit {
            let text = format!("the column {name:?} gets no link: no link can have this name");
            say(Severity::Warning, &self.table, text);
        }
    }
}

/// Whether a link can have this name and be found by it.
fn is_fit(name: &str) -> bool {
    !name.is_empty() && name != "." && name.len() <= MAX_NAME && !name.contains(['/', '\0'])
}

fn state(file: &File, links: &Group, columns: &[(String, RelAddr)]) -> Result<FlatState> {
    let Some(link) = links.find(file, FlatTable::NAME)? else {
        return Ok(FlatState::Missing);
    };
    let object = file.object(link.target)?;
    let ObjectKind::Group(group) = &object.kind else { return Ok(FlatState::Taken) };
    if group.len() != columns.len() as u64 {
        return Ok(FlatState::Taken);
    }
    let have = group.all(file, file.offset(link.target, "group")?)?;
    let have: BTreeSet<_> = have.iter().map(|l| (l.name.as_str(), l.target)).collect();
    let want: BTreeSet<_> = columns.iter().map(|(name, addr)| (name.as_str(), *addr)).collect();
    Ok(if have == want { FlatState::Present } else { FlatState::Taken })
}

/// The group at a path.
fn group_at(file: &File, path: &str) -> Result<Option<(RelAddr, Group)>> {
    let mut addr = file.superblock().root;
    let mut names = path.split('/').filter(|name| !name.is_empty());
    loop {
        let object = file.object(addr)?;
        let ObjectKind::Group(group) = &object.kind else { return Ok(None) };
        let Some(name) = names.next() else { return Ok(Some((addr, group.clone()))) };
        let Some(link) = group.find_shown(file, name)? else { return Ok(None) };
        addr = link.target;
    }
}

/// The columns of the indexed table that the object at `addr` is, or has in its field `data`; none
/// if there is no such table.
fn columns(types: &TypeTable<'_>, addr: RelAddr) -> Result<Vec<(String, RelAddr)>> {
    let Some(whole) = Record::at(types, addr)? else { return Ok(Vec::new()) };
    let table = match whole.record("data")? {
        Some(table) => table,
        None => whole,
    };
    // Looked for before anything else, so that what is not such a table cannot fail here.
    if table.record("columns")?.is_none() {
        return Ok(Vec::new());
    }
    let found = Columns::of(&table)?.filter(|found| found.kind == TableKind::IndexedTable);
    Ok(found.map(|found| found.columns).unwrap_or_default())
}
