//! A run is asked, and told to end, from another process.

use super::shards::shard;
use super::shards_at_work::{start, wait_until};
use super::world::{World, binary};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

const SOCKET: &str = "new/.jldconv/control-1-of-1.sock";
const NOTICE: &str = "new/.jldconv/control-1-of-1.json";

/// A run with workers that take `fault`, ended when it is dropped.
struct Running(Child);

impl Running {
    fn start(world: &World, args: &[&str], fault: &str) -> Self {
        Self(start(world, args, fault))
    }

    #[track_caller]
    fn ends(mut self, code: i32) {
        assert_eq!(self.0.wait().unwrap().code(), Some(code));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `status --json` tells.
fn status(world: &World, code: i32) -> Value {
    let told = world.supervisor(&["status", "new", "--json"]).ends(code);
    assert_eq!(told.err, "");
    serde_json::from_str(&told.out).unwrap()
}

/// Waits until so many slots of the only run are busy.
#[track_caller]
fn wait_busy(world: &World, busy: u64) {
    wait_until("busy slots", || {
        world.at(NOTICE).exists()
            && status(world, 3)["shards"][0]["live"]["workers"]["busy"] == busy
    });
}

#[test]
fn a_run_says_what_it_is_doing() {
    let world = World::new(&[2, 3, 4, 5]);
    // Larger than the others, for the largest come first.
    world.put("old/output_00001.jld2", vec![0; 400_000]);
    let run = Running::start(&world, &["--workers", "2"], "slow=60s@00004,slow=60s@00005");
    wait_until("the first files", || {
        world.at(NOTICE).exists() && status(&world, 3)["shards"][0]["live"]["ended"] == 3
    });
    let told = status(&world, 3);
    let live = &told["shards"][0]["live"];
    assert_eq!((&told["shards"][0]["asked"], &live["state"]), (&"run".into(), &"running".into()));
    assert_eq!(
        (&live["converted"], &live["failed"], &live["jobs"]),
        (&2.into(), &1.into(), &5.into())
    );
    assert_eq!((live["pid"].as_u64(), &live["shard"]), (Some(run.0.id().into()), &"1/1".into()));
    let names: Vec<_> =
        live["slots"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"output_00004.jld2") && names.contains(&"output_00005.jld2"));
    let percent = live["percent"].as_f64().unwrap();
    assert!((59.0..70.0).contains(&percent), "{percent}");
    assert_eq!(live["failures"][0]["name"], "output_00001.jld2");
    let seen = world.supervisor(&["status", "new"]).ends(3).out;
    for part in [
        &format!("Run running, process {} on ", run.0.id()) as &str,
        "3 of 5 files done: 2 converted, 0 unchanged, 0 skipped, 1 failed; 0 wait\n",
        "  memory      ",
        "; violations 0\n",
        "  workers     2 of 2 busy (as asked)\n",
        "output_00004.jld2  ",
        "  failed      output_00001.jld2  input: ",
    ] {
        assert!(seen.contains(part), "{part} in\n{seen}");
    }
}

#[test]
fn a_run_is_drained_and_stopped_from_elsewhere() {
    let world = World::new(&[1, 2, 3, 4]);
    let nothing = world.supervisor(&["drain", "new"]).ends(2).err;
    assert!(nothing.contains("No such file"), "{nothing}");
    let run = Running::start(&world, &["--workers", "2"], "slow=3s@*");
    wait_busy(&world, 2);
    let told = world.supervisor(&["drain", "new"]).ends(0);
    assert_eq!(told.out, "the run: finishes 2 files and takes no more\n");
    let again = world.supervisor(&["drain", "new"]).ends(0);
    assert_eq!(again.out, "the run: ends already\n", "twice is not a stop");
    assert_eq!(status(&world, 3)["shards"][0]["live"]["state"], "draining");
    run.ends(3);
    assert_eq!(world.names("new").len(), 2, "what ran was finished");
    assert!(!world.at(SOCKET).exists() && !world.at(NOTICE).exists(), "nothing is left behind");
    let said = fs::read_to_string(world.at("said")).unwrap();
    assert!(said.contains("drain, asked by process "), "{said}");

    let run = Running::start(&world, &["--workers", "2"], "slow=60s@*");
    wait_busy(&world, 2);
    let other = world.supervisor(&["stop", "new", "--shard", "1/2"]).ends(4).err;
    assert!(other.contains("no run is at work here on part 1/2"), "{other}");
    let told = world.supervisor(&["stop", "new"]).ends(0);
    assert_eq!(told.out, "the run: stops 2 files; they come again in the next run\n");
    run.ends(3);
    assert_eq!(world.names("new").len(), 2, "what ran was stopped");
    let nobody = world.supervisor(&["stop", "new"]).ends(4).err;
    assert!(nobody.contains("no run is at work here; status says"), "{nobody}");
    let last = world.supervisor(&["status", "new"]).ends(3).out;
    assert!(last.contains("No run is at work here. The last: interrupted"), "{last}");
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    let last = world.supervisor(&["status", "new"]).ends(0).out;
    assert!(last.contains("The last: done, 4 of 4 files, at 20"), "{last}");
}

#[test]
fn who_plays_tricks_on_the_socket_holds_nothing_up() {
    let world = World::new(&[1, 2, 3, 4]);
    let run = Running::start(&world, &["--workers", "2"], "slow=4s@*");
    wait_busy(&world, 2);
    let mode = fs::symlink_metadata(world.at(SOCKET)).unwrap();
    assert!(mode.file_type().is_socket() && mode.mode() & 0o777 == 0o600, "{mode:?}");
    let mut held = Vec::new();
    for number in 0..60_usize {
        let mut guest = UnixStream::connect(world.at(SOCKET)).unwrap();
        // Nobody minds whether these are read.
        let _ = match number % 4 {
            0 => guest.write_all(&vec![0; 100_000]),
            1 => guest.write_all(b"{\"ask\":\"li"),
            2 => guest.write_all(b"{\"ask\":\"format the disk\"}\n"),
            _ => Ok(()),
        };
        held.push(guest);
    }
    let told = status(&world, 3);
    assert_eq!(told["shards"][0]["asked"], "run", "{told}");
    let mut answer = String::new();
    let mut guest = UnixStream::connect(world.at(SOCKET)).unwrap();
    guest.write_all(b"[1, 2]\n").unwrap();
    guest.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"answer\":\"refused\",\"why\":\"not a question: "), "{answer}");
    drop(held);
    run.ends(0);
    assert_eq!(world.names("new").len(), 4);
}

