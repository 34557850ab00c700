//! Defines the command lines of `export`.

use super::limits::LimitFlags;
use super::numbers::{ReadingFlags, SelectionFlags};
use super::scratch::ScratchFlag;
use super::trust::TrustFlag;
use super::value::{self, Size};
use crate::archive::{Glob, Ranges};
use crate::export::{ColumnUnit, Format, Request};
use clap::ValueEnum;
use std::path::PathBuf;
use std::str::FromStr;

/// The arguments of `jldconv export`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
TABLE is hydro, gravity, particles, clumps or rt, with /COLUMN for one column of it, or the path of
a dataset that is a table or an array. Columns are stored ones or what Mera's getvar computes (T,
mass, x, vr_cylinder ...).

Examples:
  jldconv export output_00300.jld2 hydro --to parquet
  jldconv export output_00300.jld2 hydro --to vtu --columns rho,T --unit x=kpc --center bc
  jldconv export output_00300.jld2 hydro --to csv -o - --columns x,y,z,T --unit T=K --rows :1000
  jldconv export output_00300.jld2 hydro/rho --to npy -o rho.npy --unit nH --where 'level == 10'

  jldconv export archive all --to zarr-refs -o archive.json
  jldconv export archive hydro --to zarr-refs-parquet --combine -o hydro.parq

Nothing is replaced without --force. zarr-refs takes a directory, too, and with the TABLE all every
table. Other formats of whole archives: jldconv-supervisor export.

