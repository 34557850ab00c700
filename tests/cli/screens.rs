//! What a person sees while a run goes, on terminals of several sizes, and in a log.
//!
//! A real run draws on a real terminal; an emulator keeps what is on the screen. Pictures of the
//! screens are left in target/tmp/screens-*.html to be looked at.

use super::pty::Pty;
use super::world::{World, binary};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// A supervisor on a terminal of its own, and what is on the screen.
struct Seen {
    pty: Pty,
    parser: vt100::Parser,
    columns: u16,
}

impl Seen {
    fn start(world: &World, args: &[&str], fault: &str, (columns, rows): (u16, u16)) -> Self {
        // The terminal is the program's own, so that Ctrl-C reaches it.
        let mut command = world.plain("setsid");
        command.arg("--ctty").arg(binary("jldconv-supervisor")).args(["old", "new", "--yes"]);
        command.args(args);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command.env("JLDCONV_FAULT", fault);
        let pty = Pty::start(command, (rows, columns));
        Self { pty, parser: vt100::Parser::new(rows, columns, 500), columns }
    }

    /// What is on the screen after what comes within `time`; nothing once the program is gone.
    fn look(&mut self, time: Duration) -> Option<Vec<String>> {
        let until = Instant::now() + time;
        loop {
            match self.pty.pieces.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(piece) => self.parser.process(&piece),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => break,
                Err(_) => return None,
            }
        }
        assert!(!self.parser.screen().hide_cursor(), "the cursor is never hidden");
        Some(self.parser.screen().rows(0, self.columns).collect())
    }

    /// Waits until the screen is as `wanted`.
    #[track_caller]
    fn until(&mut self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let rows = self.look(Duration::from_millis(50));
            let text = rows.clone().unwrap_or_default();
            if wanted(&text) {
                return text;
            }
            assert!(rows.is_some() && Instant::now() < end, "no {what} in {text:#?}");
        }
    }

    /// Waits for the end: exit code, what is on the screen then.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.pty.child.wait().unwrap().code();
        while let Ok(piece) = self.pty.pieces.recv_timeout(Duration::from_millis(300)) {
            self.parser.process(&piece);
        }
        (code, self.parser.screen().rows(0, self.columns).collect())
    }

    /// Leaves a picture of the screen.
    fn picture(&self, name: &str) {
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        let mut page = String::from("<pre style='background:#111;color:#ddd;font:14px monospace'>");
        for row in 0..rows {
            for column in 0..columns {
                let cell = screen.cell(row, column).unwrap();
                let color = match cell.fgcolor() {
                    vt100::Color::Idx(1) => "#f66",
                    vt100::Color::Idx(2) => "#6d6",
                    vt100::Color::Idx(3) => "#dc6",
                    _ => "#ddd",
                };
                let text = if cell.contents().is_empty() { " " } else { cell.contents() };
                let text = text.replace('&', "&amp;").replace('<', "&lt;");
                let _ = write!(page, "<span style='color:{color}'>{text}</span>");
            }
            page.push('\n');
        }
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("screens-{name}.html"));
        fs::write(path, page).unwrap();
    }
}

/// The lines of the bars on a screen, the numbers first; nothing where there are none.
fn bars(rows: &[String]) -> Vec<String> {
    let first = rows.iter().position(|row| row.contains(" %  ") && !row.contains("output_"));
    first.map_or_else(Vec::new, |first| rows[first..].to_vec())
}

