//! `jldconv rules` and `jldconv types`: what rules would do, a draft of rules, and the types of a file.

use crate::{Stop, complain, failed, put, usage};
use jldconv::cli::{RulesCommand, RulesDraftArgs, RulesTestArgs, TypesArgs};
use jldconv::h5::{File, Source};
use jldconv::inspect::{self, stored_types};
use jldconv::migrate::target::Target;
use jldconv::migrate::{Carried, Migration, plan};
use jldconv::supervisor::ExitCode;
use jldconv::text::{and_more, count, path as shown, tame};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

pub(crate) fn rules(command: &RulesCommand) -> Result<ExitCode, Stop> {
    match command {
        RulesCommand::Test(args) => test(args),
        RulesCommand::Draft(args) => draft(args),
    }
}

fn test(args: &RulesTestArgs) -> Result<ExitCode, Stop> {
    let rules = std::slice::from_ref(&args.rules);
    let target = Target::with_rule_files(args.target.as_deref(), rules).map_err(usage)?;
    let mut unmet: BTreeMap<String, u64> = BTreeMap::new();
    let mut fine = true;
    for path in &args.files {
        let source = Source::open(path)
            .and_then(|source| File::with_checksums(source, args.trust.checksums()));
        let planned = source
            .map_err(|e| e.to_string())
            .and_then(|file| plan(&file, &target, false).map_err(|e| e.to_string()));
        match planned {
            Ok(migration) => {
                for rule in &migration.unmet {
                    *unmet.entry(rule.rule.clone()).or_default() += 1;
                }
                put(&if args.json { json_line(path, &migration) } else { text(path, &migration) });
            }
            Err(error) => {
                fine = false;
                if args.json {
                    put(&format!("{}\n", json!({ "path": path, "error": error })));
                } else {
                    complain(&format!("{}: {error}", shown(path)));
                }
            }
        }
    }
    let everywhere = unmet.iter().filter(|(_, files)| **files == args.files.len() as u64);
    let names: Vec<_> = everywhere.map(|(rule, _)| rule.as_str()).collect();
    if !names.is_empty() && args.files.len() > 1 && !args.json {
        put(&format!("in none of the files: {}\n", names.join(", ")));
    }
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}

fn mode(migration: &Migration) -> &'static str {
    match (&migration.edits, &migration.rewrite) {
        (_, Some(_)) => "rewrite",
        (Some(edits), None) if !edits.is_empty() => "patch",
        _ => "nothing",
    }
}

fn json_line(path: &Path, migration: &Migration) -> String {
    let unmet = migration.unmet.iter().map(|unmet| {
        json!({ "rule": unmet.rule, "near": unmet.near.as_ref().map(|(name, objects)| {
            json!({ "type": name, "objects": objects })
        }) })
    });
    let line = json!({
        "path": path,
        "action": mode(migration),
        "changes": migration.carried,
        "unmet": unmet.collect::<Vec<_>>(),
        "never-held": migration.never_held,
        "held-back": migration.held_back,
    });
    format!("{line}\n")
}

fn text(path: &Path, migration: &Migration) -> String {
    let changes = count(migration.carried.len() as u64, "type");
    let mut out = format!("{}: {}, {changes} changed\n", shown(path), mode(migration));
    for Carried { rules, from, to, fields, objects, inside, first } in &migration.carried {
        let _ = write!(out, "  {}: {}", rules.join(", "), tame(from));
        if to != from {
            let _ = write!(out, " becomes {}", tame(to));
        }
        let mut where_to = Vec::new();
        if *objects > 0 {
            where_to.push(count(*objects, "object"));
        }
        if *inside {
            where_to.push("values inside others".to_owned());
        }
        if let Some(first) = first {
            where_to.push(format!("first {}", tame(first)));
        }
        if where_to.is_empty() {
            where_to.push("no values".to_owned());
        }
        let _ = writeln!(out, ": {}", where_to.join(", "));
        for field in fields {
            let _ = writeln!(out, "    {}", tame(field));
        }
    }
    for unmet in &migration.unmet {
        let _ = writeln!(out, "  {}: {}", unmet.rule, tame(&unmet.to_string()));
    }
    for never in &migration.never_held {
        let _ = writeln!(out, "  {}: {}", never.rule, tame(&never.to_string()));
    }
    for held in &migration.held_back {
        let _ = writeln!(out, "  {}: {}", held.rule, tame(&held.to_string()));
    }
    out
}

fn draft(args: &RulesDraftArgs) -> Result<ExitCode, Stop> {
    let target = Target::with_rule_files(args.target.as_deref(), &[]).map_err(usage)?;
    let draft = inspect::draft(&args.old, &args.new, &target, args.trust.checksums())
        .map_err(|refusal| failed(format!("{}: {}", refusal.path, refusal.error)))?;
    put(&draft.text);
    if draft.rules > 0 {
        return Ok(ExitCode::Done);
    }
    let told = if draft.refused > 0 {
        let refused = count(draft.refused as u64, "rule");
        let told =
            format!("no rule: {refused} left out, for the reasons that stand in front of each");
        match &draft.shipped {
            Some(shipped) => format!("{told}; --target {} does this", tame(shipped)),
            None => told,
        }
    } else if draft.left.is_empty() {
        "the types of both files are the same, as far as a draft can tell".to_owned()
    } else {
        let shown: Vec<_> = draft.left.iter().take(5).map(|name| tame(name)).collect();
        let more = and_more((draft.left.len() - shown.len()) as u64);
        format!("no rule: nothing in the new file looks like {}{more}", shown.join(", "))
    };
    Err(Stop(ExitCode::Nothing, told))
}

pub(crate) fn types(args: &TypesArgs) -> Result<ExitCode, Stop> {
    let mut fine = true;
    for (i, path) in args.files.iter().enumerate() {
        match stored_types(path, args.trust.checksums()) {
            Ok(types) if args.json => {
                put(&format!("{}\n", serde_json::to_string(&types).map_err(failed)?));
            }
            Ok(types) => put(&format!("{}{}", if i > 0 { "\n" } else { "" }, types.text())),
            Err(refusal) => {
                fine = false;
                complain(&format!("{}: {}", refusal.path, refusal.error));
            }
        }
    }
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}
