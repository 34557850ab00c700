//! Defines the command lines that read numbers out of files: `info` and `stats`.

use super::help;
use super::scratch::ScratchFlag;
use super::trust::TrustFlag;
use super::value;
use crate::archive::DEFAULT_PREFIX;
use crate::mera::region::{Center, RegionWish};
use crate::numbers::{MOST_PERCENTILES, Selection, parse_condition};
use clap::ValueEnum;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

/// The arguments of `info`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::INFO)]
pub struct InfoArgs {
    /// Mera files, or directories of them, which get one line a file
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Read all rows of files that are named: smallest and largest numbers of each column, masses,
    /// cells by level
    #[arg(long)]
    pub scan: bool,
    /// What the names of a directory's files begin with
    #[arg(long, value_name = "PREFIX", default_value = DEFAULT_PREFIX)]
    pub prefix: String,
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

/// The arguments of `stats`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
TABLE is hydro, gravity, particles, clumps or rt, or the path of a dataset; COLUMN one of its
columns or what Mera's getvar computes of them (hydro/T, hydro/mass, particles/age ...); without a
column, all columns of the table are described.

Examples:
  jldconv stats output_00300.jld2                              all columns of all tables
  jldconv stats output_00300.jld2 hydro/rho --unit nH
  jldconv stats output_00300.jld2 hydro/T --unit K --where 'level == 10 && rho[nH] > 1e-3'
  jldconv stats output_00300.jld2 hydro/mass --unit Msol --center bc --xrange=-8:8 --range-unit kpc

Exit codes: 0 done, 1 the file cannot be read, 2 usage.")]
pub struct StatsArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What is described [default: each table]
    #[arg(value_name = "TABLE[/COLUMN]")]
    pub path: Option<String>,
    /// The unit of the numbers, by Mera's name (nH, km_s, Msol, kpc, Myr, K ...) [default: code units]
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
    /// Which rows are described.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// Percentiles, from 0 to 100 [default: 1,5,25,50,75,95,99]
    #[arg(long, value_name = "P,P,...", value_delimiter = ',', value_parser = percentile, help_heading = "Output")]
    pub percentiles: Vec<f64>,
    /// Intervals of the histogram; 0 for none
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(..=1000), help_heading = "Output")]
    pub bins: u16,
    /// How the histogram's axis is divided
    #[arg(long, value_name = "SCALE", value_enum, default_value_t = ScaleFlag::Auto, help_heading = "Output")]
    pub scale: ScaleFlag,
    /// Also draw the histogram of the one column that is named, as PNG; nothing is replaced
    #[arg(long, value_name = "FILE", requires = "path", help_heading = "Output")]
    pub png: Option<PathBuf>,
    /// Print JSON, one object a column and line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// How much is read at once.
    #[command(flatten)]
    pub reading: ReadingFlags,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
}

/// How much is read at once.
#[derive(Debug, Clone, clap::Args)]
pub struct ReadingFlags {
    /// Threads that decode [default: all cores]
    #[arg(long, value_name = "N", value_parser = value::at_least_one, help_heading = "Reading")]
    pub threads: Option<usize>,
    /// Memory for decoded chunks that may be needed again
    #[arg(long, value_name = "SIZE", default_value = "256MiB", help_heading = "Reading")]
    pub cache: super::Size,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScaleFlag {
    /// Logarithmic where all numbers are above 0 and span three decades or more.
    Auto,
    /// Intervals of one width.
    Linear,
    /// Intervals of one factor.
    Log,
}

/// Which rows are chosen.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SelectionFlags {
    /// Only rows for which this holds, for instance 'level == 10 && rho[nH] > 1e-3'
    #[arg(
        long = "where",
        value_name = "CONDITION",
        allow_hyphen_values = true,
        help_heading = "Which rows"
    )]
    pub condition: Option<String>,
    /// Only what is between these along x: from the centre, in the range unit; a side may be left out
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true, help_heading = "Which rows")]
    pub xrange: Option<Sides>,
    /// The same along y
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true, help_heading = "Which rows")]
    pub yrange: Option<Sides>,
    /// The same along z
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true, help_heading = "Which rows")]
    pub zrange: Option<Sides>,
    /// Where ranges, and coordinates of quantities, are counted from: bc (the middle of the box) or
    /// three numbers in the range unit [default: the box's corner]
    #[arg(long, value_name = "bc|X,Y,Z", allow_hyphen_values = true, help_heading = "Which rows")]
    pub center: Option<CenterFlag>,
    /// The unit of ranges and centre, by Mera's name [default: parts of the box]
    #[arg(long, value_name = "UNIT", help_heading = "Which rows")]
    pub range_unit: Option<String>,
    /// Only these rows, counted from 0, the last one not included
    #[arg(long, value_name = "FROM:TO", help_heading = "Which rows")]
    pub rows: Option<RowsFlag>,
}

