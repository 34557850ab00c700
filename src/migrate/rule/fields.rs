//! Plans where the fields of a new object come from.

use super::{FieldError, FieldSource, Member, MemberKind, Plan, Retype};
use crate::julia::{Derived, NumberType};
use crate::migrate::operation::{Conversion, Indices, Live, Operation};
use crate::migrate::typedef::TypeDef;

/// A field that is carried over.
struct Kept<'a> {
    /// Number of the member.
    at: usize,
    /// Its new name.
    name: &'a str,
    member: Member<'a>,
}

impl Retype {
    /// Where each field of the new object comes from.
    ///
    /// With a `target` definition of the new type, its fields are the fields: what is stored under
    /// their name (after renaming) stays bit for bit, or is converted, else they are added or
    /// computed, and members that the target does not know are dropped; so are those that the rule
    /// drops by name. Without a definition, the members keep their order, renamed and dropped as
    /// told, added and computed fields follow, and those come first that the rule names in `order`.
    ///
    /// # Errors
    /// A field of the target type has no value, or the rule gives one that the target type lacks, or
    /// one cannot be made of what is stored. Fields that JLD2 does not store (pointers) need no value
    /// and are left out where the file does not tell of them.
    pub fn plan<'r: 'a, 'a>(
        &'r self,
        type_name: &str,
        members: &[Member<'a>],
        parameters: &[&str],
        target: Option<&'a TypeDef>,
    ) -> Result<Plan<'a, 'r>, FieldError> {
        let new_name = || self.to.clone().unwrap_or_else(|| type_name.to_owned());
        let kept: Vec<Kept<'a>> = members
            .iter()
            .enumerate()
            .filter(|(_, member)| !self.drops(member.name))
            .map(|(at, member)| {
                let name = self.rename.get(member.name).map_or(member.name, String::as_str);
                Kept { at, name, member: *member }
            })
            .collect();
        let stored = |name: &str| kept.iter().find(|kept| kept.name == name);
        let with_content =
            |name: &str| kept.iter().find(|kept| kept.name == name && kept.member.content);
        let carried = |kept: &Kept<'_>| self.carried(type_name, kept);
        let given = |name: &str| -> Result<Option<FieldSource<'r>>, FieldError> {
            if let Some((_, value)) = self.add.iter().find(|(added, _)| added == name) {
                return Ok(Some(FieldSource::Constant(value)));
            }
            let computed = self.compute.iter().find(|(computed, _)| computed == name);
            if let Some((_, operation)) = computed {
                let source = self.operated(type_name, name, operation, &kept, parameters)?;
                return Ok(Some(source));
            }
            Ok(self.fill.filter(|fill| fill.provides(name)).map(FieldSource::Computed))
        };

