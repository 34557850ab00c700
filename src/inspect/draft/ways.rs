//! Ways in which the value of a field may follow from others of the same value: the operations that rules
//! have, tried on values.

use super::literal::toml_text;
use crate::julia::{JuliaType, NumberArray, Numeric, Scalar, Value};
use std::collections::HashMap;

/// Of a type with more fields only some ways are tried.
const MANY: usize = 64;

/// The objects of one dataset that can be met again, by the numbers that they have there.
pub(super) type Objects<'v> = HashMap<u64, &'v Value>;

/// How a field may follow from others.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// It is the value of this field.
    Copy(String),
    /// It is the number of elements of this one.
    Length(String),
    /// It counts the elements of this one.
    Indices {
        of: String,
        /// The type of each number, where it is the same in all values.
        number: Option<String>,
        /// The parameters of the type, from 1, that are the type of each number.
        params: Vec<usize>,
    },
    /// It tells which of `keys` are live.
    Live {
        slots: String,
        keys: String,
        /// Whether one was seen that is not.
        hole: bool,
    },
    /// It is the fifth word of these four.
    SplitState([String; 4]),
}

/// A value with fields.
pub(super) struct Of<'v> {
    pub(super) julia_type: &'v JuliaType,
    pub(super) fields: &'v [(String, Value)],
    pub(super) objects: &'v Objects<'v>,
}

impl<'v> Of<'v> {
    /// The value of a field, itself where it was met before.
    pub(super) fn field(&self, name: &str) -> Option<&'v Value> {
        let (_, value) = self.fields.iter().find(|(field, _)| field == name)?;
        self.met(value)
    }

    /// A value, itself where it was met before.
    pub(super) fn met(&self, value: &'v Value) -> Option<&'v Value> {
        match value {
            Value::Undefined => None,
            Value::Shared(id) => self.objects.get(id).copied(),
            own => Some(own),
        }
    }

    /// All ways in which the field `name`, which holds `value`, follows from others of this value.
    pub(super) fn ways(&self, name: &str, value: &Value) -> Vec<Way> {
        let others = || self.fields.iter().map(|(field, _)| field).filter(|field| *field != name);
        let mut out = Vec::new();
        match value {
            Value::Number(Scalar::Int64(_)) => out.extend(others().cloned().map(Way::Length)),
            Value::Number(Scalar::UInt64(_)) => {
                let words: Vec<_> = others().take(4).cloned().collect();
                out.extend(<[String; 4]>::try_from(words).ok().map(Way::SplitState));
            }
            Value::Numbers(array) => {
                let number = element_name(array);
                let params = (1..=self.julia_type.params().len()).collect::<Vec<_>>();
                out.extend(others().cloned().map(|of| {
                    let (number, params) = (number.clone(), params.clone());
                    Way::Indices { of, number, params }
                }));
                if self.fields.len() <= MANY && numbers::<bool>(value).is_some() {
                    for slots in others() {
                        for keys in others().filter(|keys| *keys != slots) {
                            let (slots, keys) = (slots.clone(), keys.clone());
                            out.push(Way::Live { slots, keys, hole: false });
                        }
                    }
                }
            }
            _ => {}
        }
        out.extend(others().cloned().map(Way::Copy));
        out.retain_mut(|way| self.holds(way, value));
        out
    }

    /// Whether a field that holds `value` follows from others this way, which says from then on no more
    /// than all values bear out.
    pub(super) fn holds(&self, way: &mut Way, value: &Value) -> bool {
        match way {
            Way::Copy(of) => {
                // An array or struct would have to be the same object.
                let plain = matches!(
                    value,
                    Value::Number(_) | Value::Primitive(..) | Value::String(_) | Value::Symbol(_)
                );
                let found = self.field(of);
                found.is_some_and(|of| std::ptr::eq(of, value) || (plain && of == value))
            }
            Way::Length(of) => {
                let length = self.field(of).and_then(length);
                length.is_some_and(|length| value.as_i64() == i64::try_from(length).ok())
            }
            Way::Indices { of, number, params } => {
                let (Value::Numbers(array), Some(length)) =
                    (value, self.field(of).and_then(length))
                else {
                    return false;
                };
                let counts = array.values.len() as u64 == length
                    && (0..array.values.len()).all(|i| {
                        let found = array.values.get(i).and_then(|n| n.as_i128());
                        found == i128::try_from(i + 1).ok()
                    });
                let here = element_name(array);
                let is_here = |param: &usize| {
                    let t = self.julia_type.type_param(*param - 1).map(JuliaType::name);
                    t.is_some() && t == here.as_deref()
                };
                params.retain(is_here);
                number.take_if(|number| Some(&*number) != here.as_ref());
                counts && whole(value) && (number.is_some() || !params.is_empty())
            }
            Way::Live { slots, keys, hole } => {
                let (Some(slots), Some(count)) =
                    (self.field(slots), self.field(keys).and_then(length))
                else {
                    return false;
                };
                let (Some(found), Some(slots)) = (numbers::<bool>(value), numbers::<i32>(slots))
                else {
                    return false;
                };
                let mut live = vec![true; found.len()];
                for slot in slots.iter().filter(|slot| **slot < 0) {
                    let at =
                        usize::try_from(slot.unsigned_abs()).ok().and_then(|i| i.checked_sub(1));
                    match at.and_then(|at| live.get_mut(at)) {
                        Some(of) => *of = false,
                        None => return false,
                    }
                }
                *hole |= live.contains(&false);
                found.len() as u64 == count && found == live
            }
            Way::SplitState(words) => {
                let mut sum = 0_u64;
                for (word, factor) in words.iter().zip([1, 3, 5, 7]) {
                    let Some(Value::Number(Scalar::UInt64(word))) = self.field(word) else {
                        return false;
                    };
                    sum = sum.wrapping_add(word.wrapping_mul(factor));
                }
                *value == Value::Number(Scalar::UInt64(sum))
            }
        }
    }
}

