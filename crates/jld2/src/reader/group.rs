//! Reads groups: names that lead to datasets and to other groups.

use super::{Attribute, Dataset, File, attribute};
use crate::h5::{Error, Group as Links, Link, Object, ObjectKind, Result, SymbolicLink};
use std::sync::Arc;

/// A group of a file.
#[derive(Debug, Clone)]
pub struct Group<'f> {
    file: &'f File,
    /// Empty for the root.
    path: String,
    object: Arc<Object>,
}

/// What a name in a group leads to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Item<'f> {
    /// A group.
    Group(Group<'f>),
    /// A dataset.
    Dataset(Dataset<'f>),
    /// A committed type, at this path.
    Type(String),
}

impl Item<'_> {
    /// Where it stands.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let item = file.get("group/d")?.expect("a dataset");
    /// assert_eq!(item.path(), "/group/d");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn path(&self) -> &str {
        match self {
            Self::Group(group) => group.path(),
            Self::Dataset(dataset) => dataset.path(),
            Self::Type(path) => path,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Group(_) => "a group",
            Self::Dataset(_) => "a dataset",
            Self::Type(_) => "a committed type",
        }
    }
}

impl<'f> Group<'f> {
    /// The group `object`, which stands at `path` and holds all its links.
    pub(super) fn new(file: &'f File, path: String, object: Arc<Object>) -> Self {
        Self { file, path, object }
    }

    fn links(&self) -> &[Link] {
        match &self.object.kind {
            ObjectKind::Group(Links { held, .. }) => held,
            _ => &[],
        }
    }

    /// Its soft and external links, which lead to names instead of objects. They are not among
    /// [`keys`](Self::keys), and never followed.
    pub fn symbolic_links(&self) -> impl Iterator<Item = &SymbolicLink> {
        let links = match &self.object.kind {
            ObjectKind::Group(Links { symbolic, .. }) => symbolic.as_slice(),
            _ => &[],
        };
        links.iter()
    }

    /// Links without the committed types, which JLD2 keeps in the root group.
    fn shown(&self) -> impl Iterator<Item = &Link> {
        let root = self.path.is_empty();
        self.links().iter().filter(move |link| !root || link.name != "_types")
    }

    /// Its path: `/` for the root group.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The names in it, in the order of writing.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert_eq!(file.group("group")?.keys().collect::<Vec<_>>(), ["d"]);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.shown().map(|link| link.name.as_str())
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.shown().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stands at `path` from here on, names with `/` between them; none if nothing does.
    ///
    /// # Errors
    /// If an object on the way is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let group = file.group("group")?;
    /// assert!(group.get("d")?.is_some() && group.get("e")?.is_none());
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn get(&self, path: &str) -> Result<Option<Item<'f>>> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let mut here = Item::Group(self.clone());
        for (i, name) in names.iter().enumerate() {
            let Item::Group(group) = &here else { return Ok(None) };
            if let Some(link) = group.link(name) {
                here = group.follow(link)?;
                continue;
            }
            // HDF5 has no names with a slash in them, but a file may: what keys tell can be read.
            let rest = names.get(i..).unwrap_or_default().join("/");
            return group.link(&rest).map(|link| group.follow(link)).transpose();
        }
        Ok(Some(here))
    }

    /// The link of this name.
    fn link(&self, name: &str) -> Option<&Link> {
        let position = self.file.groups().position(&self.object, name)?;
        self.links().get(position)
    }

    fn follow(&self, link: &Link) -> Result<Item<'f>> {
        let path = format!("{}/{}", self.path, link.name);
        if let Some(group) = self.file.groups().get(link.target) {
            return Ok(Item::Group(Self::new(self.file, path, group)));
        }
        let container = self.file.container();
        let object = container.object(link.target).and_then(|object| container.with_links(object));
        let object = object.map_err(|e| e.in_object(&path))?;
        Ok(match &object.kind {
            ObjectKind::Group(_) => Item::Group(Self::new(self.file, path, object)),
            ObjectKind::Dataset(_) => Item::Dataset(Dataset::new(self.file, path, object)?),
            ObjectKind::Datatype(_) => Item::Type(path),
        })
    }

    fn absolute(&self, path: &str) -> String {
        format!("{}/{}", self.path, path.trim_matches('/'))
    }

    fn other(&self, path: &str, want: &str, found: Option<&Item<'_>>) -> Error {
        let error = match found {
            Some(item) => {
                let at = self.object.header.chunks.first().map_or(0, |c| c.offset);
                Error::other_kind(at, format!("a {want}"), item.kind())
            }
            None => Error::not_found(want),
        };
        error.in_object(&self.absolute(path))
    }

    /// The group at `path` from here on.
    ///
    /// # Errors
    /// If there is none, or an object on the way is damaged.
    pub fn group(&self, path: &str) -> Result<Group<'f>> {
        match self.get(path)? {
            Some(Item::Group(group)) => Ok(group),
            other => Err(self.other(path, "group", other.as_ref())),
        }
    }

    /// The dataset at `path` from here on.
    ///
    /// # Errors
    /// If there is none, or an object on the way is damaged.
    pub fn dataset(&self, path: &str) -> Result<Dataset<'f>> {
        match self.get(path)? {
            Some(Item::Dataset(dataset)) => Ok(dataset),
            other => Err(self.other(path, "dataset", other.as_ref())),
        }
    }

    /// All that is in it, in the order of writing.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let mut groups = 0;
    /// for item in file.root().iter() {
    ///     groups += usize::from(matches!(item?, jld2::Item::Group(_)));
    /// }
    /// assert_eq!(groups, 1);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Result<Item<'f>>> {
        self.shown().map(|link| self.follow(link))
    }

    /// Its attributes. JLD2 writes none on groups; HDF5 can.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'f>> {
        attribute::of(self.file, self.path(), &self.object)
    }
}
