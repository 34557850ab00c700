//! Refuses to turn arrays that something else holds which says what it holds: it would hold something else
//! afterwards, as a dictionary whose values are a vector.

use super::turned::{Turned, Turns};
use crate::h5::{self, Class, Edge, EdgeKind, Extent, RelAddr, TypeRef};
use crate::julia::{Committed, Element, JuliaType, Param, TypeTable};
use crate::migrate::error::PlanError;
use crate::migrate::groups::Group;
use crate::migrate::references::References;
use crate::migrate::rule::Way;
use crate::migrate::survey::Survey;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What refers to an object.
enum Holder {
    /// A field of a value of this type.
    Field(Arc<Committed>),
    /// An element of an array that states this type of its elements.
    Element(JuliaType),
}

/// Refuses what is turned and held by what states another type. `references` are those to all of it.
pub(in crate::migrate) fn check_holders(
    types: &TypeTable<'_>,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    turns: &Turns<'_>,
    references: &References,
) -> Result<(), PlanError> {
    let own = survey.instances.iter().filter(|i| turns.is_turned(i)).map(|i| (i, i.datatype));
    for (instance, of) in own.chain(turns.referring.iter().map(|(i, of)| (i, *of))) {
        let Some(turned) = turns.types.get(&of) else { continue };
        let offset = types.file().offset(instance.addr, "object")?;
        for edge in references.to(instance.addr, offset)? {
            let problem = match holder(types, edge)? {
                // Whoever has a rule for what holds it says what that is afterwards.
                Some(Holder::Field(c)) if groups.contains_key(&c.addr) => None,
                Some(Holder::Field(c)) => in_field(&c, turned),
                Some(Holder::Element(t)) => in_array(&t, turned),
                None => None,
            };
            if let Some(problem) = problem {
                return Err(PlanError::unsupported(&instance.place, &turned.rule.id, problem));
            }
        }
    }
    Ok(())
}

/// What holds a reference, if that is data of an object.
fn holder(types: &TypeTable<'_>, edge: &Edge) -> h5::Result<Option<Holder>> {
    if edge.kind != EdgeKind::DataReference {
        return Ok(None);
    }
    let file = types.file();
    let object = file.object(edge.from)?;
    let Some(dataset) = object.dataset() else { return Ok(None) };
    let mut c = match &dataset.datatype {
        TypeRef::Shared { addr, .. } => types.committed(*addr)?,
        TypeRef::Inline(datatype) => {
            let array = dataset.dataspace.extent == Extent::Simple
                && matches!(datatype.class, Class::Reference)
                && object.attribute("julia_type").is_some();
            let element = || types.element_type(&object, &Element::plain(Arc::clone(datatype)));
            return Ok(if array { Some(Holder::Element(element()?)) } else { None });
        }
    };
    let start = file.stored_offset(dataset)?.filter(|_| dataset.layout.chunked().is_none());
    let Some(within) = start.and_then(|start| edge.at.checked_sub(start)) else { return Ok(None) };
    let mut within = within % u64::from(c.datatype.size).max(1);
    // The innermost struct whose field it is. The survey has seen to it that they end.
    loop {
        let inner = c.fields.iter().find_map(|field| {
            let (layout, start) = (field.datatype.as_ref()?, u64::from(field.offset?));
            let inside = (start..start.saturating_add(u64::from(layout.size))).contains(&within);
            let child = field.committed.filter(|_| inside && layout.members().is_some())?;
            Some((child, start))
        });
        let Some((child, start)) = inner else { return Ok(Some(Holder::Field(c))) };
        within = within.saturating_sub(start);
        c = types.committed(child)?;
    }
}

/// Why what is turned cannot stand in a field of a value of this type; none if it can. Which type is
/// declared for a field is not stored; that of a parameter is.
fn in_field(c: &Committed, turned: &Turned<'_>) -> Option<String> {
    let t = &c.julia_type;
    let free = t.is_named_tuple() || matches!(t.short_name(), "Tuple" | "NTuple" | "Pair");
    if free || turned.way() != Way::Columns {
        return None;
    }
    let element = &turned.committed.julia_type;
    let named = |of: &dyn Fn(&JuliaType) -> bool| {
        t.params().iter().any(|param| matches!(param, Param::Type(t) if of(t)))
    };
    let array = named(&|t| array_element(t) == Some(element));
    let own = ["Base.", "JLD2."].iter().any(|of| t.name().starts_with(of));
    if !named(&|t| t == element) || (array && !own) {
        return None;
    }
    Some(format!(
        "it is held by a value of {t}, which says that it holds such elements and would not know what to do \
         with {}; a rule for {} says what becomes of it",
        turned.to_name(),
        t.name()
    ))
}

/// Why what is turned cannot be an element of an array of this type; none if it can.
fn in_array(stated: &JuliaType, turned: &Turned<'_>) -> Option<String> {
    let of = &turned.committed.julia_type;
    let holds = |t: &JuliaType| match turned.way() {
        Way::Columns => *t == JuliaType::any() || array_element(t) == Some(of),
        Way::Rows => {
            let arrays = ["AbstractArray", "DenseArray", "AbstractVector", "DenseVector"];
            *t == JuliaType::any() || t == of || arrays.contains(&t.short_name())
        }
    };
    let fits = match stated {
        JuliaType::Union(members) => members.iter().any(holds),
        other => holds(other),
    };
    (!fits).then(|| {
        format!(
            "it is an element of an array of {stated}, which {} is not known to be",
            turned.to_name()
        )
    })
}

/// Of an array type with a number of dimensions, what its elements are.
fn array_element(t: &JuliaType) -> Option<&JuliaType> {
    match (t.name(), t.params()) {
        ("Core.Array" | "Core.Core.Array", [Param::Type(element), Param::Int(_)]) => Some(element),
        _ => None,
    }
}
