//! Reads all that a file holds, and says what of it cannot be read.

use super::contents::{Contents, LinkedKind};
use super::model::Refusal;
use super::seen::Seen;
use super::unreadable;
use crate::h5::{self, Checksums, ErrorKind};
use crate::julia::{Digest, Digests, Dumper, TypeTable};
use crate::text::shortened;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Datasets that are told one by one, and characters of what is said of each.
const MOST: usize = 20;
const MOST_TEXT: usize = 400;

/// What came of reading all of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Linked datasets that were read with all that they lead to.
    pub datasets: u64,
    /// The first of those that could not be read, and why.
    pub damaged: Vec<DamagedDataset>,
    /// Others that could not be read.
    pub more: u64,
}

/// A dataset that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedDataset {
    /// Its path.
    pub path: String,
    /// What is wrong, and where.
    pub error: String,
}

impl Health {
    /// Datasets that could not be read.
    pub fn failed(&self) -> u64 {
        self.more.saturating_add(self.damaged.len() as u64)
    }
}

/// Reads and decodes all data of the file at `path`, `progress` being told of logical bytes. What is
/// stored without a filter and without a checksum can be read whatever its bytes are.
///
/// Values may nest deeply; [`on_deep_stack`](crate::julia::on_deep_stack) is the place for this.
///
/// # Errors
/// A [`Refusal`], if its structure cannot be read; `Ok(None)` if `progress` has it end.
pub fn health(
    path: &Path,
    checksums: Checksums,
    progress: &dyn Fn(u64) -> h5::Result<()>,
) -> Result<Option<Health>, Box<Refusal>> {
    let file = unreadable::open_with(path, checksums)?;
    let inside = |error: h5::Error| Box::new(unreadable::inside(path, file.source().len(), &error));
    let types = TypeTable::new(&file);
    let digests = Digests::default();
    let mut health = Health::default();
    for linked in Contents::of(&file).map_err(inside)?.iter() {
        let linked = linked.map_err(inside)?;
        if linked.kind != LinkedKind::Dataset || linked.same.is_some() {
            continue;
        }
        let dumper =
            Dumper::new(&types, Digest::Xxh3).with_digests(&digests).with_progress(progress);
        match Seen::read(&dumper, &types, linked.addr) {
            Ok(_) => health.datasets += 1,
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled) => return Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::Scratch { .. }) => {
                return Err(inside(error));
            }
            Err(error) if health.damaged.len() < MOST => health.damaged.push(DamagedDataset {
                path: shortened(&linked.path, MOST_TEXT),
                error: shortened(&error.to_string(), MOST_TEXT),
            }),
            Err(_) => health.more += 1,
        }
    }
    Ok(Some(health))
}
