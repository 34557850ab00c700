//! Keeps of each file what is asked for when all were looked into, in little memory: an archive may
//! have 100,000.

use super::list::{ScanFile, ScanFiles};
use super::task::{FileScan, Found, Seen};
use crate::inspect::Action;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What is kept of the files of a scan.
#[derive(Debug, Default)]
pub struct Kept {
    /// Whether what is to do is wanted; else it is not kept.
    to_do: bool,
    /// Whether rows of tables are wanted, likewise.
    tables: bool,
    /// Places of files to patch.
    patch: Vec<u32>,
    /// Places of files to lay out again.
    rewrite: Vec<u32>,
    rows: Vec<Row>,
    /// What many files have in common, by its JSON.
    common: HashMap<Box<str>, Arc<Found>>,
}

/// What was found out about one file.
#[derive(Debug)]
struct Row {
    place: u32,
    common: Arc<Found>,
    output: Option<i64>,
    datasets: u64,
    bytes_data: u64,
}

impl Kept {
    /// For an estimate if `to_do`, for tables if `tables`.
    pub fn new(to_do: bool, tables: bool) -> Self {
        Self { to_do, tables, ..Self::default() }
    }

    /// Takes in what was found out about the file at `place`.
    pub fn add(&mut self, place: usize, found: &Found) {
        let Ok(place) = u32::try_from(place) else { return };
        let glance = match found {
            Ok(FileScan { seen: Seen::Read(glance), .. }) => Some(glance),
            _ => None,
        };
        match glance.map(|glance| &glance.action).filter(|_| self.to_do) {
            Some(Action::Patch { .. }) => self.patch.push(place),
            Some(Action::Rewrite { .. }) => self.rewrite.push(place),
            Some(Action::Nothing | Action::Refuse { .. }) | None => {}
        }
        if !self.tables {
            return;
        }
        let (output, datasets, bytes_data) =
            glance.map_or((None, 0, 0), |it| (it.output, it.datasets, it.bytes_data));
        let common = self.intern(common(found));
        self.rows.push(Row { place, common, output, datasets, bytes_data });
    }

    fn intern(&mut self, found: Found) -> Arc<Found> {
        // What has no JSON stands alone.
        let Ok(json) = serde_json::to_string(&found) else { return Arc::new(found) };
        Arc::clone(self.common.entry(json.into()).or_insert_with(|| Arc::new(found)))
    }

    /// How many files have a row.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The files that have a row, with what tables tell of them, in their order: of `files`, which
    /// they are of. Findings are not among that, nor what a patch appends.
    pub fn table(&self, files: &ScanFiles) -> impl Iterator<Item = (ScanFile, Found)> {
        self.rows.iter().filter_map(|row| {
            let file = files.get(usize::try_from(row.place).ok()?)?;
            let mut found = (*row.common).clone();
            if let Ok(FileScan { seen: Seen::Read(glance), .. }) = &mut found {
                glance.bytes = file.bytes;
                (glance.output, glance.datasets) = (row.output, row.datasets);
                glance.bytes_data = row.bytes_data;
            }
            Some((file, found))
        })
    }

    /// Paths and sizes of files to patch, and of those to lay out again.
    pub(super) fn to_do(&self, files: &ScanFiles) -> [Vec<(PathBuf, u64)>; 2] {
        [&self.patch, &self.rewrite].map(|places| {
            let file = |place: &u32| files.0.jobs.get(usize::try_from(*place).ok()?);
            let named = places.iter().filter_map(file);
            named.map(|job| (job.input.clone(), job.bytes)).collect()
        })
    }
}

/// What files of one kind have in common.
fn common(found: &Found) -> Found {
    let mut common = found.clone();
    if let Ok(FileScan { seen: Seen::Read(glance), .. }) = &mut common {
        (glance.findings, glance.verdict.run) = (Vec::new(), None);
        (glance.bytes, glance.bytes_data, glance.datasets) = (0, 0, 0);
        glance.output = None;
        if let Action::Patch { bytes_appended, bytes_replaced, places } = &mut glance.action {
            (*bytes_appended, *bytes_replaced, *places) = (0, 0, 0);
        }
    }
    common
}
