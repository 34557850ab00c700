//! Finds what rules turn in a file.

use super::refuse::{alike, plain_attributes, shared};
use super::turned::{Turned, Turns, element_name};
use crate::h5::{self, Extent, RelAddr, TypeRef};
use crate::julia::{Committed, Element, JuliaType, Lanes, Structs, TypeTable};
use crate::migrate::error::PlanError;
use crate::migrate::groups::Group;
use crate::migrate::look::Look;
use crate::migrate::rule::{Member, MemberKind, Rule, Seen, Turn, Way};
use crate::migrate::survey::{Instance, Survey};
use crate::migrate::target::Target;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Objects that arrays refer to are taken into columns where there are no more of them.
const MAX_OBJECTS: usize = 1 << 22;

/// The type of what an array refers to, the objects, and the rule.
type Elements<'r> = (RelAddr, Vec<RelAddr>, &'r str);

impl<'r> Turns<'r> {
    /// What the rules of `target` turn in the file of `types`.
    ///
    /// # Errors
    /// A rule is for what cannot be turned; the file cannot be read.
    pub(in crate::migrate) fn find(
        types: &TypeTable<'_>,
        target: &'r Target,
        survey: &Survey,
        groups: &BTreeMap<RelAddr, Group<'_>>,
        rewriting: bool,
    ) -> Result<Self, PlanError> {
        let mut out = Self::default();
        if !target.turns() {
            return Ok(out);
        }
        for &addr in &survey.committed {
            let committed = types.committed(addr)?;
            let Some((rule, turn)) = turn_of(target, &committed, rewriting) else { continue };
            let (lanes, rank, objects, first) = (Vec::new(), 0, 0, None);
            let (inside, alone, named) = (false, None, false);
            let turned =
                Turned { rule, turn, committed, lanes, rank, alone, named, objects, first, inside };
            out.types.insert(addr, turned);
        }
        out.find_columns(types, survey)?;
        out.find_rows(types, survey)?;
        out.keep_written(types, survey)?;
        out.check(types, target, groups)?;
        Ok(out)
    }

    /// Arrays of structs.
    fn find_columns(&mut self, types: &TypeTable<'_>, survey: &Survey) -> Result<(), PlanError> {
        let mut referring = Vec::new();
        for (instance, element) in &survey.referring {
            let object = types.file().object(instance.addr)?;
            let Some((addr, objects, rule)) = self.elements(types, &object, instance, element)?
            else {
                continue;
            };
            for taken in objects {
                self.take(taken, &instance.place, rule)?;
            }
            self.count(
                addr,
                object.dataset().map_or(1, |d| d.dataspace.dims.len()),
                &instance.place,
            );
            referring.push((instance.clone(), addr));
        }
        self.referring = referring;
        for instance in &survey.instances {
            let Some(turned) = self.get(instance.datatype, Way::Columns) else { continue };
            let object = types.file().object(instance.addr)?;
            let Some(dataset) = object.dataset() else { continue };
            let Some(dims) = types.julia_dims(&object, dataset)? else { continue };
            Structs::of(types, &object, &turned.committed)?.ok_or_else(|| {
                let problem = format!("its elements, {}, have no content", element_name(turned));
                PlanError::unsupported(&instance.place, &turned.rule.id, problem)
            })?;
            plain_attributes(&object, &instance.place, &turned.rule.id)?;
            self.count(instance.datatype, dims.len(), &instance.place);
        }
        Ok(())
    }

