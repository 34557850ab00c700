//! Guesses how the parameters of a type have changed.

use super::literal::toml_text;
use super::shapes::Shape;
use crate::julia::{JuliaType, Param};
use std::collections::BTreeSet;

/// Types with more parameters are taken to have kept the first ones.
const MANY: usize = 12;

/// What a rule says of parameters, each line for itself, if there are more or fewer than before.
pub(super) fn edits(was: &Shape, is: &Shape) -> Option<Vec<String>> {
    let count = |shape: &Shape| {
        let mut counts = shape.params.iter().map(Vec::len);
        let first = counts.next().unwrap_or(0);
        counts.all(|other| other == first).then_some(first)
    };
    let (Some(before), Some(after)) = (count(was), count(is)) else {
        return Some(vec![
            "# Parameters: types of this name have not all as many, and the draft says nothing of them"
                .to_owned(),
        ]);
    };
    if before == after || was.params.is_empty() || is.params.is_empty() {
        return None;
    }
    let (kept, sure) = kept(was, is, before, after);
    let mut lines = Vec::new();
    if !sure && before > 0 && after > 0 {
        let what =
            "# A guess: which parameters have stayed is not to be seen, these being the first ones";
        lines.push(what.to_owned());
    }
    let mut edits = Vec::with_capacity(after);
    for at in 0..after {
        if let Some(old) = kept.iter().find(|(_, new)| *new == at).map(|(old, _)| old + 1) {
            edits.push(format!("{{ keep = {old} }}"));
            continue;
        }
        let (edit, told) = new_one(is, at, &kept);
        edits.push(edit);
        lines.push(told);
    }
    lines.push(format!("parameters = [{}]", edits.join(", ")));
    Some(lines)
}

/// Which parameters have stayed, by their old and new places; and whether types of both files show it.
fn kept(was: &Shape, is: &Shape, before: usize, after: usize) -> (Vec<(usize, usize)>, bool) {
    let few = before.min(after);
    let first: Vec<_> = (0..few).map(|i| (i, i)).collect();
    if before.max(after) > MANY {
        return (first, false);
    }
    let mut best: (usize, Vec<(usize, usize)>) = (0, first.clone());
    for chosen in choices(before.max(after), few) {
        let pairs: Vec<_> = if before < after {
            (0..few).zip(chosen).collect()
        } else {
            chosen.into_iter().zip(0..few).collect()
        };
        let of = |shape: &Shape, side: fn(&(usize, usize)) -> usize| -> BTreeSet<Vec<Param>> {
            let taken = |params: &Vec<Param>| {
                pairs.iter().filter_map(|pair| params.get(side(pair)).cloned()).collect()
            };
            shape.params.iter().map(taken).collect()
        };
        let both = of(was, |pair| pair.0).intersection(&of(is, |pair| pair.1)).count();
        if both > best.0 {
            best = (both, pairs);
        }
    }
    (best.1, best.0 > 0)
}

/// All ways to choose `few` of `count`, in order.
fn choices(count: usize, few: usize) -> Vec<Vec<usize>> {
    let all = 0_u32..1 << count;
    let mut out: Vec<Vec<usize>> = all
        .filter(|bits| bits.count_ones() as usize == few)
        .map(|bits| (0..count).filter(|i| bits & (1 << i) != 0).collect())
        .collect();
    out.sort();
    out
}

/// A parameter that has come, as a rule says it, and what to say of it.
fn new_one(is: &Shape, at: usize, kept: &[(usize, usize)]) -> (String, String) {
    let number = at + 1;
    let all: BTreeSet<&Param> = is.params.iter().filter_map(|params| params.get(at)).collect();
    let count = is.params.len();
    let types = if count == 1 { "the only type".to_owned() } else { format!("all {count} types") };
    let first = all.iter().next();
    if let Some(made) = made(is, at, kept) {
        let told =
            format!("# Parameter {number} follows from the others in {types} of the new file");
        return (format!("{{ made = {} }}", toml_text(&made)), told);
    }
    let Some(edit) = first.and_then(|param| written(param)) else {
        let told = format!(
            "# FILL IN parameter {number}: the new file has {} there",
            first.map_or_else(|| "nothing".to_owned(), ToString::to_string)
        );
        return ("{ int64 = 0 }".to_owned(), told);
    };
    let told = if all.len() == 1 {
        format!("# Parameter {number} is this in {types} of the new file")
    } else {
        format!(
            "# FILL IN parameter {number}: the new file has {} others there beside this one",
            all.len() - 1
        )
    };
    (edit, told)
}

fn written(param: &Param) -> Option<String> {
    Some(match param {
        Param::Int(value) => format!("{{ int64 = {} }}", i64::try_from(*value).ok()?),
        Param::Symbol(name) => format!("{{ symbol = {} }}", toml_text(name)),
        Param::Type(t) => format!("{{ type = {} }}", toml_text(&t.to_string())),
        Param::Symbols(_) | Param::Other(_) => return None,
    })
}

/// The type that a parameter is in terms of those that have stayed, if it is one in all types. Numbers in it
/// are taken for themselves where they can be.
fn made(is: &Shape, at: usize, kept: &[(usize, usize)]) -> Option<String> {
    let of = |params: &Vec<Param>, numbers: bool| {
        let Param::Type(t) = params.get(at)? else { return None };
        let names: Vec<_> = kept
            .iter()
            .filter_map(|(old, new)| Some((params.get(*new)?, old + 1)))
            .filter(|(param, _)| numbers || !matches!(param, Param::Int(_)))
            .collect();
        Some(in_terms(t, &names))
    };
    for numbers in [false, true] {
        let all: Option<BTreeSet<String>> =
            is.params.iter().map(|params| of(params, numbers)).collect();
        let mut all = all?.into_iter();
        let first = all.next().filter(|made| made.contains('$'));
        // In one type it may be so by chance, if it is no more than a parameter itself.
        if let (Some(first), None) = (first, all.next())
            && (is.params.len() > 1 || first.contains('{'))
        {
            return Some(first);
        }
    }
    None
}

/// A type in which numbers stand for these parameters.
fn in_terms(t: &JuliaType, names: &[(&Param, usize)]) -> String {
    let JuliaType::Named { name, params } = t else { return t.to_string() };
    let number = |is: &dyn Fn(&Param) -> bool| names.iter().find(|(of, _)| is(of)).map(|(_, n)| n);
    if let Some(number) = number(&|param| matches!(param, Param::Type(of) if of == t)) {
        return format!("${number}");
    }
    if params.is_empty() {
        return t.to_string();
    }
    let params = params.iter().map(|param| match param {
        Param::Type(inner) => in_terms(inner, names),
        other => match number(&|param| param == other) {
            Some(number) => format!("${number}"),
            None => other.to_string(),
        },
    });
    format!("{name}{{{}}}", params.collect::<Vec<_>>().join(","))
}
