//! Defines the command line of `jldconv-supervisor series`.

use super::limits::LimitFlags;
use super::numbers::SelectionFlags;
use super::scratch::ScratchFlag;
use super::trust::TrustFlag;
use super::value;
use crate::archive::{DEFAULT_PREFIX, Ranges};
use crate::numbers::ConditionError;
use crate::numbers::series::QuestionText;
use std::path::PathBuf;

/// What is told where nobody says what.
const USUAL: &str = "time,redshift,msum[Msol],max_rho[nH],mean_rho[nH]";

const AFTER: &str = "\
WHAT is a list with commas:
  time redshift aexp boxlen levelmin levelmax cells particles clumps   beside the rows
  count msum center_of_mass bulk_velocity                              of the rows of hydro
  STAT_QUANTITY: min_ max_ sum_ mean_ median_ pNN_ std_ skewness_ kurtosis_, with a column or
      what Mera's getvar computes (max_rho, p95_T, mean_age); with weights: mean_T@mass
  sfr sfr_N sfr_mean stars stellar_mass oldest_star                    as Mera's sfr_snapshot
A unit stands in brackets behind (time[Gyr], max_rho[nH]), a table in front
(particles.msum[Msol]); without a table it is of hydro, if hydro has it.

Examples:
  jldconv-supervisor series old --out series.csv
  jldconv-supervisor series old --what 'time,msum[Msol],mean_T@mass[K]' --plot series.svg
  jldconv-supervisor series old --what time,sfr --out sfr.json --range 100-300
  jldconv-supervisor series old --what 'time,msum[Msol]' --where 'rho[nH] > 10' --out dense.csv

Exit codes: 0 every snapshot was read, 1 one was not (its row is empty), 2 usage, 3 interrupted
(with --journal, run again to go on), 4 no files, 5 internal error.";

/// The arguments of `series`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER)]
pub struct SeriesArgs {
    /// The directory of the snapshots
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Where the series goes: .csv, .json or .parquet [default: CSV on standard output]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Also draw the series over the time, or over the number of the output: .png or .svg
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// What is told of each snapshot, a list with commas
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = USUAL)]
    pub what: Vec<String>,
    /// Units for names without one in brackets, for instance rho=nH,msum=Msol
    #[arg(long, value_name = "NAME=UNIT", value_delimiter = ',', value_parser = unit)]
    pub unit: Vec<(String, String)>,
    /// Which rows are looked at.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// Tell what Mera tells, also where that is wrong
    #[arg(long)]
    pub like_mera: bool,
    /// What the names of the snapshots begin with
    #[arg(long, value_name = "PREFIX", default_value = DEFAULT_PREFIX)]
    pub prefix: String,
    /// Output numbers, inclusive, for instance 100-200,250,300- [default: all]
    #[arg(long, value_name = "RANGES")]
    pub range: Option<Ranges>,
    /// Keep rows in DIR/.jldconv/ and go on from there when run again [default: nothing is kept]
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// Files that are read at once [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = value::at_least_one)]
    pub workers: Option<usize>,
    /// What workers may take.
    #[command(flatten)]
    pub limits: LimitFlags,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
}

fn unit(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, unit)) if !name.is_empty() && !unit.is_empty() => {
            Ok((name.trim().to_owned(), unit.trim().to_owned()))
        }
        _ => Err("write NAME=UNIT, for instance rho=nH".to_owned()),
    }
}

impl SeriesArgs {
    /// What is asked of each file.
    ///
    /// # Errors
    /// If the condition is not one.
    pub fn question(&self) -> Result<QuestionText, ConditionError> {
        let mut text = QuestionText::default().of_rows(&self.selection.selection()?);
        text.what.clone_from(&self.what);
        text.units.clone_from(&self.unit);
        text.condition.clone_from(&self.selection.condition);
        text.like_mera = self.like_mera;
        text.let_pass = self.trust.trust_checksums == Some(false);
        Ok(text)
    }
}
