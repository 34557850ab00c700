//! Starts programs without what this process's environment has of settings: those of `jldconv`, of
//! SLURM, and the tests' own.

use std::process::Command;

/// Takes all that from `command`.
pub(crate) fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("JLDCONV_") || text.starts_with("SLURM_") || text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    command
}
