//! Tells of arrays of references whose elements' type a session lacks: JLD2 reads them as arrays of
//! anything.

use super::reading::named;
use super::resolved::State;
use super::walk::{Session, Stop};
use crate::h5::{self, Object};
use crate::julia::TypeTable;
use crate::migrate::target::Target;

/// Objects that are remembered from one array to the next.
const MOST_REMEMBERED: usize = 1 << 12;

/// Looks at arrays one by one, without and with the types that the target does not name.
#[derive(Debug)]
pub(in crate::migrate) struct Arrays<'a> {
    here: Session<'a>,
    with_others: Session<'a>,
}

/// What is said of an array.
pub(in crate::migrate) struct OfAnything {
    /// Why, for a person.
    pub(in crate::migrate) text: String,
    /// What JLD2 prints.
    pub(in crate::migrate) said: String,
    /// Whether the user's packages help.
    pub(in crate::migrate) foreign: bool,
}

impl<'a> Arrays<'a> {
    pub(in crate::migrate) fn new(types: &'a TypeTable<'a>, target: &'a Target) -> Self {
        let [here, with_others] = [false, true].map(|others| Session::new(types, target, others));
        Self { here, with_others }
    }

    /// What is said of the array that `object` is, if something is.
    pub(in crate::migrate) fn look(&mut self, object: &Object) -> h5::Result<Option<OfAnything>> {
        let Some(text) = of_anything(&mut self.here, object)? else { return Ok(None) };
        let foreign = of_anything(&mut self.with_others, object)?.is_none();
        let types = self.here.types;
        let Some(dataset) = object.dataset() else { return Ok(None) };
        let t = types.element_type(object, &types.element(&dataset.datatype)?)?;
        let shown = named(&t);
        let said = format!(
            "type {shown} does not exist in workspace; interpreting Array{{{shown}}} as Array{{Any}}"
        );
        Ok(Some(OfAnything { text, said, foreign }))
    }
}

/// Why an array is read as one of anything, if it is.
fn of_anything(session: &mut Session<'_>, object: &Object) -> h5::Result<Option<String>> {
    let Some(a) = object.attribute("julia_type") else { return Ok(None) };
    session.go_on();
    if session.objects.len() > MOST_REMEMBERED {
        session.objects.clear();
    }
    let element = session.element_type(a);
    session.leave();
    match element {
        Ok(t) if matches!(t.state, State::Missing | State::Unparametrized) => {
            let name = t.name.clone();
            Ok(Some(session.lacks(&t, &name)))
        }
        Ok(_) | Err(Stop::Dies(_) | Stop::Limit) => Ok(None),
        Err(Stop::File(error)) => Err(error),
    }
}
