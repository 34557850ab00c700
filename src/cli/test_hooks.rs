//! Refuses variables that only a build for tests obeys: whoever sets one believes that something
//! fails on purpose, and would take a run in which nothing did for a proof.

use std::ffi::OsString;

/// What `worker/fault.rs`, `sys/failpoint.rs`, `sys/flip.rs` and `convert/scratch.rs` obey.
const VARIABLES: [&str; 4] =
    ["JLDCONV_FAULT", "JLDCONV_CRASH_AT", "JLDCONV_FLIP", "JLDCONV_SCRATCH_BUDGET"];

/// What is wrong with the environment's `vars`, if one of them asks for a fault that this build
/// cannot cause.
pub fn asked_for_in_vain(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Option<String> {
    if cfg!(feature = "fault") { None } else { first(vars) }
}

fn first(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Option<String> {
    let mut set = vars.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name);
    let name = set.find(|name| VARIABLES.iter().any(|it| name == it))?;
    let name = name.to_string_lossy();
    Some(format!(
        "{name} is set, but this build causes no faults: it needs cargo build --features fault. \
         Nothing was done; unset {name} to go on without faults"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_named() {
        let vars = |name: &str, value: &str| [(name.into(), value.into())];
        for name in VARIABLES {
            assert!(first(vars(name, "x")).unwrap().starts_with(&format!("{name} is set")));
            assert_eq!(first(vars(name, "")), None);
        }
        assert_eq!(first(vars("JLDCONV_WORKERS", "2")), None);
    }
}