#[test]
fn what_the_dead_left_is_replaced() {
    let world = World::new(&[1, 2]);
    let mut run = Running::start(&world, &["--workers", "1"], "slow=60s@*");
    wait_busy(&world, 1);
    run.0.kill().unwrap();
    run.0.wait().unwrap();
    assert!(world.at(SOCKET).exists() && world.at(NOTICE).exists(), "killed, it cleaned nothing");
    let seen = world.supervisor(&["status", "new"]).ends(3).out;
    assert!(seen.contains("No run is at work here. The last: interrupted"), "{seen}");
    world.supervisor(&["stop", "new"]).ends(4);
    // A link to somewhere else, and a file, are not listened at either.
    fs::remove_file(world.at(SOCKET)).unwrap();
    world.put("precious", "theirs");
    symlink(world.at("precious"), world.at(SOCKET)).unwrap();
    let run = Running::start(&world, &["--workers", "1"], "slow=2s@*");
    wait_busy(&world, 1);
    assert_eq!(fs::read_to_string(world.at("precious")).unwrap(), "theirs");
    run.ends(0);
}

#[test]
fn where_there_can_be_no_socket_it_is_elsewhere() {
    let world = World::new(&[1]);
    fs::create_dir_all(world.at(SOCKET)).unwrap();
    let run = Running::start(&world, &["--workers", "1"], "slow=3s@*");
    wait_busy(&world, 1);
    let notice = world.json(NOTICE);
    assert!(notice["elsewhere"].as_str().unwrap().contains("jldconv-"), "{notice}");
    world.supervisor(&["drain", "new"]).ends(0);
    run.ends(0);
}

#[test]
fn however_long_the_directory_is() {
    let world = World::new(&[1]);
    let deep: String = (0..12).map(|_| "a-directory-with-a-long-name/").collect();
    fs::create_dir_all(world.at(&deep)).unwrap();
    fs::rename(world.at("old"), world.at(&format!("{deep}/old"))).unwrap();
    let (old, new) = (format!("{deep}/old"), format!("{deep}/new"));
    symlink(world.at(&new), world.at("new")).unwrap();
    let mut command = Command::new(binary("jldconv-supervisor"));
    command.args([&old, &new, "--yes"]).current_dir(world.at(""));
    command.env("JLDCONV_FAULT", "slow=3s@*").stdin(Stdio::null()).stdout(Stdio::null());
    let run = Running(command.spawn().unwrap());
    wait_busy(&world, 1);
    assert_eq!(world.json(NOTICE)["elsewhere"], Value::Null, "beside the journal all the same");
    world.supervisor(&["drain", &new]).ends(0);
    run.ends(0);
}

