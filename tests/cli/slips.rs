//! Slips of the keyboard and the mind are answered by the command that was meant.

use super::world::{Ended, World};

fn told(world: &World, program: &str, args: &[&str]) -> (Option<i32>, String) {
    let Ended { code, err, .. } = Ended::of(&mut world.program(program, args), world);
    (code, err)
}

#[test]
fn each_slip_names_the_right_command() {
    let world = World::new(&[1, 2, 3]);
    std::fs::create_dir_all(world.at("deep/run_b")).unwrap();
    std::fs::create_dir_all(world.at("deep/run_a")).unwrap();
    for run in ["run_a", "run_b"] {
        world
            .put(&format!("deep/{run}/output_00001.jld2"), super::world::sample(super::world::OLD));
    }
    std::fs::create_dir(world.at("empty")).unwrap();
    let supervisor = "jldconv-supervisor";
    let slips: &[(&str, &[&str], i32, &str)] = &[
        (supervisor, &["reprot", "new"], 2, "did you mean: jldconv-supervisor report new\n"),
        (supervisor, &["reprot"], 2, "did you mean: jldconv-supervisor report OUTPUT_DIR\n"),
        (
            supervisor,
            &["verfy", "old", "new"],
            2,
            "did you mean: jldconv-supervisor verify old new\n",
        ),
        (
            supervisor,
            &["convert", "old", "new"],
            2,
            "error: jldconv-supervisor has no subcommand \"convert\"\n\
             did you mean: jldconv-supervisor old new\n",
        ),
        (
            supervisor,
            &["convert", "old/output_00001.jld2", "new"],
            2,
            "did you mean: jldconv convert old/output_00001.jld2 new\n",
        ),
        (supervisor, &["convert", "old"], 2, "did you mean: jldconv-supervisor old OUT\n"),
        (
            supervisor,
            &["old", "new", "1..3"],
            2,
            "did you mean: jldconv-supervisor old new --range 1-3\n",
        ),
        (supervisor, &["old", "new", "newer"], 2, "new is not there\n"),
        (
            supervisor,
            &["old/output_00001.jld2", "new.jld2"],
            2,
            "for one file: jldconv convert old/output_00001.jld2 new.jld2\n",
        ),
        (
            supervisor,
            &["old/output_00001.jld2", "old/output_00002.jld2"],
            2,
            "old/output_00002.jld2: the last path is the directory for the outputs: name one",
        ),
        (supervisor, &["old/*.jld2"], 2, "where do the outputs go?"),
        (supervisor, &["old/snap*", "new"], 2, "old/snap*: no file matches"),
        (supervisor, &["--mode", "in-place", "old/output_00001.jld2", "new"], 2, "new: No such"),
        (
            supervisor,
            &["--mode", "in-place", "old", "empty"],
            2,
            "empty: --mode in-place changes the files of one directory",
        ),
        (supervisor, &["old", "--others", "link", "--mode", "in-place"], 2, "exclude each other"),
        (
            supervisor,
            &["--mode", "in-place", "old", "--yes", "--backup-dir", "no where"],
            2,
            "nothing was changed: make it first (mkdir -p 'no where')\n",
        ),
        (supervisor, &["undo", "old"], 2, "did you mean: jldconv undo old\n"),
        (supervisor, &["dump", "old"], 2, "did you mean: jldconv dump old\n"),
        (supervisor, &["old", "new", "--range", "1..3"], 2, "write it as --range 1-3\n"),
        (
            supervisor,
            &["deep", "new"],
            4,
            "2 directories below (run_a ...) hold 2 files: --recursive takes them\n",
        ),
        (supervisor, &["--mode", "inplace", "old"], 2, "a similar value exists: 'in-place'"),
        (supervisor, &["--mode", "in-place", "old"], 2, "say --yes"),
        (supervisor, &["odl", "new"], 2, "did you mean: jldconv-supervisor old new\n"),
        (supervisor, &["'old'", "new"], 2, "did you mean: jldconv-supervisor old new\n"),
        (supervisor, &["./odl", "new"], 2, "did you mean: jldconv-supervisor ./old new\n"),
        (
            supervisor,
            &["odl", "--mode", "in-place"],
            2,
            "did you mean: jldconv-supervisor old --mode in-place\n",
        ),
        ("jldconv", &["inspct", "old"], 2, "did you mean: jldconv inspect old\n"),
        ("jldconv", &["exprt", "old"], 2, "did you mean: jldconv export old\n"),
        ("jldconv", &["slurm", "old"], 2, "did you mean: jldconv-supervisor slurm old\n"),
        ("jldconv", &["reprot", "new"], 2, "did you mean: jldconv-supervisor report new\n"),
        ("jldconv", &["old"], 2, "for a whole archive: jldconv-supervisor old OUT\n"),
        (
            "jldconv",
            &["old/output_00001.jld2"],
            2,
            "jldconv inspect old/output_00001.jld2, or jldconv convert old/output_00001.jld2 OUT\n",
        ),
        ("jldconv", &["inspect", "empty"], 1, "empty: no file in it ends in .jld2\n"),
    ];
    for (program, args, code, words) in slips {
        let (ended, err) = told(&world, program, args);
        assert_eq!(ended, Some(*code), "{program} {args:?}: {err}");
        assert!(err.contains(words), "{program} {args:?}: {err}");
        assert!(
            !world.at("new").exists() && !world.at("old/.jldconv").exists(),
            "{program} {args:?}"
        );
    }
    // What nobody has expanded is no directory of that name.
    let home = |args: &[&str]| {
        let mut command = world.program(supervisor, args);
        command.env("HOME", world.at(""));
        Ended::of(&mut command, &world).ends(2).err
    };
    let err = home(&["~/old", "new"]);
    assert!(err.contains("did you mean: jldconv-supervisor DIR/old new\n"), "{err}");
    let err = home(&["old", "~/new"]);
    assert!(err.contains("between quotes or in a file: write DIR/new\n"), "{err}");
    assert!(!world.at("~").exists() && !world.at("new").exists());
    // One guess is made, not clap's beside ours.
    for word in ["report", "reprot", "exprt", "inspct"] {
        let (_, err) = told(&world, "jldconv", &[word, "old"]);
        assert_eq!(err.matches("did you mean").count(), 1, "{err}");
        assert!(!err.contains("similar subcommand"), "{err}");
    }
    // What is like nothing is like nothing.
    let (_, err) = told(&world, supervisor, &["simulations", "new"]);
    assert!(!err.contains("did you mean"), "{err}");
}

