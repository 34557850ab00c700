//! Two files by their types and values, whatever their codecs and layouts.

use super::difference::{self, What};
use super::lockstep::first_difference;
use super::model::Refusal;
use super::natural::parse;
use super::refusal;
use crate::h5::{self, Error, File, RelAddr};
use crate::julia::{Digest, Dumper, TypeTable, datasets};
use crate::report::text::{count, tame};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Differences that are named, in all and for one dataset; further ones are counted.
const MOST: usize = 1000;
const MOST_OF_ONE: usize = 5;
/// Values with a longer canonical form are compared as streams.
const KEPT: usize = 2 << 20;

/// How two files compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// One file.
    pub a: String,
    /// The other.
    pub b: String,
    /// Whether all types and values are the same.
    pub equal: bool,
    /// Datasets that both files have.
    pub compared: u64,
    /// The first differences, by path.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The dataset.
    pub path: String,
    /// Where in its value: `.scale.Mpc`, `[3]`; empty for the value itself.
    pub at: String,
    /// What differs.
    pub what: What,
    /// What there is in the one file, shortened; none if nothing, or if it has no short form.
    pub a: Option<String>,
    /// What there is in the other.
    pub b: Option<String>,
}

/// Compares the files at `a` and `b`. Values may nest deeply;
/// [`on_deep_stack`](crate::julia::on_deep_stack) is the place for this.
///
/// # Errors
/// A [`Refusal`] of the file that cannot be read. A dataset that cannot be read is a difference.
pub fn compare(a: &Path, b: &Path) -> Result<Comparison, Box<Refusal>> {
    let files = [refusal::open(a)?, refusal::open(b)?];
    let [file_a, file_b] = &files;
    let (types_a, types_b) = (TypeTable::new(file_a), TypeTable::new(file_b));
    let (in_a, in_b) = (listed(a, file_a)?, listed(b, file_b)?);
    let mut out = Comparison {
        a: a.display().to_string(),
        b: b.display().to_string(),
        equal: true,
        compared: 0,
        differences: Vec::new(),
        more: 0,
    };
    let (mut left, mut right) = (in_a.iter().peekable(), in_b.iter().peekable());
    loop {
        // Both lists are sorted by path.
        match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some((path, from)), Some((other, to))) if path == other => {
                out.compared += 1;
                out.dataset(path, (&types_a, *from), (&types_b, *to));
                left.next();
                right.next();
            }
            (Some((path, _)), other) if other.is_none_or(|(other, _)| path < other) => {
                out.add(path, "", What::Missing, [Some("a dataset".to_owned()), None]);
                left.next();
            }
            (_, Some((path, _))) => {
                out.add(path, "", What::Missing, [None, Some("a dataset".to_owned())]);
                right.next();
            }
            (Some(_), None) => break,
        }
    }
    Ok(out)
}

fn listed(path: &Path, file: &File) -> Result<Vec<(String, RelAddr)>, Box<Refusal>> {
    datasets(file).map_err(|e| Box::new(refusal::inside(path, file.source().len(), &e)))
}

type Node<'a> = (&'a TypeTable<'a>, RelAddr);

impl Comparison {
    fn add(&mut self, path: &str, at: &str, what: What, [a, b]: [Option<String>; 2]) {
        self.equal = false;
        if self.differences.len() < MOST {
            let (path, at) = (path.to_owned(), at.to_owned());
            self.differences.push(Difference { path, at, what, a, b });
        } else {
            self.more += 1;
        }
    }

    fn dataset(&mut self, path: &str, a: Node<'_>, b: Node<'_>) {
        let (a_seen, b_seen) = match (Seen::read(a), Seen::read(b)) {
            (Ok(a), Ok(b)) => (a, b),
            (a, b) => {
                let sides = [a.err(), b.err()].map(|e| e.map(|e| e.to_string()));
                return self.add(path, "", What::Unreadable, sides);
            }
        };
        if a_seen.digest == b_seen.digest {
            return;
        }
        let (Some(a_value), Some(b_value)) = (a_seen.value(), b_seen.value()) else {
            let write = |(types, addr): Node<'_>, out: &mut dyn Write| dump(types, addr, out);
            let (from_a, from_b) =
                (|out: &mut dyn Write| write(a, out), |out: &mut dyn Write| write(b, out));
            return match first_difference(&from_a, &from_b) {
                Ok(at) => self.add(path, &at.unwrap_or_default(), What::Value, [None, None]),
                Err(e) => self.add(path, "", What::Unreadable, [Some(e.to_string()), None]),
            };
        };
        let (found, more) = difference::find(&a_value, &b_value, MOST_OF_ONE);
        for f in found {
            self.add(path, &f.at, f.what, f.sides);
        }
        self.more += more;
    }
}

fn dump(types: &TypeTable<'_>, addr: RelAddr, out: &mut dyn Write) -> h5::Result<()> {
    Dumper::new(types, Digest::Xxh3).node(addr, out)
}

/// The digest of a value's canonical form, and that form if it is short.
struct Seen {
    hash: Xxh3,
    digest: u128,
    kept: Vec<u8>,
    all: bool,
}

impl Seen {
    fn read((types, addr): Node<'_>) -> h5::Result<Self> {
        let mut seen = Self { hash: Xxh3::new(), digest: 0, kept: Vec::new(), all: true };
        // A dump is made of many small pieces.
        let mut out = io::BufWriter::with_capacity(64 << 10, &mut seen);
        dump(types, addr, &mut out)?;
        out.flush().map_err(Error::output)?;
        drop(out);
        seen.digest = seen.hash.digest128();
        Ok(seen)
    }

    fn value(&self) -> Option<serde_json::Value> {
        if self.all { parse(&self.kept) } else { None }
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        if self.all && self.kept.len() + bytes.len() <= KEPT {
            self.kept.extend_from_slice(bytes);
        } else {
            self.all = false;
            self.kept = Vec::new();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = count(self.compared, "dataset");
        if self.equal {
            return writeln!(f, "equal: {compared} with the same types and values");
        }
        for d in &self.differences {
            let what = match d.what {
                What::Missing => "only on one side",
                What::Type => "another type",
                What::Shape => "another shape",
                What::Value => "another value",
                What::Sharing => "shared otherwise",
                What::Unreadable => "cannot be read",
            };
            writeln!(f, "{}{}: {what}", tame(&d.path), tame(&d.at))?;
            if let (None, None) = (&d.a, &d.b) {
                continue;
            }
            for (side, shown) in [("A", &d.a), ("B", &d.b)] {
                writeln!(f, "  {side}  {}", tame(shown.as_deref().unwrap_or("-")))?;
            }
        }
        if self.more > 0 {
            writeln!(f, "and {}", count(self.more, "further difference"))?;
        }
        writeln!(f, "different: A is {}, B is {}", tame(&self.a), tame(&self.b))
    }
}
