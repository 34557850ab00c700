//! What `-v` and `--log` tell of a run.

use crate::world::{Ended, World};
use serde_json::Value;
use std::process::Command;

/// The lines of a log, each of which is JSON.
fn lines(world: &World, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(world.at(name)).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The name of the file in whose span a line was told.
fn file_of(line: &Value) -> Option<&str> {
    line["spans"].as_array()?.iter().find(|span| span["name"] == "file")?["input"].as_str()
}

/// The messages that were told of a file, in order.
fn told_of<'a>(lines: &'a [Value], file: &str) -> Vec<&'a str> {
    let of = lines.iter().filter(|line| file_of(line) == Some(file));
    of.map(|line| line["message"].as_str().unwrap()).collect()
}

fn place(messages: &[&str], message: &str) -> usize {
    let place = messages.iter().position(|told| *told == message);
    place.unwrap_or_else(|| panic!("no {message:?} in {messages:#?}"))
}

#[cfg(feature = "fault")]
#[test]
fn a_log_tells_of_run_files_attempts_and_a_kill() {
    let world = World::new(&[1, 2, 3, 4, 5, 6]);
    let args =
        ["old", "new", "--yes", "-vvv", "--log", "l.txt", "--workers", "2", "--progress", "plain"];
    let mut command = world.program("jldconv-supervisor", &args);
    let ended = Ended::of(command.env("JLDCONV_FAULT", "kill@00003#1"), &world).ends(0);
    assert_eq!(ended.err, "", "with --log nothing goes to standard error");
    let lines = lines(&world, "l.txt");
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["message"].is_string(), "{line}");
    }
    let run: Vec<&Value> = lines.iter().filter(|line| line["spans"][0]["name"] == "run").collect();
    let messages: Vec<&str> = run.iter().map(|line| line["message"].as_str().unwrap()).collect();
    let id = &run[0]["spans"][0]["id"];
    assert!(run.iter().all(|line| line["spans"][0]["id"] == *id), "one run, one name");
    assert!(place(&messages, "run started") < place(&messages, "attempt started"));
    let started = &run[place(&messages, "run started")];
    assert_eq!((&started["files"], &started["slots"]), (&6.into(), &2.into()));
    let finished = place(&messages, "run finished");
    assert!(!messages[finished..].contains(&"file finished"));
    assert!(messages.contains(&"journal written") && messages.contains(&"memory"));
    let slots: std::collections::BTreeSet<u64> = run
        .iter()
        .filter(|line| line["message"] == "action: give a worker a file")
        .map(|line| line["slot"].as_u64().unwrap())
        .collect();
    assert_eq!(slots.into_iter().collect::<Vec<_>>(), [0, 1]);
    for number in 1..=6 {
        let told = told_of(&lines, &format!("output_{number:05}.jld2"));
        let order = ["attempt started", "worker reported", "file finished"];
        let places = order.map(|message| place(&told, message));
        assert!(places.is_sorted(), "{told:#?}");
    }
    let of_worker = |line: &&Value| line["from"] == "worker";
    for number in 1..=6 {
        let name = format!("output_{number:05}.jld2");
        let of = lines.iter().filter(of_worker).filter(|line| file_of(line) == Some(&name));
        let details: Vec<&str> = of.filter_map(|line| line["details"].as_str()).collect();
        let phase = |phase: &str| {
            let begins = format!("phase=\"{phase}\" seconds=");
            let place = details.iter().position(|details| details.contains(&begins));
            place.unwrap_or_else(|| panic!("no {phase} in {details:#?}"))
        };
        let phases = ["plan", "copy", "sync", "verify", "publish"].map(phase);
        assert!(phases.is_sorted(), "{details:#?}");
        let findings = details.iter().filter(|it| it.starts_with("text=\"note: /hydro"));
        assert!(findings.count() > 0, "{details:#?}");
        assert!(details.iter().any(|it| it.starts_with("seconds=")), "how long: {details:#?}");
    }
    let told = told_of(&lines, "output_00003.jld2");
    let order = ["attempt started", "worker killed", "attempt failed"];
    let places = order.map(|message| place(&told, message));
    assert!(places.is_sorted(), "{told:#?}");
    let attempts: Vec<&Value> = lines
        .iter()
        .filter(|line| line["message"] == "attempt started")
        .filter(|line| file_of(line) == Some("output_00003.jld2"))
        .map(|line| &line["spans"][2]["number"])
        .collect();
    assert_eq!(attempts, [&Value::from(1), &Value::from(2)]);
    let killed = lines.iter().find(|line| line["message"] == "worker killed").unwrap();
    assert_eq!((&killed["signal"], &killed["level"]), (&"SIGKILL".into(), &"WARN".into()));
    assert_eq!(file_of(killed), Some("output_00003.jld2"));
    let failed = lines.iter().find(|line| line["message"] == "attempt failed").unwrap();
    assert_eq!((&failed["fault"], &failed["will_retry"]), (&"killed".into(), &true.into()));
}

