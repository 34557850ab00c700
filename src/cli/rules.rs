//! The arguments of `jldconv rules` and `jldconv types`.

use super::scratch::ScratchFlag;
use super::trust::TrustFlag;
use std::path::PathBuf;

const TEST_AFTER: &str = "\
Examples:
  jldconv rules test mine.toml output_00100.jld2     what each rule would do, and where

Exit codes: 0 each file could be converted, 1 a file cannot be read or a rule cannot be carried out,
2 usage.";

const DRAFT_AFTER: &str = "\
The draft is a rules file: look it over, above all what it marks FILL IN, and try it with
`jldconv rules test`. Where a target of the program does the same, it says so first.

Examples:
  jldconv rules draft old.jld2 new.jld2 > mine.toml

Exit codes: 0 there is a rule, 1 a file cannot be read, 2 usage, 4 there is no rule: the types are
the same, nothing is alike, or the target refuses the rules.";

/// What `jldconv rules` does.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum RulesCommand {
    /// Say what each rule would do to files; nothing is written
    #[command(after_help = TEST_AFTER)]
    Test(RulesTestArgs),
    /// Propose rules from a file of old packages and one of new packages
    #[command(after_help = DRAFT_AFTER)]
    Draft(RulesDraftArgs),
}

/// The arguments of `rules test`.
#[derive(Debug, Clone, clap::Args)]
pub struct RulesTestArgs {
    /// The rules
    #[arg(value_name = "RULES")]
    pub rules: PathBuf,
    /// The files
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The target whose rules follow: a name, with modules or not, or a file that defines one
    /// [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Print JSON, one object a file and line
    #[arg(long)]
    pub json: bool,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
}

/// The arguments of `rules draft`.
#[derive(Debug, Clone, clap::Args)]
pub struct RulesDraftArgs {
    /// A file that old packages wrote
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// A file that new packages wrote, with values of the same types
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// The target that is to take the rules: a name, with modules or not, or a file that defines one
    /// [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
}

/// The arguments of `types`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  jldconv types output_00100.jld2                    all stored types, with how many values there are

Exit codes: 0 each file was read, 1 a file cannot be read, 2 usage.")]
pub struct TypesArgs {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Print JSON, one object a file and line
    #[arg(long)]
    pub json: bool,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
}
