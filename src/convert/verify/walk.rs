//! Checks whether a file can be read at all: what even `--verify none` asks of an output.

use crate::h5::{Error, File, Object, ObjectKind, Region, Regions, Result, Trace, Visitor};
use crate::julia::TypeTable;
use crate::migrate::Readers;

/// Reads every object of `output` that can be reached: checksums, addresses and sizes hold, types
/// can be made sense of. Gives the bytes in use, and what readers that are built on HDF5 make of the
/// datasets.
pub(super) fn walk(output: &File) -> std::result::Result<(Regions, Readers), String> {
    let (types, readers) = (TypeTable::new(output), Readers::default());
    let mut walk = Walk { types, regions: Regions::default(), readers };
    Trace::run(output, &mut walk).map_err(|e| format!("the output is damaged: {e}"))?;
    Ok((walk.regions, walk.readers))
}

struct Walk<'a> {
    types: TypeTable<'a>,
    regions: Regions,
    readers: Readers,
}

impl Visitor for Walk<'_> {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        if let ObjectKind::Datatype(_) = &object.kind {
            self.types.committed(object.addr())?;
        }
        if let ObjectKind::Dataset(dataset) = &object.kind {
            self.readers.look(self.types.file(), object, dataset)?;
        }
        Ok(())
    }

    /// An input may have some that JLD2 does not read, and they are copied as they are.
    fn foreign(&mut self, _: &str, error: Error) -> Result<()> {
        if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.regions.push(region);
        Ok(())
    }
}

/// Fails if two of `regions`, which are sorted, share a byte.
pub(super) fn disjoint(regions: &[Region]) -> std::result::Result<(), String> {
    for pair in regions.windows(2) {
        if let [a, b] = pair
            && b.start < a.end
        {
            return Err(format!(
                "two objects share bytes: {:?} at {} to {}, {:?} at {}",
                a.kind, a.start, a.end, b.kind, b.start
            ));
        }
    }
    Ok(())
}
