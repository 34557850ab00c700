//! Defines the command line of `jldconv`: one file at a time.

use super::completions::CompletionsArgs;
use super::export::ExportArgs;
use super::flags::ConversionFlags;
use super::help;
use super::look::LookArgs;
use super::numbers::{InfoArgs, StatsArgs};
use super::rules::{RulesCommand, TypesArgs};
use super::scratch::ScratchFlag;
use super::target::TargetCommand;
use super::trust::TrustFlag;
use super::value::{self, Size};
use clap::{ArgAction, Parser, Subcommand};
use std::path::{Path, PathBuf};

const ABOUT: &str = "Looks into JLD2 files, upgrades, checks and restores them, without Julia";

const AFTER: &str = "\
Examples:
  jldconv inspect output_00100.jld2                what it is, and what today's Julia would warn of
  jldconv convert output_00100.jld2 new.jld2       make it current
  jldconv verify output_00100.jld2 new.jld2        whether rules explain every difference
  jldconv verify archive upgraded                  the same of all files in two directories
  jldconv dump new.jld2 /hydro/info                values as text
  jldconv info output_00100.jld2                   time, box, levels, rows and variables
  jldconv stats output_00100.jld2 hydro/rho --unit nH  extremes, mean, sum, percentiles
  jldconv export output_00100.jld2 hydro --to parquet --columns x,y,z,rho,T --unit rho=nH
  jldconv look output_00100.jld2 -o sd.png         what is seen along z, as a picture
  jldconv rescue broken.jld2 saved.jld2            what is whole in a damaged file, as a new one
  jldconv rules draft old.jld2 new.jld2            rules from the old file's types to the new one's
  jldconv target check --packages ~/.julia/packages  what newer packages would warn of
  jldconv undo output_00100.jld2                   take an in-place upgrade back
  jldconv doctor archive upgraded                  what this machine gives a run
Whole archives: jldconv-supervisor.

Exit codes: 0 done, 1 a file or target failed or differs, 2 usage, 3 interrupted,
4 nothing to compare, 5 internal error, 6 rescued in part.";

/// A parsed command line.
#[derive(Debug, Clone, Parser)]
#[command(name = "jldconv", version, about = ABOUT, after_help = AFTER,
          arg_required_else_help = true)]
