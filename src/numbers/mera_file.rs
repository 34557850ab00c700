//! Opens Mera files: a group for each table, with what it says of the run.

use super::NumbersError;
use crate::h5::{self, Checksums, Source};
use crate::julia::{Record, TypeTable, Value, Walk};
use crate::mera::quantity::{HYDROGEN, Ions, MOST_GROUPS, Radiation, Setting, TableKind};
use crate::mera::scales::Units;
use crate::mera::time::{Clock, UNSAID};
use jld2::{Dataset, File, Item, Table};
use serde::Serialize;
use std::path::Path;

/// An open file, with its name for errors.
#[derive(Debug)]
pub struct MeraFile {
    file: File,
    name: String,
}

/// What a group's `InfoType` says of the run. Fields that an old file lacks are as they are where
/// nothing was said: 0, or NaN for units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunInfo {
    /// The number of the output.
    pub output: Option<i64>,
    /// The program that simulated.
    pub simcode: Option<String>,
    /// Dimensions of the simulation.
    pub ndim: Option<i64>,
    /// Its processes.
    pub ncpu: Option<i64>,
    /// The coarsest level.
    pub levelmin: i64,
    /// The finest level.
    pub levelmax: i64,
    /// Length of the box in code units.
    pub boxlen: f64,
    /// Time in code units.
    pub time: f64,
    /// Expansion factor.
    pub aexp: f64,
    /// Hubble constant, km/s/Mpc.
    #[serde(rename = "H0")]
    pub h0: f64,
    /// Density parameter of matter.
    pub omega_m: f64,
    /// Density parameter of the vacuum.
    pub omega_l: f64,
    /// Density parameter of curvature.
    pub omega_k: f64,
    /// Density parameter of baryons.
    pub omega_b: f64,
    /// Unit of length, cm.
    pub unit_l: f64,
    /// Unit of density, g/cm³.
    pub unit_d: f64,
    /// Unit of mass, g.
    pub unit_m: f64,
    /// Unit of speed, cm/s.
    pub unit_v: f64,
    /// Unit of time, s.
    pub unit_t: f64,
    /// Adiabatic index.
    pub gamma: f64,
    /// What is said of its radiation.
    #[serde(skip)]
    pub radiation: Radiation,
}

/// A table of a Mera file, and what stands around it.
#[derive(Debug)]
pub struct MeraGroup<'f> {
    /// What the rows are.
    pub kind: TableKind,
    /// What is said of the run.
    pub info: RunInfo,
    /// The coarsest level that was read; none of clumps.
    pub lmin: Option<i64>,
    /// The finest level that was read; none of clumps.
    pub lmax: Option<i64>,
    /// Length of the box in code units.
    pub boxlen: f64,
    /// The part of the box that was read: first and last along x, y, z in parts of the box.
    pub ranges: Vec<f64>,
    /// The rows; none where the run had nothing of the kind.
    pub table: Option<Table<'f>>,
    /// Of cells with radiation, the rows of gas in the same file.
    pub gas: Option<Table<'f>>,
}

impl MeraFile {
    /// Opens the file at `path`. Whether it has tables of Mera shows in its groups.
    ///
    /// # Errors
    /// If it cannot be read or is not a JLD2 file.
    pub fn open(path: &Path, checksums: Checksums) -> Result<Self, NumbersError> {
        let name = path.display().to_string();
        let container = Source::open(path)
            .and_then(|source| h5::File::with_checksums(source, checksums))
            .and_then(File::from_container);
        let file = container.map_err(NumbersError::of(&name))?;
        Ok(Self { file, name })
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The error of a file without tables of Mera.
    pub(super) fn not_mera(&self) -> NumbersError {
        NumbersError::NoNumbers {
            file: self.name.clone(),
            what: "not a file of Mera: it has none of the tables hydro, gravity, particles, clumps, rt \
                   (`jldconv inspect` tells what it is)"
                .to_owned(),
        }
    }

    /// The groups with tables of Mera, in Mera's order. Headers are read, no rows.
    ///
    /// # Errors
    /// If one is damaged.
    pub fn groups(&self) -> Result<Vec<MeraGroup<'_>>, NumbersError> {
        let mut found = Vec::new();
        for kind in TableKind::ALL {
            found.extend(self.group(kind)?);
        }
        Ok(found)
    }

