//! Looks into a file as shortly as its verdict allows: one walk, no trees, no columns.
//!
//! What it tells is what [`inspect`](super::inspect()) tells; where that needs more, because
//! something in the file is not JLD2's, `inspect` is asked.

use super::columns::filter_name;
use super::examine::{Detail, action, inspect_with, kind_of};
use super::groups::{self, MeraFile};
use super::model::{Action, Inspection, Kind, Refusal};
use super::outlook::Outlook;
use super::unreadable;
use super::verdict::outlook;
use crate::h5::{Checksums, Error, ReadObjects};
use crate::julia::{KnownTypes, TypeTable};
use crate::migrate::target::Target;
use crate::migrate::{Along, Examiner, Finding, PlanError, Readers, Request, plan_along};
use crate::text::shell_path;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Findings that are kept of one file, and characters of each text: thousands of files are held
/// together.
const MOST_FINDINGS: usize = 20;
const MOST_TEXT: usize = 400;

/// What a short look at a file tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance {
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is.
    pub kind: Kind,
    /// Names of its groups of Mera's data.
    pub data: Vec<String>,
    /// The Meras that most likely wrote them, each once: short names, `?` where none ever wrote these
    /// types.
    pub eras: Vec<String>,
    /// Number of the simulation's output, as the file says it.
    pub output: Option<i64>,
    /// Format version, for instance `0.1.1`; none without JLD2's text.
    pub format: Option<String>,
    /// The Julia that wrote it last.
    pub writer: Option<String>,
    /// Groups.
    pub groups: u64,
    /// Datasets, linked or not.
    pub datasets: u64,
    /// Stored bytes of all data outside headers.
    pub bytes_data: u64,
    /// How many datasets are encoded with each codec.
    pub codecs: BTreeMap<String, u64>,
    /// How it stands, and what to run.
    pub verdict: Outlook,
    /// What a reader of the target meets, the worst first; at most the first twenty.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: u64,
    /// What readers that are built on HDF5 cannot open.
    pub readers: Readers,
    /// What a conversion would do.
    pub action: Action,
}

/// Types of the file that was looked into last. Files of one archive mostly begin with the same ones:
/// a type of which every byte that it was read from is the same in the next file is not read again.
#[derive(Debug, Default)]
pub struct LastTypes(Option<(ReadObjects, Arc<KnownTypes>)>);

/// Looks into the file at `path`, whose conversion to `target` is asked for. `last` saves time where one
/// looks into many files, and changes nothing else.
///
/// Values may nest deeply; [`on_deep_stack`](crate::julia::on_deep_stack) is the place for this.
///
/// # Errors
/// A [`Refusal`], if the file cannot be read to its end.
pub fn glance(
    path: &Path,
    target: &Target,
    checksums: Checksums,
    last: &mut LastTypes,
) -> Result<Glance, Box<Refusal>> {
    let mut file = unreadable::open_with(path, checksums)?;
    let mut before = None;
    if let Some((objects, types)) = &last.0 {
        file = file.beside(objects);
        before = Some(Arc::clone(types));
    }
    let bytes = file.source().len();
    let types = TypeTable::beside(&file, before);
    match look(path, &types, target) {
        Ok(Some(glance)) => {
            last.0 = Some((file.read_types(), types.known()));
            Ok(glance)
        }
        Ok(None) => inspect_with(path, target, Detail::Usual, checksums).map(Glance::of),
        Err(error) => Err(Box::new(unreadable::inside(path, bytes, &error))),
    }
}

/// None if a plan cannot tell all.
fn look(path: &Path, types: &TypeTable<'_>, target: &Target) -> Result<Option<Glance>, Error> {
    let file = types.file();
    let along = Along::default().with_examiner(Examiner::new(types, target, Vec::new()));
    let (migration, along) = match plan_along(types, target, &Request::default(), along) {
        Ok(planned) => planned,
        Err(PlanError::Read(error)) if !error.is_foreign() => return Err(error),
        Err(_) => return Ok(None),
    };
    let mut mera = match groups::mera_eras(types) {
        Err(error) if error.is_foreign() && !migration.survey.unread.is_empty() => {
            MeraFile::unknown()
        }
        mera => mera?,
    };
    mera.kind = kind_of(file, mera.kind)?;
    let action = action(&migration);
    let findings = along.into_findings(migration.findings);
    let mut codecs = BTreeMap::new();
    for (filter, count, _) in &migration.survey.filters {
        *codecs.entry(filter_name(filter.id)).or_default() += count;
    }
    let verdict = outlook(&findings, &action, &shell_path(path));
    let (findings, more) = few(findings);
    let text = file.superblock().text.as_ref();
    Ok(Some(Glance {
        bytes: file.source().len(),
        kind: mera.kind,
        data: mera.data.iter().map(|group| group.name.clone()).collect(),
        eras: eras(&mera.data),
        output: mera.data.iter().find_map(|group| group.output),
        format: text.map(|text| text.version.clone()),
        writer: text.map(|text| text.writer.clone()),
        groups: migration.survey.groups,
        datasets: migration.survey.datasets,
        bytes_data: migration.survey.payload_bytes,
        codecs,
        verdict,
        findings,
        more,
        readers: migration.readers,
        action,
    }))
}

