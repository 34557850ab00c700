//! Prints a file's values, or those below a path: as canonical JSON, or for a person.

use super::columns::{self, Named};
use super::model::Refusal;
use super::show_value::value;
use super::unread::is_one_objects;
use crate::convert::help;
use crate::h5::{Checksums, Error, ErrorKind, File, ObjectKind, until_error};
use crate::inspect::unreadable;
use crate::inspect::value_builder::abridged;
use crate::julia::{Digest, Dumper, Entry, Linked, Paths, TypeTable, linked};
use crate::text::tame;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

/// Elements that a person is shown of each array and dictionary.
const ELEMENTS: u64 = 8;
/// A dataset whose values take more, even so, is not shown.
const MOST: usize = 4 << 20;
/// Names that are offered where a path leads nowhere.
const OFFERED: usize = 12;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The canonical JSON.
    Json,
    /// A tree, with the first elements of arrays.
    Text,
}

/// Why values could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The file is not readable as JLD2.
    #[error("{}: {}", .0.path, .0.error)]
    Refused(Box<Refusal>),
    /// There is nothing at this path.
    #[error("{file}: there is no {path}; {known}")]
    NoSuchPath {
        /// The file.
        file: String,
        /// The path asked for.
        path: String,
        /// What there is instead.
        known: String,
    },
    /// A value is damaged.
    #[error("{file}: {source}{}", help(source))]
    Read {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: Error,
    },
    /// All is written but some objects.
    #[error("{file}: {} left out: {}", objects(.left_out.len()), listed(.left_out))]
    LeftOut {
        /// The file.
        file: String,
        /// Why each of them cannot be read.
        left_out: Vec<Error>,
    },
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Writes the values of the file at `path`, all or those at and below `below`. Values may nest
/// deeply; [`on_deep_stack`](crate::julia::on_deep_stack) is the place for this.
///
/// # Errors
/// If the file cannot be read, the path leads nowhere, or `out` fails.
pub fn dump(
    path: &Path,
    below: Option<&str>,
    form: Form,
    out: &mut dyn Write,
) -> Result<(), DumpError> {
    dump_with(path, below, form, Checksums::Trusted, out)
}

/// As [`dump`], with checksums that decide or not.
///
/// # Errors
/// If the file cannot be read, the path leads nowhere, or `out` fails.
pub fn dump_with(
    path: &Path,
    below: Option<&str>,
    form: Form,
    checksums: Checksums,
    out: &mut dyn Write,
) -> Result<(), DumpError> {
    let file = unreadable::open_any(path, checksums);
    let file = file.map_err(|refusal| DumpError::Refused(Box::new(refusal)))?;
    let name = path.display().to_string();
    let failed = |source: Error| DumpError::of(&name, source);
    let types = TypeTable::new(&file);
    let Linked { datasets, symbolic, foreign } = match below {
        None => linked(&file).map_err(failed)?,
        Some(below) => chosen(&file, &name, below)?,
    };
    let mut left_out: Vec<Error> = foreign.into_iter().map(|(_, error)| error).collect();
    let mut unread = |error: Error| {
        if !is_one_objects(&error) {
            return Err(error);
        }
        left_out.push(error);
        Ok(())
    };
    let mut lost = None;
    let mut objects = until_error(&datasets, &mut lost).peekable();
    let mut links = symbolic.iter().peekable();
    // Both are sorted by path.
    let entries = std::iter::from_fn(|| match (objects.peek(), links.peek()) {
        (Some(object), link) if link.is_none_or(|(path, _)| object.path <= *path) => {
            objects.next().map(|object| (object.path, Entry::Object(object.addr)))
        }
        _ => links.next().map(|(path, to)| (path.clone(), Entry::Link(to))),
    });
    match form {
        Form::Json => {
            let dumper = Dumper::new(&types, Digest::Sha256);
            dumper.entries(entries, out, &mut |_, error| unread(error)).map_err(failed)?;
        }
        Form::Text => {
            for (path, entry) in entries {
                match entry {
                    Entry::Object(addr) => match abridged(&types, addr, ELEMENTS, MOST) {
                        Ok(node) => out.write_all(value(&path, node.as_ref()).as_bytes())?,
                        Err(error) => unread(error.in_object(&path)).map_err(failed)?,
                    },
                    Entry::Link(to) => {
                        writeln!(out, "{} -> {}", tame(&path), tame(&to.to_string()))?;
                    }
                }
            }
        }
    }
    out.flush()?;
    drop(objects);
    if let Some(error) = lost {
        return Err(failed(error));
    }
    if left_out.is_empty() { Ok(()) } else { Err(DumpError::LeftOut { file: name, left_out }) }
}