pub struct JldconvCli {
    /// What to do.
    #[command(subcommand)]
    pub command: JldconvCommand,
    /// Say more: -v what happens, -vv why, -vvv everything
    #[arg(long, short = 'v', action = ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// What `jldconv` does.
#[derive(Debug, Clone, Subcommand)]
pub enum JldconvCommand {
    /// Say what files are and what a reader of the target would warn about or fail on
    Inspect(InspectArgs),
    /// Upgrade one file to what today's Julia packages read
    #[command(after_help = help::CONVERT)]
    Convert(Box<ConvertArgs>),
    /// Compare files with what became of them: all but what rules explain must be equal
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Print a file's values, or those below a path
    #[command(after_help = help::DUMP)]
    Dump(DumpArgs),
    /// Say at a glance what Mera files hold: time, box, levels, rows, variables
    Info(InfoArgs),
    /// Describe the numbers of a column, or of what Mera computes: extremes, mean, sum, percentiles
    Stats(Box<StatsArgs>),
    /// Write a table's columns, or an array, for other programs: NumPy, CSV, Parquet, Arrow, ParaView
    Export(Box<ExportArgs>),
    /// List every stored type of files, with its fields, how many values there are, and their bytes
    Types(TypesArgs),
    /// Rules of your own: say what they would do, draft them
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Show a Mera file: what is seen along an axis, what a plane cuts, a phase diagram
    Look(Box<LookArgs>),
    /// What outputs are made for: list and show targets, check one against Julia's sources
    #[command(subcommand)]
    Target(TargetCommand),
    /// Save what is whole in a damaged file: never closed, cut short, partly zeroed
    #[command(after_help = help::RESCUE)]
    Rescue(RescueArgs),
    /// Take in-place upgrades back, bit for bit
    #[command(after_help = help::UNDO)]
    Undo(UndoArgs),
    /// Make in-place upgrades final: remove their undo files
    #[command(after_help = help::COMMIT)]
    Commit(CommitArgs),
    /// Say what this machine and an archive's places give a run, and what will not work
    Doctor(DoctorArgs),
    /// Print what makes a shell complete this command line
    Completions(CompletionsArgs),
}

impl JldconvCommand {
    /// Where it was told that lists go that are too long for the memory.
    pub fn scratch(&self) -> Option<&Path> {
        let flag = match self {
            Self::Inspect(args) => &args.scratch,
            Self::Convert(args) => &args.scratch,
            Self::Verify(args) => &args.scratch,
            Self::Dump(args) => &args.scratch,
            Self::Info(args) => &args.scratch,
            Self::Stats(args) => &args.scratch,
            Self::Export(args) => &args.scratch,
            Self::Look(args) => &args.scratch,
            Self::Types(args) => &args.scratch,
            Self::Rules(RulesCommand::Test(args)) => &args.scratch,
            Self::Rules(RulesCommand::Draft(args)) => &args.scratch,
            Self::Rescue(args) => &args.scratch,
            Self::Target(_)
            | Self::Undo(_)
            | Self::Commit(_)
            | Self::Doctor(_)
            | Self::Completions(_) => return None,
        };
        flag.scratch.as_deref()
    }
}

/// The arguments of `inspect`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::INSPECT)]
pub struct InspectArgs {
    /// The files, or directories of *.jld2; of more than three, each gets one line (-v shows all of
    /// each)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Enter directories below, too
    #[arg(long, short = 'r')]
    pub recursive: bool,
    /// Print JSON, one object a file and line
    #[arg(long)]
    pub json: bool,
    /// Show whole trees, with the committed types
    #[arg(long)]
    pub full: bool,
    /// The package versions that findings are about: a target's name, or a file that defines one
    /// [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Further rules, for your own types (may be given several times)
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
    /// Where undo files are looked for, beside the file's own directory
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
}

/// The arguments of `doctor`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::DOCTOR)]
pub struct DoctorArgs {
    /// The archive's directory
    #[arg(value_name = "IN")]
    pub input: Option<PathBuf>,
    /// The directory for outputs; what its file system can do is tried there, in a directory that is
    /// removed again
    #[arg(value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// What the names of the archive's files begin with
    #[arg(long, value_name = "PREFIX", default_value = crate::archive::DEFAULT_PREFIX)]
    pub prefix: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `convert`.
#[derive(Debug, Clone, clap::Args)]
pub struct ConvertArgs {
    /// The file to read
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The file to make, or a directory for it; not with --mode in-place, and not needed with --dry-run
    #[arg(value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// How it is converted.
    #[command(flatten)]
    pub conversion: ConversionFlags,
    /// Threads of a rewrite [default: all cores]
    #[arg(long, value_name = "N", value_parser = value::at_least_one, help_heading = "Workers and memory")]
    pub threads: Option<usize>,
    /// Memory that may be taken, for instance 256MiB; with less than it needs it ends [default: all]
    #[arg(long, value_name = "SIZE", help_heading = "Workers and memory")]
    pub memory_limit: Option<Size>,
    /// Where lists go that are too long for the memory.
    #[command(flatten, next_help_heading = "Workers and memory")]
    pub scratch: ScratchFlag,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// The arguments of `verify`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Clone, clap::Args)]
pub struct VerifyArgs {
    /// The old file, or a directory of them
    #[arg(value_name = "OLD")]
    pub a: PathBuf,
    /// What became of it, or a directory of files with the same names
    #[arg(value_name = "NEW")]
    pub b: PathBuf,
    /// The package versions that NEW was made for: a target's name, or a file that defines one
    /// [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Further rules that NEW was made with (may be given several times)
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Let no rules explain anything: every difference counts
    #[arg(long, conflicts_with_all = ["target", "rules"])]
    pub strict: bool,
    /// Directories: those below them, too, by the same paths
    #[arg(long, short = 'r')]
    pub recursive: bool,
    /// Directories: files that only OLD has are not differences (--unchanged skip leaves some out)
    #[arg(long)]
    pub allow_missing: bool,
    /// Cores to use: of directories, as many pairs are compared at once; two files, and pairs of which
    /// there are fewer than cores, take two each [default: all cores]
    #[arg(long, value_name = "N", value_parser = value::at_least_one)]
    pub jobs: Option<usize>,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
    /// Print JSON; of directories, one object a pair and line, the last with the counts
    #[arg(long)]
    pub json: bool,
    /// Where undo files are looked for, beside the file's own directory
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
}

/// The arguments of `dump`.
#[derive(Debug, Clone, clap::Args)]
pub struct DumpArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A dataset or group in it, for instance /hydro/info, or a column of a table in it
    /// (/hydro/data/rho) [default: everything]
    #[arg(value_name = "PATH")]
    pub path: Option<String>,
    /// Print the canonical JSON
    #[arg(long)]
    pub json: bool,
    /// Write the bytes of the array or column PATH as they are stored, the lowest of each number first
    #[arg(long, requires = "path", conflicts_with = "json")]
    pub raw: bool,
    /// Where undo files are looked for, beside the file's own directory
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
}

/// The arguments of `rescue`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Clone, clap::Args)]
pub struct RescueArgs {
    /// The damaged file; it is only read
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The file to make, or a directory for it
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Keep arrays in chunks of which some are lost, too: the fill value (mostly 0) stands in their
    /// place, and the report says for which elements
    #[arg(long)]
    pub partial: bool,
    /// Make OUT also where it exists; what is there is kept under .jldconv/replaced/ beside it
    #[arg(long)]
    pub force: bool,
    /// With --force: do not keep it
    #[arg(long, requires = "force")]
    pub discard_replaced: bool,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where undo files are looked for, beside the file's own directory
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
}

/// The arguments of `undo`.
#[derive(Debug, Clone, clap::Args)]
pub struct UndoArgs {
    /// Files that were upgraded in place, or directories of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Enter directories below, too
    #[arg(long, short = 'r')]
    pub recursive: bool,
    /// Where their undo files are [default: beside each file]
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
}

/// The arguments of `commit`.
#[derive(Debug, Clone, clap::Args)]
pub struct CommitArgs {
    /// Files that were upgraded in place, or directories of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Enter directories below, too
    #[arg(long, short = 'r')]
    pub recursive: bool,
    /// Where their undo files are [default: beside each file]
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Do not ask (a terminal is asked, a pipe never)
    #[arg(long, short = 'y')]
    pub yes: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        JldconvCli::command().debug_assert();
    }

