//! Tells how the columns of a file are encoded, and which conversions could have left them so.

use super::contents::{Contents, Linked, LinkedKind};
use crate::codec::{describe, ids};
use crate::h5::{Class, Datatype, Error, Extent, File, Object, RefPlan, Result, Trace, Visitor};
use crate::julia::{TypeTable, Value, Walk};
use crate::migrate::Request;
use crate::migrate::literal::Literal;
use crate::migrate::target::{Encoding, Target};
use std::collections::BTreeMap;

/// A filter: its number and client values.
type Filter = (u16, Vec<u32>);

/// The columns of a file by their filters: how many there are of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Encodings(BTreeMap<Vec<Filter>, u64>);

/// What is expected of the codec objects of a new file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Codecs {
    /// They are the old ones, or what rules make of them, and columns stay as they are where the
    /// target can read them.
    Kept,
    /// They name the encoding of all columns.
    Name(Literal),
}

/// Codec objects that take more memory do not occur, in bytes.
const MAX_OBJECT: usize = 1 << 16;

struct Columns<'a> {
    file: &'a File,
    out: Encodings,
}

impl Visitor for Columns<'_> {
    // What cannot be read is told where values are compared.
    fn foreign(&mut self, _: &str, error: Error) -> Result<()> {
        if error.is_foreign() { Ok(()) } else { Err(error) }
    }

    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        let Some(dataset) = object.dataset() else { return Ok(()) };
        let datatype = self.file.resolve(&dataset.datatype)?;
        // What JLD2 compresses: arrays, with elements, of a type of fixed size.
        let column = dataset.dataspace.extent == Extent::Simple
            && !matches!(datatype.class, Class::String)
            && datatype.size > 0
            && dataset.dataspace.elements().is_some_and(|n| n > 0)
            && plan(&datatype)?.is_some_and(|plan| plan.is_empty());
        if column {
            let steps = dataset.filters.iter().map(|f| (f.id, f.client.clone())).collect();
            *self.out.0.entry(steps).or_default() += 1;
        }
        Ok(())
    }
}

