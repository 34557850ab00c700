//! Asks runs that are at work, and tells them to end.

use super::{Stop, internal, put};
use jldconv::cli::{OrderArgs, StatusArgs};
use jldconv::report::{fitted, status as shown};
use jldconv::supervisor::{
    ArchiveStatus, ExitCode, LiveState, Order, RunError, ShardState, give_order, status, tasks_ran,
};
use jldconv::text;
use std::io::{self, Write as _};
use std::path::Path;

pub(super) fn tell_status(args: &StatusArgs) -> Result<ExitCode, Stop> {
    let there = status(&args.output_dir).map_err(|error| nothing(&args.output_dir, &error))?;
    if there.shards.is_empty() {
        return Err(Stop(ExitCode::Usage, no_conversion(&args.output_dir)));
    }
    if args.json {
        let text = serde_json::to_string_pretty(&there).map_err(internal)?;
        put(&format!("{text}\n"));
    } else {
        put(&fitted(&shown(&there)));
    }
    Ok(code(&there))
}

fn code(there: &ArchiveStatus) -> ExitCode {
    let any =
        |wanted: &[ShardState]| there.shards.iter().any(|it| wanted.contains(&it.record.state));
    if any(&[ShardState::Running, ShardState::Waiting, ShardState::Interrupted]) {
        ExitCode::Interrupted
    } else if any(&[ShardState::Failed]) {
        ExitCode::SomeFailed
    } else {
        ExitCode::Done
    }
}

pub(super) fn order(args: &OrderArgs, order: Order) -> Result<ExitCode, Stop> {
    let given = give_order(&args.output_dir, order, args.shard)
        .map_err(|error| nothing(&args.output_dir, &error))?;
    if given.is_empty() {
        let part = args.shard.map_or_else(String::new, |shard| format!(" on part {shard}"));
        let dir = args.output_dir.display();
        return Err(Stop(
            ExitCode::Nothing,
            format!("{dir}: no run is at work here{part}; status says what the last one did"),
        ));
    }
    let mut code = ExitCode::Done;
    for one in given {
        let shard = if one.shard == "1/1" { "the run".to_owned() } else { one.shard };
        match one.run {
            Ok(live) => {
                let busy = text::count(live.workers.busy.into(), "file");
                let said = match order {
                    _ if live.state == LiveState::TakingAlong => {
                        "takes no more other files along; the next run goes on".to_owned()
                    }
                    Order::Drain if live.ends_already() => "ends already".to_owned(),
                    Order::Drain => format!("finishes {busy} and takes no more"),
                    Order::Stop => {
                        let they = if live.workers.busy == 1 { "it comes" } else { "they come" };
                        format!("stops {busy}; {they} again in the next run")
                    }
                };
                put(&format!("{shard}: {said}\n"));
            }
            Err(why) => {
                code = ExitCode::SomeFailed;
                let _ = writeln!(io::stderr(), "error: {shard}: {}", text::tame(&why));
            }
        }
    }
    Ok(code)
}

/// What is said where no archive was converted: what there was beside that, if anything.
pub(super) fn no_conversion(dir: &Path) -> String {
    let shown = text::path(dir);
    let tasks = tasks_ran(dir).unwrap_or_default();
    let told: Vec<String> = tasks
        .iter()
        .map(|(task, ran)| {
            let files = text::count(ran.files, "file");
            format!("{} of {files}, begun at {}", text::tame(task), text::tame(&ran.started))
        })
        .collect();
    if told.is_empty() {
        return format!("{shown}: no run has begun here");
    }
    let told = told.join("; ");
    format!(
        "{shown}: no archive was converted here. There was: {told}. The same command again says what is \
         done, and does the rest"
    )
}

/// Where no run has been.
pub(super) fn nothing(dir: &Path, error: &RunError) -> Stop {
    if dir.is_dir() && !dir.join(jldconv::sys::dir::OWN).exists() {
        let dir = dir.display();
        return Stop(
            ExitCode::Usage,
            format!("{dir}: no run has begun here; name the output directory of the run"),
        );
    }
    Stop(error.exit_code(), error.to_string())
}
