//! Decides which arrays of structs become structs of arrays, and which structs of arrays become arrays
//! of structs.

use super::error::PlanError;
use super::groups::Group;
use super::look::Look;
use super::rule::{Action, Member, MemberKind, Rule, Seen, Turn, Way};
use super::survey::{Instance, Survey};
use super::target::Target;
use crate::h5::{self, Class, Datatype, Extent, RelAddr, TypeRef};
use crate::julia::{
    Committed, Element, JuliaType, Lanes, NewName, NewParam, Param, Structs, TypeTable,
    element_type, named_tuple,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Objects that arrays refer to are taken into columns where there are no more of them.
const MAX_OBJECTS: usize = 1 << 22;

/// What is turned in a file.
#[derive(Default)]
pub(super) struct Turns<'r> {
    /// By address of the committed type: of the elements of arrays, or of the structs of arrays.
    pub(super) types: BTreeMap<RelAddr, Turned<'r>>,
    /// Arrays that refer to their elements, with the type of these.
    pub(super) referring: Vec<(Instance, RelAddr)>,
    /// Objects that are taken into new ones, which therefore nothing else may refer to: in which place,
    /// and by which rule.
    pub(super) taken: BTreeMap<RelAddr, (Arc<str>, &'r str)>,
}

/// The type of what an array refers to, the objects, and the rule.
type Elements<'r> = (RelAddr, Vec<RelAddr>, &'r str);

/// What becomes of arrays of one type, or of its values.
pub(super) struct Turned<'r> {
    pub(super) rule: &'r Rule,
    turn: &'r Turn,
    pub(super) committed: Arc<Committed>,
    /// Of a struct of arrays: what their elements are.
    lanes: Vec<(String, Element)>,
    /// Of a struct of arrays: how many dimensions they have.
    rank: usize,
    /// How many objects are turned, and where the first one is.
    pub(super) objects: u64,
    pub(super) first: Option<Arc<str>>,
    /// Whether values inside others are turned.
    pub(super) inside: bool,
}

impl Turned<'_> {
    pub(super) fn way(&self) -> Way {
        self.turn.way
    }

    /// Whether values of it, or arrays of them, are turned.
    fn is_used(&self) -> bool {
        self.objects > 0 || self.inside
    }

    /// It cannot be turned.
    fn refused(&self, problem: String) -> PlanError {
        PlanError::unsupported(self.first.as_deref().unwrap_or("/_types"), &self.rule.id, problem)
    }

    /// The struct that an array with so many dimensions becomes.
    pub(super) fn struct_of(&self, types: &TypeTable<'_>, rank: usize) -> h5::Result<JuliaType> {
        if self.turn.to.name() != "Core.NamedTuple" {
            return Ok(self.turn.to.clone());
        }
        let mut fields = Vec::with_capacity(self.committed.fields.len());
        for field in &self.committed.fields {
            if let Some(element) = field.element(types)? {
                fields.push((field.name.clone(), JuliaType::array(element_type(&element), rank)));
            }
        }
        Ok(named_tuple(fields.into_iter()))
    }

    /// What the elements are of the arrays that its values become.
    pub(super) fn row(&self) -> JuliaType {
        if self.turn.to.name() != "Core.NamedTuple" {
            return self.turn.to.clone();
        }
        named_tuple(self.lanes.iter().map(|(name, e)| (name.clone(), element_type(e))))
    }

    /// The fields of these, in order.
    pub(super) fn lanes(&self) -> &[(String, Element)] {
        &self.lanes
    }

    /// The type of the arrays that its values become.
    pub(super) fn array(&self) -> JuliaType {
        JuliaType::array(self.row(), self.rank)
    }

    /// What it becomes, for people: `Main.P -> Main.Ps`.
    pub(super) fn told(&self, types: &TypeTable<'_>) -> h5::Result<[String; 2]> {
        let t = &self.committed.julia_type;
        Ok(match self.way() {
            Way::Columns => {
                let array = JuliaType::array(t.clone(), 1);
                [array.to_string(), self.struct_of(types, 1)?.to_string()]
            }
            Way::Rows => [t.to_string(), self.array().to_string()],
        })
    }
}