    #[test]
    fn the_command_lines_of_the_design() {
        for line in [
            "inspect a.jld2 b.jld2 --json",
            "convert in.jld2 out.jld2 --mode rewrite --compress zstd:7 --force",
            "convert in.jld2 --mode in-place --backup-dir undo",
            "convert in.jld2 out --dry-run -vv --flat-links",
            "verify a.jld2 b.jld2 --json",
            "verify a b --target mera-1.9 --rules x.toml --rules y.toml --jobs 3 --allow-missing -v",
            "verify a b --strict",
            "dump a.jld2",
            "dump a.jld2 /hydro/info --json",
            "dump a.jld2 /hydro/data/rho --raw",
            "info a.jld2 dir --json --prefix snap_",
            "info a.jld2 --scan",
            "stats a.jld2",
            "stats a.jld2 hydro/rho --unit nH --where level==10 --xrange=-8:8 --center bc",
            "stats a.jld2 hydro/x --center 1,2,3 --range-unit kpc --zrange -1:1 --rows 5:10 --json",
            "stats a.jld2 /a/b --percentiles 10,50,99.9 --bins 0 --png x.png --scale log --cache 1MiB --threads 2",
            "export a.jld2 hydro --to npz -o out.npz --columns x,y,T --unit T=K --unit x=kpc --where level==10",
            "export a.jld2 hydro/rho --to csv -o - --unit nH --xrange=-8:8 --center bc --rows 5:10",
            "export a.jld2 /a/b --to npy --force --discard-replaced --json --threads 2 --cache 1MiB",
            "dump a.jld2 --trust-checksums no",
            "verify a.jld2 b.jld2 --trust-checksums no",
            "inspect a.jld2 --trust-checksums=no",
            "convert in.jld2 out.jld2 --trust-checksums no",
            "rescue a.jld2 b.jld2 --json",
            "rescue a.jld2 b.jld2 --partial",
            "rescue a.jld2 b.jld2 --force --discard-replaced --backup-dir undo",
            "undo a.jld2 dir",
            "commit dir",
            "commit a.jld2 dir --yes",
            "inspect a.jld2 --backup-dir undo",
            "verify a.jld2 b.jld2 --backup-dir undo",
            "dump a.jld2 --backup-dir undo",
            "dump a.jld2 --scratch dir",
            "convert a.jld2 b.jld2 --scratch dir",
            "rescue a.jld2 b.jld2 --scratch dir",
            "rules draft a.jld2 b.jld2 --scratch dir",
            "target list --json",
            "target show",
            "target show mine.toml --json",
            "target check --definitions a.jl --definitions b.jl --target mera-1.9",
            "target check --packages dir --json",
        ] {
            let args = std::iter::once("jldconv").chain(line.split(' '));
            assert!(JldconvCli::try_parse_from(args).is_ok(), "{line}");
        }
        for line in [
            "",
            "inspect",
            "verify a",
            "verify a b --strict --rules x",
            "verify a b --jobs 0",
            "commit",
            "dump a.jld2 --raw",
            "dump a.jld2 /a --raw --json",
            "info",
            "stats",
            "stats a.jld2 hydro/rho --percentiles 101",
            "stats a.jld2 hydro/rho --xrange 8",
            "export a.jld2",
            "export a.jld2 hydro --to xls",
            "export a.jld2 hydro --to csv --discard-replaced",
            "rescue a.jld2",
            "rescue a.jld2 b.jld2 --discard-replaced",
            "convert",
            "melt a",
            "target",
            "target check",
        ] {
            let args =
                std::iter::once("jldconv").chain(line.split(' ').filter(|it| !it.is_empty()));
            assert_eq!(JldconvCli::try_parse_from(args).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
