//! Checks whether a file can be read at all: what even `--verify none` asks of an output.

use crate::h5::{File, Object, ObjectKind, Region, Result, Trace, Visitor};
use crate::julia::TypeTable;

/// Reads every object of `output` that can be reached: checksums, addresses and sizes hold, types
/// can be made sense of. Gives the bytes in use.
pub(super) fn walk(output: &File) -> std::result::Result<Vec<Region>, String> {
    let mut walk = Walk { types: TypeTable::new(output), regions: Vec::new() };
    Trace::run(output, &mut walk).map_err(|e| format!("the output is damaged: {e}"))?;
    Ok(walk.regions)
}

struct Walk<'a> {
    types: TypeTable<'a>,
    regions: Vec<Region>,
}

impl Visitor for Walk<'_> {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        if let ObjectKind::Datatype(_) = &object.kind {
            self.types.committed(object.addr())?;
        }
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.regions.push(region);
        Ok(())
    }
}

/// Sorts `regions`, of which no two may share a byte.
pub(super) fn disjoint(regions: &mut [Region]) -> std::result::Result<(), String> {
    regions.sort_by_key(|r| (r.start, r.end));
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
