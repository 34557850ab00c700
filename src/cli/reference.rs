//! Writes the manual's page of all commands and flags.

use super::{JldconvCli, SupervisorCli};
use clap::CommandFactory;
use std::fmt::Write as _;

/// Columns of the page's help texts.
const WIDTH: usize = 100;

/// `docs/reference.md`: what `--help` says of each command of both programs, in Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# All commands and flags\n\nWhat `--help` says. Flags of `jldconv-supervisor` can stand in \
         `jldconv.toml` too (`retries = 5`),\nand in variables (`JLDCONV_RETRIES=5`); a flag counts \
         before a variable, a variable before the file.\n",
    );
    for mut command in [SupervisorCli::command(), JldconvCli::command()] {
        command.build();
        let name = command.get_name().to_owned();
        one_command(&mut page, &name, &mut command);
    }
    page
}

fn one_command(page: &mut String, name: &str, command: &mut clap::Command) {
    let help = command.clone().term_width(WIDTH).render_long_help().to_string();
    _ = write!(page, "\n## {name}\n\n```text\n");
    for line in help.lines() {
        _ = writeln!(page, "{}", line.trim_end());
    }
    page.push_str("```\n");
    for inner in command.get_subcommands_mut() {
        if inner.is_hide_set() || inner.get_name() == "help" {
            continue;
        }
        let name = format!("{name} {}", inner.get_name());
        one_command(page, &name, inner);
    }
}
