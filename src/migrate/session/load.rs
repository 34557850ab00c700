//! Follows objects as JLD2 loads them (`load_dataset`, `jlconvert` of JLD2).

use super::repr::{Content, Part, Repr};
use super::resolved::{Parameter, Resolved, State};
use super::walk::{Come, Death, Loaded, Session, Stop, Value, takes_none};
use crate::h5::{Attribute, Class, Cursor, Dataset, Datatype, ObjectKind, RelAddr, TypeRef};
use crate::julia::Column;
use std::rc::Rc;

/// Larger elements are not looked into.
const MAX_ELEMENT: u32 = 1 << 20;

/// Elements are read in windows of about so many bytes.
const WINDOW: u64 = 64 << 10;

/// Types that hold pairs, and are made of a vector of them.
const DICTS: [&str; 3] = ["Base.Dict", "Base.IdDict", "Base.ImmutableDict"];

impl Session<'_> {
    /// What the object at `addr` is, once it is loaded.
    pub(super) fn load(&mut self, addr: RelAddr) -> Loaded<Value> {
        match self.objects.get(&addr) {
            Some(Come::There(value)) => return Ok(value.clone()),
            Some(Come::Within) => {
                let text = "JLD2.load ends with a StackOverflowError here, since reconstructed objects \
                            refer to one another in a circle";
                let root = self.made_up_within();
                return Err(Stop::Dies(Box::new(Death { text: Some(text.to_owned()), root })));
            }
            None => {}
        }
        self.step()?;
        self.objects.insert(addr, Come::Within);
        self.within.push(addr);
        let value = self.deeper(|session| session.load_new(addr))?;
        self.within.pop();
        self.objects.insert(addr, Come::There(value.clone()));
        Ok(value)
    }

    /// A committed type that is made up among those of the objects that are being read.
    fn made_up_within(&self) -> Option<RelAddr> {
        self.within.iter().rev().find_map(|addr| {
            let object = self.types.file().object(*addr).ok()?;
            let TypeRef::Shared { addr, .. } = object.dataset()?.datatype else { return None };
            Some(self.known.get(&addr)?.out.made_up()?.root)
        })
    }

    fn load_new(&mut self, addr: RelAddr) -> Loaded<Value> {
        let object = self.types.file().object(addr)?;
        let dataset = match &object.kind {
            ObjectKind::Dataset(dataset) => dataset,
            ObjectKind::Datatype(_) => {
                return Ok(Value::Type(Rc::clone(&self.committed(addr)?.out)));
            }
            ObjectKind::Group(_) => {
                return Ok(Value::Of(Resolved::there("JLD2.Group", Vec::new())));
            }
        };
        let is_array = self.types.julia_dims(&object, dataset)?.is_some();
        match &dataset.datatype {
            TypeRef::Inline(datatype) => {
                let references = matches!(datatype.class, Class::Reference) && is_array;
                let stated = object.attribute("julia_type").filter(|_| references);
                let Some(a) = stated else { return Ok(Value::Of(plain_value(datatype, is_array))) };
                let element = self.element_type(a)?;
                let unknown = |param: &Parameter| match param {
                    Parameter::Type(t) => matches!(t.state, State::Missing | State::Unparametrized),
                    Parameter::Value(_) => false,
                };
                if element.name == "Union" && element.params.iter().all(unknown) {
                    let text =
                        "JLD2.load ends with an error here, since all types of a union are missing";
                    let death = Death { text: Some(text.to_owned()), root: None };
                    return Err(Stop::Dies(Box::new(death)));
                }
                let element = match element.state {
                    // Such arrays are read as those of anything.
                    State::Missing | State::Unparametrized => {
                        Resolved::there("Core.Any", Vec::new())
                    }
                    State::There | State::MadeUp(_) | State::AnyTuple => element,
                };
                self.each(dataset, datatype, |session, bytes, at| {
                    session.element(&element, bytes, at)
                })?;
                Ok(Value::Of(Resolved::array(element)))
            }
            TypeRef::Shared { addr: of, .. } => {
                let repr = self.committed(*of)?;
                let c = self.types.committed(*of)?;
                let datatype = &c.datatype;
                if is_array {
                    if repr.leads {
                        self.each(dataset, datatype, |session, bytes, at| {
                            session.read(&repr, bytes, at).map(|_| ())
                        })?;
                    }
                    return Ok(Value::Of(Resolved::array(Rc::clone(&repr.out))));
                }
                if self.is_there_at_once(&repr) {
                    self.objects.insert(addr, Come::There(Value::Of(Rc::clone(&repr.out))));
                }
                let mut value = Value::Of(Rc::clone(&repr.out));
                if repr.leads || repr.converted {
                    self.each(dataset, datatype, |session, bytes, at| {
                        value = session.read(&repr, bytes, at)?;
                        Ok(())
                    })?;
                }
                Ok(value)
            }
        }
    }

    /// The type that an array of references says its elements are of.
    pub(super) fn element_type(&mut self, a: &Attribute) -> Loaded<Rc<Resolved>> {
        match &a.datatype {
            TypeRef::Shared { .. } => self.type_value(&a.data, a.offset),
            TypeRef::Inline(_) => {
                let addr = Cursor::new(&a.data, a.offset, "element type").addr()?;
                self.type_at(addr)
            }
        }
    }

    /// Whether who refers to an object finds it while its fields are read: what is mutable, and not
    /// made up.
    fn is_there_at_once(&self, repr: &Repr) -> bool {
        let out = &repr.out;
        let immutable =
            ["Core.NamedTuple", "Core.Tuple", "Tuple", "NTuple", "Core.Pair", "Base.Pair"];
        let defined = self.target.type_def(&out.name);
        out.is_there()
            && matches!(repr.content, Content::Parts(_) | Content::Reference)
            && !immutable.contains(&out.name.as_str())
            // Of other types it is not known.
            && defined.is_none_or(|def| def.mutable || repr.converted)
    }

    /// An element of an array of references.
    fn element(&mut self, element: &Rc<Resolved>, bytes: &[u8], at: u64) -> Loaded<()> {
        let addr = Cursor::new(bytes, at, "reference").addr()?;
        self.step()?;
        if addr.is_null() {
            return Ok(());
        }
        match self.load(addr)? {
            Value::Of(t) if !element.takes(&t) => {
                let holder = if t.name == element.name {
                    "an array of them".to_owned()
                } else {
                    format!("an array of {}", shown(element))
                };
                Err(takes_none(&holder, &shown(&t), made_up(&t), ""))
            }
            _ => Ok(()),
        }
    }

    /// Reads each element of a dataset.
    fn each(
        &mut self,
        dataset: &Dataset,
        datatype: &Datatype,
        mut read: impl FnMut(&mut Self, &[u8], u64) -> Loaded<()>,
    ) -> Loaded<()> {
        let size = u64::from(datatype.size);
        if size == 0 || datatype.size > MAX_ELEMENT {
            return Ok(());
        }
        let column = Column::new(self.types.file(), dataset, datatype)?;
        let mut stream = column.open()?;
        let mut at = stream.offset();
        let mut left = column.len() / size;
        let mut bytes = Vec::new();
        while left > 0 {
            let now = left.min((WINDOW / size).max(1));
            bytes.resize(usize::try_from(now * size).unwrap_or(0), 0);
            stream.fill(&mut bytes)?;
            for element in bytes.chunks_exact(datatype.size as usize) {
                self.step()?;
                read(self, element, at)?;
                at = at.saturating_add(size);
            }
            left -= now;
        }
        Ok(())
    }

    /// Reads a value of a committed type.
    fn read(&mut self, repr: &Rc<Repr>, bytes: &[u8], at: u64) -> Loaded<Value> {
        let mut stored = None;
        match &repr.content {
            Content::Nothing => {}
            Content::Type => return Ok(Value::Type(self.type_value(bytes, at)?)),
            Content::Union => return Ok(Value::Type(self.union(bytes, at)?)),
            Content::Reference => {
                let addr = Cursor::new(bytes, at, "reference").addr()?;
                if !addr.is_null() {
                    stored = Some(self.load(addr)?);
                }
            }
            Content::Parts(parts) => {
                for part in parts {
                    let value = self.part(&repr.out, part, bytes, at)?;
                    if let Some(Value::Type(t)) = &value
                        // `where` around a type.
                        && repr.out.name == "Core.UnionAll"
                    {
                        return Ok(Value::Type(Rc::clone(t)));
                    }
                    stored = stored.or(value);
                }
            }
        }
        if repr.converted
            && let Some(Value::Of(stored)) = stored
        {
            convert(&repr.out, &stored)?;
        }
        Ok(Value::Of(Rc::clone(&repr.out)))
    }

    /// Reads a field.
    fn part(
        &mut self,
        holder: &Resolved,
        part: &Part,
        bytes: &[u8],
        at: u64,
    ) -> Loaded<Option<Value>> {
        let start = part.at as usize;
        let Some(bytes) = bytes.get(start..).and_then(|rest| rest.get(..part.size as usize)) else {
            return Ok(None);
        };
        let at = at.saturating_add(part.at.into());
        let value = if let Some(of) = part.of {
            let repr = self.committed(of)?;
            self.deeper(|session| session.read(&repr, bytes, at))?
        } else {
            let addr = Cursor::new(bytes, at, "reference").addr()?;
            if addr.is_null() {
                return Ok(None);
            }
            self.load(addr)?
        };
        if let (Some(want), Value::Of(t)) = (&part.want, &value)
            && !want.takes(t)
        {
            let help = self.help(&holder.name);
            let holder = format!("the field {} of {}", part.name, holder.name);
            return Err(takes_none(&holder, &shown(t), made_up(t), &help));
        }
        Ok(Some(value))
    }
}

