//! Reads what JLD2 makes up for types that it cannot resolve, where that was saved again
//! (JLD2 0.5 and 0.6, `src/data/reconstructing_datatypes.jl`).
//!
//! `JLD2.ReconstructedMutable{N,FN,NT}` holds its values as a `Vector{Any}`,
//! `JLD2.ReconstructedStatic{N,FN,NT}` as a named tuple; N is the name of the type as a symbol,
//! without its module and with its parameters as Julia prints them, FN the names of the fields, NT a
//! tuple of their types.

use super::type_text::{ParamText, TypeText};
use crate::julia::{JuliaType, NewName, NewParam, Param};

/// What every session has for objects without a type of their own.
const NAMED_TUPLE: &str = "Core.NamedTuple";

/// What a leftover tells of the type that it was.
pub(super) struct Leftover<'t> {
    /// Its name, as Julia prints it.
    pub(super) name: &'t str,
    /// The names of its fields.
    pub(super) names: &'t [String],
}

impl<'t> Leftover<'t> {
    /// What the type tells; none if it is not a leftover's.
    pub(super) fn of(t: &'t JuliaType) -> Option<Self> {
        if !is_leftover(t.name()) {
            return None;
        }
        match t.params() {
            [Param::Symbol(name), Param::Symbols(names), ..] => Some(Self { name, names }),
            _ => None,
        }
    }
}

/// Whether a full name is that of a type that JLD2 makes up, and gives parameters to.
pub(super) fn is_leftover(name: &str) -> bool {
    matches!(name, "JLD2.ReconstructedMutable" | "JLD2.ReconstructedStatic")
}

/// What the leftover of the type `t` was called; a `*` in `to` stands for the name that it tells.
pub(super) fn new_name(t: &JuliaType, to: &str) -> Option<NewName> {
    let text = TypeText::parse(Leftover::of(t)?.name)?;
    if text.name == "NamedTuple" || to == NAMED_TUPLE {
        // The parameters of the leftover say it better.
        let params = vec![NewParam::Stored(1), NewParam::Stored(2)];
        return Some(NewName { name: NAMED_TUPLE.to_owned(), params: Some(params) });
    }
    let full = |t: &TypeText| full(t, to);
    let params = text.params.iter().map(|p| NewParam::Value(p.to_param(&full)));
    let bare = text.name.rsplit('.').next().unwrap_or_default();
    Some(NewName { name: to.replace('*', bare), params: Some(params.collect()) })
}

/// A type among the parameters: a leftover, too, or one whose name Julia prints in full.
fn full(t: &TypeText, to: &str) -> JuliaType {
    if is_leftover(&t.name)
        && let Some(ParamText::Value(Param::Symbol(name))) = t.params.first()
        && let Some(text) = TypeText::parse(name)
    {
        let params = text.params.iter().map(|p| p.to_param(&|t| full(t, to))).collect();
        return JuliaType::Named { name: to.replace('*', &text.name), params };
    }
    let inner = t.plainly(&|t| full(t, to));
    match inner {
        // What Julia prints without a module is of `Main`.
        JuliaType::Named { name, params } if !name.contains('.') => {
            JuliaType::Named { name: format!("Main.{name}"), params }
        }
        other => other,
    }
}
