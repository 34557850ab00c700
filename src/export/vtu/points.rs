//! Rows that are points: particles and clumps.

use super::super::batches::batches;
use super::super::{ExportError, Sheet, Watch};
use super::Frame;
use super::appended::Appended;
use crate::numbers::MeraGroup;
use jld2::NumberSlice;

/// What VTK calls a cell that is a point.
const VERTEX: u8 = 1;
/// Rows that are handed on at once.
pub(super) const ROWS: usize = 8192;

pub(super) fn write(
    sheet: &Sheet<'_>,
    group: &MeraGroup<'_>,
    frame: &Frame,
    watch: &Watch<'_>,
    data: &mut Appended<'_>,
    offsets: &mut Vec<u64>,
) -> Result<(), ExportError> {
    let query = sheet.stored(&group.kind.place())?;
    let numbers = query.number_types();
    let rows = sheet.rows;
    offsets.push(data.array(rows.saturating_mul(24), |out| {
        let mut places: [Vec<f64>; 3] = Default::default();
        let mut bytes = Vec::new();
        batches(&query, ROWS, watch, |columns, count| {
            for ((place, column), number) in places.iter_mut().zip(columns).zip(&numbers) {
                NumberSlice::new(*number, column).floats_into(place);
            }
            bytes.clear();
            for row in 0..count {
                for (axis, place) in places.iter().enumerate() {
                    let at = place.get(row).copied().unwrap_or(f64::NAN);
                    bytes.extend(frame.place(at, axis).to_le_bytes());
                }
            }
            out.write_all(&bytes)?;
            Ok(())
        })
    })?);
    offsets.push(integers(data, rows, 0)?);
    offsets.push(integers(data, rows, 1)?);
    offsets.push(types(data, rows, VERTEX)?);
    Ok(())
}

/// Writes the integers from `first` on, so many.
fn integers(data: &mut Appended<'_>, count: u64, first: u64) -> Result<u64, ExportError> {
    every(data, count, first, 1)
}

/// Writes `first`, `first + step`, and so on, so many.
pub(super) fn every(
    data: &mut Appended<'_>,
    count: u64,
    first: u64,
    step: u64,
) -> Result<u64, ExportError> {
    data.array(count.saturating_mul(8), |out| {
        let mut bytes = Vec::with_capacity(8 * ROWS);
        for i in 0..count {
            bytes.extend(first.wrapping_add(i.wrapping_mul(step)).to_le_bytes());
            if bytes.len() == 8 * ROWS {
                out.write_all(&bytes)?;
                bytes.clear();
            }
        }
        Ok(out.write_all(&bytes)?)
    })
}

/// Writes the same kind for each cell.
pub(super) fn types(data: &mut Appended<'_>, count: u64, kind: u8) -> Result<u64, ExportError> {
    data.array(count, |out| {
        let bytes = [kind; ROWS];
        let mut left = count;
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(ROWS).min(ROWS);
            out.write_all(bytes.get(..now).unwrap_or_default())?;
            left -= now as u64;
        }
        Ok(())
    })
}