fn objects(count: usize) -> String {
    if count == 1 { "1 object is".to_owned() } else { format!("{count} objects are") }
}

fn listed(errors: &[Error]) -> String {
    let mut listed: Vec<_> = errors.iter().take(OFFERED).map(ToString::to_string).collect();
    if errors.len() > OFFERED {
        listed.push(format!("{} more", errors.len() - OFFERED));
    }
    listed.join("; ")
}

impl DumpError {
    fn of(file: &str, source: Error) -> Self {
        match source.kind() {
            // A broken pipe must be known as such.
            ErrorKind::Output(e) => Self::Output(io::Error::new(e.kind(), e.to_string())),
            _ => Self::Read { file: file.to_owned(), source },
        }
    }

    /// Whether whoever read the output went away, as `head` does.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Some of these names, with a sign that there are more.
fn some(mut names: Vec<String>) -> String {
    let more = if names.len() > OFFERED { ", …" } else { "" };
    names.truncate(OFFERED);
    format!("{}{more}", names.join(", "))
}

/// The name of a table in a group of Mera's data: `hydro/rho` is its column, too.
const TABLE: &str = "data";

/// What is at and below a path; behind a table, the column of this name.
fn chosen(file: &File, name: &str, below: &str) -> Result<Linked, DumpError> {
    let failed = |source: Error| DumpError::of(name, source);
    let mut addr = file.superblock().root;
    let mut path = String::new();
    let steps: Vec<&str> = below.split('/').filter(|step| !step.is_empty()).collect();
    for (i, step) in steps.iter().copied().enumerate() {
        let nothing = |known: String| DumpError::NoSuchPath {
            file: name.to_owned(),
            path: format!("/{}", below.trim_matches('/')),
            known,
        };
        let shown = if path.is_empty() { "/" } else { &path };
        let object = file.object(addr).map_err(failed)?;
        let ObjectKind::Group(group) = &object.kind else {
            let rest = steps.get(i..).unwrap_or_default();
            return match columns::named(file, addr, rest).map_err(failed)? {
                Named::Column(addr) => {
                    let path = format!("{path}/{}", rest.join("/"));
                    Ok(Linked { datasets: Paths::one(path, addr), ..Linked::default() })
                }
                Named::NoColumn(names) => {
                    Err(nothing(format!("{shown} is a table with {}", some(names))))
                }
                Named::NoTable => Err(nothing(format!("{shown} is a dataset"))),
            };
        };
        let Some(link) = group.find_shown(file, step).map_err(failed)? else {
            if let Some(link) = group.symbolic.iter().find(|l| l.name.as_str() == step) {
                let found = format!("{shown} has {step} -> {}, which is not followed", link.to);
                return Err(nothing(found));
            }
            // A column of the group's table, as the tools that read numbers take it.
            if steps.len() == i + 1
                && let Some(table) = group.find_shown(file, TABLE).map_err(failed)?
                && let Ok(Named::Column(addr)) = columns::named(file, table.target, &[step])
            {
                let path = format!("{path}/{TABLE}/{step}");
                return Ok(Linked { datasets: Paths::one(path, addr), ..Linked::default() });
            }
            // The first by name.
            let mut names = BTreeSet::new();
            for link in group.links(file) {
                names.insert(link.map_err(failed)?.name.to_string());
                if names.len() > OFFERED + 1 {
                    names.pop_last();
                }
            }
            let names = names.into_iter().collect();
            return Err(nothing(format!("{shown} has {}", some(names))));
        };
        addr = link.target;
        path = format!("{path}/{step}");
    }
    if !matches!(file.object(addr).map_err(failed)?.kind, ObjectKind::Group(_)) {
        return Ok(Linked { datasets: Paths::one(path, addr), ..Linked::default() });
    }
    let inside = format!("{path}/");
    let mut all = linked(file).map_err(failed)?;
    all.datasets = all.datasets.only(|path| path.starts_with(&inside)).map_err(failed)?;
    all.symbolic.retain(|(path, _)| path.starts_with(&inside));
    all.foreign.retain(|(path, _)| path.starts_with(&inside));
    Ok(all)
}