/// Two sides, of which each may be left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sides(pub(super) [Option<f64>; 2]);

/// A centre: of the box along an axis, or a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CenterFlag(pub(super) [Center; 3]);

/// Rows from one on, and up to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsFlag(pub(super) Range<u64>);

fn percentile(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=100.0).contains(&number) { Ok(number) } else { Err("not from 0 to 100".to_owned()) }
}

fn number(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|_| format!("{text:?} is not a number"))?;
    if number.is_finite() { Ok(number) } else { Err(format!("{text} is not a place")) }
}

impl FromStr for Sides {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once(':').ok_or("write FROM:TO, for instance -8:8")?;
        let side = |text: &str| (!text.trim().is_empty()).then(|| number(text)).transpose();
        let sides = [side(from)?, side(to)?];
        if sides.iter().all(Option::is_none) {
            return Err("both sides are left out".to_owned());
        }
        Ok(Self(sides))
    }
}

impl FromStr for CenterFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let along = |text: &str| match text.trim() {
            "bc" | "boxcenter" | ":bc" | ":boxcenter" => Ok(Center::Middle),
            text => number(text).map(Center::At),
        };
        match text.split(',').collect::<Vec<_>>().as_slice() {
            [all] if along(all) == Ok(Center::Middle) => Ok(Self([Center::Middle; 3])),
            [x, y, z] => Ok(Self([along(x)?, along(y)?, along(z)?])),
            _ => Err("write bc, or three numbers with commas between".to_owned()),
        }
    }
}

impl FromStr for RowsFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once(':').ok_or("write FROM:TO, for instance 0:1000")?;
        let row =
            |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is not a row"));
        let from = if from.trim().is_empty() { 0 } else { row(from)? };
        let to = row(to)?;
        if from > to { Err(format!("{from} is behind {to}")) } else { Ok(Self(from..to)) }
    }
}

impl SelectionFlags {
    /// What they say together.
    ///
    /// # Errors
    /// If the condition is not one.
    pub fn selection(&self) -> Result<Selection, crate::numbers::ConditionError> {
        let condition = self.condition.as_deref().map(parse_condition).transpose()?;
        Ok(Selection { condition, region: self.region(), rows: self.rows(), like_mera: false })
    }

    /// The part of the box, and where coordinates are counted from.
    pub(super) fn region(&self) -> RegionWish {
        let ranges = [self.xrange, self.yrange, self.zrange];
        let ranges = ranges.map(|sides| sides.map_or([None, None], |Sides(sides)| sides));
        let center = self.center.map(|CenterFlag(center)| center);
        RegionWish { ranges, center, unit: self.range_unit.clone() }
    }

    /// Which rows.
    pub(super) fn rows(&self) -> Option<Range<u64>> {
        self.rows.as_ref().map(|RowsFlag(rows)| rows.clone())
    }
}

impl StatsArgs {
    /// Whether more percentiles are asked for than are told at once.
    pub fn too_many_percentiles(&self) -> Option<String> {
        let asked = self.percentiles.len();
        (asked > MOST_PERCENTILES).then(|| {
            format!("--percentiles: {asked} are asked for, {MOST_PERCENTILES} can be told")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_centres_and_rows_as_they_are_written() {
        let sides = |text: &str| text.parse::<Sides>();
        assert_eq!(sides("-8:8"), Ok(Sides([Some(-8.0), Some(8.0)])));
        assert_eq!(sides(":0.5"), Ok(Sides([None, Some(0.5)])));
        assert_eq!(sides("1e-3:"), Ok(Sides([Some(1e-3), None])));
        for wrong in ["", ":", "8", "a:8", "1:inf", "NaN:1", "1:2:3"] {
            assert!(sides(wrong).is_err(), "{wrong}");
        }
        let center = |text: &str| text.parse::<CenterFlag>();
        assert_eq!(center("bc"), Ok(CenterFlag([Center::Middle; 3])));
        let mixed = [Center::At(24.0), Center::Middle, Center::At(-1.0)];
        assert_eq!(center("24, bc,-1"), Ok(CenterFlag(mixed)));
        for wrong in ["", "1", "1,2", "1,2,3,4", "a,b,c", "1,2,inf"] {
            assert!(center(wrong).is_err(), "{wrong}");
        }
        let rows = |text: &str| text.parse::<RowsFlag>();
        assert_eq!(rows("5:10"), Ok(RowsFlag(5..10)));
        assert_eq!(rows(":10"), Ok(RowsFlag(0..10)));
        for wrong in ["5", "10:5", "-1:5", "5:", "a:b"] {
            assert!(rows(wrong).is_err(), "{wrong}");
        }
        assert_eq!(percentile("99.9"), Ok(99.9));
        assert!(percentile("101").is_err() && percentile("nan").is_err());
    }
}
