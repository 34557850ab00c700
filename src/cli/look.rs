//! Defines the command lines of `look`.

use super::numbers::{CenterFlag, ReadingFlags, RowsFlag, Sides};
use super::scratch::ScratchFlag;
use super::trust::TrustFlag;
use crate::mera::region::RegionWish;
use crate::numbers::Ask;
use crate::numbers::map::{
    Along, Direction, Division, MOST_PIXELS, MapAsk, PhaseAsk, Pixels, Request, SURFACE_DENSITY,
    USUAL_INTERVALS, View,
};
use crate::numbers::picture::Colours;
use clap::ValueEnum;
use std::path::PathBuf;
use std::str::FromStr;

/// The arguments of `jldconv look`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Without --slice and --phase it is a projection: all that lies along an axis, cells with the parts of
pixels that they cover. VAR is a column, what Mera's getvar computes (T, mass, vr_cylinder ...), or
sd, the mass by area.

Examples:
  jldconv look output_00300.jld2                               gas, as mass by area, in the terminal
  jldconv look output_00300.jld2 -o sd.png
  jldconv look output_00300.jld2 -o t.png --var T --direction x --center bc --range=-8:8 --range-unit kpc
  jldconv look output_00300.jld2 -o cut.png --var rho --center bc --slice z=0
  jldconv look output_00300.jld2 -o phase.png --phase rho,T
  jldconv look output_00300.jld2 -o stars.npy --table particles --json

Nothing is replaced without --force. Whole archives as a movie: jldconv-supervisor look.

Exit codes: 0 done, 1 the file cannot be read or the picture not be written, 2 usage, 3 interrupted.")]
pub struct LookArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where it goes, by what the name ends in: .png (a picture), .npy (the pixels' numbers, for
    /// NumPy), .json (the same with axes); may be given several times [default: the terminal]
    #[arg(short, long, value_name = "OUT")]
    pub output: Vec<PathBuf>,
    /// What is shown.
    #[command(flatten)]
    pub view: ViewFlags,
    /// How it is drawn.
    #[command(flatten)]
    pub draw: DrawFlags,
    /// How it is shown in the terminal
    #[arg(long, value_name = "HOW", value_enum, default_value_t = TerminalFlag::Auto)]
    pub terminal: TerminalFlag,
    /// Make OUT also where it exists; what is there is kept under .jldconv/replaced/ beside it
    #[arg(long, requires = "output")]
    pub force: bool,
    /// With --force: do not keep it
    #[arg(long, requires = "force")]
    pub discard_replaced: bool,
    /// Print what is shown as JSON: axes, extremes, sum, rows that were left out
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

/// What is shown.
#[derive(Debug, Clone, clap::Args)]
pub struct ViewFlags {
    /// The table: hydro, particles, gravity, clumps or rt [default: the first of them that is there]
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// What is shown: a column, a quantity, or sd, the mass by area
    #[arg(long, value_name = "VAR", default_value = SURFACE_DENSITY, conflicts_with = "phase")]
    pub var: String,
    /// The unit of what is shown, by Mera's name (nH, km_s, Msol, standard for code units ...)
    /// [default: Msol_pc2 of sd, nH of densities, K, km_s, Msol, kpc ...]
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
    /// How all that lies behind a pixel becomes one number
    #[arg(long, value_name = "MODE", value_enum, default_value_t = AlongFlag::Auto)]
    pub mode: AlongFlag,
    /// What means are weighted with, and what a phase diagram adds up: a quantity, or none
    /// [default: mass, where there is none volume]
    #[arg(long, value_name = "QUANTITY")]
    pub weight: Option<String>,
    /// The axis along which one looks
    #[arg(long, value_name = "AXIS", value_enum, default_value_t = AxisFlag::Z)]
    pub direction: AxisFlag,
    /// Show what a plane cuts, at this place on an axis: from the centre, in the range unit
    #[arg(long, value_name = "AXIS=PLACE", conflicts_with_all = ["direction", "phase"])]
    pub slice: Option<Plane>,
    /// Show how two quantities go together: the weight in intervals of both. Units stand in brackets
    /// behind them
    #[arg(long, value_name = "X,Y", conflicts_with = "direction")]
    pub phase: Option<PhaseAxes>,
    /// Pixels along the longer side, intervals of a phase diagram [default: as the finest cells, at
    /// most 1024; 256 intervals]
    #[arg(long, value_name = "N", value_parser = pixels)]
    pub pixels: Option<usize>,
    /// Pixels along the whole box, of which a part of it has its share (Mera's res)
    #[arg(long, value_name = "N", value_parser = pixels, conflicts_with_all = ["pixels", "phase"])]
    pub res: Option<usize>,
    /// As Mera computes it, where that is wrong, too: windows with odd edges, particles
    #[arg(long, conflicts_with_all = ["pixels", "slice", "phase"])]
    pub like_mera: bool,
    /// Only rows for which this holds, for instance 'level == 10 && rho[nH] > 1e-3'
    #[arg(long = "where", value_name = "CONDITION")]
    pub condition: Option<String>,
    /// Only what is between these along each axis that has no range of its own: from the centre, in the
    /// range unit; a side may be left out
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    pub range: Option<Sides>,
    /// The same along x
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    pub xrange: Option<Sides>,
    /// The same along y
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    pub yrange: Option<Sides>,
    /// The same along z
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    pub zrange: Option<Sides>,
    /// Where ranges, and coordinates of quantities and axes, are counted from: bc (the middle of the
    /// box) or three numbers in the range unit [default: the box's corner]
    #[arg(long, value_name = "bc|X,Y,Z", allow_hyphen_values = true)]
    pub center: Option<CenterFlag>,
    /// The unit of ranges and centre, by Mera's name [default: parts of the box]
    #[arg(long, value_name = "UNIT")]
    pub range_unit: Option<String>,
    /// Only these rows, counted from 0, the last one not included
    #[arg(long, value_name = "FROM:TO")]
    pub rows: Option<RowsFlag>,
}

/// How it is drawn.
#[derive(Debug, Clone, clap::Args)]
pub struct DrawFlags {
    /// How colours are divided
    #[arg(long, value_name = "SCALE", value_enum, default_value_t = super::numbers::ScaleFlag::Auto)]
    pub scale: super::numbers::ScaleFlag,
    /// The numbers that have the first and the last colour; a side may be left out [default: the
    /// smallest and the largest]
    #[arg(long, value_name = "FROM:TO", allow_hyphen_values = true)]
    pub limits: Option<Sides>,
    /// The colours
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Colours::Viridis)]
    pub colors: Colours,
    /// Pixels of the longer side of the map in the picture: each of the map's is drawn as a square of
    /// whole pixels, at least one
    #[arg(long, value_name = "N", value_parser = pixels, default_value = "900")]
    pub size: usize,
}