/// The short names of the eras of these groups, each once; `?` where Mera never wrote such types.
pub(super) fn eras(data: &[super::model::DataGroup]) -> Vec<String> {
    let mut eras: Vec<String> = Vec::new();
    for group in data {
        let era = group.era.as_ref().map_or("?", |era| &era.id);
        if !eras.iter().any(|known| known == era) {
            eras.push(era.to_owned());
        }
    }
    eras
}

/// Eras in a word, for people: types that no Mera wrote are the target's own where nothing is to be
/// done.
pub(super) fn shown(eras: &[String], action: &Action) -> String {
    let word = |era: &String| match (era.as_str(), action) {
        ("?", Action::Nothing) => "upgraded".to_owned(),
        ("?", _) => "none".to_owned(),
        _ => era.clone(),
    };
    eras.iter().map(word).collect::<Vec<_>>().join("+")
}

/// The first findings, not longer than a person reads, and how many there are besides.
fn few(mut findings: Vec<Finding>) -> (Vec<Finding>, u64) {
    let more = findings.len().saturating_sub(MOST_FINDINGS) as u64;
    findings.truncate(MOST_FINDINGS);
    for finding in &mut findings {
        let texts = [Some(&mut finding.object), Some(&mut finding.text)];
        let others = [finding.julia_type.as_mut(), finding.said.as_mut()];
        for text in texts.into_iter().chain(others).flatten() {
            *text = crate::text::shortened(text, MOST_TEXT);
        }
    }
    (findings, more)
}

impl Glance {
    /// Which Meras wrote it, in a word: short names of eras, `upgraded` for what a conversion made,
    /// `none` for types that Mera never wrote; empty where there is nothing of Mera's.
    pub fn era(&self) -> String {
        shown(&self.eras, &self.action)
    }

    /// What an inspection tells, in short. What is amiss with parts that JLD2 does not read is told as
    /// there; of codecs the columns' are counted.
    fn of(seen: Inspection) -> Self {
        let mut codecs: BTreeMap<String, u64> = BTreeMap::new();
        for column in seen.data.iter().flat_map(|group| &group.columns) {
            if let Some(codec) = &column.codec {
                *codecs.entry(codec.clone()).or_default() += 1;
            }
        }
        let eras = eras(&seen.data);
        let (findings, more) = few(seen.findings);
        Self {
            bytes: seen.bytes,
            kind: seen.kind,
            data: seen.data.iter().map(|group| group.name.clone()).collect(),
            eras,
            output: seen.data.iter().find_map(|group| group.output),
            format: seen.format.as_ref().map(|format| format.version.clone()),
            writer: seen.format.map(|format| format.writer),
            groups: seen.container.groups,
            datasets: seen.container.datasets,
            bytes_data: seen.container.bytes_data,
            codecs,
            verdict: seen.verdict,
            findings,
            more,
            readers: seen.readers,
            action: seen.action,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::inspect;
    use crate::julia::on_deep_stack;
    use std::path::PathBuf;

    fn files(dir: PathBuf, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(path, out);
            } else if path.extension().is_some_and(|it| it == "jld2") {
                out.push(path);
            }
        }
    }

    #[test]
    fn a_short_look_tells_what_a_long_one_does() {
        let mut all = Vec::new();
        files(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"), &mut all);
        let target = Target::builtin(Target::default_name()).unwrap();
        let (mut read, mut last) = (0, LastTypes::default());
        for path in &all {
            let (short, long) = on_deep_stack(|| {
                let long = inspect(path, &target, Detail::Usual);
                let glance = |last: &mut LastTypes| glance(path, &target, Checksums::Trusted, last);
                let short = glance(&mut LastTypes::default());
                // Whatever the files before it were, and with all of its types known.
                assert_eq!(glance(&mut last), short, "{}", path.display());
                assert_eq!(glance(&mut last), short, "{}", path.display());
                (short, long)
            })
            .unwrap();
            match (short, long) {
                (Ok(short), Ok(long)) => {
                    let mut long = Glance::of(long);
                    // Of these a long look tells the columns' only.
                    long.codecs.clone_from(&short.codecs);
                    assert_eq!(short, long, "{}", path.display());
                    read += 1;
                }
                (Err(short), Err(long)) => assert_eq!(short, long, "{}", path.display()),
                (short, long) => panic!("{}: {short:?} {long:?}", path.display()),
            }
        }
        assert!(read > 30, "only {read} of {}", all.len());
    }
}
