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
        (
            supervisor,
            &["old/output_00001.jld2", "new"],
            2,
            "for one file: jldconv convert old/output_00001.jld2 new\n",
        ),
        (supervisor, &["reprot", "new"], 2, "did you mean: jldconv-supervisor report new\n"),
        (supervisor, &["undo", "old"], 2, "did you mean: jldconv undo old\n"),
        (supervisor, &["dump", "old"], 2, "did you mean: jldconv dump old\n"),
        (supervisor, &["old", "new", "--range", "1..3"], 2, "write it as --range 1-3\n"),
        (
            supervisor,
            &["old/output_00001.jld2", "old/output_00002.jld2", "old/output_00003.jld2", "new"],
            2,
            "name the directory: jldconv-supervisor old OUT --range FIRST-LAST\n",
        ),
        (
            supervisor,
            &["deep", "new"],
            4,
            "2 directories below (run_a ...) hold 2 files: --recursive takes them\n",
        ),
        (supervisor, &["--mode", "inplace", "old"], 2, "a similar value exists: 'in-place'"),
        (supervisor, &["--mode", "in-place", "old"], 2, "say --yes"),
        ("jldconv", &["inspct", "old"], 2, "a similar subcommand exists: 'inspect'"),
        ("jldconv", &["slurm", "old"], 2, "did you mean: jldconv-supervisor slurm\n"),
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
