//! Changes in the bytes of a file that leave it sound: whatever header they are in gets the
//! checksum that goes with them.

use jldconv::h5::checksum::lookup3;
use jldconv::h5::{Edge, EdgeKind, File, Object, ObjectKind, RelAddr, Result, Trace, Visitor};
use jldconv::julia::{Column, Digest, Dumper, TypeTable};
use std::fs;
use std::path::Path;

/// Start, checksum of each piece of a header.
#[derive(Default)]
struct Headers(Vec<(u64, u64)>);

impl Visitor for Headers {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        self.0.extend(object.header.chunks.iter().map(|c| (c.offset, c.checksum)));
        Ok(())
    }
}

/// Puts `bytes` at `offset` of the file.
pub(crate) fn poke(path: &Path, offset: u64, bytes: &[u8]) {
    let mut headers = Headers::default();
    Trace::run(&File::open(path).unwrap(), &mut headers).unwrap();
    let mut all = fs::read(path).unwrap();
    let place = |at: u64| usize::try_from(at).unwrap();
    all[place(offset)..place(offset) + bytes.len()].copy_from_slice(bytes);
    mend(&mut all, offset, &headers.0);
    fs::write(path, all).unwrap();
}

/// Gives the header that `offset` is in the checksum that goes with it; `headers` are where each starts,
/// and where its checksum is.
pub(crate) fn mend(all: &mut [u8], offset: u64, headers: &[(u64, u64)]) {
    let place = |at: u64| usize::try_from(at).unwrap();
    for &(start, checksum) in headers {
        if (start..checksum).contains(&offset) {
            let sum = lookup3(&all[place(start)..place(checksum)]);
            all[place(checksum)..place(checksum) + 4].copy_from_slice(&sum.to_le_bytes());
        }
    }
}

/// The address of what `path` leads to, and the offset of the last link's name.
pub(crate) fn find(file: &File, path: &str) -> (RelAddr, u64) {
    let mut found = (file.superblock().root, 0);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let object = file.object(found.0).unwrap();
        let group = match &object.kind {
            ObjectKind::Group(group) => Some(group),
            ObjectKind::Dataset(_) | ObjectKind::Datatype(_) => None,
        };
        let link = group.unwrap().held.iter().find(|l| l.name == name).unwrap();
        // The name stands in front of the address.
        found = (link.target, link.at - name.len() as u64);
    }
    found
}

/// The offset of the data of the dataset at `path`.
pub(crate) fn data_offset(file: &File, path: &str) -> u64 {
    let object = file.object(find(file, path).0).unwrap();
    file.stored_offset(object.dataset().unwrap()).unwrap().unwrap()
}

#[derive(Default)]
struct Edges(Vec<Edge>);

impl Visitor for Edges {
    fn edge(&mut self, edge: Edge) -> Result<()> {
        self.0.push(edge);
        Ok(())
    }
}

/// References from the data of the object at one path to objects that equal, but are not, those
/// which the object at another path refers to: where each stands, and the other's address.
pub(crate) fn equal_references(file: &File, from: &str, other: &str) -> Vec<(u64, RelAddr)> {
    let mut edges = Edges::default();
    Trace::run(file, &mut edges).unwrap();
    let of = |path: &str| -> Vec<Edge> {
        let addr = find(file, path).0;
        let of = |e: &&Edge| e.from == addr && e.kind == EdgeKind::DataReference;
        edges.0.iter().filter(of).copied().collect()
    };
    let types = TypeTable::new(file);
    let value = |addr| {
        let mut out = Vec::new();
        Dumper::new(&types, Digest::Xxh3).node(addr, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let mut found = Vec::new();
    for mine in of(from) {
        let text = value(mine.target);
        // Only objects with an identity can be shared.
        if !text.contains("\"id\":1") {
            continue;
        }
        let equal =
            of(other).into_iter().find(|o| o.target != mine.target && value(o.target) == text);
        found.extend(equal.map(|o| (mine.at, o.target)));
    }
    found
}

/// Offset of the largest array of unfiltered floats, and how many there are.
pub(crate) fn floats(file: &File) -> (u64, u64) {
    struct Largest<'a>(&'a File, (u64, u64));
    impl Visitor for Largest<'_> {
        fn object(&mut self, object: &Object, _: &str) -> Result<()> {
            let Some(dataset) = object.dataset() else { return Ok(()) };
            let datatype = self.0.resolve(&dataset.datatype)?;
            let float = matches!(datatype.class, jldconv::h5::Class::Float { .. });
            if float && datatype.size == 8 && dataset.filters.is_empty() {
                let column = Column::new(self.0, dataset, &datatype)?;
                if column.len() / 8 > self.1.1 {
                    self.1 = (column.offset(), column.len() / 8);
                }
            }
            Ok(())
        }
    }
    let mut largest = Largest(file, (0, 0));
    Trace::run(file, &mut largest).unwrap();
    largest.1
}