/// What is stored for a converted type becomes it, or JLD2 ends with an error.
fn convert(to: &Resolved, stored: &Resolved) -> Loaded<()> {
    if DICTS.contains(&to.name.as_str()) {
        let pair = |t: &Resolved| t.is_there() && matches!(&*t.name, "Core.Pair" | "Base.Pair");
        return match stored.type_param(0).filter(|_| stored.is_array()) {
            Some(element) if !pair(element) => {
                let holder = format!("a {}", to.name);
                Err(takes_none(&holder, "its pairs", made_up(element), ""))
            }
            _ => Ok(()),
        };
    }
    match made_up(stored) {
        Some(made_up) if stored.made_up().is_some() => {
            Err(takes_none(&to.name, &shown(stored), Some(made_up), ""))
        }
        _ => Ok(()),
    }
}

/// What is made up in a value's type.
fn made_up(t: &Resolved) -> Option<super::resolved::MadeUp> {
    t.made_up().or_else(|| t.made_up_inside())
}

/// A type for a message.
fn shown(t: &Resolved) -> String {
    match t.type_param(0) {
        Some(element) if t.is_array() => format!("array of {}", element.name),
        _ => t.name.clone(),
    }
}

/// What is stored without a type of Julia's.
fn plain_value(datatype: &Datatype, is_array: bool) -> Rc<Resolved> {
    let name = match &datatype.class {
        Class::String | Class::Vlen { string: true, .. } => "Core.String",
        Class::Reference => "Core.Any",
        _ => "Core.Number",
    };
    let t = Resolved::there(name, Vec::new());
    if is_array { Resolved::array(t) } else { t }
}
