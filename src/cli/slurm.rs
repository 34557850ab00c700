//! Checks the arguments of `jldconv-supervisor slurm` before SLURM sees them.

use super::flags::Layer;
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
    #[arg(long, value_name = "TIME", value_parser = word)]
    pub time: Option<String>,
    /// Memory of a task, as sbatch reads it (8G)
    #[arg(long, value_name = "SIZE", value_parser = word)]
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
