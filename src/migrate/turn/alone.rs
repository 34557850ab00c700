//! Types that rules turn and of which a file has no values: what their names tell.

use super::turned::{Row, Turned, Turns, new_name};
use crate::h5::{self, EdgeKind, RelAddr};
use crate::julia::{JuliaType, NewName, Param, TypeTable, columns_in, named_tuple};
use crate::migrate::error::PlanError;
use crate::migrate::references::References;
use crate::migrate::rule::{Action, Member, MemberKind, Seen, Way};
use crate::migrate::survey::Survey;
use crate::migrate::target::Target;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether values of a type would be arrays of so many dimensions, and the fields of their elements: a
/// named tuple tells both.
pub(super) fn row_of(t: &JuliaType) -> Option<(Row, usize)> {
    let t = columns_in(t).unwrap_or(t);
    let [Param::Symbols(names), Param::Type(tuple)] = t.params() else { return None };
    let arrays = tuple.tuple_elements().filter(|_| t.is_named_tuple())?;
    let mut ranks = BTreeSet::new();
    let mut fields = Vec::with_capacity(names.len());
    for (name, array) in names.iter().zip(arrays) {
        let ("Core.Array" | "Core.Core.Array", [Param::Type(element), Param::Int(rank)]) =
            (array.name(), array.params())
        else {
            return None;
        };
        ranks.insert(usize::try_from(*rank).ok()?);
        fields.push((name.clone(), element.clone()));
    }
    let rank = ranks.pop_first().filter(|_| ranks.is_empty())?;
    (fields.len() == names.len()).then_some((fields, rank))
}

impl<'r> Turns<'r> {
    /// Decides what becomes of structs of arrays of which there is no value: where their names stand
    /// somewhere, these are turned if they tell what to.
    pub(super) fn settle_alone(
        &mut self,
        types: &TypeTable<'_>,
        survey: &Survey,
        alone: &[RelAddr],
    ) -> Result<(), PlanError> {
        if alone.is_empty() {
            return Ok(());
        }
        let found = References::find(types, survey, alone.iter().copied().collect())?;
        for &addr in alone {
            let Some(turned) = self.types.get_mut(&addr) else { continue };
            let edges = found.edges.get(&addr).map(Vec::as_slice).unwrap_or_default();
            let named = edges.iter().find(|edge| edge.kind == EdgeKind::HeapReference);
            let t = turned.committed.julia_type.clone();
            let place = match named {
                Some(edge) => Some(place_of(survey, edge.from)),
                None => value_of(types, survey, &t)?,
            };
            match (row_of(&t), place) {
                (Some((row, rank)), place) => {
                    turned.alone = Some(row);
                    turned.rank = rank;
                    turned.first = place;
                    turned.named = named.is_some();
                }
                (None, Some(place)) => {
                    return Err(PlanError::unsupported(&place, &turned.rule.id, unknown(&t)));
                }
                // Nothing is left to turn.
                (None, None) => drop(self.types.remove(&addr)),
            }
        }
        Ok(())
    }

    /// Types whose names alone are turned where they are parameters.
    pub(in crate::migrate) fn named(&self) -> impl Iterator<Item = (RelAddr, &Turned<'r>)> {
        self.types.iter().filter(|(_, turned)| turned.named).map(|(addr, turned)| (*addr, turned))
    }
}

/// What a type is called of which the file has neither values nor a description, if a rule turns it, or
/// arrays of it, and the rule; or why that cannot be told.
pub(in crate::migrate) fn called_alone(
    target: &Target,
    t: &JuliaType,
    rewriting: bool,
) -> Option<(Result<NewName, String>, String)> {
    let (way, of) = match (t.name(), t.params()) {
        ("Core.Array" | "Core.Core.Array", [Param::Type(element), Param::Int(_)]) => {
            (Way::Columns, element)
        }
        _ => (Way::Rows, t),
    };
    let params: Vec<_> = of.params().iter().map(ToString::to_string).collect();
    let params: Vec<_> = params.iter().map(String::as_str).collect();
    let row = row_of(of).filter(|_| way == Way::Rows);
    let members: Vec<_> = row
        .iter()
        .flat_map(|(fields, _)| fields)
        .map(|(name, _)| Member { name, content: true, kind: MemberKind::Other })
        .collect();
    let seen = Seen {
        type_name: of.name(),
        parameters: &params,
        members: &members,
        places: &[],
        rewriting,
    };
    target.rules.iter().find_map(|rule| {
        let Action::Turn(turn) = &rule.action else { return None };
        let fits =
            if row.is_some() { rule.matches(&seen) } else { rule.is_for(of.name(), &params) };
        if turn.way != way || !fits {
            return None;
        }
        let unnamed = turn.follows();
        let to = match (way, &row) {
            (Way::Columns, _) if unnamed => Err(unknown(t)),
            (Way::Columns, _) => Ok(turn.to.clone()),
            (Way::Rows, None) => Err(unknown(t)),
            (Way::Rows, Some((fields, rank))) => {
                let row = if turn.to.is_named_tuple() {
                    named_tuple(fields.iter().cloned())
                } else {
                    turn.to.clone()
                };
                Ok(JuliaType::array(row, *rank))
            }
        };
        Some((to.map(|to| new_name(&to)), rule.id.clone()))
    })
}

fn unknown(t: &JuliaType) -> String {
    format!(
        "the type {t} is a parameter or a value, and what it would be cannot be told from its name, \
         since the file has none of its values"
    )
}

fn place_of(survey: &Survey, addr: RelAddr) -> Arc<str> {
    match survey.uses.get(&addr) {
        Some((_, place)) => Arc::clone(place),
        None => Arc::from("/_types"),
    }
}

/// Where the type stands as a value, if it does.
fn value_of(types: &TypeTable<'_>, survey: &Survey, t: &JuliaType) -> h5::Result<Option<Arc<str>>> {
    for value in survey.type_values.iter().filter(|value| value.name == t.name()) {
        let bytes = types.file().source().read(value.at, 32, "DataType value")?;
        if types.datatype_value(&bytes, value.at)? == *t {
            return Ok(Some(Arc::clone(&value.place)));
        }
    }
    Ok(None)
}
