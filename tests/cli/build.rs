//! What a build tells of itself, gives to shells, and is packed into.

use super::world::{Ended, OLD, World, sample};
use assert_cmd::Command;
use clap::CommandFactory as _;
use jldconv::cli::{JldconvCli, SupervisorCli};
use std::fs;
use std::path::Path;

const PROGRAMS: [&str; 2] = ["jldconv", "jldconv-supervisor"];

fn run(world: &World, program: &str, args: &[&str]) -> Ended {
    Ended::of(&mut world.program(program, args), world).ends(0)
}

#[test]
fn version_is_a_line_and_with_v_what_it_was_built_from() {
    let world = World::new(&[]);
    for program in PROGRAMS {
        let line = format!("{program} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(run(&world, program, &["--version"]).out, line);
        assert_eq!(run(&world, program, &["-V"]).out, line);
        for args in [&["--version", "-v"][..], &["-v", "--version"], &["-vV"], &["--verbose", "-V"]]
        {
            let told = run(&world, program, args).out;
            let names: Vec<&str> =
                told.lines().map(|line| line.split(':').next().unwrap()).collect();
            let first = line.trim_end();
            assert_eq!(
                names,
                [first, "commit", "platform", "optional features", "codecs"],
                "{told}"
            );
            let features = told.lines().find(|line| line.starts_with("optional")).unwrap();
            assert_eq!(features.contains("fault"), cfg!(feature = "fault"), "{told}");
            assert_eq!(features.contains("arrow"), cfg!(feature = "arrow"), "{told}");
            for codec in ["lz4_flex ", "zlib-rs ", "zstd-sys ", "bzip2 "] {
                let version = told.split(codec).nth(1).unwrap_or_else(|| panic!("{codec}: {told}"));
                assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{codec}: {told}");
            }
        }
    }
}

#[test]
fn completions_complete() {
    let world = World::new(&[]);
    for (program, word, expected) in
        [("jldconv", "insp", "inspect"), ("jldconv-supervisor", "--mode=", "in-place")]
    {
        let script = run(&world, program, &["completions", "bash"]).out;
        world.put("completions", &script);
        // As a shell does it: the words so far, the number of the one to complete, its function.
        let asked = format!(
            "source completions; f=$(complete -p {program} | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             COMP_WORDS=({program} {word}); COMP_CWORD=1; \
             [ {word} = --mode= ] && COMP_WORDS=({program} --mode '') && COMP_CWORD=2; \
             $f {program} \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let ended = Ended::of(world.program_at("bash").args(["-c", &asked]), &world).ends(0);
        assert!(ended.out.lines().any(|line| line == expected), "{ended:#?}");
        for shell in ["zsh", "fish", "elvish", "powershell"] {
            assert!(run(&world, program, &["completions", shell]).out.contains(program), "{shell}");
        }
    }
    let ended = world.jldconv(&["completions", "tcsh"]).ends(2);
    assert!(ended.err.contains("possible values: bash"), "{ended:#?}");
}

#[test]
fn each_command_has_a_manual_page() {
    let world = World::new(&[]);
    fs::create_dir(world.at("man")).unwrap();
    for command in [JldconvCli::command(), SupervisorCli::command()] {
        clap_mangen::generate_to(command, world.at("man")).unwrap();
    }
    let pages = world.names("man");
    for page in
        ["jldconv.1", "jldconv-convert.1", "jldconv-supervisor.1", "jldconv-supervisor-slurm.1"]
    {
        assert!(pages.iter().any(|name| name == page), "{page}: {pages:?}");
    }
    let page = fs::read_to_string(world.at("man/jldconv-convert.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("dry\\-run"), "{page}");
}

/// Makes the archive that is given away and runs it where nothing else is: no C library, no shell.
/// Conversions need /proc, by which runs know each other. Takes minutes and needs root.
#[test]
#[ignore = "builds a release"]
fn the_archive_runs_in_an_empty_root_directory() {
    let world = World::new(&[]);
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = std::process::Command::new(here.join("scripts/dist")).arg(world.at("dist")).output();
    let made = made.unwrap();
    let told = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success(), "{told}{}", String::from_utf8_lossy(&made.stderr));
    let archive = told.lines().last().unwrap().to_owned();
    let tar = ["-xzf", &archive, "--strip-components=1", "-C"];
    fs::create_dir(world.at("root")).unwrap();
    Command::new("tar").args(tar).arg(world.at("root")).assert().success();
    for path in [
        "share/man/man1/jldconv.1",
        "share/bash-completion/completions/jldconv-supervisor",
        "share/doc/jldconv/LICENSE-MIT",
        "share/doc/jldconv/THIRD-PARTY-LICENCES.txt",
    ] {
        assert!(world.at("root").join(path).exists(), "{path}");
    }
    fs::create_dir(world.at("root/old")).unwrap();
    for number in 1..=3 {
        world.put(&format!("root/old/output_{number:05}.jld2"), sample(OLD));
    }
    let chroot = |args: &[&str]| {
        Ended::of(world.program_at("chroot").arg(world.at("root")).args(args), &world)
    };
    let first = chroot(&["/bin/jldconv", "--version", "-v"]);
    if first.err.contains("Operation not permitted") {
        eprintln!("skipped: only root can change the root directory");
        return;
    }
    assert!(first.ends(0).out.contains("commit: "));
    let alone = chroot(&["/bin/jldconv", "convert", "/old/output_00001.jld2", "/alone.jld2"]);
    assert!(alone.err.contains("mount -t proc proc /proc"), "{alone:#?}");
    // Random numbers without /dev: tables of Parquet are made with some.
    fs::create_dir(world.at("root/proc")).unwrap();
    let line = format!(
        "mount -t proc proc {0}/proc && exec chroot {0} /bin/jldconv export \
         /old/output_00001.jld2 hydro --to parquet",
        world.at("root").display()
    );
    let ended = Ended::of(world.program_at("unshare").args(["-m", "bash", "-c", &line]), &world);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let mut run = world.program_at(world.at("root/bin/jldconv-supervisor"));
    run.args(["root/old", "root/new", "--workers", "2", "--yes"]);
    let ended = Ended::of(&mut run, &world).ends(0);
    assert!(ended.out.contains("3 converted"), "{ended:#?}");
    let inspected = chroot(&["/bin/jldconv", "inspect", "/new/output_00001.jld2"]).ends(0);
    assert!(inspected.out.contains("nothing to"), "{inspected:#?}");
}
