//! What a revised file takes over of the one that it came from is what it would read itself.

use crate::h5::checksum::lookup3;
use crate::h5::{File, Object, ObjectKind, Region, RegionKind, RelAddr, Result, Source};
use crate::h5::{Trace, Visitor};
use crate::julia::TypeTable;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// A file of some hundred objects and types.
fn bytes() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path.join("../../tests/data/mera/e4b-none/output_00021.jld2")).unwrap()
}

fn file(bytes: Vec<u8>) -> File {
    File::from_source(Source::from_bytes(bytes)).unwrap()
}

#[derive(Default)]
struct Met {
    objects: Vec<RelAddr>,
    types: Vec<RelAddr>,
    regions: Vec<Region>,
}

impl Visitor for Met {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        self.objects.push(object.addr());
        if let ObjectKind::Datatype(_) = &object.kind {
            self.types.push(object.addr());
        }
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.regions.push(region);
        Ok(())
    }
}

fn met(file: &File) -> Met {
    let mut met = Met::default();
    Trace::run(file, &mut met).unwrap();
    met
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// The value or the error, in words.
fn told<T: Debug>(found: Result<Arc<T>>) -> String {
    found.map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
}

#[test]
fn what_is_the_same_is_taken_over() {
    let old = file(bytes());
    let met = met(&old);
    let before = TypeTable::recording(&old);
    let objects: Vec<_> = met.objects.iter().map(|addr| old.object(*addr).unwrap()).collect();
    let types: Vec<_> = met.types.iter().map(|addr| before.committed(*addr).unwrap()).collect();
    assert!(objects.len() > 100 && types.len() > 40);
    // Something behind the end does not matter.
    let mut longer = bytes();
    longer.push(7);
    let new = old.revised(Source::from_bytes(longer)).unwrap();
    let after = TypeTable::revised(&new, before.known());
    for object in &objects {
        assert!(Arc::ptr_eq(object, &new.object(object.addr()).unwrap()));
    }
    for committed in &types {
        assert!(Arc::ptr_eq(committed, &after.committed(committed.addr).unwrap()));
    }
    // A table that took nothing down has nothing to give.
    let before = TypeTable::new(&old);
    before.committed(types[0].addr).unwrap();
    let after = TypeTable::revised(&new, before.known());
    assert!(!Arc::ptr_eq(&types[0], &after.committed(types[0].addr).unwrap()));
}

#[test]
fn a_changed_header_is_read_again_with_its_own_checksum_or_a_wrong_one() {
    let old = file(bytes());
    for addr in met(&old).objects.into_iter().step_by(11) {
        let object = old.object(addr).unwrap();
        for chunk in &object.header.chunks {
            for place in (chunk.offset..chunk.end()).step_by(5) {
                for mended in [false, true] {
                    let mut changed = bytes();
                    changed[at(place)] ^= 0x11;
                    if mended {
                        let sum = lookup3(&changed[at(chunk.offset)..at(chunk.checksum)]);
                        changed[at(chunk.checksum)..][..4].copy_from_slice(&sum.to_le_bytes());
                    }
                    let new = old.revised(Source::from_bytes(changed.clone())).unwrap();
                    let found = new.object(addr);
                    let taken = found.as_ref().is_ok_and(|found| Arc::ptr_eq(found, &object));
                    // With its checksum put right nothing of it is changed.
                    let same = mended && place >= chunk.checksum;
                    assert_eq!(taken, same, "{addr} at {place}, {mended}");
                    assert_eq!(told(found), told(file(changed).object(addr)), "{addr} at {place}");
                }
            }
        }
    }
}

#[test]
fn types_are_what_a_new_look_gives_whatever_byte_was_changed() {
    let old = file(bytes());
    let met = met(&old);
    let before = TypeTable::recording(&old);
    let types: Vec<_> = met.types.iter().map(|addr| before.committed(*addr).unwrap()).collect();
    let (mut taken, mut read) = (0, 0);
    let told_of = |region: &&Region| region.kind != RegionKind::Superblock;
    for Region { start, end, kind } in met.regions.iter().filter(told_of) {
        // Texts stand in heaps, without checksums.
        let step = if *kind == RegionKind::Heap { 41 } else { 307 };
        for place in (*start..*end).step_by(step) {
            let mut changed = bytes();
            changed[at(place)] ^= 0x04;
            let source = Source::from_bytes(changed.clone());
            // Alike or one that came from it, what is taken over is the same.
            let new = match place % 2 {
                0 => old.revised(source).unwrap(),
                _ => File::from_source(source).unwrap().beside(&old.read_types()),
            };
            let after = match place % 2 {
                0 => TypeTable::revised(&new, before.known()),
                _ => TypeTable::beside(&new, Some(before.known())),
            };
            let fresh_file = file(changed);
            let fresh = TypeTable::new(&fresh_file);
            for committed in types.iter().step_by(3) {
                let found = after.committed(committed.addr);
                match &found {
                    Ok(found) if Arc::ptr_eq(found, committed) => taken += 1,
                    _ => read += 1,
                }
                let expected = told(fresh.committed(committed.addr));
                assert_eq!(told(found), expected, "{kind:?} at {place}");
            }
        }
    }
    assert!(taken > 1000 && read > 30, "{taken} {read}");
}

#[test]
fn a_file_takes_over_the_types_of_one_before_it_and_hands_them_on() {
    let old = file(bytes());
    let met = met(&old);
    let before = TypeTable::recording(&old);
    let types: Vec<_> = met.types.iter().map(|addr| before.committed(*addr).unwrap()).collect();
    let (mut objects, mut known) = (old.read_types(), before.known());
    drop(before);
    // Of a smaller container, too: what is used of it is looked at.
    let last = met.regions.iter().map(|region| region.end).max().unwrap();
    for more in [0, 4096, 16, 0] {
        let mut longer = bytes();
        let place = old.superblock().with_end_of_file(last + more);
        let offset = at(old.superblock().offset);
        longer[offset..][..place.len()].copy_from_slice(&place);
        longer.resize(at(last + more), 0);
        let new = file(longer).beside(&objects);
        let after = TypeTable::beside(&new, Some(known));
        for committed in &types {
            let found = after.committed(committed.addr).unwrap();
            assert!(Arc::ptr_eq(committed, &found), "{} with {more}", committed.julia_type);
        }
        (objects, known) = (new.read_types(), after.known());
    }
}