impl<'r> Turns<'r> {
    /// What the rules of `target` turn in the file of `types`.
    ///
    /// # Errors
    /// A rule is for what cannot be turned; the file cannot be read.
    pub(super) fn find(
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
            let (lanes, rank, objects, first, inside) = (Vec::new(), 0, 0, None, false);
            let turned = Turned { rule, turn, committed, lanes, rank, objects, first, inside };
            out.types.insert(addr, turned);
        }
        out.find_columns(types, survey)?;
        out.find_rows(types, survey)?;
        out.keep_written(types, survey)?;
        out.check(types, target, groups)?;
        Ok(out)
    }

    /// Whether no object is turned.
    pub(super) fn is_idle(&self) -> bool {
        !self.types.values().any(Turned::is_used)
    }

    /// What becomes of the type at `addr`, or of arrays of it.
    pub(super) fn get(&self, addr: RelAddr, way: Way) -> Option<&Turned<'r>> {
        self.types.get(&addr).filter(|turned| turned.way() == way)
    }

    /// What a stored type is called that is turned: one of arrays that become structs, or of structs that
    /// become arrays; and the rule.
    pub(super) fn called(
        &self,
        types: &TypeTable<'_>,
        t: &JuliaType,
    ) -> h5::Result<Option<(NewName, String)>> {
        let of = |way, t: &JuliaType| {
            let mut turned = self.types.values().filter(|turned| turned.way() == way);
            turned.find(|turned| turned.committed.julia_type == *t)
        };
        let (turned, to) = match (t.name(), t.params()) {
            ("Core.Array" | "Core.Core.Array", [Param::Type(element), Param::Int(rank)]) => {
                let Some(turned) = of(Way::Columns, element) else { return Ok(None) };
                let to = turned.struct_of(types, usize::try_from(*rank).unwrap_or(0))?;
                (turned, to)
            }
            _ => match of(Way::Rows, t) {
                Some(turned) => (turned, turned.array()),
                None => return Ok(None),
            },
        };
        let params = to.params().iter().cloned().map(NewParam::Value).collect();
        let name = NewName { name: to.name().to_owned(), params: Some(params) };
        Ok(Some((name, turned.rule.id.clone())))
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
            self.count(addr, &instance.place);
            referring.push((instance.clone(), addr));
        }
        self.referring = referring;
        for instance in &survey.instances {
            let Some(turned) = self.get(instance.datatype, Way::Columns) else { continue };
            let object = types.file().object(instance.addr)?;
            let Some(dataset) = object.dataset() else { continue };
            if types.julia_dims(&object, dataset)?.is_none() {
                continue;
            }
            Structs::of(types, &object, &turned.committed)?.ok_or_else(|| {
                let problem = format!("its elements, {}, have no content", element_name(turned));
                PlanError::unsupported(&instance.place, &turned.rule.id, problem)
            })?;
            plain_attributes(&object, &instance.place, &turned.rule.id)?;
            self.count(instance.datatype, &instance.place);
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
            self.count(instance.datatype, &instance.place);
        }
        let rows: Vec<_> = self.types.iter().filter(|(_, t)| t.way() == Way::Rows).collect();
        let rows: Vec<_> = rows.into_iter().map(|(a, t)| (*a, Arc::clone(&t.committed))).collect();
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
                // What arrays its values would be is not known where there are none.
                self.types.remove(&addr);
                continue;
            };
            (turned.lanes, turned.rank) = (lanes, rank);
            turned.inside = survey.embedded.contains_key(&addr);
            for object in taken {
                self.take(object, &place, &rule.id)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, addr: RelAddr, place: &Arc<str>) {
        if let Some(turned) = self.types.get_mut(&addr) {
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

    /// Refuses what values of other types are stored as, such as the pairs of dictionaries: Julia makes
    /// them of that and of nothing else.
    fn keep_written(&self, types: &TypeTable<'_>, survey: &Survey) -> Result<(), PlanError> {
        // Values are made of them whose types do not say so, as those of dictionaries in old files.
        let own = |t: &JuliaType| ["Base.", "JLD2."].iter().any(|of| t.name().starts_with(of));
        let used = || self.types.values().filter(|turned| turned.is_used());
        if let Some(turned) = used().find(|turned| own(&turned.committed.julia_type)) {
            let problem = "are what dictionaries and other types of Julia's own are stored as";
            return Err(
                turned.refused(format!("values of {} {problem}", turned.committed.julia_type))
            );
        }
        for &addr in &survey.committed {
            let other = types.committed(addr)?;
            let Some(written) = &other.written_type else { continue };
            let (way, t) = match (written.short_name(), written.params()) {
                ("Array", [Param::Type(element), ..]) => (Way::Columns, element),
                _ => (Way::Rows, written),
            };
            let mut these = used().filter(|turned| turned.way() == way);
            if let Some(turned) = these.find(|turned| turned.committed.julia_type == *t) {
                let problem = format!("{written} is what {} is stored as", other.julia_type);
                return Err(turned.refused(problem));
            }
        }
        Ok(())
    }

    /// Refuses what cannot be turned.
    fn check(
        &mut self,
        types: &TypeTable<'_>,
        target: &Target,
        groups: &BTreeMap<RelAddr, Group<'_>>,
    ) -> Result<(), PlanError> {
        let mut made: BTreeMap<&str, &Turned<'_>> = BTreeMap::new();
        let mut gone = Vec::new();
        for (addr, turned) in &self.types {
            let c = &turned.committed;
            let refuse = |problem: String| turned.refused(problem);
            if let Some(problem) = unfit(types, turned)? {
                // Nothing is lost where there is nothing of it.
                if turned.objects == 0 {
                    gone.push(*addr);
                    continue;
                }
                return Err(refuse(format!("{} {problem}", c.julia_type)));
            }
            let inner = match turned.way() {
                Way::Columns => vec![c.addr],
                Way::Rows => turned.lanes.iter().filter_map(|(_, e)| committed(e)).collect(),
            };
            for addr in inner.into_iter().chain([c.addr]) {
                if let Some(other) = changed_in(types, groups, &self.types, addr, c.addr)? {
                    return Err(refuse(format!(
                        "the rule {other} changes what it turns; convert with one and then with the \
                         other"
                    )));
                }
            }
            let to = turned.turn.to.name();
            let again = target.rules.iter().find(|rule| {
                let columns = matches!(&rule.action, Action::Turn(t) if t.way == Way::Columns);
                rule.concerns(to) && !columns
            });
            if let Some(other) = again {
                return Err(refuse(format!(
                    "it makes values of {to}, which the rule {} is for; convert with one and then \
                     with the other",
                    other.id
                )));
            }
            if to != "Core.NamedTuple"
                && let Some(other) = made.insert(to, turned)
                && (other.way() != turned.way() || !other.has_fields_of(turned))
            {
                return Err(refuse(format!(
                    "{} and {} would both become {to}, with other fields",
                    other.committed.julia_type, c.julia_type
                )));
            }
        }
        gone.iter().for_each(|addr| drop(self.types.remove(addr)));
        Ok(())
    }
}

impl Turned<'_> {
    /// Whether what is made of both has the same fields.
    fn has_fields_of(&self, other: &Self) -> bool {
        let names =
            |t: &Self| t.committed.fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        names(self) == names(other) && alike(&self.lanes, &other.lanes)
    }
}

