//! `jldconv-supervisor` from outside.

use crate::world::{CURRENT, Ended, World, binary, sample};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

#[test]
fn help_and_version() {
    let world = World::new(&[]);
    let help = world.supervisor(&["--help"]).ends(0);
    assert!(help.out.contains("Examples:") && help.out.contains("--safety-margin"), "{}", help.out);
    assert!(!help.out.contains("__worker"), "workers are not for people");
    let text = help.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("is made again if its input changed, or if the target"), "{text}");
    let version = world.supervisor(&["--version"]).ends(0);
    assert_eq!(version.out, concat!("jldconv-supervisor ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one screen")]
fn the_help_is_what_users_know() {
    let world = World::new(&[]);
    insta::assert_snapshot!(world.supervisor(&["-h"]).ends(0).out, @r"
    Upgrades an archive of JLD2 files with many workers; nothing is lost

    Usage: jldconv-supervisor [OPTIONS] [INPUT_DIR] [OUTPUT_DIR]
           jldconv-supervisor <COMMAND>

    Commands:
      slurm        Print (or submit) a SLURM job array that converts the archive
      report       Say what all runs and shards of an output directory did or are doing
      status       Say what runs are doing now: progress, slots, memory, faults; which shards to submit
                   again
      drain        Let a run finish the files that it works on, and take no more; as the first Ctrl-C
                   does
      stop         Stop a run: what it works on comes again in the next; as the second Ctrl-C does
      verify       Compare the files of two directories pair by pair, each in a worker of its own
      scan         Say what an archive holds, what it needs and what is damaged; nothing is written into
                   it
      export       Write a table of each file for other programs: NumPy, CSV, Parquet, Arrow, ParaView
      series       Make a table of numbers, one row a snapshot: time, masses, extremes and means, star
                   formation
      look         Make a picture of each Mera file of an archive, or the frames of a movie
      tune         Measure how many workers and threads suit an archive here, on a sample of it
      completions  Print what makes a shell complete this command line
      help         Print this message or the help of the given subcommand(s)

    Arguments:
      [INPUT_DIR]   The archive: a directory of <PREFIX>NNNNN.jld2; or one or several files, directories
                    and quoted patterns
      [OUTPUT_DIR]  Where the outputs go; made where it is missing. Of several paths the last, but none
                    in place

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Files:
          --range <RANGES>          Output numbers, inclusive, for instance 100-200,250,300- [default:
                                    all]
          --prefix <TEXT>           Beginning of the file names: <PREFIX>NNNNN.jld2 (may be given
                                    several times) [default: output_, with any text before it]
          --match <GLOB>            Take files of any names that match a quoted pattern, for instance
                                    '*.jld2'; one with a slash is about the path below INPUT_DIR (may be
                                    given several times)
      -r, --recursive[=<BOOL>]      Take files of directories below, too; the outputs come into
                                    directories of the same names below OUTPUT_DIR. Links to directories
                                    are not followed
          --others <WHAT>           What to do with files that are not JLD2: skip leaves them where they
                                    are, copy and link take them along, so that OUTPUT_DIR can take
                                    INPUT_DIR's place [default: skip] [possible values: skip, copy,
                                    link]
          --shard <I/N>             Only part I of N of the files, balanced by bytes [default: from
                                    SLURM, else 1/1]
          --on-conflict <WHAT>      What to do where a file has an output's name that this program did
                                    not make: fail does nothing at all, skip leaves it alone, keep-both
                                    moves it to .jldconv/replaced/ [default: fail] [possible values:
                                    fail, skip, keep-both]
          --resume-failed[=<BOOL>]  Also try again inputs that were found bad in an earlier run

    Workers and memory:
      -j, --workers <auto|N>             Worker processes at a time; auto takes cores (two workers for
                                         each, where small files go to a disk), cgroups, SLURM and
                                         memory into account [default: auto]
          --min-workers <N>              Lower bound for auto and for what memory shortage leaves
                                         [default: 1]
          --max-workers <N>              Upper bound for auto [default: 64]
          --threads-per-worker <auto|N>  Threads of one rewrite, no more than cores [default: auto]
          --pin[=<BOOL>]                 Keep each worker on its own cores
          --safety-margin <SHARE>        Share of the memory limit that may be used [default: 0.8]
          --memory-limit <SIZE>          Memory limit, for instance 24GiB; never above what the system
                                         grants [default: detected]
          --scratch <DIR>                Where lists of links and paths go that are too long for a
                                         worker's memory (12 MiB), in files without a name [default:
                                         .jldconv/tmp in OUTPUT_DIR]

    Faults and stopping:
          --retries <N>             Attempts for a file whose worker was killed or could not write
                                    [default: 3]
          --stall-timeout <TIME>    A worker that shows no life for so long is stopped [default: 10min]
          --grace <TIME>            How long running files may go on after Ctrl-C or SIGTERM [default:
                                    60s]
          --on-full <WHAT>          What a full disk does: pause until there is space, or fail the file
                                    [default: pause] [possible values: pause, fail]
          --drain-on-usr1[=<BOOL>]  SIGUSR1 ends the run resumable (exit code 3) instead of printing its
                                    status

    Output:
          --report <FILE>             Write a report of the run: a page if the name ends in .html, a
                                      table if in .csv, else JSON
          --dashboard[=<ADDR:PORT>]   Show the run to browsers while it goes: the pictures of the page
                                      that --report x.html writes, live, and nothing that could be
                                      changed. Only who has the printed address, with its token, sees it
                                      [default: a free port of 127.0.0.1]
          --progress <HOW>            bar draws bars, plain prints one line a file, json prints one JSON
                                      object an event [default: auto] [possible values: auto, bar,
                                      plain, json, none]
          --log <FILE>                Write what -v tells to a file instead of the terminal, as JSON
                                      lines
          --color <WHEN>              Colours: auto takes them on a terminal; NO_COLOR and
                                      CLICOLOR_FORCE count [default: auto] [possible values: auto,
                                      always, never]
          --heartbeat <TIME>          With --progress plain: a line after each such time without one; 0s
                                      for none [default: 1min]
          --on-finish <COMMAND>       Run a command when the run has ended, however it ended; words as
                                      in a shell, but there is no shell. In its arguments {report},
                                      {outcome} (done, failed, interrupted, error), {code}, {summary},
                                      {output}, {id} and {shard} are filled in; its environment has them
                                      as JLDCONV_RUN_REPORT and so on. Its own failure is told and
                                      changes nothing
          --on-finish-timeout <TIME>  How long that command may take before it is killed [default: 1min]
      -y, --yes[=<BOOL>]              Do not ask, go
      -v, --verbose...                Say more: -v what happens, -vv why, -vvv everything
          --config <FILE>             Read settings from this file [default: jldconv.toml here, if there
                                      is one]
          --interactive               Ask for directories, range and workers

    Conversion:
          --mode <MODE>                How to carry it out: patch copies the file and changes a few
                                       hundred bytes, rewrite lays it out again, in-place changes the
                                       file itself and can be undone; auto takes patch unless a rewrite
                                       is needed [default: auto] [possible values: auto, patch, rewrite,
                                       in-place]
          --target <NAME|FILE>         The package versions to convert for: a target of this program, or
                                       a file that defines one [default: mera-1.9]
          --rules <FILE>               Further rules, for your own types (may be given several times)
          --verify <LEVEL>             How to check each output before it gets its name; each level does
                                       what those before it do. none: every object can be read.
                                       structure: all metadata are as planned. bytes: the disk gives
                                       back, past the cache, what was copied or encoded (in place: what
                                       was changed). content: every value is the input's, or what a rule
                                       makes of it. hdf5: libhdf5 reads the same [default: content for a
                                       rewrite, else bytes; structure where the file system shares a
                                       copy's bytes] [possible values: none, structure, bytes, content,
                                       hdf5]
          --hdf5-limit <SIZE>          Largest column that --verify hdf5 compares by value where it is
                                       compressed: libhdf5 holds it in memory as a whole, stored and
                                       decoded [default: 256MiB]
          --unchanged <WHAT>           What to do with files that need nothing [default: copy] [possible
                                       values: copy, link, skip]
          --compress <CODEC>           Codec of the columns: keep, lz4, lz4-frame, zstd[:1-22],
                                       deflate[:1-9] or none; anything but keep means rewrite [default:
                                       keep]
          --shuffle[=<BOOL>]           Shuffle bytes before compression (smaller floating-point columns)
          --block-size <SIZE>          Uncompressed size of a block, for instance 4MiB: what a reader
                                       must decode to get one value
          --chunk <auto|one|SIZE>      Uncompressed size of a chunk of a compressed column, for instance
                                       256KiB: what readers decode at least. auto takes 1MiB for columns
                                       that are encoded again, and leaves others as they are, but for
                                       what --repack says; one makes each a single chunk, as JLD2 does,
                                       which h5py from 3.16 on cannot read [default: auto]
          --repack[=<BOOL>]            Lay the file out again without touching compressed bytes: gives
                                       back what deletions left. The few arrays of 65,536 values and
                                       more that JLD2 cannot read behind an index (unions, arrays that
                                       are shared) are stored uncompressed, which is told; --chunk one
                                       keeps them compressed
          --flat-links[=<BOOL>]        Add hard links to each table's columns by name, for h5py
          --portable[=<BOOL>]          Let every HDF5 from 1.10 on, and h5py, open the compressed
                                       columns: h5py 3.16 opens none of JLD2's own. Metadata change,
                                       data do not; Julia reads what it read. A rewrite suits those
                                       anyway; with this, it puts small arrays where kerchunk and
                                       VirtualiZarr find them, too
          --keep-bad[=<BOOL>]          Keep outputs that failed their check under .jldconv/quarantine/
          --trust-checksums <yes|no>   Whether a wrong checksum of metadata means that the file is
                                       damaged. With no, it is told, and put right in the output
                                       [default: yes]
          --backup-dir <DIR>           Where the undo files of in-place mode go [default: beside each
                                       file]
          --force[=<BOOL>]             Make every output again; what is replaced that this program did
                                       not make is kept under .jldconv/replaced/
          --discard-replaced[=<BOOL>]  With --force: do not keep what is replaced
          --dry-run[=<BOOL>]           Show what would be done, write nothing

    Examples:
      jldconv-supervisor old new                          everything, workers chosen for this machine
      jldconv-supervisor old new --range 100-200,250      some outputs
      jldconv-supervisor old new -r --match '*.jld2'      all JLD2 files of a tree, which is mirrored
      jldconv-supervisor old/a.jld2 'old/b*.jld2' new     some files, by name
      jldconv-supervisor old new --dry-run                what would be done
      jldconv-supervisor --mode in-place old              no second copy; jldconv undo old restores it
      jldconv-supervisor slurm old new --tasks 20         a SLURM job array
      jldconv-supervisor status new                       what runs and shards are doing now
      jldconv-supervisor report new                       what all runs and shards did
      jldconv-supervisor scan old                         what an archive holds and what is damaged
      jldconv-supervisor export old frames hydro --to parquet  tables for other programs
      jldconv-supervisor series old --out series.csv      time, mass, densities: one row a snapshot
      jldconv-supervisor tune old new                     how many workers are fastest here
      jldconv-supervisor verify old new                   compare what came out, pair by pair

    Every setting can also stand in jldconv.toml (workers = 8) or in the environment
    (JLDCONV_WORKERS=8); a flag goes before the environment, the environment before the file.

    Exit codes: 0 all done, 1 some files failed, 2 usage or configuration, 3 interrupted (run again to
    go on), 4 nothing matched, 5 internal error.
    ");
}

