//! Defines the command line of `jldconv-supervisor`.

use super::ask::{OrderArgs, StatusArgs};
use super::completions::CompletionsArgs;
use super::export::ExportAllArgs;
use super::flags::Layer;
use super::help;
use super::limits::LimitFlags;
use super::movie::LookAllArgs;
use super::one_file::VerifyArgs;
use super::scan::ScanArgs;
use super::series::SeriesArgs;
use super::slurm::SlurmArgs;
use super::tune::TuneArgs;
use crate::archive::{Ranges, Shard};
use crate::cli::raw_settings::Said;
use crate::cli::settings_sources::{CONFIG_FILE, FromEnv, SourceError, from_env, from_file};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const ABOUT: &str = "Upgrades an archive of JLD2 files with many workers; nothing is lost";

const LONG_ABOUT: &str = "\
Upgrades every <PREFIX>NNNNN.jld2 of INPUT_DIR into OUTPUT_DIR, without Julia. Each file is \
converted by a worker process of its own; inputs are only read; an output appears when it is \
complete, synced and checked. Run the same command again to go on where a run stopped.

An output that is there is made again if its input changed, or if the target, the contents of rules \
files, --compress, --shuffle, --block-size, --chunk, --flat-links, --portable or the mode \
(--mode, --repack) differ from those that made it; auto is content with the mode that was chosen. A higher --verify checks it again. \
No other option matters. A file that this program did not make, or that was changed since, is never \
replaced: the run does not begin, unless --on-conflict or --force says what to do with it.

Without directories and without a config file it asks, on a terminal.";

const AFTER: &str = "\
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
go on), 4 nothing matched, 5 internal error.";

/// A parsed command line.
#[derive(Debug, Clone, Parser)]
#[command(name = "jldconv-supervisor", version, about = ABOUT, long_about = LONG_ABOUT,
          after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct SupervisorCli {
    /// The settings of a run.
    #[command(flatten)]
    pub layer: Layer,
    /// How it is told.
    #[command(flatten)]
    pub start: StartFlags,
    /// Something else than a run.
    #[command(subcommand)]
    pub command: Option<SupervisorCommand>,
}

/// Where a run's other settings come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct StartFlags {
    /// Read settings from this file [default: jldconv.toml here, if there is one]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// Ask for directories, range and workers
    #[arg(long, conflicts_with = "yes", help_heading = "Output")]
    pub interactive: bool,
}

/// Something else than a run.
#[derive(Debug, Clone, Subcommand)]
pub enum SupervisorCommand {
    /// Print (or submit) a SLURM job array that converts the archive
    #[command(after_help = help::SLURM)]
    Slurm(Box<SlurmArgs>),
    /// Say what all runs and shards of an output directory did or are doing
    Report(ReportArgs),
    /// Say what runs are doing now: progress, slots, memory, faults; which shards to submit again
    Status(StatusArgs),
    /// Let a run finish the files that it works on, and take no more; as the first Ctrl-C does
    Drain(OrderArgs),
    /// Stop a run: what it works on comes again in the next; as the second Ctrl-C does
    Stop(OrderArgs),
    /// Compare the files of two directories pair by pair, each in a worker of its own
    Verify(Box<VerifyPairsArgs>),
    /// Say what an archive holds, what it needs and what is damaged; nothing is written into it
    Scan(Box<ScanArgs>),
    /// Write a table of each file for other programs: NumPy, CSV, Parquet, Arrow, ParaView
    Export(Box<ExportAllArgs>),
    /// Make a table of numbers, one row a snapshot: time, masses, extremes and means, star formation
    Series(Box<SeriesArgs>),
    /// Make a picture of each Mera file of an archive, or the frames of a movie
    Look(Box<LookAllArgs>),
    /// Measure how many workers and threads suit an archive here, on a sample of it
    Tune(Box<TuneArgs>),
    /// Print what makes a shell complete this command line
    Completions(CompletionsArgs),
}