/// Where elements refer to others; none if JLD2 does not read such elements.
fn plan(datatype: &Datatype) -> Result<Option<RefPlan>> {
    match RefPlan::new(datatype) {
        Ok(plan) => Ok(Some(plan)),
        Err(error) if error.is_foreign() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What undoes a filter that makes data smaller; shuffling does not.
fn codec(steps: &[Filter]) -> Option<&Filter> {
    steps.iter().find(|(id, _)| *id != ids::SHUFFLE)
}

/// Whether the target can decode what these filters give.
fn readable(target: &Target, steps: &[Filter]) -> bool {
    steps.iter().all(|(id, client)| target.misread(*id, target.taken(*id, client)).is_none())
}

/// The filters without the client values that the target does not take, which a conversion leaves out.
fn taken(target: &Target, steps: &[Filter]) -> Vec<Filter> {
    let taken = |(id, client): &Filter| {
        (*id, client.iter().take(target.taken(*id, client)).copied().collect())
    };
    steps.iter().map(taken).collect()
}

fn encodings(id: u16) -> &'static [Encoding] {
    match id {
        ids::DEFLATE => &[Encoding::Deflate],
        ids::LZ4 => &[Encoding::Lz4, Encoding::Lz4Frame],
        ids::ZSTD => &[Encoding::Zstd],
        _ => &[],
    }
}

impl Encodings {
    /// Those of all columns that can be reached.
    ///
    /// # Errors
    /// If anything that can be reached is damaged or foreign.
    pub(super) fn of(file: &File) -> Result<Self> {
        let mut columns = Columns { file, out: Self::default() };
        Trace::run(file, &mut columns)?;
        Ok(columns.out)
    }

    /// The different codecs.
    fn codecs(&self) -> Vec<&Filter> {
        let mut codecs: Vec<_> = self.0.keys().filter_map(|steps| codec(steps)).collect();
        codecs.sort();
        codecs.dedup();
        codecs
    }

    /// For people: `lz4`, `bzip2 and zstd`; columns without a codec count where there are no others.
    pub(super) fn describe(&self) -> String {
        let mut names: Vec<_> = self.codecs().iter().map(|(id, _)| describe(*id)).collect();
        names.dedup();
        if names.is_empty() { "none".to_owned() } else { names.join(" and ") }
    }

    /// Whether a conversion that keeps what the target can read leaves the columns of `old` so. What
    /// it cannot read is encoded again, or stored plain where it would have grown, so that columns
    /// without a filter do not count.
    pub(super) fn kept(&self, old: &Self, target: &Target) -> bool {
        let mut left = self.0.clone();
        let mut anew = 0;
        for (steps, count) in old.0.iter().filter(|(steps, _)| !steps.is_empty()) {
            if !readable(target, steps) {
                anew += count;
                continue;
            }
            // As they were or put right; where a header has no room for that, encoded anew.
            let fewer = taken(target, steps);
            let there = |steps: &&Vec<Filter>| left.get(*steps).is_some_and(|n| n >= count);
            match [steps, &fewer].into_iter().find(there) {
                Some(steps) => {
                    left.entry(steps.clone()).and_modify(|there| *there -= count);
                }
                None if fewer != *steps => anew += count,
                None => return false,
            }
        }
        left.retain(|steps, count| !steps.is_empty() && *count > 0);
        let fallback = target.codec.default;
        let fits = |steps: &Vec<Filter>| {
            codec(steps).is_none_or(|(id, _)| encodings(*id).contains(&fallback))
        };
        left.keys().all(fits) && left.values().sum::<u64>() <= anew
    }
}

/// What codec objects of a new file may be expected to say, the likeliest first. They have to agree
/// with how its columns are encoded; where these tell nothing (none, or all would have grown), every
/// encoding of the target is possible, at its own level or at one that the objects themselves name.
pub(super) fn expected(
    target: &Target,
    old: &Encodings,
    new: &Encodings,
    levels: &[i64],
) -> Vec<Codecs> {
    let mut named: Vec<Literal> = Vec::new();
    let mut add = |encoding, level| {
        if let Some(object) = target.codec.object(encoding, level)
            && !named.contains(&object)
        {
            named.push(object);
        }
    };
    match new.codecs().as_slice() {
        [] => {
            for encoding in target.codec.objects.keys() {
                add(*encoding, None);
                levels.iter().for_each(|level| add(*encoding, Some(*level)));
            }
        }
        [(id, client)] => {
            let level = target.level_in(*id, client);
            encodings(*id).iter().for_each(|encoding| add(*encoding, level));
        }
        // Conversions that encode columns anew give all the same codec.
        _ => {}
    }
    let named = named.into_iter().map(Codecs::Name);
    // Rules may take objects away that held columns, so that numbers tell nothing yet.
    let before = old.codecs();
    let anew = old.0.keys().any(|steps| !readable(target, steps));
    let fallback = |id| anew && encodings(id).contains(&target.codec.default);
    let mut after = new.codecs().into_iter();
    if after.all(|step| before.contains(&step) || fallback(step.0)) {
        std::iter::once(Codecs::Kept).chain(named).collect()
    } else {
        named.chain([Codecs::Kept]).collect()
    }
}

impl Codecs {
    /// The conversion that makes such a file.
    pub(super) fn request(&self, flat_links: bool) -> Request {
        match self {
            Self::Kept => Request { flat_links, ..Request::default() },
            Self::Name(object) => {
                let codec = Some(object.clone());
                Request { rewriting: true, codec, flat_links, ..Request::default() }
            }
        }
    }
}

/// The codec objects of a file by path; an error where the list cannot be read any more.
pub(super) fn objects<'l>(
    target: &'l Target,
    contents: &'l Contents,
) -> impl Iterator<Item = Result<Linked>> + 'l {
    let is_one = |linked: &Linked| {
        linked.kind == LinkedKind::Dataset
            && linked.path.ends_with("/compression")
            && target.codec.at.iter().any(|at| at.matches(&linked.path))
    };
    contents.iter().filter(move |linked| linked.as_ref().map_or(true, is_one))
}

