//! Strings of JLD2 0.1.12 to 0.3.1: n bytes that are declared as n strings of n bytes.
//!
//! No HDF5 reads them. As a scalar, which JLD2 writes from 0.3.2 on, the same bytes are one string to
//! all readers (docs/jld2-format.md, section 6.4).

use super::super::error::PlanError;
use super::super::patches::Patches;
use super::message::in_place_of;
use crate::h5::encode;
use crate::h5::{Dataset, Extent, File, Message, Object, RelAddr, TypeRef, kind};

/// The datasets that hold one.
#[derive(Debug, Default)]
pub(super) struct Strings(Vec<RelAddr>);

/// The dataspaces that are to be written.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<RelAddr>);

impl Strings {
    /// Looks into a dataset; says whether it is one.
    pub(super) fn look(&mut self, object: &Object, dataset: &Dataset) -> bool {
        let TypeRef::Inline(datatype) = &dataset.datatype else { return false };
        let old = dataset.is_old_string(datatype);
        if old && replacement(object).is_some() {
            self.0.push(object.addr());
        }
        old
    }

    pub(super) fn changes(&self) -> Changes {
        Changes(self.0.clone())
    }
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn put(
        &self,
        file: &File,
        gone: &dyn Fn(RelAddr) -> bool,
        patches: &mut Patches,
    ) -> Result<(), PlanError> {
        for &addr in self.0.iter().filter(|addr| !gone(**addr)) {
            let object = file.object(addr)?;
            if let Some((message, bytes)) = replacement(&object) {
                patches.put(addr, message.offset, bytes, "dataspace of one string");
            }
        }
        Ok(())
    }
}

/// The dataspace message, and the bytes in its place.
fn replacement(object: &Object) -> Option<(&Message, Vec<u8>)> {
    let message = object.header.of_kind(kind::DATASPACE).next()?;
    let body = encode::dataspace(Extent::Scalar, &[]);
    let bytes = in_place_of(&object.header, message, body)?;
    Some((message, bytes))
}