impl SupervisorCommand {
    /// Where it was told that lists go that are too long for the memory.
    pub fn scratch(&self) -> Option<&Path> {
        let flag = match self {
            Self::Verify(args) => &args.verify.scratch,
            Self::Scan(args) => &args.scratch,
            Self::Export(args) => &args.scratch,
            Self::Series(args) => &args.scratch,
            Self::Look(args) => &args.scratch,
            Self::Tune(args) => &args.scratch,
            // On the machine where its tasks run, there may be another.
            Self::Slurm(_)
            | Self::Report(_)
            | Self::Status(_)
            | Self::Drain(_)
            | Self::Stop(_)
            | Self::Completions(_) => return None,
        };
        flag.scratch.as_deref()
    }
}

/// The arguments of `verify`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::VERIFY_PAIRS)]
pub struct VerifyPairsArgs {
    /// What is compared, and how.
    #[command(flatten)]
    pub verify: VerifyArgs,
    /// Tell of equal pairs, too
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// Keep results in DIR/.jldconv/ and go on from there when run again [default: nothing is
    /// written]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub journal: Option<PathBuf>,
    /// Output numbers, inclusive, for instance 100-200,250,300-; files that are not named as outputs
    /// are left out then [default: all files]
    #[arg(long, value_name = "RANGES", help_heading = "Files")]
    pub range: Option<Ranges>,
    /// Only part I of N of the pairs, balanced by the old files' bytes; each part has a journal of
    /// its own [default: from SLURM, else 1/1]
    #[arg(long, value_name = "I/N", help_heading = "Files")]
    pub shard: Option<Shard>,
    /// What workers may take.
    #[command(flatten, next_help_heading = "Workers and memory")]
    pub limits: LimitFlags,
}

/// The arguments of `report`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::REPORT)]
pub struct ReportArgs {
    /// The output directory of the runs
    #[arg(value_name = "OUTPUT_DIR")]
    pub output_dir: PathBuf,
    /// Print JSON instead of a summary
    #[arg(long)]
    pub json: bool,
    /// Write it as a page that needs nothing else, too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write its files as a table for spreadsheets, too
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

/// What the command line, the environment and the config file say together.
#[derive(Debug)]
pub struct Gathered {
    /// The settings.
    pub said: Said,
    /// The config file that was read.
    pub config: Option<PathBuf>,
    /// Variables that look like settings and are none.
    pub unknown: Vec<String>,
}

/// The config file that is read where no flag names one: the one that the environment's `vars` name,
/// or the one in the directory `here`, if there is one.
pub fn config_file(vars: &[(OsString, OsString)], here: &Path) -> Option<PathBuf> {
    let var = vars.iter().find(|(name, value)| name == "JLDCONV_CONFIG" && !value.is_empty());
    let named = var.map(|(_, value)| PathBuf::from(value));
    named.or_else(|| Some(here.join(CONFIG_FILE)).filter(|path| path.exists()))
}

/// A parsed command line with what its texts were.
#[derive(Debug)]
pub struct Parsed {
    /// The command line.
    pub cli: SupervisorCli,
    /// The settings it holds, as texts; those of `slurm` where that is the command.
    pub said: Said,
}

impl Parsed {
    /// Parses a command line.
    ///
    /// # Errors
    /// Clap's own, which knows how to print itself; help and version are among them.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = SupervisorCli::command().try_get_matches_from(args)?;
        let cli = SupervisorCli::from_arg_matches(&matches)?;
        let said = Said::from_matches(matches.subcommand_matches("slurm").unwrap_or(&matches));
        Ok(Self { cli, said })
    }

