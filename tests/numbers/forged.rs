//! Tables whose bytes were changed at random, with checksums that nobody trusts: whatever a header, a shape, an
//! address or a length says then, `stats`, `look`, `info`, `series` and `export` end soon, in little memory, with
//! numbers or with an error that names what is wrong. Real processes.

use crate::memory::watched;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Files of three layouts, small ones.
const BASES: [&str; 3] = [
    "mera/real-mera-1.9/output_00001.jld2",
    "mera-rt/output_00501.jld2",
    "mera/e0-zlib/output_00007.jld2",
];
/// KiB that a process may take: what it is promised to, and 1 MiB of cache.
const MOST: u64 = 65 << 10;
/// What a shell does before it becomes the program: a process that goes on for so many seconds of the
/// processor's time is killed.
const BOUNDED: &str = "ulimit -t 60; exec \"$@\"";

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// A file with some bytes that are others, mostly in headers of objects, where they mean most.
fn forge(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    let headers: Vec<usize> =
        whole.windows(4).enumerate().filter(|(_, it)| it == b"OHDR").map(|(at, _)| at).collect();
    let mut bytes = whole.to_vec();
    for _ in 0..=dice.roll(3) {
        let at = match dice.roll(4) {
            0 => dice.roll(bytes.len()),
            _ => headers[dice.roll(headers.len())] + 4 + dice.roll(250),
        };
        let kind = dice.roll(4);
        let large = (1_u64 << (8 + dice.roll(55))).to_le_bytes();
        let Some(place) = bytes.get_mut(at..at + 8) else { continue };
        match kind {
            0 => place[0] ^= 1 << dice.roll(8),
            1 => place[0] = 0xff,
            2 => place.copy_from_slice(&large),
            _ => place[0] = u8::try_from(dice.roll(256)).unwrap(),
        }
    }
    bytes
}

fn bounded(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", BOUNDED, "sh", program]).args(args);
    command
}

/// What a process that was watched for its memory said, and its exit code.
fn run(args: &[&str], dir: &Path) -> (i32, String) {
    let said = dir.join("said");
    let mut command = bounded(env!("CARGO_BIN_EXE_jldconv"), args);
    command.stdout(fs::File::create(dir.join("told")).unwrap());
    command.stderr(fs::File::create(&said).unwrap());
    let (ended, most) = watched(&mut command);
    let text = String::from_utf8(fs::read(said).unwrap()).unwrap();
    let code = ended.code().unwrap_or_else(|| panic!("{args:?}: {ended}\n{text}"));
    assert!(most <= MOST, "{args:?}: {} MiB\n{text}", most >> 10);
    (code, text)
}

fn supervisor(args: &[&str]) -> Output {
    let done = bounded(env!("CARGO_BIN_EXE_jldconv-supervisor"), args).output().unwrap();
    let text = String::from_utf8_lossy(&done.stderr);
    // What kills its worker or goes on for ever is told with these words.
    for word in ["panicked", "crashed", "killed", "no sign of life", "memory limit"] {
        assert!(!text.contains(word), "{args:?}: {text}");
    }
    assert!(matches!(done.status.code(), Some(0 | 1)), "{args:?}: {}\n{text}", done.status);
    done
}

/// So many forged files from this seed on.
fn forged(count: usize, seed: u64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("old")).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let bases = BASES.map(|name| fs::read(data.join(name)).unwrap());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed << 20));
    let files: Vec<PathBuf> = (0..count)
        .map(|number| {
            let path = at("old").join(format!("output_{number:05}.jld2"));
            fs::write(&path, forge(&bases[number % bases.len()], &mut dice)).unwrap();
            path
        })
        .collect();
    let lax = ["--trust-checksums", "no"];
    let mut read = 0;
    for path in &files {
        let path = path.to_str().unwrap();
        let picture = at("x.npy");
        let calls = [
            &["stats", path, "--json", "--cache", "1MiB"][..],
            &["look", path, "-o", picture.to_str().unwrap(), "--cache", "1MiB"],
        ];
        for args in calls {
            let (code, text) = run(&[args, &lax].concat(), dir.path());
            // 5 is an error of the program's own.
            assert!((0..=4).contains(&code), "{args:?}: {code}\n{text}");
            let told = text.lines().any(|line| line.starts_with("error: ") && line.len() > 20);
            assert!(code == 0 || told, "{args:?}: {code} without a reason\n{text}");
            read += usize::from(code == 0);
            fs::remove_file(&picture).ok();
        }
    }
    let (old, out, frames) = (at("old"), at("out"), at("frames"));
    let [old, out, frames] = [&old, &out, &frames].map(|path| path.to_str().unwrap());
    let (code, text) = run(&[&["info", old][..], &lax].concat(), dir.path());
    assert!(code <= 1, "{code}\n{text}");
    let what = "time,count,msum[Msol],max_T[K],median_rho@mass,particles.std_vx,max_Np1";
    supervisor(&[&["series", old, "--what", what, "-j", "2"][..], &lax].concat());
    supervisor(&[&["export", old, out, "hydro", "--to", "npz", "-j", "2"][..], &lax].concat());
    supervisor(&[&["look", old, frames, "--movie", "--size", "64", "-j", "2"][..], &lax].concat());
    // Some are whole where it matters, some are not: both are met.
    assert!(read > count / 4 && read < 2 * count, "{read} of {count}");
}

#[test]
fn forged_tables_end_with_numbers_or_a_reason() {
    forged(21, 1);
}

#[test]
#[ignore = "minutes; by hand"]
fn many_forged_tables_end_with_numbers_or_a_reason() {
    for seed in 2..12 {
        forged(60, seed);
    }
}
