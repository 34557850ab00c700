//! Which function writes a format.

#[cfg(not(feature = "arrow"))]
use super::no_columnar::refused;
use super::{About, ExportError, Format, Out, Request, Sheet, Watch, csv, npy, npz, vtu};
#[cfg(feature = "arrow")]
use super::{arrow, parquet};
use std::io::Write;

/// Writes a format from front to end.
pub(super) fn stream(
    sheet: &Sheet<'_>,
    request: &Request,
    watch: &Watch<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    match request.format {
        Format::Npy => npy::write(sheet, watch, out),
        Format::Csv => csv::write(sheet, watch, out),
        #[cfg(feature = "arrow")]
        Format::Parquet => {
            let about = About::new(sheet, request);
            parquet::write(sheet, request.level()?, &about, watch, out)
        }
        #[cfg(feature = "arrow")]
        Format::Arrow => arrow::write(sheet, &About::new(sheet, request), watch, out),
        #[cfg(not(feature = "arrow"))]
        format @ (Format::Parquet | Format::Arrow) => Err(refused(format)),
        format @ (Format::Npz | Format::Vtu) => Err(ExportError::Refused(format!(
            "{} is not written from front to end: name a file (-o)",
            format.extension()
        ))),
    }
}

/// Writes a format into a file.
pub(super) fn seek(
    sheet: &Sheet<'_>,
    request: &Request,
    watch: &Watch<'_>,
    out: &mut dyn Out,
) -> Result<(), ExportError> {
    let about = || About::new(sheet, request);
    match request.format {
        Format::Npz => npz::write(sheet, request.level()?, &about(), watch, out),
        Format::Vtu => vtu::write(sheet, request, &about(), watch, out),
        _ => stream(sheet, request, watch, out),
    }
}