impl Way {
    /// The fields that it looks at.
    pub(super) fn sources(&self) -> Vec<&str> {
        match self {
            Self::Copy(of) | Self::Length(of) | Self::Indices { of, .. } => vec![of],
            Self::Live { slots, keys, .. } => vec![slots, keys],
            Self::SplitState(words) => words.iter().map(String::as_str).collect(),
        }
    }

    /// It as a rule says it.
    pub(super) fn written(&self) -> String {
        let t = toml_text;
        match self {
            Self::Copy(of) => format!("{{ copy = {} }}", t(of)),
            Self::Length(of) => format!("{{ length = {} }}", t(of)),
            Self::Indices { of, number, params } => {
                let of = t(of);
                match (params.first(), number) {
                    (Some(param), _) => {
                        format!("{{ indices = {{ of = {of}, parameter = {param} }} }}")
                    }
                    (None, Some(number)) => {
                        format!("{{ indices = {{ of = {of}, type = {} }} }}", t(number))
                    }
                    (None, None) => format!("{{ indices = {{ of = {of} }} }}"),
                }
            }
            Self::Live { slots, keys, .. } => {
                format!("{{ live = {{ slots = {}, keys = {} }} }}", t(slots), t(keys))
            }
            Self::SplitState(words) => {
                let words: Vec<_> = words.iter().map(|word| t(word)).collect();
                format!("{{ split-state = [{}] }}", words.join(", "))
            }
        }
    }

    /// It in words.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Copy(of) => format!("what {of} is"),
            Self::Length(of) => format!("the number of elements of {of}"),
            Self::Indices { of, .. } => format!("1 to the number of elements of {of}"),
            Self::Live { slots, keys, .. } => format!("which of {keys} are not negated in {slots}"),
            Self::SplitState(words) => format!("what follows from {}", words.join(", ")),
        }
    }
}

/// How many elements an array has.
fn length(value: &Value) -> Option<u64> {
    value.dims()?.iter().try_fold(1_u64, |n, d| n.checked_mul(*d))
}

/// Whether an array of numbers was read as a whole.
fn whole(value: &Value) -> bool {
    match value {
        Value::Numbers(array) => Some(array.values.len() as u64) == length(value),
        _ => false,
    }
}

/// The numbers of an array, if all of them are there.
fn numbers<T: Numeric>(value: &Value) -> Option<&[T]> {
    value.as_slice::<T>().filter(|_| whole(value))
}

/// The type of the numbers of an array.
pub(super) fn element_name(array: &NumberArray) -> Option<String> {
    Some(array.julia_type.type_param(0)?.name().to_owned())
}
