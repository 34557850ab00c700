//! How many workers a run takes by itself, as its report and the screen say.

use super::world::World;
use std::path::Path;

/// Slots of a run over small files, with cores, and what the program said.
fn run(world: &World, out: &str, more: &[&str]) -> (usize, usize, String) {
    let args = ["old", out, "--yes", "--report", "report.json"];
    let ended = world.supervisor(&[&args, more].concat()).ends(0);
    let report = world.json("report.json");
    let slots = report["slots"].as_array().unwrap().len();
    (slots, usize::try_from(report["cores"].as_u64().unwrap()).unwrap(), ended.out)
}

/// Whether files at `path` are in memory, as the table of mounts says.
fn in_memory(path: &Path) -> bool {
    let path = path.canonicalize().unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let places = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?.to_owned(), words.next()? == "tmpfs"))
    });
    let holds = places.filter(|(place, _)| path.starts_with(place));
    holds.max_by_key(|(place, _)| place.len()).is_some_and(|(_, memory)| memory)
}

#[test]
fn small_files_on_a_disk_get_two_workers_a_core() {
    let numbers: Vec<u64> = (1..=12).collect();
    let world = World::new(&numbers);
    if in_memory(&world.at("old")) {
        eprintln!("skipped: temporary files are in memory");
        return;
    }
    let (slots, cores, told) = run(&world, "new", &[]);
    assert_eq!(slots, (2 * cores).min(12), "{told}");
    assert!(slots == 12 || told.contains("small files wait for the disk"), "{told}");
    // What somebody says holds.
    assert_eq!(run(&world, "asked", &["--workers=1"]).0, 1);
    assert_eq!(run(&world, "most", &["--max-workers=1"]).0, 1);
    // Who computes does not wait.
    assert_eq!(run(&world, "computed", &["--compress=zstd"]).0, cores.min(12));
    assert_eq!(world.names("new"), world.names("computed"));
}

#[test]
fn in_memory_nobody_waits() {
    let numbers: Vec<u64> = (1..=12).collect();
    let world = World::new(&numbers);
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: no /dev/shm");
        return;
    };
    let out = memory.path().join("new");
    let (slots, cores, told) = run(&world, out.to_str().unwrap(), &[]);
    assert_eq!(slots, cores.min(12), "{told}");
}

#[test]
fn a_worker_gets_no_more_threads_than_there_are_cores() {
    let world = World::new(&[1, 2]);
    let more = ["--workers=1", "--threads-per-worker=4096", "--compress=zstd"];
    let (slots, cores, told) = run(&world, "new", &more);
    assert_eq!(slots, 1);
    assert_eq!(world.json("report.json")["threads_per_worker"], cores, "{told}");
    let why = format!("threads: {cores} of 4096 asked for, {cores} core");
    assert!(told.contains(&why), "{told}");
}
