//! Tells why a session does not have a type, and what helps.

use super::reading::shown;
use super::resolved::{Parameter, Resolved, State, is_anonymous};
use super::walk::Session;
use crate::julia::JuliaType;
use crate::migrate::target::Resolution;

impl Session<'_> {
    /// The first of the parameters that the session's type does not take.
    pub(super) fn refused(&self, name: &str, params: &[Parameter]) -> Option<String> {
        let refuses = &self.target.type_def(name)?.refuses;
        params.iter().find_map(|param| match param {
            Parameter::Type(t) => {
                refuses.iter().any(|pattern| pattern.matches(&t.name)).then(|| t.name.clone())
            }
            Parameter::Value(_) => None,
        })
    }

    /// What helps where objects of a type cannot be read, behind a text that says so.
    pub(super) fn help(&self, name: &str) -> String {
        let help = self.target.type_def(name).and_then(|def| def.help.as_ref());
        help.map_or_else(String::new, |help| format!("; {help}"))
    }

    /// Why a type is not resolved, for a person, and what helps.
    pub(super) fn unresolved(&self, t: &Resolved, named: &JuliaType) -> String {
        let lacks = self.lacks(t, &shown(named));
        let missing = if t.state == State::Missing { Some(t) } else { first_unresolved(t) };
        let foreign = missing.filter(|t| {
            t.state == State::Missing
                && self.target.resolve(&t.name) == Resolution::Foreign
                && !is_anonymous(&t.name)
        });
        match foreign {
            Some(_) => format!("{lacks}: load its package first, or it is reconstructed"),
            None => format!("{lacks}: it is reconstructed"),
        }
    }

    /// What the session lacks of a type that is not resolved, and is called `shown`.
    pub(super) fn lacks(&self, t: &Resolved, shown: &str) -> String {
        if t.state == State::Missing {
            return format!("{} {}", t.name, self.absence(&t.name));
        }
        match first_unresolved(t) {
            Some(param) if param.state == State::Missing => {
                format!("the parameter {} of {shown} {}", param.name, self.absence(&param.name))
            }
            Some(param) => {
                format!("the parameter {} of {shown} is reconstructed itself", param.name)
            }
            None => format!("{shown} is not there with these parameters"),
        }
    }

    fn absence(&self, name: &str) -> String {
        let title = &self.target.title;
        if self.target.resolve(name) != Resolution::Foreign {
            format!("does not exist in {title}")
        } else if is_anonymous(name) {
            "is an anonymous function of the session that wrote it, which no other has under this name"
                .to_owned()
        } else {
            format!("is none of {title}")
        }
    }
}

/// The first type that is missing or made up among the parameters.
fn first_unresolved(t: &Resolved) -> Option<&Resolved> {
    (0..t.params.len()).filter_map(|i| t.type_param(i)).find_map(|param| match param.state {
        State::Missing | State::MadeUp(_) => Some(&**param),
        State::Unparametrized | State::There | State::AnyTuple => first_unresolved(param),
    })
}