#[test]
fn of_a_run_on_another_machine_the_journal_tells() {
    let world = World::new(&[1, 2, 3, 4]);
    let _run = Running::start(
        &world,
        &["--workers", "1"],
        "slow=400ms@00001,slow=400ms@00002,slow=60s@00003",
    );
    wait_until("two files", || {
        world.at(NOTICE).exists() && status(&world, 3)["shards"][0]["live"]["ended"] == 2
    });
    let mut notice = world.json(NOTICE);
    (notice["host"], notice["boot"]) = ("node7".into(), "another".into());
    world.put(NOTICE, notice.to_string());
    let told = status(&world, 3);
    let shard = &told["shards"][0];
    assert_eq!((&shard["asked"], &shard["live"]), (&"journal".into(), &Value::Null));
    assert_eq!((&shard["ended"], &shard["jobs"]), (&2.into(), &4.into()));
    assert!((0.0..60.0).contains(&shard["age_seconds"].as_f64().unwrap()), "{shard}");
    assert_eq!(shard["percent"], 50.0);
    assert!(shard["eta_seconds"].as_f64().unwrap() > 0.0);
    let seen = world.supervisor(&["status", "new"]).ends(3).out;
    assert!(
        seen.contains("  by journal  it runs on node7, this is another machine; what follows is "),
        "{seen}"
    );
    assert!(seen.contains("  progress    50.0 %, 2 of 4 files, ETA "), "{seen}");
    let refused = world.supervisor(&["drain", "new"]).ends(1).err;
    let words = "the run: it runs on node7, this is another machine; there: ssh node7 \
                 jldconv-supervisor drain OUT\n";
    assert!(refused.contains(words), "{refused}");
    // Nonsense in its place is as if there were nothing.
    world.put(NOTICE, "\u{0}\u{0}{");
    let seen = world.supervisor(&["status", "new"]).ends(3).out;
    assert!(seen.contains("it does not say where it can be asked"), "{seen}");
}

#[test]
fn another_user_reads_the_journal_only() {
    let world = World::new(&[1, 2]);
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    fs::set_permissions(world.at(""), fs::Permissions::from_mode(0o755)).unwrap();
    let _run = Running::start(&world, &["--workers", "1"], "slow=60s@*");
    wait_busy(&world, 1);
    let program = world.at("program");
    fs::copy(binary("jldconv-supervisor"), &program).unwrap();
    let as_nobody = |what: &str| {
        let mut command = Command::new(&program);
        command.args([what, "new"]).current_dir(world.at("")).uid(65534).gid(65534);
        command.output().unwrap()
    };
    let seen = as_nobody("status");
    let text = String::from_utf8_lossy(&seen.stdout);
    assert!(text.contains("by journal  it belongs to another user"), "{seen:?}");
    let refused = as_nobody("stop");
    let text = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text.contains("it belongs to another user"), "{text}");
    // Where the mode of the socket does not keep them out, the user id does.
    fs::set_permissions(world.at(SOCKET), fs::Permissions::from_mode(0o777)).unwrap();
    let seen = as_nobody("status");
    let text = String::from_utf8_lossy(&seen.stdout);
    assert!(text.contains("by journal  "), "{seen:?}");
    assert_eq!(status(&world, 3)["shards"][0]["live"]["state"], "running");
}

#[test]
fn which_shards_to_submit_again() {
    let world = World::new(&[1, 2, 3, 4, 5]);
    world.put("old/output_00006.jld2", "no JLD2 at all");
    shard(&world, 1, 6).ends(0);
    shard(&world, 6, 6).ends(1);
    let run = Running::start(&world, &["--shard", "3/6"], "slow=60s@*");
    let notice = world.at("new/.jldconv/control-3-of-6.json");
    wait_until("the third shard", || {
        notice.exists() && status(&world, 3)["shards"][2]["live"]["workers"]["busy"] == 1
    });
    let seen = world.supervisor(&["status", "new"]).ends(3).out;
    for part in [
        "Shards: 1 running, 3 waiting, 1 done, 1 failed\n",
        &format!("Shard 3/6 running, process {} on ", run.0.id()),
        "Submit again: sbatch --array=6 SCRIPT\n",
        "jldconv-supervisor slurm DIR/old DIR/new --tasks 6\n",
        "--resume-failed",
        "Not begun: 2,4-5; if squeue has no such tasks: sbatch --array=2,4-5 SCRIPT\n",
    ] {
        assert!(seen.contains(part), "{part} in\n{seen}");
    }
    let told = status(&world, 3);
    assert_eq!((&told["again"], &told["waiting"]), (&[6].into(), &[2, 4, 5].into()));
    let stopped = world.supervisor(&["stop", "new", "--shard", "3/6"]).ends(0).out;
    assert_eq!(stopped, "3/6: stops 1 file; it comes again in the next run\n");
    run.ends(3);
    assert_eq!(status(&world, 3)["again"], Value::from([3, 6].to_vec()));
}