#[test]
fn a_directory_can_be_inspected() {
    let world = World::new(&[1, 2, 3, 4]);
    world.put("old/notes.txt", "x");
    let whole = world.jldconv(&["inspect", "old"]).ends(0).out;
    let named = world
        .jldconv(&[
            "inspect",
            "old/output_00001.jld2",
            "old/output_00002.jld2",
            "old/output_00003.jld2",
            "old/output_00004.jld2",
        ])
        .ends(0)
        .out;
    assert_eq!(whole, named);
    assert_eq!(whole.matches("output_0000").count(), 4, "{whole}");
}

#[test]
fn no_sbatch_is_not_our_fault() {
    let world = World::new(&[1]);
    let mut command =
        world.program("jldconv-supervisor", &["slurm", "old", "new", "--tasks", "1", "--submit"]);
    let ended = Ended::of(command.env("PATH", "/nowhere"), &world).ends(2);
    assert!(ended.err.contains("there is no sbatch here"), "{ended:#?}");
}

#[test]
fn mode_and_space_are_told_before_a_run() {
    let world = World::new(&[1, 2]);
    let ended = world.supervisor(&["old", "new"]).ends(0);
    assert!(ended.out.contains("  mode        auto: patched copies"), "{ended:#?}");
    assert!(ended.out.contains("  space       ") && ended.out.contains(" free on "), "{ended:#?}");
    let ended = world.supervisor(&["old", "--mode", "in-place", "--yes"]).ends(0);
    assert!(ended.out.contains("in-place: the files themselves change"), "{ended:#?}");
    assert!(ended.out.contains("jldconv undo FILE"), "{ended:#?}");
}

/// Not the block's arithmetic: a file system that is too small, and a run that meets it.
#[test]
fn a_place_that_is_too_small_is_told_before() {
    let world = World::new(&[1, 2, 3]);
    let supervisor = super::world::binary("jldconv-supervisor");
    let line = format!("{} old small --on-full fail", supervisor.display());
    let Some(ended) = world.with_small("size=700k", &line) else { return };
    assert_ne!(ended.code, Some(0), "{ended:#?}");
    let (told, full) = (ended.out.find("the outputs take about"), ended.out.find("[1/3]"));
    assert!(told.is_some() && told < full, "{ended:#?}");
    assert!(ended.out.contains("--mode in-place needs no copies"), "{ended:#?}");
}

