//! Reports of runs that are not over: at work, killed, shards that wait.

use super::shards::{report, shard};
use super::shards_at_work::{start, wait_until};
use super::world::World;
use serde_json::Value;
use std::fs;
use std::process::Child;

/// A run that is ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn status(world: &World) -> Value {
    serde_json::from_str(&world.supervisor(&["status", "new", "--json"]).ends(3).out).unwrap()
}

/// Waits until of the shard at `place` so many files have ended and so many are at work.
#[track_caller]
fn wait_live(world: &World, (place, notice): (usize, &str), ended: u64, busy: u64) {
    wait_until("files under way", || {
        world.at(notice).exists() && {
            let live = &status(world)["shards"][place]["live"];
            live["ended"] == ended && live["workers"]["busy"] == busy
        }
    });
}

const WHOLE: (usize, &str) = (0, "new/.jldconv/control-1-of-1.json");

/// All that `report` makes: what is printed, the page, the table, what is said beside it.
fn all(world: &World) -> [String; 4] {
    let told = world.supervisor(&["report", "new", "--html", "r.html", "--csv", "r.csv"]).ends(3);
    let read = |name: &str| fs::read_to_string(world.at(name)).unwrap();
    [told.out, read("r.html"), read("r.csv"), told.err]
}

/// What stands in the page's tiles: their names and values.
fn tiles(page: &str) -> Vec<(String, String)> {
    let cards = page.split("<div class=\"cards\">").nth(1).unwrap_or_default();
    let cards = cards.split("</section>").next().unwrap();
    let between = |text: &str, from: &str, to: &str| -> String {
        text.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned()
    };
    let card = |card: &str| (between(card, "<small>", "</small>"), between(card, "<b>", "</b>"));
    cards.split("<div>").skip(1).map(card).collect()
}

/// No figure stands for something that is not known.
#[track_caller]
fn nothing_senseless(told: &str, page: &str) {
    for text in [told, page] {
        for senseless in ["(-)", ">0 B<", "of 0 B", "at most 0 of", "0 of a run's", "0 B read"] {
            assert!(!text.contains(senseless), "{senseless} in\n{text}");
        }
    }
    for (name, value) in tiles(page) {
        let nothing = ["", "0", "0 B", "0 of 1", "0 of 2"].contains(&value.as_str());
        assert!(!nothing || name == "findings mended", "{name}: {value}");
    }
}

