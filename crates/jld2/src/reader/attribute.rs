//! Reads attributes of objects.

use super::File;
use crate::h5::{self, Object, Result};
use crate::julia::{DEFAULT_LIMIT, Value, ValueBuilder, Walk};
use std::sync::Arc;

/// An attribute of a dataset or a group.
#[derive(Debug, Clone)]
pub struct Attribute<'f> {
    file: &'f File,
    path: Arc<str>,
    message: Arc<h5::Attribute>,
}

/// The attributes of `object`, which stands at `path`.
pub(super) fn of<'f>(
    file: &'f File,
    path: &str,
    object: &Object,
) -> impl Iterator<Item = Attribute<'f>> + use<'f> {
    let path = Arc::from(path);
    let all: Vec<_> = object.attributes.iter().cloned().map(Arc::new).collect();
    all.into_iter().map(move |message| Attribute { file, path: Arc::clone(&path), message })
}

impl Attribute<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.message.name
    }

    /// Its value.
    ///
    /// # Errors
    /// If it is damaged, or of a type that JLD2 never writes.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let vector = file.dataset("vector_any")?;
    /// let attribute = vector.attributes().next().expect("the type of its elements");
    /// assert_eq!(attribute.name(), "julia_type");
    /// assert_eq!(attribute.value()?.to_string(), "Core.Any");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn value(&self) -> Result<Value> {
        let types = self.file.types();
        let mut builder = ValueBuilder::new(DEFAULT_LIMIT);
        Walk::new(&types)
            .attribute(&self.message, &mut builder)
            .and_then(|()| builder.finish())
            .map_err(|e| e.in_object(&self.path))
    }
}
