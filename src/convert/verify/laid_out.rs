//! Whether a file that was laid out afresh without any plan of conversion holds what it was laid out
//! from.

use super::bytes::{self, Problem, Replaced};
use super::expected::Ticker;
use super::{content, graph, walk};
use crate::convert::Observer;
use crate::convert::rewrite::Rewritten;
use crate::h5::File;
use crate::julia::{Digest, Dumper, TypeTable, listed};
use crate::migrate::Along;
use std::fs;

/// The disk gives back what was written.
pub(in crate::convert) fn written_back(
    file: &fs::File,
    written: &Rewritten,
    observer: &dyn Observer,
) -> Result<(), String> {
    let len = file.metadata().map_err(|e| format!("the output cannot be read back: {e}"))?.len();
    let tick = Ticker::new(len, observer);
    let zeros = vec![0; written.head.len()];
    let replaced = [Replaced { offset: 0, old: &zeros, new: &written.head }];
    let sums = bytes::Written::Summed(&written.sums, None);
    let compared = bytes::compare(file, len, &replaced, &[], sums, &|bytes| tick.tick(bytes));
    compared.map_err(|problem| match problem {
        Problem::Differs(_, what) => what,
        Problem::Output(at, e) | Problem::Input(at, e) => {
            format!("the output cannot be read back at offset {at}: {e}")
        }
        Problem::Made(e) => e.to_string(),
        Problem::Stopped => "cancelled".to_owned(),
    })
}

/// `output` has the same objects, references, types, shapes and values as `from`, and no two objects
/// of it share bytes. Gives the datasets whose values cannot be read on either side, and why.
pub(in crate::convert) fn same_file(
    from: &File,
    output: &File,
    observer: &dyn Observer,
) -> Result<Vec<(String, String)>, String> {
    let mut graph = graph::Comparison::new(from, output);
    let along = Along::default().with_regions().with_objects_for(&mut graph);
    let (along, _) = walk::walk(output, along)?;
    walk::disjoint(&along.into_regions())?;
    graph.finish()?;
    let sides = [from, output];
    let [before, after] = sides.map(|file| listed(file).map_err(|e| e.to_string()));
    let (before, after) = (before?, after?);
    let mut same = before.len() == after.len();
    for (was, is) in before.iter().zip(&after) {
        same &= was.map_err(|e| e.to_string())?.path == is.map_err(|e| e.to_string())?.path;
    }
    if !same {
        return Err("the output has other datasets than planned".to_owned());
    }
    let tick = Ticker::new(from.superblock().end_of_file, observer);
    let tick = |bytes| tick.tick(bytes);
    let types = sides.map(TypeTable::new);
    let [old, new] = [&types[0], &types[1]];
    let old = Dumper::new(old, Digest::Xxh3).with_progress(&tick);
    let new = Dumper::new(new, Digest::Xxh3);
    let mut unread = Vec::new();
    for (was, is) in before.iter().zip(&after) {
        let (was, is) = (was.map_err(|e| e.to_string())?, is.map_err(|e| e.to_string())?);
        let (path, addr, new_addr) = (was.path, was.addr, is.addr);
        let was = content::digest(&old, addr);
        if observer.cancelled() {
            return Err("cancelled".to_owned());
        }
        match (was, content::digest(&new, new_addr)) {
            (Ok(was), Ok(is)) if was == is => {}
            (Ok(_), Ok(_)) => return Err(format!("{path}: the output holds another value")),
            // What no value can be made of is kept all the same, and told.
            (Err(error), Err(_)) => unread.push((path, error.to_string())),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => {
                return Err(format!("{path}: the output holds another value: {error}"));
            }
        }
    }
    Ok(unread)
}
