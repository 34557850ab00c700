//! Writes NumPy's archive: a ZIP file with an array for each column, stored or deflated. What is said
//! of the run is its comment, as JSON: NumPy looks at members only.

use super::zip::Zip;
use super::{About, ExportError, Out, Sheet, Watch, npy};

/// A comment has no more bytes.
const COMMENT: usize = 65_000;

pub(super) fn write(
    sheet: &Sheet<'_>,
    level: u8,
    about: &About,
    watch: &Watch<'_>,
    out: &mut dyn Out,
) -> Result<(), ExportError> {
    let shape = sheet.shape()?.unwrap_or_else(|| vec![sheet.rows]);
    let mut zip = Zip::new(out, level);
    for (place, head) in sheet.heads.iter().enumerate() {
        let bytes = npy::column_bytes(head.number, &shape)?;
        zip.member(&format!("{}.npy", head.name), bytes, |out| {
            npy::write_column(sheet, place, &shape, watch, out)
        })?;
    }
    Ok(zip.finish(&about.within(COMMENT))?)
}