    /// Lays the command line over the environment's `vars`, and both over the config file, which is
    /// looked for in the directory `here`.
    ///
    /// # Errors
    /// Where the config file or a variable makes no sense.
    pub fn gather(
        &self,
        vars: impl IntoIterator<Item = (OsString, OsString)>,
        here: &Path,
    ) -> Result<Gathered, SourceError> {
        let vars: Vec<(OsString, OsString)> = vars.into_iter().collect();
        let named = match &self.cli.command {
            Some(SupervisorCommand::Slurm(args)) => args.config.clone(),
            _ => self.cli.start.config.clone(),
        };
        let config = named.or_else(|| config_file(&vars, here));
        let FromEnv { said: from_vars, unknown } = from_env(vars)?;
        let from_config = config.as_deref().map(from_file).transpose()?.unwrap_or_default();
        Ok(Gathered { said: self.said.clone().over(from_vars).over(from_config), config, unknown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Count;
    use std::fs;

    fn parse(args: &[&str]) -> Result<Parsed, clap::Error> {
        let args = std::iter::once("jldconv-supervisor").chain(args.iter().copied());
        Parsed::from_args(args.map(OsString::from))
    }

    #[test]
    fn the_definition_is_sound() {
        SupervisorCli::command().debug_assert();
    }

    #[test]
    fn the_help_fits_a_terminal_and_leads_with_examples() {
        let help = SupervisorCli::command().term_width(100).render_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(help.contains("jldconv-supervisor old new --dry-run"));
        assert!(help.contains("4 nothing matched"));
    }

    #[test]
    fn a_run_with_its_flags() {
        let parsed = parse(&["old", "new", "-j", "8", "--range=1-5", "-y", "--force"]).unwrap();
        let layer = parsed.said.layer().unwrap();
        assert_eq!(layer.batch.workers, Some(Count::Exactly(8)));
        assert_eq!(layer.conversion.force, Some(true));
        assert_eq!(layer.yes, Some(true));
        assert_eq!((layer.input_dir, layer.output_dir), (Some("old".into()), Some("new".into())));
        assert_eq!(Layer { verbose: 0, ..parsed.cli.layer }, parsed.said.layer().unwrap());
    }

    #[test]
    fn mistakes_are_usage_errors() {
        for args in [
            &["--workers", "0"][..],
            &["--wrokers", "8"],
            &["--range", "9-1"],
            &["--mode", "fast"],
            &["--safety-margin", "1.5"],
            &["--interactive", "--yes"],
            &["report"],
            &["slurm"],
        ] {
            assert_eq!(parse(args).unwrap_err().exit_code(), 2, "{args:?}");
        }
    }

    #[test]
    fn flags_go_before_variables_and_variables_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(CONFIG_FILE);
        fs::write(&file, "workers = 3\nretries = 3\ngrace = '3s'\n").unwrap();
        let vars = || {
            [("JLDCONV_WORKERS", "2"), ("JLDCONV_RETRIES", "2"), ("JLDCONV_OOPS", "2")]
                .map(|(name, value)| (name.into(), value.into()))
        };
        let gathered = parse(&["--workers=1"]).unwrap().gather(vars(), dir.path()).unwrap();
        let batch = gathered.said.layer().unwrap().batch;
        assert_eq!(batch.workers, Some(Count::Exactly(1)));
        assert_eq!(batch.retries, Some(2));
        assert_eq!(batch.grace.map(|span| span.0.as_secs()), Some(3));
        assert_eq!((gathered.config, gathered.unknown), (Some(file), vec!["JLDCONV_OOPS".into()]));

        let other = dir.path().join("other.toml");
        fs::write(&other, "retries = 7\n").unwrap();
        let named = parse(&["--config", other.to_str().unwrap()]).unwrap();
        let gathered = named.gather([], dir.path()).unwrap();
        assert_eq!(gathered.said.layer().unwrap().batch.retries, Some(7));
        let var = [("JLDCONV_CONFIG".into(), other.clone().into_os_string())];
        let gathered = parse(&[]).unwrap().gather(var, dir.path()).unwrap();
        assert_eq!(gathered.said.layer().unwrap().batch.retries, Some(7));
        let missing = parse(&["--config", "/nowhere.toml"]).unwrap();
        assert!(missing.gather([], dir.path()).is_err(), "a file that is named must exist");
        let nothing = parse(&[]).unwrap().gather([], Path::new("/nowhere")).unwrap();
        assert_eq!((nothing.said, nothing.config), (Said::default(), None));
    }
}
