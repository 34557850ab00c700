//! Checks whether a file can be read at all: what even `--verify none` asks of an output.

use crate::h5::{Error, File, Object, ObjectKind, Region, Result, Trace, Visitor};
use crate::julia::TypeTable;
use crate::migrate::{Along, Readers};

/// Reads every object of `output` that can be reached: checksums, addresses and sizes hold, types
/// can be made sense of. Gives what `along` takes down, and what readers that are built on HDF5 make
/// of the datasets.
pub(super) fn walk<'a>(
    output: &'a File,
    along: Along<'a>,
) -> std::result::Result<(Along<'a>, Readers), String> {
    let mut walk = Walk { types: TypeTable::new(output), along, readers: Readers::default() };
    Trace::run(output, &mut walk).map_err(|e| format!("the output is damaged: {e}"))?;
    Ok((walk.along, walk.readers))
}

struct Walk<'a> {
    types: TypeTable<'a>,
    along: Along<'a>,
    readers: Readers,
}

impl Visitor for Walk<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        self.along.object(object, path)?;
        if let ObjectKind::Datatype(_) = &object.kind {
            self.types.committed(object.addr())?;
        }
        if let ObjectKind::Dataset(dataset) = &object.kind {
            self.readers.look(self.types.file(), object, dataset)?;
        }
        Ok(())
    }

    fn foreign(&mut self, path: &str, error: Error) -> Result<()> {
        self.along.foreign(path, error)
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.along.region(region)
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
