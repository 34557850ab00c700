//! `jldconv target`: which targets there are, what they hold, and whether Julia's sources agree.

use crate::{Stop, put, usage};
use jldconv::cli::{TargetCheckArgs, TargetCommand};
use jldconv::migrate::check::check;
use jldconv::migrate::definitions::{Definitions, definitions_in, packages};
use jldconv::migrate::target::Target;
use jldconv::report::{Checked, target_line, target_shown};
use jldconv::supervisor::ExitCode;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(crate) fn target(command: &TargetCommand, verbose: bool) -> Result<ExitCode, Stop> {
    match command {
        TargetCommand::List(args) => {
            for name in Target::names() {
                let target = Target::builtin(name).map_err(usage)?;
                say(target_line(&target, name == Target::default_name()), args.json);
            }
            if !args.json {
                put(&module_lines());
            }
            Ok(ExitCode::Done)
        }
        TargetCommand::Show(args) => {
            let name = args.target.as_deref().unwrap_or(Target::default_name());
            say(target_shown(&Target::named(name).map_err(usage)?), args.json);
            Ok(ExitCode::Done)
        }
        TargetCommand::Check(args) => check_one(args, verbose),
    }
}

/// The modules that can be named behind a target.
fn module_lines() -> String {
    let mut out =
        "modules for packages, behind a target's name (julia-2026+DataFrames@1.7):\n".to_owned();
    for module in Target::modules() {
        let until = module.before.map_or(" and later".to_owned(), |b| format!(" to before {b}"));
        let _ = writeln!(out, "  {} {}{until}", module.package, module.from);
    }
    out
}

fn say((text, value): (String, Value), json: bool) {
    put(&if json { format!("{value}\n") } else { text });
}

fn check_one(args: &TargetCheckArgs, verbose: bool) -> Result<ExitCode, Stop> {
    let name = args.target.as_deref().unwrap_or(Target::default_name());
    let target = Target::named(name).map_err(usage)?;
    let mut definitions = Definitions::default();
    for path in &args.definitions {
        definitions.add(definitions_in(path).map_err(usage)?);
    }
    let mut found = Vec::new();
    if let Some(dir) = &args.packages {
        let names = target.types().map(|(name, _)| name).chain(target.further_types());
        let wanted: BTreeSet<&str> = names.filter_map(|name| name.split('.').next()).collect();
        let (seen, defined) = packages(dir, &wanted).map_err(usage)?;
        found = seen;
        definitions.add(defined);
    }
    let checked = Checked { target: &target, packages: found, check: check(&target, &definitions) };
    say((checked.text(verbose), checked.json()), args.json);
    if checked.given() == 0 {
        return Err(Stop(
            ExitCode::Nothing,
            "no type of the target is given: name its package's directory, or a file that defines \
             some of its types"
                .to_owned(),
        ));
    }
    Ok(if checked.check.is_same() { ExitCode::Done } else { ExitCode::SomeFailed })
}