/// How all that lies behind a pixel becomes one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlongFlag {
    /// Sums of masses, means of all else.
    Auto,
    /// The weighted mean.
    Mean,
    /// The sum.
    Sum,
    /// The largest.
    Max,
}

/// An axis of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AxisFlag {
    /// Along x.
    X,
    /// Along y.
    Y,
    /// Along z.
    Z,
}

/// How a picture is shown in a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TerminalFlag {
    /// As well as the terminal says it can.
    Auto,
    /// With characters that are half a pixel high, in colours.
    Blocks,
    /// As a sixel picture.
    Sixel,
    /// By kitty's protocol for pictures.
    Kitty,
    /// Not at all.
    None,
}

/// A plane across an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane(Direction, f64);

/// What is along the axes of a phase diagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseAxes([Ask; 2]);

fn pixels(text: &str) -> Result<usize, String> {
    let count = text.trim().parse().ok().filter(|count| (1..=MOST_PIXELS).contains(count));
    count.ok_or_else(|| format!("write a number from 1 to {MOST_PIXELS}"))
}

impl From<AxisFlag> for Direction {
    fn from(axis: AxisFlag) -> Self {
        match axis {
            AxisFlag::X => Self::X,
            AxisFlag::Y => Self::Y,
            AxisFlag::Z => Self::Z,
        }
    }
}

impl FromStr for Plane {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write an axis and a place, for instance z=0.5";
        let (axis, place) = text.split_once('=').ok_or(help)?;
        let axis = match axis.trim() {
            "x" => Direction::X,
            "y" => Direction::Y,
            "z" => Direction::Z,
            _ => return Err(help.to_owned()),
        };
        let place: f64 = place.trim().parse().map_err(|_| help)?;
        if place.is_finite() { Ok(Self(axis, place)) } else { Err(help.to_owned()) }
    }
}