fn percent(line: &str) -> f64 {
    let before = line.split_once(" %").unwrap().0;
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Whether nothing of the bars is left.
fn clean(rows: &[String]) -> bool {
    !rows.iter().any(|row| {
        row.contains("#]")
            || row.contains(".]")
            || row.contains("violations 0")
            || row.contains("ETA")
    })
}

#[test]
fn a_run_is_seen_at_any_size() {
    for (columns, rows) in [(80, 24), (120, 40), (60, 20)] {
        let world = World::new(&[1, 2, 3, 4, 5]);
        world.put("old/output_00006.jld2", vec![0; 400_000]);
        let mut seen = Seen::start(&world, &["--workers", "2"], "slow=700ms@*", (columns, rows));
        let mut last = 0.0;
        let (mut pictures, mut red) = (0, false);
        while let Some(screen) = seen.look(Duration::from_millis(50)) {
            let bars = bars(&screen);
            let Some(numbers) = bars.first() else { continue };
            if bars.len() < 6 || bars.iter().all(|line| !line.contains("workers 2 of 2")) {
                continue;
            }
            pictures += 1;
            assert!(numbers.contains("ETA ") && !numbers.contains('…'), "{bars:#?}");
            let now = percent(numbers);
            assert!(now >= last, "{last} before {bars:#?}");
            last = now;
            let all = bars.join("\n");
            for part in ["memory ", "margin ", "violations 0", "(as asked)", " of 6 files"] {
                assert!(all.contains(part), "{part} in {bars:#?}");
            }
            let slots: Vec<&str> = bars
                .iter()
                .filter_map(|line| {
                    line.get(..3).map(str::trim).filter(|it| it.parse::<u32>().is_ok())
                })
                .collect();
            assert_eq!(slots, ["1", "2"], "{bars:#?}");
            for line in bars.iter().filter(|line| line.contains("output_")) {
                let phases =
                    ["start", "plan", "copy", "edit", "sync", "verify", "publish", "rewrite"];
                assert!(phases.iter().any(|it| line.contains(&format!("  {it:<7} "))), "{line}");
            }
            if last > 30.0 && all.contains("1 failed") {
                red = red || screen.iter().any(|line| line.contains("failed     output_00006"));
                seen.picture(&format!("{columns}x{rows}"));
            }
        }
        assert!(pictures > 5 && last > 50.0, "{pictures} pictures, {last} %");
        assert!(red, "a failure stands above the bars");
        seen.picture(&format!("{columns}x{rows}-end"));
        let (code, screen) = seen.end();
        assert_eq!(code, Some(1), "{screen:#?}");
        assert!(clean(&screen), "{screen:#?}");
    }
}

#[test]
fn a_run_that_is_interrupted_leaves_a_clean_screen() {
    let world = World::new(&[1, 2, 3, 4]);
    let mut seen = Seen::start(&world, &["--workers", "2"], "slow=60s@*", (80, 24));
    seen.until("two busy slots", |rows| {
        bars(rows).iter().filter(|row| row.contains("output_0000")).count() == 2
    });
    seen.pty.keys.write_all(b"\x03").unwrap();
    let rows = seen.until("the first word", |rows| {
        bars(rows).first().is_some_and(|line| line.contains("finishing; again: stop now"))
    });
    let said = "SIGINT: finishing 2 running files (at most 1:00), no new ones; again: stop now";
    assert!(rows.iter().any(|row| row.contains(said)), "{rows:#?}");
    seen.picture("finishing");
    seen.pty.keys.write_all(b"\x03").unwrap();
    let (code, rows) = seen.end();
    assert_eq!(code, Some(3), "{rows:#?}");
    assert!(clean(&rows) && !rows.iter().any(|row| row.starts_with("^C")), "{rows:#?}");
    assert!(rows.iter().any(|row| row.contains("run the same command again")), "{rows:#?}");
    assert!(rows.iter().any(|row| row.starts_with("Interrupted: 0 converted")), "{rows:#?}");
}

#[test]
fn what_stands_still_and_what_comes_again_is_seen() {
    let world = World::new(&[1, 2]);
    let fault = "kill@00001#1,slow=9s@00002";
    let mut seen = Seen::start(&world, &["--workers", "2"], fault, (80, 24));
    let rows = seen.until("a word on what stands still", |rows| {
        rows.iter().any(|row| row.contains("output_00002") && row.contains("nothing new for "))
    });
    let all = rows.join("\n");
    assert!(all.contains("1 tried again"), "{all}");
    seen.picture("still");
    assert_eq!(seen.end().0, Some(0));
}

/// Runs the supervisor into a pipe.
fn piped(world: &World, args: &[&str], vars: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = world.program("jldconv-supervisor", &["old", "new", "--yes"]);
    command.args(args).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    for (name, value) in vars {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Whether a line has time, percent, rate, time left and memory in front.
fn stamped(line: &str) -> bool {
    let time = line.get(..8).is_some_and(|it| it.split(':').count() == 3);
    time && line.get(8..9) == Some("Z")
        && line.get(11..16).is_some_and(|it| it.trim().parse::<f64>().is_ok())
        && line.contains(" %  ")
        && line.contains("  ETA ")
        && line.contains("  memory ")
}

#[test]
fn in_a_log_each_line_says_how_far_the_run_is() {
    let world = World::new(&[1, 2, 3, 4]);
    let slow = [("JLDCONV_FAULT", "slow=700ms@*")];
    let (code, out) = piped(&world, &["--workers", "1"], &slow);
    assert_eq!(code, Some(0), "{out}");
    let files: Vec<&str> = out.lines().filter(|line| line.contains("] converted  ")).collect();
    assert_eq!(files.len(), 4, "{out}");
    assert!(files.iter().all(|line| stamped(line)), "{out}");
    // The next file may have begun before the line of one is safe on the disk.
    assert!(percent(&files[2][9..]) >= 75.0 && files[2].contains("iB/s  ETA "), "{out}");
    assert!(!out.contains('\x1b'), "no colours in a pipe");
    // What was done before is told in one line.
    let world_again = piped(&world, &["--workers", "1"], &[]);
    assert_eq!(world_again.0, Some(0));
    let skipped: Vec<&str> =
        world_again.1.lines().filter(|line| line.contains("skipped    ")).collect();
    assert_eq!(skipped.len(), 1, "{}", world_again.1);
    assert!(skipped[0].contains("skipped    4 files  "), "{}", skipped[0]);
    assert!(
        skipped[0].contains("output_00001.jld2, output_00002.jld2, output_00003.jld2 and 1 more")
    );
}

#[test]
fn a_run_that_has_nothing_to_tell_shows_that_it_lives() {
    let world = World::new(&[1]);
    let slow = [("JLDCONV_FAULT", "slow=8s@*")];
    let (code, out) = piped(&world, &["--heartbeat", "1s"], &slow);
    assert_eq!(code, Some(0), "{out}");
    let beats: Vec<&str> = out.lines().filter(|line| line.contains(" at work: ")).collect();
    assert!(beats.len() >= 3, "{out}");
    assert!(beats.iter().all(|line| stamped(line)), "{out}");
    assert!(beats[0].contains("[0/1] 1 file at work: output_00001.jld2 "), "{out}");
    assert!(beats.iter().any(|line| line.contains(", nothing new for ")), "{out}");
    let world = World::new(&[1]);
    let slow = [("JLDCONV_FAULT", "slow=2s@*")];
    let (_, out) = piped(&world, &["--heartbeat", "0s"], &slow);
    assert!(!out.contains(" at work: "), "{out}");
}

/// Arguments, variables, and whether there are colours.
type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], bool);

#[test]
fn colours_are_as_asked() {
    let world = World::new(&[1]);
    world.put("old/output_00002.jld2", "no JLD2 at all");
    let red = "\x1b[31mfailed\x1b[0m";
    let cases: [Case; 5] = [
        (&[], &[], false),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (&["--color=never"], &[("CLICOLOR_FORCE", "1")], false),
    ];
    for (args, vars, wanted) in cases {
        let all = [args, &["--force", "--discard-replaced"]].concat();
        let (code, out) = piped(&world, &all, vars);
        assert_eq!(code, Some(1), "{out}");
        assert_eq!(out.contains(red), wanted, "{args:?} {vars:?} {out:?}");
        assert_eq!(out.contains('\x1b'), wanted, "{args:?} {vars:?} {out:?}");
    }
}

#[test]
fn events_say_when_and_how_far() {
    let world = World::new(&[1, 2]);
    let slow = [("JLDCONV_FAULT", "slow=700ms@*")];
    let (code, out) = piped(&world, &["--workers", "1", "--progress", "json"], &slow);
    assert_eq!(code, Some(0));
    let events: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut percent = 0.0;
    for event in &events {
        assert!(event["time"].as_str().unwrap().ends_with('Z'), "{event}");
        let now = event["percent"].as_f64().unwrap();
        assert!(now >= percent && event["elapsed"].is_f64(), "{event}");
        percent = now;
    }
    let named = |name: &str| events.iter().filter(|it| it["event"] == name).collect::<Vec<_>>();
    let done = named("job-finished");
    assert!(done[0]["percent"].as_f64().unwrap() >= 50.0, "{}", done[0]);
    assert_eq!(done[1]["percent"], 100.0);
    assert!(done[0]["eta_seconds"].as_f64().unwrap() > 0.1, "{}", done[0]);
    assert_eq!(named("run-finished")[0]["success"], 2);
    assert!((percent - 100.0).abs() < 1e-9, "{percent}");
}

/// What the command at the end wrote.
fn said(world: &World) -> String {
    fs::read_to_string(world.at("said")).unwrap_or_default()
}

#[test]
fn a_command_runs_when_the_run_has_ended() {
    let world = World::new(&[1, 2]);
    world.put("old/output_00003.jld2", "no JLD2 at all");
    let script = r#"#!/bin/sh
printf '%s\n' "$@" > said
env | grep ^JLDCONV_RUN_ | sort >> said
jq -e . < "$JLDCONV_RUN_REPORT" > /dev/null 2>&1 || head -c 1 "$JLDCONV_RUN_REPORT" >> said
tail -n 1 new/.jldconv/journal-1-of-1.jsonl | cut -c 1-13 >> said
echo for a person
exit ${1#code }
"#;
    world.put("tell", script);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(world.at("tell"), mode).unwrap();
    let command = r#"./tell "code 7" '{outcome} {code}' "{summary}" {other} '$HOME *'"#;
    let ended = world.supervisor(&["old", "new", "--yes", "--on-finish", command]).ends(1);
    assert!(
        ended.err.contains("warning: --on-finish: ./tell ended with exit code 7\n"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("for a person\n") && !ended.out.contains("for a person"));
    let text = said(&world);
    let dir = world.at("").to_string_lossy().trim_end_matches('/').to_owned();
    for line in [
        "code 7",
        "failed 1",
        "Done in part: 2 converted, 0 unchanged, 0 skipped, 1 failed",
        "{other}",
        "$HOME *",
        "JLDCONV_RUN_CODE=1",
        "JLDCONV_RUN_OUTCOME=failed",
        &format!("JLDCONV_RUN_REPORT={dir}/new/.jldconv/report-1-of-1.json"),
        "{\"kind\":\"end\"",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
    }
    let report = world.json("new/.jldconv/report-1-of-1.json");
    assert_eq!((&report["success"], &report["failed"]), (&2.into(), &1.into()));

    fs::remove_file(world.at("old/output_00003.jld2")).unwrap();
    let args =
        ["old", "new", "--yes", "--report", "r.json", "--on-finish", "./tell 'code 0' {report}"];
    let ended = world.supervisor(&args).ends(0);
    assert!(!ended.err.contains("warning"), "{}", ended.err);
    assert!(said(&world).lines().any(|it| it == format!("{dir}/r.json")), "{}", said(&world));
}

#[test]
fn a_command_that_cannot_run_or_does_not_end() {
    let world = World::new(&[1]);
    let with = |command: &str, more: &[&str]| {
        let args = [&["old", "new", "--yes", "--force", "--on-finish", command], more].concat();
        world.supervisor(&args)
    };
    let missing = with("no-such-program x", &[]).ends(2).err;
    assert!(missing.contains("no-such-program is not a program that can be found"), "{missing}");
    assert!(!world.at("new").exists(), "told before anything is done");
    let odd = with("mail 'x", &[]).ends(2).err;
    assert!(odd.contains("' is opened and not closed"), "{odd}");
    let begun = Instant::now();
    let late = with("sleep 600", &["--on-finish-timeout", "1s"]).ends(0).err;
    assert!(late.contains("--on-finish: sleep was killed: it took longer than 1.0 s"), "{late}");
    assert!(begun.elapsed() < Duration::from_mins(1));
    let alone = world.supervisor(&["old", "new", "--yes", "--on-finish-timeout", "1s"]).ends(2).err;
    assert!(alone.contains("--on-finish-timeout goes with --on-finish only"), "{alone}");
    let killed = with("sh -c 'kill -9 $$'", &[]).ends(0).err;
    assert!(killed.contains("--on-finish: sh ended with SIGKILL"), "{killed}");
}
