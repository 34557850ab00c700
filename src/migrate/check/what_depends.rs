//! What in a target's file speaks of a type.

use crate::migrate::literal::Literal;
use crate::migrate::rule::Action;
use crate::migrate::target::Target;

/// The places of a target's file that name the type and have to change with it, as keys.
pub(super) fn what_depends(target: &Target, name: &str) -> Vec<String> {
    let mut out = Vec::new();
    if target.type_def(name).is_some() {
        out.push(format!("types.{name:?}"));
    }
    if target.further_types().any(|known| known == name) {
        out.push(format!("modules.names: {name:?}"));
    }
    for (encoding, object) in &target.codec.objects {
        if holds(&object.value, name) {
            out.push(format!("codec.objects.{}", encoding.name()));
        }
    }
    for rule in &target.rules {
        let makes = match &rule.action {
            Action::Replace(value) => holds(value, name),
            Action::Unwrap(to) => to == name,
            Action::Extract => false,
            Action::Turn(turn) => turn.to.name() == name,
            Action::Retype(retype) => {
                retype.to.as_deref() == Some(name)
                    || retype.add.iter().any(|(_, value)| holds(value, name))
                    || rule.from.iter().any(|from| from.exact() == Some(name))
            }
        };
        if makes {
            out.push(format!("rule {:?}", rule.id));
        }
    }
    out
}

/// Whether a value is, or holds, one of this type. Values do not nest deeper than their parser goes.
fn holds(value: &Literal, name: &str) -> bool {
    let is = matches!(value, Literal::Struct(made) if made.julia_type().name() == name);
    is || value.fields().iter().any(|(_, value)| holds(value, name))
}