impl FromStr for PhaseAxes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write two quantities, for instance rho,T or rho[nH],T[K]";
        let ask = |text: &str| {
            let text = text.trim();
            let ask = match text.strip_suffix(']').map(|text| text.split_once('[')) {
                Some(Some((name, unit))) => Ask::new(name.trim()).in_unit(unit.trim()),
                Some(None) => return Err(help.to_owned()),
                None => Ask::new(text),
            };
            let empty = ask.name.is_empty() || ask.unit.as_deref() == Some("");
            if empty { Err(help.to_owned()) } else { Ok(ask) }
        };
        let (x, y) = text.split_once(',').ok_or(help)?;
        Ok(Self([ask(x)?, ask(y)?]))
    }
}

impl ViewFlags {
    /// What they ask for together.
    pub fn request(&self) -> Request {
        let along = match self.mode {
            AlongFlag::Auto => Along::Auto,
            AlongFlag::Mean => Along::Mean,
            AlongFlag::Sum => Along::Sum,
            AlongFlag::Max => Along::Max,
        };
        let pixels = match (self.pixels, self.res) {
            (Some(pixels), _) => Pixels::Side(pixels),
            (None, Some(res)) => Pixels::Box(res),
            (None, None) => Pixels::Auto,
        };
        let (unit, weight) = (self.unit.clone(), self.weight.clone());
        let view = if let Some(PhaseAxes(axes)) = &self.phase {
            let intervals = self.pixels.unwrap_or(USUAL_INTERVALS);
            View::Phase(PhaseAsk { axes: axes.clone(), weight, unit, intervals, ends: None })
        } else {
            let (direction, slice) = match self.slice {
                Some(Plane(axis, place)) => (axis, Some(place)),
                None => (self.direction.into(), None),
            };
            let (name, like_mera) = (self.var.clone(), self.like_mera);
            View::Map(MapAsk { name, unit, along, weight, direction, slice, pixels, like_mera })
        };
        let across = self.slice.map(|Plane(axis, _)| axis.index());
        let ranges = [self.xrange, self.yrange, self.zrange];
        let mut ranges = ranges.map(|sides| sides.map_or([None, None], |sides| sides.0));
        for (axis, range) in ranges.iter_mut().enumerate() {
            if let (Some(all), [None, None]) = (self.range, &range)
                && across != Some(axis)
            {
                *range = all.0;
            }
        }
        let center = self.center.map(|center| center.0);
        Request {
            table: self.table.clone(),
            view,
            condition: self.condition.clone(),
            region: RegionWish { ranges, center, unit: self.range_unit.clone() },
            rows: self.rows.as_ref().map(|rows| rows.0.clone()),
        }
    }
}

impl DrawFlags {
    /// How colours are divided.
    pub fn division(&self) -> Division {
        match self.scale {
            super::numbers::ScaleFlag::Auto => Division::Auto,
            super::numbers::ScaleFlag::Linear => Division::Linear,
            super::numbers::ScaleFlag::Log => Division::Log,
        }
    }

    /// The limits that are given.
    pub fn limits(&self) -> [Option<f64>; 2] {
        self.limits.map_or([None, None], |sides| sides.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_axes_as_they_are_written() {
        assert_eq!("z=0.5".parse(), Ok(Plane(Direction::Z, 0.5)));
        assert_eq!(" x = -1e3".parse(), Ok(Plane(Direction::X, -1e3)));
        for wrong in ["", "z", "0.5", "w=1", "z=", "z=inf", "z=a"] {
            assert!(wrong.parse::<Plane>().is_err(), "{wrong}");
        }
        let axes = PhaseAxes([Ask::new("rho").in_unit("nH"), Ask::new("T")]);
        assert_eq!("rho[nH], T".parse(), Ok(axes));
        for wrong in ["", "rho", "rho,", ",T", "rho],T", "rho[],T", "[nH],T"] {
            assert!(wrong.parse::<PhaseAxes>().is_err(), "{wrong}");
        }
        assert!(pixels("0").is_err() && pixels("8193").is_err() && pixels("8192").is_ok());
    }
}
