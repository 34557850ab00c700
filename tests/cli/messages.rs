//! What users are told when something is wrong, letter by letter: a table of real calls, and the
//! text of every error that the library can give, with whether the table provokes it.

use super::world::{CURRENT, Ended, OLD, World, sample};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A place with everything that can be wrong with one.
fn world() -> World {
    let world = World::new(&[1, 2]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for dir in ["empty", "bad", "taken", "untrusted/.jldconv", "done", "linked", "moved"] {
        fs::create_dir_all(world.at(dir)).unwrap();
    }
    let whole = sample("e6-lz4/output_00300.jld2");
    world.put("bad/cut.jld2", &whole[..whole.len() / 2]);
    world.put("bad/head.jld2", &whole[..100]);
    world.put("bad/empty.jld2", "");
    world.put("bad/text.jld2", "no JLD2 file, whatever its name says");
    let mut turned = whole.clone();
    turned[600] ^= 0xff;
    world.put("bad/checksum.jld2", &turned);
    for (from, to) in [
        ("failing/killed-writer-small.jld2", "bad/killed.jld2"),
        ("failing/zero-root-checksum.jld2", "bad/zero.jld2"),
        ("hdf5/old.h5", "bad/hdf5.jld2"),
        ("hdf5/matlab.mat", "bad/matlab.jld2"),
        ("small/0.4.17-none-arr-nested.jld2", "bad/small.jld2"),
    ] {
        world.put(to, fs::read(root.join(from)).unwrap());
    }
    let mut damaged = sample("e0-zlib/output_00007.jld2");
    let at = damaged.len() * 6 / 10;
    damaged[at] ^= 0x10;
    world.put("bad/data.jld2", &damaged);
    world.put("taken/output_00001.jld2", "somebody's own");
    world.put("current.jld2", sample(CURRENT));
    world.put("bzip2.jld2", sample("e4b-bzip2/output_00020.jld2"));
    world.put("linked/output_00001.jld2", sample(OLD));
    fs::hard_link(world.at("linked/output_00001.jld2"), world.at("linked/other.jld2")).unwrap();
    world.put("bad.toml", "wrokers = 8\n");
    world.put("worse.toml", "workers = [[8]]\n");
    world.put("broken.toml", "workers = \n");
    world.put("rules.toml", "[[rule]]\nid = \"x\"\n");
    let own = world.at("untrusted/.jldconv");
    fs::set_permissions(own, fs::Permissions::from_mode(0o777)).unwrap();
    world.put("moved/output_00001.jld2", sample(OLD));
    world.jldconv(&["convert", "--mode", "in-place", "moved/output_00001.jld2"]).ends(0);
    fs::rename(world.at("moved/output_00001.jld2"), world.at("moved/away.jld2")).unwrap();
    world.put("undone.jld2", sample(OLD));
    world.jldconv(&["convert", "--mode", "in-place", "undone.jld2"]).ends(0);
    world.put("changed.jld2", sample(OLD));
    world.jldconv(&["convert", "--mode", "in-place", "changed.jld2"]).ends(0);
    let mut changed = fs::read(world.at("changed.jld2")).unwrap();
    changed.push(0);
    world.put("changed.jld2", &changed);
    world.put("torn.jld2", sample(OLD));
    world.put("torn.jld2.jldconv-undo", "no undo file");
    world
}

/// Calls of `jldconv-supervisor`, by words.
const SUPERVISOR: &[&str] = &[
    "",
    "nowhere new",
    "old",
    "old old",
    "old current.jld2",
    "current.jld2",
    "--mode in-place current.jld2",
    "old new third",
    "old new 1..2",
    "convert old new",
    "convert current.jld2 new",
    "reprot",
    "verfy old new",
    "undo old",
    "old/output_00001.jld2 old/output_00002.jld2",
    "--mode in-place old new",
    "--mode in-place old",
    "--mode in-place old --yes --backup-dir nowhere",
    "old new --scratch nowhere",
    "--mode inplace old",
    "--interactive",
    "empty new",
    "old new --range 9-1",
    "old new --range x",
    "old new --range 1..2",
    "old new --range 900",
    "old new --prefix a/b",
    "old new --prefix .a",
    "old new --workers 0",
    "old new --wrokers 8",
    "old new --compress lzma",
    "old new --compress zstd:99",
    "old new --compress lz4:1",
    "old new --chunk 1",
    "old new --memory-limit 24",
    "old new --memory-limit much",
    "old new --safety-margin 1.5",
    "old new --stall-timeout 5",
    "old new --shard 3/2",
    "old new --shard x",
    "old new --min-workers 9 --max-workers 2",
    "old new --mode patch --repack",
    "old new --mode in-place --compress lz4",
    "old new --portable --chunk one",
    "old new --backup-dir empty",
    "old new --discard-replaced",
    "--mode in-place old --keep-bad",
    "old new --target mera-0",
    "old new --rules nowhere.toml",
    "old new --rules rules.toml",
    "old new --rules broken.toml",
    "old new --config nowhere.toml",
    "old new --config bad.toml",
    "old new --config worse.toml",
    "old new --config broken.toml",
    "old new --report no/where.html",
    "old new --report empty",
    "old new --log no/where",
    "old taken",
    "old untrusted",
    "report",
    "report nowhere",
    "report empty",
    "status nowhere",
    "status empty",
    "drain empty",
    "stop empty",
    "verify old",
    "verify old nowhere",
    "verify empty empty",
    "verify current.jld2 new",
    "verify old old --journal old",
    "verify old old --range 900",
    "slurm old new",
    "slurm old new --tasks 0",
    "slurm old new --tasks 1 --time 4h",
    "slurm old new --tasks 1 --mem 8GB",
    "slurm old new --tasks 1 --time 1:30",
    "slurm old new --tasks 1 --partition a$b",
    "slurm old new --tasks 1 --sbatch x",
    "slurm old new --tasks 1 --shard 1/2",
    "slurm old new --tasks 1 --grace 10min",
    "slurm empty new --tasks 1",
    "scan",
    "scan nowhere",
    "scan empty",
    "scan old --range 900",
    "scan old --journal old",
    "scan old --target mera-0",
    "scan old --csv no/where.csv",
    "scan old --no-estimate --output new",
    "series nowhere",
    "series empty",
    "series old --what max_rhoo",
    "series old --what max_rho[Myr]",
    "series old --what time,time",
    "series old --unit rho",
    "series old --unit p=Ba --what max_rho",
    "series old --out s.fits",
    "series old --plot s.pdf",
    "series old --where rho=1",
    "series old --where rho>1 --what stars",
    "series old --where rho[kpc]>1",
    "series old --range-unit Msol",
    "series old --journal old",
    "tune",
    "tune nowhere new",
    "tune empty new",
    "tune old new --sample 1KiB",
    "tune old --mode in-place",
    "completions",
    "completions cmd",
];

/// Calls of `jldconv`, by words.
const JLDCONV: &[&str] = &[
    "melt current.jld2",
    "old",
    "current.jld2",
    "reprot new",
    "slurm old",
    "inspect",
    "inspect nowhere.jld2",
    "inspect empty",
    "inspect bad/cut.jld2",
    "inspect bad/head.jld2",
    "inspect bad/empty.jld2",
    "inspect bad/text.jld2",
    "inspect bad/checksum.jld2",
    "inspect bad/killed.jld2",
    "inspect bad/matlab.jld2",
    "inspect current.jld2 --target mera-0",
    "inspect current.jld2 --rules rules.toml",
    "convert current.jld2",
    "convert nowhere.jld2 new.jld2",
    "convert old new.jld2",
    "convert current.jld2 current.jld2",
    "convert current.jld2 bzip2.jld2",
    "convert current.jld2 no/where.jld2",
    "convert bad/cut.jld2 new.jld2",
    "convert bad/text.jld2 new.jld2",
    "convert bad/killed.jld2 new.jld2",
    "convert bad/data.jld2 new.jld2 --compress zstd",
    "convert bzip2.jld2 new.jld2 --mode patch",
    "convert bzip2.jld2 --mode in-place",
    "convert current.jld2 new.jld2 --mode in-place",
    "convert linked/output_00001.jld2 --mode in-place",
    "convert undone.jld2 --mode in-place --rules rules.toml",
    "convert torn.jld2 --mode in-place",
    "verify current.jld2",
    "verify current.jld2 nowhere.jld2",
    "verify current.jld2 bad/text.jld2",
    "verify current.jld2 old",
    "verify current.jld2 bzip2.jld2 --strict --rules x",
    "dump nowhere.jld2",
    "dump current.jld2 /hydro/inf",
    "dump bad/cut.jld2",
    "dump bad/data.jld2 /hydro/data",
    "rescue current.jld2",
    "rescue nowhere.jld2 new.jld2",
    "rescue bad/text.jld2 new.jld2",
    "rescue bad/empty.jld2 new.jld2",
    "rescue current.jld2 bzip2.jld2",
    "rescue current.jld2 current.jld2",
    "undo",
    "undo nowhere.jld2",
    "undo current.jld2",
    "undo empty",
    "undo changed.jld2",
    "undo torn.jld2",
    "undo moved/output_00001.jld2",
    "commit current.jld2 --yes",
    "commit torn.jld2 --yes",
    "target",
    "target show mera-0",
    "target check",
    "target check --packages nowhere",
    "target check --definitions broken.toml",
    "doctor nowhere new",
    "completions cmd",
];

/// What is told of each call: the exit code, and what stands on standard error.
fn table() -> String {
    let world = world();
    let mut table = String::new();
    for (program, calls) in [("jldconv-supervisor", SUPERVISOR), ("jldconv", JLDCONV)] {
        for call in calls {
            let args: Vec<&str> = call.split(' ').filter(|word| !word.is_empty()).collect();
            let mut command = world.program(program, &args);
            let Ended { code, err, .. } = Ended::of(&mut command, &world);
            let code = code.map_or("none".to_owned(), |code| code.to_string());
            let _ = writeln!(table, "$ {program} {call}\n-> {code}");
            // Of what is no error nobody is told here.
            for line in err.trim_end().lines() {
                let _ = writeln!(table, "   {line}");
            }
            assert!(!world.at("new").exists(), "{program} {call}");
            let _ = fs::remove_file(world.at("new.jld2"));
        }
    }
    table
}

#[test]
fn each_message_is_as_it_was_written() {
    let table = table();
    insta::assert_snapshot!("messages", table);
    let templates = templates();
    assert!(templates.len() > 100, "only {} texts of errors found", templates.len());
    let mut told = String::new();
    let mut seen = 0;
    for (file, template) in &templates {
        // The longest part between values tells a text from others.
        let longest = parts(template).into_iter().max_by_key(|part| part.len()).unwrap_or_default();
        let is_seen = longest.trim().len() > 3 && table.contains(longest.trim());
        seen += usize::from(is_seen);
        let mark = if is_seen { "told" } else { "    " };
        let _ = writeln!(told, "{mark} {file}: {template}");
    }
    insta::assert_snapshot!("message-texts", told);
    assert!(seen > 30, "only {seen} of {} are provoked by the table", templates.len());
}

/// The manual goes by messages that the programs really print.
#[test]
fn messages_in_the_manual_are_messages_of_the_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for top in ["src", "crates/jld2/src"] {
        for path in sources(&root.join(top)) {
            // Texts go on in the next line behind a backslash.
            let text = fs::read_to_string(&path).unwrap();
            let mut pieces = text.split("\\\n");
            all.push_str(pieces.next().unwrap_or_default());
            pieces.for_each(|piece| all.push_str(piece.trim_start()));
        }
    }
    let page = fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
    let told =
        page.split("## Before a run").nth(1).unwrap().split("## Python says").next().unwrap();
    let mut count = 0;
    for row in told.lines().filter(|line| line.starts_with("| ")) {
        let first = row.split('|').nth(1).unwrap();
        for message in first.split('`').skip(1).step_by(2).filter(|it| *it != "status") {
            for part in message.split("...").map(str::trim).filter(|part| part.len() > 3) {
                assert!(all.contains(part), "no program says \"{part}\"");
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}

/// The texts of all errors in the sources, with the file of each.
fn templates() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for top in ["src", "crates/jld2/src"] {
        for path in sources(&root.join(top)) {
            let text = fs::read_to_string(&path).unwrap();
            let file = path.strip_prefix(root).unwrap().display().to_string();
            for rest in text.split("#[error(").skip(1) {
                let rest = rest.trim_start();
                if let Some(literal) = rest.strip_prefix('"') {
                    found.push((file.clone(), literal_of(literal)));
                }
            }
        }
    }
    found.sort();
    found
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            out.push(path);
        }
    }
    out
}

/// A string literal's value, up to its end; the quote in front is gone.
fn literal_of(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('\n') => {
                    let rest = chars.as_str().trim_start();
                    chars = rest.chars();
                }
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => break,
            },
            c => out.push(c),
        }
    }
    out
}

/// What stands between the values of a text.
fn parts(template: &str) -> Vec<&str> {
    template.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect()
}
