//! Checks the arguments of `jldconv-supervisor slurm` before SLURM sees them.

use super::flags::Layer;
use crate::text;
use std::io;
use std::path::PathBuf;

/// The arguments of `slurm`.
#[derive(Debug, Clone, clap::Args)]
pub struct SlurmArgs {
    /// The settings of each task's run.
    #[command(flatten)]
    pub layer: Layer,
    /// Read settings from this file [default: jldconv.toml here, if there is one]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// Write the script to this file instead of printing it
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// What SLURM is asked for.
    #[command(flatten)]
    pub ask: SlurmFlags,
}

/// What SLURM is asked for.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "SLURM")]
pub struct SlurmFlags {
    /// Number of array tasks; each converts one shard
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub tasks: u32,
    /// Array tasks that may run at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub at_a_time: Option<u32>,
    /// Wall time of a task, as sbatch reads it (04:00:00)
    #[arg(long, value_name = "TIME", value_parser = wall_time)]
    pub time: Option<String>,
    /// Memory of a task, as sbatch reads it (8G)
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub mem: Option<String>,
    /// Partition
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub partition: Option<String>,
    /// Cores of a task; --workers auto follows it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub cpus_per_task: Option<u32>,
    /// Account
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub account: Option<String>,
    /// Quality of service
    #[arg(long, value_name = "NAME", value_parser = word)]
    pub qos: Option<String>,
    /// The job's name
    #[arg(long, value_name = "NAME", value_parser = word, default_value = "jldconv")]
    pub job_name: String,
    /// Any other sbatch option, for instance --sbatch=--constraint=ssd (may be given several times)
    #[arg(long, value_name = "OPTION", value_parser = option, allow_hyphen_values = true)]
    pub sbatch: Vec<String>,
    /// Seconds before the wall time at which a task stops taking files
    #[arg(long, value_name = "SECONDS", default_value_t = 120,
          value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub warn: u32,
    /// How often a task that ran out of wall time is queued again
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub requeues: u32,
    /// Submit it with sbatch instead of printing it
    #[arg(long)]
    pub submit: bool,
}

/// Has `sbatch` take a script; gives what it says, the job's id.
///
/// # Errors
/// Where `sbatch` cannot be run or refuses.
pub fn submit(script: &str) -> io::Result<String> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut sbatch = Command::new("sbatch")
        .arg("--parsable")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("sbatch: {error}")))?;
    if let Some(mut stdin) = sbatch.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    let output = sbatch.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("sbatch refused: {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl SlurmFlags {
    /// What the values that are each right say together against a job array of `files` files; with
    /// an error, nothing is to be printed.
    ///
    /// # Errors
    /// The wall time is over before a task may take files.
    pub fn check(&self, files: u64) -> Result<Option<String>, String> {
        if let Some(text) = &self.time
            && let Some(time) = seconds(text)
            && time <= u64::from(self.warn)
        {
            return Err(format!(
                "--time {text} is {time} s, and --warn {} stops a task that long before its end: \
                 it would take no file. Ask for more time, or say a smaller --warn",
                self.warn
            ));
        }
        let idle = u64::from(self.tasks).saturating_sub(files);
        Ok((idle > 0).then(|| {
            format!(
                "{} tasks for {}: {idle} would have nothing to do; --tasks {files} {} enough",
                self.tasks,
                text::count(files, "file"),
                text::is_are(files)
            )
        }))
    }
}

/// What to do with a script that was printed.
pub const SUBMIT: &str =
    "to submit it: save it and run sbatch FILE, or give the same command with --submit";

/// A wall time as sbatch takes it: `minutes`, `minutes:seconds`, `hours:minutes:seconds`,
/// `days-hours`, `days-hours:minutes`, `days-hours:minutes:seconds` (sbatch(1), `--time`).
fn wall_time(text: &str) -> Result<String, String> {
    match text.to_ascii_uppercase().as_str() {
        "UNLIMITED" | "INFINITE" => Ok(text.to_owned()),
        _ if seconds(text).is_some() => Ok(text.to_owned()),
        _ => Err("write minutes (90), hours:minutes:seconds (04:00:00) or \
                  days-hours:minutes:seconds (1-12:00:00)"
            .to_owned()),
    }
}

/// The seconds of such a time; none if it is not one.
fn seconds(text: &str) -> Option<u64> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (Some(number(days)?), clock),
        None => (None, text),
    };
    let parts = clock.split(':').map(number).collect::<Option<Vec<u64>>>()?;
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_add(seconds)
}

/// A memory as sbatch takes it: megabytes, or a number with K, M, G or T.
fn memory(text: &str) -> Result<String, String> {
    let digits = text.strip_suffix(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't']).unwrap_or(text);
    match number(digits) {
        Some(_) => Ok(text.to_owned()),
        None => Err("write a number with K, M, G or T behind it (8G); without one it is megabytes"
            .to_owned()),
    }
}

fn number(text: &str) -> Option<u64> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A value that a `#SBATCH` line takes without quotes.
fn word(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_.,:+-/@%*=[]".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(fine) {
        return Ok(text.to_owned());
    }
    Err("write letters, digits and _.,:+-/@%*=[] only".to_owned())
}

/// An option that a `#SBATCH` line takes.
fn option(text: &str) -> Result<String, String> {
    match text.strip_prefix("--") {
        Some(rest) => word(rest).map(|_| text.to_owned()),
        None => Err("write it as --name or --name=value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_those_of_sbatch() {
        for (text, expected) in [
            ("90", 5400),
            ("1:30", 90),
            ("04:00:00", 14_400),
            ("1-12", 129_600),
            ("1-12:30", 131_400),
            ("2-00:00:05", 172_805),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
            assert!(wall_time(text).is_ok());
        }
        for text in ["", "4h", "1:2:3:4", "1-", "-1", "1-2-3", ":", "99999999999999999999"] {
            assert!(wall_time(text).is_err(), "{text}");
        }
        assert!(wall_time("unlimited").is_ok());
        for (text, fine) in
            [("8G", true), ("4000", true), ("8GB", false), ("", false), ("G", false)]
        {
            assert_eq!(memory(text).is_ok(), fine, "{text}");
        }
    }
}
