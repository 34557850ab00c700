//! Makes an [`Inspection`] of the file at a path.

use super::groups::{self, MeraFile};
use super::model::{Action, Container, Format, Inspection, Kind, Refusal};
use super::packages;
use super::tree::Trees;
use super::usage::Usage;
use super::verdict::{foreign, outlook};
use crate::codec::ids;
use crate::h5::{Checksums, Error, File, Trace};
use crate::inspect::unreadable;
use crate::julia::TypeTable;
use crate::migrate::target::Target;
use crate::migrate::{
    self, Examiner, Finding, Migration, PlanError, Readers, Remedy, Severity, When, plan,
};
use crate::text::shell_path;
use std::collections::BTreeMap;
use std::path::Path;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Trees without committed types, large ones cut.
    #[default]
    Usual,
    /// Everything.
    Full,
}

/// Looks into the file at `path`, whose conversion to `target` is asked for. Columns stay unread.
///
/// Values may nest deeply; [`on_deep_stack`](crate::julia::on_deep_stack) is the place for this.
///
/// # Errors
/// A [`Refusal`], if the file cannot be read to its end.
pub fn inspect(path: &Path, target: &Target, detail: Detail) -> Result<Inspection, Box<Refusal>> {
    inspect_with(path, target, detail, Checksums::Trusted)
}

/// As [`inspect`], with checksums that decide or not.
///
/// # Errors
/// A [`Refusal`], if the file cannot be read to its end.
pub fn inspect_with(
    path: &Path,
    target: &Target,
    detail: Detail,
    checksums: Checksums,
) -> Result<Inspection, Box<Refusal>> {
    let file = unreadable::open_any(path, checksums)?;
    let bytes = file.source().len();
    look(path, &file, target, detail).map_err(|e| Box::new(unreadable::inside(path, bytes, &e)))
}

fn look(path: &Path, file: &File, target: &Target, detail: Detail) -> Result<Inspection, Error> {
    let types = TypeTable::new(file);
    let superblock = file.superblock();
    let planned = match superblock.not_jld1() {
        Some(error) => Err(PlanError::Read(error)),
        None => match plan(file, target, false) {
            // Something that JLD2 does not read: all the rest can be told.
            Err(PlanError::Read(error)) if !error.is_foreign() => return Err(error),
            planned => planned,
        },
    };
    // A plan tells of what it passes over.
    let told = planned.is_ok();
    let (action, findings, readers) = match planned {
        Ok(migration) => (action(&migration), migration.findings, migration.readers),
        Err(error) => {
            (Action::Refuse { reason: error.to_string() }, Vec::new(), Readers::default())
        }
    };
    let examiner = Examiner::new(&types, target, findings);
    let tree = Trees::new(&types, detail == Detail::Full).root();
    let mut usage = Usage::new(examiner, superblock.end_of_file);
    if let Ok(tree) = &tree {
        usage.ask_for(tree);
    }
    // What is amiss with the file is told by the walk over all of it.
    Trace::run(file, &mut usage)?;
    let unreachable = usage.unreachable(superblock.end_of_file);
    let mut tree = tree?;
    usage.fill(&mut tree);
    let mut mera = match groups::mera(&types) {
        Err(error) if error.is_foreign() && !usage.foreign.is_empty() => MeraFile::unknown(),
        mera => mera?,
    };
    mera.kind = kind_of(file, mera.kind)?;
    let mut unread = std::mem::take(&mut usage.foreign);
    if told {
        unread.clear();
    }
    for (path, error) in std::mem::take(&mut mera.unread.0) {
        unread.entry(path).or_insert(error);
    }
    let bytes = file.source().len();
    let mut findings = with_unread(usage.examiner.into_findings(), &unread);
    if mera.kind == Kind::Jld1 {
        findings.push(of_jld1());
    }
    let verdict = match mera.kind {
        Kind::Jld1 => foreign(Kind::Jld1),
        _ => outlook(&findings, &action, &shell_path(path)),
    };
    Ok(Inspection {
        path: path.display().to_string(),
        bytes,
        kind: mera.kind,
        format: superblock.text.as_ref().map(|text| Format {
            version: text.version.clone(),
            legacy: text.legacy,
            writer: text.writer.clone(),
        }),
        container: Container {
            superblock: superblock.version,
            base: superblock.base,
            end_of_file: superblock.end_of_file,
            bytes_behind: bytes.saturating_sub(superblock.end_of_file),
            bytes_unreachable: unreachable,
            bytes_data: usage.bytes_data,
            groups: usage.groups,
            datasets: usage.datasets,
            types: usage.types,
        },
        data: mera.data,
        benchmark: mera.benchmark,
        target: target.name.clone(),
        packages: packages::to_name(&findings, target),
        findings,
        readers,
        hdf5: readers.told(false),
        action,
        verdict,
        tree,
    })
}

/// What a file is that Mera's groups tell to be `kind`.
pub(super) fn kind_of(file: &File, kind: Kind) -> Result<Kind, Error> {
    if file.superblock().jld1().is_some() {
        return Ok(Kind::Jld1);
    }
    if kind != Kind::Jld2 || !file.superblock().is_old() {
        return Ok(kind);
    }
    Ok(if migrate::is_merafile(file)? { Kind::Merafile } else { Kind::Hdf5 })
}

/// What JLD2 meets in a file of its predecessor's.
fn of_jld1() -> Finding {
    Finding {
        severity: Severity::Note,
        object: "/".to_owned(),
        julia_type: None,
        rule: None,
        text: "JLD.jl wrote it, and JLD2 does not know the types in it".to_owned(),
        said: None,
        printed: 0,
        count: 1,
        remedy: Remedy::None,
        when: When::Load,
    }
}

/// With those of objects that JLD2 does not read, which come first.
fn with_unread(found: Vec<Finding>, unread: &BTreeMap<String, Error>) -> Vec<Finding> {
    let unread = unread.iter().map(|(path, error)| Finding {
        severity: Severity::Failure,
        object: path.clone(),
        julia_type: None,
        rule: None,
        text: format!("it cannot be read: {error}"),
        said: None,
        printed: 0,
        count: 1,
        remedy: Remedy::None,
        when: When::Load,
    });
    unread.chain(found).collect()
}

pub(super) fn action(migration: &Migration) -> Action {
    if let (Some(_), Some((_, error))) = (&migration.rewrite, migration.survey.unread.first()) {
        return Action::Refuse { reason: error.to_string() };
    }
    if let Some(reason) = &migration.rewrite {
        let known =
            |id| [ids::DEFLATE, ids::SHUFFLE, ids::BZIP2, ids::LZ4, ids::ZSTD].contains(&id);
        let unknown = migration.survey.filters.iter().any(|(filter, _, _)| !known(filter.id));
        let reason = reason.clone();
        return if unknown { Action::Refuse { reason } } else { Action::Rewrite { reason } };
    }
    match &migration.edits {
        Some(edits) if !edits.is_empty() => Action::Patch {
            bytes_appended: edits.bytes_appended(),
            bytes_replaced: edits.bytes_replaced(),
            places: edits.replace().len() as u64,
        },
        _ => Action::Nothing,
    }
}
