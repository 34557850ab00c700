//! Compares two groups, but for what is in them: the order of names, and what makes each a group.

use super::comparison::{Differences, What};
use crate::h5::{self, File, Group, Object, kind};
use crate::inspect::value_diff;
use xxhash_rust::xxh3::xxh3_64;

/// A group without the message that says where links are is none to other readers.
pub(super) fn messages(path: &str, sides: [&Object; 2], out: &mut Differences) {
    let has = |object: &Object| {
        let mut messages = object.header.messages.iter();
        messages.any(|m| matches!(m.kind, kind::LINK_INFO | kind::SYMBOL_TABLE))
    };
    let [a, b] = sides.map(has);
    if a != b {
        let said =
            |has| Some(if has { "a group" } else { "no word of where its links are" }.into());
        out.add(path, "", What::Layout, [said(a), said(b)]);
    }
}

/// Compares in which order two groups have the names that are in both.
///
/// # Errors
/// If their links cannot be read.
pub(super) fn order(
    path: &str,
    sides: [(&File, &Group); 2],
    out: &mut Differences,
) -> h5::Result<()> {
    let [a, b] = sides.map(|(file, group)| Names { file, group });
    if let Some(sides) = differing(path == "/", a, b)? {
        out.add(path, "", What::Order, sides);
    }
    Ok(())
}

/// The names in a group of a file.
#[derive(Clone, Copy)]
struct Names<'a> {
    file: &'a File,
    group: &'a Group,
}

impl<'a> Names<'a> {
    /// In order; without committed types, if the group is at the top.
    fn iter(self, top: bool) -> impl Iterator<Item = h5::Result<h5::Name>> + 'a {
        let names = self.group.links(self.file).map(|link| link.map(|link| link.into_owned().name));
        names.filter(move |name| !(top && name.as_ref().is_ok_and(|name| name == "_types")))
    }

    fn hashes(self, top: bool) -> h5::Result<Vec<u64>> {
        let hashes = self.iter(top).map(|name| name.map(|name| xxh3_64(name.as_bytes())));
        let mut hashes = hashes.collect::<h5::Result<Vec<_>>>()?;
        hashes.sort_unstable();
        Ok(hashes)
    }
}

/// Order counts among the names that both sides have. Says which comes first on either side, where
/// that differs.
fn differing(top: bool, a: Names<'_>, b: Names<'_>) -> h5::Result<Option<[Option<String>; 2]>> {
    let (mut of_a, mut of_b) = (a.iter(top), b.iter(top));
    let same = loop {
        match (of_a.next().transpose()?, of_b.next().transpose()?) {
            (None, None) => break true,
            (one, other) if one == other => {}
            _ => break false,
        }
    };
    // Mostly they are all the same.
    if same {
        return Ok(None);
    }
    let (in_a, in_b) = (a.hashes(top)?, b.hashes(top)?);
    let known = |name: &h5::Result<h5::Name>, others: &[u64]| match name {
        Ok(name) => others.binary_search(&xxh3_64(name.as_bytes())).is_ok(),
        Err(_) => true,
    };
    let common_a = a.iter(top).filter(|name| known(name, &in_b));
    let common_b = b.iter(top).filter(|name| known(name, &in_a));
    for (first, other) in common_a.zip(common_b) {
        let (first, other) = (first?, other?);
        if first != other {
            let said = |name: &str| Some(value_diff::shortened(&format!("{name} comes first")));
            return Ok(Some([said(&first), said(&other)]));
        }
    }
    Ok(None)
}
