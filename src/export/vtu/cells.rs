//! Rows that are cells of the grid: voxels between eight corners.
//!
//! Where there are few, neighbours share corners, so that VTK knows them as neighbours; a table of all
//! corners is held for that. Where there are many, each has corners of its own, and nothing is held.

use super::super::batches::batches;
use super::super::{ExportError, Sheet, Watch};
use super::Frame;
use super::appended::Appended;
use super::points::{ROWS, every, types};
use crate::mera::quantity::TableKind;
use crate::numbers::{MeraGroup, NumbersError};
use jld2::NumberSlice;
use std::io::Write;

/// What VTK calls a box along the axes.
const VOXEL: u8 = 11;
/// Corners of a cell.
const CORNERS: usize = 8;
/// Cells that share corners, at most: with all their corners they take 16 MiB.
const SHARING: u64 = 256 << 10;
/// The finest level on which corners have a number of [`BITS`] bits along an axis.
const FINEST: u32 = 20;
const BITS: u32 = 21;
/// Where the numbers of the axes begin.
const SHIFTS: [u32; 3] = [0, BITS, 2 * BITS];

/// Where a cell is.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// From 1 on.
    at: [f64; 3],
    level: f64,
}

/// The corners of all cells, if they are shared.
#[derive(Debug)]
pub(super) struct Cells {
    shared: Option<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Each corner once, as its place on the finest level.
    corners: Vec<u64>,
    finest: u32,
}

/// The number of a cell's corner, by its place on the finest level; none if the cell is where no cell can
/// be.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounds are checked")]
fn corner_on(finest: u32, cell: &Cell, corner: usize) -> Option<u64> {
    if !(0.0..=f64::from(finest)).contains(&cell.level) || cell.level.fract() != 0.0 {
        return None;
    }
    let most = cell.level.exp2();
    let finer = finest - cell.level as u32;
    let mut number = 0;
    for ((axis, shift), &at) in SHIFTS.iter().enumerate().zip(&cell.at) {
        if !(1.0..=most).contains(&at) || at.fract() != 0.0 {
            return None;
        }
        let side = u64::from(corner >> axis & 1 == 1);
        let place = (at as u64 - 1 + side) << finer;
        number |= place << shift;
    }
    Some(number)
}

impl Cells {
    /// Finds the corners of the cells that are exported.
    pub(super) fn find(
        sheet: &Sheet<'_>,
        group: &MeraGroup<'_>,
        watch: &Watch<'_>,
    ) -> Result<Self, ExportError> {
        let finest = group.lmax.and_then(|lmax| u32::try_from(lmax).ok());
        let finest = finest.filter(|&finest| finest <= FINEST && sheet.rows <= SHARING);
        let Some(finest) = finest else {
            return Ok(Self { shared: None });
        };
        let mut corners = Vec::new();
        let mut odd = false;
        each(sheet, group, watch, |cells| {
            for cell in cells {
                for corner in 0..CORNERS {
                    match corner_on(finest, cell, corner) {
                        Some(number) => corners.push(number),
                        None => odd = true,
                    }
                }
            }
            Ok(())
        })?;
        if odd {
            return Ok(Self { shared: None });
        }
        corners.sort_unstable();
        corners.dedup();
        Ok(Self { shared: Some(Shared { corners, finest }) })
    }

    /// How many points so many cells have.
    pub(super) fn points(&self, rows: u64) -> u64 {
        match &self.shared {
            Some(shared) => shared.corners.len() as u64,
            None => rows.saturating_mul(CORNERS as u64),
        }
    }