Exit codes: 0 done, 1 the file cannot be read or the output not be written, 2 usage, 3 interrupted.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ExportArgs {
    /// The file; for zarr-refs also a directory of *.jld2 files
    #[arg(value_name = "FILE|DIR")]
    pub file: PathBuf,
    /// What is exported, and how.
    #[command(flatten)]
    pub wanted: WantedFlags,
    /// The file to make, or a directory for it; - is standard output [default: FILE's name with
    /// TABLE and the format behind it, in the current directory]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Make OUT also where it exists; what is there is kept under .jldconv/replaced/ beside it
    #[arg(long)]
    pub force: bool,
    /// With --force: do not keep it
    #[arg(long, requires = "force")]
    pub discard_replaced: bool,
    /// With zarr-refs: one table for all snapshots, along a dimension `snapshot`, where its columns have
    /// the same shapes in all
    #[arg(long)]
    pub combine: bool,
    /// Print what was exported as JSON: rows, columns with type and unit, the run
    #[arg(long)]
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

/// The arguments of `jldconv-supervisor export`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Each file is exported by a worker process: TABLE, columns, units and conditions are those of `jldconv
export`, which says more. The export of IN/output_00300.jld2 is OUT/output_00300.TABLE.FORMAT. Run
the same command again to go on where a run stopped: what is there and was made by the same request
of the same file is not made again.

Examples:
  jldconv-supervisor export archive frames hydro --to parquet --columns x,y,z,rho,T --unit rho=nH
  jldconv-supervisor export archive stars particles --to npz --range 100-200 --where 'birth > 0'

Exit codes: 0 every file was exported, 1 one was not, 2 usage, 3 interrupted (run again to go on), 4
no files, 5 internal error.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ExportAllArgs {
    /// The archive's directory
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The directory for what is made
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// What is exported, and how.
    #[command(flatten)]
    pub wanted: WantedFlags,
    /// Enter directories below, too
    #[arg(short = 'r', long)]
    pub recursive: bool,
    /// Only files that this pattern matches, in quotes, for instance 'map_*.jld2' (may be given
    /// several times) [default: *.jld2]
    #[arg(long = "match", value_name = "GLOB")]
    pub globs: Vec<Glob>,
    /// Output numbers, inclusive, for instance 100-200,250,300-; files without a number are left out
    /// then [default: all files]
    #[arg(long, value_name = "RANGES")]
    pub range: Option<Ranges>,
    /// Make outputs also where something else has their names; it is kept under
    /// OUT/.jldconv/replaced/
    #[arg(long)]
    pub force: bool,
    /// One line for each file
    #[arg(short, long)]
    pub verbose: bool,
    /// Print JSON: one object a file and line, the last with the sums
    #[arg(long)]
    pub json: bool,
    /// Files that are exported at once [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = value::at_least_one)]
    pub workers: Option<usize>,
    /// Memory of each worker for decoded chunks that may be needed again
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub cache: Size,
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

/// What is exported, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct WantedFlags {
    /// What is exported
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// The format
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub to: FormatFlag,
    /// Columns and quantities, in this order [default: all columns of numbers]
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// The unit of a column, by Mera's name (rho=nH, T=K ...), or of all that are exported (nH); x=kpc
    /// is also that of places in vtu (may be given several times) [default: code units]
    #[arg(long = "unit", value_name = "[NAME=]UNIT")]
    pub units: Vec<UnitFlag>,
    /// How much is compressed: npz and vtu from 0 (not at all) to 9, parquet to 22 [default: npz 0,
    /// vtu 1, parquet 3]
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<u8>,
    /// Which rows are exported.
    #[command(flatten)]
    pub selection: SelectionFlags,
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatFlag {
    /// NumPy, one array: of a table, of records
    Npy,
    /// NumPy, an array for each column
    Npz,
    /// Text with commas, numbers exact
    Csv,
    /// Parquet, for data frames
    Parquet,
    /// Arrow's file format (Feather 2)
    Arrow,
    /// VTK, for ParaView: cells as voxels, particles and clumps as points
    Vtu,
    /// No data, but where they are in the files: kerchunk's JSON, for zarr, xarray and dask
    ZarrRefs,
    /// The same as a directory of Parquet files, of which readers load what they need
    ZarrRefsParquet,
}

impl FormatFlag {
    /// The format of data; none of references.
    pub fn format(self) -> Option<Format> {
        Some(match self {
            Self::Npy => Format::Npy,
            Self::Npz => Format::Npz,
            Self::Csv => Format::Csv,
            Self::Parquet => Format::Parquet,
            Self::Arrow => Format::Arrow,
            Self::Vtu => Format::Vtu,
            Self::ZarrRefs | Self::ZarrRefsParquet => return None,
        })
    }
}

/// A column's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFlag(ColumnUnit);

impl FromStr for UnitFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, unit) = match text.rsplit_once('=') {
            Some((column, unit)) => (Some(column.trim().to_owned()), unit.trim()),
            None => (None, text.trim()),
        };
        if unit.is_empty() || column.as_deref() == Some("") {
            return Err("write COLUMN=UNIT, for instance rho=nH, or a unit for all".to_owned());
        }
        Ok(Self(ColumnUnit { column, unit: unit.to_owned() }))
    }
}

impl WantedFlags {
    /// What they say together; none of references.
    pub fn request(&self) -> Option<Request> {
        Some(Request {
            columns: self.columns.clone(),
            units: self.units.iter().map(|UnitFlag(unit)| unit.clone()).collect(),
            condition: self.selection.condition.clone(),
            region: self.selection.region(),
            rows: self.selection.rows(),
            level: self.level,
            ..Request::new(self.table.clone(), self.to.format()?)
        })
    }

    /// Whether something is said that goes with data only, and not with references.
    pub fn wants_data(&self) -> bool {
        let SelectionFlags { condition, xrange, yrange, zrange, center, range_unit, rows } =
            &self.selection;
        !self.units.is_empty()
            || self.level.is_some()
            || condition.is_some()
            || [xrange, yrange, zrange].iter().any(|sides| sides.is_some())
            || center.is_some()
            || range_unit.is_some()
            || rows.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_as_they_are_written() {
        let unit = |text: &str| text.parse::<UnitFlag>();
        let made = |column: Option<&str>, unit: &str| {
            Ok(UnitFlag(ColumnUnit { column: column.map(str::to_owned), unit: unit.to_owned() }))
        };
        assert_eq!(unit("nH"), made(None, "nH"));
        assert_eq!(unit("rho=nH"), made(Some("rho"), "nH"));
        assert_eq!(unit("a=b=nH"), made(Some("a=b"), "nH"));
        for wrong in ["", "=", "rho=", "=nH"] {
            assert!(unit(wrong).is_err(), "{wrong}");
        }
    }
}
