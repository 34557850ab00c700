//! Filters with more client values than the target takes, put right where they stand.
//!
//! HDF5 hands a filter as many values as stand in the file, and its plugins look at those they know.
//! JLD2 up to 0.6.5 builds a filter of all of them, and fails on one more than the filter has settings.

use super::finding::{Finding, Findings, Remedy, Severity, When};
use super::patches::Patches;
use super::target::Target;
use crate::h5::{Object, RelAddr, Result, kind, with_fewer_values};
use std::sync::Arc;

/// Pipelines that lose the values that the target does not take.
#[derive(Debug, Default)]
pub(super) struct ClientValues {
    /// The object, the absolute offset of the message's body, and its new bytes.
    messages: Vec<(RelAddr, u64, Vec<u8>)>,
    /// The first dataset, with what is left out of which filter.
    first: Option<(Arc<str>, String)>,
}

impl ClientValues {
    /// Looks into a dataset.
    ///
    /// # Errors
    /// If its filter pipeline is damaged.
    pub(super) fn look(&mut self, object: &Object, target: &Target, path: &str) -> Result<()> {
        let Some(dataset) = object.dataset() else { return Ok(()) };
        let excess = |id, client: &[u32]| client.len() > target.taken(id, client);
        let Some(filter) = dataset.filters.iter().find(|f| excess(f.id, &f.client)) else {
            return Ok(());
        };
        for message in object.header.of_kind(kind::FILTER_PIPELINE) {
            let mut c = object.header.cursor(message, "filter pipeline");
            let fewer = with_fewer_values(&mut c, &|id, client| target.taken(id, client))?;
            let Some(fewer) = fewer else { continue };
            self.messages.push((object.addr(), message.body, fewer));
            self.first.get_or_insert_with(|| {
                let known = target.filter(filter.id).map_or("a filter", |known| &known.name);
                let text = format!(
                    "data filtered with {known} (id {}): the target fails on {} client values; those \
                     that it does not know are left out, which changes nothing for other readers",
                    filter.id,
                    filter.client.len()
                );
                (Arc::from(path), text)
            });
        }
        Ok(())
    }

    /// Whether this dataset's pipeline is put right.
    pub(super) fn mends(&self, addr: RelAddr) -> bool {
        self.messages.last().is_some_and(|(last, ..)| *last == addr)
    }

    /// Whether there is nothing to be put right.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Puts it right.
    pub(super) fn put(&self, patches: &mut Patches) {
        for (owner, body, bytes) in &self.messages {
            patches.put(*owner, *body, bytes.clone(), "client values of a filter");
        }
    }

    /// Tells it.
    pub(super) fn tell(&self, findings: &mut Findings) {
        let Some((place, text)) = &self.first else { return };
        findings.add(Finding {
            severity: Severity::Failure,
            object: place.to_string(),
            julia_type: None,
            rule: None,
            text: text.clone(),
            said: None,
            printed: 0,
            count: self.messages.len() as u64,
            remedy: Remedy::Repair,
            when: When::Load,
        });
    }
}
