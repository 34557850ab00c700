//! Makes files for tests: a real one with more in it.

use super::TypeTable;
use crate::h5::{File, ObjectKind, RelAddr, Source};
use crate::julia::builder::{Build, FieldStyle, ObjectRef};
use std::path::Path;

/// A real file with what `make` builds appended; gives its bytes and the address of the object made.
pub(super) fn grown(make: impl FnOnce(&mut Build<'_>) -> ObjectRef) -> (Vec<u8>, RelAddr) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/mera/real-mera-1.9/output_00001.jld2");
    let mut bytes = std::fs::read(path).unwrap();
    let file = File::from_source(Source::from_bytes(bytes.clone())).unwrap();
    let links = |addr| {
        let object = file.object(addr).unwrap();
        let ObjectKind::Group(group) = &object.kind else { panic!() };
        group.held.clone()
    };
    let types = links(file.superblock().root).into_iter().find(|l| l.name == "_types").unwrap();
    let committed: Vec<_> = links(types.target).iter().map(|l| l.target).collect();
    let table = TypeTable::new(&file);
    let mut build = Build::new(&table, &committed, FieldStyle::Datatypes).unwrap();
    let made = make(&mut build);
    let superblock = file.superblock().clone();
    let start = superblock.end_of_file.next_multiple_of(8);
    let done = build.finish(start, &[]);
    bytes.resize(usize::try_from(start).unwrap(), 0);
    bytes.extend(&done.bytes);
    let head = superblock.with_end_of_file(bytes.len() as u64);
    let at = usize::try_from(superblock.offset).unwrap();
    bytes[at..at + head.len()].copy_from_slice(&head);
    match made {
        ObjectRef::New(n) => (bytes, done.addresses[n]),
        ObjectRef::Existing(addr) => (bytes, addr),
    }
}
