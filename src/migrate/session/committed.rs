//! Tells how values of committed types are read (`jltype` and `constructrr` of JLD2).

use super::layout::Compared;
use super::reading::{TypeReading, missing, other_count, shown, unconverted};
use super::repr::{Content, Part, Repr};
use super::resolved::{MadeUp, Parameter, Resolved, State, is_ntuple, is_tuple};
use super::walk::{Death, Loaded, Session, Stop};
use crate::h5::{Attribute, Class, Cursor, RefPlan, RelAddr, TypeRef};
use crate::julia::{Committed, JuliaType, is_type};
use crate::migrate::finding::Severity;
use crate::migrate::leftover::is_leftover;
use std::rc::Rc;

/// What JLD2 makes of a stored type.
pub(super) struct Constructed {
    pub(super) out: Rc<Resolved>,
    content: Content,
    pub(super) reading: TypeReading,
}

impl Session<'_> {
    /// How values of the committed type at `addr` are read.
    pub(super) fn committed(&mut self, addr: RelAddr) -> Loaded<Rc<Repr>> {
        if let Some(known) = self.known.get(&addr) {
            return Ok(Rc::clone(known));
        }
        self.step()?;
        let repr = Rc::new(self.deeper(|session| session.repr(addr))?);
        self.known.insert(addr, Rc::clone(&repr));
        Ok(repr)
    }

    fn repr(&mut self, addr: RelAddr) -> Loaded<Repr> {
        let c = self.types.committed(addr)?;
        let leads = !RefPlan::new(&c.datatype)?.is_empty();
        let object = self.types.file().object(addr)?;
        let Some(own) = object.attribute("julia_type") else {
            let out = Resolved::there(c.julia_type.name(), Vec::new());
            return Ok(Repr { out, content: Content::Nothing, converted: false, leads: false });
        };
        let t = self.attribute_type(addr, own)?;
        let made = match (object.attribute("written_type"), &c.written_type) {
            (Some(a), Some(named)) => {
                let written = self.attribute_type(addr, a)?;
                if t.is_there() {
                    let made = self.constructed(&c, &written, named)?;
                    self.says(addr, &made.reading, made.out.made_up());
                    let content = made.content;
                    return Ok(Repr { out: t, content, converted: true, leads });
                }
                let said = unconverted(&shown(&c.julia_type));
                let text = self.unresolved(&t, &c.julia_type);
                self.says(addr, &TypeReading::made_up(text, said), None);
                self.constructed(&c, &written, named)?
            }
            _ => self.constructed(&c, &t, &c.julia_type)?,
        };
        self.says(addr, &made.reading, made.out.made_up());
        Ok(Repr { out: made.out, content: made.content, converted: false, leads })
    }

    /// The type that an attribute of the committed type at `addr` names.
    fn attribute_type(&mut self, addr: RelAddr, a: &Attribute) -> Loaded<Rc<Resolved>> {
        match &a.datatype {
            // The DataType that describes itself.
            TypeRef::Shared { addr: of, .. } if *of == addr => {
                Ok(Resolved::there("Core.DataType", Vec::new()))
            }
            TypeRef::Shared { .. } => self.type_value(&a.data, a.offset),
            TypeRef::Inline(_) => {
                let at = Cursor::new(&a.data, a.offset, "type reference").addr()?;
                self.type_at(at)
            }
        }
    }

    /// What JLD2 makes of what is stored as `t`, which is called `named` in the file.
    pub(super) fn constructed(
        &mut self,
        c: &Committed,
        t: &Rc<Resolved>,
        named: &JuliaType,
    ) -> Loaded<Constructed> {
        if is_leftover(named.name()) && !self.is_mended(c) {
            let reading = super::reading::leftover(named);
            self.fatal(c, &reading)?;
            let content = Content::Parts(self.parts(c, t)?);
            return Ok(Constructed { out: Rc::clone(t), content, reading });
        }
        let Some(members) = c.datatype.members() else { return self.without_fields(c, t, named) };
        let as_it_is =
            |content| Constructed { out: Rc::clone(t), content, reading: TypeReading::default() };
        if is_type(members) {
            return Ok(as_it_is(Content::Type));
        }
        if t.name == "Core.Union" {
            return Ok(as_it_is(Content::Union));
        }
        let content = Content::Parts(self.parts(c, t)?);
        let own = std::ptr::eq(named, &raw const c.julia_type);
        let (reading, inner) = match t.state {
            State::There if own && !self.is_mended(c) => self.compare(c, t)?,
            State::There | State::MadeUp(_) | State::AnyTuple => return Ok(as_it_is(content)),
            State::Missing => {
                let text = self.unresolved(t, named);
                (TypeReading::made_up(text, missing(&shown(named))), None)
            }
            State::Unparametrized => match self.relaxed(c, t, named)? {
                (Some(out), reading) => {
                    self.fields_without_data(c, out.state == State::AnyTuple)?;
                    return Ok(Constructed { out, content, reading });
                }
                (None, reading) => (reading, t.made_up_inside()),
            },
        };
        self.fatal(c, &reading)?;
        self.fields_without_data(c, reading.reconstructed)?;
        let out = if reading.reconstructed {
            made_up(c, t, inner.or_else(|| t.made_up_inside()))?
        } else {
            Rc::clone(t)
        };
        Ok(Constructed { out, content, reading })
    }

    /// A type whose parameters are not what the session's takes, or not known: what JLD2 reads it as
    /// nevertheless, if it does, and what it says.
    fn relaxed(
        &mut self,
        c: &Committed,
        t: &Rc<Resolved>,
        named: &JuliaType,
    ) -> Loaded<(Option<Rc<Resolved>>, TypeReading)> {
        if is_tuple(&t.name) {
            let out = Resolved { state: State::AnyTuple, ..(**t).clone() };
            return Ok((Some(Rc::new(out)), TypeReading::default()));
        }
        let shown = shown(named);
        let text = self.unresolved(t, named);
        if is_ntuple(&t.name) {
            let said = "read type Tuple{Vararg{T, N}} where {N, T} has a different number of parameters \
                        from type Tuple{Vararg{T, N}} where {N, T} in workspace; reconstructing";
            return Ok((None, TypeReading::made_up(text, said.to_owned())));
        }
        let mended = self.is_mended(c);
        if let Some(reading) = other_count(c, self.arity(&t.name)).filter(|_| !mended) {
            return Ok((None, reading));
        }
        if let Some(refused) = self.refused(&t.name, &t.params) {
            let (name, help) = (named.short_name(), self.help(&t.name));
            let text =
                format!("{shown} does not take the parameter {refused}: it is reconstructed{help}");
            return Ok((None, TypeReading::made_up(text, mismatch(&shown, name))));
        }
        // Types of packages mostly have bounds that what is made up does not fit.
        let base = t.name.starts_with("Core.") || t.name.starts_with("Base.");
        let direct = (0..t.params.len())
            .any(|i| t.type_param(i).is_some_and(|param| param.made_up().is_some()));
        if t.name == "Core.NamedTuple" || (direct && !base) {
            let said = mismatch(&shown, named.short_name());
            return Ok((None, TypeReading::made_up(text, said)));
        }
        let (compared, _) = if mended { Compared::default() } else { self.compare(c, t)? };
        let said = format!("some parameters could not be resolved for type {shown}");
        let reading = TypeReading::made_up(text, said);
        if compared.reconstructed || compared.level.is_some() {
            return Ok((None, reading));
        }
        let out = Resolved { state: State::There, ..(**t).clone() };
        Ok((Some(Rc::new(out)), TypeReading { reconstructed: false, ..reading }))
    }

    /// Values without fields: bits, text, and what is stored as an object of another type.
    fn without_fields(
        &mut self,
        c: &Committed,
        t: &Rc<Resolved>,
        named: &JuliaType,
    ) -> Loaded<Constructed> {
        let class = &c.datatype.class;
        if matches!(t.state, State::Missing | State::Unparametrized) {
            let said = missing(&shown(named));
            let reading = TypeReading::made_up(self.unresolved(t, named), said);
            if matches!(class, Class::Vlen { .. } | Class::FixedPoint { .. } | Class::Float { .. })
            {
                let text = reading.text.as_deref().unwrap_or_default();
                let text = format!(
                    "{text}; JLD2.load ends with a MethodError here, since it is stored as text or a number"
                );
                let level = Some(Severity::Failure);
                let reading = TypeReading { text: Some(text), level, ..TypeReading::default() };
                self.fatal(c, &reading)?;
            }
            let out = made_up(c, t, t.made_up_inside())?;
            return Ok(Constructed { out, content: Content::Nothing, reading });
        }
        let own = std::ptr::eq(named, &raw const c.julia_type) && !self.is_mended(c);
        let reading = match (own, t.name.as_str()) {
            // Of JLD2 before 0.4; later ones store a name.
            (true, "Core.Module") => Some(TypeReading {
                text: Some(
                    "a module is stored as bits; JLD2.load ends with an error here".to_owned(),
                ),
                level: Some(Severity::Failure),
                ..TypeReading::default()
            }),
            (true, name) => other_count(c, self.arity(name)),
            (false, _) => None,
        };
        let reading = reading.unwrap_or_default();
        self.fatal(c, &reading)?;
        let content = match class {
            Class::Reference => Content::Reference,
            Class::Vlen { string: false, base } if base.members().is_some_and(is_type) => {
                Content::Union
            }
            _ => Content::Nothing,
        };
        Ok(Constructed { out: Rc::clone(t), content, reading })
    }

    /// Ends where what is said of a type ends the loading.
    fn fatal(&mut self, c: &Committed, reading: &TypeReading) -> Loaded<()> {
        if reading.level != Some(Severity::Failure) {
            return Ok(());
        }
        self.says(c.addr, reading, None);
        Err(Stop::Dies(Box::new(Death { text: None, root: Some(c.addr) })))
    }

    /// JLD2 comes to types of fields without data where it makes up a type.
    fn fields_without_data(&mut self, c: &Committed, made_up: bool) -> Loaded<()> {
        if made_up {
            for field in c.fields.iter().filter(|field| field.offset.is_none()) {
                if let Some(addr) = field.committed {
                    self.committed(addr)?;
                }
            }
        }
        Ok(())
    }

    /// The fields that lead on.
    fn parts(&mut self, c: &Committed, t: &Resolved) -> Loaded<Vec<Part>> {
        let mut parts = Vec::new();
        let kept = self.mended.and_then(|mended| mended.kept(c.addr));
        for (i, field) in c.fields.iter().enumerate() {
            if kept.is_some_and(|kept| !kept.contains(&i)) {
                continue;
            }
            let (Some(at), Some(datatype)) = (field.offset, &field.datatype) else { continue };
            let leads = match field.committed {
                Some(addr) => {
                    let inner = self.committed(addr)?;
                    inner.leads || !inner.out.is_there()
                }
                None => matches!(datatype.class, Class::Reference),
            };
            if leads {
                let (name, size) = (field.name.clone(), datatype.size);
                let want = self.want(c, t, i)?;
                parts.push(Part { name, at, size, of: field.committed, want });
            }
        }
        // JLD2 goes by the order in the session's type.
        if let Some(def) = self.target.type_def(&t.name).filter(|_| t.is_there()) {
            parts.sort_by_key(|part| def.fields.iter().position(|field| field.name == part.name));
        }
        Ok(parts)
    }

    /// What the session's type declares for a field, where that is known.
    fn want(&mut self, c: &Committed, t: &Resolved, i: usize) -> Loaded<Option<Rc<Resolved>>> {
        let Some(field) = c.fields.get(i).filter(|_| t.is_there()) else { return Ok(None) };
        let in_tuple = |tuple: &Resolved, at: usize| match &*tuple.name {
            name if is_tuple(name) => tuple.type_param(at).cloned(),
            name if is_ntuple(name) => tuple.type_param(1).cloned(),
            _ => None,
        };
        let found = match (t.name.as_str(), field.name.as_str()) {
            ("Base.Pair" | "Core.Pair", "first")
            | ("Base.RefValue", "x")
            | ("Base.Some", "value") => t.type_param(0).cloned(),
            ("Base.Pair" | "Core.Pair", "second") => t.type_param(1).cloned(),
            ("Core.NamedTuple", name) => {
                let names = c.julia_type.params().first();
                let at = match names {
                    Some(crate::julia::Param::Symbols(names)) => {
                        names.iter().position(|n| n == name)
                    }
                    _ => None,
                };
                at.and_then(|at| in_tuple(t.type_param(1)?, at))
            }
            (_, name) => match name.parse::<usize>() {
                Ok(number) if is_tuple(&t.name) || is_ntuple(&t.name) => {
                    in_tuple(t, number.saturating_sub(1))
                }
                _ => {
                    let def = self.target.type_def(&t.name);
                    let declared = def.and_then(|def| def.fields.iter().find(|f| f.name == name));
                    match declared {
                        Some(declared) => self.declared(&declared.julia_type),
                        None => None,
                    }
                }
            },
        };
        if found.is_some() {
            return Ok(found);
        }
        // Values inside are of the type that is declared, or of a parameter.
        let Some(addr) = field.committed else { return Ok(None) };
        let inner = self.committed(addr)?;
        let any_tuple =
            |param: &Parameter| matches!(param, Parameter::Type(t) if t.state == State::AnyTuple);
        if inner.out.state != State::AnyTuple || t.params.iter().any(any_tuple) {
            return Ok(None);
        }
        Ok(Some(Rc::new(Resolved { state: State::There, ..(*inner.out).clone() })))
    }

    /// Whether a conversion brings values of a type up to date, and it is asked what is left.
    fn is_mended(&self, c: &Committed) -> bool {
        self.mended.is_some_and(|mended| mended.kept(c.addr).is_some())
    }

    /// How many parameters the session's type has, if that is known.
    pub(super) fn arity(&self, name: &str) -> Option<usize> {
        match self.target.type_def(name) {
            Some(def) => def.parameters,
            None => self.target.partly_known(name)?.parameters,
        }
    }
}

/// What JLD2 prints of a type that does not take its parameters.
fn mismatch(shown: &str, name: &str) -> String {
    format!("type parameters for {shown} do not match type {name} in workspace; reconstructing")
}

/// What JLD2 makes up for a committed type; `inner` is what is made up inside, if that is why.
fn made_up(c: &Committed, t: &Resolved, inner: Option<MadeUp>) -> Loaded<Rc<Resolved>> {
    let root = inner.map_or(c.addr, |inner| inner.root);
    let bits = RefPlan::new(&c.datatype)?.is_empty();
    let state = State::MadeUp(MadeUp { of: c.addr, root, bits });
    Ok(Rc::new(Resolved { state, ..t.clone() }))
}
