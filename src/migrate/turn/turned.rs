//! What is turned in a file, and what it becomes.

use crate::h5::{self, Extent, RelAddr};
use crate::julia::{
    Committed, Element, JuliaType, NewName, NewParam, Param, TypeTable, element_type, named_tuple,
    struct_array,
};
use crate::migrate::error::PlanError;
use crate::migrate::rule::{Rule, Turn, Way};
use crate::migrate::survey::Instance;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is turned in a file.
#[derive(Default)]
pub(in crate::migrate) struct Turns<'r> {
    /// By address of the committed type: of the elements of arrays, or of the structs of arrays.
    pub(in crate::migrate) types: BTreeMap<RelAddr, Turned<'r>>,
    /// Arrays that refer to their elements, with the type of these.
    pub(in crate::migrate) referring: Vec<(Instance, RelAddr)>,
    /// Objects that are taken into new ones, which therefore nothing else may refer to: in which place,
    /// and by which rule.
    pub(in crate::migrate) taken: BTreeMap<RelAddr, (Arc<str>, &'r str)>,
}

/// The fields of the elements of arrays, and their types.
pub(super) type Row = Vec<(String, JuliaType)>;

/// What becomes of arrays of one type, or of its values.
pub(in crate::migrate) struct Turned<'r> {
    pub(in crate::migrate) rule: &'r Rule,
    pub(super) turn: &'r Turn,
    pub(in crate::migrate) committed: Arc<Committed>,
    /// Of a struct of arrays: what their elements are.
    pub(super) lanes: Vec<(String, Element)>,
    /// How many dimensions arrays have: of a struct of arrays, all of them; else the first that is
    /// turned.
    pub(super) rank: usize,
    /// Of a struct of arrays of which there is no value, but whose name tells: the fields of rows.
    pub(super) alone: Option<Row>,
    /// Whether its name alone is turned, where it is a parameter.
    pub(super) named: bool,
    /// How many objects are turned, and where the first one is.
    pub(in crate::migrate) objects: u64,
    pub(in crate::migrate) first: Option<Arc<str>>,
    /// Whether values inside others are turned.
    pub(in crate::migrate) inside: bool,
}

impl Turned<'_> {
    pub(in crate::migrate) fn way(&self) -> Way {
        self.turn.way
    }

    /// Whether values of it, or arrays of them, are turned.
    pub(in crate::migrate) fn is_used(&self) -> bool {
        self.objects > 0 || self.inside || self.named
    }

    /// It cannot be turned.
    pub(super) fn refused(&self, problem: String) -> PlanError {
        PlanError::unsupported(self.first.as_deref().unwrap_or("/_types"), &self.rule.id, problem)
    }

    /// The struct that an array with so many dimensions becomes.
    pub(in crate::migrate) fn struct_of(
        &self,
        types: &TypeTable<'_>,
        rank: usize,
    ) -> h5::Result<JuliaType> {
        if !self.turn.follows() {
            return Ok(self.turn.to.clone());
        }
        let mut fields = Vec::with_capacity(self.committed.fields.len());
        for field in &self.committed.fields {
            if let Some(element) = field.element(types)? {
                fields.push((field.name.clone(), JuliaType::array(element_type(&element), rank)));
            }
        }
        let columns = named_tuple(fields.into_iter());
        if self.turn.to.is_named_tuple() {
            return Ok(columns);
        }
        Ok(struct_array(self.committed.julia_type.clone(), rank, columns))
    }

    /// What the elements are of the arrays that its values become.
    pub(in crate::migrate) fn row(&self) -> JuliaType {
        if self.turn.to.name() != "Core.NamedTuple" {
            return self.turn.to.clone();
        }
        match &self.alone {
            Some(row) => named_tuple(row.iter().cloned()),
            None => named_tuple(self.lanes.iter().map(|(name, e)| (name.clone(), element_type(e)))),
        }
    }

    /// The name of the struct that arrays become, or of the elements of arrays.
    pub(super) fn to_name(&self) -> &str {
        self.turn.to.name()
    }

    /// Its new name, where it is one of structs of arrays.
    pub(in crate::migrate) fn new_name(&self) -> NewName {
        new_name(&self.array())
    }

    /// The fields of these, in order.
    pub(in crate::migrate) fn lanes(&self) -> &[(String, Element)] {
        &self.lanes
    }

    /// The type of the arrays that its values become.
    pub(in crate::migrate) fn array(&self) -> JuliaType {
        JuliaType::array(self.row(), self.rank)
    }

    /// What it becomes, for people: `Main.P -> Main.Ps`.
    pub(in crate::migrate) fn told(&self, types: &TypeTable<'_>) -> h5::Result<[String; 2]> {
        let t = &self.committed.julia_type;
        Ok(match self.way() {
            // None of them says how many dimensions it has.
            Way::Columns if self.objects == 0 => {
                let params = vec![Param::Type(t.clone())];
                let arrays = JuliaType::Named { name: "Core.Array".to_owned(), params };
                [arrays.to_string(), self.to_name().to_owned()]
            }
            Way::Columns => {
                let array = JuliaType::array(t.clone(), self.rank);
                [array.to_string(), self.struct_of(types, self.rank)?.to_string()]
            }
            Way::Rows => [t.to_string(), self.array().to_string()],
        })
    }
}

impl<'r> Turns<'r> {
    /// Whether no object is turned.
    pub(in crate::migrate) fn is_idle(&self) -> bool {
        !self.types.values().any(Turned::is_used)
    }

    /// What becomes of the type at `addr`, or of arrays of it.
    pub(in crate::migrate) fn get(&self, addr: RelAddr, way: Way) -> Option<&Turned<'r>> {
        self.types.get(&addr).filter(|turned| turned.way() == way && turned.alone.is_none())
    }

    /// Whether an object of a committed type is turned.
    pub(in crate::migrate) fn is_turned(&self, instance: &Instance) -> bool {
        self.types.get(&instance.datatype).is_some_and(|turned| match turned.way() {
            Way::Columns => instance.extent == Extent::Simple,
            Way::Rows => true,
        })
    }

    /// Whether a type keeps its name in `_types`, which are numbered without gaps, and none elsewhere.
    pub(in crate::migrate) fn keeps_link(&self, addr: RelAddr) -> bool {
        self.types.get(&addr).is_some_and(|turned| turned.way() == Way::Rows)
    }

    /// What a stored type is called that is turned: one of arrays that become structs, or of structs that
    /// become arrays; and the rule.
    pub(in crate::migrate) fn called(
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
        Ok(Some((new_name(&to), turned.rule.id.clone())))
    }
}

pub(super) fn element_name<'t>(turned: &'t Turned<'_>) -> &'t str {
    turned.committed.julia_type.name()
}

/// A type as a name to be written.
pub(super) fn new_name(to: &JuliaType) -> NewName {
    let params = to.params().iter().cloned().map(NewParam::Value).collect();
    NewName { name: to.name().to_owned(), params: Some(params) }
}
