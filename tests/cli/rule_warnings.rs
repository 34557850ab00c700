//! Archives of any names, and what a run says of rules that met nothing: with several workers, in
//! shards, and where an earlier run did a part.

use super::world::{Ended, World};
use std::fs;
use std::path::Path;

const RULES: &str = "[[rule]]\nid = \"renamed\"\nfrom = [\"Main.Sim.Renamed\"]\n\
     rename = { old_name = \"new_name\" }\n\
     [[rule]]\nid = \"slip\"\nfrom = [\"Main.Sim.Outter\"]\ndrop = [\"k\"]\n";

const NAMES: [&str; 4] = [
    "a=1_b=2.jld2",
    "ocean_iteration100.jld2",
    "sub/checkpoint_iteration5.jld2",
    "sub/deeper/model=big_seed=0.5.jld2",
];

/// One file that the first rule is for, under a name of DrWatson's, and others.
fn archive() -> World {
    let world = World::new(&[]);
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/packages");
    let [with, without] = ["UserModule/old-1.jld2", "DataFrames/old-1.3.6.jld2"]
        .map(|name| fs::read(packages.join(name)).unwrap());
    fs::create_dir_all(world.at("in/sub/deeper")).unwrap();
    for (i, name) in NAMES.iter().enumerate() {
        world.put(&format!("in/{name}"), if i == 0 { &with } else { &without });
    }
    world.put("rules.toml", RULES);
    world
}

fn run(world: &World, more: &[&str]) -> Ended {
    let args = ["in", "out", "--recursive", "--rules", "rules.toml", "--target", "julia-2026"];
    world.supervisor(&[&args[..], more].concat()).ends(0)
}

/// What is warned of in the summary.
fn warned(ended: &Ended) -> Vec<String> {
    let all = format!("{}{}", ended.out, ended.err);
    let lines = all.lines().filter_map(|line| line.trim_start().strip_prefix("warning "));
    lines.map(|line| line.trim().to_owned()).filter(|line| line.contains("rule")).collect()
}

#[test]
fn names_of_any_kind_are_taken_and_unmet_rules_are_told_once() {
    let world = archive();
    let ended = run(&world, &["--match", "*.jld2", "--workers", "2"]);
    for name in NAMES {
        assert!(world.at(&format!("out/{name}")).is_file(), "{name}");
    }
    let slip =
        "no file has a type that the rule slip is for; did you mean Main.Sim.Outer, 3 objects?";
    assert_eq!(warned(&ended), [slip]);
    // All of it again: what was done before is not looked into.
    let again = run(&world, &["--match", "*.jld2"]);
    assert_eq!(warned(&again), [""; 0]);
}

#[test]
fn a_pattern_takes_its_files_alone() {
    let world = archive();
    run(&world, &["--match", "*_iteration*.jld2"]);
    let made = NAMES.map(|name| world.at(&format!("out/{name}")).is_file());
    assert_eq!(made, [false, true, true, false]);
}

#[test]
fn a_rule_that_an_earlier_run_carried_out_is_not_warned_of() {
    let world = archive();
    assert_eq!(warned(&run(&world, &["--match", "a=*"])).len(), 1);
    assert_eq!(warned(&run(&world, &["--match", "*.jld2"])), [""; 0]);
}

#[test]
fn a_shard_speaks_of_its_own_files() {
    let world = archive();
    let [first, second] =
        ["1/2", "2/2"].map(|shard| warned(&run(&world, &["--match", "*.jld2", "--shard", shard])));
    for line in first.iter().chain(&second) {
        assert!(line.starts_with("no file of this shard has a type that the rule "), "{line}");
    }
    let renamed = [&first, &second].map(|lines| lines.iter().any(|l| l.contains("renamed")));
    assert_eq!(renamed.iter().filter(|unmet| **unmet).count(), 1, "{first:?} {second:?}");
}

/// A rule whose types are there, but not what it asks of them, in one file, and another whose types are not.
#[test]
fn conditions_that_never_hold_are_told_with_what_is_there() {
    let world = archive();
    world.put(
        "asks.toml",
        b"[[rule]]\nid = \"asks\"\nfrom = [\"Main.Sim.Renamed\"]\nwhen = { has = [\"oldname\"] }\n\
          rename = { oldname = \"new_name\" }\n\
          [[rule]]\nid = \"holds\"\nfrom = [\"Main.Sim.Added\"]\nwhen = { lacks = [\"tol\"] }\n\
          add = [[\"tol\", { float64 = 0.5 }]]\n",
    );
    let args = ["in", "out", "--match", "*.jld2", "--recursive", "--rules", "asks.toml"];
    let ended = world.supervisor(&args).ends(0);
    let said = "what the rule asks asks for holds for nothing in any file: Main.Sim.Renamed has no \
                field oldname";
    assert_eq!(warned(&ended), [said]);
    // What one file was converted by needs nothing there any more, which is told of it alone.
    let files = [format!("in/{}", NAMES[0]), format!("out/{}", NAMES[0])];
    let args = [&["rules", "test", "asks.toml"][..], &[&*files[0], &*files[1]]].concat();
    let told = world.jldconv(&args).ends(0).out;
    let holds = "  holds: what the rule holds asks for holds for nothing in the file: \
                 Main.Sim.Added has the field tol\n";
    assert_eq!(told.matches(holds).count(), 1, "{told}");
    let asks = "  asks: what the rule asks asks for holds for nothing in the file: \
                Main.Sim.Renamed has no field oldname\n";
    assert_eq!(told.matches(asks).count(), 2, "{told}");
}