#[test]
fn the_help_of_job_arrays_is_what_users_know() {
    let world = World::new(&[]);
    let slurm = world.supervisor(&["slurm", "-h"]).ends(0).out;
    let (options, rest) = slurm.split_once("\nExamples:\n").unwrap();
    assert!(rest.contains("--submit") && rest.contains("Exit codes: 0 printed"), "{rest}");
    insta::assert_snapshot!(options.split_once("SLURM:\n").unwrap().1, @r"
    --tasks <N>          Number of array tasks; each converts one shard
    --at-a-time <N>      Array tasks that may run at a time
    --time <TIME>        Wall time of a task, as sbatch reads it (04:00:00)
    --mem <SIZE>         Memory of a task, as sbatch reads it (8G)
    --partition <NAME>   Partition
    --cpus-per-task <N>  Cores of a task; --workers auto follows it
    --account <NAME>     Account
    --qos <NAME>         Quality of service
    --job-name <NAME>    The job's name [default: jldconv]
    --sbatch <OPTION>    Any other sbatch option, for instance --sbatch=--constraint=ssd (may be
                         given several times)
    --warn <SECONDS>     Seconds before the wall time at which a task stops taking files [default:
                         120]
    --requeues <N>       How often a task that ran out of wall time is queued again [default: 20]
    --submit             Submit it with sbatch instead of printing it
    ");
}

/// The codes are a contract; the README has a table of them.
#[test]
fn the_readme_tells_the_exit_codes() {
    let help = World::new(&[]).supervisor(&["-h"]).ends(0).out;
    let told = help.rsplit_once("Exit codes: ").unwrap().1.replace('\n', " ");
    let told: Vec<&str> = told.split(", ").map(|item| item.split(' ').next().unwrap()).collect();
    assert_eq!(told, ["0", "1", "2", "3", "4", "5"]);
    let readme = include_str!("../../README.md");
    if !readme.to_lowercase().contains("exit code") {
        return;
    }
    for code in 0..=5 {
        let row = format!("| {code} |");
        assert!(readme.lines().any(|line| line.replace('`', "").starts_with(&row)), "{row}");
    }
}

#[test]
fn mistakes_are_usage_errors() {
    let world = World::new(&[1]);
    world.put("wrong.toml", "wrokers = 8\n");
    world.put("rules.toml", "this is not a rule");
    let told = |args: &[&str]| world.supervisor(args).ends(2).err;
    insta::assert_snapshot!(told(&[]), @"error: which archive? Name its directory and the one for the outputs");
    insta::assert_snapshot!(told(&["old"]), @"error: where do the outputs go? Name a directory, or say --mode in-place");
    insta::assert_snapshot!(told(&["old", "./old"]), @"error: ./old: the outputs would replace the archive; name another directory, or say --mode in-place");
    insta::assert_snapshot!(told(&["nowhere", "new"]), @"error: nowhere: No such file or directory (os error 2)");
    insta::assert_snapshot!(told(&["--interactive"]), @"error: --interactive needs a terminal");
    insta::assert_snapshot!(told(&["old", "new", "--target", "mera-9"]), @r#"error: there is no target "mera-9"; there are: julia-2026, mera-1.9"#);
    insta::assert_snapshot!(told(&["old", "new", "--report", "none/report.json"]), @"error: none/report.json: No such file or directory (os error 2)");
    for args in [
        &["old", "new", "--wrokers", "8"][..],
        &["old", "new", "--range", "9-1"],
        &["old", "new", "--config", "wrong.toml"],
        &["old", "new", "--config", "none.toml"],
        &["old", "new", "--rules", "rules.toml"],
        &["old", "new", "--rules", "none.toml"],
        &["old", "new", "--log", "none/run.log"],
        &["old", "new", "--shard", "5/4"],
        &["slurm", "old", "new"],
        &["slurm", "old", "new", "--tasks", "4", "--shard", "1/4"],
    ] {
        assert!(told(args).starts_with("error: "), "{args:?}");
    }
    let mut with_variable = world.program("jldconv-supervisor", &["old", "new"]);
    let ended = Ended::of(with_variable.env("JLDCONV_WORKERS", "many"), &world).ends(2);
    assert!(ended.err.starts_with("error: JLDCONV_WORKERS: "), "{}", ended.err);
    assert_eq!(world.names("new"), [""; 0], "nothing was written");
}

#[test]
fn nothing_that_matches() {
    let world = World::new(&[1, 2]);
    let ended = world.supervisor(&["old", "new", "--range", "5-9"]).ends(4);
    insta::assert_snapshot!(ended.err, @r"
    error: no file of DIR/old is in the range 5-9:
      found       2 files, outputs 1 to 2, 712.7 KiB
      range       5-9 takes 0 files, 0 B
      no files    in 5-9
    ");
    world.supervisor(&["old", "new", "--prefix", "snap_"]).ends(4);
    assert!(!world.at("new").exists());
}

#[test]
fn an_archive_from_old_to_new_and_again() {
    let world = World::new(&[1, 2, 4]);
    world.put("old/output_00009.jld2", sample(CURRENT));
    let args = ["old", "new", "--report", "report.json", "--workers", "2"];
    let first = world.supervisor(&args).ends(0);
    assert_eq!(first.err, "", "{}", first.out);
    for line in ["gaps        5 numbers missing: 3, 5-8", "to do       4 files", "[4/4] "] {
        assert!(first.out.contains(line), "{line} in\n{}", first.out);
    }
    assert!(first.out.contains("Done: 3 converted, 1 unchanged, 0 skipped, 0 failed\n"));
    assert_eq!(world.names("new"), world.names("old"));
    let report = world.json("report.json");
    assert_eq!((&report["success"], &report["unchanged"]), (&3.into(), &1.into()));
    assert_eq!(report["files"].as_array().unwrap().len(), 4);
    assert_eq!(report["files"][3]["outcome"], "unchanged");
    assert_eq!(fs::read(world.at("new/output_00009.jld2")).unwrap(), sample(CURRENT));
    world.jldconv(&["convert", "old/output_00001.jld2", "one.jld2"]).ends(0);
    let [alone, together] =
        ["one.jld2", "new/output_00001.jld2"].map(|name| fs::read(world.at(name)));
    assert!(alone.unwrap() == together.unwrap(), "the same bytes, however they were made");

    let second = world.supervisor(&args).ends(0);
    assert!(second.out.contains("0 converted, 0 unchanged, 4 skipped, 0 failed"), "{}", second.out);
    fs::remove_file(world.at("new/output_00002.jld2")).unwrap();
    let third = world.supervisor(&args).ends(0);
    assert!(third.out.contains("1 converted, 0 unchanged, 3 skipped, 0 failed"), "{}", third.out);
    let merged = world.supervisor(&["report", "new", "--json"]).ends(0);
    let merged: serde_json::Value = serde_json::from_str(&merged.out).unwrap();
    assert_eq!((&merged["success"], &merged["unchanged"]), (&3.into(), &1.into()));
    assert!(world.supervisor(&["report", "new"]).ends(0).out.contains("3 converted"));
}

#[test]
fn a_failed_file_stops_nothing_and_nothing_is_missing_in_silence() {
    let world = World::new(&[1, 2]);
    world.put("old/output_00003.jld2", "no JLD2 at all");
    world.put("old/output_00004.jld2", "");
    fs::create_dir(world.at("old/output_00005.jld2")).unwrap();
    let pipe = nix::sys::stat::Mode::S_IRWXU;
    nix::unistd::mkfifo(&world.at("old/output_00006.jld2"), pipe).unwrap();
    symlink("nowhere", world.at("old/output_00007.jld2")).unwrap();
    symlink("output_00001.jld2", world.at("old/output_00008.jld2")).unwrap();
    fs::write(world.at("old").join(OsStr::from_bytes(b"output_0000\xff.jld2")), "x").unwrap();
    let ended = world.supervisor(&["old", "new", "--report", "report.json"]).ends(1);
    assert!(ended.out.contains("Done in part: 3 converted, 0 unchanged, 0 skipped, 5 failed"));
    assert!(ended.out.contains("output_0000\u{fffd}.jld2: the name is not UTF-8"), "{}", ended.out);
    let report = world.json("report.json");
    let files: Vec<(&str, &str, &str)> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let text = |key: &str| file[key].as_str().unwrap_or_default();
            (text("name"), text("outcome"), text("fault"))
        })
        .collect();
    let expected = [
        ("output_00001.jld2", "converted", ""),
        ("output_00002.jld2", "converted", ""),
        ("output_00003.jld2", "failed", "input"),
        ("output_00004.jld2", "failed", "input"),
        ("output_00005.jld2", "failed", "input"),
        ("output_00006.jld2", "failed", "input"),
        ("output_00007.jld2", "failed", "input"),
        ("output_00008.jld2", "converted", ""),
    ];
    assert_eq!(files, expected);
    let names = ["output_00001.jld2", "output_00002.jld2", "output_00008.jld2"];
    assert_eq!(world.names("new"), names);
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = World::new(&[1]);
    world.put("old/output_00002.jld2", sample(CURRENT));
    world.put("old/output_00003.jld2", "no JLD2 at all");
    let ended = world.supervisor(&["old", "new", "--dry-run"]).ends(1);
    assert!(ended.out.starts_with("  found       3 files, outputs 1 to 3"), "{}", ended.out);
    for told in ["machine     ", "findings    ", "mode        auto", "space       ", "time        "]
    {
        assert!(ended.out.contains(&format!("\n  {told}")), "{told}: {}", ended.out);
    }
    assert!(ended.out.contains("\noutput_00001.jld2  convert: "), "{}", ended.out);
    assert!(ended.out.contains("\noutput_00002.jld2  needs nothing: copied as it is"));
    assert!(ended.out.contains("1 to convert, 1 unchanged, 1 would fail; nothing was written"));
    let lines = ended.out.lines().filter(|line| line.contains("output_00001.jld2"));
    assert_eq!(lines.count(), 1, "a line for each file: {}", ended.out);
    assert!(ended.out.contains("\n  note: in 1 file: "), "{}", ended.out);
    let whole = world.supervisor(&["old", "new", "--dry-run", "-v"]).ends(1).out;
    assert!(whole.contains("\n    note: /") && !whole.contains("in 1 file: "), "{whole}");
    assert!(!world.at("new").exists());
    assert_eq!(world.names("."), ["old"]);
}

#[test]
fn json_for_programs_and_silence_for_scripts() {
    let world = World::new(&[1]);
    let ended = world.supervisor(&["old", "new", "--progress", "json"]).ends(0);
    let events: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = events.first().unwrap();
    let last = events.last().unwrap();
    assert_eq!((&first["event"], &first["jobs"]), (&"run-started".into(), &1.into()));
    assert_eq!((&last["event"], &last["success"]), (&"run-finished".into(), &1.into()));
    let ended = world.supervisor(&["old", "new", "--progress", "none", "--force"]).ends(0);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
}

#[test]
fn flags_before_variables_before_the_file() {
    let world = World::new(&[1, 2, 3, 4, 5, 6]);
    world.put("jldconv.toml", "input-dir = 'old'\noutput-dir = 'new'\nrange = '1-2'\n");
    world.supervisor(&[]).ends(0);
    assert_eq!(world.names("new").len(), 2, "a config file is enough");
    let mut with_variable = world.program("jldconv-supervisor", &["old", "two"]);
    Ended::of(with_variable.env("JLDCONV_RANGE", "1-3"), &world).ends(0);
    assert_eq!(world.names("two").len(), 3);
    let mut with_flag = world.program("jldconv-supervisor", &["old", "three", "--range", "4"]);
    let ended = Ended::of(with_flag.env("JLDCONV_RANGE", "1-3").env("JLDCONV_OOPS", "1"), &world);
    assert_eq!(ended.ends(0).err, "warning: JLDCONV_OOPS is not a setting of jldconv\n");
    assert_eq!(world.names("three"), ["output_00004.jld2"]);
}

#[test]
fn shards_cover_the_archive() {
    let world = World::new(&[1, 2, 3, 4, 5]);
    world.supervisor(&["old", "new", "--shard", "1/2"]).ends(0);
    let mut task = world.program("jldconv-supervisor", &["old", "new"]);
    let array = [("ID", "7"), ("MIN", "5"), ("MAX", "7"), ("COUNT", "2"), ("STEP", "2")];
    for (name, value) in array {
        task.env(format!("SLURM_ARRAY_TASK_{name}"), value);
    }
    assert_eq!(world.names("new").len(), 3);
    let ended = Ended::of(&mut task, &world).ends(0);
    assert!(ended.out.contains("shard       2/2"), "{}", ended.out);
    assert_eq!(world.names("new"), world.names("old"));
    let ended = world.supervisor(&["old", "more", "--shard", "9/9"]).ends(0);
    assert!(ended.out.contains("0 files"), "more tasks than files is not an error: {}", ended.out);
}

#[test]
fn columns_get_links_by_name_in_a_whole_archive() {
    let world = World::new(&[1, 2]);
    let level = if cfg!(feature = "hdf5") { "hdf5" } else { "content" };
    world.supervisor(&["old", "new", "--flat-links", "--verify", level]).ends(0);
    for name in ["new/output_00001.jld2", "new/output_00002.jld2"] {
        world.jldconv(&["dump", name, "/hydro/columns/rho", "--json"]).ends(0);
    }
    // Outputs without links do not count as done, should there be no journal to tell.
    std::fs::remove_dir_all(world.at("new/.jldconv")).unwrap();
    let ended = world.supervisor(&["old", "new", "--flat-links", "--report", "again.json"]).ends(0);
    assert_eq!(world.json("again.json")["skipped"], 2, "{}", ended.out);
}

#[test]
fn in_place_and_back() {
    let world = World::new(&[1, 2]);
    let before = fs::read(world.at("old/output_00001.jld2")).unwrap();
    world.supervisor(&["--mode", "in-place", "old", "--yes"]).ends(0);
    let after = fs::read(world.at("old/output_00001.jld2")).unwrap();
    assert!(after != before && after.len() > before.len());
    world.jldconv(&["undo", "old"]).ends(0);
    assert!(fs::read(world.at("old/output_00001.jld2")).unwrap() == before);
    world.supervisor(&["--mode", "in-place", "old", "--yes"]).ends(0);
    world.jldconv(&["commit", "old"]).ends(0);
    assert_eq!(world.names("old"), ["output_00001.jld2", "output_00002.jld2"]);
    assert!(fs::read(world.at("old/output_00001.jld2")).unwrap() == after);
}

#[test]
fn a_job_array_is_printed_for_sbatch() {
    let world = World::new(&[1, 2]);
    let args = ["slurm", "old", "new dir", "--tasks", "2", "--mem=1G", "--report", "r.json"];
    let script = world.supervisor(&args).ends(0).out;
    assert!(script.starts_with("#!/bin/bash\n#SBATCH "), "{script}");
    assert!(script.contains("'DIR/new dir'\n"), "{script}");
    assert!(script.contains(r#"'--report=DIR/r-'"$SLURM_ARRAY_TASK_ID"'.json'"#), "{script}");
    world.put("script", &script);
    let checked = Command::new("bash").arg("-n").arg(world.at("script")).status().unwrap();
    assert!(checked.success());
    assert!(!world.at("new dir").exists(), "printing writes nothing");
}

#[test]
fn a_reader_that_goes_away_disturbs_nothing() {
    let world = World::new(&[1, 2, 3]);
    let mut child = Command::new(binary("jldconv-supervisor"))
        .args(["old", "new"])
        .current_dir(world.at("."))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(world.names("new").len(), 3);
}

#[test]
fn an_output_directory_that_cannot_be_made() {
    let world = World::new(&[1]);
    world.put("file", "");
    let ended = world.supervisor(&["old", "file/new"]);
    assert!(matches!(ended.code, Some(2 | 5)), "{ended:#?}");
    assert!(ended.err.starts_with("error: "), "{}", ended.err);
}

#[test]
fn a_memory_limit_below_one_worker() {
    let world = World::new(&[1]);
    let told = |limit: &str, more: &[&str]| {
        let mut args = vec!["old", "new", "--yes", "--memory-limit", limit];
        args.extend(more);
        world.supervisor(&args).ends(2).err
    };
    insta::assert_snapshot!(told("24", &[]), @"error: --memory-limit 24: one worker needs 32.0 MiB, so with --safety-margin 0.8 the limit must be at least 40.0 MiB; 24 means 24 bytes: did you mean 24GiB?");
    insta::assert_snapshot!(told("24000", &["--safety-margin", "0.5"]), @"error: --memory-limit 24000: one worker needs 32.0 MiB, so with --safety-margin 0.5 the limit must be at least 64.0 MiB; 24000 means 24000 bytes: did you mean 24000MiB?");
    insta::assert_snapshot!(told("50MiB", &["--compress", "lz4"]), @"error: --memory-limit 50MiB: one worker needs 72.0 MiB, so with --safety-margin 0.8 the limit must be at least 90.0 MiB");
    world.put("jldconv.toml", "memory-limit = \"24\"");
    assert!(world.supervisor(&["old", "new", "--yes"]).ends(2).err.contains("24GiB?"));
    fs::remove_file(world.at("jldconv.toml")).unwrap();
    assert!(!world.at("new").exists(), "nothing was begun");
    world.supervisor(&["old", "new", "--yes", "--memory-limit", "40MiB"]).ends(0);
}

/// A limit that SLURM sets is not a mistake of the command line: the run goes on, and says so.
#[test]
fn a_job_with_less_memory_than_one_worker_needs() {
    let world = World::new(&[1, 2]);
    let mut command = world.program("jldconv-supervisor", &["old", "new", "--yes"]);
    command.env("SLURM_MEM_PER_NODE", "20");
    let ended = Ended::of(&mut command, &world).ends(0);
    let words = "warning: the memory limit of 20.0 MiB (SLURM) leaves 16.0 MiB with the safety \
                 margin, but one worker needs 32.0 MiB: files run one at a time, and may still \
                 fail for memory. A limit of 40.0 MiB is enough (SLURM: --mem)";
    assert!(ended.out.contains(words), "{}", ended.out);
    assert_eq!(world.names("new").len(), 2);
}

/// More workers than files would have nothing to do.
#[test]
fn there_are_no_more_workers_than_files() {
    let world = World::new(&[1, 2, 3]);
    let args = ["old", "new", "--yes", "--workers", "16", "--report", "report.json"];
    let ended = world.supervisor(&args).ends(0);
    let told = format!("{}{}", ended.out, ended.err);
    assert!(told.contains("workers     3 (3 files; 16 asked for), 1 thread each"), "{told}");
    assert_eq!(world.json("report.json")["slots"].as_array().unwrap().len(), 3);
}
