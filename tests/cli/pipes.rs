//! Readers that go away: `head` behind anything that prints.

use super::world::{World, binary};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

/// A pipe whose reader is gone.
fn broken() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// What prints much or little, and its exit code when it is heard out.
fn commands(world: &World) -> Vec<(&'static str, Vec<String>, i32)> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    [
        ("jldconv", "dump old/output_00001.jld2", 0),
        ("jldconv", "dump old/output_00001.jld2 --json", 0),
        ("jldconv", "inspect old/output_00001.jld2", 0),
        ("jldconv", "inspect --full old/output_00001.jld2 old/output_00002.jld2", 0),
        ("jldconv", "inspect --json old/output_00001.jld2", 0),
        ("jldconv", "convert old/output_00001.jld2 no.jld2 --dry-run", 0),
        ("jldconv", "convert old/output_00001.jld2 one.jld2 --force", 0),
        ("jldconv", "convert old/output_00001.jld2 one.jld2 --force --json", 0),
        ("jldconv", "--help", 0),
        ("jldconv-supervisor", "old no --dry-run", 0),
        ("jldconv-supervisor", "old no --dry-run -v", 0),
        ("jldconv-supervisor", "report new", 0),
        ("jldconv-supervisor", "report new --json", 0),
        ("jldconv-supervisor", "slurm old no --tasks 2", 0),
        ("jldconv-supervisor", "old new --yes", 0),
        ("jldconv-supervisor", "old new --yes --force --progress json", 0),
        ("jldconv-supervisor", "old new --yes --force --progress bar", 0),
        ("jldconv-supervisor", "old new --yes --force -vvv", 0),
        ("jldconv-supervisor", "--help", 0),
        ("jldconv-supervisor", "old none/such/place --range x", 2),
        ("jldconv", "inspect nowhere.jld2", 1),
    ]
    .map(|(program, line, code)| (program, words(line), code))
    .into()
}

fn run(world: &World, program: &str, args: &[String], out: Stdio, err: Stdio) -> Command {
    let mut command = Command::new(binary(program));
    command.args(args).current_dir(world.at("")).stdin(Stdio::null()).stdout(out).stderr(err);
    command
}

/// What is said beside the lines of the log, which begin with a time and differ from run to run.
fn beside_log(said: &str) -> Vec<&str> {
    let is_log = |line: &&str| line.starts_with("20") && line.get(10..11) == Some("T");
    said.lines().filter(|line| !is_log(line)).collect()
}

#[test]
fn a_reader_that_is_gone_ends_nothing_in_an_error() {
    let world = World::new(&[1, 2, 3, 4]);
    for (program, args, code) in commands(&world) {
        let heard = run(&world, program, &args, Stdio::piped(), Stdio::piped()).output().unwrap();
        assert_eq!(heard.status.code(), Some(code), "{args:?}: {heard:?}");
        let unheard = run(&world, program, &args, broken(), Stdio::piped()).output().unwrap();
        let said = String::from_utf8(unheard.stderr).unwrap();
        // What cannot be inspected is told on standard output, which ends it as fine.
        let fine = unheard.status.code() == Some(code) || args[0] == "inspect";
        assert!(fine, "{program} {args:?}: {:?} {said}", unheard.status);
        let whole = String::from_utf8(heard.stderr).unwrap();
        assert_eq!(beside_log(&said), beside_log(&whole), "{program} {args:?}");
        assert_eq!(said.contains(": run finished "), whole.contains(": run finished "), "{said}");
        for out in [Stdio::null(), broken()] {
            let both = run(&world, program, &args, out, broken()).status().unwrap();
            let fine = both.code() == Some(code) || args[0] == "inspect";
            assert!(fine, "{program} {args:?} with nobody at standard error: {both:?}");
        }
    }
    assert_eq!(world.names("new").len(), 4);
    assert!(!world.at("no").exists() && !world.at("no.jld2").exists());
}

#[test]
fn a_reader_that_has_seen_enough() {
    let world = World::new(&(1..=40).collect::<Vec<_>>());
    for (program, args, code) in commands(&world) {
        let mut child =
            run(&world, program, &args, Stdio::piped(), Stdio::piped()).spawn().unwrap();
        // One line, as `head -1` does.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let ended = child.wait().unwrap();
        let fine = ended.code() == Some(code) || args[0] == "inspect";
        assert!(fine, "{program} {args:?}: {ended:?} {said}");
        assert!(!said.contains("panic") && !said.contains("pipe"), "{program} {args:?}: {said}");
    }
}