    /// The type of the objects that an array refers to, whose type is stated as `element`, and these;
    /// none if no rule is for them.
    fn elements(
        &self,
        types: &TypeTable<'_>,
        object: &h5::Object,
        instance: &Instance,
        element: &JuliaType,
    ) -> Result<Option<Elements<'r>>, PlanError> {
        let columns = self.types.values().filter(|turned| turned.way() == Way::Columns);
        let named: Vec<_> = columns.filter(|t| t.committed.julia_type == *element).collect();
        let Some(first) = named.first() else { return Ok(None) };
        let rule = first.rule.id.as_str();
        let refuse = |problem: String| PlanError::unsupported(&instance.place, rule, problem);
        let Some(structs) = Structs::of(types, object, &first.committed)? else { return Ok(None) };
        plain_attributes(object, &instance.place, rule)?;
        if structs.count() > MAX_OBJECTS as u64 {
            let problem = format!("the array refers to over {MAX_OBJECTS} objects");
            return Err(refuse(problem));
        }
        let mut objects = Vec::new();
        structs.objects(&mut |addr| {
            objects.push(addr);
            Ok(())
        })?;
        if let Some(i) = objects.iter().position(|addr| addr.is_null()) {
            let problem = format!("element {} of the array is not assigned", i + 1);
            return Err(refuse(problem));
        }
        let mut addr = first.committed.addr;
        if let Some(one) = objects.first()
            && let Some(TypeRef::Shared { addr: of, .. }) =
                types.file().object(*one)?.dataset().map(|d| &d.datatype)
            && named.iter().any(|turned| turned.committed.addr == *of)
        {
            addr = *of;
        }
        Ok(Some((addr, objects, rule)))
    }

    /// Structs of arrays.
    fn find_rows(&mut self, types: &TypeTable<'_>, survey: &Survey) -> Result<(), PlanError> {
        let look = Look::new(types, survey);
        for instance in &survey.instances {
            let Some(turned) = self.get(instance.datatype, Way::Rows) else { continue };
            if instance.extent != Extent::Scalar {
                let problem = format!(
                    "it is an array of {}, and no element of an array can become an array itself",
                    element_name(turned)
                );
                return Err(PlanError::unsupported(&instance.place, &turned.rule.id, problem));
            }
            let object = types.file().object(instance.addr)?;
            plain_attributes(&object, &instance.place, &turned.rule.id)?;
            self.count(instance.datatype, 0, &instance.place);
        }
        let rows: Vec<_> = self.types.iter().filter(|(_, t)| t.way() == Way::Rows).collect();
        let rows: Vec<_> = rows.into_iter().map(|(a, t)| (*a, Arc::clone(&t.committed))).collect();
        let mut alone = Vec::new();
        for (addr, c) in rows {
            let mut found: Option<(Vec<(String, Element)>, usize)> = None;
            let mut taken = Vec::new();
            let read = look.each_value(&c, &mut |bytes, at| {
                let lanes = Lanes::of(types, &c, bytes, at)?;
                taken.extend(lanes.lanes.iter().map(|lane| lane.addr));
                let rank = lanes.dims.len();
                let lanes = lanes.lanes.into_iter().map(|lane| (lane.name, lane.element)).collect();
                match &found {
                    None => found = Some((lanes, rank)),
                    Some((first, other)) if alike(first, &lanes) && *other == rank => {}
                    Some(_) => {
                        let what = format!("values of {}", c.julia_type);
                        let want = "arrays of the same types and dimensions in all of them";
                        return Err(h5::Error::corrupt(at, what, want, "others"));
                    }
                }
                Ok(())
            });
            let Some(turned) = self.types.get_mut(&addr) else { continue };
            let place = turned.first.clone().or_else(|| first_place(survey, addr));
            let place = place.unwrap_or_else(|| Arc::from(c.julia_type.to_string()));
            let rule = turned.rule;
            read.map_err(|e| PlanError::unsupported(&place, &rule.id, e.to_string()))?;
            let Some((lanes, rank)) = found else {
                alone.push(addr);
                continue;
            };
            (turned.lanes, turned.rank) = (lanes, rank);
            turned.inside = survey.embedded.contains_key(&addr);
            for object in taken {
                self.take(object, &place, &rule.id)?;
            }
        }
        self.settle_alone(types, survey, &alone)
    }

    fn count(&mut self, addr: RelAddr, rank: usize, place: &Arc<str>) {
        if let Some(turned) = self.types.get_mut(&addr) {
            if turned.objects == 0 {
                turned.rank = rank;
            }
            turned.objects += 1;
            turned.first.get_or_insert_with(|| Arc::clone(place));
        }
    }

    fn take(&mut self, addr: RelAddr, place: &Arc<str>, rule: &'r str) -> Result<(), PlanError> {
        match self.taken.insert(addr, (Arc::clone(place), rule)) {
            None => Ok(()),
            Some(_) => Err(shared(place, rule, addr)),
        }
    }
}

/// The rule that turns values of a type, or arrays of them.
fn turn_of<'r>(target: &'r Target, c: &Committed, rewriting: bool) -> Option<(&'r Rule, &'r Turn)> {
    let params: Vec<_> = c.julia_type.params().iter().map(ToString::to_string).collect();
    let params: Vec<_> = params.iter().map(String::as_str).collect();
    let member = |f: &'_ crate::julia::Field| f.offset.is_some();
    let members: Vec<_> = c
        .fields
        .iter()
        .map(|f| Member { name: &f.name, content: member(f), kind: MemberKind::Other })
        .collect();
    let seen = Seen {
        type_name: c.julia_type.name(),
        parameters: &params,
        members: &members,
        places: &[],
        rewriting,
    };
    target.turn_for(&seen)
}

/// The first dataset that holds values of a type inside others.
fn first_place(survey: &Survey, addr: RelAddr) -> Option<Arc<str>> {
    let holders = survey.embedded.get(&addr)?;
    holders.iter().find_map(|holder| Some(Arc::clone(&survey.uses.get(holder)?.1)))
}
