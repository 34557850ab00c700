//! What a later JLD2 session relies on in a migrated file, read as its edit list would leave it:
//! types numbered without a gap and all of them named, groups and new datasets that end in the room
//! that JLD2 overwrites when it adds, replaced objects out of reach, and no byte used twice.
//!
//! Looks at the files in `tests/data/mera` and, where it is there, at the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

use crate::real::real_files;
use jldconv::h5::{
    Edge, EdgeKind, File, Object, ObjectKind, Region, RegionKind, RelAddr, Result, Source, Trace,
    Visitor, kind,
};
use jldconv::julia::TypeTable;
use jldconv::migrate::{self, Migration, target::Target};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// All that a walk over a file meets.
#[derive(Default)]
struct Walk {
    objects: BTreeMap<RelAddr, Object>,
    edges: Vec<Edge>,
    regions: Vec<Region>,
}

impl Walk {
    fn over(file: &File) -> Self {
        let mut walk = Self::default();
        Trace::run(file, &mut walk).unwrap();
        walk
    }

    fn links(&self, group: RelAddr) -> Vec<(String, RelAddr)> {
        match &self.objects[&group].kind {
            ObjectKind::Group(g) => g.held.iter().map(|l| (l.name.to_string(), l.target)).collect(),
            _ => panic!("{group} is not a group"),
        }
    }

    fn types(&self, file: &File) -> Vec<(String, RelAddr)> {
        let root = self.links(file.superblock().root);
        self.links(root.iter().find(|(name, _)| name == "_types").unwrap().1)
    }
}

impl Visitor for Walk {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        self.objects.insert(object.addr(), object.clone());
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        self.edges.push(edge);
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.regions.push(region);
        Ok(())
    }
}

/// Whether an object's last chunk ends in the filler of 20 bytes.
fn has_room(object: &Object) -> bool {
    let last = object.header.chunks.len() - 1;
    let end = object.header.chunks[last].checksum;
    let message = object.header.messages.iter().rfind(|m| m.chunk == last).unwrap();
    message.kind == kind::NIL && message.len == 16 && message.body + 16 == end
}

/// The file as its migration would leave it.
fn migrated(path: &Path, migration: &Migration) -> Option<File> {
    let edits = migration.edits.as_ref()?;
    let source = edits.laid_over(Source::open(path).unwrap());
    Some(File::from_source(source).unwrap())
}

fn check(path: &Path, old: &File, new: &File, migration: &Migration) {
    let name = path.display();
    let (before, after) = (Walk::over(old), Walk::over(new));
    let old_end = old.superblock().end_of_file;
    assert_eq!(new.superblock().end_of_file, new.source().len(), "{name}");

    let (old_types, types) = (before.types(old), after.types(new));
    for (i, (number, _)) in types.iter().enumerate() {
        assert_eq!(*number, format!("{:08}", i + 1), "{name}");
    }
    assert!(types.len() >= old_types.len(), "{name}: a type has lost its name");
    let named: BTreeSet<_> = types.iter().map(|(_, addr)| *addr).collect();
    assert_eq!(named.len(), types.len(), "{name}: a type has two names");
    let table = TypeTable::new(new);
    for edge in &after.edges {
        if matches!(edge.kind, EdgeKind::DatasetType | EdgeKind::AttributeType) {
            assert!(named.contains(&edge.target), "{name}: {} has no name", edge.target);
        }
    }
    for addr in &named {
        let fields = &table.committed(*addr).unwrap().fields;
        for field in fields.iter().filter_map(|f| f.committed) {
            assert!(named.contains(&field), "{name}: {field} has no name");
        }
    }

    for object in after.objects.values() {
        let at = object.header.chunks[0].offset;
        match &object.kind {
            ObjectKind::Group(_) => assert!(has_room(object), "{name}: group at {at}"),
            ObjectKind::Dataset(_) if at >= old_end => {
                assert!(has_room(object), "{name}: dataset at {at}");
            }
            ObjectKind::Dataset(_) | ObjectKind::Datatype(_) => {}
        }
    }

    // Whatever referred to a replaced object refers to its successor; what was shared stays so.
    let by_place: BTreeMap<_, _> = after.edges.iter().map(|e| (e.at, e.target)).collect();
    let mut successors = BTreeMap::<RelAddr, RelAddr>::new();
    for old in migration.overrides.objects.keys() {
        assert!(before.objects.contains_key(old), "{name}: {old} was not there");
        assert!(!after.objects.contains_key(old), "{name}: {old} is still there");
    }
    for edge in &before.edges {
        if !migration.overrides.objects.contains_key(&edge.target) {
            continue;
        }
        let to = by_place[&edge.at];
        assert!(new.offset(to, "object").unwrap() >= old_end, "{name}: {to} is not new");
        assert_eq!(*successors.entry(edge.target).or_insert(to), to, "{name}: no longer shared");
    }
    assert_eq!(successors.len(), migration.overrides.objects.len(), "{name}");
    let apart: BTreeSet<_> = successors.values().collect();
    assert_eq!(apart.len(), successors.len(), "{name}: two objects became one");

    let mut regions = after.regions.clone();
    regions.sort_by_key(|r| (r.start, r.end));
    regions.dedup();
    for pair in regions.windows(2) {
        assert!(pair[0].end <= pair[1].start, "{name}: {:?} and {:?}", pair[0], pair[1]);
    }
    for region in &regions {
        assert!(region.end <= new.source().len(), "{name}: {region:?}");
        assert!(region.kind != RegionKind::Heap || region.start % 8 == 0, "{name}: {region:?}");
    }
}

#[test]
fn migrated_files_can_be_appended_to() {
    let target = Target::builtin(Target::default_name()).unwrap();
    let mut changed = 0;
    for path in real_files(&["mera"]) {
        let old = File::open(&path).unwrap();
        let migration = migrate::plan(&old, &target, false).unwrap();
        if let Some(new) = migrated(&path, &migration) {
            check(&path, &old, &new, &migration);
            changed += 1;
        }
    }
    assert!(changed >= 9, "only {changed} files changed");
}
