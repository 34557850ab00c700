//! Types as a session resolves them.

use crate::h5::RelAddr;
use crate::julia::NumberType;
use std::rc::Rc;

/// A type that a file names, as the session resolves it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resolved {
    /// Its full name in the file.
    pub(super) name: String,
    pub(super) params: Vec<Parameter>,
    pub(super) state: State,
}

/// What the session has for a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The type itself.
    There,
    /// None of this name.
    Missing,
    /// One of this name, which does not go with its parameters, or of which they are not known.
    Unparametrized,
    /// One that JLD2 makes up.
    MadeUp(MadeUp),
    /// `Tuple` without parameters, as JLD2 calls tuples of what it makes up.
    AnyTuple,
}

/// A type that JLD2 makes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MadeUp {
    /// The committed type in whose place it stands.
    pub(super) of: RelAddr,
    /// The committed type for which it began: one inside the other that is made up, too, or itself.
    pub(super) root: RelAddr,
    /// Whether its values refer to nothing, so that they can be parameters.
    pub(super) bits: bool,
}

/// A parameter of a type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parameter {
    Type(Rc<Resolved>),
    /// Another value; of which committed type, if JLD2 makes that type up.
    Value(Option<MadeUp>),
}

impl Resolved {
    pub(super) fn there(name: &str, params: Vec<Parameter>) -> Rc<Self> {
        Rc::new(Self { name: name.to_owned(), params, state: State::There })
    }

    /// `Array` with these elements.
    pub(super) fn array(element: Rc<Self>) -> Rc<Self> {
        Self::there("Core.Array", vec![Parameter::Type(element)])
    }

    pub(super) fn is_there(&self) -> bool {
        self.state == State::There
    }

    /// Whether every value is of the type.
    pub(super) fn is_any(&self) -> bool {
        self.name == "Core.Any"
    }

    pub(super) fn is_array(&self) -> bool {
        self.name == "Core.Array"
    }

    /// The committed types behind it, if JLD2 makes it up.
    pub(super) fn made_up(&self) -> Option<MadeUp> {
        match self.state {
            State::MadeUp(made_up) => Some(made_up),
            State::There | State::Missing | State::Unparametrized | State::AnyTuple => None,
        }
    }

    /// The parameter at `i`, if it is a type.
    pub(super) fn type_param(&self, i: usize) -> Option<&Rc<Self>> {
        match self.params.get(i) {
            Some(Parameter::Type(t)) => Some(t),
            Some(Parameter::Value(_)) | None => None,
        }
    }

    /// The first type that is made up among its parameters and theirs.
    pub(super) fn made_up_inside(&self) -> Option<MadeUp> {
        self.params.iter().find_map(|param| match param {
            Parameter::Type(t) => t.made_up().or_else(|| t.made_up_inside()),
            Parameter::Value(made_up) => *made_up,
        })
    }

    /// Whether one of its parameters, or of theirs, is what JLD2 makes up for a committed type.
    pub(super) fn mentions(&self, of: RelAddr) -> bool {
        self.params.iter().any(|param| match param {
            Parameter::Type(t) => t.made_up().is_some_and(|m| m.of == of) || t.mentions(of),
            Parameter::Value(_) => false,
        })
    }

    /// Whether a place that declares this type takes a value of the type `value`, as it is or by
    /// `convert`. In doubt it does.
    pub(super) fn takes(&self, value: &Self) -> bool {
        if self.is_any() {
            return true;
        }
        if self.name == "Union" {
            let mut members = self.params.iter().map(|param| match param {
                Parameter::Type(member) => member.takes(value),
                Parameter::Value(_) => true,
            });
            return members.any(|takes| takes);
        }
        match (self.state, value.state) {
            (State::MadeUp(own), State::MadeUp(other)) => own.of == other.of,
            (State::There | State::Missing | State::Unparametrized, State::MadeUp(_)) => false,
            // The elements of such a tuple are made up.
            (State::There, State::AnyTuple) => self.params.is_empty(),
            (State::There, _) if self.is_array() && value.is_array() => {
                match (self.type_param(0), value.type_param(0)) {
                    (Some(own), Some(other)) => own.takes(other),
                    _ => true,
                }
            }
            (State::There, State::There) => match (Plain::of(&self.name), Plain::of(&value.name)) {
                (Some(own), Some(other)) => own == other,
                _ => true,
            },
            _ => true,
        }
    }
}

/// What converts to one another, and to nothing else of these.
#[derive(Debug, PartialEq, Eq)]
enum Plain {
    Number,
    String,
    Symbol,
}

impl Plain {
    fn of(name: &str) -> Option<Self> {
        match name.strip_prefix("Core.")? {
            "Symbol" => Some(Self::Symbol),
            "String" => Some(Self::String),
            "Number" => Some(Self::Number),
            number => NumberType::named(number).map(|_| Self::Number),
        }
    }
}

/// Whether a type is one of tuples, and not of those with names.
pub(super) fn is_tuple(name: &str) -> bool {
    matches!(name, "Tuple" | "Core.Tuple")
}

/// Whether a type is that of tuples of one type, which JLD2 stores by their length since 0.4.19.
pub(super) fn is_ntuple(name: &str) -> bool {
    matches!(name, "NTuple" | "Core.NTuple")
}

/// Whether a full name is that of an anonymous function's type, or of a function inside another: Julia
/// numbers them as it comes to them, so that in another session the name stands for nothing, or for
/// another function.
pub(super) fn is_anonymous(name: &str) -> bool {
    let last = name.split_once(".#").map_or("", |(_, last)| last);
    let numbered = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    last.split('#').any(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_without_a_name_are_told_from_those_with_one() {
        for name in ["Main.#3#4", "Pkg.Inner.#f#12", "Main.##7#8", "Main.#f#g#3"] {
            assert!(is_anonymous(name), "{name}");
        }
        for name in ["NNlib.#relu", "Main.Foo", "Main.##f#kw", "Base.#sum", "Main.Foo2"] {
            assert!(!is_anonymous(name), "{name}");
        }
    }

    #[test]
    fn what_is_made_up_goes_where_anything_goes() {
        let made = |at| {
            let made_up = MadeUp { of: RelAddr(at), root: RelAddr(at), bits: true };
            Rc::new(Resolved {
                name: "Main.Foo".into(),
                params: vec![],
                state: State::MadeUp(made_up),
            })
        };
        let any = Resolved::there("Core.Any", vec![]);
        let number = Resolved::there("Core.Float64", vec![]);
        let union = |members: [&Rc<Resolved>; 2]| {
            let members = members.map(|member| Parameter::Type(Rc::clone(member)));
            Resolved::there("Union", members.to_vec())
        };
        assert!(any.takes(&made(8)) && !number.takes(&made(8)));
        assert!(made(8).takes(&made(8)) && !made(8).takes(&made(9)));
        assert!(union([&number, &any]).takes(&made(8)));
        assert!(!union([&number, &number]).takes(&made(8)));
        let arrays = [&any, &number].map(|element| Resolved::array(Rc::clone(element)));
        assert!(arrays[0].takes(&Resolved::array(made(8))));
        assert!(!arrays[1].takes(&Resolved::array(made(8))));
        assert!(arrays[1].takes(&arrays[0]));
        let symbols = Resolved::array(Resolved::there("Core.Symbol", vec![]));
        assert!(!symbols.takes(&arrays[1]) && symbols.takes(&symbols) && arrays[0].takes(&symbols));
    }
}
