//! `jldconv-supervisor tune`: settings are measured on a sample, and nothing stays.

use super::world::World;
use serde_json::Value;
use std::fs;

fn names(world: &World) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(world.at(""))
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn settings_are_measured_and_nothing_stays() {
    let world = World::new(&[1, 2, 3, 4]);
    let before = fs::read(world.at("old/output_00001.jld2")).unwrap();
    let args = ["tune", "old", "new", "--rounds", "2", "--max-workers", "2", "--json"];
    let ended = world.supervisor(&[&args[..], &["--html", "tune.html"]].concat()).ends(0);
    let tuned: Value = serde_json::from_str(&ended.out).unwrap();
    let trials = tuned["trials"].as_array().unwrap();
    let workers: Vec<_> = trials.iter().map(|it| it["setting"]["workers"].clone()).collect();
    assert_eq!(workers, [1, 2]);
    for trial in trials {
        let seconds: Vec<f64> =
            trial["seconds"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
        assert_eq!(seconds.len(), 2, "{tuned:#}");
        assert!(seconds.iter().all(|it| *it > 0.0), "{tuned:#}");
        assert!(trial["peak"].as_u64().unwrap() > 1 << 16, "{tuned:#}");
    }
    assert_eq!((&tuned["files"], &tuned["rewritten"]), (&4.into(), &false.into()));
    assert!(tuned["advice"]["advice"].is_string(), "{tuned:#}");
    let page = fs::read_to_string(world.at("tune.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("2 workers"), "{page}");
    assert_eq!(names(&world), ["old", "tune.html"], "outputs of the sample are gone");
    assert_eq!(world.names("old").len(), 4);
    assert_eq!(fs::read(world.at("old/output_00001.jld2")).unwrap(), before);
}

#[test]
fn a_rewrite_has_threads_to_measure() {
    let world = World::new(&[1, 2]);
    let args = [
        "tune",
        "old",
        "new",
        "--rounds",
        "1",
        "--max-workers",
        "1",
        "--compress",
        "zstd",
        "--json",
    ];
    let ended = world.supervisor(&args).ends(0);
    let tuned: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(tuned["rewritten"], true);
    let cores = tuned["cores"].as_u64().unwrap();
    let most =
        tuned["trials"].as_array().unwrap().iter().map(|it| it["setting"]["threads"].as_u64());
    assert_eq!(most.max().unwrap(), Some(cores));
    // Measured once, nothing is known of noise.
    assert_eq!(tuned["advice"]["advice"], "unknown");
}

#[test]
fn what_cannot_be_measured_is_said() {
    let world = World::new(&[1]);
    fs::create_dir(world.at("empty")).unwrap();
    fs::create_dir(world.at("bad")).unwrap();
    world.put("bad/output_00001.jld2", "no JLD2 file");
    for (args, code, words) in [
        (&["tune", "empty", "new"][..], 4, "empty: no file to measure with"),
        (&["tune", "old", "new", "--sample", "1KiB"], 4, "no file is smaller than the sample's"),
        (&["tune", "bad", "new"], 1, "1 of 1 files of the sample could not be converted"),
        (&["tune", "old", "--mode", "in-place"], 2, "in place is not measured"),
        (&["tune", "nowhere", "new"], 2, "nowhere: No such file or directory"),
    ] {
        let ended = world.supervisor(args).ends(code);
        assert!(ended.err.contains(words), "{ended:#?}");
    }
    let ended = world.supervisor(&["tune", "old", "new", "--time", "1ms"]).ends(0);
    assert!(ended.out.contains("time was over"), "{ended:#?}");
    assert!(ended.out.contains("advice      none: each setting"), "{ended:#?}");
    assert_eq!(names(&world), ["bad", "empty", "old"]);
}

/// What a measurement left that was killed goes with the next one, and with the next run.
#[cfg(feature = "fault")]
#[test]
fn nothing_stays_of_one_that_was_killed() {
    use super::shards_at_work::wait_until;
    use super::world::binary;
    let world = World::new(&[1, 2]);
    let left = || names(&world).iter().filter(|it| it.starts_with(".jldconv-sample-")).count();
    for next in
        [&["tune", "old", "new", "--rounds", "1", "--max-workers", "1"][..], &["old", "new"]]
    {
        let mut command = world.plain(binary("jldconv-supervisor"));
        command.args(["tune", "old", "new"]).env("JLDCONV_FAULT", "slow=60s@*");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_until("the sample's place", || left() == 1);
        let alive = world.supervisor(next);
        assert_eq!((alive.code, left()), (Some(0), 1), "one at work keeps its own: {alive:#?}");
        child.kill().unwrap();
        child.wait().unwrap();
        world.supervisor(next).ends(0);
        assert_eq!(left(), 0, "{next:?}");
        let _ = fs::remove_dir_all(world.at("new"));
    }
}
