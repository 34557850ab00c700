//! Lists the linked datasets of a file along a walk that is made for another purpose, so that no object
//! is read once more for that.

use crate::h5::{
    Budget, Edge, Error, File, Listed, Object, ObjectKind, Paths, RelAddr, Result, Visitor,
};

/// Lists what [`readable`](super::readable) lists, along a [`Trace`](crate::h5::Trace) that follows
/// everything and ends well.
///
/// A trace comes to each object once, this list has it under each of its paths. So it is given up where
/// an object is met that could have another path than the one that the walk came by: one to which several
/// links lead, or a reference and a link. In files of JLD2 those are few.
#[derive(Debug)]
pub struct DatasetsAlong<'f> {
    file: &'f File,
    budget: Budget,
    /// None once it was given up.
    paths: Option<Paths>,
    /// The group of committed types. To what it leads others do, too.
    types: Option<RelAddr>,
}

/// The path of that group.
const TYPES: &str = "/_types";

impl<'f> DatasetsAlong<'f> {
    /// Nothing of `file` was met yet.
    pub fn new(file: &'f File) -> Self {
        Self { file, budget: file.allowance(), paths: Some(Paths::default()), types: None }
    }

    /// The datasets, once the walk is over; none if they have to be listed on a walk of their own.
    pub fn finish(self) -> Option<Paths> {
        self.paths?.sorted().ok()
    }

    fn dataset(&mut self, object: &Object, path: &str) -> Result<()> {
        let Self { file, budget, paths: Some(paths), .. } = self else { return Ok(()) };
        let at = object.header.chunks.first().map_or(0, |c| c.offset);
        let listed = Listed { path: path.to_owned(), addr: object.addr(), more: Vec::new() };
        paths.push((file, budget, at), listed)
    }

    /// Whether what is at this path may be none of what is listed.
    fn is_apart(path: &str) -> bool {
        path.strip_prefix(TYPES).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Visitor for DatasetsAlong<'_> {
    fn linked(&mut self, object: &Object, path: &str) -> Result<()> {
        match object.kind {
            ObjectKind::Group(_) if path == TYPES => self.types = Some(object.addr()),
            ObjectKind::Group(_) | ObjectKind::Dataset(_) if Self::is_apart(path) => {
                self.paths = None;
            }
            // A list has two slashes behind the path of such a group, a trace one.
            ObjectKind::Group(_) if path.ends_with('/') => self.paths = None,
            // Whoever lists them is told why that is not possible.
            ObjectKind::Dataset(_) if self.dataset(object, path).is_err() => self.paths = None,
            ObjectKind::Group(_) | ObjectKind::Dataset(_) | ObjectKind::Datatype(_) => {}
        }
        Ok(())
    }

    fn linked_again(&mut self, edge: &Edge) {
        if self.types != Some(edge.from) {
            self.paths = None;
        }
    }

    fn foreign(&mut self, _: &str, error: Error) -> Result<()> {
        if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::readable;
    use super::*;
    use crate::h5::encode::{self, NewMessage};
    use crate::h5::sample::Sample;
    use crate::h5::{Datatype, Extent, Source, Trace, kind};
    use std::path::{Path, PathBuf};

    /// A dataset with this datatype and these bytes.
    fn value(sample: &mut Sample, datatype: &Datatype, bytes: &[u8]) -> RelAddr {
        sample.object(&[
            NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Scalar, &[])),
            NewMessage::new(kind::DATATYPE, 1, encode::datatype(datatype)),
            NewMessage::new(kind::LAYOUT, 0, encode::compact(bytes)),
        ])
    }

    fn seven(sample: &mut Sample) -> RelAddr {
        value(sample, &Datatype::integer(8, true), &7_u64.to_le_bytes())
    }

    /// What is listed along a walk; the list of a walk of its own is the same.
    fn along(file: &File) -> Option<Vec<Listed>> {
        let mut along = DatasetsAlong::new(file);
        Trace::run(file, &mut along).ok()?;
        let all = |paths: &Paths| paths.iter().collect::<Result<Vec<_>>>().unwrap();
        let listed = along.finish().map(|paths| all(&paths))?;
        assert_eq!(listed, all(&readable(file).unwrap()));
        Some(listed)
    }

    fn of(make: impl FnOnce(&mut Sample) -> RelAddr) -> Option<Vec<String>> {
        let mut sample = Sample::new();
        let root = make(&mut sample);
        let file = File::from_source(Source::from_bytes(sample.finish(root))).unwrap();
        let listed = along(&file)?;
        Some(listed.into_iter().map(|listed| listed.path).collect())
    }

    #[test]
    fn datasets_are_listed_and_nothing_else() {
        let listed = of(|sample| {
            let (one, two, hidden) = (seven(sample), seven(sample), seven(sample));
            let reference = value(sample, &Datatype::reference(), &hidden.0.to_le_bytes());
            let inner = sample.group(&[("two", two)]);
            let types = sample.group(&[]);
            sample.group(&[("_types", types), ("z", one), ("g", inner), ("r", reference)])
        });
        assert_eq!(listed.unwrap(), ["/g/two", "/r", "/z"]);
        // Another group may have the name of the group of types.
        let listed = of(|sample| {
            let one = seven(sample);
            let inner = sample.group(&[("_types", one)]);
            sample.group(&[("g", inner)])
        });
        assert_eq!(listed.unwrap(), ["/g/_types"]);
    }

    #[test]
    fn where_an_object_could_have_other_paths_there_is_no_list() {
        let twice = of(|sample| {
            let one = seven(sample);
            sample.group(&[("a", one), ("b", one)])
        });
        let referred = of(|sample| {
            let one = seven(sample);
            let reference = value(sample, &Datatype::reference(), &one.0.to_le_bytes());
            sample.group(&[("a", reference), ("g", one)])
        });
        let slash = of(|sample| {
            let one = seven(sample);
            let inner = sample.group(&[("one", one)]);
            sample.group(&[("g/", inner)])
        });
        let among_types = of(|sample| {
            let one = seven(sample);
            let types = sample.group(&[("one", one)]);
            sample.group(&[("_types", types)])
        });
        let no_types = of(|sample| {
            let one = seven(sample);
            sample.group(&[("_types", one)])
        });
        assert_eq!([twice, slash, among_types, no_types], [const { None }; 4]);
        // The link is met first.
        assert_eq!(referred.unwrap(), ["/a", "/g"]);
        let from_a_group = of(|sample| {
            let one = seven(sample);
            let reference = value(sample, &Datatype::reference(), &one.0.to_le_bytes());
            let inner = sample.group(&[("one", one)]);
            sample.group(&[("a", reference), ("g", inner)])
        });
        assert_eq!(from_a_group, None);
    }

    fn files(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, out);
            } else if path.extension().is_some_and(|ext| ext == "jld2") {
                out.push(path);
            }
        }
    }

    #[test]
    fn files_of_many_writers_give_the_same_list() {
        let mut all = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data"), &mut all);
        let read = |path: &PathBuf| File::open(path).ok();
        let (read, listed) = all.iter().filter_map(read).fold((0, 0), |(read, listed), file| {
            (read + 1, listed + usize::from(along(&file).is_some()))
        });
        assert!(read > 90 && listed > 50, "{listed} of {read}");
    }
}