    /// The group of this kind, if there is one.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn group(&self, kind: TableKind) -> Result<Option<MeraGroup<'_>>, NumbersError> {
        let path = format!("/{}/data", kind.name());
        let found = self.group_at(kind, &path).map_err(|error| error.in_object(&path));
        found.map_err(NumbersError::of(&self.name))
    }

    fn group_at(&self, kind: TableKind, path: &str) -> h5::Result<Option<MeraGroup<'_>>> {
        let Some(data) = self.dataset(path)? else { return Ok(None) };
        let types = TypeTable::new(self.file.container());
        let Some(record) = Record::at(&types, data.object().addr())? else { return Ok(None) };
        // As `loaddata` does; the copy beside it is what `infodata` reads.
        let Some(info) = record.record("info")? else { return Ok(None) };
        let info = RunInfo::of(&info)?;
        Ok(Some(MeraGroup {
            kind,
            lmin: record.int("lmin")?,
            lmax: record.int("lmax")?,
            boxlen: record.float("boxlen")?.unwrap_or(info.boxlen),
            ranges: record.floats("ranges", 6)?,
            info,
            table: data.table_in("data")?,
            gas: (kind == TableKind::Rt).then(|| self.gas()).flatten(),
        }))
    }

    /// The rows of gas, if they can be read: what else is in the file does not depend on them.
    fn gas(&self) -> Option<Table<'_>> {
        let path = format!("/{}/data", TableKind::Hydro.name());
        self.dataset(&path).ok()??.table_in("data").ok()?
    }

    fn dataset(&self, path: &str) -> h5::Result<Option<Dataset<'_>>> {
        // A group that is none, or something else under its name, is no group of Mera.
        match self.file.get(path)? {
            Some(Item::Dataset(dataset)) => Ok(Some(dataset)),
            _ => Ok(None),
        }
    }
}

impl RunInfo {
    fn of(info: &Record<'_>) -> h5::Result<Self> {
        let float = |name: &str, default: f64| Ok(info.float(name)?.unwrap_or(default));
        let int = |name: &str| Ok::<_, h5::Error>(info.int(name)?.unwrap_or(0));
        let (h0, aexp, [matter, vacuum, curvature]) = UNSAID;
        Ok(Self {
            output: info.int("output")?,
            simcode: info.text("simcode")?,
            ndim: info.int("ndim")?,
            ncpu: info.int("ncpu")?,
            levelmin: int("levelmin")?,
            levelmax: int("levelmax")?,
            boxlen: float("boxlen", f64::NAN)?,
            time: float("time", f64::NAN)?,
            aexp: float("aexp", aexp)?,
            h0: float("H0", h0)?,
            omega_m: float("omega_m", matter)?,
            omega_l: float("omega_l", vacuum)?,
            omega_k: float("omega_k", curvature)?,
            omega_b: float("omega_b", 0.0)?,
            unit_l: float("unit_l", f64::NAN)?,
            unit_d: float("unit_d", f64::NAN)?,
            unit_m: float("unit_m", f64::NAN)?,
            unit_v: float("unit_v", f64::NAN)?,
            unit_t: float("unit_t", f64::NAN)?,
            gamma: float("gamma", f64::NAN)?,
            radiation: radiation(info)?,
        })
    }

    /// The run's units.
    pub fn units(&self) -> Units {
        let Self { unit_l: length, unit_d: density, unit_t: time, unit_m: mass, .. } = *self;
        Units { length, density, time, mass }
    }

    /// What the output's time follows from.
    pub fn clock(&self) -> Clock {
        let omega = [self.omega_m, self.omega_l, self.omega_k];
        Clock { time: self.time, unit_t: self.unit_t, aexp: self.aexp, h0: self.h0, omega }
    }
}

/// Bytes of what is said of a run's radiation, at most.
const RADIATION: usize = 1 << 20;

