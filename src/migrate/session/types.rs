//! Resolves types as JLD2 does it where it reads one (`default_typemap`, `types_from_refs` of JLD2).

use super::resolved::{Parameter, Resolved, State, is_anonymous};
use super::walk::{Death, Loaded, Session, Stop, Value};
use crate::h5::{Cursor, RelAddr};
use crate::julia::{JuliaType, Param};
use crate::migrate::target::Resolution;
use crate::migrate::type_text::full_type;
use std::rc::Rc;

/// Longer lists of types are not read to their end.
const MAX_TYPES: usize = 1 << 20;

/// Bytes of what leads to a sequence of variable length, and of a type as a value.
const SEQUENCE: usize = 16;
const TYPE_VALUE: usize = 32;

impl Session<'_> {
    /// The type that the `DataType` value `bytes` at `at` stands for.
    pub(super) fn type_value(&mut self, bytes: &[u8], at: u64) -> Loaded<Rc<Resolved>> {
        let (name, parameters) = self.types.signature(bytes, at)?;
        let mut params = Vec::with_capacity(parameters.len());
        for (_, addr) in parameters {
            params.push(match self.deeper(|session| session.load(addr))? {
                Value::Type(t) => Parameter::Type(t),
                Value::Of(t) => Parameter::Value(t.made_up()),
            });
        }
        self.resolved(name, params)
    }

    /// The type that the object at `addr` is.
    pub(super) fn type_at(&mut self, addr: RelAddr) -> Loaded<Rc<Resolved>> {
        Ok(match self.load(addr)? {
            Value::Type(t) | Value::Of(t) => t,
        })
    }

    /// What the session has for a type with these parameters.
    pub(super) fn resolved(
        &mut self,
        name: String,
        params: Vec<Parameter>,
    ) -> Loaded<Rc<Resolved>> {
        let unknown = |param: &Parameter| match param {
            Parameter::Type(t) => !matches!(t.state, State::There | State::AnyTuple),
            Parameter::Value(made_up) => made_up.is_some(),
        };
        let mended = self.mended.and_then(|mended| mended.name(&name)).cloned();
        let checked = mended.is_none();
        let name = mended.unwrap_or(name);
        let there = self.has(&name);
        let open = params.iter().any(unknown);
        let made_up = params.iter().find_map(|param| match param {
            Parameter::Value(made_up) => made_up.filter(|made_up| !made_up.bits),
            Parameter::Type(_) => None,
        });
        // `Tuple{params...}`, which JLD2 keeps these in, takes only types and plain values.
        if let Some(made_up) = made_up {
            let text = format!(
                "JLD2.load ends with a TypeError here, since a value among the parameters of {name} is \
                 reconstructed"
            );
            return Err(Stop::Dies(Box::new(Death { text: Some(text), root: Some(made_up.root) })));
        }
        let any_tuple = params
            .iter()
            .any(|param| matches!(param, Parameter::Type(t) if t.state == State::AnyTuple));
        let refused = self.refused(&name, &params).is_some();
        let too_many = checked && self.arity(&name).is_some_and(|wanted| params.len() > wanted);
        let state = if !there {
            State::Missing
        } else if open || too_many || refused || (any_tuple && name == "Core.NamedTuple") {
            State::Unparametrized
        } else {
            State::There
        };
        Ok(Rc::new(Resolved { name, params, state }))
    }

    /// Whether the session has a type of this name.
    fn has(&mut self, name: &str) -> bool {
        // Tuples are written without a module.
        if !name.contains('.') {
            return true;
        }
        match self.target.resolve(name) {
            Resolution::Defined(_) | Resolution::Loaded => true,
            Resolution::Gone => false,
            Resolution::Foreign => {
                self.met_others = true;
                self.others && !is_anonymous(name)
            }
        }
    }

    /// A type that the target declares.
    pub(super) fn declared(&mut self, text: &str) -> Option<Rc<Resolved>> {
        if let Some(known) = self.declared.get(text) {
            return known.clone();
        }
        let t = full_type(text).map(|t| plain(&t));
        self.declared.insert(text.to_owned(), t.clone());
        t
    }

    /// The members of a union.
    pub(super) fn union(&mut self, bytes: &[u8], at: u64) -> Loaded<Rc<Resolved>> {
        let file = self.types.file();
        let mut params = Vec::new();
        // JLD2 before 0.2 wrote one sequence of types, later ones a description and two of references.
        let old = bytes.len() == SEQUENCE;
        let sequences = bytes.chunks_exact(SEQUENCE).zip((at..).step_by(SEQUENCE));
        for (sequence, at) in sequences.skip(usize::from(!old)) {
            let size = if old { TYPE_VALUE } else { 8 };
            let Some((start, len)) = file.vlen(sequence, at, u32::try_from(size).unwrap_or(0))?
            else {
                continue;
            };
            let len = usize::try_from(len).unwrap_or(0).min(MAX_TYPES);
            let members = file.source().read(start, len, "types")?;
            for (member, at) in members.chunks_exact(size).zip((start..).step_by(size)) {
                let t = if old {
                    self.deeper(|session| session.type_value(member, at))?
                } else {
                    let addr = Cursor::new(member, at, "types").addr()?;
                    self.deeper(|session| session.type_at(addr))?
                };
                params.push(Parameter::Type(t));
            }
        }
        if params.is_empty() {
            params.push(Parameter::Type(Resolved::there("Core.Any", Vec::new())));
        }
        Ok(Resolved::there("Union", params))
    }
}

/// A type that every session of the target has.
fn plain(t: &JuliaType) -> Rc<Resolved> {
    let param = |param: &Param| match param {
        Param::Type(t) => Parameter::Type(plain(t)),
        Param::Int(_) | Param::Symbol(_) | Param::Symbols(_) | Param::Other(_) => {
            Parameter::Value(None)
        }
    };
    match t {
        JuliaType::Named { name, params } => {
            Resolved::there(name, params.iter().map(param).collect())
        }
        JuliaType::Union(members) => {
            let members = members.iter().map(|member| Parameter::Type(plain(member)));
            Resolved::there("Union", members.collect())
        }
        // A parameter of a surrounding type.
        JuliaType::Var(_) => Resolved::there("Core.Any", Vec::new()),
    }
}