#[test]
fn of_a_run_that_is_at_work() {
    let world = World::new(&[1, 2, 3, 4, 5]);
    let args = ["--workers", "2"];
    let mut run = Running(start(&world, &args, "slow=60s@00004,slow=60s@00005"));
    wait_live(&world, WHOLE, 3, 2);
    let [told, page, table, said] = all(&world);
    nothing_senseless(&told, &page);
    assert!(
        told.contains("Running: 3 converted, 0 unchanged, 0 skipped, 0 failed, 2 not "),
        "{told}"
    );
    for part in [
        "\n  progress    3 of 5 files done, 2 at work, ",
        " files/s, ",
        "\n  bytes       1.0 MiB read, ",
        " now\n",
        "\n  violations  0\n",
        "\n  workers     at most 2 of 2 slots busy; ",
        "\n  attempts    3\n",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(page.contains("<span id=\"verdict\" class=\"warn\">Running</span>"), "{page}");
    assert!(page.contains("<p id=\"under-way\">3 of 5 files done, 2 at work, "), "{page}");
    assert!(page.contains("aria-label=\"timeline\""), "bars of those that ended: {page}");
    let names: Vec<_> = tiles(&page).into_iter().map(|(name, _)| name).collect();
    let wanted =
        ["time", "bytes", "a worker's peak memory", "workers", "attempts", "findings mended"];
    assert_eq!(names, wanted);
    for text in [&told, &page] {
        for wrong in ["Interrupted", "run the same command again"] {
            assert!(!text.contains(wrong), "{wrong} in\n{text}");
        }
    }
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(said.contains("r.csv: 3 files so far; 2 left\n"), "{said}");
    let (json, _) = report(&world, 3);
    assert_eq!((&json["interrupted"], &json["finished"]), (&false.into(), &"".into()));
    assert_eq!((&json["pending"], &json["attempts"]), (&2.into(), &3.into()));
    assert_eq!(json["recommendations"], serde_json::json!([]));
    let part = &json["under_way"]["shards"][0];
    assert_eq!((&part["state"], &part["done"]), (&"running".into(), &3.into()));
    assert_eq!((&part["files"], &part["busy"]), (&5.into(), &2.into()));
    for known in
        ["conversion_time", "bytes_read", "memory_limit", "budget", "workers_used", "cores"]
    {
        assert!(json[known].as_f64().unwrap() > 0.0, "{known}: {json}");
    }

    // As if it ran on another machine: the journal tells, and how old that is; what it does not, is not
    // said.
    let mut notice = world.json(WHOLE.1);
    (notice["host"], notice["boot"]) = ("node7".into(), "another".into());
    world.put(WHOLE.1, notice.to_string());
    let [told, page, ..] = all(&world);
    nothing_senseless(&told, &page);
    assert!(told.contains("Running: 3 converted, "), "{told}");
    assert!(told.contains("\n  progress    3 of 5 files done, 60.0 %, "), "{told}");
    assert!(told.contains(", of runs elsewhere as of "), "{told}");
    assert!(!told.contains("violations"), "nobody knows: {told}");

    // Killed, it was interrupted: the journal tells what it had done, and how it was called.
    run.0.kill().unwrap();
    run.0.wait().unwrap();
    let [told, page, ..] = all(&world);
    nothing_senseless(&told, &page);
    assert!(
        told.contains("Interrupted: 3 converted, 0 unchanged, 0 skipped, 0 failed, 2 not "),
        "{told}"
    );
    for part in [
        "\n  progress    3 of 5 files done, 60.0 %\n",
        "\n  bytes       1.0 MiB read, ",
        "\n  workers     at most ",
        " of 2 slots busy; ",
        "\n  attempts    3\n",
        "run the same command again: it goes on where this run stopped\n    jldconv-supervisor old new --workers=2 --yes\n",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(!told.contains("violations"), "nobody knows: {told}");
    assert!(page.contains("<span id=\"verdict\" class=\"warn\">Interrupted</span>"), "{page}");
    let (json, _) = report(&world, 3);
    assert_eq!((&json["interrupted"], &json["attempts"]), (&true.into(), &3.into()));
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    let (json, _) = report(&world, 0);
    assert_eq!((&json["interrupted"], &json["under_way"]), (&false.into(), &Value::Null));
    assert_eq!(json["attempts"], 5, "of both runs");
}

#[test]
fn of_a_run_without_a_file_that_ended() {
    let world = World::new(&[1, 2]);
    let args = ["--workers", "1"];
    let mut run = Running(start(&world, &args, "slow=60s@*"));
    wait_live(&world, WHOLE, 0, 1);
    let [told, page, table, _] = all(&world);
    nothing_senseless(&told, &page);
    assert!(told.contains("Running: 0 converted"), "{told}");
    assert!(told.contains("\n  progress    0 of 2 files done, 1 at work, "), "{told}");
    let names: Vec<_> = tiles(&page).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["time"]);
    assert_eq!(table.lines().count(), 1, "{table}");
    run.0.kill().unwrap();
    run.0.wait().unwrap();
    let [told, page, ..] = all(&world);
    nothing_senseless(&told, &page);
    assert!(told.contains("Interrupted: 0 converted"), "{told}");
    assert_eq!(tiles(&page), []);
}

/// One is done, one was killed, one is at work, one has not begun.
#[test]
fn of_an_array() {
    let world = World::new(&[1, 2, 3, 4, 5, 6, 7, 8]);
    shard(&world, 1, 4).ends(0);
    let second = (1, "new/.jldconv/control-2-of-4.json");
    let mut run = Running(start(&world, &["--shard", "2/4", "--workers", "1"], "slow=60s@*"));
    wait_live(&world, second, 0, 1);
    run.0.kill().unwrap();
    run.0.wait().unwrap();
    let third = (2, "new/.jldconv/control-3-of-4.json");
    let mut run = Running(start(&world, &["--shard", "3/4", "--workers", "1"], "slow=60s@*"));
    wait_live(&world, third, 0, 1);
    let [told, page, ..] = all(&world);
    nothing_senseless(&told, &page);
    let words = "1 of 4 shards is at work (3), 1 of 4 shards has not begun (4), 1 of 4 shards was \
                 interrupted (2), 1 at work";
    for part in [
        "Shards: 1 running, 1 waiting, 1 done, 1 interrupted\n",
        "\nRunning: 2 converted, ",
        &format!("\n  progress    {words}"),
        "shard 2 was interrupted and goes on where it stopped; not those that SLURM has put back ",
        "\n    sbatch --array=2 SCRIPT\n",
        "shard 4 has not begun; where SLURM has no such tasks, submit them\n    sbatch --array=4 SCRIPT\n",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(page.contains(&format!("<p id=\"under-way\">{words}")), "{page}");
    for line in [
        "<tr><td>1</td><td>done</td><td>2 of 2</td><td>0</td>",
        "<tr><td>2</td><td>interrupted</td><td>0 of 2</td><td>0</td><td></td>",
        "<tr><td>3</td><td>running</td><td>0 of 2</td><td>0</td><td>1</td>",
        "<tr><td>4</td><td>waiting</td><td></td><td></td><td></td>",
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    run.0.kill().unwrap();
    run.0.wait().unwrap();
    for index in [2, 3] {
        shard(&world, index, 4).ends(0);
    }
    // Nothing was interrupted any more: one has not begun.
    let [told, page, ..] = all(&world);
    nothing_senseless(&told, &page);
    assert!(told.contains("Waiting: 6 converted, "), "{told}");
    assert!(told.contains("\n  progress    1 of 4 shards has not begun (4)\n"), "{told}");
    assert!(!told.contains("interrupted"), "{told}");
    assert_eq!(report(&world, 3).0["interrupted"], false);
}

/// Where no file was to be worked on, no worker is said to have been idle.
#[test]
fn of_a_run_that_had_nothing_to_do() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    let again = ["old", "new", "--yes", "--report", "again.html"];
    let told = world.supervisor(&again).ends(0).out;
    let page = fs::read_to_string(world.at("again.html")).unwrap();
    assert!(told.contains("\n  workers     none: no file was to be worked on\n"), "{told}");
    for wrong in ["load balance", "bytes  ", "attempts", "a worker's peak"] {
        assert!(!told.contains(wrong), "{wrong} in\n{told}");
    }
    let names: Vec<_> = tiles(&page).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["time", "workers"]);
}