/// A terminal does not obey what somebody put into an argument.
#[test]
fn arguments_with_control_characters_are_shown_tamed() {
    let world = World::new(&[1]);
    for args in [
        &["slurm", "old", "new", "--tasks", "1", "--partition", "a\u{1b}[31mb"][..],
        &["old", "new", "--range", "\u{1b}]0;x\u{7}"],
        &["\u{1b}[2J", "new"],
    ] {
        let (code, err) = told(&world, "jldconv-supervisor", args);
        assert_eq!(code, Some(2), "{err}");
        assert!(!err.contains('\u{1b}') && !err.contains('\u{7}'), "{err:?}");
    }
}

#[test]
fn slurm_checks_its_values_and_says_how_to_submit() {
    let world = World::new(&[1, 2, 3]);
    let slurm = |more: &[&str]| {
        let args = [&["slurm", "old", "new", "--tasks", "2"][..], more].concat();
        Ended::of(&mut world.program("jldconv-supervisor", &args), &world)
    };
    let ended = slurm(&["--time", "04:00:00", "--mem", "8G"]).ends(0);
    assert!(ended.out.contains("#SBATCH --time=04:00:00"), "{ended:#?}");
    assert!(ended.err.contains("run sbatch FILE") && !ended.err.contains("warning"), "{ended:#?}");
    // To a file: the same script.
    let written = slurm(&["--time", "04:00:00", "--mem", "8G", "-o", "my job.sh"]).ends(0);
    assert_eq!((&*written.out, &*written.err), ("", "to submit it: sbatch 'my job.sh'\n"));
    let saved = std::fs::read_to_string(world.at("my job.sh")).unwrap();
    let dir = world.at("").to_string_lossy().trim_end_matches('/').to_owned();
    assert_eq!(saved.replace(&dir, "DIR"), ended.out, "as it is printed");
    let nowhere = slurm(&["-o", "none/job.sh"]).ends(2);
    assert!(nowhere.err.contains("none/job.sh: No such file"), "{nowhere:#?}");
    let data = slurm(&["-o", "old/output_00001.jld2"]).ends(2);
    assert!(data.err.contains("output_00001.jld2: "), "{data:#?}");
    let ended = slurm(&["--tasks", "20"]);
    assert_eq!(ended.code, Some(2), "given twice: {ended:#?}");
    let args = ["slurm", "old", "new", "--tasks", "20"];
    let ended = Ended::of(&mut world.program("jldconv-supervisor", &args), &world).ends(0);
    let warning = "20 tasks for 3 files: 17 would have nothing to do; --tasks 3 are enough";
    assert!(ended.err.contains(warning), "{ended:#?}");
    for (more, words) in [
        (&["--time", "4h"][..], "hours:minutes:seconds (04:00:00)"),
        (&["--mem", "8GB"], "write a number with K, M, G or T"),
        (&["--time", "1:30"], "it would take no file"),
    ] {
        let ended = slurm(more).ends(2);
        assert!(ended.err.contains(words) && ended.out.is_empty(), "{ended:#?}");
    }
}

/// A run says where its settings come from, and `doctor` does.
#[test]
fn the_config_file_is_named() {
    let world = World::new(&[1]);
    world.put("jldconv.toml", "workers = 1\n");
    let ended = world.supervisor(&["old", "new"]).ends(0);
    assert!(ended.out.contains("  settings    jldconv.toml\n"), "{ended:#?}");
    let ended = world.jldconv(&["doctor"]).ends(0);
    assert!(ended.out.contains("jldconv.toml is read; flags go before it"), "{ended:#?}");
    world.put("jldconv.toml", "wrokers = 1\n");
    let ended = world.jldconv(&["doctor"]).ends(1);
    assert!(ended.out.contains("unknown key `wrokers`"), "{ended:#?}");
}

#[test]
fn journals_without_a_run_are_no_run() {
    let world = World::new(&[1]);
    std::fs::create_dir_all(world.at("new/.jldconv")).unwrap();
    world.put("new/.jldconv/journal-1-of-1.jsonl", "garbage\n");
    let ended = world.supervisor(&["report", "new"]).ends(4);
    assert!(ended.err.contains("new: no run has begun here"), "{ended:#?}");
    assert!(!ended.out.contains("-0.0"), "{ended:#?}");
}

#[test]
fn a_dry_run_says_that_outputs_would_lie_in_the_archive() {
    let world = World::new(&[1]);
    let ended = world.supervisor(&["old", "old/out", "--dry-run"]).ends(0);
    let said = "the output directory DIR/old/out lies in the archive";
    assert!(ended.err.contains(said), "{ended:#?}");
    assert!(!world.at("old/out").exists());
}