/// The levels that the codec objects of a file name; one that cannot be read names none, and is told
/// where it is compared.
///
/// # Errors
/// If the list of objects cannot be read any more.
pub(super) fn levels(
    target: &Target,
    types: &TypeTable<'_>,
    contents: &Contents,
) -> Result<Vec<i64>> {
    let mut out = Vec::new();
    for object in objects(target, contents) {
        let object = object?;
        let value = Value::read(&Walk::new(types), object.addr, MAX_OBJECT).ok();
        for name in target.codec.objects.values().filter_map(|object| object.level.as_ref()) {
            let level = value.as_ref().and_then(|v| v.field(name)).and_then(Value::as_i64);
            out.extend(level.filter(|level| !out.contains(level)));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Filters of columns, with their client values.
    type Pipeline = &'static [(u16, &'static [u32])];

    fn encodings_of(columns: &[(Pipeline, u64)]) -> Encodings {
        let steps = |pipeline: Pipeline| -> Vec<Filter> {
            pipeline.iter().map(|(id, client)| (*id, client.to_vec())).collect()
        };
        Encodings(columns.iter().map(|(pipeline, count)| (steps(pipeline), *count)).collect())
    }

    fn target() -> Target {
        Target::builtin("mera-1.9").unwrap()
    }

    const LZ4: Pipeline = &[(ids::LZ4, &[5])];
    const BZIP2: Pipeline = &[(ids::BZIP2, &[5])];
    const ZSTD: Pipeline = &[(ids::SHUFFLE, &[8]), (ids::ZSTD, &[7])];

    #[test]
    fn what_the_target_reads_is_kept_and_the_rest_encoded_anew() {
        let target = target();
        let old = encodings_of(&[(LZ4, 3), (BZIP2, 2), (&[], 1)]);
        assert!(!old.kept(&old, &target), "bzip2 cannot stay");
        let new = encodings_of(&[(LZ4, 3), (&[(ids::LZ4, &[1 << 30])], 1), (&[], 2)]);
        assert!(new.kept(&old, &target));
        assert!(!encodings_of(&[(LZ4, 3), (ZSTD, 2), (&[], 1)]).kept(&old, &target));
        assert!(!encodings_of(&[(LZ4, 2), (&[], 4)]).kept(&old, &target), "one LZ4 is gone");
        assert!(!encodings_of(&[(LZ4, 6)]).kept(&old, &target), "one LZ4 too many");
    }

    #[test]
    fn codec_objects_follow_the_columns() {
        let target = target();
        let old = encodings_of(&[(LZ4, 3)]);
        let zstd = target.codec.object(Encoding::Zstd, Some(7)).unwrap();
        let new = encodings_of(&[(ZSTD, 2), (&[], 1)]);
        assert_eq!(expected(&target, &old, &new, &[]), [Codecs::Name(zstd), Codecs::Kept]);
        let lz4 = target.codec.object(Encoding::Lz4, None).unwrap();
        assert_eq!(expected(&target, &old, &old, &[]), [Codecs::Kept, Codecs::Name(lz4)]);
        let mixed = encodings_of(&[(ZSTD, 2), (LZ4, 1)]);
        assert_eq!(expected(&target, &old, &mixed, &[]), [Codecs::Kept]);
        // All columns would have grown: only the object knows.
        let plain = encodings_of(&[(&[], 3)]);
        let deflate = target.codec.object(Encoding::Deflate, Some(9)).unwrap();
        assert!(expected(&target, &old, &plain, &[9]).contains(&Codecs::Name(deflate)));
        assert_eq!(mixed.describe(), "lz4 and zstd");
    }
}