/// Why something that is to be taken apart or put together cannot be.
pub(super) fn shared(place: &str, rule: &str, object: RelAddr) -> PlanError {
    let problem = format!(
        "the object at {object}, which it would take in, is referred to from elsewhere, too, and would \
         no longer be the same one there"
    );
    PlanError::unsupported(place, rule, problem)
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

/// Why values of a type cannot be turned; none if they can.
fn unfit(types: &TypeTable<'_>, turned: &Turned<'_>) -> h5::Result<Option<String>> {
    let c = &turned.committed;
    let own = c.julia_type.tuple_elements().is_some() || c.is_inline_union();
    if c.written_type.is_some() || c.datatype.members().is_none() || own || c.fields.is_empty() {
        return Ok(Some("is not stored as its fields".to_owned()));
    }
    for field in &c.fields {
        let element = field.element(types)?;
        let problem = match (&element, turned.way()) {
            (None, _) => Some("has no content"),
            (Some(Element::Plain(d)), Way::Rows) if is_reference(d) => None,
            (Some(_), Way::Rows) => Some("is not a reference to an array"),
            (Some(Element::Committed(c)), Way::Columns) if is_reference(&c.datatype) => {
                Some("is stored as another object")
            }
            (Some(_), Way::Columns) => None,
        };
        if let Some(problem) = problem {
            return Ok(Some(format!("cannot be turned, since its field {} {problem}", field.name)));
        }
    }
    Ok(None)
}

fn is_reference(d: &Datatype) -> bool {
    matches!(d.class, Class::Reference)
}

fn committed(element: &Element) -> Option<RelAddr> {
    match element {
        Element::Committed(c) => Some(c.addr),
        Element::Plain(_) => None,
    }
}

/// A rule that changes values of the type at `addr`, or such inside them; `but` may be turned.
fn changed_in(
    types: &TypeTable<'_>,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    turned: &BTreeMap<RelAddr, Turned<'_>>,
    addr: RelAddr,
    but: RelAddr,
) -> h5::Result<Option<String>> {
    // The survey has seen to it that types do not nest without end.
    if let Some(group) = groups.get(&addr) {
        let fate = group.fate.iter().chain(group.ruled.iter().map(|(_, fate)| fate)).next();
        return Ok(fate.map(|fate| fate.id()));
    }
    if addr != but
        && let Some(other) = turned.get(&addr)
    {
        return Ok(Some(other.rule.id.clone()));
    }
    for child in types.committed(addr)?.fields.iter().filter_map(|f| f.committed) {
        if let Some(found) = changed_in(types, groups, turned, child, but)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Refuses objects with attributes that would get lost.
fn plain_attributes(object: &h5::Object, place: &str, rule: &str) -> Result<(), PlanError> {
    let own = |name: &str| matches!(name, "dimensions" | "julia_type");
    match object.attributes.iter().find(|a| !own(&a.name)) {
        None => Ok(()),
        Some(a) => {
            let problem = format!("it has an attribute {:?}, which would get lost", a.name);
            Err(PlanError::unsupported(place, rule, problem))
        }
    }
}

fn alike(a: &[(String, Element)], b: &[(String, Element)]) -> bool {
    let same = |x: &Element, y: &Element| {
        x.datatype().same_layout(y.datatype()) && committed(x) == committed(y)
    };
    a.len() == b.len() && a.iter().zip(b).all(|((n, x), (m, y))| n == m && same(x, y))
}

fn element_name<'t>(turned: &'t Turned<'_>) -> &'t str {
    turned.committed.julia_type.name()
}

/// The first dataset that holds values of a type inside others.
fn first_place(survey: &Survey, addr: RelAddr) -> Option<Arc<str>> {
    let holders = survey.embedded.get(&addr)?;
    holders.iter().find_map(|holder| Some(Arc::clone(&survey.uses.get(holder)?.1)))
}