/// Others could have prepared what lies there: said before a run is refused for it, with a command
/// that a shell takes.
#[test]
fn doctor_looks_at_what_earlier_runs_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new(&[1]);
    std::fs::create_dir_all(world.at("my new/.jldconv")).unwrap();
    let own = world.at("my new/.jldconv");
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).unwrap();
    let ended = world.jldconv(&["doctor", "old", "my new"]).ends(1);
    assert!(ended.out.contains("problem output: earlier runs"), "{ended:#?}");
    assert!(ended.out.contains("`chmod go-w 'my new/.jldconv'`"), "{ended:#?}");
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ended = world.jldconv(&["doctor", "old", "my new"]).ends(0);
    assert!(ended.out.contains("output: earlier runs"), "{ended:#?}");
}

#[test]
fn doctor_misses_proc() {
    let world = World::new(&[1]);
    let doctor = super::world::binary("jldconv");
    let line = format!("mount -t tmpfs none /proc || exit 99; exec {} doctor", doctor.display());
    let mut command = world.program_at("unshare");
    let ended = Ended::of(command.args(["-m", "bash", "-c", &line]), &world);
    if ended.code == Some(99) || ended.err.contains("Operation not permitted") {
        eprintln!("skipped: this user cannot mount file systems: {}", ended.err);
        return;
    }
    let ended = ended.ends(1);
    assert!(ended.out.contains("problem workers"), "{ended:#?}");
    assert!(ended.out.contains("mount -t proc proc /proc"), "{ended:#?}");
}

/// In a build that causes no faults, asking for one is a mistake.
#[cfg(not(feature = "fault"))]
#[test]
fn faults_are_not_asked_for_in_vain() {
    let world = World::new(&[1]);
    for (program, args) in
        [("jldconv-supervisor", &["old", "new"][..]), ("jldconv", &["inspect", "old"])]
    {
        for name in ["JLDCONV_FAULT", "JLDCONV_CRASH_AT", "JLDCONV_FLIP"] {
            let mut command = world.program(program, args);
            let ended = Ended::of(command.env(name, "x"), &world).ends(2);
            assert!(ended.err.contains(&format!("{name} is set, but this build")), "{ended:#?}");
        }
    }
    assert!(!world.at("new").exists());
}

/// A pattern of all names is about files: the directory of the outputs, and others, are gone through.
#[test]
fn a_pattern_of_all_names_takes_no_directory_for_a_file() {
    let world = World::new(&[1]);
    std::fs::create_dir_all(world.at("old/sub")).unwrap();
    std::fs::copy(world.at("old/output_00001.jld2"), world.at("old/sub/a.dat")).unwrap();
    let args = ["old", "old/out", "-r", "--match", "*"];
    for skipped in [0, 2] {
        let ended = world.supervisor(&args).ends(0);
        assert!(ended.out.contains(&format!("{skipped} skipped, 0 failed")), "{ended:#?}");
        assert_eq!(world.names("old/out"), ["output_00001.jld2", "sub"]);
    }
}

/// Where there were exports only, that is said, and of what.
#[test]
fn exports_are_no_conversion_and_are_told() {
    let world = World::new(&[1]);
    world.supervisor(&["export", "old", "tables", "hydro", "--to", "npz"]).ends(0);
    for (command, code) in [("status", 2), ("report", 4)] {
        let ended = world.supervisor(&[command, "tables"]).ends(code);
        let said = "tables: no archive was converted here. There was: export of 1 file, begun at ";
        assert!(ended.err.contains(said), "{ended:#?}");
    }
}

/// A place where nothing can be made is told before the archive is read.
#[test]
fn a_series_that_could_not_be_written_does_not_begin() {
    let world = World::new(&[1]);
    world.put("old/output_00002.jld2", "no JLD2 at all");
    for flag in ["--out", "--plot"] {
        let path = if flag == "--out" { "/proc/self/s.csv" } else { "/proc/self/s.png" };
        let ended = world.supervisor(&["series", "old", flag, path]).ends(2);
        assert!(ended.err.starts_with(&format!("error: {path}: ")), "{ended:#?}");
        assert!(!ended.err.contains("its row is empty"), "{ended:#?}");
    }
}

#[test]
fn every_refusal_ends_its_line() {
    let world = World::new(&[1]);
    for args in [&["old", "new", "--worker", "2"][..], &["slurm", "old", "new"], &["reprot", "new"]]
    {
        let ended = world.supervisor(args).ends(2);
        assert!(ended.err.ends_with('\n'), "{ended:#?}");
        assert!(!ended.err.ends_with("\n\n"), "{ended:#?}");
    }
}
