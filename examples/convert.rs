//! Converts files one after the other, as a worker does, and tells in one line of JSON what that
//! took, phase by phase. `scripts/bench` runs it.

use anyhow::{Context as _, Result};
use clap::Parser;
use jldconv::cli::{ConversionFlags, options};
use jldconv::convert::{Converter, Job, Observer, Outcome, Phase};
use jldconv::sys::memory;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Converts files one after the other and tells what that took.
#[derive(Debug, Parser)]
struct Args {
    #[command(flatten)]
    conversion: ConversionFlags,
    /// Threads of a rewrite
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Where outputs go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The files to read; directories stand for what is in them
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut options = options(args.conversion)?;
    options.threads = args.threads;
    let converter = Converter::new(options)?;
    let inputs = expand(args.inputs)?;
    let temp_dir = args.out.join(".jldconv/tmp");
    fs::create_dir_all(&temp_dir)?;
    let (mut bytes_in, mut bytes_out, mut converted) = (0, 0, 0);
    let watch = Watch::default();
    let begin = Instant::now();
    for input in &inputs {
        let name = input.file_name().context("not the name of a file")?;
        let job = Job {
            input: input.clone(),
            output: args.out.join(name),
            temp_dir: temp_dir.clone(),
            temp_name: "temporary".to_owned(),
        };
        let report = converter.convert(&job, &watch)?;
        bytes_in += report.bytes_in;
        bytes_out += report.bytes_out;
        converted += u32::from(report.outcome == Outcome::Converted);
    }
    let seconds = begin.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let cpu = |time: nix::sys::time::TimeVal| time.num_microseconds();
    let (peak_anon, phases) = watch.end();
    let told = json!({
        "files": inputs.len(),
        "converted": converted,
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
        "seconds": seconds,
        "user_us": cpu(usage.user_time()),
        "system_us": cpu(usage.system_time()),
        "phases": phases,
        "peak_anon": peak_anon,
        "peak_rss": memory::of_self()?.peak,
    });
    println!("{told}");
    Ok(())
}

/// Files and all files in directories, in order.
fn expand(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = fs::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            let mut entries = entries.collect::<Result<Vec<_>>>()?;
            entries.retain(|entry| entry.is_file());
            entries.sort();
            files.extend(entries);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Keeps the time of each phase, and the memory.
#[derive(Default)]
struct Watch(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    now: Option<(Phase, Instant)>,
    spent: BTreeMap<String, Duration>,
    peak_anon: u64,
    calls: u32,
}

impl Seen {
    fn close(&mut self) {
        if let Some((phase, since)) = self.now.take() {
            *self.spent.entry(format!("{phase:?}").to_lowercase()).or_default() += since.elapsed();
        }
    }

    fn sample(&mut self) {
        if let Ok(memory) = memory::of_self() {
            self.peak_anon = self.peak_anon.max(memory.held());
        }
    }
}

impl Watch {
    /// The highest anonymous memory seen, and the seconds of each phase.
    fn end(self) -> (u64, BTreeMap<String, f64>) {
        let mut seen = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        seen.close();
        seen.sample();
        let seconds = seen.spent.into_iter().map(|(phase, time)| (phase, time.as_secs_f64()));
        (seen.peak_anon, seconds.collect())
    }
}

impl Observer for Watch {
    fn progress(&self, phase: Phase, _: u64, _: u64) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.now.is_none_or(|(now, _)| now != phase) {
            seen.close();
            seen.now = Some((phase, Instant::now()));
        }
        // Looking takes 30 us: not at each of many small files, but often in a large one.
        seen.calls += 1;
        if seen.calls.is_multiple_of(64) {
            seen.sample();
        }
    }
}