        let mut fields: Vec<(&'a str, FieldSource<'r>)> = Vec::new();
        if let Some(target) = target {
            let unknown = self.given(members).find(|name| !target.has(name));
            if let Some(field) = unknown {
                let (type_name, field) = (new_name(), field.to_owned());
                return Err(FieldError::Unknown { type_name, field });
            }
            for field in &target.fields {
                let name = field.name.as_str();
                let source = match (field.is_stored(), with_content(name), stored(name)) {
                    (true, Some(kept), _) | (false, _, Some(kept)) => Some(carried(kept)?),
                    (true, None, _) => given(name)?,
                    (false, _, None) => None,
                };
                match source {
                    Some(source) => fields.push((name, source)),
                    None if !field.is_stored() || self.drops(name) => {}
                    None => {
                        let (type_name, field) = (new_name(), name.to_owned());
                        return Err(FieldError::NoValue { type_name, field });
                    }
                }
            }
        } else {
            for kept in &kept {
                fields.push((kept.name, carried(kept)?));
            }
            let added = self.add.iter().map(|(name, _)| name);
            for name in added.chain(self.compute.iter().map(|(name, _)| name)) {
                if stored(name).is_none()
                    && let Some(source) = given(name)?
                {
                    fields.push((name, source));
                }
            }
            self.put_in_order(&new_name(), &mut fields)?;
        }
        let used = |at| fields.iter().any(|(_, source)| source.is_of(at));
        let dropped = members.iter().enumerate().filter(|(at, _)| !used(*at)).map(|(_, m)| m.name);
        let dropped = dropped.collect();
        Ok(Plan { fields, dropped })
    }

    /// Brings the fields that `order` names to the front.
    fn put_in_order(
        &self,
        type_name: &str,
        fields: &mut [(&str, FieldSource<'_>)],
    ) -> Result<(), FieldError> {
        for name in &self.order {
            if !fields.iter().any(|(field, _)| field == name) {
                let (type_name, field) = (type_name.to_owned(), name.clone());
                return Err(FieldError::NoValue { type_name, field });
            }
        }
        let place = |name: &str| {
            self.order.iter().position(|first| first == name).unwrap_or(self.order.len())
        };
        fields.sort_by_key(|(name, _)| place(name));
        Ok(())
    }

    /// A member as it is, or converted.
    fn carried<'s>(&self, type_name: &str, kept: &Kept<'_>) -> Result<FieldSource<'s>, FieldError> {
        let field = kept.at;
        let Some(conversion) = self.convert.get(kept.name) else {
            return Ok(FieldSource::Stored(field));
        };
        let done = match (conversion, kept.member.kind) {
            (Conversion::Number(to), MemberKind::Number(from)) => from == *to,
            (Conversion::Array(to), MemberKind::Reference(from)) => from == Some(*to),
            (Conversion::Array(_), MemberKind::Null) => true,
            (Conversion::Text { symbol }, MemberKind::Text { symbol: is }) => is == *symbol,
            (wanted, _) => {
                return Err(FieldError::Unfit {
                    type_name: type_name.to_owned(),
                    field: kept.name.to_owned(),
                    problem: wanted.asks().to_owned(),
                });
            }
        };
        if done {
            return Ok(FieldSource::Stored(field));
        }
        Ok(FieldSource::Derived(match conversion {
            Conversion::Number(to) | Conversion::Array(to) => Derived::Converted { field, to: *to },
            Conversion::Text { symbol } => Derived::Text { field, symbol: *symbol },
        }))
    }

    /// What an operation makes of members.
    fn operated<'s>(
        &self,
        type_name: &str,
        name: &str,
        operation: &Operation,
        kept: &[Kept<'_>],
        parameters: &[&str],
    ) -> Result<FieldSource<'s>, FieldError> {
        let unfit = |problem: String| FieldError::Unfit {
            type_name: type_name.to_owned(),
            field: name.to_owned(),
            problem,
        };
        let member = |of: &str| {
            let found = kept.iter().find(|kept| kept.name == of && kept.member.content);
            found.ok_or_else(|| unfit(format!("it follows from a field {of:?} that is not stored")))
        };
        let array = |of: &str| {
            let kept = member(of)?;
            match kept.member.kind {
                MemberKind::Reference(_) | MemberKind::Null => Ok(kept.at),
                _ => Err(unfit(format!("the field {of:?} is not a reference to an array"))),
            }
        };
        Ok(match operation {
            Operation::Copy(of) => self.carried(type_name, member(of)?)?,
            Operation::Length(of) => FieldSource::Derived(Derived::Length { field: array(of)? }),
            Operation::Indices(Indices { of, number, parameter }) => {
                let field = array(of)?;
                let of = match (number, parameter) {
                    (Some(number), _) => Some(number.0),
                    (None, Some(i)) => {
                        let text = i.checked_sub(1).and_then(|i| parameters.get(i));
                        text.and_then(|text| NumberType::named(text))
                    }
                    (None, None) => Some(NumberType::Int64),
                };
                let of = of.ok_or_else(|| unfit("its parameter is not a number's type".into()))?;
                FieldSource::Derived(Derived::Indices { field, of })
            }
            Operation::Live(Live { slots, keys }) => {
                let (slots, keys) = (array(slots)?, array(keys)?);
                FieldSource::Derived(Derived::Live { slots, keys })
            }
            Operation::SplitState(words) => {
                let word = |of: &String| {
                    let kept = member(of)?;
                    let is = kept.member.kind == MemberKind::Number(NumberType::UInt64);
                    is.then_some(kept.at).ok_or_else(|| {
                        unfit(format!("the field {of:?} is not a UInt64 inside the object"))
                    })
                };
                let [a, b, c, d] = words;
                let words = [word(a)?, word(b)?, word(c)?, word(d)?];
                FieldSource::Derived(Derived::SplitState { words })
            }
        })
    }
}

impl FieldSource<'_> {
    /// Whether it is the member `at`, or what that is converted to.
    fn is_of(&self, at: usize) -> bool {
        match self {
            Self::Stored(i) => *i == at,
            Self::Derived(Derived::Converted { field, .. } | Derived::Text { field, .. }) => {
                *field == at
            }
            Self::Derived(_) | Self::Constant(_) | Self::Computed(_) => false,
        }
    }
}