    pub(super) fn write(
        &self,
        sheet: &Sheet<'_>,
        group: &MeraGroup<'_>,
        frame: &Frame,
        watch: &Watch<'_>,
        data: &mut Appended<'_>,
        offsets: &mut Vec<u64>,
    ) -> Result<(), ExportError> {
        let rows = sheet.rows;
        let points = self.points(rows);
        let all = rows.saturating_mul(CORNERS as u64);
        if let Some(shared) = &self.shared {
            offsets.push(data.array(points.saturating_mul(24), |out| shared.places(frame, out))?);
            offsets.push(data.array(all.saturating_mul(8), |out| {
                each(sheet, group, watch, |cells| shared.connect(cells, out))
            })?);
        } else {
            offsets.push(data.array(points.saturating_mul(24), |out| {
                each(sheet, group, watch, |cells| own_places(cells, frame, out))
            })?);
            offsets.push(every(data, all, 0, 1)?);
        }
        offsets.push(every(data, rows, CORNERS as u64, CORNERS as u64)?);
        offsets.push(types(data, rows, VOXEL)?);
        Ok(())
    }
}

impl Shared {
    /// Writes where the corners are.
    fn places(&self, frame: &Frame, out: &mut dyn Write) -> Result<(), ExportError> {
        let cells = f64::from(self.finest).exp2();
        let mask = (1_u64 << BITS) - 1;
        let mut bytes = Vec::new();
        for corners in self.corners.chunks(ROWS) {
            bytes.clear();
            for number in corners {
                for (axis, shift) in SHIFTS.iter().enumerate() {
                    // It has no more bits.
                    let place = u32::try_from(number >> shift & mask).unwrap_or(u32::MAX);
                    let place = f64::from(place);
                    let at = frame.place(place * frame.boxlen / cells, axis);
                    bytes.extend(at.to_le_bytes());
                }
            }
            out.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Writes which corners belong to cells.
    fn connect(&self, cells: &[Cell], out: &mut dyn Write) -> Result<(), NumbersError> {
        let mut bytes = Vec::with_capacity(cells.len() * CORNERS * 8);
        for cell in cells {
            for corner in 0..CORNERS {
                let number = corner_on(self.finest, cell, corner).unwrap_or(0);
                let place = self.corners.binary_search(&number).unwrap_or(0) as u64;
                bytes.extend(place.to_le_bytes());
            }
        }
        Ok(out.write_all(&bytes)?)
    }
}

/// Writes eight corners for each cell.
fn own_places(cells: &[Cell], frame: &Frame, out: &mut dyn Write) -> Result<(), NumbersError> {
    let mut bytes = Vec::with_capacity(cells.len() * CORNERS * 24);
    for cell in cells {
        let along = cell.level.exp2();
        for corner in 0..CORNERS {
            for (axis, at) in cell.at.iter().enumerate() {
                let side = f64::from(u8::from(corner >> axis & 1 == 1));
                let at = (at - 1.0 + side) * frame.boxlen / along;
                bytes.extend(frame.place(at, axis).to_le_bytes());
            }
        }
    }
    Ok(out.write_all(&bytes)?)
}

/// Hands on where the cells are.
fn each(
    sheet: &Sheet<'_>,
    group: &MeraGroup<'_>,
    watch: &Watch<'_>,
    mut take: impl FnMut(&[Cell]) -> Result<(), NumbersError>,
) -> Result<(), ExportError> {
    let setting = group.setting([0.0; 3]);
    let mut names = TableKind::Hydro.place().to_vec();
    if setting.is_amr() {
        names.push("level");
    }
    let query = sheet.stored(&names)?;
    let numbers = query.number_types();
    let mut columns: Vec<Vec<f64>> = names.iter().map(|_| Vec::new()).collect();
    let fixed = group.lmax.and_then(|lmax| i32::try_from(lmax).ok()).map_or(f64::NAN, f64::from);
    let mut cells = Vec::with_capacity(ROWS);
    batches(&query, ROWS, watch, |stored, count| {
        for ((column, bytes), number) in columns.iter_mut().zip(stored).zip(&numbers) {
            NumberSlice::new(*number, bytes).floats_into(column);
        }
        cells.clear();
        for row in 0..count {
            let at = |i: usize| columns.get(i).and_then(|column| column.get(row)).copied();
            let of = |i: usize| at(i).unwrap_or(f64::NAN);
            cells.push(Cell { at: [of(0), of(1), of(2)], level: at(3).unwrap_or(fixed) });
        }
        take(&cells)
    })
}
