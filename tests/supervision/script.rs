//! A conversion that copies its input, and misbehaves as the input's lines say.
//!
//! A line is `<what> [<amount>] [first <n>]`; with `first`, only the first n tries do it. Tries are
//! counted in `<input>.tries`.

use jldconv::convert::publish::Existing;
use jldconv::convert::{
    Claim, ClaimedFile, Examined, Failure, FailureKind, FileReport, Job, Mode, Observer, Options,
    Outcome, Phase, Recheck, Recipe, VerifyLevel, Wanted,
};
use jldconv::migrate::Readers;
use jldconv::sys::process::die_of;
use jldconv::sys::stat::StatData;
use jldconv::tasks::convert::Convert;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) struct Script;

/// Counts this try, from 1.
fn count_try(input: &Path) -> usize {
    let path = input.with_extension("tries");
    let mut file = File::options().append(true).create(true).open(&path).unwrap();
    file.write_all(b"x").unwrap();
    usize::try_from(fs::metadata(path).unwrap().len()).unwrap()
}

/// What a claim keeps of a file.
fn claimed(path: &Path) -> ClaimedFile {
    ClaimedFile {
        path: path.to_string_lossy().into_owned(),
        stat: StatData::at(path).unwrap(),
        digest: Some(format!("{:?}", fs::read(path).unwrap())),
    }
}

fn claim(job: &Job, options: &Options) -> Claim {
    Claim {
        input: claimed(&job.input),
        output: Some(claimed(&job.output)),
        version: env!("CARGO_PKG_VERSION").into(),
        recipe: Recipe { mode: Mode::Patch, ..Recipe::of(options).unwrap() },
        verify: options.verify.unwrap_or(VerifyLevel::Bytes),
    }
}