/// What is said of a run's radiation: in `descriptor`, a dictionary `rt` of numbers by name, and a
/// dictionary `rtPhotonGroups` of dictionaries by the number of a group (Mera's `readrtfile1!`). Files
/// of before June 2026 have nothing there, or a list of names.
fn radiation(info: &Record<'_>) -> h5::Result<Radiation> {
    let variables = info.int("nvarrt")?.and_then(|all| usize::try_from(all).ok()).unwrap_or(0);
    if variables == 0 {
        return Ok(Radiation::default());
    }
    let mut found = Radiation { groups: variables / 4, ..Radiation::default() };
    let Some(descriptor) = info.record("descriptor")? else { return Ok(found) };
    // Rows can be read without it: what is damaged or too large is not said.
    let read = |name: &str| {
        let at = descriptor.reference(name).ok()??;
        Value::read(&Walk::new(info.types()), at, RADIATION).ok()
    };
    let numbers = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_slice::<f64>).map(<[f64]>::to_vec).unwrap_or_default()
    };
    let said = read("rt");
    if let Some(said) = &said {
        let number = |name: &str| said.get(name).and_then(Value::as_f64);
        found.unit_np = number("unit_np");
        found.unit_pf = number("unit_pf");
        found.light = number("rt_c_frac");
        found.energies = numbers(said, "group_egy");
    }
    found.ions = said.as_ref().and_then(|said| ions(info, said));
    if let Some(groups) = read("rtPhotonGroups") {
        for (group, said) in groups.pairs() {
            // Beside groups by number there are bounds of all by name.
            let number = group.as_i64().and_then(|group| usize::try_from(group).ok());
            let Some(place) = number.and_then(|it| it.checked_sub(1)) else { continue };
            if place >= MOST_GROUPS {
                continue;
            }
            if found.sections.len() <= place {
                found.sections.resize(place + 1, [None; 2]);
            }
            let of = |name| numbers(said, name).first().copied();
            if let Some(sections) = found.sections.get_mut(place) {
                *sections = [of("csn_cm2"), of("cse_cm2")];
            }
        }
    }
    Ok(found)
}

/// The ions that a run tracks, as its dictionary `rt` says which of its variables they are.
fn ions(info: &Record<'_>, said: &Value) -> Option<Ions> {
    let number = |name: &str| said.get(name).and_then(Value::as_f64);
    let first = said.get("iIons")?.as_i64()?;
    let count = said.get("nIons").and_then(Value::as_i64).unwrap_or(1);
    let list = info.reference("variable_list").ok()??;
    let list = Value::read(&Walk::new(info.types()), list, RADIATION).ok()?;
    let column = |number: i64| {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        Some(list.items()?.get(place)?.as_str()?.to_owned())
    };
    let hydrogen = number("X_fraction").unwrap_or(HYDROGEN);
    // Molecules make the number even, helium adds two.
    let (molecules, helium) = (count % 2 == 0, count >= 3);
    let second = first.checked_add(i64::from(molecules))?;
    let of = |further: i64| column(second.checked_add(further)?);
    Some(Ions {
        hydrogen,
        helium: number("Y_fraction").unwrap_or(1.0 - hydrogen),
        neutral: if molecules { Some(column(first)?) } else { None },
        ionized: of(0)?,
        helium_ions: if helium { Some([of(1)?, of(2)?]) } else { None },
    })
}

impl MeraGroup<'_> {
    /// What the quantities of its rows follow from, with coordinates from `center`, in parts of the
    /// box.
    pub fn setting(&self, center: [f64; 3]) -> Setting {
        let columns = self.table.iter().flat_map(Table::names).map(str::to_owned).collect();
        Setting {
            table: self.kind,
            columns,
            gas: self.gas.iter().flat_map(Table::names).map(str::to_owned).collect(),
            boxlen: self.boxlen,
            lmax: self.lmax,
            levelmin: self.info.levelmin,
            gamma: self.info.gamma,
            cosmological: self.info.clock().expands(),
            clock: self.info.clock(),
            like_mera: false,
            radiation: self.info.radiation.clone(),
            baryon_density: self.info.clock().baryon_density(self.info.omega_b),
            units: self.info.units(),
            unit_v: self.info.unit_v,
            center,
        }
    }

    /// The same with what Mera tells wrongly.
    pub fn setting_of_mera(&self, center: [f64; 3]) -> Setting {
        let cosmological = self.info.clock().is_cosmological();
        Setting { cosmological, like_mera: true, ..self.setting(center) }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.table.as_ref().map_or(0, Table::len)
    }
}
