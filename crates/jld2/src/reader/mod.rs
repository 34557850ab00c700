//! Reads files by path: groups, datasets, attributes and the columns of tables.

mod attribute;
mod cache;
mod dataset;
mod group;
mod known_groups;
mod numbers;
mod scan;
mod table;

use crate::h5::{self, Error, Result};
use crate::julia::{KnownTypes, TypeTable, datasets};
use known_groups::KnownGroups;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use attribute::Attribute;
pub use cache::{CacheUsage, ChunkCache};
pub use dataset::Dataset;
pub use group::{Group, Item};
pub use scan::{NumberSlice, NumberType, Rows, Scan};
pub use table::Table;

/// The number of the next file.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// An open JLD2 file.
///
/// Opening reads a few hundred bytes; everything else is read when it is asked for. A file can be
/// used by several threads at once.
///
/// ```
/// let file = jld2::File::open("tests/data/dicts.jld2")?;
/// assert!(file.root().keys().any(|name| name == "group"));
/// let numbers = file.dataset("plain")?.read::<i64>()?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), jld2::Error>(())
/// ```
#[derive(Debug)]
pub struct File {
    container: h5::File,
    root: Arc<h5::Object>,
    types: Arc<KnownTypes>,
    groups: KnownGroups,
    /// Tells the files of a process apart.
    number: u64,
}

impl File {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is not a JLD2 file.
    ///
    /// ```
    /// assert!(jld2::File::open("tests/data/dicts.jld2").is_ok());
    /// let error = jld2::File::open("Cargo.toml").unwrap_err();
    /// assert!(error.to_string().starts_with("not a JLD2 file"), "{error}");
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_container(h5::File::open(path.as_ref())?)
    }

    /// Reads a file that lies in memory.
    ///
    /// # Errors
    /// If it is not a JLD2 file.
    ///
    /// ```
    /// let bytes = std::fs::read("tests/data/dicts.jld2").expect("readable");
    /// let file = jld2::File::from_bytes(bytes)?;
    /// assert_eq!(file.dataset("group/d")?.path(), "/group/d");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::from_container(h5::File::from_source(h5::Source::from_bytes(bytes))?)
    }

    /// Reads through an open container.
    ///
    /// # Errors
    /// If its root group is damaged.
    pub fn from_container(container: h5::File) -> Result<Self> {
        let root = container.object(container.superblock().root)?;
        if !matches!(root.kind, h5::ObjectKind::Group(_)) {
            let at = container.offset(container.superblock().root, "root group")?;
            return Err(Error::corrupt(at, "root", "a group", "another object"));
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { container, root, types: Arc::default(), groups: KnownGroups::default(), number })
    }

    /// What tells it apart from the other files of the process.
    fn number(&self) -> u64 {
        self.number
    }

    /// The groups that paths led through.
    fn groups(&self) -> &KnownGroups {
        &self.groups
    }

    /// The types of the file; each is read once.
    fn types(&self) -> TypeTable<'_> {
        TypeTable::with_known(&self.container, Arc::clone(&self.types))
    }

    /// The container, for those who want to know where in the file things stand.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert_eq!(file.container().superblock().base, 512);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn container(&self) -> &h5::File {
        &self.container
    }

    /// The root group.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// assert_eq!(file.root().path(), "/");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn root(&self) -> Group<'_> {
        Group::new(self, String::new(), Arc::clone(&self.root))
    }

    /// What stands at `path`, names with `/` between them; none if nothing does.
    ///
    /// # Errors
    /// If a group on the way is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert!(matches!(file.get("/group")?, Some(jld2::Item::Group(_))));
    /// assert!(file.get("/group/none")?.is_none());
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn get(&self, path: &str) -> Result<Option<Item<'_>>> {
        self.root().get(path)
    }

    /// The group at `path`.
    ///
    /// # Errors
    /// If there is none, or a group on the way is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert_eq!(file.group("group")?.len(), 1);
    /// let error = file.group("plain").unwrap_err();
    /// assert!(error.to_string().contains("asked for a group, found a dataset"), "{error}");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn group(&self, path: &str) -> Result<Group<'_>> {
        self.root().group(path)
    }

    /// The dataset at `path`.
    ///
    /// # Errors
    /// If there is none, or a group on the way is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let error = file.dataset("/group/x").unwrap_err();
    /// assert_eq!(error.to_string(), "/group/x: there is no dataset");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn dataset(&self, path: &str) -> Result<Dataset<'_>> {
        self.root().dataset(path)
    }

    /// The paths of all datasets, sorted; the file's committed types are left out.
    ///
    /// # Errors
    /// If a group is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert!(file.dataset_paths()?.contains(&"/group/d".to_owned()));
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn dataset_paths(&self) -> Result<Vec<String>> {
        Ok(datasets(&self.container)?.into_iter().map(|(path, _)| path).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::ObjectKind;

    fn shared<T: Send + Sync>() {}

    #[test]
    fn a_type_is_read_once() {
        let file = File::open("tests/data/structs.jld2").unwrap();
        let added = file.dataset("added").unwrap();
        let datatype = added.object().dataset().unwrap().datatype.clone();
        let h5::TypeRef::Shared { addr, .. } = datatype else { unreachable!("a struct") };
        let first = file.types().committed(addr).unwrap();
        assert!(added.julia_type().is_ok());
        assert!(Arc::ptr_eq(&first, &file.types().committed(addr).unwrap()));
    }

    #[test]
    fn a_group_is_read_once() {
        let file = File::open("tests/data/dicts.jld2").unwrap();
        let ObjectKind::Group(root) = &file.root.kind else { unreachable!("a group") };
        let addr = root.links.iter().find(|link| link.name == "group").unwrap().target;
        assert!(file.groups().get(addr).is_none(), "no path led through it");
        assert!(file.get("group/d").unwrap().is_some());
        let known = file.groups().get(addr).unwrap();
        assert!(file.get("group/d").unwrap().is_some() && file.get("group/e").unwrap().is_none());
        assert!(Arc::ptr_eq(&known, &file.groups().get(addr).unwrap()));
    }

    #[test]
    fn readers_can_be_used_by_several_threads() {
        shared::<File>();
        shared::<Group<'static>>();
        shared::<Dataset<'static>>();
        shared::<Table<'static>>();
        shared::<Attribute<'static>>();
        shared::<Scan<'static>>();
        shared::<ChunkCache>();
        shared::<crate::Value>();
        shared::<Error>();
    }
}