impl Convert for Script {
    fn convert(
        &self,
        job: &Job,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<FileReport, Failure> {
        let io = |what: &str| {
            let what = what.to_owned();
            move |error: std::io::Error| {
                let full = error.kind() == std::io::ErrorKind::StorageFull;
                let fault = if full { FailureKind::Full } else { FailureKind::Output };
                Failure::new(fault, format!("cannot {what}: {error}"))
            }
        };
        let text = fs::read_to_string(&job.input)
            .map_err(|error| Failure::new(FailureKind::Input, error.to_string()))?;
        let tries = count_try(&job.input);
        let total = text.len() as u64;
        observer.progress(Phase::Plan, 1, 1);
        let temp = job.temp_dir.join(&job.temp_name);
        let mut file = File::create_new(&temp).map_err(io("create the temporary file"))?;
        file.write_all(&text.as_bytes()[..text.len() / 2]).map_err(io("write"))?;
        observer.progress(Phase::Copy, total / 2, total);
        let mut kept = Vec::new();
        for line in text.lines() {
            let (what, first) = line.split_once(" first ").unwrap_or((line, "1000000"));
            if tries > first.parse().unwrap() {
                continue;
            }
            if let Err(failure) = obey(what, observer, &mut kept) {
                fs::remove_file(&temp).unwrap();
                return Err(failure);
            }
        }
        file.write_all(&text.as_bytes()[text.len() / 2..]).map_err(io("write"))?;
        observer.progress(Phase::Sync, 0, total);
        file.sync_all().map_err(io("sync"))?;
        if observer.cancelled() {
            fs::remove_file(&temp).unwrap();
            return Err(Failure::new(FailureKind::Cancelled, "stopped"));
        }
        let there = StatData::entry(&job.output).unwrap().map(|(stat, _)| stat);
        let may = match existing {
            Existing::Keep => None,
            Existing::Replace(what) | Existing::SetAside { what, .. } => Some(*what),
        };
        if there.is_some() && there != may {
            fs::remove_file(&temp).unwrap();
            return Err(Failure::new(FailureKind::Conflict, "something is in the way"));
        }
        let stat = StatData::at(&temp).map_err(io("look at the temporary file"))?;
        observer.publishing(&stat);
        fs::rename(&temp, &job.output).map_err(io("publish"))?;
        Ok(FileReport {
            outcome: Outcome::Converted,
            mode: Mode::Patch,
            findings: vec!["a finding".into()],
            bytes_in: total,
            bytes_out: total,
            bytes_appended: 0,
            bytes_replaced: 0,
            verify: VerifyLevel::Structure,
            digest: None,
            claim: Some(Box::new(claim(job, options))),
            changed_before: None,
            readers: Readers::default(),
        })
    }

    fn examine(
        &self,
        job: &Job,
        _: &Wanted,
        options: &Options,
        _: &dyn Observer,
    ) -> Result<Examined, Failure> {
        let same = fs::read(&job.input).unwrap() == fs::read(&job.output).unwrap();
        let compared = if same { Ok(claim(job, options)) } else { Err("other bytes".to_owned()) };
        let (input, output) = (claimed(&job.input), claimed(&job.output));
        Ok(Examined { input, output, compared: Some(compared) })
    }

    fn recheck(
        &self,
        job: &Job,
        made: Mode,
        _: &Existing,
        options: &Options,
        _: &dyn Observer,
    ) -> Result<Recheck, Failure> {
        let claim = claim(job, options);
        let recipe = Recipe { mode: made, ..claim.recipe };
        let verify = options.verify.unwrap_or(VerifyLevel::Structure);
        Ok(Recheck::Held(Claim { verify, recipe, ..claim }))
    }
}

fn obey(what: &str, observer: &dyn Observer, kept: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
    let (word, amount) = what.split_once(' ').unwrap_or((what, "0"));
    let amount: u64 = amount.parse().unwrap_or(0);
    match word {
        "kill" => die_of(libc::SIGKILL),
        "segv" => die_of(libc::SIGSEGV),
        "bus" => truncated_under_the_map(),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(7),
        "panic" => panic!("as the script says"),
        "bad" => return Err(Failure::new(FailureKind::Input, "not a JLD2 file")),
        "full" => return Err(Failure::new(FailureKind::Full, "no space left")),
        "denied" => return Err(Failure::new(FailureKind::Output, "permission denied")),
        "verify" => return Err(Failure::new(FailureKind::Verify, "a dataset differs")),
        "alloc" => {
            let bytes = usize::try_from(amount << 20).unwrap();
            let mut block: Vec<u8> = Vec::new();
            // As an engine does with what it sizes by its input.
            if block.try_reserve_exact(bytes).is_err() {
                return Err(Failure::new(
                    FailureKind::Memory,
                    format!("cannot allocate {bytes} bytes"),
                ));
            }
            block.resize(bytes, 0xa5);
            kept.push(std::hint::black_box(block));
        }
        "grab" => {
            let bytes = usize::try_from(amount << 20).unwrap();
            kept.push(std::hint::black_box(vec![0xa5; bytes]));
        }
        "hang" => loop {
            std::thread::sleep(Duration::from_secs(1000));
        },
        "slow" => {
            let end = Instant::now() + Duration::from_millis(amount);
            while Instant::now() < end {
                if observer.cancelled() {
                    return Err(Failure::new(FailureKind::Cancelled, "stopped"));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        "threads" => {
            let end = Instant::now() + Duration::from_secs(20);
            while observer.threads() != usize::try_from(amount).ok() {
                if Instant::now() > end {
                    return Err(Failure::new(FailureKind::Verify, "the threads never came"));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        "wide" => println!("{}", "words ".repeat(1 << 20)),
        _ => {}
    }
    Ok(())
}

/// A real SIGBUS: a file that is mapped and then cut.
fn truncated_under_the_map() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(1 << 20).unwrap();
    #[expect(unsafe_code, reason = "this is about what happens when the promise is broken")]
    // SAFETY: the mapping is only read; that the read raises SIGBUS is the point.
    let map = unsafe { memmap2::Mmap::map(&file).unwrap() };
    file.set_len(0).unwrap();
    let mut byte = [0];
    (&map[1 << 19..]).read_exact(&mut byte).unwrap();
    std::hint::black_box(byte);
}