#[test]
fn more_v_tell_more_on_standard_error() {
    let world = World::new(&[1, 2]);
    world.put("old/output_00003.jld2", "no JLD2 at all");
    let run = |more: &[&str]| {
        let args = ["old", "new", "--yes", "--force", "--progress", "plain"];
        world.supervisor(&[&args[..], more].concat()).ends(1)
    };
    let [silent, some, more, all] = [&[][..], &["-v"], &["-vv"], &["-vvv"]].map(run);
    assert_eq!(silent.err, "");
    for told in ["run started", "attempt started", "file finished", "run finished", "WARN"] {
        assert!(some.err.contains(told), "{told} is not in {}", some.err);
    }
    assert!(
        some.err.contains("file{input=\"output_00001.jld2\"}:attempt{number=1 "),
        "{}",
        some.err
    );
    assert!(some.err.contains(": finding from=\"worker\" "), "{}", some.err);
    assert!(!some.err.contains("phase begins") && more.err.contains("phase begins"));
    let levels = |ended: &Ended| [" INFO ", " DEBUG ", " TRACE "].map(|it| ended.err.contains(it));
    assert_eq!(levels(&some), [true, false, false]);
    assert_eq!(levels(&more), [true, true, false]);
    assert_eq!(levels(&all), [true, true, true]);
    for ended in [some, more, all] {
        assert!(!ended.out.contains(" INFO "), "the account is as ever: {}", ended.out);
        assert!(ended.out.contains("2 converted, 0 unchanged, 0 skipped, 1 failed"));
    }
}

#[test]
fn a_log_without_v_tells_what_happens() {
    let world = World::new(&[1]);
    world.put("l.txt", "{\"message\":\"an earlier run\"}\n");
    let ended = world.supervisor(&["old", "new", "--yes", "--log", "l.txt"]).ends(0);
    assert_eq!(ended.err, "");
    let lines = lines(&world, "l.txt");
    assert_eq!(lines[0]["message"], "an earlier run", "it is appended to");
    assert!(lines[1..].iter().all(|line| line["level"] == "INFO"), "{lines:#?}");
    assert!(lines.iter().any(|line| line["message"] == "file finished"));
}

#[test]
fn a_log_that_cannot_be_opened_is_told_before_the_run() {
    let world = World::new(&[1]);
    let ended = world.supervisor(&["old", "new", "--yes", "--log", "none/l.txt"]).ends(2);
    assert!(ended.err.starts_with("error: cannot open the log none/l.txt: "), "{}", ended.err);
    assert!(!world.at("new").exists());
}

#[test]
fn a_full_disk_under_the_log_ends_nothing() {
    let world = World::new(&[1, 2]);
    let args = ["old", "new", "--yes", "-vvv", "--log", "/dev/full"];
    let ended = world.supervisor(&args).ends(0);
    let warning = "warning: cannot write the log /dev/full: ";
    assert_eq!(ended.err.matches(warning).count(), 1, "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1);
    assert_eq!(world.names("new").len(), 2);
}

#[test]
fn the_log_that_a_job_array_names_is_filled() {
    let world = World::new(&[1, 2]);
    let args = ["slurm", "old", "new", "--tasks", "2", "--log", "l.txt", "-vv"];
    let script = world.supervisor(&args).ends(0).out.replace("DIR", world.at("").to_str().unwrap());
    world.put("script", script);
    for task in ["1", "2"] {
        let ended = Command::new("bash")
            .arg(world.at("script"))
            .current_dir(world.at(""))
            .env_remove("RUST_LOG")
            .env("SLURM_ARRAY_TASK_ID", task)
            .env("SLURM_ARRAY_JOB_ID", "77")
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        let lines = lines(&world, &format!("l-{task}.txt"));
        let told = |message: &str| lines.iter().any(|line| line["message"] == message);
        assert!(told("run started") && told("journal written") && told("run finished"));
        assert_eq!(lines.iter().filter(|line| line["message"] == "file finished").count(), 1);
    }
}

#[test]
fn one_file_tells_as_much() {
    let world = World::new(&[1]);
    let run = |more: &[&str]| {
        let args = ["convert", "old/output_00001.jld2", "new.jld2", "--force"];
        world.jldconv(&[&args[..], more].concat()).ends(0)
    };
    let [silent, some, more] = [&[][..], &["-v"], &["-vv"]].map(run);
    assert_eq!(silent.err, "");
    assert!(some.err.contains(" INFO finding text=\"note: /hydro"), "{}", some.err);
    assert!(!some.err.contains(" DEBUG "));
    for phase in ["plan", "copy", "sync", "verify", "publish"] {
        let begins = format!("DEBUG phase begins phase=\"{phase}\" seconds=");
        assert!(more.err.contains(&begins), "{}", more.err);
    }
    assert_eq!(silent.out, more.out);
}
